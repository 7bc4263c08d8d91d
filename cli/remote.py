"""Options of the commands that speak to a ledger."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.command import F, option
from ledger.tlog.signing_key import SigningKey

if TYPE_CHECKING:
    from api.clients.ledger import LedgerClient


def server_option(*, required: bool = True) -> Callable[[F], F]:
    return option(
        "--server",
        required=required,
        metavar="URL",
        envvar="TIEZHENG_SERVER",
        words={
            "en": "the ledger's address; also TIEZHENG_SERVER",
            "zh": "账本地址；也可用 TIEZHENG_SERVER",
        },
    )


def token_option(*, required: bool = True) -> Callable[[F], F]:
    return option(
        "--token-file",
        required=required,
        metavar="FILE",
        envvar="TIEZHENG_TOKEN_FILE",
        words={
            "en": "a file with your access token; also TIEZHENG_TOKEN_FILE",
            "zh": "访问令牌文件；也可用 TIEZHENG_TOKEN_FILE",
        },
    )


def own_trust_option() -> Callable[[F], F]:
    return option(
        "--trust",
        default=None,
        metavar="DIR",
        words={
            "en": "your own trust folder: the ledger's answers are recomputed",
            "zh": "您自己的信任文件夹：据以重新计算账本的答复",
        },
    )


def case_option() -> Callable[[F], F]:
    return option(
        "--case", required=True, metavar="NO", words={"en": "the case number", "zh": "案号"}
    )


def own_key_option() -> Callable[[F], F]:
    return option(
        "--key",
        "key_file",
        required=True,
        metavar="FILE",
        words={"en": "your registered private key", "zh": "您已登记的私钥文件"},
    )


Answer = dict[str, Any]


def open_client(server: str, *, key: SigningKey | None = None, token: str = "") -> "LedgerClient":
    """Closed when the command ends."""
    from api.clients.ledger import LedgerClient

    client = LedgerClient(server, key=key, token=token)
    click.get_current_context().call_on_close(client.close)
    return client
