"""A SQLite database file: one writer behind a lock, readers beside it.

Wraps `sqlite-utils` (4.2), whose `atomic()` begins deferred: a second writer would
then fail at once with "database is locked". So a write begins immediate, and the
writers of this process wait for each other here, those of others in SQLite.
The journal is a write-ahead log: readers, also in other processes, see the last
commit and wait for nobody.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlite_utils import Database

from ledger.errors import Conflict, Full, LedgerError, Rejected, Unavailable
from storage.durable import PRIVATE_FILE, make_folder, refusals, sync_file, sync_folder

Migration = Callable[[Database], None]

WAIT_S = 30  # for a writer of another process


class DatabaseFile:
    """`migrations[n]` brings a file of version n to version n + 1; a new file has version 0.

    With `durable`, a write that returned survives a power cut; without, the last
    writes may be lost, never a part of one.
    """

    def __init__(
        self, path: Path, migrations: Sequence[Migration], *, durable: bool = True
    ) -> None:
        self._path = path
        self._durable = durable
        self._write_lock = threading.Lock()
        self._pool_lock = threading.Lock()
        self._idle: list[Database] = []
        self._closed = False
        _create(path)
        if durable:
            settle(path)
        with self._refusals():
            self._writer = self._connect()
            try:
                _keep_ahead(self._writer)
                self._migrate(migrations)
            except BaseException:
                self._writer.close()
                raise

    @contextmanager
    def write(self) -> Iterator[Database]:
        """One transaction: committed and durable when the block has ended, else undone."""
        with self._write_lock, self._refusals():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def read(self) -> Iterator[Database]:
        """A connection that cannot write. Results are to be fetched within the block."""
        with self._refusals():
            database = self._borrow()
            try:
                yield database
            finally:
                self._give_back(database)

    def fold(self) -> None:
        """Folds the write-ahead log into the file and empties it: of what was overwritten
        before, no file holds the bytes. Raises `Unavailable` while a reader needs them.
        """
        with self._write_lock, self._refusals():
            busy, *_ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise Unavailable(f"{self._path.name} is being read: what is destroyed is still there")

    def close(self) -> None:
        """After writers and readers have finished; safe to call twice."""
        with self._write_lock, self._pool_lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()
            # The last connection to close folds the write-ahead log into the file.
            self._writer.close()

    def _migrate(self, migrations: Sequence[Migration]) -> None:
        if self._version(self._writer, len(migrations)) == len(migrations):
            return
        with self.write() as db:
            # Asked again: another process may have been faster.
            for migrate in migrations[self._version(db, len(migrations)) :]:
                migrate(db)
            db.execute(f"PRAGMA user_version = {len(migrations)}")

    def _version(self, db: Database, known: int) -> int:
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > known:
            raise Rejected(
                f"{str(self._path)!r} was written by a newer version: "
                f"want a schema of at most {known}, got {version}"
            )
        return version

    def _connect(self) -> Database:
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=WAIT_S,
            isolation_level=None,  # transactions begin where the code says so
            check_same_thread=False,
        )
        db = Database(connection, recursive_triggers=True, execute_plugins=False)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten too
        db.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
        return db

    def _borrow(self) -> Database:
        with self._pool_lock:
            if self._closed:
                raise Unavailable(f"{str(self._path)!r} is closed")
            if self._idle:
                return self._idle.pop()
        db = self._connect()
        db.execute("PRAGMA query_only = ON")
        return db

    def _give_back(self, db: Database) -> None:
        with self._pool_lock:
            if not self._closed:
                self._idle.append(db)
                return
        db.close()

    def _roll_back(self) -> None:
        # After some errors, a full disk among them, SQLite has rolled back by itself.
        if not self._writer.conn.in_transaction:
            return
        try:
            self._writer.execute("ROLLBACK")
        except sqlite3.Error:
            # Closing undoes the transaction too; the next write must not join it.
            self._writer.close()
            with suppress(sqlite3.Error):
                self._writer = self._connect()

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _refusal(error, self._path) from None


def settle(path: Path) -> None:
    """Before a database is opened: makes durable what a run that was killed had not synced.

    SQLite shows a transaction again as soon as it stands in the write-ahead log, synced or
    not, and what is shown will be acknowledged, signed and published.
    """
    sync_file(path)
    sync_file(path.with_name(f"{path.name}-wal"))
    sync_folder(path.parent)


def _keep_ahead(db: Database) -> None:
    """Switches to a write-ahead log. Two that do so at once would deadlock, so SQLite does not
    wait here, whatever its timeout: one of them is told at once that the file is busy.
    """
    ends = time.monotonic() + WAIT_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > ends:
                raise
            time.sleep(0.01)
        else:
            return


def _create(path: Path) -> None:
    make_folder(path.parent)
    if not path.exists():
        with refusals(f"make {str(path)!r}"):
            # SQLite would let the umask choose; journals take the mode of the file.
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, PRIVATE_FILE))
        sync_folder(path.parent)


def _refusal(error: sqlite3.Error, path: Path) -> LedgerError:
    # SQLite's messages name tables and columns, never values.
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(f"{path.name} holds something else already: {error}")
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return Full(f"no room for more in {str(path)!r}")
    return Unavailable(f"cannot use {str(path)!r}: {error}")
