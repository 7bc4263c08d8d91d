"""`tiezheng packet`: what is withheld, who read, how the ledger stood, until when it is due."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from cli import packet
from ledger.evidence.due import Due, Procedure
from testkit.desk import NOTED, Desk
from testkit.server import CASE, open_ledger, serving
from testkit.terminal import Ended, Run

HOLIDAYS = 'off = ["2026-10-01", 2026-10-02]\nworking = ["2026-10-10"]\n'


@pytest.fixture
def desk(tmp_path: Path, run: Run) -> Iterator[Desk]:
    with open_ledger(tmp_path / "ledger") as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        desk = Desk(ledger, address, tmp_path, run)
        desk.deposit("1.jpg", *NOTED)
        desk.deposit("2.jpg", *NOTED)
        yield desk


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def report(desk: Desk) -> dict[str, Any]:
    return dict(json.loads(desk.verify("--json").out))


def test_a_withheld_statement_stays_as_an_entry_with_its_reason(desk: Desk) -> None:
    id_ = desk.deposit("3.jpg", *NOTED)
    assert desk.packet("--withhold", f"{id_}=privacy").code == 0
    found = report(desk)
    (row,) = found["withheld"]
    assert (row["reason"], row["what"]) == ("privacy", "statement")
    assert found["outcome"] == "passed" and found["groups"]["complete"] == "undecided"
    text = desk.verify().out
    assert f"statement 3 of 3, entry {row['place']}, is not shown; why, says who made" in text
    assert "Named as withheld by who made the packet: 1" in text
    assert "不能判定：2026/case/" in desk.verify("--lang", "zh").out
    assert "证据包制作者所述理由：个人隐私" in desk.verify("--lang", "zh").out
    (export,) = desk.ledger.custody("exported")
    assert ", 1 withheld; recipient not stated" in export["note"]


def test_a_withheld_file_leaves_its_statement(desk: Desk) -> None:
    assert desk.packet("--withhold", f"{sha('2.jpg')}=minor").code == 0
    found = report(desk)
    assert [row["what"] for row in found["withheld"]] == [sha("2.jpg")]
    assert [bool(item["path"]) for item in found["items"]] == [True, False]
    assert found["outcome"] == "passed"


def test_what_cannot_be_withheld_is_refused_and_nothing_is_exported(desk: Desk) -> None:
    for asked, words in (
        ("2026-999=privacy", "no statement of the case"),
        ("2026-0=privacy", "no statement of the case"),
        (f"{'5a' * 32}=privacy", "no statement of the case speaks of a file"),
        (f"{sha('1.jpg')}=destroyed", "is still held: it is not destroyed"),
    ):
        ended = desk.packet("--withhold", asked)
        assert ended.code == 1 and words in ended.err, ended.err
        assert not (desk.folder / "packet.zip").exists()
    assert desk.ledger.custody("exported") == []


def test_a_file_that_the_ledger_holds_no_more_may_be_named_destroyed(desk: Desk) -> None:
    services = desk.ledger.services
    (record,) = services.store.items_with(bytes.fromhex(sha("1.jpg")))
    services.items.delete(record.object_id)
    assert desk.packet().code == 4
    assert desk.packet("--withhold", f"{sha('1.jpg')}=destroyed").code == 0
    assert [row["reason"] for row in report(desk)["withheld"]] == ["destroyed"]


def test_who_read_and_who_was_refused_is_in_the_next_packet(desk: Desk) -> None:
    desk.ledger.http.get(f"/v1/cases/{quote(CASE)}", headers=desk.ledger.bearer(cases=("x",)))
    assert desk.packet().code == 0
    desk.ledger.await_quorum()
    assert desk.packet().code == 0
    found = report(desk)
    actions = [row["action"] for row in found["custody"]]
    # Whether a quorum has seen this packet's own read yet is a race that may end either way.
    assert actions[:3] == ["refused", "read", "exported"] and actions[3:] in ([], ["read"])
    assert {row["by"] for row in found["custody"]} == {"court clerk"}
    assert found["groups"]["complete"] == "undecided"  # no copy of the log was given
    log = ("--log", desk.ledger.folder / "public")
    assert json.loads(desk.verify("--json", *log).out)["groups"]["complete"] == "passed"
    assert f"Who read, exported or was refused this case: {len(actions)}" in desk.verify().out
    assert f"查阅、导出、被拒绝：共 {len(actions)} 次" in desk.verify("--lang", "zh").out


def test_how_the_ledger_stood_is_said_once_a_day_and_is_in_the_packet(desk: Desk) -> None:
    assert desk.packet().code == 0
    assert desk.packet().code == 0
    (said,) = desk.ledger.status("system_state")
    (found,) = report(desk)["state"]
    assert found["note"] == said["note"]
    assert said["note"] == "software: tiezheng 0.1; clock: no warning; takes evidence: yes"
    assert said["counts"]["cosigners"] == "3" and said["counts"]["items_lost"] == "0"
    assert "scrubbed_at" not in said["counts"]  # never, and so nothing is said of it
    assert "cosigners of its policy: 3" in desk.verify().out


def test_the_registrations_relied_on_are_listed(desk: Desk) -> None:
    assert desk.packet().code == 0
    found = report(desk)["registers"]
    assert {row["what"] for row in found} >= {"opening", "key", "agency"}
    assert {(row["version"], row["of"]) for row in found} == {("1", "1")}
    assert "key of station-07.example (upload station): version 1 of 1" in desk.verify().out


# --- until when it is due ------------------------------------------------------------------------


def test_until_when_it_is_due_is_printed_and_in_the_packet(desk: Desk) -> None:
    ended = desk.packet("--for", "court", "--received", "2026-11-20", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["due"]["until"] == "2026-12-07"
    assert report(desk)["due"]["until"] == "2026-12-07"
    ended = desk.packet("--for", "review", "--received", "2026-11-20", "--lang", "zh")
    assert "截至 2026-12-04（含当日）；只计周末，未计法定节假日和调休" in ended.out
    assert "due by the end of 2026-12-04; only weekends were counted" in desk.verify().out


def test_a_calendar_is_counted_with(desk: Desk) -> None:
    (desk.folder / "days.toml").write_text(HOLIDAYS)
    options = ("--for", "review-summary", "--received", "2026-09-30")
    assert desk.packet(*options, "--holidays", str(desk.folder / "days.toml")).code == 0
    assert report(desk)["due"] == {
        "counted": "holidays",
        "for": "review_summary",
        "received": "2026-09-30",
        "until": "2026-10-09",
    }


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2026, 11, 19), "has not come yet"),
        (date(2026, 11, 20), "14 days are left"),
        (date(2026, 12, 4), "0 days are left"),
        (date(2026, 12, 5), "1 days ago"),
    ],
)
def test_the_countdown_ends_with_the_last_day(today: date, words: str) -> None:
    assert words in packet._left(Due.of(Procedure.REVIEW, date(2026, 11, 20)), today)


# --- refused before anybody is asked -------------------------------------------------------------


def ask(run: Run, folder: Path, *more: str) -> Ended:
    """Of a server that nobody serves."""
    (folder / "token").write_text("tz_x\n")
    usual = ("--server", "http://127.0.0.1:9", "--token-file", folder / "token")
    return run("packet", CASE, "-o", folder / "packet.zip", *usual, *more)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([f"{sha('1.jpg')}=shame"], "shame"),
        ([f"{sha('1.jpg')}=lost"], "lost"),
        (["=privacy"], "WHAT=REASON"),
        (["privacy"], "WHAT=REASON"),
        ([f"{sha('1.jpg')}=privacy", f"{sha('1.jpg')}=minor"], "each once"),
        ([f"2026-{n}=privacy" for n in range(257)], "at most 256"),
    ],
)
def test_what_is_withheld_is_named_once_with_a_reason_of_the_list(
    run: Run, tmp_path: Path, asked: list[str], words: str
) -> None:
    ended = ask(run, tmp_path, *(part for one in asked for part in ("--withhold", one)))
    assert ended.code == 2 and words in ended.err, ended.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "want at least one day"),
        ("off = [", "want TOML"),
        ("\udcff", "UTF-8"),
        ("off = 7", "want a list"),
        ("off = [7]", "want text"),
        ('off = ["2026-02-30"]', "no such day"),
        ("off = [2026-10-01T00:00:00]", "want text"),
        ('off = ["2026-10-01", 2026-10-01]', "a day stands twice"),
        ('off = ["2026-10-01"]\nworking = ["2026-10-01"]', "both a day off and a working one"),
        ('holidays = ["2026-10-01"]', "no such key"),
        ('off = ["2025-10-01"]', "names no day of 2026"),
        ("off = " + "[" * 100_000, "want TOML"),
    ],
)
def test_a_calendar_of_another_form_is_refused(
    run: Run, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "days.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    options = ("--for", "court", "--received", "2026-09-30")
    ended = ask(run, tmp_path, *options, "--holidays", str(tmp_path / "days.toml"))
    assert ended.code == 1 and words in ended.err and "days.toml" in ended.err, ended.err


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--for", "court"), 2),
        (("--received", "2026-11-20"), 2),
        (("--holidays", "days.toml"), 2),
        (("--for", "mediation", "--received", "2026-11-20"), 2),
        (("--for", "court", "--received", "20 November"), 1),
        (("--for", "court", "--received", "2026-11-31"), 1),
        (("--for", "court", "--received", "9999-12-31"), 1),
        (("--for", "court", "--received", "2026-11-20", "--holidays", "not-there.toml"), 4),
    ],
)
def test_a_due_date_that_cannot_be_told_is_refused(
    run: Run, tmp_path: Path, options: tuple[str, ...], code: int
) -> None:
    assert ask(run, tmp_path, *options).code == code
