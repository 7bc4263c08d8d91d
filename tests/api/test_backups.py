"""Backup, loss of the disk, restore: over real folders, a served ledger and its cosigners."""

import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.backups import Made, check_backup, make_backup, newest
from api.clients.copies import format_copy
from api.custody import Custody
from api.ids import new_id
from api.keys import read_key
from api.restoring import Mark, Restored, Sources, begun_text, restore
from ledger.audit import audit_log
from ledger.backup import BackupKey
from ledger.completion import format_ranges
from ledger.encoding import parse_base64, parse_decimal
from ledger.errors import Conflict, Full, LedgerError, Rejected, Unavailable, Unknown
from ledger.evidence.entry import Entry, check_commitment
from ledger.report import Group, Outcome
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, leaf_hash
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import SigningKey, sign_note
from ledger.tlog.tile import entries_to_bytes
from ledger.verify import verify_packet
from storage.backup_folder import name_of
from storage.folder import DataFolder
from storage.packets import open_packet
from storage.public_copy import DirectoryLog
from testkit.server import (
    CASE,
    ORIGIN,
    OTHER_CASE,
    Ledger,
    Office,
    await_that,
    open_ledger,
    series_keys,
)

KEY = BackupKey(bytes(range(32)))


def back_up(folder: Path, target: Path, *, key: BackupKey = KEY, at_ms: int = 1) -> Made:
    target.mkdir(exist_ok=True)
    return make_backup(DataFolder.open(folder), ORIGIN, target, key, at_ms)


def bring_back(target: Path, data: Path, **sources: Any) -> Restored:
    with series_keys():
        return restore(target, data, KEY, Sources(**sources))


def lose(data: Path) -> DirectoryLog:
    """The disk is gone, and its `public/` was on another."""
    old = data.rename(data.with_name(f"{data.name}-{new_id(0)}"))
    return DirectoryLog(old / "public")


