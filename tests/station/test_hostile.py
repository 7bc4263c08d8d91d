"""The station against those who mean harm: the officer, his card, and whoever runs the ledger."""

import os
from pathlib import Path
from typing import Any

import pytest

from cli.station import card
from cli.station.reading import MEDIA_MS
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.suite import digest
from testkit.server import Ledger
from testkit.station import Desk, desk, open_desk, shift, unique

# --- never noticed ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", [".tiezheng-card", ".tiezheng-card/BWC_0001.MP4"])
def test_the_name_of_the_marker_hides_nothing(office: Desk, path: str) -> None:
    data = unique("hidden")
    office.record(office.card(), path, data)
    office.settle()
    assert office.deposited() == [(Path(path).name, digest(data))]


def test_no_green_words_while_a_file_still_grows(office: Desk) -> None:
    away, _ = shift(office, "BWC_0001.MP4")
    root = office.plug(away)
    office.settle()
    assert office.view().devices[0].wipe
    for n in range(40):
        office.record(root, "DCIM/100MEDIA/BWC_0002.MP4", unique("x") * (n + 1))
        office.rest(2)
        office.engine.step()
        (device,) = office.view().devices
        assert (device.state, device.unplug) == ("settling", False)
    seen = office.settle()
    assert len(office.deposited()) == 2
    assert seen.devices[0].wipe


def test_two_devices_of_one_name_are_not_safe_to_unplug(tmp_path: Path, ledger: Ledger) -> None:
    with desk(tmp_path, ledger, identity_file="ID") as office:
        root = office.card("b")
        office.record(root, "ID", b"BWC-310\n")
        office.settle()
        assert office.view().devices[0].unplug
        office.record(office.card("a"), "ID", b"BWC-310\n")
        seen = office.settle()
        assert office.engine.docker.present == {"BWC-310": root}
        assert (seen.devices[0].state, seen.devices[0].unplug) == ("stopped", False)
        assert "BWC-310" in seen.devices[0].problem


# --- no gap ----------------------------------------------------------------------------------


def test_a_card_that_was_out_while_the_station_was_off_begins_a_session(
    tmp_path: Path, ledger: Ledger
) -> None:
    with desk(tmp_path, ledger) as office:
        away, _ = shift(office, "BWC_0001.MP4")
        root = office.plug(away)
        office.settle()
        line, clock = office.line, office.clock
    clock.advance(8 * 3_600_000)
    with open_desk(tmp_path, line, clock) as office:
        office.record(root, "DCIM/100MEDIA/BWC_0002.MP4", unique("at night"))
        office.settle()
        assert office.gaps() == [("unpaired", "BWC-310")]


