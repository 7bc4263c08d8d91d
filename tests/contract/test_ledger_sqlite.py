"""What the SQLite store promises beyond the port."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from ledger.errors import Conflict, Full, Rejected, Unavailable
from ledger.evidence.chunks import digest_item
from ledger.ports import ItemRecord
from ledger.sequencer import LOST, Batch, Head, Row
from ledger.tlog.merkle import leaf_hash, root_of
from storage.database import DatabaseFile
from storage.ledger_sqlite import MIGRATIONS, SqliteLedgerStore
from testkit.batches import CASES, begin_next, grow, pending, planned, statement, write_as_of

PROJECT = Path(__file__).parents[2]
ITEM = ItemRecord(
    object_id="a" * 32, digest=digest_item(b"a"), keyid="k", agency="a", uploaded_ms=1
)
OVERFLOW = "SELECT abs(-9223372036854775808)"  # an error that no constraint raises

COMMIT_FOREVER = """
import sys
from pathlib import Path
from storage.ledger_sqlite import SqliteLedgerStore
from testkit.batches import CASES, grow
store = SqliteLedgerStore(Path(sys.argv[1]))
while True:
    grow(store, 3, CASES)
    print(store.head().edge.size, flush=True)
"""

READ_HEAD = """
import sys
from pathlib import Path
from storage.ledger_sqlite import SqliteLedgerStore
store = SqliteLedgerStore(Path(sys.argv[1]))
print(store.head().edge.size, len(list(store.rows(0, 3))))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteLedgerStore]:
    store = SqliteLedgerStore(path)
    yield store
    store.close()


def python(script: str, path: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "tests")},  # testkit
        stdout=subprocess.PIPE,
        text=True,
    )


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as plain:
        return list(plain.iterdump())


def execute(path: Path, sql: str) -> None:
    """As any program would that knows nothing of our settings."""
    with closing(sqlite3.connect(path)) as plain:
        plain.execute(sql)
        plain.commit()


@pytest.mark.parametrize("table", ["head", "entry", "statement", "series", "series_place", "item"])
def test_a_failure_within_a_commit_stores_nothing(
    store: SqliteLedgerStore, path: Path, table: str
) -> None:
    store.add_item(ITEM)
    grow(store, 2)
    event = "UPDATE" if table in ("head", "item") else "INSERT"
    execute(path, f"CREATE TRIGGER boom BEFORE {event} ON {table} BEGIN {OVERFLOW}; END")
    before = dump(path)
    late = planned(store, [pending(statement(n), CASES, (ITEM.object_id,)) for n in (2, 3)])
    with pytest.raises(Unavailable, match="integer overflow"):
        store.commit(*late)
    assert dump(path) == before
    execute(path, "DROP TRIGGER boom")
    store.commit(*late)
    assert store.find_items([(ITEM.digest, "a")])[0] is not None
    assert [row.index for row in store.rows(0, 4)] == [0, 1, 2, 3]


def test_a_full_disk_is_told_apart_and_stores_nothing(store: SqliteLedgerStore, path: Path) -> None:
    grow(store)
    before = dump(path)
    writer = store._file._writer
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Full):
        grow(store, 500)
    assert dump(path) == before
    writer.execute("PRAGMA max_page_count = 1000000")
    grow(store, 500)
    assert len(list(store.rows(0, 501))) == 501


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entry SET data = x'00' WHERE idx = 1",
        "DELETE FROM entry WHERE idx = 1",
        "INSERT OR REPLACE INTO entry VALUES (1, x'00')",
        "REPLACE INTO entry VALUES (1, x'00')",
        "INSERT INTO entry VALUES (9, x'00')",
        "UPDATE statement SET envelope = x'00'",
        "DELETE FROM statement",
        "INSERT OR REPLACE INTO statement SELECT idx, id, kind, x'00', salt FROM statement",
        "INSERT OR REPLACE INTO statement SELECT 9, id, kind, x'00', salt FROM statement",
        "UPDATE series SET signature = x'00'",
        "UPDATE series SET count = count - 1",
        "DELETE FROM series",
        "UPDATE series_place SET idx = 0",
        "DELETE FROM series_place",
        "INSERT OR REPLACE INTO series_place SELECT name, 1, 1, 5 FROM series",
        "INSERT INTO series_place SELECT name, 9, 1, 5 FROM series",
        "UPDATE head SET size = 1",
        "DELETE FROM head",
        "UPDATE item SET sha256 = zeroblob(32)",
        "UPDATE item SET claimed = 0",
        "DELETE FROM item",
        "REPLACE INTO item SELECT object_id, 0, sha256, chunks, sm3, keyid, agency, 1, 0 FROM item",
    ],
)
def test_no_program_changes_what_was_stored(store: SqliteLedgerStore, path: Path, sql: str) -> None:
    store.add_item(ITEM)
    grow(store)
    store.commit(*planned(store, [pending(statement(1), CASES, (ITEM.object_id,))]))
    before = dump(path)
    with pytest.raises(sqlite3.IntegrityError):
        execute(path, sql)
    assert dump(path) == before


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE head SET size = 9 WHERE log = 0",
        "UPDATE head SET note = 'other' WHERE log = 0",
        "UPDATE head SET log = 2 WHERE log = 1",
        "UPDATE head SET start = 0 WHERE log = 1",
        "DELETE FROM head WHERE log = 1",
        "INSERT OR REPLACE INTO head VALUES (0, 0, 9, x'', 1, 'other')",
        "INSERT OR REPLACE INTO head VALUES (1, 2, 1, x'', 1, 'other')",
        "INSERT INTO head VALUES (2, 3, 1, x'', 1, 'a gap')",
        "INSERT INTO head VALUES (3, 4, 1, x'', 1, 'not the next')",
        "INSERT OR IGNORE INTO head VALUES (1, 0, 9, x'', 1, 'not where it began')",
    ],
)
def test_no_program_goes_on_with_a_closed_log(
    store: SqliteLedgerStore, path: Path, sql: str
) -> None:
    grow(store, 2)
    begin_next(store)
    before = dump(path)
    with pytest.raises(sqlite3.IntegrityError):
        execute(path, sql)
    assert dump(path) == before


