"""What a disposal destroys in the database: no file holds it any more, and nothing else does it."""

import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.backup import Record, State
from ledger.errors import Unavailable
from ledger.evidence.chunks import digest_item
from ledger.evidence.statement import FileSubject, Kind, Statement, StatementSubject
from ledger.ports import ItemRecord
from ledger.sequencer import DESTROYED, Row
from storage.backup_data import Restorer, snapshot
from storage.folder import DataFolder
from storage.ledger_sqlite import SqliteLedgerStore
from testkit.batches import CASES, NOON, grow, pending, planned

CASE = CASES[0].name.removeprefix("2026/case/")


def said(number: int, kind: Kind, *about: str, note: str = "n") -> Statement:
    common = {
        "id": f"01980000-0000-7000-8000-{number:012x}",
        "agency": "agency-01",
        "case": CASE,
        "note": note,
        "occurred": NOON,
    }
    if kind is Kind.EVIDENCE:
        return Statement(kind, (FileSubject("a.jpg", digest_item(b"%d" % number)),), common)
    law = {"basis": "档案法", "reason": "期限届满", "retention": "years_10"}
    return Statement(kind, tuple(StatementSubject(id_, bytes(32)) for id_ in about), common | law)


def item(number: int) -> ItemRecord:
    return ItemRecord(
        object_id=f"{number:032x}",
        digest=digest_item(b"%d" % number),
        keyid="k",
        agency="agency-01",
        uploaded_ms=1,
    )


def fill(store: SqliteLedgerStore, count: int = 6) -> None:
    """Evidence of one item each; the texts are of many lengths, some over several pages."""
    for number in range(count):
        store.add_item(item(number))
        note = f"{number}-" * (1 + 900 * (number % 3))
        waiting = pending(said(number, Kind.EVIDENCE, note=note), items=(item(number).object_id,))
        store.commit(*planned(store, [waiting]))


def dispose(store: SqliteLedgerStore, *numbers: int) -> list[Row]:
    """The rows as they were."""
    head = store.head()
    assert head is not None
    rows = [store.row(number) for number in numbers]
    disposal = said(head.end, Kind.DISPOSAL, *(row.statement_id for row in rows))
    store.commit(*planned(store, [pending(disposal)]))
    store.erase(head.end, numbers, [item(number).object_id for number in numbers])
    store.fold()
    return rows


