"""The command itself is killed, again and again, while devices come and go."""

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from api.ids import new_id
from cli.station.folder import StationFolder
from cli.station.station import open_station
from ledger.suite import digest
from testkit.children import ROOT, die_with_parent
from testkit.server import Ledger, serving
from testkit.station import logged, settings

FILES = 12


@contextmanager
def running(folder: Path, *more: str) -> Iterator["subprocess.Popen[bytes]"]:
    code = "import sys; from cli.main import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "station", "run", str(folder), "--json", *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=die_with_parent,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        process.stderr.close()


def hear(process: "subprocess.Popen[bytes]", lines: int) -> None:
    """Waits until it has said so much, or has nothing to say."""
    assert process.stdout is not None
    fd, heard, ends = process.stdout.fileno(), b"", time.monotonic() + 2
    while heard.count(b"\n") < lines and (left := ends - time.monotonic()) > 0:
        if not select.select([fd], [], [], left)[0]:
            return
        heard += os.read(fd, 1 << 16)


def fill(card: Path, names: list[str], said: dict[str, bytes]) -> None:
    card.mkdir(parents=True, exist_ok=True)
    for name in names:
        data = os.urandom(20_000) + new_id(0).encode()
        said[name] = digest(data)
        (card / name).write_bytes(data)


def kill_and_count(scratch: Path, ledger: Ledger, address: str, kills: int, seed: int) -> None:
    dice = random.Random(seed)
    dock, folder = scratch / "dock", StationFolder(scratch / "station")
    dock.mkdir()
    own = replace(settings(scratch, ledger, dock), server=address, quiet_seconds=0, wipe=True)
    folder.make(replace(own, rescan_seconds=1))
    said: dict[str, bytes] = {}
    fill(dock / "BWC-0", [f"BWC_{n:04}.MP4" for n in range(1, FILES)], said)
    for kill in range(1, kills + 1):
        with running(folder.root) as process:
            if kill % 5 == 0:
                fill(dock / f"BWC-{kill}", [f"BWC_{kill:04}.JPG"], said)
            hear(process, dice.randrange(1, 5))
            time.sleep(dice.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)
        if kill % 7 == 0:
            # Pulled while nobody looked, and plugged in again after the next kill.
            for root in dock.iterdir():
                root.rename(scratch / root.name)
        elif kill % 7 == 1:
            for root in scratch.glob("BWC-*"):
                root.rename(dock / root.name)
    for root in scratch.glob("BWC-*"):
        root.rename(dock / root.name)
    for _ in range(3):  # it gives up where nothing changes for eight seconds: a machine may stall
        with running(folder.root, "--once") as process:
            _, err = process.communicate(timeout=280)
        if process.returncode == 0:
            break
    assert process.returncode == 0, err
    with open_station(folder.root) as station:
        found = Counter(s.digest.sha256 for e in logged(station, ledger) for s in e.files)
        gaps = {gap.kind for gap in station.store.gaps()}
    assert {found[sha256] for sha256 in said.values()} == {1}, "lost, or twice"
    assert gaps <= {"unpaired"}
    assert not [path for path in dock.rglob("*") if path.is_file()], "proven, and not wiped"
    assert not [path for path in folder.spool.iterdir() if path.name.startswith(".")]


@pytest.fixture(scope="module")
def address(ledger: Ledger) -> Iterator[str]:
    with serving(ledger.http.app) as address:  # type: ignore[arg-type]
        yield address


def test_eight_kills_lose_and_double_nothing(tmp_path: Path, ledger: Ledger, address: str) -> None:
    """The fifth brings another device, the seventh pulls them all, the eighth plugs them in."""
    kill_and_count(tmp_path, ledger, address, kills=8, seed=20)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(4))
def test_fifty_kills_lose_and_double_nothing(
    tmp_path: Path, ledger: Ledger, address: str, seed: int
) -> None:
    kill_and_count(tmp_path, ledger, address, kills=50, seed=seed)
