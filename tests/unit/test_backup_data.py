"""Rows out of one database and into another, also across versions of its schema."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.backup import FILE, ROW, STATE, TABLE, Record, State, row_to_bytes
from ledger.encoding import format_json
from ledger.errors import LedgerError, Malformed, Rejected
from storage import backup_data
from storage.backup_data import Restorer, snapshot
from storage.folder import DataFolder
from storage.ledger_sqlite import MIGRATIONS, SqliteLedgerStore
from storage.staging_directory import Announced, StagingDirectory
from testkit.batches import begin_next, grow, write_as_of


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder.create(tmp_path / "data")


@pytest.fixture
def restorer(tmp_path: Path) -> Iterator[Restorer]:
    made = Restorer(DataFolder.create(tmp_path / "new"))
    yield made
    made.close()


def taken(folder: DataFolder, before: State | None) -> list[Record]:
    with snapshot(folder) as found:
        return list(found.records(before, lambda n: None))


def put(restorer: Restorer, records: list[Record], *, files: bool = False) -> State:
    return restorer.put(iter(records), files=files, progress=lambda n: None)


def rows(path: Path, table: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(f"SELECT * FROM {table}").fetchall()


TABLES = ("head", "entry", "statement", "series", "series_place", "lost_tag", "cosigned")


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(path, table) for table in TABLES}


@pytest.mark.parametrize("schema", [1, 2])
def test_a_chain_goes_on_across_a_new_schema(
    folder: DataFolder, restorer: Restorer, tmp_path: Path, schema: int
) -> None:
    with closing(SqliteLedgerStore(tmp_path / "now.sqlite")) as store:
        grow(store, 3)
        store.add_cosigned(0, 3, "three\n")
    write_as_of(schema, tmp_path / "now.sqlite", folder.ledger_db)
    first = taken(folder, None)
    with closing(SqliteLedgerStore(folder.ledger_db)) as store:
        state = State.from_bytes(first[0].body)
        assert (state.schema, state.size, state.cosigned) == (schema, 3, 3)
        grow(store, 2)
        second = taken(folder, state)
    assert put(restorer, first).size == 3
    assert put(restorer, second).size == 5
    restorer.close()
    new = tmp_path / "new" / "ledger.sqlite"
    assert contents(new) == contents(folder.ledger_db)


def test_a_chain_goes_on_across_two_logs(
    folder: DataFolder, restorer: Restorer, tmp_path: Path
) -> None:
    with closing(SqliteLedgerStore(folder.ledger_db)) as store:
        grow(store, 3)
        store.add_cosigned(0, 3, "three\n")
        first = taken(folder, None)
        state = State.from_bytes(first[0].body)
        grow(store, 1)
        store.add_cosigned(0, 4, "four\n")
        begin_next(store)
        store.add_cosigned(1, 1, "one\n")
        second = taken(folder, state)
        later = State.from_bytes(second[0].body)
        grow(store, 1)
        store.add_cosigned(1, 3, "three\n")
        third = taken(folder, later)
    assert (state.size, state.cosigned) == (3, 3)
    assert (later.start, later.size, later.cosigned) == (3, 6, 5)
    for file, size in ((first, 3), (second, 6), (third, 7)):
        assert put(restorer, file).size == size
    restorer.close()
    assert contents(tmp_path / "new" / "ledger.sqlite") == contents(folder.ledger_db)


def test_a_schema_from_the_future_is_refused(folder: DataFolder, restorer: Restorer) -> None:
    state = State(start=0, size=1, last=bytes(32), cosigned=0, items=0, schema=len(MIGRATIONS) + 1)
    with pytest.raises(Rejected, match="was made under schema"):
        put(restorer, [Record(STATE, state.to_bytes())])


STATE_1 = Record(
    STATE, State(start=0, size=1, last=bytes(32), cosigned=0, items=0, schema=2).to_bytes()
)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [Record(ROW, b"")],
        [STATE_1, Record(ROW, b"")],
        [STATE_1, STATE_1],
        [STATE_1, Record(TABLE, format_json({"columns": ["x"], "table": "entry"}))],
        [STATE_1, Record(TABLE, format_json({"columns": ["idx"], "table": "sqlite_master"}))],
        [STATE_1, Record(TABLE, format_json({"columns": [], "table": "entry"}))],
        [
            STATE_1,
            Record(TABLE, format_json({"columns": ["idx", "data"], "table": "entry"})),
            Record(ROW, row_to_bytes([1])),
        ],
        [
            STATE_1,
            Record(TABLE, format_json({"columns": ["idx", "data"], "table": "entry"})),
            Record(ROW, row_to_bytes([5, b"out of order"])),
        ],
    ],
)
def test_what_no_backup_holds_is_refused(restorer: Restorer, records: list[Record]) -> None:
    with pytest.raises(LedgerError):
        put(restorer, records)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "a/../../x", "", "items/a", "public/x", "ledger.sqlite", "lock"]
)
def test_no_file_is_written_outside_or_over_what_is_derived(
    restorer: Restorer, tmp_path: Path, name: str
) -> None:
    said = format_json({"path": name, "public": "no", "size": "1"})
    with pytest.raises(Malformed, match="no file of a data folder"):
        put(restorer, [STATE_1, Record(b"F", said), Record(b"D", b"x")], files=True)
    assert not (tmp_path / "x").exists()


def test_an_empty_log_has_nothing_to_back_up(folder: DataFolder) -> None:
    SqliteLedgerStore(folder.ledger_db).close()
    with pytest.raises(Rejected, match="no opening"):
        taken(folder, None)


def test_every_table_of_the_ledger_is_in_a_backup(folder: DataFolder) -> None:
    """Whoever adds a table says here how it is backed up."""
    SqliteLedgerStore(folder.ledger_db).close()
    names = {
        name
        for (name,) in sqlite3.connect(folder.ledger_db).execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
    }
    assert names == {table.name for table in backup_data.TABLES}


def test_what_is_still_on_its_way_is_not_taken(folder: DataFolder) -> None:
    with closing(SqliteLedgerStore(folder.ledger_db)) as store:
        grow(store, 1)
    announced = Announced(
        keyid="k", agency="a", size=10**10, sha256=b"", sm3=False, metadata="", opened_ms=1
    )
    staging = StagingDirectory(folder.staging, lambda: 1)
    writer = staging.writer(staging.add(announced), marks=True)
    writer.write(b"the bytes of somebody")
    writer.keep()
    writer.close()
    files = [json.loads(r.body)["path"] for r in taken(folder, None) if r.kind == FILE]
    assert files == ["format"]
