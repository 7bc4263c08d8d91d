"""What a cosigner has signed last, one row a log: SQLite, synchronous, compare and swap.

A second request at the same time finds the row changed, and gets no signature.
"""

import sqlite3
import threading
from pathlib import Path

from ledger.cosigner import StaleSize
from ledger.errors import Unavailable
from ledger.tlog.checkpoint import Checkpoint
from storage.database import settle
from storage.durable import sync_folder

SCHEMA = """
CREATE TABLE IF NOT EXISTS cosigned (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
) STRICT
"""


class SqliteCosignerState:
    """Implements `api.cosigner.CosignerState` in one file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        settle(path)
        try:
            self._db = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=30
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(SCHEMA)
            # A state whose file is lost with its name would let it sign a second history.
            sync_folder(path.parent)
        except sqlite3.Error as error:
            raise Unavailable(f"cannot open the cosigner's state: {error}") from None

    def last(self, origin: str) -> tuple[Checkpoint, str] | None:
        with self._lock:
            try:
                row = self._db.execute(
                    "SELECT size, root, note FROM cosigned WHERE origin = ?", [origin]
                ).fetchone()
            except sqlite3.Error as error:
                raise Unavailable(f"cannot read the cosigner's state: {error}") from None
        return None if row is None else (Checkpoint(origin, row[0], row[1]), row[2])

    def swap(self, old: Checkpoint | None, new: Checkpoint, note: str) -> None:
        with self._lock:
            try:
                changed = self._swap(old, new, note)
            except sqlite3.Error as error:
                raise Unavailable(f"cannot store the cosigner's state: {error}") from None
        if not changed:
            found = self.last(new.origin)
            raise StaleSize(0 if found is None else found[0].size)

    def close(self) -> None:
        self._db.close()

    def _swap(self, old: Checkpoint | None, new: Checkpoint, note: str) -> bool:
        if old is None:
            cursor = self._db.execute(
                "INSERT INTO cosigned VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [new.origin, new.size, new.root, note],
            )
        else:
            cursor = self._db.execute(
                "UPDATE cosigned SET size = ?, root = ?, note = ?"
                " WHERE origin = ? AND size = ? AND root = ?",
                [new.size, new.root, note, new.origin, old.size, old.root],
            )
        return cursor.rowcount == 1
