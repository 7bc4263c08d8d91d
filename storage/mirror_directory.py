"""A mirror's copy of a public log: the folder of `public_directory`, filled by several threads.

What stands here beyond the checkpoint is not yet anybody's: whatever a run that was killed, or
a power cut, has left of it is held against the log again, and written over where it differs.
So names are synced once for all of a step, before its checkpoint is.
"""

from pathlib import Path

from ledger.errors import Malformed, Unknown
from ledger.evidence.entry import OPENING
from ledger.tlog.tile import Tile
from storage.durable import PUBLIC_FILE, sync_file, sync_folder, write_file
from storage.public_directory import DirectoryPublicStore


class DirectoryMirrorStore(DirectoryPublicStore):
    """One process at a time may open it. Several `put` may be under way.

    What was put is durable once `replace` has returned; an opening when `put` has.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._unsynced: set[Path] = set()

    def put(self, path: str, data: bytes) -> None:
        target = self._root / path
        if path in OPENING:
            with self._lock:
                self._write(target, data)
            return
        Tile.from_path(path)
        with self._lock:
            self._prepare(target.parent)
        try:
            same = self.get(path) == data
        except (Unknown, Malformed):
            same = False
        if same:
            # Of a run that died, perhaps before it was synced.
            sync_file(target)
        else:
            write_file(target, data, mode=PUBLIC_FILE, scratch=self._scratch, name_too=False)
        with self._lock:
            self._unsynced.add(target.parent)

    def replace(self, path: str, data: bytes) -> None:
        for folder in sorted(self._unsynced):
            sync_folder(folder)
        self._unsynced.clear()
        super().replace(path, data)
