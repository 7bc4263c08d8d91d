"""A mirror's copy of a public log: the folder of `public_directory`, filled by several threads.

What stands here beyond the checkpoint is not yet anybody's: whatever a run that was killed, or
a power cut, has left of it is held against the log again, and written over where it differs.
"""

from ledger.errors import Malformed, Unknown
from ledger.tlog.tile import Tile
from storage.durable import sync_file, sync_folder
from storage.public_directory import DirectoryPublicStore


class DirectoryMirrorStore(DirectoryPublicStore):
    """One process at a time may open it. `put` is durable on return; several may be under way."""

    def put(self, path: str, data: bytes) -> None:
        Tile.from_path(path)
        target = self._root / path
        with self._lock:
            self._prepare(target.parent)
        try:
            same = self.get(path) == data
        except (Unknown, Malformed):
            same = False
        if not same:
            self._write(target, data)
            return
        # Of a run that died, perhaps before it was synced.
        sync_file(target)
        sync_folder(target.parent)
