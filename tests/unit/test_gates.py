"""Conclusions before what they need are refused, each with its article; in order they are not.

The case is one of the ordinary procedure in which nearly everything happens: an urgent seizure,
a recusal, a hearing, a legal review, a collective discussion, electronic service, a fine.
"""

from collections.abc import Callable
from copy import deepcopy

import pytest

from ledger.evidence.due import Calendar
from ledger.process.judging.gap import Gap, GapKind
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gates import refusals
from ledger.process.registers.registry import Registry
from ledger.process.rules.rulepack import RulePack
from testkit.proceeding import (
    BENCHMARKS,
    DAY,
    HOUR,
    LENIENT,
    MINUTE,
    Proceeding,
    complete,
    registers,
    registers_of,
)
from testkit.registers import listed, registered, registry
from testkit.rulepacks import PACKS

TEXT = PACKS["ordinary"]
PACK = RulePack.from_text(TEXT)
RECORDS = {record.id: record for record in PACK.records}
REGISTERS = registers_of(("ordinary", TEXT))
WEEKDAYS = Calendar()
FULL = (
    "recusal_decision",
    "registration_disposition",
    "make_up_approval",
    "collective_discussion",
    "hearing_rights",
    "hearing",
    "electronic_consent",
    "payment",
)
DECISION = "penalty_decision"


def full() -> Proceeding:
    return complete(PACK, *(RECORDS[name] for name in FULL))


def plain() -> Proceeding:
    """A fine, and nothing special."""
    return complete(PACK, RECORDS["notice_amount"])


def asked(made: Proceeding, act: str = DECISION, registers: Registry = REGISTERS) -> list[Gap]:
    return refusals(*made.before(act), registers, WEEKDAYS)


def told(found: list[Gap]) -> set[tuple[str, str]]:
    return {(gap.rule, gap.article) for gap in found}


@pytest.mark.parametrize("act", [DECISION, "service_return", "case_closing"])
def test_in_the_right_order_each_conclusion_is_accepted(act: str) -> None:
    assert asked(full(), act) == []
    assert asked(plain(), act) == []
    assert gaps(full().file(), REGISTERS, WEEKDAYS) == []


WRONG = {
    "the decision before the case is filed": ("case_filing", DECISION, "case_filing", "54"),
    "… before any investigation": ("inspection_record", DECISION, "investigation", "54、55"),
    "… before the list of evidence": ("evidence_list", DECISION, "evidence_list", "46"),
    "… before the recusal is decided": ("recusal_decision", DECISION, "recusal_decision", "43"),
    "… before registered things are disposed of": (
        "registration_disposition",
        DECISION,
        "registration_disposition",
        "56",
    ),
    "… before the urgent seizure is approved": (
        "make_up_approval",
        DECISION,
        "make_up_approval",
        "19",
    ),
    "… before the report": ("investigation_report", DECISION, "investigation_report", "57"),
    "… before the notice": ("penalty_notice", DECISION, "right_to_be_heard", "44、62"),
    "… before the party is heard": (
        "statement_and_defence",
        DECISION,
        "statement_heard",
        "45、62",
    ),
    "… before the right to a hearing is told": (
        "hearing_rights_notice",
        DECISION,
        "hearing_rights",
        "63",
    ),
    "… before the hearing": ("hearing", DECISION, "hearing", "63、64"),
    "… before the minutes of the hearing": (
        "hearing_minutes",
        DECISION,
        "hearing_minutes",
        "64(八)、65",
    ),
    "… before the legal review": ("legal_review", DECISION, "legal_review", "58"),
    "… before the collective discussion": (
        "collective_discussion",
        DECISION,
        "collective_discussion",
        "57",
    ),
    "service before the decision": (DECISION, "service_return", "penalty_decision", "59"),
    "electronic service before the consent": (
        "electronic_service_consent",
        "service_return",
        "electronic_consent",
        "61",
    ),
    "closing before the service": ("service_return", "case_closing", "service_return", "61"),
    "closing before the payment": ("payment", "case_closing", "payment", "66、67、72"),
    "closing before the seizure ends": (
        "coercion_disposition",
        "case_closing",
        "coercion_outcome",
        "27、28",
    ),
}