def test_a_file_altered_while_the_station_was_off_is_read_again(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk(tmp_path, ledger, wipe=True) as office:
        away, said = shift(office, "BWC_0001.MP4")
        root = office.plug(away)
        monkeypatch.setattr(office.engine.reader, "_wipe", lambda *args: None)
        office.settle()
        line, clock = office.line, office.clock
    path = root / "DCIM/100MEDIA/BWC_0001.MP4"
    times, altered = path.stat(), bytes(path.stat().st_size)
    path.write_bytes(altered)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with open_desk(tmp_path, line, clock) as office:
        office.settle(20)
        found = [sha256 for _, sha256 in office.deposited()]
        assert found == [digest(said["BWC_0001.MP4"]), digest(altered)]
        assert "file_changed" in [kind for kind, _ in office.gaps()]


def test_a_number_missing_before_a_session_that_nobody_began_is_a_gap(wiping: Desk) -> None:
    office = wiping
    away, _ = shift(office, "BWC_0001.MP4", "BWC_0002.MP4")
    root = office.plug(away)
    office.settle()
    away = office.pull(root)
    office.engine.step()
    office.record(away, "DCIM/100MEDIA/BWC_0004.MP4", unique("unpaired"))
    office.plug(away)
    office.settle()
    assert office.gaps() == [("unpaired", "BWC-310"), ("counter_skipped", "BWC_ 0003-0003")]


def test_a_card_full_of_prefixes_displaces_no_number(office: Desk) -> None:
    names = [f"AA{chr(65 + n // 26)}{chr(65 + n % 26)}0001.TXT" for n in range(70)]
    away, _ = shift(office, "BWC_0001.MP4")
    root = office.plug(away)
    office.settle()
    away, _ = shift(office, "BWC_0002.MP4", *names, root=root)
    office.plug(away)
    office.settle(30)
    away, _ = shift(office, "BWC_0004.MP4", root=root)
    office.plug(away)
    office.settle()
    assert office.gaps() == [("counter_skipped", "BWC_ 0003-0003")]


def test_another_card_docked_in_one_breath_is_a_gap(office: Desk) -> None:
    away, _ = shift(office, "BWC_0001.MP4")
    root = office.plug(away)
    office.settle()
    (root / ".tiezheng-card").write_text("tz-another\n")
    office.record(root, "DCIM/100MEDIA/BWC_0002.MP4", unique("other card"))
    office.settle()
    assert [kind for kind, _ in office.gaps()] == ["card_changed"]


# --- what the screen calls wiped -------------------------------------------------------------


def test_a_card_pulled_while_it_is_emptied_is_not_called_wiped(tmp_path: Path) -> None:
    root = tmp_path / "BWC-310"
    root.mkdir()
    (root / "BWC_0001.MP4").write_bytes(b"data")
    (found,) = card.list_card(root).files
    root.rename(tmp_path / "pulled")
    root.mkdir()  # the folder on which it was mounted
    with pytest.raises(Rejected, match="not there any more"):
        card.remove(root, found)


def test_an_empty_card_is_not_called_wiped(office: Desk) -> None:
    away, _ = shift(office)
    office.plug(away)
    assert office.settle().devices[0].state == "empty"


def test_files_deleted_by_somebody_else_are_not_called_wiped(
    wiping: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, _ = shift(wiping, "BWC_0001.MP4")
    root = wiping.plug(away)
    monkeypatch.setattr(wiping.engine.reader, "read", lambda *args, **more: None)
    wiping.settle(3)
    (root / "DCIM/100MEDIA/BWC_0001.MP4").unlink()
    seen = wiping.settle()
    assert [kind for kind, _ in wiping.gaps()] == ["file_gone"]
    assert seen.devices[0].state == "empty"


# --- a ledger that lies ----------------------------------------------------------------------


def test_the_spool_keeps_what_the_ledger_calls_damaged(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*args: Any) -> bytes:
        raise Unavailable("the item is damaged")

    monkeypatch.setattr(office.line, "readback", damaged)
    away, said = shift(office, "BWC_0001.MP4")
    office.plug(away)
    office.settle()
    (kept,) = office.station.folder.spool.iterdir()
    assert digest(kept.read_bytes()) == digest(said["BWC_0001.MP4"])
    monkeypatch.undo()
    office.rest(120)
    office.settle()
    assert not list(office.station.folder.spool.iterdir())


def test_the_spool_keeps_what_was_pulled_until_the_ledger_shows_its_bytes(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, said = shift(office, "BWC_0001.MP4")
    root = office.plug(away)
    monkeypatch.setattr(office.engine.reader, "_again", lambda *args: office.pull(root))
    readback = office.line.readback
    monkeypatch.setattr(office.line, "readback", lambda *args: bytes(32))
    office.settle()
    (kept,) = office.station.folder.spool.iterdir()
    assert digest(kept.read_bytes()) == digest(said["BWC_0001.MP4"])
    monkeypatch.setattr(office.line, "readback", readback)


# --- a card that costs time ------------------------------------------------------------------


def test_a_card_of_slow_containers_holds_nobody_up_for_long(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    with desk(tmp_path, ledger, media_facts=True) as office:

        def slow(path: Path) -> None:
            asked.append(path)
            office.clock.advance(20_000)

        monkeypatch.setattr("cli.station.reading.media_facts", slow)
        for n in range(1, 41):
            office.record(office.card("BWC-1"), f"BWC_{n:04}.MP4", unique("slow"))
        office.record(office.card("BWC-2"), "BWC_0001.MP4", unique("other"))
        office.settle(20)
        assert len(asked) == MEDIA_MS // 20_000 + 1
        assert len(office.deposited()) == 41


@pytest.mark.parametrize("lie", ["garbage", "another entry", "another log's proof", "no object"])
def test_a_receipt_that_is_not_to_be_believed_holds_up_no_other(
    office: Desk, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    root = office.card()
    for n in range(3):
        office.record(root, f"BWC_000{n + 1}.MP4", unique("lied to"))
    office.line.cut = True
    office.settle()
    planned = [row for row in office.station.store.statements() if row.kind == "evidence"]
    unlucky, lucky = planned[0].id, planned[1].id
    real = office.line.receipt

    def receipt(id_: str) -> dict[str, Any]:
        if id_ != unlucky:
            return real(id_)
        if lie == "no object":
            raise Malformed("http://ledger did not answer with a JSON object")
        if lie == "another entry":
            return real(lucky)
        answer = real(id_)
        proof = str(answer["proof"])
        return answer | {"proof": "garbage" if lie == "garbage" else proof.replace("=", "A")}

    monkeypatch.setattr(office.line, "receipt", receipt)
    office.line.cut = False
    seen = office.settle()
    rows = {row.id: row for row in office.station.store.statements()}
    assert not rows[unlucky].receipt and not rows[unlucky].cosigners
    assert [rows[row.id].receipt != "" for row in planned] == [False, True, True]
    assert f"the receipt of {unlucky} is not to be believed" in seen.why
    assert seen.online and seen.devices[0].kept["no_receipt"] == 1
    monkeypatch.undo()
    seen = office.settle()
    assert office.station.store.statement(unlucky).receipt and not seen.why
    assert seen.devices[0].wipe
