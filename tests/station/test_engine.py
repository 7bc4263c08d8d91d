"""A day at the dock, over the real server: nothing lost, nothing twice, nothing wiped early."""

import errno
import os
import threading
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from api.clients.copies import open_copy
from cli.station.people import explain_gap
from cli.station.reading import PIECE, SpoolWriter
from cli.station.sending import AT_ONCE
from ledger.encoding import format_base64, format_time, parse_time
from ledger.errors import Conflict, Full, Rejected, Unavailable
from ledger.evidence.session import Cause, Kept, Manifest
from ledger.suite import digest
from testkit.server import HANDLER, STRANGER, Ledger, open_ledger
from testkit.station import Desk, Line, desk, expected, open_desk, shift, unique
from testkit.world import HandClock

HOUR_MS = 3_600_000


# --- an ordinary day -------------------------------------------------------------------------


def test_a_day_at_the_dock_leaves_every_file_in_the_log(office: Desk) -> None:
    away, said = shift(office, "BWC_0001.MP4", "BWC_0001.LOG", "BWC_0002.MP4")
    office.plug(away)
    seen = office.settle()
    assert office.gaps() == []
    assert sorted(office.deposited()) == expected(said)
    assert [s.kind for s in office.logged()] == ["session", "session", "evidence", "evidence"]
    assert [len(s.files) for s in office.logged()] == [1, 1, 2, 1]
    (device,) = seen.devices
    assert (device.state, device.unplug, device.wipe) == ("wipe", True, True)
    assert seen.done
    assert seen.spool_used == 0
    assert not list(office.station.folder.spool.iterdir())


def test_the_manifest_is_signed_before_a_byte_is_read(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, _ = shift(office, "BWC_0001.MP4")
    office.plug(away)
    told: list[list[str]] = []
    copy = office.engine.reader._copy

    def watched(*args: Any) -> None:
        told.append([row.kind for row in office.station.store.statements()])
        copy(*args)

    monkeypatch.setattr(office.engine.reader, "_copy", watched)
    office.settle()
    assert told == [["check_out", "dock"]]


def test_the_officers_and_the_checkpoint_they_went_out_with_are_in_the_log(office: Desk) -> None:
    office.settle(1)  # looks for a checkpoint
    away, _ = shift(office, "BWC_0001.MP4")
    office.plug(away)
    office.settle()
    given, _, evidence = office.logged()
    assert given.after is not None
    assert evidence.predicate["officers"] == given.predicate["officers"]
    assert evidence.predicate["session"] == given.id
    assert evidence.predicate["provisional"] == given.id


def test_a_device_that_was_handed_out_and_still_stands_there_is_not_docked(office: Desk) -> None:
    root = office.card()
    office.check_out(root)
    seen = office.settle()
    assert [device.state for device in seen.devices] == ["out"]
    assert [row.kind for row in office.station.store.statements()] == ["check_out"]


def test_a_session_without_a_recording_is_told_too(office: Desk) -> None:
    away, _ = shift(office)
    office.plug(away)
    seen = office.settle()
    assert [s.kind for s in office.logged()] == ["session", "session"]
    assert office.gaps() == []
    assert seen.devices[0].unplug


def test_a_card_that_is_docked_again_is_recognised(office: Desk) -> None:
    away, said = shift(office, "BWC_0001.MP4", "BWC_0002.MP4")
    root = office.plug(away)
    office.settle()
    away = office.pull(root)
    office.engine.step()
    office.plug(away)
    seen = office.settle()
    assert sorted(office.deposited()) == expected(said)
    assert office.gaps() == []
    assert seen.devices[0].wipe


def test_a_second_session_reads_only_what_is_new(office: Desk) -> None:
    away, first = shift(office, "BWC_0001.MP4")
    root = office.plug(away)
    office.settle()
    away, second = shift(office, "BWC_0002.MP4", root=root)
    office.plug(away)
    seen = office.settle()
    assert sorted(office.deposited()) == expected(first | second)
    assert office.gaps() == []
    assert seen.devices[0].wipe


def test_the_same_bytes_under_another_time_are_one_file(office: Desk) -> None:
    away, said = shift(office, "BWC_0001.MP4")
    root = office.plug(away)
    office.settle()
    away = office.pull(root)
    office.engine.step()
    # A FAT card that is mounted in another zone shows its times moved by hours.
    path = away / "DCIM/100MEDIA/BWC_0001.MP4"
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime + 8 * 3600))
    office.plug(away)
    office.settle()
    assert sorted(office.deposited()) == expected(said)
    assert office.gaps() == []
    assert office.view().devices[0].wipe


HOSTILE = [b"\x1b[2J.MP4", b" .MP4", "执法\u202e.MP4".encode(), b"a\nb.MP4", b"\xd6\xb4.MP4"]


