"""A station remembers the log that it was shown, and notices another one."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.files import read_key
from cli.station.history import Forked, check_history
from cli.station.problems import in_chinese
from ledger.errors import Rejected, Unavailable, Unknown
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.fraud import Fraud
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.tiling import Tiling
from testkit.case import sign_all
from testkit.server import COSIGNERS, Ledger, open_ledger
from testkit.station import Desk, Line, desk, shift


class Shown:
    """A log that its operator makes up, with the log's own key and two cosigners in his pocket."""

    def __init__(self, ledger: Ledger, entries: Sequence[bytes]) -> None:
        key = read_key(str(ledger.folder / "keys" / "log.key"))
        tiling = Tiling()
        tiles = [*tiling.append(entries), *tiling.partial()]
        self.files = {tile.to_path(): data for tile, data in tiles}
        checkpoint = Checkpoint(key.name, len(entries), root_of(map(leaf_hash, entries)))
        signers = [(signer, 1_795_430_400) for signer in COSIGNERS[:2]]
        self.note = sign_all(checkpoint, key, signers).encode()

    def read(self, label: str, path: str) -> bytes:
        if path not in self.files:
            raise Unknown(f"no {path}")
        return self.files[path]


class OtherLine(Line):
    """The same ledger, which shows another log than it keeps."""

    shown: Shown | None = None

    def checkpoint(self, label: str) -> bytes:
        return super().checkpoint(label) if self.shown is None else self.shown.note

    def log_file(self, label: str, path: str) -> bytes:
        if self.shown is None:
            return super().log_file(label, path)
        return self.shown.read(label, path)


def entries(ledger: Ledger) -> list[bytes]:
    store = ledger.services.store
    return list(store.entries(0, ledger.services.log.size))


def forked(ledger: Ledger, more: int) -> list[bytes]:
    """The log with another last entry, and some more."""
    honest = entries(ledger)
    return [*honest[:-1], honest[0], *honest[:more]]


@pytest.fixture
def shown(tmp_path: Path, ledger: Ledger) -> tuple[Desk, OtherLine]:
    """A station that has seen all of the log."""
    line = OtherLine(ledger)
    with desk(tmp_path, ledger, line) as office:
        office.settle(2)
        yield office, line


def test_the_log_that_grows_is_the_same(shown: tuple[Desk, OtherLine]) -> None:
    office, _ = shown
    away, _ = shift(office, "BWC_0001.MP4")
    office.plug(away)
    office.settle()
    office.rest(40)
    office.engine.step()
    assert office.view().why == ""
    assert not (office.station.folder.root / "fraud").exists()


@pytest.mark.parametrize("more", [0, 1, 5])
def test_another_history_is_proved_and_nothing_more_is_sent(
    shown: tuple[Desk, OtherLine], more: int
) -> None:
    office, line = shown
    line.shown = Shown(line.ledger, forked(line.ledger, more))
    away, _ = shift(office, "BWC_0001.MP4")
    office.plug(away)
    sent = len(line.filed)
    for _ in range(8):
        office.rest(40)
        office.engine.step()
    assert len(line.filed) == sent
    (path,) = (office.station.folder.root / "fraud").iterdir()
    Fraud.from_bytes(path.read_bytes()).check(line.ledger.trust.logs[0].policy.log)
    problems = office.view().why
    assert "signed two histories" in problems and str(path.parent) in problems
    (device,) = office.view().devices
    assert not device.wipe
    # What it has shown once it cannot take back, and the station's own history stays.
    line.shown = None
    office.rest(40)
    office.engine.step()
    assert len(line.filed) == sent


def test_a_log_that_shows_less_than_before_is_said_and_not_followed(
    shown: tuple[Desk, OtherLine],
) -> None:
    office, line = shown
    before = office.station.store.fact("after")
    line.shown = Shown(line.ledger, entries(line.ledger)[:-1])
    office.rest(40)
    office.engine.step()
    assert "fewer than the" in office.view().why
    assert office.station.store.fact("after") == before
    line.shown = None
    office.rest(40)
    office.engine.step()
    assert office.view().why == ""


def test_damaged_tiles_prove_nothing(shown: tuple[Desk, OtherLine]) -> None:
    office, line = shown
    made = Shown(line.ledger, forked(line.ledger, 1))
    made.files = {path: bytes(len(data)) for path, data in made.files.items()}
    with pytest.raises(Rejected, match="not shown as it was before") as refused:
        check_history(office.station, made.note, made.read)
    assert not isinstance(refused.value, Forked)
    assert not (office.station.folder.root / "fraud").exists()


def test_a_line_that_breaks_says_nothing(shown: tuple[Desk, OtherLine]) -> None:
    office, line = shown
    made = Shown(line.ledger, forked(line.ledger, 1))

    def broken(label: str, path: str) -> bytes:
        raise Unavailable("the line is cut")

    with pytest.raises(Unavailable):
        check_history(office.station, made.note, broken)


def test_the_next_run_knows_it_still(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        line = OtherLine(ledger)
        with desk(tmp_path, ledger, line) as office:
            office.settle(2)
            made = Shown(ledger, forked(ledger, 1))
            with pytest.raises(Forked):
                check_history(office.station, made.note, made.read)
        with desk(tmp_path, ledger, line) as office, pytest.raises(Forked) as found:
            check_history(office.station, line.checkpoint("2026"), line.log_file)
    assert "日志签署了两份历史" in (in_chinese(str(found.value)) or "")
