import os
import threading
from pathlib import Path
from typing import Any

import pytest

from api import journal
from api.services import open_services
from api.settings import Settings
from ledger.errors import Conflict, LedgerError, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import digest_item
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from storage.clock import SystemClock
from testkit.keys import SERIES_PEM
from testkit.server import AGENCY, BASE, CASE, STATION, Ledger, await_that, open_ledger
from testkit.tus import Tus

HOUR_MS = 3_600_000


class Later(SystemClock):
    """The wall clock of some hours from now."""

    def __init__(self, hours: float) -> None:
        self.ahead_ms = int(hours * HOUR_MS)

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


def statuses(ledger: Ledger) -> list[dict[str, Any]]:
    rows = ledger.services.store.rows(0, ledger.services.log.size)
    said = [Envelope.from_bytes(row.envelope).payload for row in rows if row.kind == "status"]
    return [dict(Statement.from_bytes(payload).predicate) for payload in said]


def items(ledger: Ledger) -> list[str]:
    return list(ledger.services.items.ids())


# --- unclaimed items -------------------------------------------------------------------------


def test_after_a_day_unclaimed_bytes_are_removed_and_the_log_says_so(ledger: Ledger) -> None:
    ledger.upload(b"left behind")
    ledger.services.clock = Later(25)
    assert ledger.services.remove_unclaimed() == 1
    assert items(ledger) == []
    await_that(lambda: statuses(ledger), "the status statement")
    (said,) = statuses(ledger)
    assert said["what"] == "unclaimed_removed"
    assert said["counts"] == {"items": "1", "bytes": "11"}


def test_unclaimed_bytes_that_may_not_be_deleted_stay_and_are_not_called_removed(
    ledger: Ledger,
) -> None:
    ledger.upload(b"held")
    (held,) = items(ledger)
    ledger.services.items.hold(held, True)
    ledger.upload(b"left behind")
    ledger.services.clock = Later(25)
    assert ledger.services.remove_unclaimed() == 1
    assert items(ledger) == [held]
    await_that(lambda: statuses(ledger), "the status statement")
    assert statuses(ledger)[0]["counts"] == {"items": "1", "bytes": "11"}


@pytest.fixture
def left_behind(ledger: Ledger) -> Ledger:
    """With bytes that nobody claims, and a part of an upload that nobody goes on with."""
    ledger.upload(b"left behind")
    Tus(BASE, ledger.http).open(b"never sent")
    ledger.await_quorum()
    assert len(ledger.services.staging.all()) == 1
    return ledger


def jump(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, *, seen_by_the_log: bool) -> None:
    """The clock is set 200 hours ahead: while the server runs, or before it was started."""
    later = Later(200)
    ledger.services.clock = later
    monkeypatch.setattr(ledger.services.staging, "_now_ms", later.now_ms)
    if seen_by_the_log:
        monkeypatch.setattr(ledger.services.log, "_clock", later)


@pytest.mark.parametrize("seen_by_the_log", [True, False])
def test_a_clock_that_jumps_ahead_removes_nothing(
    left_behind: Ledger, monkeypatch: pytest.MonkeyPatch, seen_by_the_log: bool
) -> None:
    services = left_behind.services
    jump(left_behind, monkeypatch, seen_by_the_log=seen_by_the_log)
    assert services.staging.expired() and services.time_in_doubt()
    services.remove_old()
    assert len(items(left_behind)) == 1 and len(services.staging.all()) == 1


