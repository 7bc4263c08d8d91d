"""The engine with its threads, and what the operator sees of it."""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.language import choose
from cli.station.engine import Engine
from cli.station.screen import Screen, device_line, gap_lines
from cli.station.station import open_station
from cli.station.view import DeviceView, GapView, StationView, view
from testkit.server import Ledger, await_that
from testkit.station import Desk, Line, desk, unique


@contextmanager
def running(scratch: Path, ledger: Ledger, **more: Any) -> Iterator[tuple[Desk, Engine]]:
    """An engine in its own threads under the machine's own clock."""
    own = {"quiet_seconds": 0, "rescan_seconds": 1, "wipe": True} | more
    with desk(scratch, ledger, **own) as office, open_station(office.station.folder.root) as open_:
        engine = Engine(open_, lambda: Line(ledger))
        told: list[StationView] = []
        thread = threading.Thread(
            target=engine.run, args=(lambda: told.append(view(open_, engine)),)
        )
        thread.start()
        try:
            yield office, engine
        finally:
            engine.stop()
            thread.join(60)
            assert not thread.is_alive()
            assert told


def test_several_devices_at_once_are_read_proven_and_wiped(tmp_path: Path, ledger: Ledger) -> None:
    with running(tmp_path, ledger) as (office, engine):
        paths = []
        for n in range(5):
            for number in range(3):
                name = f"BWC_{number + 1:04}.MP4"
                paths.append(office.record(office.card(f"BWC-{n}"), name, unique("run")))
        await_that(lambda: not any(path.exists() for path in paths), "the wiping")
        assert engine.errors == {}
        assert len(office.deposited()) == 15


def test_where_watching_fails_the_rescan_does_it(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **more: Any) -> Any:
        raise OSError("no inotify here")

    monkeypatch.setattr("watchfiles.watch", broken)
    with running(tmp_path, ledger) as (office, _):
        path = office.record(office.card(), "BWC_0001.MP4", unique("run"))
        await_that(lambda: not path.exists(), "the wiping")


def test_a_fault_of_ours_in_one_device_does_not_hold_up_another(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli.station import card

    list_card = card.list_card

    def faulty(root: Path) -> Any:
        if root.name == "BWC-BAD":
            raise RuntimeError("a bug")
        return list_card(root)

    monkeypatch.setattr("cli.station.card.list_card", faulty)
    with running(tmp_path, ledger) as (office, engine):
        office.record(office.card("BWC-BAD"), "BWC_0001.MP4", unique("run"))
        path = office.record(office.card("BWC-GOOD"), "BWC_0001.MP4", unique("run"))
        await_that(lambda: not path.exists(), "the wiping")
        assert "a fault of the program: RuntimeError" in engine.docker.problems["BWC-BAD"]


def test_a_station_that_is_told_to_stop_does_not_read_to_the_end(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, ledger, wipe=False) as (office, engine):
        monkeypatch.setattr("cli.station.reading.PIECE", 1)
        path = office.card() / "BWC_0001.MP4"
        with path.open("wb") as file:
            file.truncate(1 << 30)
        await_that(lambda: engine.moved.get("BWC-310", 0) > 10, "the reading")
    assert engine.moved["BWC-310"] < 1 << 30


# --- the screen ------------------------------------------------------------------------------

DEVICE = DeviceView(
    name="BWC-310",
    state="reading",
    unplug=False,
    wipe=False,
    session="",
    officers=[],
    files=3,
    read=1,
    logged=0,
    proven=0,
    wiped=0,
    bytes=3_000_000,
    bytes_read=1_000_000,
    bytes_moved=1_000_000,
    kept={"not_sent": 3, "not_read": 2},
    problem="",
    delay_s=0,
)
GAP = GapView(
    number=3,
    device="BWC-310",
    kind="counter_skipped",
    note="BWC_ 0003-0003",
    at="2026-11-23T17:30:00+08:00",
    state="open",
    cause="",
    overdue=True,
)
VIEW = StationView(
    live=True,
    looked="",
    running=True,
    at="2026-11-23T17:30:00+08:00",
    online=True,
    why="",
    clock_back_ms=0,
    wipes=False,
    spool_used=0,
    spool_limit=10**9,
    waiting=0,
    waiting_s=0,
    backup=0,
    refused=[],
    devices=[DEVICE],
    gaps=[GAP],
)


class Live:
    """Takes what `rich.live.Live` takes, and keeps it as text."""

    def __init__(self, height: int = 30) -> None:
        self.console = Console(
            file=io.StringIO(), width=100, height=height, force_terminal=True, color_system=None
        )
        self.shown = ""

    def update(self, renderable: Any, *, refresh: bool) -> None:
        with self.console.capture() as captured:
            self.console.print(renderable)
        self.shown = captured.get()


@pytest.fixture(autouse=True)
def english() -> None:
    choose([], {})


@pytest.mark.parametrize(
    ("state", "en", "zh"),
    [
        ("reading", "do NOT unplug", "请勿拔出"),
        ("waiting", "do NOT unplug", "请勿拔出"),
        ("stopped", "do NOT unplug", "请勿拔出"),
        ("unplug", "SAFE TO UNPLUG", "可以拔出"),
        ("wipe", "SAFE TO WIPE", "可以清除"),
        ("wiped", "WIPED", "已清除"),
    ],
)
def test_the_screen_says_what_may_be_done(state: str, en: str, zh: str) -> None:
    safe = state in ("unplug", "wipe", "wiped")
    device = replace(DEVICE, state=state, unplug=safe)
    for language, words in (("en", en), ("zh", zh)):
        choose([f"--lang={language}"], {})
        live = Live()
        Screen(live).show(replace(VIEW, devices=[device]))
        assert words in live.shown
        if not safe:
            assert "SAFE" not in live.shown and "可以" not in live.shown


def test_the_first_step_that_is_missing_is_the_reason() -> None:
    assert "not to be wiped: not read yet (2)" in device_line(DEVICE)
    assert "not sent" not in device_line(DEVICE)


def test_a_gap_is_told_with_its_number_and_that_it_is_overdue() -> None:
    (line,) = gap_lines(VIEW)
    assert line == "#3 BWC-310: numbers are missing: BWC_ 0003-0003 · open OVERDUE"


def test_more_devices_than_fit_are_counted_and_the_troubled_come_first() -> None:
    devices = [replace(DEVICE, name=f"BWC-{n:02}", state="wipe", unplug=True) for n in range(30)]
    devices.append(replace(DEVICE, name="BWC-99", state="stopped", problem="the cable is loose"))
    live = Live(height=24)
    Screen(live).show(replace(VIEW, devices=devices))
    lines = live.shown.splitlines()
    assert len(lines) <= 24
    assert next(line for line in lines if "BWC-" in line).startswith("BWC-99")
    assert "the cable is loose" in live.shown
    assert "and 25 more" in live.shown


def test_a_clock_that_was_moved_back_is_on_the_screen() -> None:
    live = Live()
    Screen(live).show(replace(VIEW, clock_back_ms=3_600_000))
    assert "CLOCK WAS MOVED BACK by 3600 s" in live.shown


def test_the_pace_is_that_of_the_last_seconds() -> None:
    live = Live()
    screen = Screen(live)
    screen.show(VIEW)
    time.sleep(0.01)
    screen.show(replace(VIEW, devices=[replace(DEVICE, bytes_moved=2_000_000)]))
    assert "/s" in live.shown