class Station:
    """Keeps a copy of each statement it has filed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers: dict[bytes, dict[str, Any]] = {}
        folder.mkdir(exist_ok=True)

    def file(self, ledger: Ledger, *envelopes: bytes) -> list[dict[str, Any]]:
        answers = ledger.accept(*envelopes)
        for envelope, answer in zip(envelopes, answers, strict=True):
            self.answers[envelope] = answer
            (self.folder / f"{answer['id']}.json").write_bytes(format_copy(envelope, answer))
        return answers


def check_acknowledged(ledger: Ledger, station: Station, lost: tuple[int, ...] = ()) -> None:
    """Each is where it was acknowledged, or its entry is there and it is named as lost."""
    entries = list(ledger.services.store.entries(0, ledger.services.log.size))
    for envelope, answer in station.answers.items():
        index = parse_decimal(answer["index"])
        assert entries[index].decode() == answer["entry"]
        row = ledger.services.log.row(index)
        if row.lost:
            assert index in lost
            continue
        assert row.envelope == envelope
        check_commitment(Entry.from_bytes(row.entry), parse_base64(answer["salt"]), envelope)


def check_one_history(ledger: Ledger, people: list[Office], notes: list[str]) -> None:
    """Every checkpoint that anybody was shown or has signed begins the tree that is there."""
    entries = list(ledger.services.store.entries(0, ledger.services.log.size))
    shown = [Checkpoint.from_text(SignedNote.from_text(note).text) for note in notes]
    shown += [last[0] for office in people if (last := office.service.state.last(ORIGIN))]
    for checkpoint in shown:
        assert checkpoint.size <= len(entries)
        root = Edge().extend(map(leaf_hash, entries[: checkpoint.size])).root()
        assert root == checkpoint.root, f"a fork at {checkpoint.size}"


def await_resumed(ledger: Ledger) -> None:
    def why() -> str:
        return f"{reason(ledger)!r}, {ledger.services.log.size} entries"

    await_that(lambda: not ledger.services.folder.restored.exists(), "the log going on", why=why)


def reason(ledger: Ledger) -> str:
    return str(ledger.http.get("/readyz").json().get("reason", ""))


def filed(ledger: Ledger) -> str:
    """What becomes of a statement just now."""
    answer = ledger.http.post("/v1/statements", content=ledger.evidence(b"after"))
    return str(answer.json().get("code", "accepted"))


@contextmanager
def restored_ledger(data: Path, people: list[Office]) -> Iterator[Ledger]:
    with open_ledger(data, people=people) as ledger:
        yield ledger


# --- the drills ------------------------------------------------------------------------------


class Disaster:
    """A ledger backed up, then grown by stations and by itself, then without its disk."""

    def __init__(self, scratch: Path, deposits: int) -> None:
        self.scratch = scratch
        self.target = scratch / "backup"
        self.station = Station(scratch / "copies")
        self.mirror = scratch / "mirror"
        with open_ledger(scratch / "data") as ledger:
            self.people = ledger.offices
            for i in range(5):
                self.station.file(ledger, ledger.evidence(b"before %d" % i))
            self.backed_up = back_up(ledger.folder, self.target).size
            self._grow(ledger, deposits)
            ledger.await_quorum()
            self.notes = [answer["checkpoint"] for answer in self.station.answers.values()]
            self.size = ledger.services.log.size
        shutil.copytree(scratch / "data" / "public", self.mirror)
        shutil.rmtree(scratch / "data")

    def _grow(self, ledger: Ledger, deposits: int) -> None:
        """Four stations at once, and readers and housekeeping between them."""

        def file(lane: int) -> None:
            for i in range(lane, deposits, 4):
                case = OTHER_CASE if i % 7 == 0 else CASE
                more = {"device": "bwc-1", "file": f"v{i % 3}.mp4"} if i % 5 == 0 else {}
                envelope = ledger.evidence(b"item %d" % i, case=case, **more)
                self.station.file(ledger, envelope)

        lanes = [threading.Thread(target=file, args=(lane,)) for lane in range(4)]
        for lane in lanes:
            lane.start()
        headers = ledger.bearer()
        for _ in range(8):
            assert ledger.http.get(f"/v1/cases/{CASE}", headers=headers).status_code == 200
            ledger.services.custody.status("unclaimed_removed", {"items": 1})
        ledger.services.backups.look()
        for lane in lanes:
            lane.join()

    @property
    def public(self) -> DirectoryLog:
        return DirectoryLog(self.mirror)


def test_after_a_lost_disk_every_acknowledged_statement_is_there_or_named(tmp_path: Path) -> None:
    disaster = Disaster(tmp_path, 100)
    restored = bring_back(
        disaster.target,
        tmp_path / "data",
        copies=disaster.station.folder,
        public=disaster.public,
    )
    completion = restored.completion
    # The ledger's own statements, which nobody else keeps: eight reads, nine of itself.
    assert len(completion.lost) >= 17
    assert (completion.edge.size, completion.missing) == (disaster.size, ())
    assert restored.refused == ()
    with restored_ledger(tmp_path / "data", disaster.people) as ledger:
        await_resumed(ledger)
        check_acknowledged(ledger, disaster.station, completion.lost)
        assert ledger.services.store.lost() == list(completion.lost)
        (status,) = ledger.status("restored")
        assert status["counts"]["lost"] == str(len(completion.lost))
        assert str(completion.lost[0]) in status["note"]
        for i in range(5):
            disaster.station.file(ledger, ledger.evidence(b"after %d" % i))
        ledger.await_everyone()
        for office in disaster.people:
            held = office.service.state.last(ORIGIN)
            assert held is not None and held[0].size > disaster.size
        check_acknowledged(ledger, disaster.station, completion.lost)
        check_one_history(ledger, disaster.people, disaster.notes)
        audit = audit_log(DirectoryLog(tmp_path / "data" / "public"), ledger.trust.logs[0])
        assert audit.outcome is Outcome.PASSED


def test_a_public_copy_that_ends_without_a_quorum_completes_a_backup(tmp_path: Path) -> None:
    """As a server leaves it that stops before the cosigners have answered."""
    data, target = tmp_path / "data", tmp_path / "backup"
    with open_ledger(data) as ledger:
        people = ledger.offices
        back_up(data, target)
        ledger.accept(ledger.evidence(b"cosigned"))
        ledger.await_quorum()
        for office in people:
            office.away = True
        (answer,) = ledger.accept(ledger.evidence(b"signed by the log alone"))
    assert signatures(data / "public") == 1
    restored = bring_back(target, data, public=lose(data))
    assert restored.completion.missing == ()
    assert parse_decimal(answer["index"]) in restored.completion.lost
    for office in people:
        office.away = False
    with restored_ledger(data, people) as ledger:
        await_resumed(ledger)
        ledger.accept(ledger.evidence(b"after"))
        ledger.await_quorum()
        check_one_history(ledger, people, [answer["checkpoint"]])


def test_that_it_was_backed_up_may_be_the_last_word_of_a_lost_disk(tmp_path: Path) -> None:
    """A quiet night: the ledger said so after the backup, and no copy has the statement."""
    data, target = tmp_path / "data", tmp_path / "backup"
    with open_ledger(data) as ledger:
        people = ledger.offices
        back_up(data, target)
        ledger.services.backups.look()
        assert len(ledger.status("backed_up")) == 1
        ledger.await_quorum()
        size = ledger.services.log.size
    restored = bring_back(target, data, public=lose(data))
    assert restored.completion.lost == (size - 1,)
    with restored_ledger(data, people) as ledger:
        await_resumed(ledger)
        ledger.accept(ledger.evidence(b"after"))


def test_where_the_mark_was_removed_by_hand_the_log_still_names_what_was_lost(
    tmp_path: Path,
) -> None:
    """Where the policy names no cosigner there is no other way."""
    data, target = tmp_path / "data", tmp_path / "backup"
    with open_ledger(data) as ledger:
        people = ledger.offices
        back_up(data, target)
        (answer,) = ledger.accept(ledger.evidence(b"nobody keeps this"))
        ledger.await_quorum()
    bring_back(target, data, public=lose(data))
    (data / "restored").unlink()
    for _ in range(2):
        with restored_ledger(data, people) as ledger:
            await_that(lambda: ledger.status("restored"), "the word")
            (said,) = ledger.status("restored")
            assert said["counts"]["lost"] == "1"
            assert said["note"] == f"statements lost at {answer['index']}"
            await_that(lambda: not reason(ledger), "the log going on")


def test_after_a_second_loss_what_was_said_of_the_first_is_not_enough(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "backup"
    with open_ledger(data) as ledger:
        people = ledger.offices
        back_up(data, target)
        ledger.accept(ledger.evidence(b"nobody keeps this"))
        ledger.await_quorum()
    lost: list[int] = []
    for said in range(2):
        lost += bring_back(target, data, public=lose(data)).completion.lost
        (data / "restored").unlink()
        with restored_ledger(data, people) as ledger:
            await_that(lambda before=said: len(ledger.status("restored")) > before, "the word")
            assert ledger.status("restored")[-1]["counts"]["lost"] == str(len(lost))
            ledger.await_quorum()
            back_up(data, target)
            ledger.accept(ledger.evidence(b"nor this"))
            ledger.await_quorum()
            ledger.accept(ledger.evidence(b"after"))


def test_a_tail_that_a_stolen_log_key_signed_brings_no_log_to_go_on(tmp_path: Path) -> None:
    """The copy that completes it is longer than what the cosigners know, and another."""
    data, target, thief = tmp_path / "data", tmp_path / "backup", tmp_path / "thief"
    with open_ledger(data) as ledger:
        people = ledger.offices
        back_up(data, target)
    shutil.copytree(data, thief)
    with open_ledger(data, people=people) as ledger:
        ledger.accept(ledger.evidence(b"true"))
        ledger.await_quorum()
    shutil.rmtree(data)
    with open_ledger(thief) as ledger:
        for office in ledger.offices:
            office.away = True
        ledger.accept(*(ledger.evidence(b"false %d" % i) for i in range(3)))
    assert signatures(thief / "public") == 1
    bring_back(target, data, public=DirectoryLog(thief / "public"))
    with restored_ledger(data, people) as ledger:
        await_that(lambda: "fork" in reason(ledger), "the reason")
        assert filed(ledger) == "unavailable"
        assert ledger.services.folder.restored.exists()


def test_an_old_public_folder_that_is_damaged_is_what_a_restored_log_waits_for(
    tmp_path: Path,
) -> None:
    """Put in place by hand, from its own disk."""
    data, target = tmp_path / "data", tmp_path / "backup"
    with open_ledger(data) as ledger:
        people = ledger.offices
        ledger.accept(ledger.evidence(b"one"))
        ledger.await_quorum()
        back_up(data, target)
    data.rename(tmp_path / "old")
    bring_back(target, data)
    shutil.rmtree(data / "public")
    shutil.copytree(tmp_path / "old" / "public", data / "public")
    for tile in (data / "public").rglob("tile/0/*.p/*"):
        tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    with restored_ledger(data, people) as ledger:
        await_that(lambda: "not that of the store" in reason(ledger), "the reason")
        assert "move the log's folder in public/ away" in reason(ledger)
    shutil.rmtree(data / "public" / "2026")
    with restored_ledger(data, people) as ledger:
        await_resumed(ledger)


def test_without_the_series_key_nobody_can_tell_whether_a_lost_last_word_closed_the_log(
    tmp_path: Path,
) -> None:
    data, target = tmp_path / "data", tmp_path / "backup"
    with open_ledger(data) as ledger:
        people = ledger.offices
        back_up(data, target)
        ledger.services.backups.look()
        ledger.await_quorum()
    bring_back(target, data, public=lose(data))
    key = data / "keys" / "series-2026.private.pem"
    away = key.rename(tmp_path / key.name)
    with restored_ledger(data, people) as ledger:
        await_that(lambda: "series key of 2026" in reason(ledger), "the reason")
        assert "put keys/series-2026.private.pem back" in reason(ledger)
        assert filed(ledger) == "unavailable"
    away.rename(key)
    with restored_ledger(data, people) as ledger:
        await_resumed(ledger)


def signatures(public: Path) -> int:
    """How many stand under the newest checkpoint of a public copy."""
    return len(SignedNote.from_bytes(DirectoryLog(public).read("2026", "checkpoint")).signatures)


def test_without_the_public_copy_the_log_stands_still_and_says_what_is_missing(
    tmp_path: Path,
) -> None:
    disaster = Disaster(tmp_path, 20)
    restored = bring_back(disaster.target, tmp_path / "data", copies=disaster.station.folder)
    completion = restored.completion
    assert completion.missing and completion.wanted > completion.edge.size
    with restored_ledger(tmp_path / "data", disaster.people) as ledger:
        await_that(lambda: "are missing" in reason(ledger), "the reason")
        assert f"{completion.missing[0][0]}" in reason(ledger)
        assert filed(ledger) == "unavailable"
        assert ledger.services.folder.restored.exists()
        assert ledger.services.log.size == completion.edge.size


def test_where_nothing_was_lost_since_the_log_goes_on_by_itself(tmp_path: Path) -> None:
    station = Station(tmp_path / "copies")
    with open_ledger(tmp_path / "data") as ledger:
        people = ledger.offices
        station.file(ledger, *(ledger.evidence(b"item %d" % i) for i in range(300)))
        ledger.await_quorum()
        back_up(ledger.folder, tmp_path / "backup")
    shutil.rmtree(tmp_path / "data")
    restored = bring_back(tmp_path / "backup", tmp_path / "data")
    assert restored.completion.rows == ()
    with restored_ledger(tmp_path / "data", people) as ledger:
        await_resumed(ledger)
        station.file(ledger, ledger.evidence(b"after"))
        ledger.await_quorum()
        check_acknowledged(ledger, station)
        assert ledger.status("restored")[0]["counts"]["lost"] == "0"


def test_a_log_that_could_not_say_at_once_that_it_was_restored_says_so_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(tmp_path / "data") as ledger:
        people = ledger.offices
        ledger.accept(ledger.evidence(b"one"))
        ledger.await_quorum()
        back_up(ledger.folder, tmp_path / "backup")
    shutil.rmtree(tmp_path / "data")
    bring_back(tmp_path / "backup", tmp_path / "data")
    status, failures = Custody.status, [Unavailable("no room just now")]

    def failing_once(self: Custody, what: str, *args: Any, **more: Any) -> None:
        if what == "restored" and failures:
            raise failures.pop()
        status(self, what, *args, **more)

    monkeypatch.setattr(Custody, "status", failing_once)
    monkeypatch.setattr("api.resuming.RETRY_S", (0.05,))
    with restored_ledger(tmp_path / "data", people) as ledger:
        await_resumed(ledger)
        assert len(ledger.status("restored")) == 1 and failures == []


# --- who must have answered ------------------------------------------------------------------


@pytest.fixture
def behind(tmp_path: Path) -> tuple[Path, list[Office]]:
    """Restored to less than what two cosigners have seen; the third saw nothing."""
    with open_ledger(tmp_path / "data") as ledger:
        people = ledger.offices
        people[2].away = True
        ledger.accept(ledger.evidence(b"one"))
        ledger.await_quorum()
        back_up(ledger.folder, tmp_path / "backup")
        ledger.accept(ledger.evidence(b"two"))
        ledger.await_quorum()
    shutil.rmtree(tmp_path / "data")
    bring_back(tmp_path / "backup", tmp_path / "data")
    return tmp_path / "data", people


def test_a_cosigner_who_knows_a_larger_log_stops_it(behind: tuple[Path, list[Office]]) -> None:
    data, people = behind
    before = [office.service.state.last(ORIGIN) for office in people]
    with restored_ledger(data, people) as ledger:
        await_that(lambda: "knows" in reason(ledger), "the reason")
        assert "notary knows" in reason(ledger) and "restore again" in reason(ledger)
        assert filed(ledger) == "unavailable"
    # To be asked has changed nothing for them.
    assert [office.service.state.last(ORIGIN) for office in people] == before


def test_while_a_quorum_has_not_answered_it_waits(behind: tuple[Path, list[Office]]) -> None:
    data, people = behind
    people[0].away = people[1].away = True
    people[2].away = False  # it has seen less than is restored
    with restored_ledger(data, people) as ledger:
        await_that(lambda: "could be a quorum" in reason(ledger), "the reason")
        assert filed(ledger) == "unavailable"


def test_a_restored_log_that_stands_still_can_still_be_read(
    behind: tuple[Path, list[Office]],
) -> None:
    data, people = behind
    with restored_ledger(data, people) as ledger:
        row = ledger.services.store.row(FIRST_EVIDENCE)
        wanted = f"/v1/statements/{row.statement_id}/receipt"
        await_that(lambda: ledger.http.get(wanted).status_code == 200, "the receipt")


FIRST_EVIDENCE = 8


def test_a_copy_from_a_station_that_knows_more_keeps_it_stopped(tmp_path: Path) -> None:
    station = Station(tmp_path / "copies")
    with open_ledger(tmp_path / "data") as ledger:
        people = ledger.offices
        for office in people:
            office.away = True
        back_up(ledger.folder, tmp_path / "backup")
        ledger.accept(ledger.evidence(b"nobody keeps this"))
        station.file(ledger, ledger.evidence(b"one"))
    shutil.rmtree(tmp_path / "data")
    for office in people:
        office.away = False
    restored = bring_back(tmp_path / "backup", tmp_path / "data", copies=station.folder)
    assert restored.completion.missing == ((8, 8),)
    # No cosigner has ever seen more; the answer that the station keeps is enough.
    with restored_ledger(tmp_path / "data", people) as ledger:
        await_that(lambda: "8 are missing" in reason(ledger), "the reason")
        assert ledger.services.folder.restored.exists()


# --- series after a loss ---------------------------------------------------------------------


def test_a_number_that_a_lost_statement_had_is_never_given_again(tmp_path: Path) -> None:
    """One case is known from before, the other was first used after the backup."""
    with open_ledger(tmp_path / "data") as ledger:
        people = ledger.offices
        ledger.accept(ledger.evidence(b"known"))
        back_up(ledger.folder, tmp_path / "backup")
        ledger.accept(ledger.evidence(b"lost 1"), ledger.evidence(b"lost 2", case=OTHER_CASE))
        ledger.accept(ledger.evidence(b"lost 3", case=OTHER_CASE))
        ledger.await_quorum()
    (tmp_path / "data").rename(tmp_path / "old")
    (tmp_path / "data").mkdir()
    (tmp_path / "old" / "items").rename(tmp_path / "data" / "items")  # a disk of their own
    public = DirectoryLog(tmp_path / "old" / "public")
    restored = bring_back(tmp_path / "backup", tmp_path / "data", public=public)
    assert len(restored.completion.lost) == 3
    with restored_ledger(tmp_path / "data", people) as ledger:
        await_resumed(ledger)
        known, other = ledger.accept(
            ledger.evidence(b"new 1"), ledger.evidence(b"new 2", case=OTHER_CASE)
        )
        assert [row["n"] for row in known["series"]] == ["3"]
        assert [row["n"] for row in other["series"]] == ["3"]
        ledger.await_quorum()
        rows = ledger.http.get(f"/v1/cases/{OTHER_CASE}", headers=ledger.bearer()).json()
        assert [row["kind"] for row in rows["statements"]] == ["lost", "lost", "evidence"]
        answer = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
        assert answer.status_code == 200, answer.text
        (tmp_path / "case.zip").write_bytes(answer.content)
        mine = DirectoryLog(tmp_path / "data" / "public")
        report = verify_packet(open_packet(tmp_path / "case.zip"), ledger.trust, log=mine)
        # Nothing is wrong with it, and something is not shown.
        assert report.groups[Group.COMPLETE] is Outcome.UNDECIDED
        assert not [f for f in report.findings if f.outcome is Outcome.FAILED]
        withheld = [f.detail for f in report.findings if "of 3, entry" in f.detail]
        assert len(withheld) == 1
        # And a backup of it brings all that back.
        back_up(ledger.folder, tmp_path / "backup")
        ledger.accept(ledger.evidence(b"new 3", case=OTHER_CASE))
        back_up(ledger.folder, tmp_path / "backup")
    again = bring_back(tmp_path / "backup", tmp_path / "again")
    assert again.completion.rows == ()
    with closing(sqlite3.connect(tmp_path / "again" / "ledger.sqlite")) as db:
        counts = dict(db.execute("SELECT name, count FROM series").fetchall())
    assert counts[f"2026/case/{OTHER_CASE}"] == 4


def test_a_second_disk_may_be_lost_after_the_first(tmp_path: Path) -> None:
    """A case whose first statement was lost with the first, its second only a station has kept."""
    station, data, target = Station(tmp_path / "copies"), tmp_path / "data", tmp_path / "backup"
    with open_ledger(data) as ledger:
        people = ledger.offices
        back_up(data, target)
        ledger.accept(ledger.evidence(b"lost", case=OTHER_CASE))
        ledger.await_quorum()
    for number in range(2):
        restored = bring_back(target, data, public=lose(data), copies=station.folder)
        assert restored.completion.missing == ()
        with restored_ledger(data, people) as ledger:
            await_resumed(ledger)
            if number == 0:
                back_up(data, target)
            (row,) = station.file(ledger, ledger.evidence(b"%d" % number, case=OTHER_CASE))
            assert [series["n"] for series in row["series"]] == [str(number + 2)]
            ledger.await_quorum()
            check_acknowledged(ledger, station)


# --- what a backup is ------------------------------------------------------------------------


def tables(data: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(data / "ledger.sqlite")) as db:
        names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(db.execute(f"SELECT * FROM {name}").fetchall()) for name in names}


def test_increments_add_up_to_the_whole_database(tmp_path: Path) -> None:
    """Items come, are claimed, and go away; series grow; checkpoints are cosigned."""
    target = tmp_path / "backup"
    with open_ledger(tmp_path / "data") as ledger:
        ledger.upload(b"claimed later")
        ledger.upload(b"never claimed")
        back_up(ledger.folder, target)
        ledger.accept(ledger.evidence(b"claimed later", upload=False))
        ledger.upload(b"comes and stays")
        back_up(ledger.folder, target)
        ledger.services.store.forget_items(
            [item.object_id for item in ledger.services.store.unclaimed(2**60)]
        )
        ledger.accept(ledger.evidence(b"another"), ledger.evidence(b"third", case=OTHER_CASE))
        ledger.await_everyone()
        back_up(ledger.folder, target)
        back_up(ledger.folder, target)
    bring_back(target, tmp_path / "new")
    assert tables(tmp_path / "new") == tables(tmp_path / "data")
    for name in ("keys/log.key", "keys/ledger.key", "trust/logs", "format"):
        assert (tmp_path / "new" / name).read_bytes() == (tmp_path / "data" / name).read_bytes()
    assert (tmp_path / "new" / "keys" / "log.key").stat().st_mode & 0o777 == 0o600


def test_tokens_and_other_databases_are_in_the_backup(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "data") as ledger:
        people, headers = ledger.offices, ledger.bearer()
        ledger.accept(ledger.evidence(b"a"))
        ledger.await_quorum()
        with closing(sqlite3.connect(tmp_path / "data" / "later.sqlite")) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("CREATE TABLE t (x)")
            db.execute("INSERT INTO t VALUES (7)")
            db.commit()
            back_up(ledger.folder, tmp_path / "backup")
    bring_back(tmp_path / "backup", tmp_path / "new")
    with closing(sqlite3.connect(tmp_path / "new" / "later.sqlite")) as db:
        assert db.execute("SELECT x FROM t").fetchall() == [(7,)]
    with restored_ledger(tmp_path / "new", people) as ledger:
        await_resumed(ledger)
        assert ledger.http.get(f"/v1/cases/{CASE}", headers=headers).status_code == 200


def test_keys_on_a_disk_of_their_own_are_in_the_backup(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "data"):
        pass
    (tmp_path / "data" / "keys").rename(tmp_path / "vault")
    (tmp_path / "data" / "keys").symlink_to(tmp_path / "vault")
    back_up(tmp_path / "data", tmp_path / "backup")
    bring_back(tmp_path / "backup", tmp_path / "new")
    names = {path.name for path in (tmp_path / "vault").iterdir()}
    assert {path.name for path in (tmp_path / "new" / "keys").iterdir()} == names


def test_a_backup_beside_a_busy_server_is_of_one_moment(tmp_path: Path) -> None:
    target, stop = tmp_path / "backup", threading.Event()
    with open_ledger(tmp_path / "data") as ledger:

        def file() -> None:
            i = 0
            while not stop.is_set():
                i += 1
                ledger.accept(ledger.evidence(b"busy %d" % i))

        busy = threading.Thread(target=file)
        busy.start()
        made = [back_up(ledger.folder, target) for _ in range(6)]
        stop.set()
        busy.join()
        entries = list(ledger.services.store.entries(0, made[-1].size))
    assert [m.start for m in made[1:]] == [m.size for m in made[:-1]]
    bring_back(target, tmp_path / "new")  # recomputes the tree
    with closing(sqlite3.connect(tmp_path / "new" / "ledger.sqlite")) as db:
        assert [data for (data,) in db.execute("SELECT data FROM entry ORDER BY idx")] == entries


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Three files."""
    target = tmp_path / "backup"
    with open_ledger(tmp_path / "data") as ledger:
        for i in range(3):
            ledger.accept(ledger.evidence(b"item %d" % i))
            back_up(ledger.folder, target)
    return target