def test_what_the_cosigners_have_seen_to_be_old_is_removed(
    left_behind: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    jump(left_behind, monkeypatch, seen_by_the_log=False)
    monkeypatch.setattr("api.services.MAX_AHEAD_MS", 201 * HOUR_MS)
    left_behind.services.remove_old()
    await_that(lambda: items(left_behind) == [], "the removal")
    assert left_behind.services.staging.all() == []


def test_before_a_day_is_over_unclaimed_bytes_stay(ledger: Ledger) -> None:
    ledger.upload(b"just sent")
    ledger.services.clock = Later(23.9)
    assert ledger.services.remove_unclaimed() == 0
    ledger.accept(ledger.evidence(b"just sent", upload=False))


def test_a_claimed_item_stays_for_good(ledger: Ledger) -> None:
    ledger.accept(ledger.evidence(b"evidence"))
    ledger.services.clock = Later(24 * 3650)
    assert ledger.services.remove_unclaimed() == 0
    assert len(items(ledger)) == 1


def test_of_two_copies_the_claimed_one_stays(ledger: Ledger) -> None:
    ledger.upload(b"evidence")
    ledger.accept(ledger.evidence(b"evidence"))
    assert len(items(ledger)) == 2
    ledger.services.clock = Later(25)
    assert ledger.services.remove_unclaimed() == 1
    ledger.await_quorum()
    packet = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
    assert b"evidence" in packet.content


def test_a_removal_frees_the_quota(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger", quota=10) as ledger:
        ledger.upload(b"a" * 10)
        ledger.services.clock = Later(25)
        ledger.services.remove_unclaimed()
        ledger.upload(b"b" * 10)


def test_a_claim_that_comes_while_items_are_removed_wins_or_is_told(ledger: Ledger) -> None:
    """Whatever the order, no statement is logged whose item is gone."""
    envelopes = [ledger.evidence(os.urandom(20)) for _ in range(20)]
    ledger.services.clock = Later(25)
    sweeps = [threading.Event() for _ in envelopes]

    def sweep(done: threading.Event) -> None:
        ledger.services.remove_unclaimed()
        done.set()

    for envelope, done in zip(envelopes, sweeps, strict=True):
        ledger.services.writer.between(lambda done=done: sweep(done))  # type: ignore[misc]
        ledger.file(envelope)
        assert done.wait(60)
    log = ledger.services.log
    for row in ledger.services.store.rows(0, log.size):
        for subject in Statement.from_bytes(Envelope.from_bytes(row.envelope).payload).files:
            record = ledger.services.store.find_items([(subject.digest, AGENCY)])[0]
            assert record is not None
            assert b"".join(ledger.services.items.stream(record.object_id))


def test_a_sweep_that_fails_does_not_stop_the_writer(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, before_ms: int) -> list[Any]:
        raise Unavailable("the disk is busy")

    monkeypatch.setattr(type(ledger.services.store), "unclaimed", fail)
    ledger.services.writer.between(ledger.services._remove)
    ledger.accept(ledger.evidence(b"x"))


# --- what a crash leaves ---------------------------------------------------------------------


def crash_before_recording(folder: Path, data: bytes) -> None:
    with open_ledger(folder) as ledger:
        writer = ledger.services.items.begin(len(data))
        writer.write(data)
        writer.commit(digest_item(data).chunks)


def test_bytes_that_a_crash_left_unrecorded_are_recorded_and_stay(tmp_path: Path) -> None:
    """They may be evidence that a database from a backup no longer knows."""
    crash_before_recording(tmp_path / "ledger", b"orphan")
    with open_ledger(tmp_path / "ledger") as ledger:
        await_that(lambda: not ledger.services.orphans, "the start's work")
        assert len(items(ledger)) == 1
        ledger.services.clock = Later(25)
        assert ledger.services.remove_unclaimed() == 0
        assert len(items(ledger)) == 1


def test_orphans_are_nobodys_and_cannot_be_claimed(tmp_path: Path) -> None:
    crash_before_recording(tmp_path / "ledger", b"orphan")
    with open_ledger(tmp_path / "ledger") as ledger:
        await_that(lambda: not ledger.services.orphans, "the start's work")
        (row,) = ledger.file(ledger.evidence(b"orphan", upload=False))
        assert row["code"] == "unknown"
        assert ledger.services.store.unclaimed_bytes(STATION.verifier.keyid) == 0


def test_recorded_items_are_no_orphans(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"claimed"))
        ledger.upload(b"unclaimed")
    with open_ledger(tmp_path / "ledger") as ledger:
        assert list(ledger.services.orphans) == []


def test_an_orphan_that_cannot_be_read_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_before_recording(tmp_path / "ledger", b"orphan")

    def fail(self: object, *arguments: object) -> Any:
        raise Unavailable("a bad sector")

    monkeypatch.setattr("storage.objects_directory.DirectoryObjectStore.read", fail)
    with open_ledger(tmp_path / "ledger") as ledger:
        await_that(lambda: not ledger.services.orphans, "the start's work")
        ledger.accept(ledger.evidence(b"x"))


# --- one folder, one server ------------------------------------------------------------------


def test_a_second_server_on_the_same_folder_refuses_to_start(ledger: Ledger) -> None:
    with pytest.raises(Conflict, match=f"in use by process {os.getpid()}"):
        open_services(ledger.folder, Settings())


def test_after_a_server_has_closed_another_may_start(tmp_path: Path) -> None:
    for _ in range(2):
        with open_ledger(tmp_path / "ledger"):
            pass


def test_a_folder_of_a_newer_version_is_left_alone(ledger: Ledger) -> None:
    (ledger.folder / "format").write_text("3\n")
    with pytest.raises(Rejected, match="a newer version: want format 1 or 2, got 3"):
        open_services(ledger.folder, Settings())


def test_where_no_ledger_is_none_is_opened(tmp_path: Path) -> None:
    with pytest.raises(Unknown, match="no ledger in"):
        open_services(tmp_path, Settings())


@pytest.mark.parametrize("name", ["log.key", "ledger.key"])
def test_a_damaged_key_file_is_named_and_not_shown(tmp_path: Path, name: str) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        file = ledger.folder / "keys" / name
    secret = file.read_text()
    file.chmod(0o600)
    file.write_text(secret[:-10])
    with pytest.raises(LedgerError) as refused:
        open_services(tmp_path / "ledger", Settings())
    assert name in str(refused.value)
    assert secret[-60:-10].strip() not in str(refused.value)


# --- the journal -----------------------------------------------------------------------------


def test_the_journal_keeps_no_secret(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        journal.start("debug")  # undone by `open_ledger`
        envelope = ledger.evidence(b"the contents of a picture", note="about a person")
        (row,) = ledger.accept(envelope)
        ledger.await_quorum()
        token, path = ledger.token(), ledger.announce(b"another")
        bearer = {"Authorization": f"Bearer {token}"}
        ledger.http.get(f"/v1/cases/{CASE}/packet", headers=bearer)
        ledger.http.put(path, content=b"wrong!!")
        ledger.file(b"{}", ledger.evidence(b"not held", upload=False))

        def fail(self: object, *args: object) -> None:
            raise KeyError("a fault of the server")

        # With a token, an upload and a salt at hand where it fails.
        monkeypatch.setattr(type(ledger.services.log), "places", fail)
        monkeypatch.setattr(type(ledger.services.store), "add_item", fail)
        monkeypatch.setattr(type(ledger.services.log), "known", fail)
        assert ledger.http.get(f"/v1/cases/{CASE}", headers=bearer).status_code == 500
        assert ledger.http.put(path, content=b"another").status_code == 500
        assert ledger.http.post("/v1/statements", content=envelope).status_code == 500
        keys = (ledger.folder / "keys" / "log.key", ledger.folder / "keys" / "ledger.key")
        private = [file.read_text().strip().split("+", 4)[4] for file in keys]
    text = capsys.readouterr().err
    assert "a fault of the server" in text and '"event": "accepted"' in text
    lines = SERIES_PEM.decode().splitlines()[1:-1]
    upload = path.rpartition("/")[2]
    secrets = [token, row["salt"], upload, CASE, "contents of a picture", "about a person"]
    for secret in [*secrets, *private, *lines, row["series"][0]["signature"]]:
        assert secret not in text
        assert repr(secret.encode())[2:-1] not in text
