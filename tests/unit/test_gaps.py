"""Of every record of every pack: without it exactly that gap, filed late exactly one late record.

The cases are made from the packs themselves (`testkit.proceeding`), so that a pack which comes
later is tested as these are.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ledger.errors import Malformed
from ledger.evidence.due import Calendar
from ledger.process.judging.gap import Gap, GapKind, told_once
from ledger.process.judging.gaps import gaps
from ledger.process.registers.registry import Registry
from ledger.process.rules.rulepack import Check, Record, RulePack
from testkit.proceeding import DAY, HOUR, Proceeding, complete, registers, registers_of
from testkit.registers import listed, registry
from testkit.rulepacks import PACKS

READ = {name: RulePack.from_text(text) for name, text in PACKS.items()}
WEEKDAYS = Calendar()
REGISTERS = {name: registers_of((name, text)) for name, text in PACKS.items()}
RECORDS = [(pack, record) for pack in READ.values() for record in pack.records]
IDS = [f"{pack.pack}-{record.id}" for pack, record in RECORDS]
each_record = pytest.mark.parametrize(("pack", "record"), RECORDS, ids=IDS)


def found(made: Proceeding) -> list[Gap]:
    return gaps(made.file(), REGISTERS[made.pack.pack], WEEKDAYS)


def told(found: list[Gap]) -> list[tuple[str, str, str]]:
    return [(gap.rule, str(gap.kind), gap.what) for gap in found]


def branches(record: Record) -> Iterator[int]:
    yield from range(max((len(getattr(c, "parts", ())) for c in record.when), default=1) or 1)


@each_record
def test_a_complete_case_in_which_the_record_applies_has_no_gap(
    pack: RulePack, record: Record
) -> None:
    for branch in branches(record):
        made = complete(pack, record, branch=branch)
        assert made.applies(record)
        assert told(found(made)) == []


@each_record
def test_without_it_there_is_exactly_that_gap_in_its_stage(pack: RulePack, record: Record) -> None:
    made = complete(pack, record).without(record)
    (gap,) = found(made)
    act = pack.act(record.acts[0])
    assert act is not None
    assert (gap.rule, gap.stage, gap.level) == (record.id, act.stage, record.level)
    assert (gap.source, gap.article, gap.cure) == (record.source, record.article, record.cure)
    assert (gap.sickness, gap.pack, gap.version) == (record.sickness, pack.pack, pack.version)
    wanted = GapKind.DEFECT if any(s.act in record.acts for s in made.steps) else GapKind.MISSING
    assert gap.kind is wanted


@each_record
def test_added_late_it_is_one_late_record_with_its_delay(pack: RulePack, record: Record) -> None:
    delay = 400 * DAY + 3 * HOUR
    every = found(complete(pack, record).late(record, delay))
    # An approval within hours that is logged so late is shown by nothing to have been in time.
    (gap,) = (g for g in every if g.what not in ("approval_unproven", "late_upload"))
    wants_reason = [g.kind for g in every if g.what == "late_upload"]
    assert wants_reason == ([GapKind.LATE] if record.recording else [])
    timed = {c.id for c in pack.checks if c.given.get("of") in record.acts and "hours" in c.given}
    rest = {one.rule for one in every} - {record.id, "late_upload"}
    assert rest <= timed and bool(rest) is bool(timed)
    assert (gap.kind, gap.rule) == (GapKind.LATE, record.id)
    assert gap.facts["delay_ms"] == str(delay)


CHECKS = [(pack, check) for pack in READ.values() for check in pack.checks]


@pytest.mark.parametrize(
    ("pack", "check"), CHECKS, ids=[f"{pack.pack}-{check.id}" for pack, check in CHECKS]
)
def test_each_check_is_met_in_a_complete_case_and_can_fail(pack: RulePack, check: Check) -> None:
    made = complete(pack, check)
    assert told(found(made)) == []
    (gap, *more) = (gap for gap in found(made.breaking(check)) if gap.rule == check.id)
    assert more == []
    assert (gap.kind, gap.level, gap.article) == (GapKind.DEFECT, check.level, check.article)
    assert gap.place is not None


@pytest.mark.parametrize(
    ("pack", "record"),
    [(pack, record) for pack, record in RECORDS if record.facts],
    ids=[f"{pack.pack}-{record.id}" for pack, record in RECORDS if record.facts],
)
def test_each_fact_that_is_not_stated_is_named(pack: RulePack, record: Record) -> None:
    for fact in record.facts:
        made = complete(pack, record)
        for step in made.steps:
            if step.act in record.acts:
                step.facts[fact] = " "
        mine = [gap for gap in found(made) if gap.rule == record.id]
        assert [(gap.what, gap.facts["missing"]) for gap in mine] == [("facts", fact)]


def test_a_pack_that_cannot_be_read_hides_nothing_that_the_others_find() -> None:
    ordinary = READ["ordinary"]
    (heard,) = (record for record in ordinary.records if record.id == "right_to_be_heard")
    made = complete(ordinary).without(heard)
    made.steps[3].procedure = "broken"
    packs = ("ordinary", PACKS["ordinary"]), ("broken", "pack = [")
    rows = gaps(made.file(), registers_of(*packs), WEEKDAYS)
    assert {gap.rule for gap in rows} == {"right_to_be_heard", "pack_unreadable"}
    with pytest.raises(Malformed):
        gaps(made.file(), registers_of(("ordinary", "pack = [")), WEEKDAYS)


def test_a_catalogue_that_cannot_be_read_makes_a_decision_major_and_hides_no_gap() -> None:
    ordinary = READ["ordinary"]
    (heard,) = (record for record in ordinary.records if record.id == "right_to_be_heard")
    made = complete(ordinary).without(heard)
    entries = registers(("ordinary", PACKS["ordinary"]))
    plain = gaps(made.file(), registry(*entries), WEEKDAYS)
    assert {gap.rule for gap in plain} == {"right_to_be_heard"}
    broken = registry(*entries, listed("major_decisions", "more", "list = ["))
    rules = {gap.rule for gap in gaps(made.file(), broken, WEEKDAYS)}
    assert rules > {"right_to_be_heard", "legal_review"}


@pytest.mark.parametrize(
    ("act", "fact", "said"),
    [
        ("penalty_decision", "penalty_kind", "罚款"),
        ("penalty_decision", "penalty_kind", "Fine"),
        ("penalty_decision", "social_impact", "是"),
    ],
)
def test_a_word_that_no_rule_understands_is_told(act: str, fact: str, said: str) -> None:
    """Nothing would be asked of a fine that calls itself 罚款, and nobody would see why."""
    made = complete(READ["ordinary"])
    made.step(act).facts[fact] = said
    assert told(found(made)) == [("unknown_value", "defect", "unknown_value")]
    made.step(act).facts[fact] = "no" if fact == "social_impact" else "warning"
    assert told(found(made)) == []


def heard(*packs: tuple[str, str]) -> tuple[Proceeding, Registry]:
    """A hearing that was not recorded, under its own pack and the ordinary one."""
    (hearing,) = (record for record in READ["ordinary"].records if record.id == "hearing")
    (film,) = (record for record in READ["ordinary"].records if record.id == "hearing_recording")
    made = complete(READ["ordinary"], hearing).without(film)
    for step in made.steps:
        if step.act == "hearing":
            step.procedure = "hearing"
    texts = {"ordinary": PACKS["ordinary"], "hearing": PACKS["hearing"]} | dict(packs)
    return made, registers_of(*texts.items())


def of_the_film(found: list[Gap]) -> list[tuple[str, str]]:
    return [(gap.pack, str(gap.level)) for gap in found if gap.rule == "hearing_recording"]


def test_what_two_packs_find_of_one_act_is_told_once() -> None:
    made, registers = heard()
    found = gaps(made.file(), registers, WEEKDAYS)
    assert len(of_the_film(found)) == 1
    assert {gap.pack for gap in found} == {"ordinary", "hearing"}


@pytest.mark.parametrize(("mild", "graver"), [("hearing", "ordinary"), ("ordinary", "hearing")])
def test_the_graver_of_them_is_told(mild: str, graver: str) -> None:
    made, registers = heard(with_film(mild, 'level = "notice"'))
    level = next(r.level for r in READ[graver].records if r.id == "hearing_recording")
    assert of_the_film(gaps(made.file(), registers, WEEKDAYS)) == [(graver, str(level))]


def test_by_another_article_it_is_another_finding() -> None:
    made, registers = heard(with_film("hearing", 'article = "99"'))
    packs = [pack for pack, _ in of_the_film(gaps(made.file(), registers, WEEKDAYS))]
    assert sorted(packs) == ["hearing", "ordinary"]


def test_what_one_pack_finds_twice_stays_twice() -> None:
    made, registers = heard()
    gap = next(g for g in gaps(made.file(), registers, WEEKDAYS) if g.rule == "hearing_recording")
    other = replace(gap, pack="another")
    assert told_once([gap, gap, other]) == [gap, gap]
    assert told_once([gap, other, replace(other, place=1)]) == [gap, replace(other, place=1)]


def with_film(pack: str, line: str) -> tuple[str, str]:
    """The pack with this line instead of its own in the record of the hearing's recording."""
    before, head, rest = PACKS[pack].partition('id = "hearing_recording"')
    table, end, after = rest.partition("\n[[")
    key = line.partition(" ")[0]
    (own,) = (one for one in table.splitlines() if one.startswith(f"{key} = "))
    return pack, before + head + table.replace(own, line) + end + after
