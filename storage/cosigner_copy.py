"""What a cosigner signed last, as static files: for a web server, and as a second memory.

    9f2c…/checkpoint      under the SHA-256 of the origin, as c2sp.org/tlog-witness serves it

On another disk than the state it outlives a restored backup: see `ledger.cosigner.check_memory`.
"""

import threading
from pathlib import Path

from ledger.errors import Malformed, Unknown
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import MAX_NOTE, SignedNote
from storage.durable import (
    PUBLIC_FILE,
    PUBLIC_FOLDER,
    make_folder,
    refusals,
    write_file,
)


class CosignerCopy:
    """Usable from any thread; one process may open it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        make_folder(root, mode=PUBLIC_FOLDER)

    def read(self, origin: str) -> SignedNote:
        """Raises `Unknown` if there is none, `Malformed` if it is no note."""
        with refusals("read the copy of what was cosigned"):
            try:
                with self._path(origin).open("rb") as file:
                    data = file.read(MAX_NOTE + 1)
            except FileNotFoundError:
                raise Unknown("nothing of that log was cosigned here") from None
        try:
            return SignedNote.from_bytes(data)
        except Malformed as error:
            raise error.under(str(self._path(origin))) from None

    def keep(self, note: SignedNote) -> None:
        """Durable on return. An older one, come late, does not take the place of a newer."""
        new = Checkpoint.from_text(note.text)
        with self._lock:
            try:
                old = Checkpoint.from_text(self.read(new.origin).text)
            except Unknown:
                old = None
            if old is not None and old.size > new.size:
                return
            path = self._path(new.origin)
            make_folder(path.parent, mode=PUBLIC_FOLDER)
            write_file(path, note.to_bytes(), mode=PUBLIC_FILE)

    def _path(self, origin: str) -> Path:
        return self._root / digest(origin.encode()).hex() / "checkpoint"
