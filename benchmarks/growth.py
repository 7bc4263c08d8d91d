"""What grows with the log: accepting, proving, auditing, opening, memory; 10⁴ to 10⁶ entries."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from api.cores import spread
from api.services import open_log
from benchmarks.ground import forget_peak, peak_mb, scratch
from benchmarks.measure import Curve, Row, Table, seconds
from benchmarks.workload import CASES, Workload, workload
from ledger.audit import audit_log
from ledger.evidence.membership import case_series
from ledger.evidence.series import Series
from ledger.evidence.statement import Kind
from ledger.sequencer import Head, Pending, plan
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import sign_note
from storage.public_directory import DirectoryLog

KEY = "g"
BATCH = 100
FILLED = 1000  # entries in a transaction while the log is grown
PROOFS = 300


@dataclass(frozen=True, slots=True)
class Filler:
    """A statement as the store sees one: growing a log to a million is not what is measured."""

    id: str
    kind: Kind = Kind.EVIDENCE


def run(quick: bool) -> Table:
    sizes = (2_000, 5_000) if quick else (10_000, 100_000, 1_000_000)
    rows: list[Row] = []
    points: dict[str, list[tuple[float, float]]] = {}
    with scratch() as folder, workload(folder / "ledger") as load:
        for size in sizes:
            _grow(load, size)
            _publish(load)
            for what, unit, value in _measure(load):
                rows.append(Row(f"{size:>9,} entries: {what}", unit, (value,)))
                points.setdefault(what, []).append((size, value))
    return Table(
        key=KEY,
        title="Growth",
        rows=tuple(rows),
        curves=tuple(
            Curve(what, tuple((x, y / values[0][1]) for x, y in values))
            for what, values in points.items()
        ),
        axes=("entries in the log", "as a multiple of the smallest log's"),
        notes=(
            "One log, grown by transactions of a thousand ready entries that are no part of the "
            f"figures. Accepting: batches of {BATCH}, signatures checked. Proofs of random "
            f"entries, median of {PROOFS}. The peak of memory is the process's, over everything "
            "measured at that size.",
        ),
    )


def _grow(load: Workload, size: int) -> None:
    """Straight into the store, with the cases' real series; then the log reads its head anew."""
    names = [case_series(f"苏城管罚〔{load.year}〕{i + 1}号", load.year) for i in range(CASES)]
    known = load.store.series(names)
    series = [Series(name, known[name][0]) for name in names]
    envelope = load.statement(recording=False)
    counts = {name: n for name, (_, n) in known.items()}
    head = load.store.head()
    assert head is not None
    while head.edge.size < size:
        count = min(FILLED, size - head.edge.size)
        pending = [
            Pending(Filler(os.urandom(16).hex()), envelope, os.urandom(32), (series[i % CASES],))
            for i in range(count)
        ]
        batch = plan(head.edge, head.at_ms, pending, counts, head.at_ms)
        counts |= {one.name: n for one, n in batch.series}
        text = batch.checkpoint(load.log.origin).to_text()
        note = SignedNote(text, (sign_note(text, load.log_key),)).to_text()
        load.store.commit(batch, note, head)
        head = Head(batch.edge, batch.at_ms, note)
    load.log.recover()


def _publish(load: Workload) -> str:
    head = load.log.materialise()
    assert head is not None
    load.log.publish(SignedNote.from_text(head.note))
    return head.note


def _measure(load: Workload) -> Iterator[tuple[str, str, float]]:
    forget_peak(os.getpid())
    batches = [load.statements(BATCH) for _ in range(10)]
    took = seconds(lambda: [load.accept(list(spread(load.log.open, b))) for b in batches])
    yield "accepting", "entries/s", BATCH * len(batches) / took
    yield "publishing a thousand more", "ms", 1000 * seconds(lambda: _publish(load))
    note = _publish(load)
    size = load.log.size
    chosen = [Random(1).randrange(size) for _ in range(PROOFS)]
    times = sorted(seconds(load.log.receipt, i, note) for i in chosen)
    yield "a proof", "ms", 1000 * times[PROOFS // 2]
    yield "opening the ledger", "ms", 1000 * seconds(lambda: open_log(load.folder, load.store))
    files = DirectoryLog(load.folder.public / load.log.label)
    _, trusted = open_log(load.folder, load.store)
    took = seconds(lambda: audit_log(files, trusted))
    yield "auditing, one core", "entries/s", size / took
    yield "peak memory", "MB", peak_mb(os.getpid())