@pytest.mark.parametrize(("act", "conclusion", "rule", "article"), WRONG.values(), ids=WRONG)
def test_in_a_wrong_order_it_is_refused_with_the_article(
    act: str, conclusion: str, rule: str, article: str
) -> None:
    made = full().moved(act, conclusion)
    found = asked(made, conclusion)
    assert (rule, article) in told(found)
    assert all(gap.cure and gap.cure_en and gap.source for gap in found)
    # What stands in the log all the same is a gap of it, whether or not a gate was asked.
    (gap,) = (gap for gap in gaps(made.file(), REGISTERS, WEEKDAYS) if gap.rule == rule)
    assert (gap.kind, gap.article) == (GapKind.WRONG_ORDER, article)


@pytest.mark.parametrize(("act", "conclusion", "rule", "article"), WRONG.values(), ids=WRONG)
def test_an_act_dated_after_the_decision_comes_too_late_wherever_it_stands(
    act: str, conclusion: str, rule: str, article: str
) -> None:
    made = full()
    made.step(act).at = made.step(conclusion).ends + MINUTE
    assert (rule, article) in told(asked(made, conclusion))


def test_other_acts_pass_whatever_is_missing() -> None:
    made = full()
    for act in ("coercive_measure", "legal_review", "payment", "publication"):
        if made.stands(act):
            proposed = made.before(act)[1]
            assert refusals(made.before("clue")[0], proposed, REGISTERS, WEEKDAYS) == []


def test_a_notice_shuts_no_gate() -> None:
    made = plain()
    made.steps.remove(made.step("recusal_check"))
    assert asked(made) == []
    assert [gap.rule for gap in gaps(made.file(), REGISTERS, WEEKDAYS)] == ["recusal_check"]


def test_a_late_record_shuts_no_gate_and_is_told() -> None:
    made = plain()
    for step in made.steps:
        step.logged += 30 * DAY
    assert asked(made) == []
    found = gaps(made.file(), REGISTERS, WEEKDAYS)
    assert {gap.kind for gap in found} == {GapKind.LATE}
    assert len(found) == len(made.steps) + 2  # and the recording of the inspection, and why


# --- what must be so, beyond that it is there ---------------------------------------------------


def test_an_urgent_measure_is_approved_within_twenty_four_hours() -> None:
    made = full()
    measure, approval = made.step("coercive_measure"), made.step("make_up_approval")
    assert measure.facts["urgent"] == "yes"
    approval.at += measure.at + 24 * HOUR - approval.ends
    assert ("make_up_within_24_hours", "19") not in told(gaps_of(made))
    approval.at += 1000
    (gap,) = (gap for gap in gaps_of(made) if gap.rule == "make_up_within_24_hours")
    assert (gap.level, gap.article, gap.facts["late_ms"]) == ("serious", "19", "1000")
    # The decision waits until the measure is lifted; that it was approved late stays told.
    assert told(asked(made)) == {("unapproved_lifted", "19、28")}
    made.step("coercion_disposition").act = "lifting"
    assert asked(made) == []
    assert ("make_up_within_24_hours", "19") in told(gaps_of(made))


def gaps_of(made: Proceeding, registers: Registry = REGISTERS) -> list[Gap]:
    return gaps(made.file(), registers, WEEKDAYS)


def test_what_was_not_urgent_is_approved_beforehand() -> None:
    made = full()
    made.step("coercive_measure").facts["urgent"] = "no"
    assert ("coercion_approval", "18(一)") in told(gaps_of(made))


