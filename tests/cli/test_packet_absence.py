"""A packet with the word of a mirror in it: fetched, added, believed or not by who verifies."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from api.absences import MirroredLog
from api.clients.absences import add_statements
from api.clients.log_http import HttpLog
from api.following import Follower
from api.mirror import create_mirror_app, follow
from ledger.errors import Rejected, Unavailable
from storage.packet_additions import add_files
from storage.packets import open_packet
from storage.tag_index_sqlite import SqliteTagIndex
from testkit.case import make_case
from testkit.mirrors import MIRROR
from testkit.server import CASE, Ledger, open_ledger, serving
from testkit.terminal import Ended, Run


@pytest.fixture(autouse=True)
def short_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


@dataclass
class Court:
    ledger: Ledger
    address: str
    mirror: str
    log: MirroredLog
    desk: Path
    run: Run

    def packet(self, *more: str) -> Ended:
        token = self.desk / "token"
        token.write_text(self.ledger.token() + "\n")
        usual = ("-o", self.desk / "packet.zip", "--server", self.address, "--token-file", token)
        return self.run("packet", CASE, *usual, "--incomplete", *more)

    def verify(self, *mirrors: str) -> Ended:
        trust = self.desk / "trust"
        shutil.rmtree(trust, ignore_errors=True)
        shutil.copytree(self.ledger.folder / "trust", trust)
        (trust / "mirrors").write_text("".join(f"{vkey}\n" for vkey in mirrors))
        words = ("--trust", trust, "--require", "complete", "--json")
        return self.run("verify", self.desk / "packet.zip", *words)


@pytest.fixture
def court(tmp_path: Path, run: Run) -> Iterator[Court]:
    with open_ledger(tmp_path / "ledger") as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        source = HttpLog(f"{address}/log")
        log_key = ledger.trust.logs[0].policy.log
        follower = Follower(log_key, source, tmp_path / "mirror" / "2026")
        index = SqliteTagIndex(tmp_path / "tags.sqlite")
        log = MirroredLog(follower, index, MIRROR)
        (tmp_path / "desk").mkdir()
        with serving(create_mirror_app([log])) as mirror:
            ledger.accept(ledger.evidence(b"a picture"))
            ledger.await_quorum()
            yield Court(ledger, address, mirror, log, tmp_path / "desk", run)
        index.close()
        source.close()


def test_a_court_that_trusts_the_mirror_needs_no_copy_of_the_log(court: Court) -> None:
    assert court.packet().code == 0
    assert court.verify(MIRROR.verifier.to_text()).code == 3
    court.ledger.await_quorum()
    follow(court.log)
    assert add_statements(court.desk / "packet.zip", [court.mirror], 0) > 3
    verdict = court.verify(MIRROR.verifier.to_text())
    assert verdict.code == 0, verdict.out
    report = json.loads(verdict.out)
    (word,) = [f for f in report["findings"] if f["step"] == "complete"]
    assert word["detail"].startswith("on the word of mirror.archive.example, as of ")
    assert court.verify().code == 3


def test_a_mirror_that_is_away_leaves_a_packet_without_its_word(court: Court) -> None:
    ended = court.packet("--absence", "http://127.0.0.1:1", "--wait", "0")
    assert ended.code == 4
    paths = open_packet(court.desk / "packet.zip").sizes()
    assert not any("absence" in path for path in paths)
    assert court.verify().code == 3


def test_a_mirror_that_is_behind_is_waited_for(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def catch_up(seconds: float) -> None:
        waited.append(seconds)
        court.ledger.await_quorum()
        follow(court.log)

    # Of that module alone: what catches up sleeps as well.
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=catch_up)
    monkeypatch.setattr("api.clients.absences.time", clock)
    assert court.packet("--absence", court.mirror).code == 0
    assert waited
    assert court.verify(MIRROR.verifier.to_text()).code == 0


def test_several_mirrors_stand_side_by_side(court: Court) -> None:
    assert court.packet().code == 0
    court.ledger.await_quorum()
    follow(court.log)
    packet = court.desk / "packet.zip"
    once = add_statements(packet, [court.mirror], 0)
    assert add_statements(packet, [court.mirror, f"{court.mirror}/"], 0) == 3 * once
    assert court.verify(MIRROR.verifier.to_text()).code == 0


def test_a_mirror_with_another_tree_is_told_of(tmp_path: Path, court: Court) -> None:
    """The packet is of another ledger under the same label: no word about it can be had here."""
    packet = tmp_path / "other.zip"
    packet.write_bytes(make_case().build().zip_bytes())
    before = packet.read_bytes()
    court.ledger.await_quorum()
    follow(court.log)
    with pytest.raises(Rejected, match="another tree"):
        add_statements(packet, [court.mirror], 0)
    assert packet.read_bytes() == before


def test_files_are_added_in_the_one_form_of_a_zip(tmp_path: Path) -> None:
    built = make_case().build()
    packet = tmp_path / "packet.zip"
    packet.write_bytes(built.zip_bytes())
    added = {"data/absence/01.dsse.json": b"{}"}
    add_files(packet, added)
    built.files |= added
    assert packet.read_bytes() == built.zip_bytes()
    assert list(tmp_path.iterdir()) == [packet]


def test_a_disk_that_is_full_leaves_the_packet_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packet = tmp_path / "packet.zip"
    packet.write_bytes(make_case().build().zip_bytes())
    before = packet.read_bytes()

    def full(fd: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storage.packet_additions.write_all", full)
    with pytest.raises(Unavailable):
        add_files(packet, {"data/absence/01.dsse.json": b"{}"})
    assert packet.read_bytes() == before
    assert list(tmp_path.iterdir()) == [packet]
