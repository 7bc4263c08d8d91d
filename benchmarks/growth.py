"""What grows with the log: accepting, proving, auditing, opening, memory; 10⁴ to 10⁶ entries."""

import os
from collections.abc import Iterator
from random import Random

from api.cores import spread
from api.services import open_log
from benchmarks.ground import forget_peak, peak_mb, scratch
from benchmarks.measure import Curve, Row, Table, seconds
from benchmarks.workload import Workload, workload
from ledger.audit import audit_log
from storage.public_copy import DirectoryLog

KEY = "g"
BATCH = 100
PROOFS = 300


def run(quick: bool) -> Table:
    sizes = (2_000, 5_000) if quick else (10_000, 100_000, 1_000_000)
    rows: list[Row] = []
    points: dict[str, list[tuple[float, float]]] = {}
    with scratch() as folder, workload(folder / "ledger") as load:
        for size in sizes:
            load.grow(size)
            load.publish()
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


def _measure(load: Workload) -> Iterator[tuple[str, str, float]]:
    forget_peak(os.getpid())
    batches = [load.statements(BATCH) for _ in range(10)]
    took = seconds(lambda: [load.accept(list(spread(load.log.open, b))) for b in batches])
    yield "accepting", "entries/s", BATCH * len(batches) / took
    yield "publishing a thousand more", "ms", 1000 * seconds(load.publish)
    note = load.publish()
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
