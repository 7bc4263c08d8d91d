"""An act under a name that no pack knows, and of no stage, is no conclusion: it counts as none.

The door lets it pass, since evidence is never refused; so nothing may take it for a decision, a
service or a closing, whatever it is called.
"""

from copy import deepcopy

import pytest

from ledger.evidence.due import Calendar
from ledger.evidence.statement import Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.calendar import Days, registered_days
from ledger.process.deadlines.clocks import Running, clocks_of
from ledger.process.judging.door import check_conclusion
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gated import Gated
from ledger.process.judging.judged import Judged, judged
from ledger.process.reports.publications import publication_line
from ledger.process.reports.statistics import Tally
from ledger.process.reports.views import case_register, concludes
from ledger.process.rules.rulepack import RulePack
from testkit.proceeding import DAY, Proceeding, Step, complete, registers_of
from testkit.rulepacks import PACKS

READ = {name: RulePack.from_text(text) for name, text in PACKS.items()}
REGISTERS = registers_of(*PACKS.items())
WEEKDAYS = Calendar()
NAMES = ["other_decision", "penalty_decision_2", "decision", "served", "case_closed", "result"]
FACTS = {"amount": "90000", "penalty_kind": "fine", "social_impact": "yes", "major": "yes"}


def undecided() -> Proceeding:
    """All that stands before the decision of an ordinary case."""
    made = complete(READ["ordinary"])
    made.steps = made.steps[: made.steps.index(made.step("penalty_decision"))]
    return made


def with_act(name: str) -> tuple[CaseFile, Filed]:
    """And then this one, that states what decisions state."""
    made = undecided()
    last = made.steps[-1]
    step = Step(name, dict(FACTS), procedure="ordinary", at=last.at + DAY, logged=last.logged + DAY)
    made.steps.append(step)
    file = made.file()
    act = file.acts(name)[-1]
    return file, act


def clocks(file: CaseFile) -> list[Running]:
    cases = judged(file, REGISTERS, WEEKDAYS)
    after = Judged(file, READ["after"], file.filed[0], REGISTERS, WEEKDAYS)

    def days(number: int | None) -> Days:
        return registered_days(REGISTERS, file.agency, 10**6, file.filed[-1].day)

    packs = [*(one.pack for one in cases), after.pack]
    return clocks_of(packs, file, after, days, file.filed[-1].at_ms)


@pytest.mark.parametrize("name", NAMES)
def test_it_passes_the_door_and_is_told(name: str) -> None:
    file, act = with_act(name)
    assert act.statement.stage is None
    before = CaseFile(file.case, file.agency, file.filed[:-1])
    check_conclusion(act, lambda _: before, REGISTERS)
    assert ("unknown_act", act.number) in {
        (gap.rule, gap.place) for gap in gaps(file, REGISTERS, WEEKDAYS)
    }


@pytest.mark.parametrize("name", NAMES)
def test_it_is_no_fence_and_no_line_of_the_register_decides_serves_or_closes(name: str) -> None:
    file, act = with_act(name)
    assert not act.statement.is_decision  # the fence of a packet, and what it may not withhold
    assert concludes(act.statement) == ""
    (line,) = case_register((one.number, one.statement) for one in file.acts())
    assert (line.decided, line.decision, line.amount) == (None, "", "")
    assert (line.served, line.closed) == (None, None)


@pytest.mark.parametrize("name", NAMES)
def test_it_starts_and_stops_no_clock_and_is_not_published(name: str) -> None:
    file, _ = with_act(name)
    before = CaseFile(file.case, file.agency, file.filed[:-1])

    def ends(of: CaseFile) -> list[tuple[str, object, object]]:
        return [(one.clock.id, one.started, one.stopped) for one in clocks(of)]

    assert ends(file) == ends(before)
    assert publication_line(clocks(file)) is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("conclusion", ["service_return", "case_closing"])
def test_it_opens_no_gate(name: str, conclusion: str) -> None:
    whole = complete(READ["ordinary"])
    made = undecided()
    last = made.steps[-1]
    made.steps.append(Step(name, dict(FACTS), procedure="ordinary", at=last.at + DAY))
    made.steps[-1].logged = last.logged + DAY
    step = deepcopy(whole.step(conclusion))
    step.at, step.logged = last.at + 2 * DAY, last.logged + 2 * DAY
    made.steps.append(step)
    file, proposed = made.before(conclusion)
    with pytest.raises(Gated) as caught:
        check_conclusion(proposed, lambda _: file, REGISTERS)
    assert "penalty_decision" in {row["rule"] for row in caught.value.found}


@pytest.mark.parametrize("name", NAMES)
def test_in_the_statistics_it_is_a_row_of_its_own(name: str) -> None:
    file, _ = with_act(name)

    def counted(acts: tuple[Filed, ...]) -> dict[str, dict[str, str]]:
        tally = Tally(2026)
        for one in acts:
            tally.add(one.statement)
        (rows,) = tally.numbers().procedures.values()
        return {act: count.to_json(act) for act, count in rows.items()}

    with_it, without = counted(file.acts()), counted(file.acts()[:-1])
    row = with_it.pop(name)
    assert with_it == without and (row["acts"], row["amount"]) == ("1", "90000.00")


@pytest.mark.parametrize("act", ["sampling_result", "hearing", "publication"])
def test_an_act_that_a_pack_knows_decides_nothing_under_the_stage_of_deciding(act: str) -> None:
    file, one = with_act(act)
    said = one.statement
    staged = Statement(said.kind, said.subjects, {**said.predicate, "stage": "decide"})
    before = CaseFile(file.case, file.agency, file.filed[:-1])
    check_conclusion(Filed(one.number, staged, one.at_ms), lambda _: before, REGISTERS)
    assert not staged.is_decision and concludes(staged) == ""


def test_with_the_stage_of_deciding_it_is_refused() -> None:
    file, act = with_act("other_decision")
    predicate = {**act.statement.predicate, "stage": "decide"}
    said = Statement(act.statement.kind, act.statement.subjects, predicate)
    before = CaseFile(file.case, file.agency, file.filed[:-1])
    with pytest.raises(Gated):
        check_conclusion(Filed(act.number, said, act.at_ms), lambda _: before, REGISTERS)
