"""Batches for the stores, planned as the log plans them, of statements that say little."""

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ledger.evidence.envelope import Envelope, Signature
from ledger.evidence.series import Series
from ledger.evidence.statement import Kind, Statement, TextSubject, register_subject
from ledger.ports import LedgerStore
from ledger.sequencer import Batch, Head, Pending, plan
from ledger.tlog.merkle import Edge
from storage.database import DatabaseFile
from storage.ledger_sqlite import MIGRATIONS

CASES = tuple(Series(f"2026/case/苏城管罚〔2026〕{n}号", bytes([n]) * 384) for n in range(1, 4))
START_MS = 1_795_430_400_000
NOON = {"from": "2026-11-23T12:00:00+08:00", "to": "2026-11-23T12:00:00+08:00"}


def statement(number: int, kind: Kind = Kind.STATUS) -> Statement:
    common = {"id": f"01980000-0000-7000-8000-{number:012x}", "agency": "agency-01"}
    if kind is Kind.REGISTER:
        predicate = {**common, "name": "城管", "case_numbers": ["苏城管罚〔{year}〕{number}号"]}
        return Statement(kind, (register_subject(predicate),), predicate)
    return Statement(
        Kind.STATUS, (TextSubject("log", bytes(32)),), {**common, "what": "up", "occurred": NOON}
    )


def pending(
    said: Statement, series: Sequence[Series] = CASES[:1], items: tuple[str, ...] = ()
) -> Pending:
    envelope = Envelope(said.to_bytes(), (Signature("station-01.example+00000000", b"sig"),))
    salt = hashlib.sha256(said.id.encode()).digest()
    return Pending(said, envelope.to_bytes(), salt, tuple(series), items)


def planned(store: LedgerStore, waiting: Sequence[Pending]) -> tuple[Batch, str, Head | None]:
    """What `commit` takes, for the head that the store has now."""
    head = store.head()
    names = [series.name for p in waiting for series in p.series]
    counts = {name: count for name, (_, count) in store.series(names).items()}
    last = head or Head(Edge(), 0, "")
    batch = plan(last.edge, last.at_ms, waiting, counts, START_MS, last.log, last.start)
    return batch, f"{batch.edge.size}\n{batch.edge.root().hex()}\n", head


def begin_next(store: LedgerStore, count: int = 2) -> Batch:
    """Closes the last log of the store and begins the next with so many statements."""
    head = store.head()
    assert head is not None
    waiting = [pending(statement(head.end + i), CASES[:1]) for i in range(count)]
    before = {name: n for name, (_, n) in store.series([CASES[0].name]).items()}
    batch = plan(Edge(), head.at_ms, waiting, before, START_MS, head.log + 1, head.end)
    store.commit(batch, f"{head.log + 1}: {batch.edge.size}\n", head)
    return batch


def write_as_of(schema: int, source: Path, target: Path) -> None:
    """The database of one log at `source`, in an earlier version of the schema."""
    DatabaseFile(target, MIGRATIONS[:schema]).close()
    with closing(sqlite3.connect(target)) as db, db:
        db.execute("ATTACH ? AS new", (str(source),))
        db.execute("INSERT INTO head SELECT 1, size, hashes, at_ms, note FROM new.head")
        db.execute("INSERT INTO cosigned SELECT size, note FROM new.cosigned")
        for table in ("entry", "statement", "series", "item"):
            db.execute(f"INSERT INTO {table} SELECT * FROM new.{table}")
        db.execute("INSERT INTO series_place SELECT * FROM new.series_place ORDER BY name, n")


def grow(store: LedgerStore, count: int = 1, series: Sequence[Series] = CASES[:1]) -> Batch:
    """Commits that many statements more."""
    head = store.head()
    size = head.end if head else 0
    batch, note, expected = planned(
        store, [pending(statement(size + i), series) for i in range(count)]
    )
    store.commit(batch, note, expected)
    return batch
