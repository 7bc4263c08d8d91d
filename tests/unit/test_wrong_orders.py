"""Every wrong order of every pack: filed behind its conclusion, what this waits for refuses it.

Beside `test_gates.py`, where nineteen of them are written out with the article that must be named.
"""

from copy import deepcopy

import pytest

from ledger.evidence.due import Calendar
from ledger.process.judging.gates import refusals
from ledger.process.rules.rulepack import Conclusion, Level, Record, RulePack
from testkit.proceeding import Proceeding, complete, registers_of
from testkit.rulepacks import PACKS

READ = {name: RulePack.from_text(text) for name, text in PACKS.items()}
REGISTERS = {name: registers_of((name, text)) for name, text in PACKS.items()}
WAITS = [
    (pack, record, act)
    for pack in READ.values()
    for record in pack.records
    for act in record.before
    if record.level is not Level.NOTICE and pack.conclusion(act) is not None
]


def whole(pack: RulePack, record: Record, conclusion: str) -> Proceeding:
    """A case in which the record applies, up to this conclusion; it ends in no other way."""
    made = complete(pack, record)
    if not made.stands(conclusion):
        if pack.conclusion(conclusion) is Conclusion.DECIDE:
            others = pack.concluding(Conclusion.DECIDE)
            made.steps = [step for step in made.steps if step.act not in others]
        made.add(conclusion)
        while sum(made.meet(one) for one in pack.records if made.applies(one)):
            pass
    return made.ordered()


@pytest.mark.parametrize(
    ("pack", "record", "conclusion"),
    WAITS,
    ids=[f"{pack.pack}-{record.id}-{act}" for pack, record, act in WAITS],
)
def test_a_conclusion_before_what_it_waits_for_is_refused_by_article(
    pack: RulePack, record: Record, conclusion: str
) -> None:
    made, registers = whole(pack, record, conclusion), REGISTERS[pack.pack]
    assert refusals(*made.before(conclusion), registers, Calendar()) == []
    early = deepcopy(made)
    early.steps = [step for step in early.steps if step.act not in record.acts]
    assert len(early.steps) < len(made.steps) and early.stands(conclusion)
    found = refusals(*early.before(conclusion), registers, Calendar())
    assert found and all(gap.source and gap.article and gap.cure for gap in found)
    # What was asked of that very act is asked no more where it is not there: another rule refuses.
    assert (record.id in {gap.rule for gap in found}) is early.applies(record)
