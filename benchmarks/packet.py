"""Verifying a packet with one large item, as a folder and as a zip, against openssl."""

import shutil
import zipfile
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

from benchmarks.ground import (
    GIB,
    fill,
    ledger,
    measured,
    openssl_dgst,
    read_once,
    scratch,
    tiezheng,
)
from benchmarks.measure import Ratio, Row, Table

KEY = "e"
OPENSSL = "openssl dgst -sha256 of the item"
FOLDER = "tiezheng verify, folder"
ZIP = "tiezheng verify, zip"
LARGE = 20_000_000_000  # bytes, about what the page cache holds: as a folder, once


def run(quick: bool) -> Table:
    sizes = [GIB >> 4, GIB >> 2] if quick else [GIB, 4 * GIB]
    found = {size: _measure(size, 1 if quick else 5) for size in sizes}
    with scratch() as folder:
        room = shutil.disk_usage(folder).free
    if not quick and room > 3.05 * LARGE:
        found[LARGE] = _measure(LARGE, 1, zipped=False)
    rows = [Row(_of(size) + r.what, r.unit, r.runs) for size, rs in found.items() for r in rs]
    compared = shutil.which("openssl") is not None
    ratios = []
    for size, of_size in found.items():
        median = {row.what: row.median for row in of_size}
        for what, goal in ((FOLDER, 1.8), (ZIP, None)) if compared else ():
            if what in median:
                label = f"{_of(size)}{what.removeprefix('tiezheng ')} ÷ openssl"
                ratios.append(Ratio(label, median[what] / median[OPENSSL], goal))
    return Table(
        key=KEY,
        title="Verifying a packet with one large item",
        rows=tuple(rows),
        ratios=tuple(ratios),
        notes=(
            "The whole command, start-up and all steps of the verdict included; the files are "
            "in the page cache, as far as it holds them: not those of 20 GB.",
            "The goal is that of the chunk tree alone. A file matches its statement only if every "
            "digest does, and BagIt's manifest wants SHA-256 of the whole, which no second core "
            "can share: so both are computed, side by side. A zip's CRC-32 comes on top.",
            *(() if compared else ("openssl is missing here: no ratios.",)),
        ),
    )


def _of(size: int) -> str:
    return f"{size >> 20:>6,} MiB: "


def _measure(size: int, rounds: int, *, zipped: bool = True) -> tuple[Row, ...]:
    with scratch() as folder:
        packet, trust = packet_of(folder, fill(folder / "recording.mp4", size))
        with zipfile.ZipFile(packet) as archive:
            archive.extractall(folder)
        item = next((folder / "packet" / "data" / "items").glob("*.mp4"))
        works: dict[str, Callable[[], object]] = {
            FOLDER: partial(tiezheng, "verify", folder / "packet", "--trust", trust),
        }
        if zipped:
            works[ZIP] = partial(tiezheng, "verify", packet, "--trust", trust)
            read_once(packet)
        else:
            packet.unlink()
        if shutil.which("openssl"):
            works = {OPENSSL: partial(openssl_dgst, item), **works}
        read_once(item)
        return measured(rounds, works, rate=size)


def packet_of(folder: Path, item: Path) -> tuple[Path, Path]:
    """A packet with its quorum, from a real ledger and three cosigners; the item is used up."""
    root = folder / "stage"
    with ledger(root, [item], cosigned=True) as stage, redirect_stdout(StringIO()):
        stage.deposit()
        item.unlink()
        stage.fetch()
    shutil.rmtree(root / "ledger" / "items")
    return root / "packet.zip", root / "trust"
