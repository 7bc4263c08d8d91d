"""A log is closed and the next begins: a station goes on, and believes it with the new folder."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api import next_log
from cli.station.history import check_history
from cli.station.station import AFTER
from ledger.errors import Rejected, Unknown
from testkit.sequence import NEXT, go_on, reopened
from testkit.server import Office, open_ledger
from testkit.station import Desk, Line, desk, expected, open_desk, shift
from testkit.world import HandClock


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, list[Office]]]:
    """A station with a trust folder of its own has deposited; then its ledger's log is closed."""
    monkeypatch.setattr(next_log, "QUORUM_S", 60.0)
    data, trust = tmp_path / "data", tmp_path / "trust"
    with open_ledger(data) as ledger:
        shutil.copytree(data / "trust", trust)
        with desk(tmp_path, ledger, trust=str(trust)) as office:
            said = deposit(office, "BWC_0001.MP4")
            assert sorted(office.deposited()) == expected(said)
            follow(office)
            assert after(office)["origin"].endswith("/2026")
        people = ledger.offices
    go_on(data, people)
    yield data, people


def deposit(office: Desk, name: str) -> dict[str, bytes]:
    away, said = shift(office, name)
    office.plug(away)
    office.settle()
    return said


def follow(office: Desk) -> None:
    office.rest(40)
    office.engine.step()


def after(office: Desk) -> dict[str, str]:
    return dict(json.loads(office.station.store.fact(AFTER) or "{}"))


def clock_of(office_ms: int = 0) -> HandClock:
    import time

    return HandClock(time.time_ns() // 1_000_000 + office_ms)


def test_a_station_goes_on_and_believes_the_next_log_once_it_is_told_of_it(
    closed: tuple[Path, list[Office]], tmp_path: Path
) -> None:
    data, people = closed
    with reopened(data, people) as ledger:
        with open_desk(tmp_path, Line(ledger), clock_of(3_600_000)) as office:
            deposit(office, "BWC_0002.MP4")
            # It is logged, and the station does not know the log: it keeps everything.
            assert ledger.services.log.size > 2
            assert office.station.store.unanswered(evidence=False, after=0, limit=9)
            assert not [device for device in office.view().devices if device.wipe]
        shutil.rmtree(tmp_path / "trust")
        shutil.copytree(data / "trust", tmp_path / "trust")
        with open_desk(tmp_path, Line(ledger), clock_of(7_200_000)) as office:
            office.settle()
            for evidence in (False, True):
                assert not office.station.store.unanswered(evidence=evidence, after=0, limit=9)
            follow(office)
            assert after(office)["origin"] == NEXT
            assert office.view().why == ""
            # What the ledger showed once it may not hide again.
            note = office.line.checkpoint("2026")
            with pytest.raises(Rejected, match="was shown before, and now only"):
                check_history(office.station, note, office.line.log_file)


def test_a_trust_folder_may_come_before_its_last_log(
    closed: tuple[Path, list[Office]], tmp_path: Path
) -> None:
    data, people = closed
    shutil.rmtree(tmp_path / "trust")
    shutil.copytree(data / "trust", tmp_path / "trust")
    with reopened(data, people) as ledger:
        line = Line(ledger)
        real = line.checkpoint

        def only_the_first(label: str) -> bytes:
            if label != "2026":
                raise Unknown(f"no checkpoint of {label!r} yet")
            return real(label)

        line.checkpoint = only_the_first  # type: ignore[method-assign]
        with open_desk(tmp_path, line, clock_of(3_600_000)) as office:
            follow(office)
            assert after(office)["origin"].endswith("/2026")
            assert office.view().why == ""
