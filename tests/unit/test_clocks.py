"""Clocks of a case: when one starts, what meets it, which days count, and who can move it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.encoding import parse_time
from ledger.errors import Malformed
from ledger.evidence.chunks import digest_item
from ledger.evidence.due import Calendar, Counted
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.calendar import Days
from ledger.process.deadlines.clocks import Running, State, clocks_of, period_of
from ledger.process.deadlines.duties import duties_of
from ledger.process.rules.rulepack import Clock, Meaning, RulePack
from testkit.case import AGENCY, CASE, uuid7

PACKS = Path(__file__).parents[2] / "ledger" / "process" / "packs"
AFTER = RulePack.from_text((PACKS / "after.toml").read_text("utf-8"))

HEAD = """
pack = "ordinary"
title = "普通程序"
title_en = "Ordinary procedure"
version = "2026.1"
kind = "penalty"
opening = ["case_filing"]

[[source]]
id = "法"
name = "某法"
working_days = [2, 3, 5, 7]
"""
CLOCK = """
[[clock]]
id = "it"
name = "期限"
name_en = "Time"
from = ["case_filing"]
until = ["penalty_decision", "withdrawal"]
source = "法"
article = "1"
"""
ACTS = ("case_filing", "penalty_decision", "withdrawal", "extension", "testing", "hearing")
NATIONAL = Days.of([Calendar({date(2026, 10, n) for n in range(1, 8)}, {date(2026, 10, 10)})])
NOW = parse_time("2026-11-26T12:00:00+08:00")


def pack_of(*clocks: str) -> RulePack:
    acts = "".join(
        f'\n[[act]]\nid = "{act}"\nname = "{act}"\nname_en = "{act}"\nstage = "decide"\n'
        for act in ACTS
    )
    return RulePack.from_text(HEAD + acts + "".join(clocks))


def filed(
    number: int,
    name: str,
    at: str,
    until: str = "",
    logged: str = "",
    agency: str = AGENCY,
    **facts: str,
) -> Filed:
    """An act as claimed from `at` to `until`; logged when it was done, unless told otherwise."""
    predicate: dict[str, Any] = {
        "act": name,
        "agency": agency,
        "case": CASE,
        "id": uuid7(number),
        "occurred": {"from": at, "to": until or at},
        "procedure": "ordinary",
        "stage": "decide",
    }
    if facts:
        predicate["facts"] = facts
    subject = FileSubject(f"{name}.txt", digest_item(name.encode()))
    statement = Statement(Kind.ACT, (subject,), predicate)
    return Filed(number, statement, parse_time(logged or until or at))


@dataclass(frozen=True)
class Said:
    """What conditions ask, from the acts alone."""

    case: CaseFile

    def stands(self, act: str) -> bool:
        return bool(self.case.acts(act))

    def facts(self, act: str) -> Iterable[Mapping[str, str]]:
        return [one.facts for one in self.case.acts(act)]

    def is_major(self, act: str) -> bool:
        return False

    def has_device(self, kind: str) -> bool:
        return False


def run(
    pack: RulePack, *acts: Filed, now_ms: int = NOW, days: Days = NATIONAL
) -> dict[str, Running]:
    case = CaseFile(CASE, AGENCY, acts)
    return {
        one.clock.id: one for one in clocks_of([pack], case, Said(case), lambda _: days, now_ms)
    }


def one(
    clock: str, *acts: Filed, now: str = "2026-11-26T12:00:00+08:00", days: Days = NATIONAL
) -> Running:
    return run(pack_of(CLOCK + clock), *acts, now_ms=parse_time(now), days=days)["it"]


FILING = filed(1, "case_filing", "2026-09-29T09:00:00+08:00")


def test_nothing_runs_before_its_act_is_there() -> None:
    running = one("days = 7")
    assert (running.state, running.due_ms, running.to_json().get("due")) == (
        State.NOT_STARTED,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("2026-09-29T10:00:00+08:00", State.RUNNING),
        ("2026-10-13T23:59:59+08:00", State.RUNNING),  # 30, 8, 9, the Saturday 10, 12, 13
        ("2026-10-14T23:59:59+08:00", State.RUNNING),
        ("2026-10-15T00:00:00+08:00", State.OVERDUE),
    ],
)
def test_it_runs_until_the_last_second_of_its_last_day(now: str, state: State) -> None:
    running = one("days = 7", FILING, now=now)
    assert running.last_day == date(2026, 10, 14)
    assert (running.state, running.counted) == (state, Counted.HOLIDAYS)


@pytest.mark.parametrize(
    ("done", "state"),
    [
        ("2026-10-14T23:59:59+08:00", State.MET),
        ("2026-10-15T00:00:00+08:00", State.LATE),
        ("2026-09-29T09:00:00+08:00", State.MET),
    ],
)
def test_it_is_met_by_the_day_on_which_the_other_act_was_done(done: str, state: State) -> None:
    running = one("days = 7", FILING, filed(2, "penalty_decision", done))
    assert (running.state, running.logged_in_time) == (state, state is State.MET)
    assert running.stopped is not None and running.stopped.number == 2


def test_the_first_act_after_the_start_stops_it_and_none_before() -> None:
    before = filed(2, "withdrawal", "2026-09-28T09:00:00+08:00", logged="2026-10-01T09:00:00+08:00")
    first = filed(3, "withdrawal", "2026-10-08T09:00:00+08:00")
    second = filed(4, "penalty_decision", "2026-10-09T09:00:00+08:00")
    running = one("days = 7", FILING, before, first, second)
    assert running.stopped is first


def test_by_weekends_alone_where_no_list_is_known_and_it_says_so() -> None:
    running = one("days = 7", FILING, days=Days())
    assert (running.last_day, running.counted) == (date(2026, 10, 8), Counted.WEEKENDS)
    assert running.to_json()["counted"] == "weekends"


def test_days_are_working_days_where_the_statute_says_so_of_that_number() -> None:
    assert one("days = 8", FILING).last_day == date(2026, 10, 8)  # the 7th is off
    assert one("days = 8\nworking = true", FILING).last_day == date(2026, 10, 15)
    assert one("days = 3\nworking = false", FILING).last_day == date(2026, 10, 9)


def test_what_was_a_day_off_is_told() -> None:
    row = one("days = 8", FILING).to_json()
    assert (row["last_day"], row["moved_from"]) == ("2026-10-08", "2026-10-07")
    kept = one("days = 8\nrolls = false", FILING)
    assert (kept.last_day, kept.moved_from, kept.counted) == (date(2026, 10, 7), None, None)


def test_hours_run_over_the_night_from_the_moment_itself() -> None:
    filing = filed(1, "case_filing", "2026-12-31T23:59:59+08:00", "2027-01-01T02:00:00+08:00")
    running = one("hours = 24", filing, now="2027-01-01T23:59:59+08:00")
    assert running.due_ms == parse_time("2027-01-01T23:59:59+08:00")
    assert (running.state, running.last_day, running.counted) == (State.RUNNING, None, None)
    late = one("hours = 24", filing, now="2027-01-02T00:00:00+08:00")
    assert late.state is State.OVERDUE


def test_a_filing_that_claims_to_be_later_than_the_log_gains_no_day() -> None:
    later = filed(1, "case_filing", "2026-11-01T09:00:00+08:00", logged="2026-09-29T09:00:00+08:00")
    assert one("days = 7", later).last_day == date(2026, 10, 14)


def test_a_decision_that_claims_an_early_day_is_met_and_the_log_does_not_show_it() -> None:
    decision = filed(
        2, "penalty_decision", "2026-10-09T09:00:00+08:00", logged="2026-11-20T09:00:00+08:00"
    )
    running = one("days = 7", FILING, decision)
    assert (running.state, running.logged_in_time) == (State.MET, False)
    assert running.to_json()["logged_in_time"] == "no"


def test_it_starts_with_the_last_such_act_or_where_told_so_the_first() -> None:
    again = filed(2, "case_filing", "2026-10-20T09:00:00+08:00")
    assert one("days = 7", FILING, again).started is again
    assert one('days = 7\nstarts = "first"', FILING, again).started is FILING


def test_another_agency_s_act_starts_and_stops_nothing() -> None:
    theirs = filed(2, "penalty_decision", "2026-10-09T09:00:00+08:00", agency="agency-02")
    assert one("days = 7", FILING, theirs).state is State.OVERDUE


def test_extensions_add_days_if_they_come_in_time_and_as_many_as_may_be() -> None:
    row = 'days = 30\nextended_by = "extension"\nextended_at_most = 30\nrolls = false\n'
    plain = one(row, FILING)
    assert plain.last_day == date(2026, 10, 29)
    in_time = filed(2, "extension", "2026-10-29T18:00:00+08:00", days="30")
    assert one(row, FILING, in_time).last_day == date(2026, 11, 28)
    too_late = filed(2, "extension", "2026-10-30T00:00:00+08:00", days="30")
    assert one(row, FILING, too_late).last_day == plain.last_day
    too_many = filed(2, "extension", "2026-10-20T00:00:00+08:00", days="300")
    assert one(row, FILING, too_many).extended == 30
    again = filed(3, "extension", "2026-11-20T00:00:00+08:00", days="30")
    assert one(row, FILING, in_time, again).last_day == date(2026, 11, 28)
    for days in ("三十", "-5", "9999", "٣٠"):
        odd = filed(2, "extension", "2026-10-20T00:00:00+08:00", days=days)
        assert one(row, FILING, odd).last_day == plain.last_day


def test_time_for_testing_does_not_count_as_far_as_it_was_told() -> None:
    row = 'days = 30\nexcluded = "testing"\nrolls = false\n'
    at = "2026-10-09T09:00:00+08:00"
    told = filed(2, "testing", at, **{"from": "2026-10-10", "to": "2026-10-19"})
    running = one(row, FILING, told)
    assert (running.last_day, running.excluded) == (date(2026, 11, 8), 10)
    assert one(row, FILING, filed(2, "testing", at)).last_day == date(2026, 10, 29)
    backwards = filed(2, "testing", at, **{"from": "2026-10-19", "to": "2026-10-10"})
    assert one(row, FILING, backwards).excluded == 0
    forever = filed(2, "testing", at, **{"from": "0001-01-01", "to": "9999-12-31"})
    assert one(row, FILING, forever).last_day == date(2026, 10, 29)


def test_a_clock_of_another_case_is_not_listed() -> None:
    row = 'days = 7\nwhen = [{ act = "hearing" }]\n'
    assert run(pack_of(CLOCK + row), FILING) == {}
    assert "it" in run(
        pack_of(CLOCK + row), FILING, filed(2, "hearing", "2026-10-01T09:00:00+08:00")
    )


def test_of_two_packs_the_first_one_s_clock_counts() -> None:
    first, second = pack_of(CLOCK + "days = 7"), pack_of(CLOCK + "days = 8")
    case = CaseFile(CASE, AGENCY, (FILING,))
    found = clocks_of([first, second], case, Said(case), lambda _: NATIONAL, NOW)
    assert [running.clock.days for running in found] == [7]


def test_days_off_are_those_before_the_act_that_met_it() -> None:
    asked: list[int | None] = []

    def days_at(number: int | None) -> Days:
        asked.append(number)
        return NATIONAL

    for acts in ((FILING,), (FILING, filed(2, "withdrawal", "2026-10-09T09:00:00+08:00"))):
        case = CaseFile(CASE, AGENCY, acts)
        clocks_of([pack_of(CLOCK + "days = 7")], case, Said(case), days_at, NOW)
    assert asked == [None, 2]


def test_a_party_s_time_that_is_over_is_nobody_s_fault_and_what_is_kept_too_short_is() -> None:
    right, keeping = 'days = 7\nmeaning = "right"', 'days = 7\nmeaning = "keeping"'
    assert one(right, FILING).state is State.LAPSED
    assert one(keeping, FILING).state is State.MET
    assert one(keeping, FILING, now="2026-10-09T00:00:00+08:00").state is State.RUNNING
    for day, state in (("09", State.EARLY), ("15", State.MET)):
        gone = filed(2, "withdrawal", f"2026-10-{day}T09:00:00+08:00")
        assert one(keeping, FILING, gone).state is state


def test_each_day_late_costs_three_in_a_hundred_and_no_more_than_the_fine() -> None:
    row = 'days = 15\ndaily_percent = 3\namount_of = "hearing"\n'
    fine = filed(2, "hearing", "2026-09-29T10:00:00+08:00", amount="100")
    # The fifteenth day is 14 October.
    fen = {
        now: one(row, FILING, fine, now=f"2026-{now}T12:00:00+08:00").fine_fen
        for now in ("10-14", "10-15", "11-16", "11-17", "12-31")
    }
    assert fen == {"10-14": None, "10-15": 300, "11-16": 9900, "11-17": 10_000, "12-31": 10_000}
    paid = filed(3, "withdrawal", "2026-10-16T09:00:00+08:00")
    late = one(row, FILING, fine, paid, now="2026-12-31T12:00:00+08:00")
    assert late.to_json()["additional_fine_at_most"] == "6.00"
    odd = filed(2, "hearing", "2026-09-29T10:00:00+08:00", amount="一百")
    assert one(row, FILING, odd).fine_fen is None
    with pytest.raises(Malformed, match="both or none"):
        pack_of(CLOCK + "days = 15\ndaily_percent = 3\n")


REMEDY = (
    'not_counted = [{ from = "testing", to = "extension" }]\n'  # acts of the small pack above
    'days = 15\ndaily_percent = 3\namount_of = "hearing"\n'
)


@pytest.mark.parametrize(
    ("more", "now", "fen"),
    [
        ([], "10-20", 1800),  # the fifteenth day is 14 October
        ([("testing", "10-17")], "10-20", 600),  # and goes on: the 15th and 16th alone
        ([("testing", "10-17"), ("extension", "10-18")], "10-20", 1200),
        ([("testing", "10-01"), ("extension", "10-10")], "10-20", 1800),  # before it ran out
        ([("testing", "10-01")], "10-20", None),  # of no day at all
        ([("testing", "10-17"), ("extension", "10-17"), ("testing", "10-19")], "10-20", 900),
        ([("extension", "10-15"), ("testing", "10-19")], "10-20", 1200),
        ([("testing", "10-17"), ("testing", "10-19")], "10-20", 600),  # sought in the first
    ],
)
def test_days_of_a_remedy_add_nothing_to_the_fine(
    more: list[tuple[str, str]], now: str, fen: int | None
) -> None:
    fine = filed(2, "hearing", "2026-09-29T10:00:00+08:00", amount="100")
    acts = [filed(3 + n, act, f"2026-{day}T09:00:00+08:00") for n, (act, day) in enumerate(more)]
    found = one(REMEDY, FILING, fine, *acts, now=f"2026-{now}T12:00:00+08:00")
    assert (found.fine_fen or None) == fen
    # The fine itself is not put off (处罚法 73).
    assert (found.last_day, found.state) == (date(2026, 10, 14), State.OVERDUE)


def test_days_that_add_nothing_are_of_a_clock_that_adds() -> None:
    with pytest.raises(Malformed, match="with daily_percent alone"):
        pack_of(CLOCK + 'days = 15\nnot_counted = [{ from = "testing", to = "extension" }]\n')
    with pytest.raises(Malformed, match="no 'judgment' in this pack"):
        pack_of(CLOCK + REMEDY.replace('"extension"', '"judgment"'))


# What each row of each pack must come to, by the statutes: a cross keeps its last day, off or not.
LAW = {
    "after": {
        "complaint_acceptance": "7 working_days duty",
        "complaint_answer": "5 working_days duty",
        "penalty_limitation": "2 years x duty",
        "penalty_limitation_grave": "5 years x duty",
        "publication": "20 working_days duty",
        "withdraw_publication": "3 working_days duty",
        "stop_publication_light": "3 months x duty",
        "stop_publication": "3 years x duty",
        "reconsideration_application": "60 days right",
        "reconsideration_evidence": "10 working_days duty",
        "reconsideration_evidence_summary": "5 working_days duty",
        "litigation": "6 months right",
        "litigation_after_reconsideration": "15 days right",
        "litigation_outer": "5 years right",
        "litigation_outer_property": "20 years right",
        "litigation_evidence": "15 days duty",
        "notarial_certificate": "15 working_days duty",
        "impact_assessment": "3 years x keeping",
        "archive_city": "20 years duty",
        "archive_county": "10 years duty",
    },
    "after_market": {
        "filing": "15 working_days duty",
        "publication": "20 working_days duty",
        "publication_push": "10 working_days duty",
        "stop_publication_light": "3 months x duty",
        "stop_publication": "3 years x duty",
    },
    "supervision": {},  # its terms are set in each demand
    "coercion": {
        "make_up_approval": "24 hours duty",
        "seal_or_seize": "30 days x duty",
        "freezing_make_up_approval": "24 hours duty",
        "freezing_decision": "3 working_days duty",
        "freezing": "30 days x duty",
        "apply_to_court": "3 months duty",
    },
    "hearing": {"hearing_request": "5 working_days right"},
    "inspection": {"make_up_approval": "24 hours duty", "publication": "20 working_days duty"},
    "licence": {
        "supplement_notice": "5 working_days duty",
        "licence_decision": "20 working_days duty",
        "hearing_request": "5 working_days right",
        "hearing_held": "20 working_days duty",
        "service": "10 working_days duty",
    },
    "ordinary": {
        "referral_approval": "3 days duty",
        "referral": "24 hours duty",
        "decision": "90 days duty",
        "registration": "7 working_days duty",
        "make_up_approval": "24 hours duty",
        "seal_or_seize": "30 days x duty",
        "hearing_request": "5 working_days right",
        "service": "7 working_days duty",
        "pay_fine": "15 days duty",
        "withdraw_publication": "3 working_days duty",
    },
    "summary": {
        "cash_handover": "2 working_days duty",
        "bank_deposit": "2 working_days duty",
        "pay_fine": "15 days duty",
    },
}

# From which act to which, and by how much it may be extended, read beside the statutes.
SPANS = {
    "after complaint_acceptance": "complaint → complaint_acceptance complaint_refusal",
    "after complaint_answer": "first case_filing no_case_filing → reporter_told",
    "after penalty_limitation": "violation_ended of first case_filing → case_filing",
    "after penalty_limitation_grave": "violation_ended of first case_filing → case_filing",
    "after publication": "penalty_decision on_the_spot_decision → publication",
    "after withdraw_publication": "decision_overturned → publication_withdrawal",
    "after stop_publication_light": "first publication → publication_end publication_withdrawal",
    "after stop_publication": "first publication → publication_end publication_withdrawal",
    "after reconsideration_application": "service_return → reconsideration_notice",
    "after reconsideration_evidence": "first reconsideration_notice → reconsideration_evidence",
    "after reconsideration_evidence_summary": (
        "first reconsideration_notice → reconsideration_evidence"
    ),
    "after litigation": "service_return → litigation_notice",
    "after litigation_after_reconsideration": "reconsideration_result → litigation_notice",
    "after litigation_outer": (
        "first penalty_decision on_the_spot_decision licence_decision → litigation_notice"
    ),
    "after litigation_outer_property": (
        "first penalty_decision licence_decision → litigation_notice"
    ),
    "after litigation_evidence": (
        "first litigation_notice → litigation_evidence evidence_extension_request"
    ),
    "after notarial_certificate": "notarial_acceptance → notarial_certificate",
    "after impact_assessment": "impact_assessment → impact_assessment_disposal",
    "after archive_city": "first archiving → archive_transfer",
    "after archive_county": "first archiving → archive_transfer",
    "after_market filing": "first clue → case_filing no_case_filing + filing_extension to 15",
    "after_market publication": "penalty_decision → publication",
    "after_market publication_push": "penalty_decision → publication_push",
    "after_market stop_publication_light": (
        "first publication → publication_end publication_withdrawal"
    ),
    "after_market stop_publication": "first publication → publication_end publication_withdrawal",
    "coercion make_up_approval": "each coercive_measure → make_up_approval",
    "coercion seal_or_seize": (
        "each coercive_measure → coercion_disposition lifting + coercion_extension to 30 - testing"
    ),
    "coercion freezing_make_up_approval": "each freezing → make_up_approval",
    "coercion freezing_decision": "each freezing → freezing_decision",
    "coercion freezing": (
        "each freezing → freezing_disposition freezing_lifting + freezing_extension to 30"
    ),
    "coercion apply_to_court": "remedies_expired → court_application coercive_execution_decision",
    "hearing hearing_request": "hearing_rights_notice → hearing_request hearing_waiver",
    "inspection make_up_approval": "inspection → make_up_approval",
    "inspection publication": "inspection_result → publication",
    "licence supplement_notice": (
        "first application → supplement_notice acceptance non_acceptance"
    ),
    "licence licence_decision": (
        "first acceptance → licence_decision + extension to 10 - time_told"
    ),
    "licence hearing_request": "hearing_rights_notice → hearing_request licence_decision",
    "licence hearing_held": "hearing_request → hearing",
    "licence service": "licence_decision → service_return",
    "ordinary referral_approval": "referral_report → referral_approval",
    "ordinary referral": "referral_approval → case_referral",
    "ordinary decision": (
        "first case_filing → penalty_decision no_penalty_decision case_dismissal case_referral"
        " + extension"
    ),
    "ordinary registration": "each advance_registration → registration_disposition",
    "ordinary make_up_approval": "each coercive_measure → make_up_approval",
    "ordinary seal_or_seize": (
        "each coercive_measure → coercion_disposition lifting case_referral"
        " + coercion_extension to 30 - testing"
    ),
    "ordinary hearing_request": "hearing_rights_notice → hearing_request hearing_waiver",
    "ordinary service": "penalty_decision → service_return",
    "ordinary pay_fine": "service_return → payment payment_deferral, 3% of penalty_decision",
    "ordinary withdraw_publication": "decision_overturned → publication_withdrawal",
    "summary cash_handover": "cash_receipt → cash_handover",
    "summary bank_deposit": "cash_handover → bank_deposit",
    "summary pay_fine": "service_return → payment, 3% of on_the_spot_decision",
}


def span(clock: Clock) -> str:
    fact = f"{clock.start_fact} of " if clock.start_fact else ""
    first = f"{clock.starts} " if clock.starts != "last" else ""
    found = f"{fact}{first}{' '.join(clock.start)} → {' '.join(clock.until)}"
    if clock.extended_by:
        found += f" + {clock.extended_by}"
    if clock.extended_at_most:
        found += f" to {clock.extended_at_most}"
    if clock.excluded:
        found += f" - {clock.excluded}"
    if clock.daily_percent:
        found += f", {clock.daily_percent}% of {clock.amount_of}"
    return found


def test_each_clock_runs_from_the_act_and_to_the_act_of_its_statute() -> None:
    packs = [RulePack.from_text(path.read_text("utf-8")) for path in sorted(PACKS.glob("*.toml"))]
    assert {f"{pack.pack} {c.id}": span(c) for pack in packs for c in pack.clocks} == SPANS


def test_after_reconsideration_fifteen_days_are_left_to_sue_and_no_longer_six_months() -> None:
    served = filed(1, "service_return", "2026-03-02T09:00:00+08:00")
    assert "litigation_after_reconsideration" in run(AFTER, served)
    assert run(AFTER, served)["litigation"].last_day == date(2026, 9, 2)
    upheld = filed(2, "reconsideration_result", "2026-06-01T09:00:00+08:00")
    found = run(AFTER, served, upheld)
    assert found["litigation_after_reconsideration"].last_day == date(2026, 6, 16)
    assert "litigation" not in found


def told(clock: Clock, pack: RulePack) -> str:
    period = period_of(clock, pack)
    # Hours end at a moment: there is no last day to move.
    kept = " x" if not period.rolls else ""
    return f"{period.amount} {period.unit}{kept} {clock.meaning}"


def test_every_pack_that_comes_with_the_program_is_in_the_table() -> None:
    assert {path.stem for path in PACKS.glob("*.toml")} == set(LAW)


@pytest.mark.parametrize("name", LAW)
def test_each_clock_of_a_pack_has_the_period_of_its_statute(name: str) -> None:
    pack = RulePack.from_text((PACKS / f"{name}.toml").read_text("utf-8"))
    assert {clock.id: told(clock, pack) for clock in pack.clocks} == LAW[name]


def test_found_within_two_years_of_its_end() -> None:
    filing = filed(1, "case_filing", "2026-03-01T09:00:00+08:00", violation_ended="2024-02-29")
    running = run(AFTER, filing)["penalty_limitation"]
    assert (running.last_day, running.state) == (date(2026, 2, 28), State.LATE)
    grave = filed(
        1,
        "case_filing",
        "2026-03-01T09:00:00+08:00",
        violation_ended="2024-02-29",
        endangers="yes",
    )
    found = run(AFTER, grave)
    assert found["penalty_limitation_grave"].state is State.MET
    assert "penalty_limitation" not in found
    untold = run(AFTER, filed(1, "case_filing", "2026-03-01T09:00:00+08:00"))
    assert untold["penalty_limitation"].state is State.NOT_STARTED


def test_a_complaint_starts_its_clock_though_it_is_no_act() -> None:
    at = "2026-11-23T15:00:00+08:00"
    predicate = {
        "agency": AGENCY,
        "case": CASE,
        "id": uuid7(9),
        "occurred": {"from": at, "to": at},
        "place": "观前街",
        "seen": {"from": at, "to": at},
    }
    subject = FileSubject("complaint.txt", digest_item(b"complaint"))
    complaint = Filed(9, Statement(Kind.COMPLAINT, (subject,), predicate), parse_time(at))
    running = run(AFTER, complaint)["complaint_acceptance"]
    assert (running.state, running.last_day) == (State.RUNNING, date(2026, 12, 2))


def test_meanings_are_used() -> None:
    assert {clock.meaning for clock in AFTER.clocks} == set(Meaning)


# --- once a year --------------------------------------------------------------------------------


def duty(clock: str, now: str, *acts: Filed) -> Running:
    found = {one.clock.id: one for one in duties_of(AGENCY, acts, 2026, parse_time(now))}
    return found[clock]


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("2027-01-31T23:59:59+08:00", State.RUNNING),  # a Sunday, and it does not move
        ("2027-02-01T00:00:00+08:00", State.OVERDUE),
    ],
)
def test_without_statistics_the_first_of_february_is_too_late(now: str, state: State) -> None:
    assert duty("annual_statistics", now).state is state


def test_statistics_of_their_own_year_meet_it_and_of_another_do_not() -> None:
    now = "2027-03-01T00:00:00+08:00"
    at = "2027-01-31T20:00:00+08:00"
    assert duty("annual_statistics", now, filed(1, "annual_statistics", at, year="2026")).state is (
        State.MET
    )
    other = filed(1, "annual_statistics", at, year="2025")
    assert duty("annual_statistics", now, other).state is State.OVERDUE
    late = filed(1, "annual_statistics", "2027-02-01T00:00:00+08:00", year="2026")
    assert duty("annual_statistics", now, late).state is State.LATE
    theirs = filed(1, "annual_statistics", at, agency="agency-02", year="2026")
    assert duty("annual_statistics", now, theirs).state is State.OVERDUE


def test_a_review_is_due_within_the_year() -> None:
    assert duty("case_review", "2026-12-31T23:59:59+08:00").state is State.RUNNING
    assert duty("case_review", "2027-01-01T00:00:00+08:00").state is State.OVERDUE


# --- who would move one afterwards --------------------------------------------------------------

SEIZED = '[[clock]]\nid = "it"\nname = "期限"\nname_en = "Time"\nfrom = ["case_filing"]\n' + (
    'until = ["penalty_decision"]\ndays = 30\nrolls = false\nsource = "法"\narticle = "1"\n'
    'extended_by = "extension"\nexcluded = "testing"\n'
)
FILED, DECIDED = "2026-03-02T09:00:00+08:00", "2026-05-04T09:00:00+08:00"


def seized(*more: Filed) -> Running:
    acts = [filed(1, "case_filing", FILED), filed(2, "penalty_decision", DECIDED), *more]
    case = CaseFile(CASE, AGENCY, tuple(acts))
    (running,) = clocks_of([pack_of(SEIZED)], case, Nothing(), lambda number: Days(), NOW)
    return running


class Nothing:
    def stands(self, act: str) -> bool:
        return False

    def facts(self, act: str) -> Iterable[Mapping[str, str]]:
        return []

    def is_major(self, act: str) -> bool:
        return False

    def has_device(self, kind: str) -> bool:
        return False


def lab(at: str, first: str, last: str, number: int = 3) -> Filed:
    return filed(number, "testing", at, **{"from": first, "to": last})


def test_testing_that_is_told_when_the_time_is_over_gives_none_back() -> None:
    assert seized().state is State.LATE
    late = seized(lab("2026-06-01T09:00:00+08:00", "2026-03-03", "2026-05-31"))
    assert (late.state, late.excluded) == (State.LATE, 0)
    in_time = seized(lab("2026-03-10T09:00:00+08:00", "2026-03-11", "2026-04-30"))
    assert (in_time.state, in_time.excluded, in_time.logged_in_time) == (State.MET, 51, True)


def test_an_extension_dated_back_is_not_shown_by_the_log() -> None:
    at, logged = "2026-03-10T09:00:00+08:00", "2026-06-01T09:00:00+08:00"
    assert seized(filed(3, "extension", at, days="60")).logged_in_time
    back = seized(filed(3, "extension", at, logged=logged, days="60"))
    assert (back.state, back.extended, back.logged_in_time) == (State.MET, 60, False)


def test_a_century_of_testing_is_a_slip_and_gives_nothing_back() -> None:
    years = [lab(FILED, "1970-01-01", "2069-12-31", number) for number in range(3, 40)]
    assert seized(*years).excluded == 0


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "1970-01-01"])
def test_a_clock_from_a_day_before_all_times_runs_all_the_same(day: str) -> None:
    filing = filed(1, "case_filing", FILED, violation_ended=day)
    case = CaseFile(CASE, AGENCY, (filing,))
    found = clocks_of([AFTER], case, Filing(), lambda number: Days(), NOW)
    (running,) = (one for one in found if one.clock.id == "penalty_limitation")
    assert running.state is State.LATE


class Filing(Nothing):
    """Of a case in which nothing is endangered."""

    def facts(self, act: str) -> Iterable[Mapping[str, str]]:
        return [{}]