def test_a_killed_process_leaves_whole_commits_and_all_that_it_acknowledged(path: Path) -> None:
    for pause in (0.02, 0.05, 0.11):
        process = python(COMMIT_FOREVER, path)
        assert process.stdout is not None
        acknowledged = int(process.stdout.readline())
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        # A line that the kill cut short was not an acknowledgement.
        whole = [line for line in process.stdout if line.endswith("\n")]
        acknowledged = int(whole[-1]) if whole else acknowledged
        process.stdout.close()
        process.wait()
        with closing(SqliteLedgerStore(path)) as store:
            head = store.head()
            assert head is not None
            size = head.edge.size
            assert size >= acknowledged > 0
            assert len(list(store.rows(0, size))) == size
            assert root_of(map(leaf_hash, store.entries(0, size))) == head.edge.root()
            assert [len(store.places(series.name)) for series in CASES] == [size] * 3
        with closing(sqlite3.connect(path)) as plain:
            assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert plain.execute("PRAGMA foreign_key_check").fetchall() == []
            assert plain.execute("SELECT count(*) FROM entry").fetchone() == (size,)


def test_another_process_reads_while_this_one_holds_the_store(
    store: SqliteLedgerStore, path: Path
) -> None:
    grow(store, 3)
    out, _ = python(READ_HEAD, path).communicate(timeout=60)
    assert out == "3 3\n"
    grow(store)


def test_a_reader_in_the_middle_of_a_range_does_not_hold_up_a_commit(
    store: SqliteLedgerStore,
) -> None:
    grow(store, 300)
    rows = store.rows(0, 300)
    next(rows)
    grow(store, 2)
    assert len(list(rows)) == 299


