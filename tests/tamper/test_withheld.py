"""A packet that names what it withholds: each thing by its number, its entry and the reason given;
and what else it may carry beside the evidence, of this case alone."""

from typing import Any

import pytest

from cli.language import choose
from cli.verdict import verdict_text
from ledger.evidence.place import Place
from ledger.evidence.withheld import STATEMENT, Reason, Withheld
from ledger.report import Outcome, Report
from ledger.tlog.signing_key import SigningKey
from testkit import case as kit
from testkit.case import (
    CASE,
    LEDGER,
    Built,
    Draft,
    correction,
    digest_item,
    evidence,
    make_case,
    registration,
)
from testkit.keys import key
from testkit.ledgers_word import read, state
from testkit.tampering import (
    CASE_SERIES,
    edit_json,
    leave_items_out,
    leave_out,
    path_of,
    refused,
    undecided,
)

CUSTODY_SERIES = f"2026/custody/case/{CASE}"
PHOTO = digest_item(b"a picture " * 20).sha256.hex()


def name_withheld(built: Built, *rows: tuple[str, str, str]) -> None:
    """As whoever makes the packet writes it: place, what, reason."""
    found = [{"place": place, "reason": reason, "what": what} for place, what, reason in rows]
    edit_json(built, "data/packet.json", lambda v: v.update(withheld=found))


def leave_statement_out(built: Built, name: str) -> None:
    for kind in ("salt", "envelope"):
        del built.files[path_of(built, name, kind)]
    leave_items_out(built, built.row(name).draft)


def details(report: Report) -> list[tuple[str, str]]:
    found = [f for f in report.findings if f.step == "complete"]
    return [(f.about, f.detail) for f in found if f.outcome is not Outcome.PASSED]


def test_a_withheld_statement_is_named_with_its_number_its_entry_and_the_reason(
    good: Built,
) -> None:
    leave_statement_out(good, "photo")
    name_withheld(good, ("2026-5", STATEMENT, "privacy"))
    report = good.verify()
    undecided(report, "complete")
    assert details(report) == [
        (CASE_SERIES, "statement 2 of 5, entry 2026-5, is withheld: privacy")
    ]
    assert report.to_json()["withheld"] == [
        {"place": "2026-5", "reason": "privacy", "what": "statement"}
    ]


def test_a_reason_makes_nothing_complete(good: Built) -> None:
    leave_statement_out(good, "photo")
    unnamed = good.verify()
    name_withheld(good, ("2026-5", STATEMENT, "privacy"))
    assert good.verify().groups == unnamed.groups


def test_a_withheld_file_is_named_with_its_reason_and_its_statement_stays(good: Built) -> None:
    leave_items_out(good, good.row("photo").draft)
    name_withheld(good, ("2026-5", PHOTO, "minor"))
    report = good.verify()
    undecided(report, "complete")
    assert details(report) == [("2026-5", "photo.jpg is withheld: minor")]


def test_a_row_is_about_one_statement_alone(good: Built) -> None:
    leave_statement_out(good, "photo")
    leave_statement_out(good, "record")
    name_withheld(good, ("2026-5", STATEMENT, "privacy"))
    assert [detail for _, detail in details(good.verify())] == [
        "statement 2 of 5, entry 2026-5, is withheld: privacy",
        "statement 3 of 5, entry 2026-6, is not shown",
    ]


@pytest.mark.parametrize(
    ("place", "what", "words"),
    [
        ("2026-5", STATEMENT, "named as withheld, and its statement is shown"),
        ("2026-5", PHOTO, "photo.jpg is named as withheld, and is shown"),
        ("2026-5", "5a" * 32, "no statement shown here speaks of the file"),
        ("2026-6", PHOTO, "no statement shown here speaks of the file"),
        ("2026-99", STATEMENT, "named as withheld, and has no entry here"),
        ("2031-5", PHOTO, "named as withheld, and has no entry here"),
    ],
)
def test_a_row_that_is_not_true_is_refused(good: Built, place: str, what: str, words: str) -> None:
    name_withheld(good, (place, what, "privacy"))
    refused(good.verify(), "complete", place, words)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("other_case", "named as said in another case, and stands in the series of this one"),
        ("destroyed", "named as destroyed, and no disposal shown here names it"),
        ("expired", "a statement is named as expired, which is said of a file alone"),
    ],
)
def test_a_reason_that_the_packet_contradicts_is_refused(
    good: Built, reason: str, words: str
) -> None:
    leave_statement_out(good, "photo")
    name_withheld(good, ("2026-5", STATEMENT, reason))
    refused(good.verify(), "complete", "2026-5", words)