def refused(target: Path, data: Path, *, key: BackupKey = KEY) -> LedgerError:
    """By the check, and by a restore, which leaves nothing behind."""
    with pytest.raises(LedgerError) as by_check:
        check_backup(target, key)
    with pytest.raises(LedgerError), series_keys():
        restore(target, data, key, Sources())
    assert not data.exists() or not any(data.iterdir())
    return by_check.value


def test_a_wrong_key_opens_nothing(backup: Path, tmp_path: Path) -> None:
    error = refused(backup, tmp_path / "new", key=BackupKey(bytes(32)))
    assert name_of(1) in str(error) and "sealed with the key" in str(error)


def test_a_flipped_bit_in_any_file_is_named(backup: Path, tmp_path: Path) -> None:
    for n in (1, 2, 3):
        path = backup / name_of(n)
        good = path.read_bytes()
        # The lines before the pieces, the first size, and throughout what is sealed.
        for at in [0, 25, 120, 330, 335, *range(400, len(good), len(good) // 12), len(good) - 1]:
            bad = bytearray(good)
            bad[at] ^= 1
            path.write_bytes(bytes(bad))
            with pytest.raises(LedgerError, match=r"0000000\d.tzbackup"):
                check_backup(backup, KEY)
        path.write_bytes(good)
    check_backup(backup, KEY)


def test_a_truncated_file_is_named(backup: Path, tmp_path: Path) -> None:
    path = backup / name_of(3)
    good = path.read_bytes()
    for size in [*range(0, len(good), len(good) // 15), len(good) - 1]:
        path.write_bytes(good[:size])
        with pytest.raises(LedgerError, match=name_of(3)):
            check_backup(backup, KEY)


def test_a_missing_file_is_named(backup: Path, tmp_path: Path) -> None:
    (backup / name_of(2)).unlink()
    assert f"{name_of(2)} is missing" in str(refused(backup, tmp_path / "new"))


def test_files_that_were_swapped_are_named(backup: Path, tmp_path: Path) -> None:
    a, b = backup / name_of(2), backup / name_of(3)
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    assert f"it was written as {name_of(3)}" in str(refused(backup, tmp_path / "new"))


def test_a_file_of_an_earlier_chain_does_not_follow(backup: Path, tmp_path: Path) -> None:
    """The same ledger, the same key, the same number: another run."""
    other = tmp_path / "other"
    for _ in range(2):
        back_up(tmp_path / "data", other)
    shutil.copy(other / name_of(2), backup / name_of(2))
    assert "does not follow" in str(refused(backup, tmp_path / "new"))


def test_a_backup_of_another_ledger_is_not_gone_on_with(backup: Path, tmp_path: Path) -> None:
    """Founded from the same template, so that name and key are those of the first."""
    with open_ledger(tmp_path / "twin") as twin:
        twin.accept(*(twin.evidence(b"other %d" % i) for i in range(5)))
    with pytest.raises(Rejected, match="not those of this ledger"):
        back_up(tmp_path / "twin", backup)
    with pytest.raises(Rejected, match="is of the ledger"):
        make_backup(DataFolder.open(tmp_path / "data"), "x.example/2026", backup, KEY, 1)
    check_backup(backup, KEY)


def test_a_file_of_another_ledger_under_the_same_key_is_named(backup: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for _ in range(2):
        make_backup(DataFolder.open(tmp_path / "data"), "other.example/2026", other, KEY, 1)
    shutil.copy(other / name_of(2), backup / name_of(2))
    assert f"{name_of(2)}: it is of the ledger 'other.example/2026'" in str(
        refused(backup, tmp_path / "new")
    )


def test_a_ledger_that_was_rolled_back_is_not_backed_up_over_its_backup(
    backup: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    (tmp_path / "first").mkdir()
    shutil.copy(backup / name_of(1), tmp_path / "first" / name_of(1))
    bring_back(tmp_path / "first", old)
    (old / "restored").unlink()
    with pytest.raises(Rejected, match=r"rolled back|not those of this ledger"):
        back_up(old, backup)


KILLED = 9


def backed_up_until(data: Path, target: Path, cut_at: int) -> bool:
    """A run in a process of its own, killed at its `cut_at`th call that a disk sees."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    calls = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == cut_at:
                os._exit(KILLED)
            return real(*args, **more)

        return call

    for name in ("write", "fsync", "open", "close"):
        setattr(os, name, counted(getattr(os, name)))
    for name in ("replace", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))
    status = 1
    try:
        back_up(data, target)
        status = 0
    finally:
        os._exit(status)


def test_a_backup_killed_anywhere_leaves_the_last_whole_one(backup: Path, tmp_path: Path) -> None:
    """At every open, write, sync, rename, removal and close that a run makes."""
    before, kills = check_backup(backup, KEY).files, 0
    while not backed_up_until(tmp_path / "data", backup, kills + 1):
        kills += 1
        after = check_backup(backup, KEY).files
        assert after in (before, before + 1)
        before = after
    assert kills > 20
    assert back_up(tmp_path / "data", backup).number == check_backup(backup, KEY).files
    assert not list(backup.glob(".new-*")) and not list((tmp_path / "data").glob(".new-backup-*"))


def test_a_full_target_is_said_and_changes_nothing(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = check_backup(backup, KEY)

    def full(fd: int, data: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("storage.backup_folder.write_all", full)
        with pytest.raises(Full):
            back_up(tmp_path / "data", backup)
    assert check_backup(backup, KEY) == before


def test_two_backups_at_once_are_refused(backup: Path, tmp_path: Path) -> None:
    from storage.folder_lock import FolderLock

    with FolderLock(DataFolder(tmp_path / "data").backup_lock), pytest.raises(Conflict):
        back_up(tmp_path / "data", backup)


def test_a_clock_that_jumped_does_not_break_the_chain(backup: Path, tmp_path: Path) -> None:
    back_up(tmp_path / "data", backup, at_ms=2**41)
    back_up(tmp_path / "data", backup, at_ms=5)
    assert check_backup(backup, KEY).files == 5


def test_nothing_of_the_ledger_can_be_read_in_a_backup(backup: Path, tmp_path: Path) -> None:
    data = b"".join(path.read_bytes() for path in backup.iterdir())
    secret = (tmp_path / "data" / "keys" / "log.key").read_bytes()
    for word in (secret[:40], b"PRIVATE", CASE.encode(), b"agency-01", b"payload"):
        assert word not in data


def test_the_end_of_a_chain_that_is_gone_is_missed_by_its_ledger(
    backup: Path, tmp_path: Path
) -> None:
    (backup / name_of(3)).unlink()
    with pytest.raises(Rejected, match=f"{name_of(3)} had been written"):
        back_up(tmp_path / "data", backup)
    assert back_up(tmp_path / "data", tmp_path / "fresh").number == 1


def test_a_ledger_that_stands_still_is_not_backed_up(backup: Path, tmp_path: Path) -> None:
    bring_back(backup, tmp_path / "new")
    with pytest.raises(Rejected, match="has not gone on yet"):
        back_up(tmp_path / "new", backup)


# --- what restore refuses --------------------------------------------------------------------


def test_a_folder_that_holds_something_is_not_restored_into(backup: Path, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="holds only the items"):
        bring_back(backup, tmp_path / "data")


def test_items_that_lie_there_already_are_kept_and_counted(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    shutil.copytree(tmp_path / "data" / "items", tmp_path / "new" / "items")
    gone = next(p for p in (tmp_path / "new" / "items").glob("*/*") if "." not in p.name)
    gone.unlink()
    restored = bring_back(backup, tmp_path / "new")
    assert restored.items_missing == (gone.name,)


def test_items_that_came_after_the_backup_are_their_agencys_again(tmp_path: Path) -> None:
    station = Station(tmp_path / "copies")
    with open_ledger(tmp_path / "data") as ledger:
        people = ledger.offices
        back_up(ledger.folder, tmp_path / "backup")
        station.file(ledger, ledger.evidence(b"after the backup"))
        ledger.await_quorum()
    (tmp_path / "new").mkdir()
    shutil.copytree(tmp_path / "data" / "items", tmp_path / "new" / "items")
    restored = bring_back(tmp_path / "backup", tmp_path / "new", copies=station.folder)
    assert len(restored.items_unrecorded) == 1
    with restored_ledger(tmp_path / "new", people) as ledger:
        await_resumed(ledger)
        await_that(lambda: not ledger.services.orphans, "the adoption")
        ledger.await_quorum()
        packet = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
        assert packet.status_code == 200, packet.text
        assert b"after the backup" in packet.content


@pytest.mark.parametrize("kept", ["by its station", "by nobody", "and not found yet"])
def test_items_of_the_backup_that_were_spoken_of_after_it_stay(tmp_path: Path, kept: str) -> None:
    """Unclaimed at the backup, they are a day old when the log is back."""
    station = Station(tmp_path / "copies")
    with open_ledger(tmp_path / "data") as ledger:
        people = ledger.offices
        envelope = ledger.evidence(b"evidence")
        back_up(ledger.folder, tmp_path / "backup")
        station.file(ledger, envelope)
        ledger.await_quorum()
    (tmp_path / "new").mkdir()
    shutil.copytree(tmp_path / "data" / "items", tmp_path / "new" / "items")
    sources: dict[str, Any] = {"copies": station.folder}
    if kept == "by nobody":
        sources = {"public": DirectoryLog(tmp_path / "data" / "public")}
    if kept == "and not found yet":
        sources = {}
    bring_back(tmp_path / "backup", tmp_path / "new", **sources)
    with restored_ledger(tmp_path / "new", people) as ledger:
        if sources:
            await_resumed(ledger)
        later = ledger.services.clock.now_ms() + 25 * 3_600_000
        ledger.services.clock.now_ms = lambda: later  # type: ignore[method-assign]
        assert ledger.services.remove_unclaimed() == 0
        assert len(list(ledger.services.items.ids())) == 1


def test_a_copy_that_was_altered_is_named_and_left_out(tmp_path: Path) -> None:
    disaster = Disaster(tmp_path, 8)
    paths = sorted(disaster.station.folder.iterdir())
    bad = json.loads(paths[-1].read_bytes())
    bad["answer"]["salt"] = bad["answer"]["entry"]
    paths[-1].write_text(json.dumps(bad))
    paths[-2].write_bytes(b"{}")
    restored = bring_back(
        disaster.target,
        tmp_path / "data",
        copies=disaster.station.folder,
        public=disaster.public,
    )
    assert {name for name, _ in restored.refused} == {paths[-1].name, paths[-2].name}
    assert restored.completion.edge.size == disaster.size


def test_what_deposit_keeps_serves_as_a_copy(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    with open_ledger(tmp_path / "data") as ledger:
        back_up(ledger.folder, tmp_path / "backup")
        for n in range(2):
            envelope = ledger.evidence(b"item %d" % n)
            (answer,) = ledger.accept(envelope)
            (kept / f"{n}.dsse.json").write_bytes(envelope)
            (kept / f"{n}.accepted.json").write_text(json.dumps(answer, indent=1))
    (kept / "2.accepted.json").write_text("{}")
    restored = bring_back(tmp_path / "backup", tmp_path / "new", copies=kept)
    assert (restored.copies, restored.completion.edge.size) == (2, 10)
    assert [name for name, _ in restored.refused] == ["2.accepted.json"]


def test_a_copy_with_another_place_is_never_put_there(tmp_path: Path) -> None:
    """Salt, tags and signatures hold; only the index says something else."""
    station = Station(tmp_path / "copies")
    with open_ledger(tmp_path / "data") as ledger:
        back_up(ledger.folder, tmp_path / "backup")
        station.file(ledger, ledger.evidence(b"one"), ledger.evidence(b"two"))
    shutil.rmtree(tmp_path / "data")
    first, second = sorted(station.folder.iterdir(), key=lambda p: p.read_bytes())
    for path in (first, second):
        copy = json.loads(path.read_bytes())
        copy["answer"]["index"] = {"8": "9", "9": "8"}[copy["answer"]["index"]]
        path.write_text(json.dumps(copy))
    with pytest.raises(LedgerError, match=r"do not give the tree|nowhere"):
        bring_back(tmp_path / "backup", tmp_path / "data", copies=station.folder)
    assert not any((tmp_path / "data").iterdir())


def test_tiles_beyond_the_published_checkpoint_serve_under_a_stations(tmp_path: Path) -> None:
    """As on a disk of its own, when the ledger's disk died between tiles and checkpoint."""
    station, checkpoint = Station(tmp_path / "copies"), tmp_path / "data/public/2026/checkpoint"
    with open_ledger(tmp_path / "data") as ledger:
        people = ledger.offices
        back_up(ledger.folder, tmp_path / "backup")
        ledger.await_quorum()
        await_that(lambda: checkpoint.exists() and len(checkpoint.read_text()) > 300, "a quorum")
        before = checkpoint.read_text()
        ledger.services.custody.status("unclaimed_removed", {"items": 1})
        station.file(ledger, ledger.evidence(b"a"))
        ledger.await_quorum()
        size = ledger.services.log.size
    checkpoint.write_text(before)
    public = DirectoryLog(tmp_path / "data" / "public")
    restored = bring_back(
        tmp_path / "backup", tmp_path / "new", copies=station.folder, public=public
    )
    completion = restored.completion
    assert (completion.edge.size, completion.missing, completion.lost) == (size, (), (size - 2,))
    with restored_ledger(tmp_path / "new", people) as ledger:
        await_resumed(ledger)
        check_acknowledged(ledger, station, completion.lost)


class Dying:
    """A server between two of its stages: what is replaced by `die` does not happen any more."""

    def __init__(self, ledger: Ledger) -> None:
        self.log = ledger.services.log
        self._materialise = self.log.materialise
        self.log.publish = self.die  # type: ignore[method-assign]

    def die(self, *args: Any) -> Any:
        raise Unavailable("killed")

    def hold_tiles(self) -> None:
        self.log.materialise = self.die  # type: ignore[method-assign]

    def write_tiles(self) -> None:
        self.log.materialise = self._materialise  # type: ignore[method-assign]
        await_that(lambda: self.log.materialised == self.log.size, "the tiles")


def test_tiles_beyond_it_serve_under_a_checkpoint_that_only_a_cosigner_shows(
    tmp_path: Path,
) -> None:
    """A quiet night: killed behind a cosigner's answer, after words that only the ledger has."""
    data, target = tmp_path / "data", tmp_path / "backup"
    with open_ledger(data) as ledger:
        people = ledger.offices
        ledger.await_quorum()
        back_up(data, target)
        Dying(ledger)
        ledger.services.backups.look()
        size = ledger.services.log.size

        def signed() -> bool:
            last = people[0].service.state.last(ORIGIN)
            return last is not None and last[0].size == size

        await_that(signed, "a cosigner's signature")
    data.rename(tmp_path / "old")
    public = DirectoryLog(tmp_path / "old" / "public")
    assert checkpoint_of(public).size < size
    forked = Forked(read_key(tmp_path / "old/keys/log.key"), size)
    restored = bring_back(target, data, public=public, cosigners=lambda policy: [*people, forked])
    assert restored.completion.lost == (size - 1,)
    with restored_ledger(data, people) as ledger:
        await_resumed(ledger)
        ledger.accept(ledger.evidence(b"after"))
        ledger.await_quorum()
        check_one_history(ledger, people, [])


def test_what_a_cosigner_shows_of_another_history_completes_nothing(
    backup: Path, tmp_path: Path
) -> None:
    """Nor does it keep a backup from being restored: it is asked again before the log goes on."""
    with open_ledger(tmp_path / "twin") as twin:
        for i in range(3):
            twin.accept(twin.evidence(b"another history %d" % i))
        twin.await_quorum()
        people = twin.offices
    public = DirectoryLog(tmp_path / "data" / "public")
    before = bring_back(backup, tmp_path / "before", public=public)
    restored = bring_back(backup, tmp_path / "new", public=public, cosigners=lambda policy: people)
    assert restored.completion == before.completion


class Forked:
    """A cosigner who shows what somebody with the log's key has signed, of as many entries."""

    def __init__(self, key: SigningKey, size: int) -> None:
        text = Checkpoint(key.name, size, bytes(32)).to_text()
        self._note = SignedNote(text, (sign_note(text, key),)).to_bytes()

    def checkpoint(self, origin: str) -> bytes:
        return self._note


class Endless(DirectoryLog):
    """A public copy that has another full bundle behind each."""

    asked = 0

    def read(self, label: str, path: str) -> bytes:
        if path.startswith("tile/entries"):
            self.asked += 1
            assert self.asked < 10, "it is read for ever"
            return entries_to_bytes([b"an entry"] * 256)
        return super().read(label, path)


def checkpoint_of(public: DirectoryLog) -> Checkpoint:
    return Checkpoint.from_text(SignedNote.from_bytes(public.read("2026", "checkpoint")).text)


def test_tiles_that_were_written_for_more_entries_serve_too(tmp_path: Path) -> None:
    """No bundle has the width of the station's checkpoint: tiles are written in rounds."""
    station, data, target = Station(tmp_path / "copies"), tmp_path / "data", tmp_path / "backup"
    with open_ledger(data) as ledger:
        people = ledger.offices
        ledger.await_quorum()
        back_up(data, target)
        for office in people:
            office.away = True
        dying = Dying(ledger)
        dying.hold_tiles()
        ledger.services.custody.status("unclaimed_removed", {"items": 1})
        (answer,) = station.file(ledger, ledger.evidence(b"kept"))
        ledger.services.custody.status("unclaimed_removed", {"items": 1})
        dying.write_tiles()
    data.rename(tmp_path / "old")
    index = parse_decimal(answer["index"])
    restored = bring_back(
        target, data, copies=station.folder, public=DirectoryLog(tmp_path / "old" / "public")
    )
    completion = restored.completion
    assert (completion.missing, completion.lost, completion.edge.size) == (
        (),
        (index - 1,),
        index + 1,
    )


class Failing(DirectoryLog):
    """A public copy whose tiles cannot be had just now."""

    asked = 0

    def read(self, label: str, path: str) -> bytes:
        if path.startswith("tile/entries"):
            self.asked += 1
            raise Unavailable("too many requests")
        return super().read(label, path)


@pytest.mark.parametrize("trouble", ["damaged", "another entry", "unavailable"])
def test_a_bundle_beyond_the_checkpoint_that_cannot_be_used_is_named_and_left_out(
    tmp_path: Path, trouble: str
) -> None:
    station, data, target = Station(tmp_path / "copies"), tmp_path / "data", tmp_path / "backup"
    with open_ledger(data) as ledger:
        ledger.await_quorum()
        back_up(data, target)
        Dying(ledger)
        station.file(ledger, ledger.evidence(b"kept"))
        log = ledger.services.log
        await_that(lambda: log.materialised == log.size, "the tiles")
        (bundle,) = (data / "public").rglob(f"tile/entries/000.p/{log.size}")
    whole = bundle.read_bytes()
    other = bytes([whole[-1] ^ 1]) if trouble == "another entry" else b""
    bundle.write_bytes(whole[:-1] + other)
    public = (Failing if trouble == "unavailable" else DirectoryLog)(data / "public")
    restored = bring_back(target, tmp_path / "new", copies=station.folder, public=public)
    ((name, _),) = restored.refused
    assert name.startswith("2026/tile/entries")
    assert restored.completion.edge.size == log.size and not restored.completion.lost


def test_no_more_is_read_beyond_the_checkpoint_than_somebody_has_signed(
    tmp_path: Path, backup: Path
) -> None:
    public = Endless(tmp_path / "data" / "public")
    size = checkpoint_of(public).size
    forked = Forked(read_key(tmp_path / "data/keys/log.key"), size + 1)
    restored = bring_back(
        backup, tmp_path / "new", public=public, cosigners=lambda policy: [forked]
    )
    ((name, why),) = restored.refused
    assert name == "2026/tile/entries" and f"beyond {size} entries" in why
    assert restored.completion.edge.size == size


def test_no_tile_beyond_the_checkpoint_is_asked_for_where_nobody_has_signed_more(
    tmp_path: Path, backup: Path
) -> None:
    public = Failing(tmp_path / "data" / "public")
    restored = bring_back(backup, tmp_path / "new", public=public)
    assert public.asked == 0 and restored.refused == ()


def test_a_mark_tells_the_first_of_very_many_missing_entries(tmp_path: Path) -> None:
    ranges = [(2 * n, 2 * n) for n in range(200_000)]
    text = begun_text(format_ranges(ranges))
    assert text.startswith("0, 2, 4, ") and text.endswith(", …")
    assert Mark.from_bytes(Mark(0, 400_000, text).to_bytes()).missing == text


def test_a_public_copy_of_another_history_is_refused(backup: Path, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "twin") as twin:
        for i in range(20):
            twin.accept(twin.evidence(b"another history %d" % i))
        twin.await_quorum()
    public = DirectoryLog(tmp_path / "twin" / "public")
    with pytest.raises(Rejected, match=r"do not give the tree|not those that the log has signed"):
        bring_back(backup, tmp_path / "new", public=public)


# --- what the server says --------------------------------------------------------------------


def test_the_server_says_what_is_backed_up(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "data") as ledger:
        assert ledger.http.get("/v1/backup").status_code == 404
        ledger.accept(ledger.evidence(b"a"))
        made = back_up(ledger.folder, tmp_path / "backup", at_ms=1_795_430_400_000)
        answer = ledger.http.get("/v1/backup")
        assert answer.json() == {
            "at": "2026-11-23T16:00:00+08:00",
            "log": "2026",
            "size": str(made.size),
        } | {"at": answer.json()["at"]}
        ledger.services.backups.look()
        ledger.services.backups.look()
        (status,) = ledger.status("backed_up")
        assert status["counts"] == {"number": "1", "size": str(made.size)}
    with open_ledger(tmp_path / "data") as ledger:
        ledger.services.backups.look()
        assert len(ledger.status("backed_up")) == 1
        found = newest(ledger.services.folder)
        assert found is not None and found.size == made.size


def test_the_log_says_by_itself_what_is_backed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.backups.LOOK_S", 0.05)
    with open_ledger(tmp_path / "data") as ledger:
        made = back_up(ledger.folder, tmp_path / "backup")
        await_that(lambda: ledger.status("backed_up"), "the statement")
        (status,) = ledger.status("backed_up")
        assert status["counts"] == {"number": "1", "size": str(made.size)}


def test_a_target_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Its disk may not be mounted."""
    with open_ledger(tmp_path / "data") as ledger, pytest.raises(Unknown, match="no folder"):
        make_backup(ledger.services.folder, ORIGIN, tmp_path / "mnt" / "backup", KEY, 1)
    assert not (tmp_path / "mnt").exists()


def test_a_target_inside_the_ledgers_folder_is_refused(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "data"), pytest.raises(Rejected, match="lost with it"):
        back_up(tmp_path / "data", tmp_path / "data" / "copy")


def test_what_is_no_backup_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unknown):
        check_backup(tmp_path / "nothing", KEY)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unknown):
        check_backup(tmp_path / "empty", KEY)
    with pytest.raises((Unavailable, Unknown)):
        bring_back(tmp_path / "nothing", tmp_path / "new")
