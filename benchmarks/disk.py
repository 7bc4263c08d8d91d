"""Bytes on disk for each entry: a busy log, and a quiet one that publishes each entry alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.ground import scratch
from benchmarks.measure import Row, Table
from benchmarks.workload import Workload, workload

KEY = "d"
LONE = 500


def run(quick: bool) -> Table:
    busy, lone = (2000, 100) if quick else (20_000, LONE)
    rows: list[Row] = []
    with scratch() as folder:
        with workload(folder / "busy") as load:
            envelope = len(load.statement(recording=False))
            for _ in range(busy // 1000):
                load.accept(load.statements(1000))
            load.publish()
            rows += _rows(f"busy log of {load.log.size:,}", load, load.log.size)
        with workload(folder / "lone") as load:
            load.publish()
            for _ in range(lone):
                load.accept(load.statements(1))
                load.publish()
            rows += _rows(f"{lone} lone deposits, each published", load, load.log.size)
    return Table(
        key=KEY,
        title="Bytes on disk",
        rows=tuple(rows),
        notes=(
            "Allocated blocks, not lengths. `public` is what a mirror keeps: bundles, tiles and "
            "partial tiles; those of a tile go when it is full, as tlog-tiles allows, so a quiet "
            "log keeps at most 255 of each of its last.",
            f"`ledger.sqlite` holds the statements themselves ({envelope} bytes each here), salts, "
            "entries and series; its write-ahead log was folded in before.",
        ),
    )


def _rows(what: str, load: Workload, size: int) -> list[Row]:
    with closing(sqlite3.connect(load.folder.ledger_db)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    parts = {"public": load.folder.public, "ledger.sqlite": load.folder.ledger_db}
    return [
        Row(f"{what}: {name}", "bytes/entry", (_allocated(path) / size,))
        for name, path in parts.items()
    ]


def _allocated(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(512 * file.stat().st_blocks for file in files)
