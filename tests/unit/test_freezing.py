"""Freezing of deposits (强制法 29 to 33): what a case lacks that has nothing but a freezing."""

import pytest

from ledger.evidence.due import Calendar
from ledger.process.judging.gap import Gap
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gates import refusals
from ledger.process.rules.rulepack import RulePack
from testkit.proceeding import Proceeding, Step, registers_of, value_of
from testkit.rulepacks import PACKS

PACK = RulePack.from_text(PACKS["coercion"])
REGISTERS = registers_of(("coercion", PACKS["coercion"]))
STEPS = (
    "freezing_approval",
    "freezing",
    "freezing_record",
    "freezing_notice",
    "freezing_decision",
    "freezing_lifting",
    "freezing_lifting_told",
    "case_closing",
)


def frozen(**said: str) -> Proceeding:
    """In order and complete; nothing else was done in the case."""
    made = Proceeding(PACK)
    for act in STEPS:
        step = Step(act, procedure="coercion")
        for record in PACK.records:
            if act in record.acts and (act, record.id) != ("freezing_record", "freezing_show_id"):
                step.facts |= {fact: value_of(PACK, act, fact) for fact in record.facts}
        made.steps.append(step)
    made.step("freezing").facts |= {"urgent": "no"} | said
    made.step("freezing_record").facts["show_id"] = "出示两证"
    return made.ordered()


def found(made: Proceeding) -> list[Gap]:
    return gaps(made.file(), REGISTERS, Calendar())


def test_a_case_of_nothing_but_a_freezing_is_complete_and_closes() -> None:
    assert found(frozen()) == []
    assert refusals(*frozen().before("case_closing"), REGISTERS, Calendar()) == []


@pytest.mark.parametrize(
    ("act", "rule", "article", "sickness"),
    [
        ("freezing_approval", "freezing_approval", "18(一)、30", "procedure"),
        ("freezing_record", "freezing_record", "18(七)、30", "procedure"),
        ("freezing_notice", "freezing_notice", "30", "procedure"),
        ("freezing_decision", "freezing_decision", "31", "procedure"),
        ("freezing_lifting", "freezing_outcome", "32、33", "procedure"),
        ("freezing_lifting_told", "freezing_lifting_told", "33", "procedure"),
        ("freezing", "freezing", "29、30", "procedure"),
    ],
)
def test_what_it_lacks_is_told_and_keeps_the_case_open(
    act: str, rule: str, article: str, sickness: str
) -> None:
    made = frozen()
    made.steps.remove(made.step(act))
    told = found(made)
    assert (rule, article, sickness) in {(g.rule, g.article, g.sickness) for g in told}
    shut = refusals(*made.before("case_closing"), REGISTERS, Calendar())
    assert rule in {gap.rule for gap in shut}


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"authority": ""}, "freezing_authority"),
        ({"amount": "100.01"}, "freezing_amount"),
        ({"amount": "100"}, ""),
        ({"amount": "99.99"}, ""),
        ({"amount": "一百万"}, "freezing_amount"),
        ({"involved": "很多"}, "freezing_amount"),
        ({"frozen_already": "yes"}, "frozen_once"),
        ({"urgent": "yes"}, "freezing_make_up_approval"),
    ],
)
def test_who_may_how_much_and_not_twice(said: dict[str, str], rule: str) -> None:
    told = {gap.rule for gap in found(frozen(**said))} - {"unknown_value"}
    assert told == ({rule} if rule else set())


def test_nobody_freezes_for_another_agency_and_no_auxiliary_alone() -> None:
    made = frozen()
    made.step("freezing").officers = ["320501-0001"]
    assert {gap.rule for gap in found(made)} == {"crew_short"}


def test_an_unfrozen_case_is_asked_for_nothing_of_it() -> None:
    made = Proceeding(PACK, [Step("demand_notice", procedure="coercion")]).ordered()
    assert not any("freez" in gap.rule or "frozen" in gap.rule for gap in found(made))


def test_a_recording_that_stands_in_for_the_record_of_a_freezing_wants_its_time_codes() -> None:
    made = frozen()
    made.step("freezing_record").facts["medium"] = "recording"
    (gap,) = found(made)
    assert (gap.rule, gap.what) == ("timecodes", "no_timecodes")
    assert [gap.rule for gap in refusals(*made.before("case_closing"), REGISTERS, Calendar())] == [
        "timecodes"
    ]
