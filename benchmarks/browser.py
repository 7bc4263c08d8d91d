"""Checking a packet with one large item in the page, in Chromium, against openssl."""

import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ground import GIB, MB, fill, openssl_dgst, peak_mb, read_once, scratch
from benchmarks.measure import Ratio, Row, Table, seconds
from benchmarks.packet import packet_of
from browser.build import build

KEY = "p"
ROUNDS = 3
OPENSSL = "openssl dgst -sha256 of the item"
PATIENCE_MS = 600_000


def run(quick: bool) -> Table:
    sizes = (GIB >> 4, GIB >> 2) if quick else (GIB, 4 * GIB)
    rounds = 1 if quick else ROUNDS
    rows = tuple(row for size in sizes for row in _measure(size, rounds))
    table = Table(key=KEY, title="", rows=rows)
    median = table.median
    first, last = (_name(size) for size in sizes)
    return Table(
        key=KEY,
        title="Checking a packet in the page",
        rows=rows,
        ratios=(
            Ratio(
                "page, folder ÷ openssl", median(f"{last}: folder") / median(f"{last}: {OPENSSL}")
            ),
            Ratio(
                f"peak memory, {last} ÷ {first}",
                median(f"{last}: peak memory") / median(f"{first}: peak memory"),
            ),
        ),
        notes=(
            "Chromium without a screen, the page from a file, all steps of the verdict but "
            "completeness; from the click to the verdict. The files are in the page cache. One "
            "file is hashed by one worker: SHA-256 of the whole by WebAssembly, of its chunks by "
            "WebCrypto beside it. A zip's CRC-32 comes on top.",
            "Memory is the peak of the process in which page and workers run, over all rounds.",
        ),
    )


def _measure(size: int, rounds: int) -> Iterator[Row]:
    sys.path.append("tests")
    from testkit.chromium import open_chromium

    name = _name(size)
    with scratch() as folder:
        packed, trust = packet_of(folder, fill(folder / "recording.mp4", size))
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder)
        item = next((folder / "packet" / "data" / "items").glob("*.mp4"))
        page = folder / "verify.html"
        build(page)
        if shutil.which("openssl"):
            read_once(item)
            values = (size / seconds(lambda: openssl_dgst(item)) / MB for _ in range(rounds))
            yield Row(f"{name}: {OPENSSL}", "MB/s", tuple(values))
        peaks = []
        for what, packet in (("folder", folder / "packet"), ("zip", packed)):
            read_once(packed if what == "zip" else item)
            speeds = []
            for round_ in range(rounds):
                with open_chromium(folder / f"profile-{what}-{round_}") as chromium:
                    chromium.open(page)
                    chromium.give("packet", packet)
                    chromium.give("trust", trust)
                    speeds.append(size / seconds(lambda: _check(chromium)) / MB)
                    peaks.append(max(map(peak_mb, _renderers(chromium.pid))))
            yield Row(f"{name}: {what}", "MB/s", tuple(speeds))
        yield Row(f"{name}: peak memory", "MB", (max(peaks),))


def _name(size: int) -> str:
    return f"{size >> 20:>5,} MiB"


def _check(chromium: object) -> None:
    from testkit.chromium import Chromium

    assert isinstance(chromium, Chromium)
    chromium.ask("click", at="#check")
    chromium.ask("wait", **{"for": "#outcome, #trouble"}, timeout=PATIENCE_MS)
    if "passed" not in chromium.evaluate("document.querySelector('#outcome, #trouble').className"):
        raise RuntimeError("the packet that was just made does not hold")


def _renderers(pid: int) -> list[int]:
    """The processes below this one in which pages run."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue  # gone meanwhile
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, pending = [], [pid]
    while pending:
        for child in children.get(pending.pop(), []):
            pending.append(child)
            if b"--type=renderer" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found