def test_a_review_that_failed_refuses_until_another_passes() -> None:
    made = full()
    made.step("legal_review").facts["result"] = "fail"
    (gap,) = asked(made)
    assert (gap.rule, gap.article, gap.facts["said"]) == ("review_passed", "一(三)", "fail")
    again = complete(PACK, RECORDS["legal_review"]).step("legal_review")
    again.at, again.logged = made.step(DECISION).at - 20 * MINUTE, made.step(DECISION).logged - 1
    made.steps.insert(made.steps.index(made.step(DECISION)), again)
    assert asked(made) == []


def test_the_catalogue_makes_a_decision_major_whatever_the_case_calls_itself() -> None:
    made = plain()
    made.step("penalty_notice").facts["grave"] = "yes"
    assert told(asked(made)) == {("legal_review", "58"), ("collective_discussion", "57")}


def test_a_reviewer_who_has_not_passed_the_examination_is_told() -> None:
    reviewers = [
        registered("legal_reviewer", one, "2026-01-02", officer=one, qualified="no")
        for one in ("320501-0001", "320501-0002")
    ]
    late = registry(*registers(("ordinary", TEXT)), *reviewers)
    (gap,) = gaps_of(full(), late)
    assert (gap.rule, gap.what, gap.sickness) == (
        "reviewer_qualified",
        "reviewer_unexamined",
        "subject",
    )


BENCHMARK: dict[str, tuple[str, dict[str, str], str, str]] = {
    "none in the notice": ("penalty_notice", {"benchmark": ""}, "notice_benchmark", "facts"),
    "no reason in the notice": ("penalty_notice", {"reason": " "}, "notice_benchmark", "facts"),
    "none in the decision": (DECISION, {"benchmark": ""}, "decision_benchmark", "facts"),
    "no version in the decision": (
        DECISION,
        {"benchmark_version": ""},
        "decision_benchmark",
        "facts",
    ),
    "another version in the decision": (
        DECISION,
        {"benchmark_version": "0"},
        "benchmark_version_same",
        "same_fact",
    ),
    "another clause in the notice": (
        "penalty_notice",
        {"benchmark": "CG-14-1"},
        "benchmark_same",
        "same_fact",
    ),
    "a clause that never was": (
        DECISION,
        {"benchmark": "CG-99"},
        "amount_in_band",
        "benchmark_unknown",
    ),
    "a version no longer in force": (
        DECISION,
        {"benchmark_version": "0"},
        "amount_in_band",
        "benchmark_not_in_force",
    ),
    "an amount above the band": (
        DECISION,
        {"amount": "1000.01"},
        "amount_in_band",
        "outside_band",
    ),
    "an amount that is none": (DECISION, {"amount": "五百元"}, "amount_in_band", "outside_band"),
}


@pytest.mark.parametrize(("act", "facts", "rule", "what"), BENCHMARK.values(), ids=BENCHMARK)
def test_the_benchmark_is_cited_in_both_in_force_and_kept(
    act: str, facts: dict[str, str], rule: str, what: str
) -> None:
    old = listed("benchmarks", "benchmarks", BENCHMARKS, "2025-01-01", version="0")
    earlier = registry(old, *registers(("ordinary", TEXT)))
    made = plain()
    made.step(act).facts |= facts
    assert (rule, what) in {(gap.rule, gap.what) for gap in asked(made, registers=earlier)}


WIDER = BENCHMARKS.replace("to = 1000", "to = 9000")


@pytest.mark.parametrize(
    ("second", "version", "told"),
    [
        (WIDER, "1", {"cited_altered"}),
        (BENCHMARKS, "1", set()),
        (BENCHMARKS + '\n[[clause]]\nid = "CG-15"\nname = "x"\nfrom = 0\nto = 9\n', "1", set()),
        (WIDER, "2", {"benchmark_not_in_force"}),
        ("list = [", "1", None),
    ],
    ids=["wider", "the same", "one more clause", "a new version", "damaged"],
)
def test_a_band_that_is_widened_under_its_old_version_covers_nothing(
    second: str, version: str, told: set[str] | None
) -> None:
    """Notice and decision would cite one version, and mean two."""
    entries = registers(("ordinary", TEXT))
    if told is None:  # a damaged first one is no other word for it
        entries.insert(0, listed("benchmarks", "benchmarks", second))
    else:
        entries.append(listed("benchmarks", "benchmarks", second, version=version))
    made = plain()
    made.step("penalty_notice").facts["amount"] = made.step(DECISION).facts["amount"] = "900"
    assert {gap.what for gap in asked(made, registers=registry(*entries))} == (told or set())


