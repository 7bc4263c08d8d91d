"""The public log as a folder of static files, from both sides.

    checkpoint
    opening.dsse.json
    opening.salt
    tile/0/x001/234
    tile/0/x001/235.p/17
    tile/entries/x001/235.p/17

No other path is written or read, so none leads out of the folder.
"""

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from ledger.errors import Conflict, Malformed, Unknown
from ledger.evidence.entry import OPENING
from ledger.evidence.membership import log_label
from ledger.tlog.tile import Tile
from storage.durable import (
    PUBLIC_FILE,
    PUBLIC_FOLDER,
    make_folder,
    refusal,
    refusals,
    sync_folder,
    write_file,
)

CHECKPOINT = "checkpoint"
MAX_FILE = 17_000_000  # a bundle of the longest entries has 16,777,472 bytes
MAX_ORIGIN_LINE = 1024


class DirectoryPublicStore:
    """Implements `ledger.ports.PublicStore`. One process at a time may open it to write."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # Unfinished files lie here and not beside the tiles, which mirrors copy.
        self._scratch = root / ".incoming"
        self._lock = threading.Lock()
        self._replacing = threading.Lock()
        self._durable_folders: set[Path] = {root}
        make_folder(root, mode=PUBLIC_FOLDER)
        make_folder(self._scratch)
        with refusals("clear away unfinished files of the log"):
            for leftover in self._scratch.iterdir():
                leftover.unlink()
        # A run that died may have replaced the checkpoint and not yet synced its name.
        sync_folder(root)

    def put(self, path: str, data: bytes) -> None:
        if path not in OPENING:
            Tile.from_path(path)
        target = self._root / path
        with self._lock:
            self._prepare(target.parent)
            try:
                held = _read(target, path, MAX_FILE)
            except Unknown:
                self._write(target, data)
                return
            if held != data:
                raise Conflict(f"{path!r} is published already, with other bytes")
            # Its name may be from a run that died before the folder was synced.
            sync_folder(target.parent)

    def replace(self, path: str, data: bytes) -> None:
        if path != CHECKPOINT:
            raise Malformed(f"want {CHECKPOINT!r}, got {path[:60]!r}")
        with self._lock, self._replacing:
            self._write(self._root / path, data)

    def get(self, path: str) -> bytes:
        _check_path(path)
        if path == CHECKPOINT:
            # Its new name can be seen before it is durable; then a power cut would take back
            # what a reader has seen.
            with self._replacing:
                return _read(self._root / path, path, MAX_FILE)
        return _read(self._root / path, path, MAX_FILE)

    def discard(self, folder: str) -> None:
        Tile.from_path(f"{folder}/1")
        target = self._root / folder
        with self._lock, refusals(f"remove {folder!r}"):
            self._durable_folders.discard(target)
            try:
                tiles = list(target.iterdir())
            except FileNotFoundError:
                return
            for tile in tiles:
                tile.unlink()
            target.rmdir()
        sync_folder(target.parent)

    def _write(self, target: Path, data: bytes) -> None:
        write_file(target, data, mode=PUBLIC_FILE, scratch=self._scratch)

    def _prepare(self, folder: Path) -> None:
        """Makes the folder and sees that it is durable; once a run, as a crash may have cut in."""
        if folder in self._durable_folders:
            return
        self._prepare(folder.parent)
        make_folder(folder, mode=PUBLIC_FOLDER)
        sync_folder(folder.parent)
        self._durable_folders.add(folder)


class DirectoryLog:
    """A `PublicLog` of `ledger.verdict`: a copy of one log, or a folder of copies by label."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, label: str, path: str) -> bytes:
        _check_path(path)
        return _read(self._folder(label) / path, path, MAX_FILE, below=self._root)

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


def _check_path(path: str) -> None:
    if path not in (CHECKPOINT, *OPENING):
        Tile.from_path(path)


def _read(file: Path, path: str, limit: int, below: Path | None = None) -> bytes:
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
