"""The public log as a folder of static files, as its log writes it; `public_copy` reads one.

    checkpoint
    opening.dsse.json
    opening.salt
    tile/0/x001/234
    tile/0/x001/235.p/17
    tile/entries/x001/235.p/17

No other path is written or read, so none leads out of the folder.
"""

import threading
from pathlib import Path

from ledger.errors import Conflict, Malformed, Unknown
from ledger.evidence.entry import OPENING
from ledger.tlog.tile import Tile
from storage.durable import (
    PUBLIC_FILE,
    PUBLIC_FOLDER,
    make_folder,
    refusals,
    sync_folder,
    write_file,
)
from storage.public_copy import CHECKPOINT, MAX_FILE, check_path, read_file


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
                held = read_file(target, path, MAX_FILE)
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
        check_path(path)
        if path == CHECKPOINT:
            # Its new name can be seen before it is durable; then a power cut would take back
            # what a reader has seen.
            with self._replacing:
                return read_file(self._root / path, path, MAX_FILE)
        return read_file(self._root / path, path, MAX_FILE)

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
