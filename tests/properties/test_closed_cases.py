"""Whatever order the gates let pass: what stands before a conclusion when it is drawn was there.

A whole case is made from each rule pack and for each of its rules, every act is handed to the
door in the order of the log, and what the door refuses is not logged. Undisturbed it ends with a
closing. With two things of it left out, moved or said otherwise it may end as well, and then a
reader of the log finds no serious gap that a gate should have seen.
"""

import random
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import cache

import pytest

from ledger.evidence.due import Calendar
from ledger.process.casefile import CaseFile, Filed
from ledger.process.judging.door import check_conclusion
from ledger.process.judging.gap import Gap, GapKind
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gated import Gated
from ledger.process.judging.judged import judged
from ledger.process.rules.rulepack import Check, Conclusion, Level, Record, RulePack
from testkit.proceeding import Proceeding, complete, registers_of
from testkit.rulepacks import PACKS

WEEKDAYS = Calendar()
READ = {name: RulePack.from_text(text) for name, text in PACKS.items()}
CLOSED = {name: pack for name, pack in READ.items() if pack.concluding(Conclusion.CLOSE)}
REGISTERS = registers_of(*((name, PACKS[name]) for name in CLOSED))
BRANCHES = 4  # as many as an `any` of a pack that is shipped has, but for kinds of penalties


def closed(pack: RulePack, rule: Record, branch: int) -> Proceeding:
    """A whole case in which the rule applies, up to its closing, and all that this asks for."""
    return closing(complete(pack, rule, branch=branch))


def closing(made: Proceeding) -> Proceeding:
    for act in made.pack.concluding(Conclusion.CLOSE):
        made.add(act)
    while sum(made.meet(record) for record in made.pack.records if made.applies(record)):
        pass
    return made.ordered()


@cache
def whole(name: str) -> list[Proceeding]:
    pack = CLOSED[name]
    found = (closed(pack, rule, n) for rule in pack.records for n in range(BRANCHES))
    return list({repr((made.steps, made.kinds)): made for made in found}.values())


def logged(made: Proceeding) -> tuple[CaseFile, list[str]]:
    """What the door lets pass, in the order of the log, and the acts that it does not."""
    file, refused = made.file(), list[str]()
    standing = CaseFile(file.case, file.agency, ())
    for one in file.filed:
        try:
            if one.act:
                check_conclusion(one, lambda _, so_far=standing: so_far, REGISTERS)  # type: ignore[misc]
        except Gated:
            refused.append(one.act)
        else:
            standing = standing.with_filed(one)
    return standing, refused


def serious(file: CaseFile) -> list[Gap]:
    return [gap for gap in gaps(file, REGISTERS, WEEKDAYS) if gap.level is Level.SERIOUS]


@pytest.mark.parametrize("name", CLOSED)
def test_a_whole_case_is_closed_whatever_rule_applies_and_lacks_nothing(name: str) -> None:
    for made in whole(name):
        file, refused = logged(made)
        assert refused == [], made
        assert file.acts(*CLOSED[name].concluding(Conclusion.CLOSE)), made
        assert serious(file) == [], made


# What one pack wants must not keep another from its end. The first closes the case.
TOGETHER = [
    ("ordinary", "hearing"),
    ("ordinary", "coercion"),
    ("coercion", "ordinary"),
    ("ordinary", "inspection"),
    ("summary", "coercion"),
    ("licence", "inspection"),
]


def joined(first: RulePack, second: RulePack) -> RulePack:
    acts = {act.id: act for act in (*second.acts, *first.acts)}
    order = dict.fromkeys(act.id for act in (*first.acts, *second.acts))
    return replace(
        first,
        acts=tuple(acts[name] for name in order),
        facts=first.facts + second.facts,
        records=first.records + second.records,
        checks=first.checks + second.checks,
    )


