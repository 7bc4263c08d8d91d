"""Five hundred days in which nothing happened, through the whole station, without a line.

Each seed is one device with its own ways: how it names and numbers, what it writes beside a
recording, how its clock runs, whether its card is emptied. No false alarm, in any of them.
"""

import random
from pathlib import Path

import pytest

from ledger.encoding import format_time
from testkit.server import Ledger
from testkit.station import Desk, Line, desk

DEVICES, SESSIONS = 20, 25
FAST = 2  # devices of `make test`, one of them wiped; the others are `make slow`'s
DAY_S = 24 * 3600


class Device:
    """One recorder and the habits of its crew."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.number = self.dice.choice([0, 0, 41, 7345, 9950, 9990])
        self.prefix = self.dice.choice(["BWC_", "DSJ_", "MOV_"])
        self.sides = self.dice.choice([(), (".LOG",), (".GPS", ".LOG", ".SIG")])
        self.photos = self.dice.random() < 0.5
        self.ahead_ms = self.dice.randrange(-40_000, 40_000)
        self.measured = self.dice.random() < 0.5
        self.per_folder = self.dice.choice([5, 50, 1000])
        self.made = 0

    def next(self) -> str:
        self.number = self.number % 9999 + 1
        self.made += 1
        return f"{self.prefix}{self.number:04}"

    def record(self, office: Desk, away: Path) -> None:
        """One recording, closed when its time is over, as FAT rounds it."""
        office.rest(self.dice.randrange(5, 1800))
        shown = office.clock.wall + self.ahead_ms
        at_ms = shown - shown % 2000
        stem = f"DCIM/{100 + self.made // self.per_folder}MEDIA/{self.next()}"
        ending = ".JPG" if self.photos and self.dice.random() < 0.3 else ".MP4"
        office.record(away, stem + ending, self.dice.randbytes(64), at_ms)
        for side in self.sides:
            office.record(away, stem + side, self.dice.randbytes(8), at_ms + 2000)


@pytest.mark.parametrize(
    "seed",
    [*range(FAST), *(pytest.param(n, marks=pytest.mark.slow) for n in range(FAST, DEVICES))],
)
def test_clean_sessions_give_no_false_alarm(tmp_path: Path, ledger: Ledger, seed: int) -> None:
    device = Device(seed)
    wipes = seed % 2 == 1
    line = Line(ledger, cut=True)
    with desk(tmp_path, ledger, line) as office:
        root = office.card(f"BWC-{seed}")
        for _ in range(SESSIONS):
            shown = format_time(office.clock.wall + device.ahead_ms) if device.measured else ""
            office.check_out(root, device_time=shown)
            away = office.pull(root)
            office.engine.step()
            for _ in range(device.dice.choice([0, 1, 1, 2, 3, 5])):
                device.record(office, away)
            office.rest(device.dice.randrange(60, 600))
            root = office.plug(away)
            office.engine.step()
            office.rest()
            office.engine.step()
            assert office.view().devices[0].unplug
            if wipes:
                empty(office, root)
            office.rest(device.dice.randrange(3600, DAY_S))
        assert office.gaps() == []
        assert len(office.station.store.sessions()) == SESSIONS


def empty(office: Desk, root: Path) -> None:
    """As the station empties a card, once everything is proven."""
    for file in office.station.store.files():
        path = root / file.path.decode()
        if path.exists():
            path.unlink()
            office.station.store.wiped(file.id)
