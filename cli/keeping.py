"""The folder of --keep: looked at before anything is sent, as what is logged stays logged."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.errors import Unavailable
from storage.durable import make_folder, try_folder


def open_keep(folder: str | None) -> Path | None:
    """Made if it was not there; raises `Unavailable` unless a file can be made in it now."""
    if not folder:
        return None
    path = Path(folder)
    make_folder(path)
    try_folder(path)
    return path


@contextmanager
def after_filing(place: str) -> Iterator[None]:
    """The disk may fill up meanwhile: whoever reads of it must not file it anew."""
    try:
        yield
    except Unavailable as error:
        raise type(error)(
            f"{place} is logged, and not kept here: {error}",
            hints=("filing it again would make a second statement",),
        ) from None
