"""Ways round the gates of the shipped packs, all of them in force: each conclusion is refused.

The cases are made from the packs, as in `test_gates`, and brought to the door as a whole: an act
chooses its name, its procedure, its stage, its dates, and what it states.
"""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from ledger.encoding import format_time
from ledger.evidence.due import Calendar
from ledger.evidence.statement import Statement
from ledger.process.judging.door import check_conclusion
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gated import Closed, Gated
from ledger.process.rules.rulepack import RulePack
from testkit.case import AGENCY
from testkit.proceeding import (
    BEGINS,
    DAY,
    HOUR,
    INVESTIGATORS,
    MINUTE,
    Proceeding,
    Step,
    complete,
    registers,
    registers_of,
)
from testkit.registers import registered, registry
from testkit.rulepacks import PACKS

READ = {name: RulePack.from_text(text) for name, text in PACKS.items()}
REGISTERS = registers_of(*PACKS.items())
DECISION, CLOSING = "penalty_decision", "case_closing"
FUTURE = {"from": "2999-01-01T00:00:00+08:00", "to": "2999-01-01T00:00:00+08:00"}


def case(pack: str, *records: str) -> Proceeding:
    named = {record.id: record for record in READ[pack].records}
    return complete(READ[pack], *(named[record] for record in records))


def bare(procedure: str, *acts: str) -> Proceeding:
    """These acts and nothing else, all of one procedure."""
    made = Proceeding(READ["ordinary"])
    for n, act in enumerate(acts):
        step = Step(act, procedure=procedure, at=BEGINS + n * HOUR, officers=list(INVESTIGATORS))
        step.logged = step.ends + MINUTE
        made.steps.append(step)
    return made


def first(made: Proceeding, act: str, procedure: str = "") -> Proceeding:
    """The same, with this act before all others."""
    step = made.step(act)
    made.steps.remove(step)
    step.procedure = procedure or step.procedure
    step.at, step.logged = BEGINS - DAY, BEGINS - DAY + HOUR
    made.steps.insert(0, step)
    return made


def asked(made: Proceeding, act: str, without: str = "", **more: Any) -> Gated | None:
    """The answer of the door to an act that says this of itself."""
    file, proposed = made.before(act)
    predicate = {**proposed.statement.predicate, **more}
    predicate.pop(without, None)
    said = Statement(proposed.statement.kind, proposed.statement.subjects, predicate)
    try:
        check_conclusion(replace(proposed, statement=said), lambda _: file, REGISTERS)
    except Gated as refused:
        return refused
    return None


def rules(refused: Gated | None) -> set[str]:
    assert refused is not None and refused.reason is Closed.RECORDS
    return {row["rule"] for row in refused.found}


# --- another procedure ---------------------------------------------------------------------------

ELSEWHERE = {
    "coercion": "coercive_measure",
    "summary": "on_the_spot_notice",
    "inspection": "inspection_plan",
    "licence": "application",
    "after": "complaint",
}


@pytest.mark.parametrize("stage", ["", "review", "decide"])
@pytest.mark.parametrize(("procedure", "opening"), ELSEWHERE.items())
def test_the_procedure_of_a_pack_without_that_gate_lets_no_decision_through(
    procedure: str, opening: str, stage: str
) -> None:
    made = bare(procedure, opening, DECISION)
    said = {"stage": stage} if stage else {"without": "stage"}
    refused = asked(made, DECISION, **said)
    assert refused is not None and refused.reason is Closed.ACT


def test_nor_a_closing() -> None:
    refused = asked(bare("after", "complaint", CLOSING), CLOSING)
    assert refused is not None and refused.reason is Closed.ACT


def test_a_service_that_is_no_conclusion_of_its_own_pack_passes() -> None:
    assert asked(bare("coercion", "demand_notice", "service_return"), "service_return") is None


def test_a_service_before_its_decision_closes_no_case_whatever_its_procedure() -> None:
    made = first(case("ordinary"), "service_return", "coercion")
    demand = bare("coercion", "demand_notice", "performance").steps
    for step in demand:
        step.at, step.logged = step.at - 2 * DAY, step.logged - 2 * DAY
    made.steps[:0] = demand
    assert asked(made, DECISION) is None
    assert rules(asked(made, CLOSING)) == {DECISION}
    # Served once more, it is closed.
    again = case("ordinary").step("service_return")
    made.steps.insert(made.steps.index(made.step(CLOSING)), again)
    assert asked(made, CLOSING) is None


