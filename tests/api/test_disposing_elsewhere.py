"""What was destroyed, in packets, in backups and restored ledgers, in audits and scrubs."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from api.backups import make_backup
from api.clients.copies import format_copy
from api.restoring import Sources, restore
from ledger.audit import audit_log
from ledger.backup import BackupKey
from ledger.evidence.envelope import Envelope
from ledger.evidence.packet import Index
from ledger.evidence.statement import Kind, Statement
from ledger.report import Group, Outcome, Report
from ledger.verify import verify_packet
from storage.folder import DataFolder
from storage.packets import open_packet
from storage.public_copy import DirectoryLog
from storage.scrub import Pace, Scrub
from testkit.disposals import (
    OTHER,
    RECORDING,
    act,
    close_case,
    disposal,
    disposed,
    file,
    found,
    needles,
    object_of,
    opened,
)
from testkit.server import CASE, ORIGIN, OTHER_CASE, Ledger, await_that, open_ledger, series_keys

KEY = BackupKey(bytes(range(32)))


def back_up(folder: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    make_backup(DataFolder.open(folder), ORIGIN, target, KEY, 1)


def bring_back(target: Path, data: Path, **sources: Any) -> None:
    with series_keys():
        restore(target, data, KEY, Sources(**sources))


def judged(ledger: Ledger, folder: Path) -> tuple[Report, Index]:
    ledger.await_quorum()
    answer = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
    assert answer.status_code == 200, answer.text
    path = folder / "case.zip"
    path.write_bytes(answer.content)
    packet = open_packet(path)
    log = DirectoryLog(ledger.folder / "public")
    data = b"".join(map(bytes, packet.stream("data/packet.json")))
    return verify_packet(packet, ledger.trust, log=log), Index.from_bytes(data)


def test_a_packet_names_what_was_destroyed_and_shows_the_disposal(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        gone = file(ledger)
        file(ledger, OTHER, name="b.mp4")
        close_case(ledger)
        before, _ = judged(ledger, tmp_path)
        (said,) = ledger.accept(disposal(gone))
        disposed(ledger)
        report, index = judged(ledger, tmp_path)
        assert not [f for f in report.findings if f.outcome is Outcome.FAILED]
        assert before.groups[Group.COMPLETE] is Outcome.PASSED
        assert report.groups[Group.COMPLETE] is Outcome.UNDECIDED
        (row,) = [one for one in index.withheld if one.reason == "destroyed"]
        assert row.place.to_text() == f"2026-{gone['index']}"
        details = [f.detail for f in report.findings if "destroyed" in f.detail]
        assert details == [f"statement 1 of 4, entry 2026-{gone['index']}, is withheld: destroyed"]
        shown = open_packet(tmp_path / "case.zip").sizes()
        assert f"data/statements/2026-{said['index']}.dsse.json" in shown
        assert f"data/statements/2026-{gone['index']}.salt" not in shown


def test_a_case_of_which_all_was_destroyed_still_has_a_packet(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        everything = [file(ledger), close_case(ledger)]
        ledger.accept(disposal(*everything))
        disposed(ledger)
        report, index = judged(ledger, tmp_path)
        assert not [f for f in report.findings if f.outcome is Outcome.FAILED]
        assert [one.reason for one in index.withheld if one.what == "statement"] == [
            "destroyed", "destroyed"
        ]  # fmt: skip


def test_what_another_case_has_destroyed_is_said_there(tmp_path: Path) -> None:
    """A recording of two cases is one series, which the packet of each accounts for."""
    with opened(tmp_path / "ledger") as ledger:
        recording = {"device": "BWC-1", "file": "1.MP4"}
        gone = file(ledger, case=OTHER_CASE, **recording)
        file(ledger, upload=False, **recording)
        ledger.accept(act(ledger, case=OTHER_CASE))
        ledger.await_quorum()
        ledger.accept(disposal(gone, case=OTHER_CASE))
        disposed(ledger)
        report, index = judged(ledger, tmp_path)
        assert not [f for f in report.findings if f.outcome is Outcome.FAILED]
        assert {(row.place.index, row.reason) for row in index.withheld} == {
            (int(gone["index"]), "other_case")
        }


def test_audits_and_scrubs_go_on(tmp_path: Path) -> None:
    second = {"second_store": "directory:../second"}
    with opened(tmp_path / "ledger", **second) as ledger:
        gone = file(ledger)
        file(ledger, OTHER, name="b.mp4")
        close_case(ledger)
        wanted = needles(ledger, RECORDING, gone)
        ledger.accept(disposal(gone))
        disposed(ledger)
        ledger.await_quorum()
        audit = audit_log(DirectoryLog(ledger.folder / "public"), ledger.trust.logs[0])
        assert audit.outcome is Outcome.PASSED
        clock, findings = ledger.services.clock, []
        vault, store = ledger.services.vault.items, ledger.services.store
        pace = Pace(10**12, clock, time.sleep)
        done = Scrub(vault, store.items_after, clock, pace, findings.append).run()
        assert (findings, done.lost, done.damaged) == ([], 0, 0)
        assert found(tmp_path, wanted) == []


# --- backups -----------------------------------------------------------------------------------


def restored(folder: Path, people: list[Any], wanted: list[bytes], gone: dict[str, Any]) -> None:
    with open_ledger(folder, people=people) as ledger:
        await_that(lambda: not ledger.services.folder.restored.exists(), "the log going on")
        ledger.await_quorum()
        ledger.services.keeping.wake()
        await_that(lambda: not ledger.services.store.disposals_to_do(), "the destruction")
        assert found(folder, wanted) == []
        row = ledger.services.store.find(gone["id"])
        assert row is not None and row.destroyed
        file(ledger, b"and it goes on", name="c.mp4")


@pytest.mark.parametrize("first", ["before the statement", "before the disposal", "at the end"])
def test_a_restored_ledger_does_not_bring_it_back(tmp_path: Path, first: str) -> None:
    data, target = tmp_path / "data", tmp_path / "backup"
    with opened(data) as ledger:
        people = ledger.offices
        if first == "before the statement":
            back_up(data, target)
        gone = file(ledger)
        close_case(ledger)
        if first == "before the disposal":
            back_up(data, target)
        wanted = needles(ledger, RECORDING, gone)
        ledger.accept(disposal(gone))
        disposed(ledger)
        ledger.await_quorum()
    back_up(data, target)
    items = shutil.copytree(data / "items", tmp_path / "new" / "items")
    assert items.exists()
    bring_back(target, tmp_path / "new")
    assert found(tmp_path / "new", wanted) == []
    restored(tmp_path / "new", people, wanted, gone)


def test_a_disposal_after_the_backup_is_done_again_after_a_restore(tmp_path: Path) -> None:
    """The store was copied before it too: with what others kept, all of it goes again."""
    data, target, copies = tmp_path / "data", tmp_path / "backup", tmp_path / "copies"
    copies.mkdir()
    with opened(data) as ledger:
        people = ledger.offices
        gone = file(ledger)
        close_case(ledger)
        back_up(data, target)
        shutil.copytree(data / "items", tmp_path / "new" / "items")
        wanted = needles(ledger, RECORDING, gone)
        envelope = disposal(gone)
        (said,) = ledger.accept(envelope)
        disposed(ledger)
        later = ledger.evidence(OTHER, name="b.mp4")  # or the log might have been closed here
        for kept, answer in ((envelope, said), (later, ledger.accept(later)[0])):
            (copies / f"{answer['id']}.json").write_bytes(format_copy(kept, answer))
        ledger.await_quorum()
    public = DirectoryLog(data / "public")
    bring_back(target, tmp_path / "new", copies=copies, public=public)
    assert found(tmp_path / "new", wanted)
    restored(tmp_path / "new", people, wanted, gone)


def test_what_comes_back_into_the_store_alone_goes_at_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with opened(folder) as ledger:
        gone = file(ledger)
        close_case(ledger)
        wanted = needles(ledger, RECORDING, gone)
        object_id = object_of(ledger, RECORDING)
        shutil.copytree(folder / "items", tmp_path / "old")
        ledger.accept(disposal(gone))
        disposed(ledger)
    shutil.copytree(tmp_path / "old", folder / "items", dirs_exist_ok=True)
    assert found(folder, wanted)
    with open_ledger(folder) as ledger:
        path = folder / "items" / object_id[:2] / object_id
        await_that(lambda: not path.exists(), "the destruction")
        assert found(folder, wanted) == []
        assert len(ledger.status("disposed")) == 1


def test_a_disposal_is_a_statement_like_any_other(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        gone = file(ledger)
        close_case(ledger)
        envelope = disposal(gone)
        (first,), (again,) = ledger.accept(envelope), ledger.accept(envelope)
        assert (again["fresh"], again["index"]) == ("no", first["index"])
        said = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
        assert said.kind is Kind.DISPOSAL
