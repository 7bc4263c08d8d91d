"""Which acts the door asks about, where rule packs came only while cases were open."""

from copy import deepcopy
from dataclasses import replace

import pytest

from ledger.evidence.statement import Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.judging.door import check_conclusion
from ledger.process.judging.gated import PACK_HINT, Closed, Gated
from ledger.process.registers.registry import Registry
from ledger.process.rules.rulepack import RulePack
from testkit.proceeding import FIRST, Proceeding, complete, registers
from testkit.registers import listed, registered, registry
from testkit.rulepacks import PACKS

TEXT = PACKS["ordinary"]
PACK = RulePack.from_text(TEXT)
DECISION = "penalty_decision"


def asked(made: Proceeding, registers: Registry) -> None:
    case, proposed = made.before(DECISION)

    def case_of(act: Statement) -> CaseFile:
        return case

    check_conclusion(proposed, case_of, registers)


def published_behind_the_opening() -> Registry:
    """The pack stands behind the case's first act in the log, and before its decision."""
    filler = (registered("counsel", f"c{n}", "2026-01-01", kind="counsel") for n in range(FIRST))
    statements = [*registers(), *filler][: FIRST + 2]
    return registry(*statements, listed("rule_pack", "ordinary", TEXT))


def lacking() -> Proceeding:
    made = complete(PACK)
    made.steps.remove(made.step("penalty_notice"))
    return made


def test_a_case_from_before_the_first_pack_is_judged_by_none() -> None:
    packs = published_behind_the_opening()
    proposed = lacking().before(DECISION)[1]
    assert proposed.number > FIRST + 2
    asked(lacking(), packs)


def test_a_case_that_was_opened_under_a_pack_is_held_to_it() -> None:
    with pytest.raises(Gated) as caught:
        asked(lacking(), registry(*registers(("ordinary", TEXT))))
    assert caught.value.reason is Closed.RECORDS
    assert {row["rule"] for row in caught.value.found} == {"right_to_be_heard"}


def test_a_procedure_without_a_pack_is_no_way_round_those_that_there_are() -> None:
    made = complete(PACK)
    for step in made.steps:
        step.procedure = "invented"
    with pytest.raises(Gated) as caught:
        asked(made, registry(*registers(("ordinary", TEXT))))
    assert caught.value.reason is Closed.PACK
    # Nor is it in a case that was opened before, if the procedure is named for the first time now.
    older = complete(PACK)
    older.step(DECISION).procedure = "invented"
    with pytest.raises(Gated) as caught:
        asked(older, published_behind_the_opening())
    assert caught.value.reason is Closed.PACK


def test_a_case_from_before_the_pack_of_its_procedure_is_judged_once_it_is_opened_anew() -> None:
    """An agency publishes one pack after the other: its open cases could never be concluded."""
    statements = [*registers(("summary", PACKS["summary"]))]
    filler = (registered("counsel", f"c{n}", "2026-01-01", kind="counsel") for n in range(FIRST))
    packs = registry(*[*statements, *filler][: FIRST + 2], listed("rule_pack", "ordinary", TEXT))
    made = complete(PACK)
    with pytest.raises(Gated) as caught:
        asked(made, packs)
    assert caught.value.reason is Closed.PACK and PACK_HINT in caught.value.hints
    again, decision = deepcopy(made.step("case_filing")), made.step(DECISION)
    again.logged = decision.logged - 1
    made.steps.insert(made.steps.index(decision), again)
    asked(made, packs)
    # From then on it is held to the pack, by all that stands in it.
    made.steps.remove(made.step("penalty_notice"))
    with pytest.raises(Gated) as caught:
        asked(made, packs)
    assert {row["rule"] for row in caught.value.found} == {"right_to_be_heard"}


def test_evidence_and_other_acts_are_not_asked_about() -> None:
    case, _ = complete(PACK).before(DECISION)

    def never(act: Statement) -> CaseFile:
        raise AssertionError("the case was read")

    for one in case.filed:
        if one.act:
            check_conclusion(
                Filed(one.number, one.statement, one.at_ms),
                never,
                registry(*registers(("ordinary", TEXT))),
            )


def test_a_procedure_whose_pack_cannot_be_read_lets_no_closing_through() -> None:
    """Whoever names one in an act of the case would leave every other pack out with it."""
    packs = registry(*registers(("ordinary", TEXT)), listed("rule_pack", "broken", "pack = ["))
    made = complete(PACK)
    made.steps.remove(made.step("service_return"))
    made.steps[3].procedure = "broken"
    case, proposed = made.before("case_closing")
    with pytest.raises(Gated) as caught:
        check_conclusion(proposed, lambda act: case, packs)
    assert caught.value.reason is Closed.UNREADABLE
    # What no gate names passes, whatever the pack.
    case, proposed = made.before(made.steps[5].act)
    check_conclusion(proposed, lambda act: case, packs)


def decided_as(act: str) -> tuple[CaseFile, Filed]:
    made = complete(PACK)
    made.step(DECISION).act = act
    case, proposed = made.before(act)
    staged = dict(proposed.statement.predicate) | {"stage": "decide"}
    said = Statement(proposed.statement.kind, proposed.statement.subjects, staged)
    return case, replace(proposed, statement=said)


def test_a_decision_under_a_name_that_no_pack_knows_is_none() -> None:
    """It would pass by every gate, and be read as what was decided."""
    case, proposed = decided_as("penalty_resolution")
    packs = registry(*registers(("ordinary", TEXT)))
    with pytest.raises(Gated) as caught:
        check_conclusion(proposed, lambda act: case, packs)
    assert caught.value.reason is Closed.ACT


def test_nor_under_one_that_another_agencys_pack_knows() -> None:
    """An order to rectify is an inspector's, and meets no gate there."""
    case, proposed = decided_as("rectification_order")
    theirs = listed("rule_pack", "inspection", PACKS["inspection"], agency="agency-02")
    packs = registry(*registers(("ordinary", TEXT)), theirs)
    with pytest.raises(Gated) as caught:
        check_conclusion(proposed, lambda act: case, packs)
    assert caught.value.reason is Closed.ACT