def test_what_is_decided_anew_is_served_anew() -> None:
    made = case("ordinary")
    closing, service = made.step(CLOSING), made.step("service_return")
    again = deepcopy(made.step(DECISION))
    again.at, again.logged = closing.at - 40 * MINUTE, closing.logged - 2
    made.steps.insert(made.steps.index(closing), again)
    assert rules(asked(made, CLOSING)) == {DECISION}
    # And an operator who lets it pass all the same is told of by whoever counts.
    (gap,) = gaps(made.file(), REGISTERS, Calendar())
    assert (gap.rule, gap.kind, gap.facts["before"]) == (DECISION, "wrong_order", "service_return")
    anew = deepcopy(service)
    anew.at, anew.logged = closing.at - 20 * MINUTE, closing.logged - 1
    made.steps.insert(made.steps.index(closing), anew)
    assert asked(made, CLOSING) is None and gaps(made.file(), REGISTERS, Calendar()) == []


def test_what_was_served_on_the_spot_before_it_was_decided_closes_nothing() -> None:
    assert asked(case("summary"), CLOSING) is None
    made = first(case("summary"), "service_return")
    assert rules(asked(made, CLOSING)) == {"on_the_spot_decision"}


def test_a_case_of_the_ordinary_procedure_is_not_closed_by_a_decision_on_the_spot() -> None:
    made = case("summary")
    made.steps[:0] = bare("ordinary", "case_filing").steps
    made.steps[0].at, made.steps[0].logged = BEGINS - DAY, BEGINS - DAY + HOUR
    assert DECISION in rules(asked(made, CLOSING))


@pytest.mark.parametrize("procedure", ["ordinary", "coercion", "invented"])
def test_a_word_that_no_rule_looks_for_opens_nothing_under_any_procedure(procedure: str) -> None:
    made = case("ordinary", "make_up_approval")
    made.steps.remove(made.step("make_up_approval"))
    assert rules(asked(made, DECISION)) == {"make_up_approval"}
    measure = made.step("coercive_measure")
    measure.facts["urgent"], measure.procedure = "是", procedure
    assert "unknown_value" in rules(asked(made, DECISION))


# --- another stage, another day ------------------------------------------------------------------


@pytest.mark.parametrize("act", [DECISION, "service_return", CLOSING])
def test_a_conclusion_says_its_own_stage(act: str) -> None:
    """A packet finds decisions by their stage: what is decided under another has no fence."""
    made = case("ordinary")
    assert asked(made, act) is None
    assert rules(asked(made, act, stage="investigate")) == {"stage"}
    assert rules(asked(made, act, without="stage")) == {"no_stage"}


@pytest.mark.parametrize("act", [DECISION, "service_return", CLOSING])
def test_a_conclusion_is_not_dated_ahead_of_the_log(act: str) -> None:
    assert rules(asked(case("ordinary"), act, occurred=FUTURE)) == {"not_yet_occurred"}


def test_what_has_not_happened_yet_stands_before_nothing() -> None:
    """A hearing in ten days, logged today, so that its notice would be early enough."""
    made = case("ordinary", "hearing")
    made.step("hearing").at += 3650 * DAY
    assert "hearing" in rules(asked(made, DECISION))


# --- asked for, waived, made up ------------------------------------------------------------------


def test_a_hearing_that_is_asked_for_after_it_was_waived_is_held() -> None:
    made = case("ordinary", "hearing")
    kept = ("hearing", "hearing_minutes", "hearing_notice")
    made.steps = [step for step in made.steps if step.act not in kept]
    request = made.step("hearing_request")
    waiver = deepcopy(request)
    waiver.act = "hearing_waiver"
    made.steps.insert(made.steps.index(request), waiver)
    assert "hearing" in rules(asked(made, DECISION))
    # The other way round the party has given it up, or did not come.
    made.steps.remove(waiver)
    made.steps.insert(made.steps.index(request) + 1, waiver)
    assert "hearing" not in {row["rule"] for row in (asked(made, DECISION) or empty()).found}


def empty() -> Gated:
    return Gated("nothing", Closed.RECORDS)


