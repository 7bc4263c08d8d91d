"""A station remembers the log that it was shown, and notices another one."""

from collections.abc import Iterator, Sequence
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
from testkit.sequence import go_on, open_both, reopened
from testkit.server import COSIGNERS, Ledger, await_that, open_ledger
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
    """Of the open log."""
    head = ledger.services.store.heads()[-1]
    return list(ledger.services.store.entries(head.start, head.end))


def forked(ledger: Ledger, more: int) -> list[bytes]:
    """The log with another last entry, and some more."""
    honest = entries(ledger)
    return [*honest[:-1], honest[0], *honest[:more]]


def is_published(ledger: Ledger) -> bool:
    shown = ledger.services.log.published()
    return shown is not None and shown.size == ledger.services.log.size


@pytest.fixture(params=["2026", "2027"])
def shown(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Desk, OtherLine]]:
    """A station that has seen all of the open log, which is the first or the second."""
    opening = open_ledger if request.param == "2026" else open_both
    with opening(tmp_path / "ledger") as ledger:
        ledger.await_quorum()
        await_that(lambda: is_published(ledger), "a published checkpoint")
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
    Fraud.from_bytes(path.read_bytes()).check(line.ledger.trust.logs[-1].policy.log)
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


class Before(OtherLine):
    """It shows the open log as it is, and another one in place of the closed."""

    def checkpoint(self, label: str) -> bytes:
        return Line.checkpoint(self, label)

    def log_file(self, label: str, path: str) -> bytes:
        if label == "2026" and self.shown is not None:
            return self.shown.note if path == "checkpoint" else self.shown.read(label, path)
        return Line.log_file(self, label, path)


@pytest.mark.parametrize("kept", [True, False], ids=["as it was", "rewritten"])
def test_the_end_of_a_closed_log_must_be_what_was_seen_of_it(tmp_path: Path, kept: bool) -> None:
    """Between two looks of a station the log was closed, and perhaps another one than it saw."""
    data = tmp_path / "ledger"
    with open_ledger(data) as ledger:
        with desk(tmp_path, ledger) as office:
            office.settle(2)
            assert office.station.store.fact("after")
        forged = Shown(ledger, forked(ledger, 3))
    go_on(data, ledger.offices)
    with reopened(data, ledger.offices) as following:
        following.await_quorum()
        await_that(lambda: is_published(following), "a published checkpoint")
        line = Before(following)
        line.shown = None if kept else forged
        with desk(tmp_path, following, line) as office:
            note = line.checkpoint("2027")
            if kept:
                check_history(office.station, note, line.log_file)
                return
            for _ in range(2):  # and it is known from then on
                with pytest.raises(Forked):
                    check_history(office.station, note, line.log_file)
            (path,) = (office.station.folder.root / "fraud").iterdir()
            Fraud.from_bytes(path.read_bytes()).check(following.trust.logs[0].policy.log)


def test_a_closed_log_that_is_shown_shorter_than_it_was_is_not_followed(tmp_path: Path) -> None:
    data = tmp_path / "ledger"
    with open_ledger(data) as ledger:
        with desk(tmp_path, ledger) as office:
            office.settle(2)
        short = Shown(ledger, entries(ledger)[:3])
    go_on(data, ledger.offices)
    with reopened(data, ledger.offices) as following:
        following.await_quorum()
        await_that(lambda: is_published(following), "a published checkpoint")
        line = Before(following)
        line.shown = short
        with (
            desk(tmp_path, following, line) as office,
            pytest.raises(Rejected, match="fewer than the"),
        ):
            check_history(office.station, line.checkpoint("2027"), line.log_file)
