"""Building a packet: one large item, and many small ones, against cp of the same files."""

import os
import subprocess
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from benchmarks.ground import GIB, MB, fill, ledger, measured, read_once, scratch, tiezheng
from benchmarks.measure import Ratio, Row, Table

KEY = "o"
COPY, SYNCED, BUILT = "cp", "cp, then sync", "tiezheng packet"
SMALL = 100_000  # bytes: a photo


def run(quick: bool) -> Table:
    large = [GIB >> 4] if quick else [GIB]
    small = [SMALL] * (20 if quick else 1000)
    rounds = 1 if quick else 5
    names = f"one of {large[0] >> 20:,} MiB: ", f"{len(small):,} of {SMALL // 1000} kB: "
    rows: list[Row] = []
    ratios: list[Ratio] = []
    for name, sizes in zip(names, (large, small), strict=True):
        found = _measure(sizes, rounds)
        median = {row.what: row.median for row in found}
        rows += [Row(name + row.what, row.unit, row.runs) for row in found]
        for peer in (COPY, SYNCED):
            ratios.append(Ratio(f"{name}packet ÷ {peer}", median[BUILT] / median[peer]))
    return Table(
        key=KEY,
        title="Building a packet",
        rows=tuple(rows),
        ratios=tuple(ratios),
        notes=(
            "The whole command, from a ledger that runs: planned, read from sealed items, each "
            "block opened, CRC-32 and zip, over loopback, written and synced by who asked; that it "
            "was asked for is logged first. Files in the page cache.",
            "cp makes the same bytes on the same disk without opening, checking or signing "
            "anything, over the copy of the round before.",
            "Memory is that of the command; the server's is in (b).",
        ),
    )


def _measure(sizes: list[int], rounds: int) -> tuple[Row, ...]:
    with scratch() as folder:
        (items := folder / "given").mkdir()
        files = [fill(items / f"{n:05}.jpg", size) for n, size in enumerate(sizes)]
        with ledger(folder / "stage", [], cosigned=True) as stage, redirect_stdout(StringIO()):
            first = fill(folder / "first.txt", 100)
            stage.sources = [first]
            stage.deposit()
            _deposit(stage.case, stage.server, stage.root, files)
            stage.fetch("--incomplete")
            token = stage.root / "keys" / "court.token"
            target, copied = folder / "packet.zip", folder / "copied"

            def build() -> float:
                target.unlink(missing_ok=True)
                asked = ("packet", stage.case, "-o", target, "--incomplete")
                return tiezheng(*asked, "--server", stage.server, "--token-file", token)

            def copy(*, synced: bool) -> None:
                subprocess.run(["cp", "-rT", items, copied], check=True)
                if synced:
                    subprocess.run(["sync", "-f", copied], check=True)

            for path in files:
                read_once(path)
            works: dict[str, Callable[[], object]] = {
                COPY: lambda: copy(synced=False),
                SYNCED: lambda: copy(synced=True),
                BUILT: build,
            }
            rows = measured(rounds, works)
            size = os.stat(target).st_size
        return (*rows, Row("packet", "MB", (size / MB,)))


def _deposit(case: str, server: str, root: Path, files: list[Path]) -> None:
    """In one command: a process for each would take a second."""
    key, trust = root / "keys" / "station.key", root / "trust"
    where = ("--case", case, "--server", server, "--key", key, "--trust", trust)
    tiezheng("deposit", *files, *where, "--keep", root / "receipts")