def test_one_that_is_altered_after_the_decision_leaves_what_it_was_for_it() -> None:
    made = plain()
    made.step("penalty_notice").facts["amount"] = made.step(DECISION).facts["amount"] = "900"
    altered = listed("benchmarks", "benchmarks", WIDER)
    for number, wanted in ((made.file().acts(DECISION)[0].number + 1, False), (999, True)):
        known = registry(*registers(("ordinary", TEXT)))
        known.add(number, altered)
        found = {gap.what for gap in gaps_of(made, known)}
        assert ("cited_altered" in found) is wanted


def test_an_item_of_the_lenient_list_that_says_two_things_under_one_version_is_told() -> None:
    made = plain()
    made.step(DECISION).facts |= {"lenient": "MF-1", "lenient_version": "1"}
    other = LENIENT.replace("初次违法且及时改正", "及时改正")
    for lenient, wanted in ((LENIENT, set()), (other, {"cited_altered"})):
        entries = [*registers(("ordinary", TEXT)), listed("lenient", "lenient", lenient)]
        assert {gap.what for gap in asked(made, registers=registry(*entries))} == wanted


def test_an_amount_at_either_end_of_the_band_is_within_it() -> None:
    for amount in ("0", "1000", "1000.00"):
        made = complete(PACK, RECORDS["statement_heard"])
        for act in ("penalty_notice", DECISION):
            made.step(act).facts["amount"] = amount
        assert asked(made) == []


def _waived(made: Proceeding) -> None:
    made.step("statement_and_defence").act = "statement_waiver"


def _renotified(facts: dict[str, str]) -> Callable[[Proceeding], None]:
    def renotify(made: Proceeding) -> None:
        first, spoken = made.step("penalty_notice"), made.step("statement_and_defence")
        again = deepcopy(first)
        again.facts |= {"amount": "300"} | facts
        again.at, again.logged = spoken.at + 20 * MINUTE, spoken.logged + 20 * MINUTE
        made.steps.insert(made.steps.index(spoken) + 1, again)

    return renotify


HEAVIER: dict[str, tuple[Callable[[Proceeding], None], str, bool]] = {
    "heavier after a statement": (lambda made: None, "300", True),
    "as heavy": (lambda made: None, "100", False),
    "lighter": (lambda made: None, "50.50", False),
    "heavier, and nothing was said": (_waived, "300", False),
    "notified anew for no reason": (_renotified({}), "300", True),
    "notified anew for new facts": (_renotified({"new_facts": "两次违法"}), "300", False),
    "notified anew for none": (_renotified({"new_facts": "no"}), "300", True),
    "notified anew for none, in Chinese": (_renotified({"new_facts": " 无 "}), "300", True),
    "notified anew for nothing": (_renotified({"new_facts": " "}), "300", True),
}


@pytest.mark.parametrize(("change", "amount", "shut"), HEAVIER.values(), ids=HEAVIER)
def test_nobody_is_punished_for_having_spoken(
    change: Callable[[Proceeding], None], amount: str, shut: bool
) -> None:
    made = plain()
    change(made)
    made.step(DECISION).facts["amount"] = amount
    assert (("not_heavier", "45") in told(asked(made))) is shut


def test_a_recording_instead_of_a_written_record_needs_its_time_codes_in_words() -> None:
    made = plain()
    record = made.step("inspection_record")
    record.facts["medium"] = "recording"
    (gap,) = asked(made)
    assert (gap.rule, gap.what, gap.source) == ("timecodes", "no_timecodes", "公安程序规定")
    record.note = "当事人在摊位前"
    assert asked(made) == []


