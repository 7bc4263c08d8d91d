"""A copy of the public log as a folder of static files, to be read and never believed."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from ledger.errors import Malformed, Unknown
from ledger.evidence.entry import OPENING
from ledger.evidence.membership import log_label
from ledger.tlog.tile import Tile
from storage.refusals import refusal

CHECKPOINT = "checkpoint"
MAX_FILE = 17_000_000  # a bundle of the longest entries has 16,777,472 bytes
MAX_ORIGIN_LINE = 1024


class DirectoryLog:
    """A `PublicLog` of `ledger.verdict`: a copy of one log, or a folder of copies by label."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, label: str, path: str) -> bytes:
        check_path(path)
        return read_file(self._folder(label) / path, path, MAX_FILE, below=self._root)

    def _folder(self, label: str) -> Path:
        log_label(label)
        single = self._root / CHECKPOINT
        if not single.is_file():
            return self._root / label
        try:
            held = log_label(_first_line(single))
        except Malformed:
            # Unreadable: whose log it is will show in its tiles.
            return self._root
        if held != label:
            raise Unknown(f"this is a copy of the log {held!r}, not of {label!r}")
        return self._root


def check_path(path: str) -> None:
    if path not in (CHECKPOINT, *OPENING):
        Tile.from_path(path)


def read_file(file: Path, path: str, limit: int, below: Path | None = None) -> bytes:
    """`below` is the folder under which no part of the path may be a link."""
    try:
        for part in (file, *file.parents):
            if part == below:
                break
            if below is not None and part.is_symlink():
                raise Malformed("want no links in a copy of the log", path=path)
        # A pipe or a device would wait, or never end.
        if not stat.S_ISREG(file.stat().st_mode):
            raise Malformed("want a file", path=path)
        with file.open("rb", buffering=0) as opened:
            data = _read_up_to(opened.fileno(), limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise Unknown(f"no file {path!r} in the log") from None
    except OSError as error:
        raise refusal(error, f"read {path!r} of the log") from None
    if len(data) > limit:
        raise Malformed(f"want at most {limit} bytes", path=path)
    return data


def _read_up_to(fd: int, size: int) -> bytes:
    parts = []
    while size and (part := os.read(fd, min(size, 1 << 20))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _first_line(checkpoint: Path) -> str:
    with suppress(OSError), checkpoint.open("rb") as file:
        return file.readline(MAX_ORIGIN_LINE).rstrip(b"\n").decode("utf-8", "replace")
    return ""
