"""The commands, against a real server; what the operator reads."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.station.folder import Settings, StationFolder, from_toml, to_toml
from ledger.errors import Malformed
from storage.folder_lock import FolderLock
from testkit.server import AGENCY, HANDLER, STATION, Ledger, serving
from testkit.station import settings
from testkit.terminal import Ended, Run


@pytest.fixture(scope="module")
def address(ledger: Ledger) -> Iterator[str]:
    with serving(ledger.http.app) as address:  # type: ignore[arg-type]
        yield address


class Office:
    def __init__(self, desk: Path, run: Run, ledger: Ledger, address: str) -> None:
        self.desk, self._run, self.ledger, self.address = desk, run, ledger, address
        self.dock = desk / "dock"
        self.dock.mkdir()
        for signer in (STATION, HANDLER):
            (desk / f"{signer.name}.key").write_text(signer.to_text() + "\n")

    def init(self, *more: str | Path) -> Ended:
        return self._run(
            "station", "init", self.desk / "station", "--server", self.address,
            "--key", self.desk / f"{STATION.name}.key", "--trust", self.ledger.folder / "trust",
            "--agency", AGENCY, "--dock", self.dock, *more,
        )  # fmt: skip

    def station(self, name: str, *more: str | Path) -> Ended:
        return self._run("station", name, self.desk / "station", *more)

    def hurry(self) -> None:
        """Without the waiting for a card to stand still."""
        file = self.desk / "station" / "station.toml"
        file.write_text(file.read_text().replace("quiet_seconds = 3", "quiet_seconds = 0"))


@pytest.fixture
def office(tmp_path: Path, run: Run, ledger: Ledger, address: str) -> Office:
    return Office(tmp_path, run, ledger, address)


def test_a_station_is_made_private_and_only_once(office: Office) -> None:
    ended = office.init()
    assert ended.code == 0, ended.err
    folder = office.desk / "station"
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    again = office.init()
    assert again.code == 1
    assert "is a station's folder already" in again.err


def test_a_dock_that_is_not_there_is_named(office: Office) -> None:
    ended = office.init("--dock", office.desk / "nowhere")
    assert ended.code == 4
    assert "nowhere" in ended.err
    assert not (office.desk / "station").exists()


def test_a_day_by_hand(office: Office) -> None:
    office.init()
    office.hurry()
    card = office.dock / "BWC-310"
    card.mkdir()
    ended = office.station("check-out", "BWC-310", "--officer", "3205-0147")
    assert ended.code == 0, ended.err
    assert "BWC-310 is handed out" in ended.out
    assert "its clock was not measured" in ended.err
    assert "a marker, which can be copied" in ended.err
    again = office.station("check-out", "BWC-310", "--officer", "3205-0147")
    assert again.code == 1
    assert "handed out already" in again.err
    (card / "BWC_0002.MP4").write_bytes(b"second" + str(office.desk).encode())
    (card / "BWC_0004.MP4").write_bytes(b"fourth" + str(office.desk).encode())
    ended = office.station("run", "--once")
    assert ended.code == 0, ended.err
    assert "SAFE TO UNPLUG · SAFE TO WIPE" in ended.out
    status = office.station("status", "--json")
    seen = json.loads(status.out)
    assert [(g["kind"], g["note"]) for g in seen["gaps"]] == [("counter_skipped", "BWC_ 0003-0003")]
    assert seen["devices"][0]["logged"] == 2
    number = str(seen["gaps"][0]["number"])
    key = office.desk / f"{HANDLER.name}.key"
    ended = office.station("explain", number, "--reason", "test_recording", "--key", key)
    assert ended.code == 0, ended.err
    office.station("run", "--once")
    seen = json.loads(office.station("status", "--json").out)
    assert seen["gaps"][0]["state"] == "explained"


def test_a_recording_of_a_size_that_breaks_off_is_sent_and_proven(office: Office) -> None:
    office.init("--wipe")
    office.hurry()
    (office.dock / "BWC-310").mkdir()
    path = office.dock / "BWC-310" / "BWC_0001.MP4"
    with path.open("wb") as file:
        file.write(str(office.desk).encode())
        file.truncate(70 << 20)
    ended = office.station("run", "--once")
    assert ended.code == 0, ended.err
    assert "WIPED" in ended.out
    assert not path.exists()


def test_without_a_run_nothing_is_called_safe(office: Office) -> None:
    office.init()
    office.hurry()
    (office.dock / "BWC-310").mkdir()
    (office.dock / "BWC-310" / "BWC_0001.MP4").write_bytes(str(office.desk).encode())
    assert "NOT RUNNING: nobody has looked" in office.station("status").out
    assert "SAFE TO WIPE" in office.station("run", "--once").out
    ended = office.station("status")
    assert "NOT RUNNING: nobody watches the docks. As of 20" in ended.out
    assert "had been read twice and proven" in ended.out
    assert "SAFE" not in ended.out
    seen = json.loads(office.station("status", "--json").out)
    assert (seen["live"], seen["running"]) == (False, False)
    assert (seen["devices"][0]["unplug"], seen["devices"][0]["wipe"]) == (False, False)


def test_status_beside_a_run_leaves_what_is_safe_to_its_screen(office: Office) -> None:
    office.init()
    office.hurry()
    (office.dock / "BWC-310").mkdir()
    (office.dock / "BWC-310" / "BWC_0001.MP4").write_bytes(str(office.desk).encode())
    office.station("run", "--once")
    with FolderLock(office.desk / "station" / "lock"):
        ended = office.station("status")
        assert json.loads(office.station("status", "--json").out)["running"] is True
    assert "only the screen of `run`" in ended.out
    assert "SAFE" not in ended.out and "NOT RUNNING" not in ended.out


def test_a_gap_that_is_not_there_is_named(office: Office) -> None:
    office.init()
    key = office.desk / f"{HANDLER.name}.key"
    ended = office.station("explain", "7", "--reason", "battery", "--key", key)
    assert ended.code == 1
    assert "no gap 7" in ended.err


def test_the_screen_speaks_chinese(office: Office) -> None:
    office.init()
    office.hurry()
    (office.dock / "BWC-310").mkdir()
    (office.dock / "BWC-310" / "BWC_0001.MP4").write_bytes(str(office.desk).encode())
    ended = office.station("run", "--once", "--lang", "zh")
    assert "可以拔出" in ended.out
    assert "未领用设备" in ended.out
    assert "待说明" in ended.out


def test_each_change_is_one_line_of_json(office: Office) -> None:
    office.init()
    office.hurry()
    (office.dock / "BWC-310").mkdir()
    (office.dock / "BWC-310" / "BWC_0001.MP4").write_bytes(str(office.desk).encode())
    ended = office.station("run", "--once", "--json")
    views = [json.loads(line) for line in ended.out.splitlines()]
    assert [d["name"] for d in views[-1]["devices"]] == ["BWC-310"]
    assert views[-1]["devices"][0]["unplug"] is True


def test_two_runs_of_one_station_are_refused(office: Office) -> None:
    from storage.folder_lock import FolderLock

    office.init()
    with FolderLock(office.desk / "station" / "lock"):
        ended = office.station("run", "--once")
    assert ended.code == 1
    assert "is in use by process" in ended.err


def test_a_folder_that_is_no_station_says_how_to_make_one(office: Office) -> None:
    ended = office.station("run")
    assert ended.code == 4
    assert "tiezheng station init" in ended.err


# --- settings --------------------------------------------------------------------------------


def test_settings_are_read_back_as_they_were(tmp_path: Path, ledger: Ledger) -> None:
    own = settings(tmp_path, ledger, tmp_path / '执法"站', names=("BWC_*_####",), wipe=True)
    assert from_toml(to_toml(own).encode()) == own
    StationFolder(tmp_path / "s").make(own)
    assert StationFolder(tmp_path / "s").read() == own


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("wiep = true", "wiep"),
        ("wipe = 1", "wipe"),
        ("spool_bytes = -1", "spool_bytes"),
        ("spool_bytes = true", "spool_bytes"),
        ('names = "x"', "names"),
        ("server = 7", "server"),
    ],
)
def test_a_bad_setting_is_named(line: str, path: str) -> None:
    good = to_toml(Settings(server="s", key="k", trust="t", agency="a", docks=("d",)))
    name = line.partition(" ")[0]
    rest = [row for row in good.splitlines() if not row.startswith(f"{name} ")]
    with pytest.raises(Malformed, match=path):
        from_toml("\n".join([*rest, line]).encode())


@pytest.mark.parametrize("data", [b"a = " + b"9" * 5000, b"\xff", b"a = " + b"[" * 5000])
def test_settings_that_cannot_be_read_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="want TOML"):
        from_toml(data)


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(Malformed, match="server"):
        from_toml(b"")