def test_a_time_code_into_a_recording_that_nobody_filed_shows_nothing() -> None:
    made = plain()
    file = made.file()
    kept = [one for one in file.filed if one.act or one.is_recording]
    assert len(kept) < len(file.filed)
    bare = type(file)(file.case, file.agency, tuple(kept))
    rules = {gap.rule for gap in gaps(bare, REGISTERS, WEEKDAYS)}
    assert rules == {"show_id", "inform_rights", "conduct"}


def test_a_fixed_monitor_is_reviewed_by_its_register_and_not_by_what_is_said_of_it() -> None:
    made = complete(PACK, RECORDS["device_review"])
    assert asked(made) == []
    made.step("item_review").facts["result"] = "fail"
    assert told(asked(made)) == {("monitor_item_passed", "41")}
    made.steps.remove(made.step("device_review"))
    assert ("device_review", "41") in told(asked(made))


@pytest.mark.parametrize("item", RECORDS["penalty_decision"].facts)
def test_a_decision_states_its_six_things(item: str) -> None:
    made = plain()
    del made.step(DECISION).facts[item]
    (gap,) = asked(made)
    assert (gap.rule, gap.article, gap.facts["missing"]) == ("penalty_decision", "59", item)


# --- who acts -----------------------------------------------------------------------------------


def test_a_decision_by_one_officer_is_refused() -> None:
    made = plain()
    made.step(DECISION).officers = ["320501-0001"]
    assert told(asked(made)) == {("crew_short", "42")}


def test_what_was_done_by_the_wrong_people_and_then_anew_opens_the_gate() -> None:
    made = plain()
    first = made.step("inspection_record")
    first.officers = ["320501-0001"]
    assert ("crew_short", "42") in told(asked(made))
    again = plain().step("inspection_record")
    again.at, again.logged = first.at + 20 * MINUTE, first.logged + 20 * MINUTE
    made.steps.insert(made.steps.index(first) + 1, again)
    assert asked(made) == []
    # And the log keeps what was done first.
    assert ("crew_short", "42") in told(gaps_of(made))


def test_who_investigated_does_not_preside_at_the_hearing() -> None:
    made = full()
    made.step("hearing").officers = ["320501-0002"]
    assert told(asked(made)) == {("presiding_officer_distinct", "64(四)")}


def test_a_hearing_is_notified_seven_working_days_ahead() -> None:
    made = full()
    # Monday 2026-03-09 09:00; seven working days later is Wednesday the 18th.
    hearing, notice = made.step("hearing"), made.step("hearing_notice")
    for days, shut in ((15, False), (8, True), (7, True), (0, True)):
        notice.at = hearing.at - days * DAY
        assert (("hearing_notice_ahead", "64(二)、85") in told(asked(made))) is shut, days


# --- which pack ---------------------------------------------------------------------------------

STRICTER = TEXT.replace('version = "2026.2"', 'version = "2026.3"').replace(
    'id = "recusal_check"\nacts = ["recusal_check"]\nname = "回避核查"\n'
    'name_en = "Recusal check"\nbefore = ["penalty_decision"]\nlevel = "notice"',
    'id = "recusal_check"\nacts = ["recusal_check"]\nname = "回避核查"\n'
    'name_en = "Recusal check"\nbefore = ["penalty_decision"]\nlevel = "serious"',
)


def without_check(shift: int = 0) -> Proceeding:
    made = plain()
    made.steps.remove(made.step("recusal_check"))
    for step in made.steps:
        step.at += shift
        step.logged += shift
    return made


@pytest.mark.parametrize(("start", "version"), [("2026-03-02", "2026.3"), ("2026-03-03", "2026.2")])
def test_a_case_is_judged_by_the_pack_in_force_when_it_was_opened(start: str, version: str) -> None:
    """It is opened on 2026-03-02 and decided much later."""
    assert STRICTER.count('level = "serious"') == TEXT.count('level = "serious"') + 1
    both = registry(
        *registers(("ordinary", TEXT)), listed("rule_pack", "ordinary", STRICTER, start)
    )
    made = without_check()
    (gap,) = gaps_of(made, both)
    assert (gap.rule, gap.version) == ("recusal_check", version)
    assert (asked(made, registers=both) == []) is (version == "2026.2")