def found(folder: Path, needles: list[bytes]) -> list[tuple[str, bytes]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    contents = {path.name: path.read_bytes() for path in files}
    return [
        (name, needle) for needle in needles for name, data in contents.items() if needle in data
    ]


def needles(rows: list[Row]) -> list[bytes]:
    whole = [part for row in rows for part in (row.salt, row.envelope)]
    # The beginnings are alike in all of them.
    parts = [r.envelope[at : at + 200] for r in rows for at in range(300, len(r.envelope), 1500)]
    digests = [item(row.number).digest.sha256 for row in rows]
    return [*whole, *map(b64encode, whole), *parts, *digests]


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder.create(tmp_path / "data")


@pytest.fixture
def store(folder: DataFolder) -> Iterator[SqliteLedgerStore]:
    store = SqliteLedgerStore(folder.ledger_db)
    yield store
    store.close()


def test_no_file_holds_what_was_destroyed(store: SqliteLedgerStore, folder: DataFolder) -> None:
    fill(store)
    rows = [store.row(number) for number in (1, 4)]
    assert {needle for _, needle in found(folder.path, needles(rows))} >= {r.salt for r in rows}
    dispose(store, 1, 4)
    assert found(folder.path, needles(rows)) == []
    grow(store, 300)
    store.fold()
    assert found(folder.path, needles(rows)) == []


def test_the_rest_is_as_before_and_the_entry_stays(store: SqliteLedgerStore) -> None:
    fill(store)
    before = list(store.rows(0, 6))
    (row,) = dispose(store, 1)
    gone = store.row(1)
    assert (gone.kind, gone.envelope, gone.salt, gone.by) == (DESTROYED, b"", b"", 6)
    assert (gone.statement_id, gone.entry, gone.places) == (row.statement_id, row.entry, row.places)
    assert gone.destroyed and gone.lost and store.find(row.statement_id) == gone
    assert store.known([row.statement_id]) == {row.statement_id}
    assert [r for r in store.rows(0, 6) if r.index != 1] == [r for r in before if r.index != 1]
    assert [i.object_id for i in store.claimed()] == [item(n).object_id for n in range(6) if n != 1]
    assert item(1).object_id in set(store.object_ids())
    assert len(store.items_after("", 100)) == 5
    assert store.find_items([(item(1).digest, "agency-01")]) == [None]


def test_what_is_to_do_is_known_until_it_is_done(store: SqliteLedgerStore) -> None:
    fill(store)
    dispose(store, 1, 2)
    assert (store.disposals_to_do(), store.erased_by(6)) == ([6], [1, 2])
    assert store.items_to_erase(6) == [item(1).object_id, item(2).object_id]
    store.item_erased(item(1).object_id)
    assert store.items_to_erase(6) == [item(2).object_id]
    store.disposed(6)
    store.disposed(6)
    assert store.disposals_to_do() == []
    store.erase(6, [1, 2], [item(2).object_id])
    assert store.erased_items() == {item(1).object_id, item(2).object_id}


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO erased VALUES (1, 2)",
        "INSERT INTO erased VALUES (6, 7)",
        "INSERT INTO erased VALUES (3, 9)",
        "INSERT INTO erased_item (object_id, by) SELECT object_id, 2 FROM item",
        "DELETE FROM erased",
        "UPDATE erased SET idx = 3",
        "INSERT OR REPLACE INTO erased VALUES (1, 6)",
        "DELETE FROM erased_item",
        "UPDATE erased_item SET by = 2",
        "UPDATE statement SET envelope = zeroblob(length(envelope)), salt = zeroblob(32)"
        " WHERE idx = 2",
        "UPDATE statement SET envelope = x'01' WHERE idx = 1",
        "UPDATE item SET sha256 = zeroblob(32) WHERE object_id NOT IN"
        " (SELECT object_id FROM erased_item)",
        "UPDATE item SET sha256 = randomblob(32)",
    ],
)
def test_no_program_destroys_but_by_a_disposal(
    store: SqliteLedgerStore, folder: DataFolder, sql: str
) -> None:
    fill(store)
    dispose(store, 1)
    with closing(sqlite3.connect(folder.ledger_db)) as plain:
        plain.execute("PRAGMA foreign_keys = ON")
        before = list(plain.iterdump())
        with pytest.raises(sqlite3.IntegrityError):
            plain.execute(sql)
        plain.rollback()
        assert list(plain.iterdump()) == before


def test_while_a_reader_needs_them_the_old_pages_are_not_said_to_be_gone(
    store: SqliteLedgerStore, folder: DataFolder
) -> None:
    fill(store)
    rows = [store.row(1)]
    store._file._writer.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(folder.ledger_db)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM statement").fetchone()
        with pytest.raises(Unavailable, match="is being read"):
            dispose(store, 1)
        assert found(folder.path, needles(rows))
    store.fold()
    assert found(folder.path, needles(rows)) == []


@pytest.mark.parametrize("first", [4, 6, 7])
def test_a_backup_that_is_put_back_destroys_it_too(
    store: SqliteLedgerStore, folder: DataFolder, tmp_path: Path, first: int
) -> None:
    """The first backup before the statement came, before the disposal, or after it."""

    def take(before: State | None) -> list[Record]:
        with snapshot(folder) as taken:
            return list(taken.records(before, lambda n: None))

    fill(store, min(first, 6))
    rows: list[Row] = []
    if first == 7:
        rows = dispose(store, 5)
    chain = [take(None)]
    if first < 7:
        for number in range(first, 6):
            store.add_item(item(number))
            waiting = pending(said(number, Kind.EVIDENCE), items=(item(number).object_id,))
            store.commit(*planned(store, [waiting]))
        rows = dispose(store, 5)
    store.add_item(item(9))
    chain.append(take(State.from_bytes(chain[0][0].body)))
    new = DataFolder.create(tmp_path / "new")
    restorer = Restorer(new)
    for records in chain:
        restorer.put(iter(records), files=False, progress=lambda n: None)
    restorer.close()
    with closing(SqliteLedgerStore(new.ledger_db)) as restored:
        assert list(restored.rows(0, 7)) == list(store.rows(0, 7))
        assert restored.erased_items() == {item(5).object_id}
        assert [i.object_id for i in restored.items_after("", 99)] == [
            i.object_id for i in store.items_after("", 99)
        ]
    assert found(new.path, needles(rows)) == []