SECOND = key("handler-13.example")


def disposal(about: Draft, *, by: tuple[SigningKey, ...] = (kit.HANDLER, SECOND)) -> Draft:
    made = correction("disposal", 16, about, batch=2)
    predicate = {
        "agency": kit.AGENCY,
        "basis": "机关档案管理规定 33",
        "case": CASE,
        "id": made.predicate["id"],
        "occurred": {"from": "2026-11-30T11:00:00+08:00", "to": "2026-11-30T11:00:00+08:00"},
        "reason": "保管期限届满",
        "retention": "years_10",
    }
    return Draft("disposal", "disposal", predicate, made.subject, by, 2)


def destroyed(about: str, *, shown: bool = True, **more: Any) -> Built:
    """The photo is destroyed; the disposal that is shown names it, or something else."""
    case = make_case()
    named = next(draft for draft in case.drafts if draft.name == about)
    said = disposal(named, **more)
    said.shown = shown
    case.drafts[3:3] = [registration(15, SECOND, "handler")]
    case.drafts.append(said)
    built = case.build()
    photo = built.place("photo").to_text()
    leave_statement_out(built, "photo")
    rows = [(photo, STATEMENT, "destroyed")]
    if not shown:
        rows.append((built.place("disposal").to_text(), STATEMENT, "privacy"))
    name_withheld(built, *rows)
    return built


def test_a_statement_that_a_disposal_shown_here_names_was_destroyed() -> None:
    built = destroyed("photo")
    report = built.verify()
    photo = built.place("photo").to_text()
    undecided(report, "complete")
    assert details(report) == [
        (CASE_SERIES, f"statement 2 of 6, entry {photo}, is withheld: destroyed")
    ]
    choose(["--lang=zh"], {})
    try:
        assert "已销毁" in verdict_text(report, "packet", frozenset())
    finally:
        choose([], {})


@pytest.mark.parametrize(("about", "shown"), [("record", True), ("photo", False)])
def test_one_that_none_names_was_not(about: str, shown: bool) -> None:
    built = destroyed(about, shown=shown)
    place = built.place("photo").to_text()
    refused(built.verify(), "complete", place, "no disposal shown here names it")


@pytest.mark.parametrize("by", [(kit.HANDLER,), (kit.HANDLER, kit.HANDLER)])
def test_a_disposal_is_signed_by_two_persons(by: tuple[SigningKey, ...]) -> None:
    report = destroyed("photo", by=by).verify()
    assert any(f.outcome is Outcome.FAILED for f in report.findings if f.step != "complete")


@pytest.mark.parametrize("reason", ["lost", "other_case"])
def test_only_of_a_statement_a_ledger_says_that_it_was_lost(good: Built, reason: str) -> None:
    leave_items_out(good, good.row("photo").draft)
    name_withheld(good, ("2026-5", PHOTO, reason))
    words = f"a file is named as {reason}, which is said of a statement alone"
    refused(good.verify(), "complete", "2026-5", words)


def test_a_file_of_a_statement_that_is_withheld_is_not_named_beside_it(good: Built) -> None:
    leave_statement_out(good, "photo")
    name_withheld(good, ("2026-5", PHOTO, "privacy"), ("2026-5", STATEMENT, "privacy"))
    refused(good.verify(), "complete", "2026-5", "no statement shown here speaks of the file")