def test_whoever_is_notified_anew_is_heard_anew() -> None:
    """A waiver of one hundred yuan is none of nine hundred."""
    made = case("ordinary")
    notice, decision = made.step("penalty_notice"), made.step(DECISION)
    again = deepcopy(notice)
    again.facts |= {"amount": "900", "new_facts": "两次违法"}
    again.at, again.logged = decision.at - 40 * MINUTE, decision.logged - 2
    made.steps.insert(made.steps.index(decision), again)
    decision.facts["amount"] = "900"
    assert rules(asked(made, DECISION)) == {"heard_after_notice"}
    heard = next(s for s in made.steps if s.act in ("statement_and_defence", "statement_waiver"))
    anew = deepcopy(heard)
    anew.at, anew.logged = decision.at - 20 * MINUTE, decision.logged - 1
    made.steps.insert(made.steps.index(decision), anew)
    assert asked(made, DECISION) is None


@pytest.mark.parametrize(("days", "shut"), [(1, False), (2, True), (40, True)])
def test_an_approval_that_the_log_has_only_weeks_later_was_not_in_time(
    days: int, shut: bool
) -> None:
    """It is dated within the 24 hours, which is its filer's word (强制法 19)."""
    made = case("ordinary", "make_up_approval")
    approval, measure = made.step("make_up_approval"), made.step("coercive_measure")
    assert approval.at - measure.at < 24 * HOUR
    approval.logged = measure.at + days * DAY + 2 * HOUR
    for step in made.steps[made.steps.index(approval) + 1 :]:
        step.at += days * DAY
        step.logged += days * DAY
    refused = asked(made, DECISION)
    assert (rules(refused) == {"unapproved_lifted"}) if shut else (refused is None)
    told = [gap.what for gap in gaps(made.file(), REGISTERS, Calendar())]
    assert ("approval_unproven" in told) is shut
    # Lifted, the case is decided; that the approval was late stays told.
    lifted = Step("lifting", procedure="ordinary", officers=list(INVESTIGATORS))
    decision = made.step(DECISION)
    lifted.at, lifted.logged = decision.at - 30 * MINUTE, decision.logged - 1
    made.steps.insert(made.steps.index(decision), lifted)
    assert asked(made, DECISION) is None


@pytest.mark.parametrize(
    ("act", "until", "rule"),
    [
        ("hearing_notice", "hearing", "hearing_notice_ahead"),
        ("make_up_approval", DECISION, "unapproved_lifted"),
    ],
)
def test_what_says_that_it_took_long_was_done_at_its_end(act: str, until: str, rule: str) -> None:
    """Else one that is back-dated is not even late, for it ends when it is logged."""
    made = case("ordinary", "hearing", "make_up_approval")
    assert asked(made, DECISION) is None
    file, proposed = made.before(DECISION)
    (one,) = file.acts(act)
    ends = format_time(made.step(until).at)
    predicate = dict(one.statement.predicate)
    predicate["occurred"] = {**predicate["occurred"], "to": ends}
    said = Statement(one.statement.kind, one.statement.subjects, predicate)
    filed = [replace(f, statement=said) if f is one else f for f in file.filed]
    with pytest.raises(Gated) as caught:
        check_conclusion(proposed, lambda _: replace(file, filed=tuple(filed)), REGISTERS)
    assert rule in rules(caught.value)


def test_a_measure_that_was_lifted_earlier_lifts_no_later_one() -> None:
    made = case("ordinary", "make_up_approval")
    for step in made.steps[made.steps.index(made.step("make_up_approval")) :]:
        step.at += 30 * HOUR
        step.logged += 30 * HOUR
    assert rules(asked(made, DECISION)) == {"unapproved_lifted"}
    made.steps[:0] = bare("ordinary", "lifting").steps
    made.steps[0].at, made.steps[0].logged = BEGINS - DAY, BEGINS - DAY + HOUR
    assert rules(asked(made, DECISION)) == {"unapproved_lifted"}


# --- a coercive case ends with something ---------------------------------------------------------


def test_a_coercive_case_in_which_nothing_was_done_is_not_closed() -> None:
    made = bare("coercion", "coercion_approval", CLOSING)
    assert rules(asked(made, CLOSING)) == {"coercive_measure"}
    made.steps[1:1] = bare("coercion", "coercion_not_taken").steps
    made.steps[1].logged = made.steps[2].logged - 1
    assert asked(made, CLOSING) is None


