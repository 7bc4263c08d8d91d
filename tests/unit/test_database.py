import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from ledger.errors import Conflict, LedgerError, Unavailable
from storage.database import DatabaseFile
from testkit.syncs import watched_syncs


def _create(db: Database) -> None:
    db.execute("CREATE TABLE counter (n INTEGER PRIMARY KEY) STRICT")
    db.execute("INSERT INTO counter VALUES (0)")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counter.sqlite"


@pytest.fixture
def file(path: Path) -> Iterator[DatabaseFile]:
    with closing(DatabaseFile(path, (_create,))) as file:
        yield file


def count(file: DatabaseFile) -> int:
    with file.read() as db:
        return int(db.execute("SELECT n FROM counter").fetchone()[0])


def test_writers_that_read_first_wait_for_each_other(file: DatabaseFile, path: Path) -> None:
    """As two processes would: each `DatabaseFile` has a lock and a connection of its own."""
    errors: list[LedgerError] = []

    def add(to: DatabaseFile) -> None:
        try:
            for _ in range(25):
                with to.write() as db:
                    (n,) = db.execute("SELECT n FROM counter").fetchone()
                    db.execute("UPDATE counter SET n = ?", (n + 1,))
        except LedgerError as error:
            errors.append(error)

    with closing(DatabaseFile(path, (_create,))) as other:
        threads = [threading.Thread(target=add, args=(to,)) for to in (file, other) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors
    assert count(file) == 150


def test_a_write_that_its_caller_breaks_off_is_undone(file: DatabaseFile) -> None:
    with pytest.raises(KeyError), file.write() as db:
        db.execute("UPDATE counter SET n = 7")
        raise KeyError
    assert count(file) == 0


def test_a_broken_constraint_is_a_conflict_and_anything_else_unavailable(
    file: DatabaseFile,
) -> None:
    with pytest.raises(Conflict), file.write() as db:
        db.execute("INSERT INTO counter VALUES (0)")
    with pytest.raises(Unavailable), file.write() as db:
        db.execute("SELECT * FROM missing")


def test_two_that_open_a_new_file_at_once_make_it_once(path: Path) -> None:
    barrier = threading.Barrier(8)
    errors: list[BaseException] = []

    def open_it() -> None:
        barrier.wait(60)
        try:
            DatabaseFile(path, (_create,)).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_reading_opens_no_more_connections_than_read_at_once(file: DatabaseFile) -> None:
    for _ in range(50):
        count(file)
    assert len(file._idle) == 1


def test_what_a_killed_run_wrote_is_synced_before_it_is_shown(
    file: DatabaseFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a run that was killed the log is left; SQLite takes it as committed, synced or not."""
    wal = path.with_name(f"{path.name}-wal")
    assert wal.stat().st_size > 0
    connect = DatabaseFile._connect
    at_connect: list[list[Path]] = []

    def note(self: DatabaseFile) -> Database:
        at_connect.append(list(synced))
        return connect(self)

    monkeypatch.setattr(DatabaseFile, "_connect", note)
    with watched_syncs() as synced, closing(DatabaseFile(path, (_create,))):
        assert at_connect[0] == [path, wal, path.parent]
