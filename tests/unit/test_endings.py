"""A case may end without a penalty (处罚法 57): each way is a conclusion, with records of its own.

And none is a way round: whoever penalises after all must show what every penalty must.
"""

from copy import deepcopy

import pytest

from ledger.encoding import parse_time
from ledger.evidence.due import Calendar
from ledger.process.deadlines.calendar import Days
from ledger.process.deadlines.clocks import State, clocks_of
from ledger.process.judging.gap import Gap
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gates import refusals
from ledger.process.judging.judged import judged
from ledger.process.rules.rulepack import Conclusion, RulePack
from testkit.proceeding import HOUR, Proceeding, Step, complete, registers_of
from testkit.rulepacks import PACKS

TEXT = PACKS["ordinary"]
PACK = RulePack.from_text(TEXT)
RECORDS = {record.id: record for record in PACK.records}
REGISTERS = registers_of(("ordinary", TEXT))
WEEKDAYS = Calendar()
PENALTY = "penalty_decision"
ENDINGS = ("no_penalty_decision", "case_dismissal", "case_referral")
each_ending = pytest.mark.parametrize("ending", ENDINGS)


def ended(ending: str) -> Proceeding:
    return complete(PACK, RECORDS[ending], RECORDS["case_closing"], branch=ENDINGS.index(ending))


def asked(made: Proceeding, act: str) -> list[Gap]:
    return refusals(*made.before(act), REGISTERS, WEEKDAYS)


def rules(found: list[Gap]) -> set[str]:
    return {gap.rule for gap in found}


@each_ending
def test_a_case_ends_and_is_closed_without_a_penalty(ending: str) -> None:
    made = ended(ending)
    assert not made.stands(PENALTY) and not made.stands("penalty_notice")
    assert PACK.conclusion(ending) is Conclusion.DECIDE
    assert asked(made, ending) == []
    assert asked(made, "case_closing") == []
    assert gaps(made.file(), REGISTERS, WEEKDAYS) == []


FENCED = [
    (ending, record.id)
    for ending in ENDINGS
    for record in PACK.records
    if ending in record.before and record.level != "notice" and ended(ending).applies(record)
]


@pytest.mark.parametrize(("ending", "record"), FENCED)
def test_what_must_stand_before_it_is_asked_for(ending: str, record: str) -> None:
    made = ended(ending).without(RECORDS[record])
    assert record in rules(asked(made, ending))


def test_all_endings_are_fenced() -> None:
    by_ending = {
        ending: {record for name, record in FENCED if name == ending} for ending in ENDINGS
    }
    assert {"case_filing", "investigation", "investigation_report"} <= by_ending[ENDINGS[0]]
    assert {"case_filing", "investigation_report"} <= by_ending["case_dismissal"]
    assert {"case_filing", "referral_approval"} <= by_ending["case_referral"]


@each_ending
def test_a_case_that_was_said_to_end_otherwise_is_penalised_by_all_the_rules(ending: str) -> None:
    """The notice, the party's answer, the review of a major case: none is left out that way."""
    whole = complete(PACK, RECORDS["legal_review"], RECORDS["collective_discussion"])
    for lacking in ("right_to_be_heard", "legal_review", "collective_discussion", "investigation"):
        made = whole.without(RECORDS[lacking])
        assert lacking in rules(asked(made, PENALTY))
        other = deepcopy(next(step for step in ended(ending).steps if step.act == ending))
        decision = made.step(PENALTY)
        other.at, other.logged = decision.at - HOUR // 2, decision.logged - HOUR // 2
        made.steps.insert(made.steps.index(decision), other)
        assert lacking in rules(asked(made, PENALTY))


def noticed(ending: str, procedure: str) -> Proceeding:
    """The party was told of a penalty, asked for a hearing, and then there was none."""
    made, heard = ended(ending), complete(PACK, RECORDS["hearing"], RECORDS["hearing_rights"])
    end = made.step(ending)
    for n, act in enumerate(("penalty_notice", "hearing_rights_notice", "hearing_request")):
        step = deepcopy(heard.step(act))
        step.procedure = procedure if act.startswith("hearing") else "ordinary"
        step.at, step.logged = end.at - HOUR // 2 + n, end.at - HOUR // 2 + n
        made.steps.insert(made.steps.index(end), step)
    return made


@pytest.mark.parametrize("procedure", ["ordinary", "hearing"])
@each_ending
def test_nobody_is_owed_a_hearing_about_a_penalty_that_does_not_come(
    ending: str, procedure: str
) -> None:
    registers = registers_of(("ordinary", TEXT), ("hearing", PACKS["hearing"]))
    made = noticed(ending, procedure)
    wanting = {"hearing", "hearing_answer", "hearing_notice", "hearing_appointment"}
    wanting |= {"hearing_announcement", "statement_heard", "heard_after_notice"}
    assert not rules(gaps(made.file(), registers, WEEKDAYS)) & wanting
    assert asked(made, ending) == asked(made, "case_closing") == []
    made.step(ending).act = PENALTY
    made.step(PENALTY).facts = dict(complete(PACK).step(PENALTY).facts)
    found = rules(refusals(*made.before(PENALTY), registers, WEEKDAYS))
    assert {"hearing", "statement_heard"} <= found
    assert ("hearing_appointment" in found) is (procedure == "hearing")