def test_a_pack_published_later_changes_no_case_however_it_is_dated() -> None:
    later = registry(
        *registers(("ordinary", TEXT)),
        *(registered("counsel", f"c{n}", "2026-01-01", kind="counsel") for n in range(2000)),
        listed("rule_pack", "ordinary", STRICTER, "2026-02-01"),
    )
    assert asked(without_check(), registers=later) == []


def test_an_opening_written_back_chooses_no_older_pack() -> None:
    both = registry(
        *registers(("ordinary", TEXT)), listed("rule_pack", "ordinary", STRICTER, "2026-03-01")
    )
    made = without_check()
    made.step("case_filing").at -= 20 * DAY
    made.step("clue").at -= 20 * DAY
    assert ("recusal_check", "43") in told(asked(made, registers=both))


def test_without_a_pack_nothing_is_refused_and_nothing_is_told() -> None:
    none = registry(*registers())
    made = full().moved("penalty_notice", DECISION)
    assert asked(made, registers=none) == []
    assert gaps_of(made, none) == []


def test_each_pack_that_an_act_names_judges_the_case() -> None:
    """A hearing in an ordinary case: both packs know the decision, and both refuse."""
    texts = [(name, PACKS[name]) for name in ("ordinary", "hearing")]
    both = registers_of(*texts)
    made = full()
    for act in ("hearing_rights_notice", "hearing_request", "hearing_notice", "hearing"):
        made.step(act).procedure = "hearing"
    found = asked(made, registers=both)
    assert {gap.pack for gap in found} == {"hearing"}
    assert ("hearing_appointment", "64(四)") in told(found)


def test_nobody_leaves_the_rest_out_by_naming_a_part_of_the_procedure() -> None:
    """A case of the hearing alone: notice, hearing, decision, and nothing was investigated."""
    text = PACKS["hearing"]
    pack = RulePack.from_text(text)
    made = complete(pack, *(r for r in pack.records if r.id == "hearing_considered"))
    alone, both = registers_of(("hearing", text)), registers_of(*PACKS.items())
    assert asked(made, registers=alone) == []
    assert {("case_filing", "54"), ("investigation", "54、55")} <= told(asked(made, registers=both))


# --- numbers that nobody can read ---------------------------------------------------------------


def test_a_notice_whose_amount_nobody_can_read_lets_no_fine_through() -> None:
    made = plain()
    assert asked(made) == []
    made.step("penalty_notice").facts["amount"] = "五千元"
    assert ("not_heavier", "45") in told(asked(made))


@pytest.mark.parametrize(("kind", "most"), [("person", 200), ("organisation", 3000)])
def test_a_fine_on_the_spot_above_its_cap_is_refused(kind: str, most: int) -> None:
    pack = RulePack.from_text(PACKS["summary"])
    registers = registers_of(("summary", PACKS["summary"]))
    made, act = complete(pack), "on_the_spot_decision"
    made.step(act).facts |= {"party_kind": kind, "amount": str(most)}
    assert asked(made, act, registers) == []
    made.step(act).facts["amount"] = str(most + 1)
    assert {gap.what for gap in asked(made, act, registers)} == {"at_most"}


def test_a_fine_on_the_spot_lies_in_the_band_that_it_cites() -> None:
    pack = RulePack.from_text(PACKS["summary"])
    registers = registers_of(("summary", PACKS["summary"]))
    made, act = complete(pack), "on_the_spot_decision"
    made.step(act).facts |= {"party_kind": "organisation", "penalty_kind": "fine"}
    for amount, what in (("1000", set()), ("1000.01", {"outside_band"})):
        made.step(act).facts["amount"] = amount
        assert {gap.what for gap in asked(made, act, registers)} == what
    made.step("on_the_spot_notice").facts["benchmark_version"] = "0"
    made.step(act).facts |= {"amount": "100", "benchmark_version": "0"}
    assert {gap.what for gap in asked(made, act, registers)} == {"benchmark_unknown"}


