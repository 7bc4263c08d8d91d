"""In place of what the one file leaves out: to ask over the network, cut films and set pages.

`start` puts this module in the place of each module that it names, so that the command
finds a refusal there and not a hole.
"""

from typing import NoReturn

from ledger.errors import Unavailable

REPLACES = (
    "api.clients.log_http",
    "cli.archive.making",
    "cli.archive.playing",
    "cli.rederiving",
    "cli.verdict_pdf",
)


class HttpLog:
    def __init__(self, where: str) -> None:
        raise Unavailable(
            f"want --log as a folder, got {where!r}: this file asks nothing over the network",
            hints=("copy the log into a folder, or use the installed tiezheng verify",),
        )


def run_make(**_: object) -> NoReturn:
    raise Unavailable(
        "want the installed tiezheng archive make: this file fetches nothing",
        hints=("this file has archive check and archive restore",),
    )


def player() -> None:
    """There is none: what nobody opened was not tested."""


def rederive(*_: object) -> NoReturn:
    raise Unavailable(
        "want the installed tiezheng verify for --rederive: this file cuts no films",
        hints=("play the chunks: see docs/formats/packet.md",),
    )


def pdf_writer() -> NoReturn:
    raise Unavailable(
        "want the installed tiezheng verify for --pdf: this file sets no pages",
        hints=("print the page that --html writes",),
    )