def test_it_is_written_durably_and_privately(store: SqliteLedgerStore, path: Path) -> None:
    grow(store)
    writer = store._file._writer
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert writer.execute("PRAGMA synchronous").fetchone() == (2,)
    assert writer.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert writer.execute("PRAGMA recursive_triggers").fetchone() == (1,)
    files = list(path.parent.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_read_connection_cannot_write(store: SqliteLedgerStore) -> None:
    with pytest.raises(Unavailable, match="readonly"), store._file.read() as db:
        db.execute("INSERT INTO cosigned VALUES (0, 1, '')")


def test_a_closed_store_is_unavailable(store: SqliteLedgerStore) -> None:
    grow(store)
    store.close()
    store.close()
    with pytest.raises(Unavailable):
        store.head()
    with pytest.raises(Unavailable):
        store.add_cosigned(0, 1, "")


def test_a_file_that_is_no_database_is_unavailable(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(Unavailable):
        SqliteLedgerStore(path)


def test_a_file_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    with closing(SqliteLedgerStore(path)) as store:
        grow(store)
    execute(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(Rejected, match="written by a newer version"):
        SqliteLedgerStore(path)
    assert path.read_bytes() == before


def _next_version(db: Database) -> None:
    db.execute("ALTER TABLE cosigned ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0")


@pytest.mark.parametrize("schema", [1, 2])
def test_an_earlier_version_is_migrated_with_its_contents(path: Path, schema: int) -> None:
    new = path.with_name("new.sqlite")
    with closing(SqliteLedgerStore(new)) as store:
        store.add_item(ITEM)
        grow(store, 2)
        store.add_cosigned(0, 2, "note\n")
    write_as_of(schema, new, path)
    with closing(SqliteLedgerStore(path)) as store:
        assert (store.lost(), store.cosigned(0, 1)) == ([], "note\n")
        assert [row.index for row in store.rows(0, 2)] == [0, 1]
    assert dump(path) == dump(new)


def test_this_version_is_migrated_to_the_next_with_its_contents(path: Path) -> None:
    with closing(SqliteLedgerStore(path)) as store:
        grow(store, 2)
        store.add_cosigned(0, 2, "note\n")
    with closing(DatabaseFile(path, (*MIGRATIONS, _next_version))) as file, file.read() as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        assert db.execute("SELECT * FROM cosigned").fetchall() == [(0, 2, "note\n", 0)]
        assert db.execute("SELECT count(*) FROM statement").fetchone() == (2,)
    with pytest.raises(Rejected):
        SqliteLedgerStore(path)


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    def fail(db: Database) -> None:
        _next_version(db)
        db.execute(OVERFLOW).fetchone()

    with closing(SqliteLedgerStore(path)) as store:
        grow(store)
    before = dump(path)
    with pytest.raises(Unavailable):
        DatabaseFile(path, (*MIGRATIONS, fail))
    assert dump(path) == before
    SqliteLedgerStore(path).close()


def test_a_writer_whose_rollback_fails_begins_anew(
    store: SqliteLedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(store)
    execute_sql = Database.execute

    def no_rollback(self: Database, sql: str, parameters: object = None) -> object:
        if sql in ("COMMIT", "ROLLBACK") and os.environ.get("BROKEN_DISK"):
            raise sqlite3.OperationalError("disk I/O error")
        return execute_sql(self, sql, parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "execute", no_rollback)
    monkeypatch.setenv("BROKEN_DISK", "1")
    with pytest.raises(Unavailable, match="disk I/O error"):
        store.add_cosigned(0, 1, "lost\n")
    monkeypatch.delenv("BROKEN_DISK")
    assert store.newest_cosigned(0) is None
    store.add_cosigned(0, 2, "kept\n")
    assert store.newest_cosigned(0) == "kept\n"


# --- entries whose statements were lost --------------------------------------------------------


def restored(store: SqliteLedgerStore, whole: Batch, note: str, lost: Collection[int]) -> None:
    """The rows of `whole` put back, some as lost, with places where the series is known."""
    rows = [
        replace(row, statement_id="", kind=LOST, envelope=b"", salt=b"", places=())
        if row.index in lost
        else row
        for row in whole.rows
    ]
    places = {name for row in rows for name, _ in row.places}
    series = [(one, n) for one, n in whole.series if one.name in places]
    store.append(rows, series, Head(whole.edge, whole.at_ms, note))


@pytest.fixture
def half(store: SqliteLedgerStore) -> tuple[SqliteLedgerStore, Batch]:
    """Four statements: two of one case, both lost; two of another, both here."""
    waiting = [pending(statement(n), CASES[n // 2 : n // 2 + 1]) for n in range(4)]
    batch, note, _ = planned(store, waiting)
    restored(store, batch, note, {0, 1})
    return store, batch


def test_a_lost_row_has_its_entry_and_nothing_else(
    half: tuple[SqliteLedgerStore, Batch],
) -> None:
    store, batch = half
    assert [row.lost for row in store.rows(0, 4)] == [True, True, False, False]
    assert store.row(0) == Row(0, "", LOST, b"", b"", batch.rows[0].entry, ())
    assert list(store.entries(0, 4)) == [row.entry for row in batch.rows]
    assert store.lost() == [0, 1]
    assert store.find("") is None and store.known([""]) == frozenset()


def test_a_series_is_found_by_the_tags_of_its_lost_statements(
    half: tuple[SqliteLedgerStore, Batch],
) -> None:
    store, _ = half
    assert store.places(CASES[0].name) == []
    store.find_lost(CASES)
    assert store.places(CASES[0].name) == [0, 1]
    assert store.series([CASES[0].name]) == {CASES[0].name: (CASES[0].signature, 2)}
    # What is stored is left alone, and what never was stays unknown.
    assert store.places(CASES[1].name) == [2, 3]
    assert store.series([CASES[2].name]) == {}
    store.find_lost(CASES)
    assert store.places(CASES[0].name) == [0, 1]


def test_the_next_statement_of_a_series_that_was_lost_goes_on_behind(
    half: tuple[SqliteLedgerStore, Batch],
) -> None:
    store, _ = half
    store.find_lost(CASES[:1])
    batch = grow(store)
    assert batch.rows[0].places == ((CASES[0].name, 3),)
    assert store.places(CASES[0].name) == [0, 1, 4]


def test_rows_are_put_back_behind_those_that_are_here_only(store: SqliteLedgerStore) -> None:
    grow(store, 2)
    batch, note, _ = planned(store, [pending(statement(2))])
    with pytest.raises(Conflict):
        store.append(batch.rows[:0], (), Head(batch.edge, batch.at_ms, note))
    store.append(batch.rows, batch.series, Head(batch.edge, batch.at_ms, note))
    assert [row.index for row in store.rows(0, 3)] == [0, 1, 2]


def test_tags_of_lost_statements_never_change(half: tuple[SqliteLedgerStore, Batch]) -> None:
    store, _ = half
    for sql in ("DELETE FROM lost_tag", "UPDATE lost_tag SET idx = 3"):
        with pytest.raises(Conflict), store._file.write() as db:
            db.execute(sql)
    assert store.lost() == [0, 1]
