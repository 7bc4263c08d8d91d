"""Whatever becomes of a case: gaps and gates are found without a fault, and say the same.

A gate that is asked before a decision refuses for exactly those records that a reader of the log
finds missing, in the wrong order or wanting once the decision stands there all the same.
"""

from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.evidence.due import Calendar
from ledger.process.judging.gap import GapKind
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gates import refusals
from ledger.process.rules.rulepack import Level, RulePack
from testkit.proceeding import DAY, HOUR, Proceeding, complete, registers_of
from testkit.rulepacks import PACKS

PACK = RulePack.from_text(PACKS["ordinary"])
RECORDS = {record.id: record for record in PACK.records}
REGISTERS = registers_of(("ordinary", PACKS["ordinary"]))
DECISION = "penalty_decision"
GATING = {r.id for r in PACK.records if DECISION in r.before and r.level is not Level.NOTICE}
FULL = complete(
    PACK,
    *(RECORDS[name] for name in ("hearing", "make_up_approval", "collective_discussion")),
    *(RECORDS[name] for name in ("recusal_decision", "registration_disposition", "device_review")),
)


@st.composite
def spoiled(draw: st.DrawFn) -> Proceeding:
    """Acts are left out, moved in the log, dated otherwise, and state other things."""
    made = deepcopy(FULL)
    steps = [step for step in made.steps if step.act != DECISION]
    for step in draw(st.lists(st.sampled_from(steps), max_size=6)):
        match draw(st.sampled_from(("remove", "log", "date", "state", "crew"))):
            case "remove":
                made.steps = [one for one in made.steps if one is not step]
            case "log":
                step.logged += draw(st.integers(-100, 100)) * DAY
            case "date":
                step.at += draw(st.integers(-100, 100)) * HOUR
            case "state":
                said = draw(
                    st.sampled_from(("", " ", "yes", "no", "fail", "-1", "五千元", "9" * 40))
                )
                step.facts |= dict.fromkeys(step.facts, said)
            case "crew":
                step.officers = draw(st.lists(st.text("x019", min_size=1), unique=True, max_size=3))
    return made


@given(spoiled())
@settings(max_examples=30, deadline=None)
def test_a_gate_refuses_for_what_a_reader_of_the_log_finds(made: Proceeding) -> None:
    case, proposed = made.before(DECISION)
    refused = refusals(case, proposed, REGISTERS, Calendar())
    found = gaps(case.with_filed(proposed), REGISTERS, Calendar())
    assert {gap.rule for gap in refused if gap.rule in GATING} == {
        gap.rule for gap in found if gap.rule in GATING and gap.kind is not GapKind.LATE
    }
    # What refuses is among the gaps that anybody finds, word for word.
    assert [gap for gap in refused if gap not in found] == []
