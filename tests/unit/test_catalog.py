import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ledger.errors import Conflict
from ledger.evidence.chunks import digest_item
from ledger.evidence.statement import OPENING, FileSubject, Kind, Statement
from ledger.ports import LedgerStore
from storage.catalog_sqlite import HOLDING, CaseCount, CatalogRow, SqliteCatalog
from storage.memory import MemoryLedgerStore
from testkit.batches import NOON, pending, planned, statement

CASE = "苏城管罚〔2026〕417号"
OTHER = "苏城管罚〔2026〕418号"
NOON_MS = 1_795_406_400_000
PHOTO, SIDE, DEED = (
    FileSubject(name, digest_item(name.encode())) for name in ("photo.jpg", "photo.xmp", "deed.txt")
)


def said(number: int, kind: Kind, files: Sequence[FileSubject], **fields: str) -> Statement:
    common = {"id": statement(number).id, "agency": "agency-01", "occurred": NOON}
    return Statement(kind, tuple(files), {**common, **fields})


STATEMENTS = (
    statement(0, Kind.REGISTER),
    said(1, Kind.ACT, [DEED], act=OPENING, stage="start"),
    said(2, Kind.EVIDENCE, [PHOTO, SIDE], provisional=statement(1).id, device="BWC-310", file="1"),
    said(3, Kind.ACT, [DEED], act="case_filing", case=CASE, provisional=statement(1).id),
    said(4, Kind.EVIDENCE, [PHOTO], case=OTHER),
    statement(5),
)


@pytest.fixture
def store() -> LedgerStore:
    store = MemoryLedgerStore()
    store.commit(*planned(store, [pending(said) for said in STATEMENTS]))
    return store


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite")
    yield catalog
    catalog.close()


def dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as plain:
        lines = list(plain.iterdump())
    plain.close()
    return lines


def test_a_new_catalog_is_empty(catalog: SqliteCatalog) -> None:
    assert catalog.indexed_to() == 0
    assert catalog.cases("", 10) == []


def test_it_catches_up_with_the_ledger(catalog: SqliteCatalog, store: LedgerStore) -> None:
    for _ in range(2):
        catalog.catch_up(store)
        assert catalog.indexed_to() == 6
    store.commit(*planned(store, [pending(said(6, Kind.EVIDENCE, [SIDE], case=CASE))]))
    catalog.catch_up(store)
    assert [row.index for row in catalog.case(CASE)] == [3, 6]


def test_a_row_says_what_a_list_shows(catalog: SqliteCatalog, store: LedgerStore) -> None:
    catalog.catch_up(store)
    assert catalog.case(statement(1).id) == [
        CatalogRow(
            1, statement(1).id, "act", "agency-01", "start", OPENING, "deed.txt", 8, None, NOON_MS
        ),
        CatalogRow(
            2, statement(2).id, "evidence", "agency-01", None, None, "photo.jpg", 9, "BWC-310",
            NOON_MS,
        ),
        CatalogRow(
            3, statement(3).id, "act", "agency-01", None, "case_filing", "deed.txt", 8, None,
            NOON_MS,
        ),
    ]  # fmt: skip


def test_a_registration_under_a_number_belongs_to_both(
    catalog: SqliteCatalog, store: LedgerStore
) -> None:
    catalog.catch_up(store)
    assert [row.index for row in catalog.case(CASE)] == [3]
    assert [row.index for row in catalog.case(OTHER)] == [4]
    assert catalog.case("苏城管罚〔2026〕4号") == []


def test_cases_are_listed_with_their_counts(catalog: SqliteCatalog, store: LedgerStore) -> None:
    catalog.catch_up(store)
    provisional = CaseCount(statement(1).id, 3)
    assert catalog.cases("", 10) == [provisional, CaseCount(CASE, 1), CaseCount(OTHER, 1)]
    assert catalog.cases("", 2) == [provisional, CaseCount(CASE, 1)]
    assert catalog.cases("苏城管罚〔2026〕41", 10) == [CaseCount(CASE, 1), CaseCount(OTHER, 1)]
    assert catalog.cases(OTHER, 10) == [CaseCount(OTHER, 1)]


@pytest.mark.parametrize("prefix", ["%", "_", "*", "苏_", "城", "苏城管罚〔2026〕417号1"])
def test_a_prefix_is_no_pattern(catalog: SqliteCatalog, store: LedgerStore, prefix: str) -> None:
    catalog.catch_up(store)
    assert catalog.cases(prefix, 10) == []


def test_every_file_is_found_by_its_digest(catalog: SqliteCatalog, store: LedgerStore) -> None:
    catalog.catch_up(store)
    found = [
        [row.index for row in catalog.by_digest(file.digest.sha256.hex())]
        for file in (PHOTO, SIDE, DEED)
    ]
    assert found == [[2, 4], [2], [1, 3]]
    assert catalog.by_digest("00" * 32) == []


def test_rows_already_there_are_passed_over_and_a_gap_is_refused(
    catalog: SqliteCatalog, store: LedgerStore
) -> None:
    rows = list(zip(store.rows(0, 6), STATEMENTS, strict=True))
    catalog.add(rows[:2])
    with pytest.raises(Conflict):
        catalog.add([*rows[2:3], *rows[4:]])
    assert catalog.indexed_to() == 2
    catalog.add(rows[1:])
    assert catalog.indexed_to() == 6


def test_a_deleted_catalog_is_rebuilt_equal(tmp_path: Path, store: LedgerStore) -> None:
    path = tmp_path / "catalog.sqlite"
    catalog = SqliteCatalog(path)
    for row, what in zip(store.rows(0, 6), STATEMENTS, strict=True):
        catalog.add([(row, what)])
    catalog.close()
    before = dump(path)
    path.unlink()
    catalog = SqliteCatalog(path)
    catalog.rebuild(store)
    catalog.close()
    assert dump(path) == before


def test_rebuilding_removes_what_the_ledger_does_not_say(
    tmp_path: Path, catalog: SqliteCatalog, store: LedgerStore
) -> None:
    catalog.catch_up(store)
    before = dump(tmp_path / "catalog.sqlite")
    with sqlite3.connect(tmp_path / "catalog.sqlite") as plain:
        plain.execute("UPDATE statement SET act = 'forged' WHERE idx = 3")
        plain.execute("INSERT INTO case_statement VALUES ('forged', 3)")
        plain.execute("DELETE FROM file WHERE idx = 4")
    plain.close()
    catalog.rebuild(store)
    assert dump(tmp_path / "catalog.sqlite") == before


def test_who_holds_a_file_is_found_without_reading_every_case(tmp_path: Path) -> None:
    """It is asked for each file that is handed in, so it may not grow with the ledger."""
    SqliteCatalog(tmp_path / "catalog.sqlite").close()
    with sqlite3.connect(tmp_path / "catalog.sqlite") as plain:
        plan = [row[3] for row in plain.execute(f"EXPLAIN QUERY PLAN {HOLDING}", ("",))]
    plain.close()
    assert plan
    assert not [step for step in plan if step.startswith("SCAN")]
