"""Eight devices, from dock to safe to wipe, against dd and openssl on the same files."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.ground import (
    GIB,
    MB,
    cpu_seconds,
    fill,
    forget_peak,
    ledger,
    openssl_dgst,
    peak_mb,
    scratch,
)
from benchmarks.measure import Ratio, Row, Table, seconds
from cli.demo import AGENCY, Stage

KEY = "h"
DEVICES = 8
FILES = 4  # on each device
PEER = "dd conv=fdatasync, then openssl dgst -sha256 of the copy, two at a time"
OURS = "tiezheng station run, until all are safe to wipe"
READ = "the same, until all are safe to unplug"


@dataclass(slots=True)
class Measured:
    safe: list[float] = field(default_factory=list)
    unplug: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    station_cpu: list[float] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)
    station_peak: list[float] = field(default_factory=list)
    server_peak: list[float] = field(default_factory=list)


def run(quick: bool) -> Table:
    size = (GIB >> 6) if quick else (GIB >> 4)
    rounds = 1 if quick else 3
    found = Measured()
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        stage = stack.enter_context(ledger(folder / "ledger", [], cosigned=True))
        for n in range(rounds):
            _round(stage, folder / f"round-{n}", size, found)
        growth = [_alone(stage, folder / f"alone-{times}", size * times, found) for times in (1, 8)]
    return _table(found, size, growth)


def _round(stage: Stage, folder: Path, size: int, found: Measured) -> None:
    """New devices each time: what the ledger has already would not be sent again."""
    files = _dock(folder, DEVICES, FILES, size)
    total = size * len(files)
    found.peer.append(total / seconds(_peer, files, folder) / MB)
    server = int((stage.root / "ledger" / "lock").read_text())
    before = cpu_seconds(server)
    forget_peak(server)
    watched = _station(stage, folder, DEVICES)
    found.safe.append(total / watched.safe_s / MB)
    found.unplug.append(total / watched.unplug_s / MB)
    found.station_cpu.append(watched.cpu_s / (total / MB / 1000))
    found.server_cpu.append((cpu_seconds(server) - before) / (total / MB / 1000))
    found.station_peak.append(watched.peak)
    found.server_peak.append(peak_mb(server))


def _alone(stage: Stage, folder: Path, size: int, found: Measured) -> Row:
    """The memory of one file of that size."""
    _dock(folder, 1, 1, size)
    watched = _station(stage, folder, 1)
    return Row(
        f"peak memory of a station with one file of {size >> 20:,} MiB", "MB", (watched.peak,)
    )


@dataclass(frozen=True, slots=True)
class Watched:
    safe_s: float
    unplug_s: float
    cpu_s: float
    peak: float


def _station(stage: Stage, folder: Path, devices: int) -> Watched:
    station = folder / "station"
    stage.run(
        *("station", "init", str(station), "--server", stage.server, "--agency", AGENCY),
        *("--key", str(stage.root / "keys" / "station.key"), "--trust", str(stage.root / "trust")),
        *("--dock", str(folder / "dock")),
    )
    settings = (station / "station.toml").read_text()
    assert tomllib.loads(settings)["wipe"] is False
    with _running(station, folder / "journal") as (pid, lines):
        unplug_s = 0.0
        start = _now()
        for line in lines:
            seen = json.loads(line)["devices"]
            if not unplug_s and len(seen) == devices and all(d["unplug"] for d in seen):
                unplug_s = _now() - start
            if len(seen) == devices and all(d["wipe"] for d in seen):
                return Watched(_now() - start, unplug_s, cpu_seconds(pid), peak_mb(pid))
    raise RuntimeError(f"the station ended early: {(folder / 'journal').read_text()[-500:]}")


@contextmanager
def _running(station: Path, journal: Path) -> Iterator[tuple[int, Iterator[str]]]:
    code = "import sys; from cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "station", "run", str(station), "--json"]
    with journal.open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        yield process.pid, iter(process.stdout)
    finally:
        process.terminate()
        process.wait(30)


def _dock(folder: Path, devices: int, files: int, size: int) -> list[Path]:
    made = []
    for device in range(devices):
        card = folder / "dock" / f"BWC-{device:03}-{folder.name}"
        card.mkdir(parents=True)
        made += [fill(card / f"BWC_{n:04}.MP4", size) for n in range(1, files + 1)]
    return made


def _peer(files: list[Path], folder: Path) -> None:
    """What a station without any of our promises does: copy, sync, hash."""

    def one(numbered: tuple[int, Path]) -> None:
        copy = folder / f"copy-{numbered[0]}"
        command = ["dd", f"if={numbered[1]}", f"of={copy}", "bs=4M", "conv=fdatasync"]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        openssl_dgst(copy)
        copy.unlink()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, enumerate(files)))


def _now() -> float:
    return os.times().elapsed


def _table(found: Measured, size: int, growth: list[Row]) -> Table:
    rows = (
        Row(PEER, "MB/s", tuple(found.peer)),
        Row(READ, "MB/s", tuple(found.unplug)),
        Row(OURS, "MB/s", tuple(found.safe)),
        Row("station, processor time", "s/GB", tuple(found.station_cpu)),
        Row("server, processor time", "s/GB", tuple(found.server_cpu)),
        Row(f"peak memory of the station with {DEVICES} devices", "MB", tuple(found.station_peak)),
        Row("peak memory of the server meanwhile", "MB", tuple(found.server_peak)),
        *growth,
    )
    median = {row.what: row.median for row in rows}
    return Table(
        key=KEY,
        title=f"{DEVICES} devices with {FILES} files of {size >> 20} MiB each, from dock to safe",
        rows=rows,
        ratios=(
            Ratio("safe to unplug ÷ dd and openssl", median[READ] / median[PEER]),
            Ratio("safe to wipe ÷ dd and openssl", median[OURS] / median[PEER]),
        ),
        notes=(
            "Station, ledger and three cosigners are processes of their own on this machine and "
            "share its two cores and its disk; at a real dock the ledger has its own.",
            "Safe to unplug: listed and signed, read once with both digests into the spool, "
            "synced, read again from the device. Safe to wipe: besides, uploaded, read back by the "
            "server, sealed, stored, read back once more behind a nonce, logged, cosigned, and "
            "the answers durable on the station.",
            "From the first line that the station prints, so the three seconds for which a card "
            "must stand still are in. Devices are folders on the same disk.",
        ),
    )