def test_a_fine_states_its_amount_in_notice_and_decision_and_nothing_else_need_state_one() -> None:
    for act, rule in (("penalty_notice", "notice_amount"), (DECISION, "decision_amount")):
        made = plain()
        del made.step(act).facts["amount"]
        assert rule in {gap.rule for gap in asked(made)}
        made.step(DECISION).facts["penalty_kind"] = "warning"
        assert asked(made) == []


@pytest.mark.parametrize(
    "kind", ["grade_lowered", "licence_revoked", "production_stopped", "closed", "work_restricted"]
)
def test_what_weighs_most_is_not_decided_without_a_hearing_offered_whatever_the_notice_says(
    kind: str,
) -> None:
    """处罚法 63: the notice itself may be silent on it."""
    made = plain()
    made.step(DECISION).facts["penalty_kind"] = kind
    assert ("hearing_rights", "63") in told(asked(made))
    made.step(DECISION).facts["penalty_kind"] = "warning"
    assert asked(made) == []


def test_on_the_spot_nothing_but_a_fine_or_a_warning_unless_a_law_is_named() -> None:
    pack = RulePack.from_text(PACKS["summary"])
    made = complete(pack)
    registers = registers_of(("summary", PACKS["summary"]))
    decision = made.step("on_the_spot_decision")
    decision.facts.pop("other_law", None)
    for kind, refused in (("fine", False), ("warning", False), ("licence_revoked", True)):
        decision.facts["penalty_kind"] = kind
        found = told(asked(made, "on_the_spot_decision", registers))
        assert (("on_the_spot_kind", "51") in found) is refused
    decision.facts["other_law"] = "某法第九条"
    assert asked(made, "on_the_spot_decision", registers) == []


def test_nothing_is_demolished_while_the_party_may_still_ask_for_a_remedy() -> None:
    pack = RulePack.from_text(PACKS["coercion"])
    (wait,) = (record for record in pack.records if record.id == "demolition_wait")
    registers = registers_of(("coercion", PACKS["coercion"]))
    made = complete(pack, wait)
    assert asked(made, "coercive_execution_decision", registers) == []
    without = made.without(wait)
    assert told(asked(without, "coercive_execution_decision", registers)) == {
        ("demolition_wait", "44")
    }


def test_a_licence_is_not_served_before_it_is_decided_nor_without_an_opinion() -> None:
    pack = RulePack.from_text(PACKS["licence"])
    registers = registers_of(("licence", PACKS["licence"]))
    made, act = complete(pack), "service_return"
    assert asked(made, act, registers) == []
    for gone in ("licence_decision", "review_opinion"):
        made.steps.remove(made.step(gone))
        assert "licence_decision" in {gap.rule for gap in asked(made, act, registers)}


def test_a_word_that_no_rule_looks_for_switches_no_rule_off() -> None:
    """Urgent, said in Chinese, would ask for no approval made up afterwards."""
    made = full()
    assert asked(made) == []
    made.step("coercive_measure").facts["urgent"] = "是"
    (gap,) = asked(made)
    assert (gap.rule, gap.facts["fact"], gap.facts["said"]) == ("unknown_value", "urgent", "是")


@pytest.mark.parametrize(
    ("name", "decides"),
    [
        ("ordinary", "penalty_decision"),
        ("inspection", "inspection_result"),
        ("licence", "licence_decision"),
    ],
)
def test_no_case_is_closed_before_it_was_decided(name: str, decides: str) -> None:
    """Else one could be filed and buried (压案); a summary decision is its own opening."""
    pack = RulePack.from_text(PACKS[name])
    made = complete(pack)
    kept = {*pack.opening, "case_closing"}
    made.steps[:] = [step for step in made.steps if step.act in kept]
    found = asked(made, "case_closing", registers_of((name, PACKS[name])))
    assert decides in {gap.rule for gap in found}