def test_nor_one_whose_demand_had_no_outcome() -> None:
    for outcome in ("performance", "payment", "execution_ended"):
        made = bare("coercion", "demand_notice", outcome, CLOSING)
        made.step("demand_notice").facts = dict.fromkeys(("due", "manner", "rights"), "stated")
        assert asked(made, CLOSING) is None
        made.steps.remove(made.step(outcome))
        assert rules(asked(made, CLOSING)) == {"execution_outcome"}


# --- who acts ------------------------------------------------------------------------------------


def test_a_legal_reviewer_of_another_agency_is_none() -> None:
    made = case("ordinary", "legal_review")
    made.step("legal_review").officers = ["320501-7777"]
    assert rules(asked(made, DECISION)) == {"officer_unqualified"}


def test_a_reviewer_whom_another_agency_has_registered_is_none_and_one_above_is() -> None:
    made = case("ordinary", "legal_review")
    without = [s for s in registers(*PACKS.items()) if s.predicate["register"] != "legal_reviewer"]
    street = registered("agency", AGENCY, "2020-01-01", announced="2020-01-01", parent="city")
    for agency, lacks in (("city", False), ("agency-99", True)):
        reviewer = registered(
            *("legal_reviewer", "R-1", "2026-01-01"),
            agency=agency,
            officer=made.step("legal_review").officers[0],
            qualified="yes",
        )
        found = gaps(made.file(), registry(*without, street, reviewer), Calendar())
        assert ("reviewer_unregistered" in {gap.what for gap in found}) is lacks


@pytest.mark.parametrize("amount", ["五千", "-1", "1e3", "１００", "0x10", "", "100 "])
def test_an_amount_that_is_none_is_more_than_any(amount: str) -> None:
    made = case("summary")
    made.step("on_the_spot_decision").facts["amount"] = amount
    refused = rules(asked(made, "on_the_spot_decision"))
    assert refused & {"cap_organisation", "cap_person"}


# --- who did it, under another name ---------------------------------------------------------------


@pytest.mark.parametrize("procedure", ["ordinary", "ordinry", "summary", "coercion"])
@pytest.mark.parametrize("officers", [[], ["320501-0009"]], ids=["nobody", "unqualified"])
def test_who_may_not_do_it_is_told_whatever_procedure_the_act_names(
    procedure: str, officers: list[str]
) -> None:
    """A misspelt one, one that nothing else of the case names, one whose pack has no such act: the
    gate refuses it, and whoever recounts the gaps offline sees why."""
    made = case("ordinary", "investigation")
    record = next(
        step for step in made.steps if step.act in ("inspection_record", "questioning_record")
    )
    record.procedure, record.officers = procedure, officers
    if procedure == "coercion":
        made.steps += bare("coercion", "demand_notice").steps
    told = [gap.rule for gap in gaps(made.file(), REGISTERS, Calendar()) if gap.what == "crew"]
    assert "crew_short" in told
    assert len(told) == len(set(told))
    assert rules(asked(made, DECISION)) >= set(told)


@pytest.mark.parametrize("procedure", ["ordinary", "ordinry"])
def test_how_late_it_is_is_told_whatever_procedure_the_act_names(procedure: str) -> None:
    made = case("ordinary")
    made.step("clue").procedure, made.step("clue").at = procedure, BEGINS - 400 * DAY
    told = [gap for gap in gaps(made.file(), REGISTERS, Calendar()) if gap.what == "late"]
    assert [gap.rule for gap in told] == ["clue"]


def test_of_the_packs_that_know_it_the_one_that_it_names_tells_it() -> None:
    made = case("ordinary")
    made.steps += bare("coercion", "demand_notice").steps
    step = made.step("case_closing")
    for procedure in ("ordinary", "coercion"):
        step.procedure, step.at = procedure, BEGINS - 400 * DAY
        told = [gap for gap in gaps(made.file(), REGISTERS, Calendar()) if gap.what == "late"]
        of_it = [gap.pack for gap in told if gap.place == made.file().acts(step.act)[0].number]
        assert of_it == [procedure]
