"""A disk of a few megabytes that is full and has room again, with nothing done at the station."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cli.station.reading import LEAST_RESERVE
from testkit.server import Ledger
from testkit.station import Desk, desk, expected, unique

SPARE = 8 << 20  # what a small disk has besides the least reserve


@pytest.fixture
def small(tmp_path: Path, ledger: Ledger) -> Iterator[Desk]:
    """A station on a disk of its own, with `reserve_bytes = 0`."""
    folder = tmp_path / "station"
    folder.mkdir()
    size = f"size={LEAST_RESERVE + SPARE}"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tiezheng-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs root and a tmpfs of its own")
    try:
        with desk(tmp_path, ledger, reserve_bytes=0) as office:
            office.engine.docker.unattended = True
            yield office
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def recorded(office: Desk, count: int) -> dict[str, bytes]:
    root = office.card()
    made = {f"BWC_{n + 1:04}.MP4": unique("full") * 300 for n in range(count)}
    for name, data in made.items():
        office.record(root, name, data)
    return made


def test_a_disk_full_of_recordings_still_sends_them(small: Desk) -> None:
    made = recorded(small, 24)
    small.line.cut = True
    assert small.settle().devices[0].state == "waiting"
    small.line.cut = False
    seen = small.settle(80)
    assert seen.devices[0].wipe
    assert sorted(small.deposited()) == expected(made)


def test_a_disk_that_others_have_filled_recovers_when_there_is_room(small: Desk) -> None:
    made = recorded(small, 6)
    ballast = small.folder / "station" / "ballast"
    with suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(bytes(1 << 20))
    small.rest()
    small.engine.step()
    small.rest()
    small.engine.step()
    assert "no room" in " ".join(small.engine.errors.values()) and not small.deposited()
    ballast.unlink()
    seen = small.settle(40)
    assert seen.devices[0].wipe and not small.engine.errors
    assert sorted(small.deposited()) == expected(made)