@pytest.mark.parametrize(("one", "other"), TOGETHER)
def test_a_case_under_two_packs_is_closed_and_lacks_nothing(one: str, other: str) -> None:
    first, second = READ[one], READ[other]
    pack = joined(first, second)
    for rule in pack.records:
        made = complete(pack, rule)
        if not any(made.stands(act) for act in second.opening):
            made.add(next(act for act in second.opening if act not in made.never))
        made = closing(made)
        for step in made.steps:
            theirs = first.act(step.act) is None or step.act in second.opening
            step.procedure = other if theirs else one
        file, refused = logged(made)
        assert refused == [] and file.acts("case_closing"), (rule.id, made)
        assert set(file.procedures()) >= {one, other}
        assert serious(file) == [], (rule.id, made)


def test_a_case_ends_in_each_way_that_a_pack_has() -> None:
    for name, pack in CLOSED.items():
        ends = {step.act for made in whole(name) for step in made.steps}
        assert ends >= set(pack.concluding(Conclusion.DECIDE)), name


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_case_has_no_serious_gap_that_a_conclusion_waited_for(name: str) -> None:
    disturb(name, 100)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOSED)
def test_nor_has_it_in_hundreds_of_other_orders(name: str) -> None:
    disturb(name, 400)


def disturb(name: str, trials: int) -> None:
    ended = 0
    for seed in range(trials):
        draw = random.Random(f"{name} {seed}")
        made = deepcopy(draw.choice(whole(name)))
        done = [spoil(made, draw) for _ in range(2)]
        file, _ = logged(made)
        end = file.last(*made.pack.concluding(Conclusion.CLOSE))
        if end is not None:
            ended += 1
            file = upto(file, end)
            assert [gap for gap in serious(file) if let_pass(gap, file, made.pack)] == [], (
                f"seed {seed}: {done}"
            )
    # Or nothing would be looked at.
    assert ended > trials // 20


def spoil(made: Proceeding, draw: random.Random) -> tuple[str, ...]:
    step, other = draw.choice(made.steps), draw.choice(made.steps)
    way = draw.choice(("remove", "swap", "log", "move", "forget", "say"))
    match way:
        case "remove" if len(made.steps) > 1:
            made.steps.remove(step)
        case "swap":
            step.at, other.at = other.at, step.at
            step.logged, other.logged = other.logged, step.logged
        case "log":
            step.logged = other.logged + draw.choice((-1, 1))
        case "move":
            later = draw.choice((-1, 1))
            step.at, step.logged = other.at + later, other.logged + later
        case "forget" if step.facts:
            del step.facts[draw.choice(sorted(step.facts))]
        case "say" if step.facts:
            fact = draw.choice(sorted(step.facts))
            rule = made.pack.fact(fact, step.act)
            step.facts[fact] = draw.choice(list(rule.values) if rule and rule.values else ["900"])
    return way, step.act, other.act


def upto(file: CaseFile, last: Filed) -> CaseFile:
    return CaseFile(
        file.case, file.agency, tuple(one for one in file.filed if one.number <= last.number)
    )


def let_pass(gap: Gap, file: CaseFile, pack: RulePack) -> bool:
    """Whether a conclusion was drawn that had to wait for this.

    Not for what was late and there all the same, nor for what had to precede a mere act: an order
    that was not kept then no gate can restore. Nor if the rule began to apply behind it."""
    rules: tuple[Record | Check, ...] = (*pack.records, *pack.checks)
    rule = next((one for one in rules if one.id == gap.rule), None)
    mere_act = "before" in gap.facts and pack.conclusion(gap.facts["before"]) is None
    if rule is None or mere_act:
        return False
    for drawn in conclusions(rule, file, pack):
        late = gap.kind is GapKind.LATE and gap.place is not None and gap.place < drawn.number
        if not late and applied(rule, upto(file, drawn), pack):
            return True
    return False


def conclusions(rule: Record | Check, file: CaseFile, pack: RulePack) -> Iterator[Filed]:
    for act in rule.before:
        yield from file.acts(act) if pack.conclusion(act) is not None else ()


def applied(rule: Record | Check, file: CaseFile, pack: RulePack) -> bool:
    cases = judged(file, REGISTERS, WEEKDAYS)
    return any(case.applies(rule) for case in cases if case.pack.pack == pack.pack)