@pytest.mark.parametrize("record", ["site_record", "coercion_list"])
def test_a_referral_waits_for_no_paper_of_a_measure_and_its_closing_does(record: str) -> None:
    """移送规定 6: the police have the case within a day; what was sealed is still accounted for."""
    made = complete(PACK, RECORDS["goods_referred"], RECORDS[record], RECORDS["case_closing"])
    assert asked(made, "case_referral") == asked(made, "case_closing") == []
    without = made.without(RECORDS[record])
    assert asked(without, "case_referral") == []
    assert rules(asked(without, "case_closing")) == {record}


def test_without_any_ending_no_case_is_closed() -> None:
    made = ended("case_dismissal")
    made.steps = [step for step in made.steps if step.act != "case_dismissal"]
    assert "penalty_decision" in rules(asked(made, "case_closing"))


@each_ending
def test_what_it_must_state_it_states_or_is_refused(ending: str) -> None:
    for fact in RECORDS[ending].facts:
        made = ended(ending)
        del made.step(ending).facts[fact]
        (gap,) = asked(made, ending)
        assert (gap.rule, gap.facts["missing"]) == (ending, fact)


def test_no_penalty_for_want_of_fault_needs_the_party_s_proof_and_its_receipt() -> None:
    made = complete(PACK, RECORDS["no_fault_evidence"])
    assert asked(made, "no_penalty_decision") == []
    without = made.without(RECORDS["no_fault_evidence"])
    (gap,) = asked(without, "no_penalty_decision")
    assert (gap.rule, gap.article) == ("no_fault_evidence", "33(二款)")
    without.step("no_penalty_decision").facts["ground"] = "minor"
    assert asked(without, "no_penalty_decision") == []
    without.step("no_penalty_decision").facts["ground"] = "no_fault"
    assert rules(asked(without, "no_penalty_decision")) == {"no_fault_evidence"}


def test_who_is_not_penalised_is_instructed_unless_nothing_was_found() -> None:
    made = ended("no_penalty_decision")
    del made.step("no_penalty_decision").facts["educated"]
    assert rules(gaps(made.file(), REGISTERS, WEEKDAYS)) == {"no_penalty_education"}
    made.step("no_penalty_decision").facts["ground"] = "not_established"
    assert gaps(made.file(), REGISTERS, WEEKDAYS) == []


def test_an_item_of_the_lenient_list_that_is_not_in_force_is_refused() -> None:
    made = ended("no_penalty_decision")
    decision = made.step("no_penalty_decision")
    decision.facts |= {"lenient": "MF-1", "lenient_version": "1"}
    assert asked(made, "no_penalty_decision") == []
    decision.facts["lenient"] = "MF-9"
    assert rules(asked(made, "no_penalty_decision")) == {"lenient_in_force_no_penalty"}


def test_a_referral_that_the_head_did_not_approve_is_refused() -> None:
    made = ended("case_referral")
    made.step("referral_approval").facts["approved"] = "no"
    assert rules(asked(made, "case_referral")) == {"referral_approved"}


def test_guidance_and_a_talk_of_warning_may_stand_in_a_case_and_are_asked_for_by_nothing() -> None:
    """苏法治办〔2021〕17号 四(一): they tell that milder means were tried first."""
    made = complete(PACK)
    for n, act in enumerate(("guidance", "warning_talk")):
        assert PACK.act(act) is not None
        at = made.steps[0].at - HOUR
        made.steps.insert(n, Step(act, procedure="ordinary", at=at, logged=at + HOUR // 2))
    assert gaps(made.file(), REGISTERS, WEEKDAYS) == []


# --- clocks -------------------------------------------------------------------------------------


def states(made: Proceeding, now: str) -> dict[str, State]:
    file = made.file()
    (case,) = judged(file, REGISTERS, WEEKDAYS)
    found = clocks_of([PACK], file, case, lambda _: Days(), parse_time(f"{now}T12:00:00+08:00"))
    return {running.clock.id: running.state for running in found}


@each_ending
def test_the_ninety_days_end_with_each_of_the_four(ending: str) -> None:
    made = ended(ending)
    assert states(made, "2027-03-01")["decision"] is State.MET
    made.steps = [step for step in made.steps if step.act not in (ending, "case_closing")]
    assert states(made, "2027-03-01")["decision"] is State.OVERDUE


def test_the_police_have_an_approved_case_within_a_day() -> None:
    made = complete(PACK, RECORDS["referral_report"])
    assert states(made, "2027-03-01")["referral"] is State.MET
    late = made.step("case_referral")
    late.at += 25 * HOUR
    late.logged += 25 * HOUR
    assert states(made, "2027-03-01")["referral"] is State.LATE
    made.step("referral_approval").facts["approved"] = "no"
    assert "referral" not in states(made, "2027-03-01")


def test_three_days_to_decide_on_a_referral_and_they_are_no_working_days() -> None:
    made = complete(PACK, RECORDS["referral_report"])
    report, approval = made.step("referral_report"), made.step("referral_approval")
    for days, state in ((3, State.MET), (5, State.LATE)):
        approval.at = report.at + days * 24 * HOUR
        approval.logged = approval.ends
        assert states(made, "2027-03-01")["referral_approval"] is state
