"""The trust folder as a command takes it."""

from pathlib import Path

import click

from cli.language import say
from ledger.errors import Malformed, Rejected
from ledger.evidence.trust import Trust
from storage.trust_directory import read_trust


def open_trust(folder: str) -> Trust:
    """A fault in it is one of usage, not of the packet: nothing was judged."""
    try:
        return read_trust(Path(folder))
    except (Malformed, Rejected) as error:
        message = say(
            en=f"{folder!r} is no sound trust folder: {error}",
            zh=f"{folder!r} 不是合格的信任文件夹：{error}",
        )
        raise click.UsageError(message, click.get_current_context(silent=True)) from None
