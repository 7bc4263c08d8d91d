"""The station is cut off before and after each write, each answer and each deletion."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from cli.station import card
from cli.station.card import Found
from ledger.suite import digest
from storage.database import DatabaseFile
from testkit.server import Ledger
from testkit.station import Desk, Line, desk, expected, open_desk, unique

NAMES = ("BWC_0001.MP4", "BWC_0001.LOG", "BWC_0002.MP4")
LANES = 5


class CutOff(BaseException):
    """The power is gone: nothing below this line runs."""


@dataclass
class Points:
    """Counts the moments at which a station may be cut off, and cuts it off at one of them."""

    at: int = -1
    passed: int = 0
    removed: list[tuple[bytes, bytes]] = field(default_factory=list)

    def tick(self) -> None:
        self.passed += 1
        if self.passed - 1 == self.at:
            raise CutOff

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def cut(*args: Any, **more: Any) -> Any:
            self.tick()
            answer = act(*args, **more)
            self.tick()
            return answer

        return cut


@contextmanager
def watched(points: Points, line: Line, root: Path) -> Iterator[None]:
    write = DatabaseFile.write
    remove = card.remove

    @contextmanager
    def cut_write(self: DatabaseFile) -> Iterator[Any]:
        own = self._path.name == "station.sqlite"
        if own:
            points.tick()
        with write(self) as db:
            yield db
        if own:
            points.tick()

    def cut_remove(place: Path, found: Found) -> None:
        data = (Path(place) / found.path.decode()).read_bytes()
        points.tick()
        remove(place, found)
        points.removed.append((found.path, digest(data)))
        points.tick()

    with ExitStack() as stack:
        for target, new in (
            ("storage.database.DatabaseFile.write", cut_write),
            ("cli.station.card.remove", cut_remove),
        ):
            stack.enter_context(patch(target, new))
        for module, name in (("sending", "write_file"), ("reading", "sync_folder")):
            target = f"cli.station.{module}.{name}"
            original = __import__("storage.durable", fromlist=[name]).__dict__[name]
            stack.enter_context(patch(target, points.around(original)))
        for name in ("upload", "file", "receipt", "readback"):
            stack.enter_context(patch.object(line, name, points.around(getattr(line, name))))
        yield


def shift(office: Desk) -> dict[str, bytes]:
    root = office.card()
    office.check_out(root)
    office.engine.step()
    away = office.pull(root)
    office.engine.step()
    office.rest(600)
    said = {}
    for name in NAMES:
        office.rest(60)
        said[name] = unique(name)
        office.record(away, f"DCIM/{name}", said[name])
    office.plug(away)
    return said


def one_day(scratch: Path, ledger: Ledger, points: Points) -> None:
    """A session with a cut somewhere in it, and the run after; raises if anything is wrong."""
    line = Line(ledger)
    with desk(scratch, ledger, line, wipe=True) as office:
        said = shift(office)
        clock = office.clock
        try:
            with watched(points, line, office.card()):
                office.settle(20)
            cut = False
        except CutOff:
            cut = True
    with open_desk(scratch, line, clock) as office:
        seen = office.settle(20)
        left = list((office.card() / "DCIM").iterdir())
        if not left:
            assert seen.devices[0].state == "wiped", seen.devices
        # How often cosigners are asked varies, and with it how many points there are.
        assert cut == (0 <= points.at < points.passed)
        assert left == []
        assert sorted(office.deposited()) == expected(said), "lost, or twice"
        assert office.gaps() == []
        assert [s.kind for s in office.logged()] == ["session"] * 2 + ["evidence"] * 2
        logged = {d for _, d in office.deposited()}
        assert {d for _, d in points.removed} <= logged, "wiped early"
        assert not [p for p in office.station.folder.spool.iterdir() if p.name[0] == "."]


@pytest.fixture(scope="module")
def count(tmp_path_factory: pytest.TempPathFactory, ledger: Ledger) -> int:
    points = Points()
    one_day(tmp_path_factory.mktemp("whole"), ledger, points)
    return points.passed


@pytest.mark.parametrize(
    "lane", [0, *(pytest.param(lane, marks=pytest.mark.slow) for lane in range(1, LANES))]
)
def test_a_station_cut_off_anywhere_loses_nothing_doubles_nothing_and_wipes_nothing_early(
    tmp_path: Path, ledger: Ledger, count: int, lane: int
) -> None:
    assert count > 60
    for at in range(lane, count, LANES):
        one_day(tmp_path / str(at), ledger, Points(at))