KINDS: dict[str, tuple[str, str, bool]] = {
    "a fine where a warning was told": ("warning", "fine", True),
    "a fine and confiscation where a fine was told": ("fine", "fine_and_confiscation", True),
    "a licence revoked where it was to be suspended": (
        "licence_suspended",
        "licence_revoked",
        True,
    ),
    "another kind of the same weight": ("criticism", "warning", False),
    "lighter": ("licence_revoked", "fine", False),
    "a kind that has no rank": ("fine", "other", True),
    "told a kind that has no rank": ("other", "fine", True),
    "the same without a rank": ("other", "other", False),
    "told in no word of the law": ("罚款", "detention", True),
}


@pytest.mark.parametrize(("notified", "decided", "shut"), KINDS.values(), ids=KINDS)
def test_nobody_is_punished_in_a_heavier_kind_for_having_spoken(
    notified: str, decided: str, shut: bool
) -> None:
    made = plain()
    made.step("penalty_notice").facts["penalty_kind"] = notified
    made.step(DECISION).facts["penalty_kind"] = decided
    assert (("kind_not_heavier", "9、45") in told(asked(made))) is shut
    _waived(made)
    assert ("kind_not_heavier", "9、45") not in told(asked(made))


def test_a_heavier_kind_told_anew_after_the_party_spoke_wants_new_facts() -> None:
    for more, shut in (({}, True), ({"new_facts": "否"}, True), ({"new_facts": "两次违法"}, False)):
        made = plain()
        made.step("penalty_notice").facts["penalty_kind"] = "warning"
        _renotified({"penalty_kind": "fine", **more})(made)
        made.step(DECISION).facts["penalty_kind"] = "fine"
        assert (("kind_not_heavier", "9、45") in told(asked(made))) is shut


@pytest.mark.parametrize("conclusion", [DECISION, "no_penalty_decision"])
def test_a_second_request_for_recusal_wants_its_own_decision(conclusion: str) -> None:
    made = full()
    first, decided = made.step("recusal_request"), made.step("recusal_decision")
    assert ("recusal_decided_again", "43") not in told(asked(made))
    again, answer = deepcopy(first), deepcopy(decided)
    for n, step in enumerate((again, answer), start=1):
        step.at, step.logged = decided.at + n * 5 * MINUTE, decided.logged + n * 5 * MINUTE
    made.steps.insert(made.steps.index(decided) + 1, again)
    made.step(DECISION).act = conclusion
    assert ("recusal_decided_again", "43") in told(asked(made, conclusion))
    made.steps.insert(made.steps.index(again) + 1, answer)
    assert ("recusal_decided_again", "43") not in told(asked(made, conclusion))


def test_who_was_filmed_by_a_monitor_is_told_of_it_before_the_decision() -> None:
    made = complete(PACK, RECORDS["monitor_told"])
    assert asked(made) == []
    del made.step("monitor_told").facts["inquiry"]
    assert told(asked(made)) == {("monitor_told", "41(三款)")}
    made.steps.remove(made.step("monitor_told"))
    assert told(asked(made)) == {("monitor_told", "41(三款)")}


def test_a_notice_on_the_spot_that_cites_another_benchmark_is_refused_and_none_is_told() -> None:
    pack = RulePack.from_text(PACKS["summary"])
    registers = registers_of(("summary", PACKS["summary"]))
    made, act = complete(pack), "on_the_spot_decision"
    made.step("on_the_spot_notice").facts["benchmark"] = "CG-14-1"
    assert told(asked(made, act, registers)) == {("benchmark_same", "三(六)")}
    del made.step("on_the_spot_notice").facts["benchmark"]
    assert asked(made, act, registers) == []
    found = gaps(made.file(), registers, WEEKDAYS)
    assert [(gap.rule, gap.level) for gap in found] == [("notice_benchmark", "notice")]