def test_an_envelope_left_there_without_its_salt_is_shown(good: Built) -> None:
    del good.files[path_of(good, "photo", "salt")]
    name_withheld(good, ("2026-5", STATEMENT, "privacy"))
    report = good.verify()
    refused(report, "commitment", "belong together")
    refused(report, "complete", "2026-5", "its statement is shown")


# --- leave one out, swap two, fork one -----------------------------------------------------------


def test_naming_it_does_not_help_who_leaves_the_entry_out(good: Built) -> None:
    leave_out(good, "photo")
    name_withheld(good, ("2026-5", STATEMENT, "privacy"))
    report = good.verify()
    refused(report, "series", "2026-6 is not statement 2 of ", CASE)
    refused(report, "complete", "2026-5", "has no entry here")


def test_the_last_one_left_out_is_named_by_number_and_entry(good: Built) -> None:
    leave_out(good, "correction")
    refused(good.verify(), "complete", CASE_SERIES, "entry 8 is statement 5, which is not shown")


def test_of_two_that_are_swapped_the_first_is_named(good: Built) -> None:
    path = good.series_path(CASE)

    def swap(value: Any) -> None:
        places = value["entries"]
        places[1], places[2] = places[2], places[1]

    edit_json(good, path, swap)
    refused(good.verify(), "series", f"2026-6 is not statement 2 of {CASE_SERIES}")


def test_a_fork_is_named_by_entry_and_number() -> None:
    case = make_case()
    fork = evidence("fork", 32, {"other.txt": b"other"}, batch=2)
    fork.numbers, fork.packed = {CASE_SERIES: 2}, False
    case.add(fork)
    refused(case.build().verify(), "complete", CASE_SERIES, "entry 9 repeats statement 2: a fork")


# --- custody and the ledger's own state ----------------------------------------------------------


def with_ledger(*drafts: Draft) -> Built:
    case = make_case()
    case.add(registration(4, LEDGER, "ledger"), after="agency")
    for draft in drafts:
        case.add(draft)
    return case.build()


def drop_series(built: Built, ending: str) -> None:
    del built.files[built.series_path(ending)]


def test_who_read_and_who_was_refused_stands_in_the_report() -> None:
    built = with_ledger(read(50), read(51, action="refused"))
    report = built.verify()
    assert report.outcome is Outcome.PASSED, report.findings
    assert [(row["by"], row["action"]) for row in report.facts.custody] == [
        ("court clerk Wang", "read"),
        ("court clerk Wang", "refused"),
    ]
    assert report.facts.custody[0]["claimed"] == "2026-11-30T10:30:00+08:00"
    assert report.facts.custody[0]["fixed_by"] == "2026-11-30T11:00:01+08:00"


def test_a_read_left_out_is_named_like_anything_else() -> None:
    built = with_ledger(read(50), read(51))
    leave_out(built, "read 51")
    refused(built.verify(), "complete", CUSTODY_SERIES, "is statement 2, which is not shown")


def test_who_read_another_case_is_not_for_the_readers_of_this_one() -> None:
    report = with_ledger(read(50, about="case/苏城管罚〔2026〕418号")).verify()
    refused(report, "case", "this read was not of the case of the packet")


def test_a_read_that_the_ledger_did_not_sign_is_refused() -> None:
    draft = read(50)
    draft.signers = (kit.HANDLER,)
    refused(with_ledger(draft).verify(), "signature", "may not make a statement of kind custody")


def test_how_the_ledger_stood_is_shown_without_its_series() -> None:
    built = with_ledger(state())
    drop_series(built, "2026/log")
    report = built.verify()
    assert report.outcome is Outcome.PASSED, report.findings
    (row,) = report.facts.state
    assert (row["counts"], row["note"]) == ("cosigners 3, cosigners_answering 2", "tiezheng 0.1")
    assert row["fixed_by"] == "2026-11-30T11:00:01+08:00"


def test_no_other_status_is_shown_without_its_series() -> None:
    built = with_ledger(state("scrubbed"))
    drop_series(built, "2026/log")
    refused(built.verify(), "series", "the packet has no sound series '2026/log'")