def test_names_that_no_statement_would_hold_are_deposited_all_the_same(office: Desk) -> None:
    said = {}
    for name in [*HOSTILE, b"x" * 250 + b".MP4", b"-rf", b"\xff\xfe"]:
        said[name] = unique("hostile")
        office.record(office.card(), name, said[name])
    deep = b"/".join([b"\x1b" * 255] * 15)
    said[deep] = unique("deep")
    office.record(office.card(), deep, said[deep])
    office.settle()
    found = sorted(sha256 for _, sha256 in office.deposited())
    assert found == sorted(digest(data) for data in said.values())
    assert office.view().devices[0].wipe


def test_hostile_names_of_files_that_vanish_are_told(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = office.card()
    for n in range(600):
        office.record(root, b"\x1b%d" % n + b"\x1b" * 240, b"x")
    monkeypatch.setattr(office.engine.reader, "read", lambda *args, **more: None)
    office.settle(3)
    monkeypatch.undo()
    for path in [*root.iterdir()]:
        path.unlink()
    (root / "kept").write_bytes(b"x")
    for _ in range(10):  # a hundred to a statement
        office.rest()
        office.engine.step()
    told = [gap for gap in office.gap_rows() if gap.kind == "file_gone"]
    assert len(told) == 600
    assert all(gap.number for gap in told)
    assert not office.view().refused


def test_a_card_that_claims_the_year_2400_holds_nobody_up(office: Desk) -> None:
    data = unique("2400")
    path = office.record(office.card(), "BWC_0001.MP4", data)
    os.utime(path, (13_569_465_600, 13_569_465_600))
    office.settle()
    assert office.deposited() == [("BWC_0001.MP4", digest(data))]


def test_a_file_that_was_listed_and_does_not_come_for_a_day_is_a_gap(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(office, "BWC_0001.MP4", "BWC_0002.MP4")
    root = office.plug(away)
    monkeypatch.setattr(office.engine.reader, "read", lambda *args, **more: None)
    office.settle(3)
    monkeypatch.undo()
    away = office.pull(root)
    office.settle(3)
    assert office.gaps() == []
    office.rest(25 * 3600)
    office.settle(3)
    assert [kind for kind, _ in office.gaps()] == ["file_gone", "file_gone"]
    office.plug(away)
    office.settle()
    assert sorted(office.deposited()) == expected(said)


def test_a_card_that_was_not_read_is_not_handed_out(office: Desk) -> None:
    office.record(office.card(), "BWC_0001.MP4", unique("left inside"))
    with pytest.raises(Rejected, match="1 files on 'BWC-310' have not been read"):
        office.check_out(office.card())
    office.settle()
    office.check_out(office.card())


def test_two_devices_of_one_name_are_said_and_the_first_is_read(tmp_path: Path) -> None:
    with (
        open_ledger(tmp_path / "ledger") as ledger,
        desk(tmp_path / "desk", ledger, identity_file="ID") as office,
    ):
        for name in ("a", "b"):
            office.record(office.card(name), "ID", b"BWC-310\n")
        office.settle()
        assert "two devices in the docks are named" in office.view().devices[0].problem
        assert len(office.deposited()) == 1


def test_more_than_eight_side_files_stand_in_a_further_statement(office: Desk) -> None:
    names = ["BWC_0001.MP4", *(f"BWC_0001.S{n:02}" for n in range(11))]
    away, said = shift(office, *names)
    office.plug(away)
    office.settle()
    assert sorted(office.deposited()) == expected(said)
    assert [len(s.files) for s in office.logged()[2:]] == [9, 3]


def test_a_side_file_without_a_recording_is_deposited_by_itself(office: Desk) -> None:
    away, said = shift(office, "DEVICE.LOG")
    office.plug(away)
    office.settle()
    assert office.deposited() == expected(said)


def test_two_devices_are_read_at_once(office: Desk) -> None:
    one, first = shift(office, "BWC_0001.MP4", root=office.card("BWC-1"))
    two, second = shift(office, "BWC_0002.MP4", root=office.card("BWC-2"))
    office.plug(one)
    office.plug(two)
    office.settle()
    assert sorted(office.deposited()) == expected(first | second)


def test_a_lost_ledger_can_be_completed_from_the_copies(office: Desk) -> None:
    away, _ = shift(office, "BWC_0001.MP4")
    office.plug(away)
    office.settle()
    copies = sorted(office.station.folder.copies.iterdir())
    opened = [open_copy(p.name, p.read_bytes(), office.station.trust) for p in copies]
    assert {copy.row.statement_id for copy in opened} == {s.id for s in office.logged()}


# --- what does not add up --------------------------------------------------------------------


def test_a_deleted_file_leaves_a_gap_with_its_number(office: Desk) -> None:
    away, _ = shift(office, "BWC_0001.MP4", "BWC_0002.MP4", "BWC_0003.MP4")
    (away / "DCIM/100MEDIA/BWC_0002.MP4").unlink()
    office.plug(away)
    office.settle()
    assert office.gaps() == [("counter_skipped", "BWC_ 0002-0002")]
    assert office.logged()[1].predicate["gaps"] == [
        {"kind": "counter_skipped", "note": "BWC_ 0002-0002"}
    ]


def test_a_number_missing_since_the_session_before_is_a_gap(office: Desk) -> None:
    away, _ = shift(office, "BWC_0001.MP4", "BWC_0002.MP4")
    root = office.plug(away)
    office.settle()
    away, _ = shift(office, "BWC_0004.MP4", root=root)
    office.plug(away)
    office.settle()
    assert office.gaps() == [("counter_skipped", "BWC_ 0003-0003")]


def test_another_card_is_a_gap(office: Desk) -> None:
    away, _ = shift(office, "BWC_0001.MP4")
    (away / ".tiezheng-card").write_text("tz-another\n")
    office.plug(away)
    office.settle()
    assert [kind for kind, _ in office.gaps()] == ["card_changed"]


def test_numbers_that_begin_anew_are_a_gap(office: Desk) -> None:
    away, _ = shift(office, "BWC_0088.MP4", "BWC_0089.MP4")
    root = office.plug(away)
    office.settle()
    away, _ = shift(office, "BWC_0001.MP4", root=root)
    office.plug(away)
    office.settle()
    assert [kind for kind, _ in office.gaps()] == ["counter_reset"]


def test_a_clock_that_is_three_hours_slow_is_named_and_corrected(office: Desk) -> None:
    root = office.card()
    office.check_out(root, device_time=format_time(office.clock.wall - 3 * HOUR_MS))
    office.engine.step()
    away = office.pull(root)
    office.engine.step()
    office.rest(600)
    at_ms = office.clock.wall
    office.record(away, "BWC_0001.MP4", unique("slow"), at_ms - 3 * HOUR_MS)
    office.plug(away)
    office.settle()
    kinds = [kind for kind, _ in office.gaps()]
    assert kinds == ["clock_offset"]
    seconds = int(office.gaps()[0][1].removesuffix(" ms")) / 1000
    assert abs(seconds + 10_800) <= 2
    corrected = parse_time(office.logged()[-1].predicate["corrected"]["from"])
    assert abs(corrected - at_ms) <= 2000


def test_a_file_from_before_the_check_out_is_named(office: Desk) -> None:
    away, _ = shift(office, "BWC_0001.MP4")
    office.record(away, "DCIM/100MEDIA/BWC_0002.MP4", unique("old"), office.clock.wall - HOUR_MS)
    office.plug(away)
    office.settle()
    assert ("before_check_out", "DCIM/100MEDIA/BWC_0002.MP4") in office.gaps()


def test_a_device_that_nobody_checked_out_is_named_and_read(office: Desk) -> None:
    data = unique("unpaired")
    office.record(office.card(), "BWC_0001.MP4", data)
    office.settle()
    assert office.gaps() == [("unpaired", "BWC-310")]
    assert office.deposited() == [("BWC_0001.MP4", digest(data))]


def test_a_file_that_vanishes_before_it_was_read_is_a_gap(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(office, "BWC_0001.MP4", "BWC_0002.MP4")
    root = office.plug(away)
    monkeypatch.setattr(office.engine.reader, "read", lambda *args, **more: None)
    office.rest()
    office.engine.step()
    office.rest()
    office.engine.step()
    monkeypatch.undo()
    (root / "DCIM/100MEDIA/BWC_0002.MP4").unlink()
    office.settle()
    assert office.gaps() == [("file_gone", "DCIM/100MEDIA/BWC_0002.MP4")]
    assert office.deposited() == expected({"BWC_0001.MP4": said["BWC_0001.MP4"]})
    docks = [s.predicate["gaps"] for s in office.logged() if "gaps" in s.predicate]
    assert docks == [[], [{"kind": "file_gone", "note": "DCIM/100MEDIA/BWC_0002.MP4"}]]


# --- files that change -----------------------------------------------------------------------


def test_a_file_swapped_between_the_two_readings_is_kept_twice_and_not_wiped(
    wiping: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(wiping, "BWC_0001.MP4")
    root = wiping.plug(away)
    path = root / "DCIM/100MEDIA/BWC_0001.MP4"
    swapped = bytes(len(said["BWC_0001.MP4"]))
    again = wiping.engine.reader._again

    def swap(*args: Any) -> None:
        times = path.stat()
        path.write_bytes(swapped)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        again(*args)
        monkeypatch.undo()

    monkeypatch.setattr(wiping.engine.reader, "_again", swap)
    seen = wiping.settle(20)
    assert sorted(d for _, d in wiping.deposited()) == sorted(
        [digest(said["BWC_0001.MP4"]), digest(swapped)]
    )
    assert wiping.gaps() == [("file_changed", "DCIM/100MEDIA/BWC_0001.MP4")]
    assert path.read_bytes() == swapped
    assert str(Kept.READ_BACK_DIFFERS) in wiping.keeps()[b"DCIM/100MEDIA/BWC_0001.MP4"]
    assert not seen.devices[0].wipe


def test_a_file_that_grows_while_it_is_read_is_kept_in_both_versions(
    wiping: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(wiping, "BWC_0001.MP4")
    root = wiping.plug(away)
    path = root / "DCIM/100MEDIA/BWC_0001.MP4"
    digest_ = wiping.engine.reader._digest

    def grow(*args: Any) -> Any:
        found = digest_(*args)
        with path.open("ab") as file:
            file.write(b"more")
        monkeypatch.undo()
        return found

    monkeypatch.setattr(wiping.engine.reader, "_digest", grow)
    wiping.settle(20)
    first = said["BWC_0001.MP4"]
    assert sorted(d for _, d in wiping.deposited()) == sorted(
        [digest(first), digest(first + b"more")]
    )
    assert [kind for kind, _ in wiping.gaps()] == ["file_changed"]
    assert path.exists()


def test_a_file_that_changes_at_each_reading_is_given_up_and_kept(
    wiping: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, _ = shift(wiping, "BWC_0001.MP4")
    root = wiping.plug(away)
    path = root / "DCIM/100MEDIA/BWC_0001.MP4"
    again = wiping.engine.reader._again

    def swap(*args: Any) -> None:
        path.write_bytes(unique("again"))
        again(*args)

    monkeypatch.setattr(wiping.engine.reader, "_again", swap)
    for _ in range(12):
        wiping.settle(2)
    assert len(wiping.deposited()) <= 6
    assert path.exists()
    assert "changes each time" in wiping.view().devices[0].problem


def test_a_file_is_listed_only_when_nobody_writes_to_it(office: Desk) -> None:
    away, _ = shift(office, "BWC_0001.MP4")
    root = office.plug(away)
    for n in range(4):
        office.rest(2)
        office.record(root, "DCIM/100MEDIA/BWC_0002.MP4", unique("x") * (n + 1))
        office.engine.step()
    assert [row.kind for row in office.station.store.statements()] == ["check_out"]
    office.settle()
    assert office.gaps() == []
    assert len(office.deposited()) == 2


# --- wiping ----------------------------------------------------------------------------------


def test_what_is_proven_is_wiped_and_nothing_else(wiping: Desk) -> None:
    away, said = shift(wiping, "BWC_0001.MP4", "BWC_0001.LOG")
    (away / "DCIM/link").symlink_to(away / "DCIM/100MEDIA/BWC_0001.MP4")
    os.mkfifo(away / "DCIM/pipe")
    root = wiping.plug(away)
    seen = wiping.settle()
    assert sorted(wiping.deposited()) == expected(said)
    left = sorted(path.name for path in root.rglob("*"))
    assert left == [".tiezheng-card", "100MEDIA", "DCIM", "link", "pipe"]
    assert seen.devices[0].state == "wiped"
    assert [kind for kind, _ in wiping.gaps()] == ["unreadable", "unreadable"]


def test_a_wiped_device_starts_its_next_session_without_a_gap(wiping: Desk) -> None:
    away, _ = shift(wiping, "BWC_0001.MP4", "BWC_0002.MP4")
    root = wiping.plug(away)
    wiping.settle()
    away, said = shift(wiping, "BWC_0003.MP4", root=root)
    wiping.plug(away)
    wiping.settle()
    assert wiping.gaps() == []
    assert wiping.deposited()[2:] == expected(said)


def test_nothing_is_wiped_without_the_setting(office: Desk) -> None:
    away, _ = shift(office, "BWC_0001.MP4")
    root = office.plug(away)
    office.settle()
    assert (root / "DCIM/100MEDIA/BWC_0001.MP4").exists()


def test_nothing_is_wiped_while_no_cosigner_answers(tmp_path: Path, ledger: Ledger) -> None:
    with desk(tmp_path, ledger, wipe=True) as wiping:
        away, _ = shift(wiping, "BWC_0001.MP4")
        root = wiping.plug(away)
        ledger.await_quorum()
        for office in ledger.offices:
            office.away = True
        try:
            for _ in range(6):
                wiping.rest()
                wiping.engine.step()
            assert (root / "DCIM/100MEDIA/BWC_0001.MP4").exists()
            assert Kept.NOT_COSIGNED in wiping.keeps()[b"DCIM/100MEDIA/BWC_0001.MP4"]
        finally:
            for office in ledger.offices:
                office.away = False
        wiping.settle()
        assert not (root / "DCIM/100MEDIA/BWC_0001.MP4").exists()


def test_nothing_is_wiped_while_the_ledger_does_not_show_the_bytes(
    wiping: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, _ = shift(wiping, "BWC_0001.MP4")
    root = wiping.plug(away)
    monkeypatch.setattr(wiping.line, "readback", lambda *args: bytes(32))
    seen = wiping.settle()
    assert wiping.keeps() == {b"DCIM/100MEDIA/BWC_0001.MP4": (str(Kept.NOT_STORED),)}
    assert seen.devices[0].unplug
    assert not seen.devices[0].wipe
    assert (root / "DCIM/100MEDIA/BWC_0001.MP4").exists()


def test_a_file_that_changed_after_it_was_proven_is_not_wiped(
    wiping: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, _ = shift(wiping, "BWC_0001.MP4")
    root = wiping.plug(away)
    path = root / "DCIM/100MEDIA/BWC_0001.MP4"
    wipe = wiping.engine.reader._wipe

    def replace(*args: Any) -> None:
        if not any(wiping.keeps().values()):
            path.write_bytes(b"another")
            monkeypatch.undo()
        wipe(*args)

    monkeypatch.setattr(wiping.engine.reader, "_wipe", replace)
    for _ in range(5):
        wiping.rest()
        wiping.engine.step()
        wiping.line.ledger.await_quorum()
        if path.read_bytes() == b"another":
            break
    assert path.read_bytes() == b"another"


# --- two uploads at a time -------------------------------------------------------------------


def test_one_file_is_on_its_way_while_the_ledger_reads_another_and_filing_keeps_the_order(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(office, "BWC_0001.MP4", "BWC_0002.MP4")
    office.plug(away)
    files = {digest(data) for data in said.values()}
    both, second, upload = threading.Barrier(2), threading.Event(), office.line.upload

    def slow(path: Path, size: int, sha256: bytes, progress: Any, **more: bool) -> None:
        if sha256 in files:
            both.wait(60)  # broken, and an error of the round, if the other never comes
            if sha256 == digest(said["BWC_0001.MP4"]):
                assert second.wait(60)
        upload(path, size, sha256, progress, **more)
        if sha256 == digest(said["BWC_0002.MP4"]):
            second.set()

    monkeypatch.setattr(office.line, "upload", slow)
    office.settle()
    sent = [sha256 for sha256 in office.line.uploads if sha256 in files]
    assert sent == [digest(said[name]) for name in ("BWC_0002.MP4", "BWC_0001.MP4")]
    assert [name for name, _ in office.deposited()] == ["BWC_0001.MP4", "BWC_0002.MP4"]


def test_two_files_of_the_same_bytes_are_sent_one_after_the_other(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = unique("both")
    away, _ = shift(office)
    for name in ("BWC_0001.MP4", "BWC_0002.MP4"):
        office.record(away, f"DCIM/{name}", same)
    office.plug(away)
    alone, another, upload = threading.Lock(), threading.Event(), office.line.upload

    def slow(path: Path, size: int, sha256: bytes, progress: Any, **more: bool) -> None:
        if sha256 == digest(same):
            if not alone.acquire(blocking=False):
                another.set()
                return
            another.wait(0.5)
            alone.release()
        upload(path, size, sha256, progress, **more)

    monkeypatch.setattr(office.line, "upload", slow)
    office.settle()
    assert not another.is_set()
    assert office.line.uploads.count(digest(same)) == 2
    assert len(office.deposited()) == 2


def test_when_the_line_goes_what_has_not_begun_is_left_for_the_next_round(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"BWC_{n:04}.MP4" for n in range(1, 9)]
    away, said = shift(office, *names)
    office.plug(away)
    files = {digest(data) for data in said.values()}
    asked: list[bytes] = []
    upload = office.line.upload

    def cut(path: Path, size: int, sha256: bytes, progress: Any, **more: bool) -> None:
        if sha256 in files:
            asked.append(sha256)
            raise Unavailable("the line is cut")
        upload(path, size, sha256, progress, **more)

    monkeypatch.setattr(office.line, "upload", cut)
    for _ in range(4):
        office.rest()
        office.engine.step()
        if asked:
            break
    assert 0 < len(asked) <= AT_ONCE
    assert office.deposited() == []
    monkeypatch.undo()
    office.settle()
    assert sorted(office.deposited()) == expected(said)


def test_a_refusal_that_cannot_be_noted_ends_the_round(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(office, "BWC_0001.MP4")
    office.plug(away)
    wanted, asked, upload = digest(said["BWC_0001.MP4"]), threading.Event(), office.line.upload

    def refuse(path: Path, size: int, sha256: bytes, progress: Any, **more: bool) -> None:
        if sha256 == wanted:
            asked.set()
            raise Rejected("not of this station")
        upload(path, size, sha256, progress, **more)

    def full(*_: object) -> None:
        raise Unavailable("no room for the database")

    monkeypatch.setattr(office.line, "upload", refuse)
    monkeypatch.setattr(type(office.station.store), "refused", full)
    for _ in range(4):
        office.rest()
        office.engine.step()
        if asked.is_set():
            break
    assert asked.is_set() and not office.view().online
    monkeypatch.undo()
    office.settle()
    assert sorted(office.deposited()) == expected(said)


def test_what_is_there_is_filed_when_the_quota_is_full_or_there_would_never_be_room(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes count against a quota until a statement claims them."""
    names = [f"BWC_{n:04}.MP4" for n in range(1, 6)]
    away, said = shift(office, *names)
    office.plug(away)
    files = {digest(data) for data in said.values()}
    held: set[bytes] = set()
    upload, file = office.line.upload, office.line.file

    def bounded(path: Path, size: int, sha256: bytes, progress: Any, **more: bool) -> None:
        if sha256 in files:
            if len(held) == 2:
                raise Full("no quota")
            held.add(sha256)
        upload(path, size, sha256, progress, **more)

    def claiming(envelopes: Sequence[bytes]) -> list[dict[str, Any]]:
        held.clear()
        return file(envelopes)

    monkeypatch.setattr(office.line, "upload", bounded)
    monkeypatch.setattr(office.line, "file", claiming)
    office.settle(16)
    assert sorted(office.deposited()) == expected(said)


# --- without a line --------------------------------------------------------------------------


def test_three_days_without_a_line_lose_nothing_and_keep_the_order(office: Desk) -> None:
    office.line.cut = True
    root, everything = office.card(), {}
    for day in range(3):
        away, said = shift(office, f"BWC_{day + 1:04}.MP4", root=root)
        root = office.plug(away)
        seen = office.settle()
        assert (seen.devices[0].unplug, seen.devices[0].wipe) == (True, False)
        everything |= said
        office.rest(24 * 3600 - 700)
    assert not office.view().online
    assert office.logged() == []
    office.line.cut = False
    seen = office.settle(20)
    assert sorted(office.deposited()) == expected(everything)
    kinds = [s.kind for s in office.logged()]
    assert kinds == ["session"] * 6 + ["evidence"] * 3
    ids = [row.id for row in office.station.store.statements() if row.kind != "evidence"]
    assert [s.id for s in office.logged()][:6] == ids
    assert office.gaps() == []


def test_the_delay_between_docking_and_the_log_is_shown(office: Desk) -> None:
    away, _ = shift(office, "BWC_0001.MP4")
    # The cosigners' clock runs by itself: docked three hours ago by the station's.
    office.clock.jump(-3 * HOUR_MS)
    office.plug(away)
    seen = office.settle()
    assert seen.devices[0].delay_s > 2 * 3600


def test_an_answer_that_was_lost_is_asked_for_again(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(office, "BWC_0001.MP4")
    file = office.line.file
    lost: list[bytes] = []

    def lose(envelopes: Any) -> Any:
        answers = file(envelopes)
        if len(lost) < 2:
            lost.extend(envelopes)
            raise Unavailable("the line broke")
        return answers

    monkeypatch.setattr(office.line, "file", lose)
    office.plug(away)
    office.settle()
    office.settle()
    assert len(lost) >= 2
    assert sorted(office.deposited()) == expected(said)
    assert len(office.logged()) == 3


def test_an_answer_that_does_not_hold_is_not_believed(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = office.line.file

    def lie(envelopes: Any) -> Any:
        return [answer | {"salt": format_base64(bytes(32))} for answer in file(envelopes)]

    monkeypatch.setattr(office.line, "file", lie)
    away, _ = shift(office, "BWC_0001.MP4")
    office.plug(away)
    seen = office.settle()
    assert not list(office.station.folder.copies.iterdir())
    assert seen.refused
    assert not seen.devices[0].wipe


# --- the spool -------------------------------------------------------------------------------


def test_a_full_spool_makes_the_device_wait_and_says_so(tmp_path: Path, ledger: Ledger) -> None:
    with desk(tmp_path, ledger, spool_bytes=4000) as office:
        office.line.cut = True
        away, said = shift(office, "BWC_0001.MP4", "BWC_0002.MP4", "BWC_0003.MP4")
        assert all(1500 < len(data) < 4000 for data in said.values())
        office.plug(away)
        seen = office.settle()
        (device,) = seen.devices
        assert (device.state, device.unplug, device.read) == ("waiting", False, 1)
        assert "no room in the spool" in device.problem
        office.line.cut = False
        seen = office.settle(20)
        assert sorted(office.deposited()) == expected(said)
        assert seen.devices[0].wipe


def test_a_spool_that_is_promised_more_than_the_disk_has_leaves_the_reserve(
    tmp_path: Path, ledger: Ledger
) -> None:
    with desk(tmp_path, ledger, spool_bytes=1 << 60, reserve_bytes=1 << 60) as office:
        office.record(office.card(), "BWC_0001.MP4", unique("no room"))
        (device,) = office.settle().devices
        assert (device.state, device.unplug) == ("waiting", False)


def test_a_file_that_no_spool_would_hold_says_so(tmp_path: Path, ledger: Ledger) -> None:
    with desk(tmp_path, ledger, spool_bytes=1000) as office:
        office.record(office.card(), "BWC_0001.MP4", unique("large"))
        (device,) = office.settle().devices
        assert (device.state, device.unplug) == ("waiting", False)
        assert "the whole spool is for 1000: raise spool_bytes" in device.problem


# --- devices that leave ----------------------------------------------------------------------


def test_a_device_pulled_between_two_files_goes_on_where_it_was(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(office, "BWC_0001.MP4", "BWC_0002.MP4")
    root = office.plug(away)
    copy, pulled = office.engine.reader._copy, []

    def pull(*args: Any) -> None:
        copy(*args)
        if not pulled:
            pulled.append(office.pull(root))

    monkeypatch.setattr(office.engine.reader, "_copy", pull)
    office.rest()
    office.engine.step()
    office.rest()
    office.engine.step()
    seen = office.settle()
    assert len(pulled) == 1
    assert seen.devices[0].state == "away"
    assert office.deposited() == expected({"BWC_0001.MP4": said["BWC_0001.MP4"]})
    office.plug(pulled[0])
    seen = office.settle()
    assert sorted(office.deposited()) == expected(said)
    assert office.gaps() == []
    assert seen.devices[0].wipe


def test_a_file_that_the_device_does_not_give_is_named_and_holds_up_no_other(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(office, "BWC_0001.MP4", "BWC_0002.MP4")
    root = office.plug(away)
    read, bad = os.readv, (root / "DCIM/100MEDIA/BWC_0001.MP4").stat().st_ino

    def fail(fd: int, buffers: list[memoryview]) -> int:
        if os.fstat(fd).st_ino == bad:
            raise OSError(errno.EIO, "Input/output error")
        return read(fd, buffers)

    monkeypatch.setattr("cli.station.reading.os.readv", fail)
    seen = office.settle()
    assert office.gaps() == [("unreadable", "DCIM/100MEDIA/BWC_0001.MP4")]
    assert office.deposited() == expected({"BWC_0002.MP4": said["BWC_0002.MP4"]})
    assert (seen.devices[0].state, seen.devices[0].unplug) == ("stopped", False)
    assert "1 files cannot be read" in seen.devices[0].problem
    monkeypatch.undo()
    away = office.pull(root)
    office.engine.step()
    office.plug(away)
    assert office.settle().devices[0].wipe
    assert sorted(office.deposited()) == expected(said)


def test_a_device_that_fails_at_the_end_of_a_file_holds_up_no_other(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(office, "BWC_0001.MP4", "BWC_0002.MP4")
    root = office.plug(away)
    read, bad = os.read, (root / "DCIM/100MEDIA/BWC_0001.MP4").stat().st_ino

    def fail(fd: int, count: int) -> bytes:
        if os.fstat(fd).st_ino == bad:
            raise OSError(errno.EIO, "Input/output error")
        return read(fd, count)

    monkeypatch.setattr("cli.station.reading.os.read", fail)
    office.settle()
    assert office.gaps() == [("unreadable", "DCIM/100MEDIA/BWC_0001.MP4")]
    assert office.deposited() == expected({"BWC_0002.MP4": said["BWC_0002.MP4"]})


def test_a_disk_that_is_full_makes_the_device_wait_and_leaves_nothing(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(office, "BWC_0001.MP4")

    def full(writer: SpoolWriter, piece: memoryview) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SpoolWriter, "write", full)
    office.plug(away)
    seen = office.settle()
    assert seen.devices[0].state == "waiting"
    assert "No space left" in seen.devices[0].problem
    assert not list(office.station.folder.spool.iterdir())
    monkeypatch.undo()
    assert office.settle().devices[0].wipe
    assert office.deposited() == expected(said)


@pytest.mark.parametrize("how", ["direct", "through the cache", "in bits"])
def test_the_spool_has_every_byte_whatever_the_length_and_the_disk(
    office: Desk, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    readv = os.readv
    if how == "through the cache":
        monkeypatch.setattr("cli.station.reading.set_direct", lambda fd, on: False)
    if how == "in bits":
        monkeypatch.setattr("os.readv", lambda fd, into: readv(fd, [into[0][:50_001]]))
    office.line.cut = True
    sizes = (0, 1, 4095, 4096, PIECE - 1, PIECE, PIECE + 1, 7 * PIECE + 4097)
    written = [os.urandom(size) for size in sizes]
    for number, data in enumerate(written, 1):
        office.record(office.card(), f"BWC_{number:04}.MP4", data)
    office.settle()
    spooled = [path.read_bytes() for path in office.station.folder.spool.glob("file-*")]
    assert sorted(spooled) == sorted(written)
    assert all(file.proven for file in office.station.store.live_files("BWC-310"))


def test_memory_does_not_grow_with_a_file(office: Desk) -> None:
    office.line.cut = True
    with office.record(office.card(), "BWC_0001.MP4", b"").open("wb") as file:
        file.truncate(200 << 20)
    office.engine.step()
    office.rest()
    tracemalloc.start()
    try:
        office.engine.step()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert office.view().devices[0].unplug
    assert peak < 32 << 20


def test_ten_thousand_files_are_listed_in_one_manifest(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = office.card()
    for n in range(10_000):
        (root / f"F{n:05}").touch()
    monkeypatch.setattr(office.engine.reader, "read", lambda *args, **more: None)
    office.engine.step()
    office.rest()
    office.engine.step()
    (row,) = office.station.store.statements()
    assert len(Manifest.from_bytes(row.manifest).files) == 10_000
    assert row.answer


def test_a_ledger_that_was_restarted_goes_on_where_it_was(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger, desk(tmp_path / "desk", ledger) as office:
        away, said = shift(office, "BWC_0001.MP4", "BWC_0002.MP4")
        root = office.plug(away)
        office.rest()
        office.engine.step()
        office.rest()
        office.engine.step()
        clock = office.clock
    assert root.exists()
    with open_ledger(tmp_path / "ledger") as ledger:
        again = Line(ledger)
        with open_desk(tmp_path / "desk", again, clock) as office:
            seen = office.settle(20)
            assert sorted(office.deposited()) == expected(said)
            assert seen.devices[0].wipe


def test_bytes_that_the_ledger_has_forgotten_are_sent_again(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(office, "BWC_0001.MP4")
    office.plug(away)
    # As if the station had been cut off between upload and statement for longer than a day.
    monkeypatch.setattr(office.line, "upload", lambda *args, **more: None)
    seen = office.settle()
    assert all("no item with sha256" in row for row in seen.refused) and seen.refused
    monkeypatch.undo()
    office.settle()
    assert office.deposited() == expected(said)
    assert office.view().devices[0].wipe


# --- explanations ----------------------------------------------------------------------------


def explain(office: Desk, number: int, by: Any) -> str:
    return explain_gap(office.station, number, Cause.BATTERY, "没电", by)


def test_a_gap_is_closed_by_a_person_and_only_once(office: Desk) -> None:
    office.record(office.card(), "BWC_0001.MP4", unique("gap"))
    office.settle()
    (gap,) = office.gap_rows()
    explain(office, gap.id, HANDLER)
    assert office.view().gaps[0].state == "waiting"
    with pytest.raises(Conflict, match="explained already"):
        explain(office, gap.id, HANDLER)
    seen = office.settle()
    assert seen.gaps[0].state == "explained"
    said = office.logged()[-1]
    assert said.predicate["cause"] == "battery"
    assert said.predicate["gap"] == "1"


def test_an_explanation_by_a_stranger_is_refused_and_the_gap_stays_open(office: Desk) -> None:
    office.record(office.card(), "BWC_0001.MP4", unique("gap"))
    office.settle()
    (gap,) = office.gap_rows()
    explain(office, gap.id, STRANGER)
    seen = office.settle()
    assert seen.gaps[0].state == "refused"
    explain(office, gap.id, HANDLER)
    assert office.settle().gaps[0].state == "explained"


def test_a_gap_that_nobody_explains_for_a_day_is_overdue(office: Desk) -> None:
    office.record(office.card(), "BWC_0001.MP4", unique("gap"))
    seen = office.settle()
    assert not seen.gaps[0].overdue
    office.rest(25 * 3600)
    assert office.view().gaps[0].overdue


# --- the station's clock ---------------------------------------------------------------------


def test_a_clock_moved_back_is_a_gap_of_the_next_session_and_of_no_other(office: Desk) -> None:
    office.engine.step()
    office.rest(60)
    office.clock.jump(-HOUR_MS)
    office.engine.step()
    assert office.view().clock_back_ms >= HOUR_MS - 1000
    away, _ = shift(office, "BWC_0001.MP4")
    root = office.plug(away)
    office.settle()
    assert [kind for kind, _ in office.gaps()] == ["clock_back"]
    assert office.view().clock_back_ms == 0
    away, _ = shift(office, "BWC_0002.MP4", root=root)
    office.plug(away)
    office.settle()
    assert [kind for kind, _ in office.gaps()] == ["clock_back"]


def test_a_clock_moved_back_while_the_station_was_off_is_noticed(
    tmp_path: Path, ledger: Ledger
) -> None:
    with desk(tmp_path, ledger) as office:
        office.engine.step()
        line, wall = office.line, office.clock.wall
    with open_desk(tmp_path, line, HandClock(wall - HOUR_MS), boot="boot-2") as office:
        office.engine.step()
        assert office.view().clock_back_ms >= HOUR_MS


def test_a_station_that_was_off_for_a_night_is_not_suspected(
    tmp_path: Path, ledger: Ledger
) -> None:
    with desk(tmp_path, ledger) as office:
        office.engine.step()
        line, wall = office.line, office.clock.wall
    with open_desk(tmp_path, line, HandClock(wall + 12 * HOUR_MS), boot="boot-2") as office:
        office.engine.step()
        assert office.view().clock_back_ms == 0