def test_the_last_word_of_a_log_is_wanted_with_both_its_tags() -> None:
    built = with_ledger(state("log_ends"))
    assert built.verify().outcome is Outcome.PASSED
    drop_series(built, "2026/log-ends")
    refused(built.verify(), "series", "the packet has no sound series '2026/log-ends'")


def test_how_the_ledger_stood_is_no_statement_of_the_case() -> None:
    draft = state()
    draft.series = (CASE_SERIES,)
    refused(with_ledger(draft).verify(), "series", "what the ledger says of itself is no statement")


def test_the_register_relied_on_is_listed_with_its_versions() -> None:
    case = make_case()
    case.add(registration(30, kit.STATION, "station", revoked="挂失", draft="revocation"))
    report = case.build().verify()
    stations = [r for r in report.facts.registers if "station-07" in r["series"]]
    assert [(r["version"], r["of"], r["ended"]) for r in stations] == [
        ("1", "2", ""),
        ("2", "2", "yes"),
    ]
    assert {r["what"] for r in report.facts.registers} == {"opening", "key", "agency"}


def test_a_row_is_written_back() -> None:
    row = Withheld(Place("2026", 5), STATEMENT, Reason.PRIVACY)
    assert Withheld.from_json(row.to_json()) == row


# --- until when it is due ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "fits"),
    [
        ("2026-12-04", False),
        ("2026-12-05", True),
        ("2027-01-07", True),
        ("2027-01-08", False),
        ("2031-01-01", False),
    ],
)
def test_a_list_that_nobody_sees_moves_the_day_a_month_at_most(
    good: Built, until: str, fits: bool
) -> None:
    due = {"counted": "holidays", "for": "court", "received": "2026-11-20", "until": until}
    edit_json(good, "data/packet.json", lambda v: v.update(due=due))
    report = good.verify()
    assert (report.outcome is Outcome.PASSED) is fits
    assert report.facts.due == (due if fits else {})


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", "entry {}, seen by a quorum by 2026-11-30 11:00:01 UTC+8"),
        ("zh", "条目 {}，法定人数的联合签名人至迟见于 2026-11-30 11:00:01（北京时间）"),
    ],
)
def test_a_read_or_a_state_that_the_ledger_dates_back_shows_since_when_it_stands_there(
    lang: str, words: str
) -> None:
    case = make_case()
    case.drafts.insert(4, registration(40, LEDGER, "ledger"))
    early = {"from": "2026-01-02T10:00:00+08:00", "to": "2026-01-02T10:00:00+08:00"}
    for draft in (read(50), state()):
        draft.predicate["occurred"] = early
        case.drafts.append(draft)
    built = case.build()
    report = built.verify()
    choose([f"--lang={lang}"], {})
    try:
        text = verdict_text(report, "packet", frozenset())
    finally:
        choose([], {})
    assert text.count("2026-01-02 10:00:00") == 2
    for name in ("read 50", "state"):
        assert words.format(built.place(name).to_text()) in text


@pytest.mark.parametrize(
    ("procedure", "received", "until", "fits"),
    [
        ("court", "2026-11-20", "2026-12-07", True),  # the fifteenth day is a Saturday
        ("court", "2026-11-20", "2026-12-08", False),
        ("court", "2026-11-20", "2026-12-05", False),
        ("review", "2026-11-20", "2026-12-04", True),
        ("review_summary", "2026-11-20", "2026-11-27", True),
        ("review_summary", "2026-11-20", "2026-12-04", False),
        ("review", "1969-12-20", "1970-01-02", True),  # a Saturday, before the epoch
        ("review", "9999-12-30", "9999-12-31", False),
        ("review", "2026-02-30", "2026-03-13", False),
    ],
)
def test_when_it_is_due_is_counted_again_where_only_weekends_are_off(
    good: Built, procedure: str, received: str, until: str, *, fits: bool
) -> None:
    due = {"counted": "weekends", "for": procedure, "received": received, "until": until}
    edit_json(good, "data/packet.json", lambda v: v.update(due=due))
    assert good.verify().facts.due == (due if fits else {})
