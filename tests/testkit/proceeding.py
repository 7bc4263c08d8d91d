"""A complete case made from a rule pack alone, and what becomes of it when something is missing.

    made = complete(pack)                    # every record that applies is met, in order
    made = complete(pack, record)            # and this one applies
    made.without(record).file()              # the same without what only this record wants
    made.late(record, delay_ms).file()       # filed after all, at the end

It reads the pack's data, not the code that judges: a new pack needs none here.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ledger.encoding import format_time, parse_time
from ledger.evidence.chunks import digest_item
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.registers.registry import Registry
from ledger.process.rules.condition import (
    AnyOf,
    Condition,
    Device,
    Lacks,
    Listed,
    Says,
    Stands,
    Unanswered,
    acts_of,
    holds,
)
from ledger.process.rules.facts import FactKind, FactRule
from ledger.process.rules.rulepack import Check, Record, RulePack
from testkit.case import AGENCY, CASE, uuid7
from testkit.registers import announced, listed, officer, registered, registry

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BEGINS = parse_time("2026-03-02T09:00:00+08:00")
FIRST = 1000  # the place of the case's first act; the registers stand before it
INVESTIGATORS = ["320501-0001", "320501-0002"]
OTHERS = ["320501-0003", "320501-0004"]
HEAVIER = ("not_heavier", "kind_not_heavier")
HEAVY = {"grave": "yes"}  # by the catalogue of major decisions below

BENCHMARKS = """
list = "benchmarks"
title = "裁量基准"

[[clause]]
id = "CG-14-2"
name = "占道一平方米以上"
from = 0
to = 1000
"""
MAJOR = """
list = "major_decisions"
title = "重大行政执法决定法制审核目录"

[[decision]]
id = "ZD-1"
name = "后果严重的"
when = [{ fact = "grave", is = "yes" }]
"""
LENIENT = """
list = "lenient"
title = "免罚轻罚清单"

[[item]]
id = "MF-1"
name = "初次违法且及时改正"
effect = "lighter"
"""


def registers(*packs: tuple[str, str], start: str = "2026-01-01") -> list[Statement]:
    """All that a case may lean on: `packs` are names and texts."""
    people = [officer(one) for one in (*INVESTIGATORS, *OTHERS)]
    reviewers = [
        registered("legal_reviewer", one, "2026-01-01", officer=one, qualified="yes")
        for one in (*INVESTIGATORS, *OTHERS)
    ]
    return [
        announced(),
        *people,
        *reviewers,
        registered("device", "BWC-1", "2026-01-01", kind="recorder", model="X"),
        registered("device", "MON-1", "2026-01-01", kind="fixed_monitor", model="Y"),
        listed("benchmarks", "benchmarks", BENCHMARKS),
        listed("major_decisions", "major", MAJOR),
        listed("lenient", "lenient", LENIENT),
        *(listed("rule_pack", name, text, start) for name, text in packs),
    ]


def registers_of(*packs: tuple[str, str]) -> Registry:
    return registry(*registers(*packs))


@dataclass
class Step:
    """An act; `at` is when it begins, `logged` when the log has it."""

    act: str
    facts: dict[str, str] = field(default_factory=dict)
    shows: set[str] = field(default_factory=set)
    note: str = ""  # of its time-codes, in words
    recorded: bool = False
    officers: list[str] = field(default_factory=list)
    procedure: str = ""
    at: int = 0
    logged: int = 0
    recording_logged: int | None = None

    @property
    def ends(self) -> int:
        return self.at + 10 * MINUTE


@dataclass
class Proceeding:
    """`steps` in the order of the log once it is `ordered`."""

    pack: RulePack = field(repr=False)
    steps: list[Step] = field(default_factory=list)
    never: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)  # of devices that evidence comes from
    sounds: int = 0  # recordings of sound alone, without a transcript

    def step(self, act: str) -> Step:
        return next(step for step in self.steps if step.act == act)

    # what conditions ask

    def stands(self, act: str) -> bool:
        return any(step.act == act for step in self.steps)

    def last_of(self, *acts: str) -> str:
        return next((step.act for step in reversed(self.steps) if step.act in acts), "")

    def facts(self, act: str) -> Iterable[Mapping[str, str]]:
        return [step.facts for step in self.steps if step.act == act]

    def is_major(self, act: str) -> bool:
        return any(facts.items() >= HEAVY.items() for facts in self.facts(act))

    def has_device(self, kind: str) -> bool:
        return kind in self.kinds or (kind == "recorder" and any(s.recorded for s in self.steps))

    # making it complete

    def add(self, act: str) -> Step:
        assert act not in self.never, act
        if not self.stands(act):
            self.steps.append(Step(act, procedure=self.pack.pack))
        return self.step(act)

    def fulfil(self, condition: Condition, branch: int = 0) -> None:
        match condition:
            case Stands(act):
                self.add(act)
            case Unanswered(act, by):
                self.add(act)
                self.never.add(by)
            case Lacks(act):
                self.never.add(act)
            case Says(act, fact, value, is_not):
                said = other_than(self.pack, act, fact, value) if is_not else value
                self.add(act).facts[fact] = said
            case Listed(act):
                self.add(act).facts.update(HEAVY)
            case Device(kind):
                self.kinds.add(kind)
            case AnyOf(parts):
                self.fulfil(parts[branch % len(parts)])

    def applies(self, rule: Record | Check) -> bool:
        return all(holds(condition, self) for condition in rule.when)

    def meet(self, record: Record) -> bool:
        """Whether anything had to be added."""
        before = repr(self.steps)
        standing = [act for act in record.acts if self.stands(act)]
        act = (standing or [act for act in record.acts if act not in self.never])[0]
        step = self.add(act)
        for fact in record.facts:
            step.facts.setdefault(fact, value_of(self.pack, act, fact))
        if record.shows:
            for shown in self.steps:
                if shown.act in record.acts:
                    shown.shows.add(record.shows)
        step.recorded |= record.recording is not None
        return before != repr(self.steps)

    def ordered(self) -> "Proceeding":
        """In the order that records and checks want, else in that of the pack; with their times."""
        edges = set(self._edges())
        waits = {(a, b): gap for a, b, gap in self._waits()}
        order = [act.id for act in self.pack.acts]
        left = sorted(self.steps, key=lambda step: order.index(step.act))
        done: list[Step] = []
        at = BEGINS
        while left:
            soon = [
                waits_for for waits_for, _ in self._soon() if done and done[-1].act == waits_for
            ]
            names = {step.act for step in left}
            ready = [s for s in left if not any(b == s.act and a in names for a, b in edges)]
            assert ready, f"{names} wait for each other"
            urgent = [s for s in ready if soon and (soon[0], s.act) in set(self._soon())]
            step = (urgent or ready)[0]
            left.remove(step)
            step.at = max(
                [at] + [d.at + waits[d.act, step.act] for d in done if (d.act, step.act) in waits]
            )
            step.logged = step.ends + MINUTE
            at = step.at + HOUR
            done.append(step)
            self._crew(step)
        self.steps = done
        return self

    def _crew(self, step: Step) -> None:
        rule = self.pack.act(step.act)
        assert rule is not None
        apart = any(
            c.check == "distinct_persons" and c.given["act"] == step.act for c in self.pack.checks
        )
        if rule.officers or rule.verb:
            step.officers = list(OTHERS if apart else INVESTIGATORS)

    def _edges(self) -> Iterator[tuple[str, str]]:
        for record in self.pack.records:
            if self.applies(record):
                yield from ((a, b) for a in record.acts for b in record.before if a != b)
        for check in self._checks():
            given = check.given
            acts = [given["act"]] if "act" in given else list(given["acts"])
            yield from ((a, b) for a in acts for b in check.before if a != b)
            if check.check == "followed_by":
                yield from ((given["act"], answer) for answer in given["of"])
            if check.check in (*HEAVIER, "at_least_days_before", "approved_within_hours"):
                yield given["act"], given["of"]
            if check.check in HEAVIER:
                yield from ((given["act"], spoken) for spoken in given["after"])
                yield from ((spoken, given["of"]) for spoken in given["after"])

    def _checks(self) -> list[Check]:
        return [check for check in self.pack.checks if self.applies(check)]

    def _waits(self) -> Iterator[tuple[str, str, int]]:
        for check in self._checks():
            if check.check == "at_least_days_before":
                # Twice as long and ten days, whatever the weekends and holidays.
                gap = (2 * check.given["days"] + 10) * DAY
                yield check.given["act"], check.given["of"], gap

    def _soon(self) -> Iterator[tuple[str, str]]:
        for check in self._checks():
            if check.check == "approved_within_hours":
                yield check.given["act"], check.given["of"]

    # what is missing, and late

    def without(self, record: Record) -> "Proceeding":
        """Without what this record wants of the case, and nothing else."""
        made = deepcopy(self)
        mine = [step for step in made.steps if step.act in record.acts]
        if record.shows:
            for step in mine:
                step.shows.discard(record.shows)
        elif record.recording:
            for step in mine:
                step.recorded = False
        elif set(record.acts) & set(acts_of(record.when)):
            for step in mine:
                for fact in record.facts:
                    step.facts.pop(fact, None)
        else:
            made.steps = [step for step in made.steps if step not in mine]
        return made

    def breaking(self, check: Check) -> "Proceeding":
        """So that this check fails; others may fail with it."""
        made, given = deepcopy(self), check.given
        first = made.step(given["act"] if "act" in given else given["acts"][0])
        match check.check:
            case "fact_is":
                first.facts[given["fact"]] = other_than(
                    self.pack, first.act, given["fact"], given["is"]
                )
            case "same_fact":
                made.step(given["of"]).facts[given["of_fact"]] = "another"
            case "at_most" | "in_band" | "no_more_than":
                first.facts[given["fact"]] = "999999"
            case "cited":
                first.facts[given["clause"]] = "none of this name"
            case "not_heavier":
                made.step(given["of"]).facts[given["fact"]] = "900"
            case "at_least_days_before":
                other = made.step(given["of"])
                first.at, first.logged = other.at - 20 * MINUTE, other.logged - 20 * MINUTE
            case "distinct_persons":
                other = next(made.step(act) for act in given["of"] if made.stands(act))
                first.officers = other.officers = list(INVESTIGATORS)
            case "followed_by":
                answer = next(made.step(act) for act in given["of"] if made.stands(act))
                answer.logged = first.logged - 1
                made.steps.remove(answer)
                made.steps.insert(made.steps.index(first), answer)
            case "qualified":
                first.officers = ["320501-0009"]
            case "approved_within_hours":
                late = made.steps[made.steps.index(made.step(given["of"])) :]
                for step in late:
                    step.at += (given["hours"] + 1) * HOUR
                    step.logged += (given["hours"] + 1) * HOUR
            case "kind_not_heavier":
                made.step(given["act"]).facts[given["fact"]] = given["order"][0][0]
                made.step(given["of"]).facts[given["fact"]] = given["order"][-1][0]
            case "transcribed":
                made.sounds = 1
            case "timecoded":
                first.facts["medium"] = "recording"
        return made

    def doubled(self, each: str, numbered: bool = False) -> "Proceeding":
        """In which what starts that clock was done twice, each with its own papers: of each paper
        a second twenty minutes later. By numbers those of the second measure come first."""
        made, double = deepcopy(self), papers_of(self.pack, each)
        for step in [step for step in made.steps if step.act in double]:
            again = deepcopy(step)
            again.at, again.logged = step.at + 20 * MINUTE, step.logged + 20 * MINUTE
            made.steps.insert(made.steps.index(step) + 1, again)
            if numbered:
                starts = step.act in self.pack.clock(each).start  # type: ignore[union-attr]
                step.facts["measure"], again.facts["measure"] = ("1", "2") if starts else ("2", "1")
        return made

    def moved(self, act: str, behind: str) -> "Proceeding":
        """The same acts, `act` right after `behind`, also by what it says of its time."""
        made = deepcopy(self)
        step, other = made.step(act), made.step(behind)
        made.steps.remove(step)
        made.steps.insert(made.steps.index(other) + 1, step)
        step.at, step.logged = other.at + 15 * MINUTE, other.logged + 15 * MINUTE
        return made

    def before(self, act: str) -> tuple[CaseFile, Filed]:
        """The case as it stands when an act is proposed, and the act in its place to be."""
        file = self.file()
        proposed = file.acts(act)[0]
        earlier = tuple(one for one in file.filed if one.number < proposed.number)
        return CaseFile(file.case, file.agency, earlier), proposed

    def late(self, record: Record, delay_ms: int) -> "Proceeding":
        """The same, then what was missing, `delay_ms` after it occurred and after all else."""
        made = self.without(record)
        step = deepcopy(next(step for step in self.steps if step.act in record.acts))
        assert step.ends + delay_ms > self.steps[-1].logged
        if record.recording:
            for old in made.steps:
                if old.act == step.act:
                    old.recorded, old.recording_logged = True, step.ends + delay_ms
        else:
            # Its recording has been there all the time.
            step.recording_logged = step.logged
            step.logged = step.ends + delay_ms
            made.steps.append(step)
        return made

    # as the log has it

    def file(self) -> CaseFile:
        filed: list[tuple[int, Statement]] = []
        for n, step in enumerate(self.steps):
            if step.shows:
                filed.append((step.logged, evidence(n, step, "extract", evidence_type="testimony")))
            if step.recorded:
                at = step.logged if step.recording_logged is None else step.recording_logged
                filed.append(
                    (
                        at,
                        evidence(
                            n,
                            step,
                            "film",
                            device="BWC-1",
                            evidence_type="audiovisual",
                            file="F.MP4",
                        ),
                    )
                )
            filed.append((step.logged, statement(n, step, self.pack)))
        for n, kind in enumerate(sorted(self.kinds)):
            device = {"fixed_monitor": "MON-1", "recorder": "BWC-1"}[kind]
            step = Step(f"monitor {n}", at=BEGINS - DAY)
            made = evidence(
                900 + n, step, "monitor", device=device, evidence_type="audiovisual", file="M.MP4"
            )
            filed.append((BEGINS - DAY + HOUR, made))
        for n in range(self.sounds):
            step = Step(f"sound {n}", at=BEGINS - DAY)
            made = evidence(950 + n, step, f"录音{n}.MP3", evidence_type="audiovisual")
            filed.append((BEGINS - DAY + HOUR, made))
        # A film filed late comes last; sorting keeps the order of what is logged at once.
        filed.sort(key=lambda one: one[0])
        return CaseFile(
            CASE, AGENCY, tuple(Filed(FIRST + n, said, at) for n, (at, said) in enumerate(filed))
        )


def complete(pack: RulePack, *wanted: Record | Check, branch: int = 0) -> Proceeding:
    """In which all `wanted` apply, and the acts that a wanted check looks at stand."""
    made = Proceeding(pack)
    for rule in wanted:
        # What must not be there first, so that nothing puts it there.
        for condition in sorted(rule.when, key=lambda c: not isinstance(c, Lacks | Unanswered)):
            made.fulfil(condition, branch)
        if isinstance(rule, Check):
            for act in looked_at(rule):
                made.add(act)
            if rule.check in HEAVIER:
                fact = rule.given["fact"]
                for act in (rule.given["act"], rule.given["of"]):
                    made.step(act).facts.setdefault(fact, value_of(pack, act, fact))
    made.add(next(act for act in pack.opening if act not in made.never))
    while sum(made.meet(record) for record in pack.records if made.applies(record)):
        pass
    return made.ordered()


def papers_of(pack: RulePack, each: str) -> set[str]:
    """Acts of which each measure that starts this clock has its own."""
    clock = pack.clock(each)
    assert clock is not None
    same = [one for one in pack.clocks if one.starts == "each" and one.start == clock.start]
    found = {act for one in same for act in (*one.start, *one.until, one.extended_by, one.excluded)}
    found |= {act for record in pack.records if record.each == each for act in record.acts}
    return found - {"", *(act for one in same for act in one.ends_all)}


def looked_at(check: Check) -> Iterator[str]:
    """One act for each of its parameters that names some."""
    for name in ("act", "acts", "of", "after"):
        acts = check.given.get(name, ())
        yield from (acts,) if isinstance(acts, str) else acts[:1]


def value_of(pack: RulePack, act: str, fact: str) -> str:
    """What an act states so that all checks are content."""
    for check in pack.checks:
        given = check.given
        if check.check == "fact_is" and (given["act"], given["fact"]) == (act, fact):
            return str(given["is"])
        if check.check in ("at_most", "in_band", "not_heavier") and given["fact"] == fact:
            return "100"
        if check.check == "in_band" and fact in (given["clause"], given["version"]):
            return "CG-14-2" if fact == given["clause"] else "1"
        if check.check == "kind_not_heavier" and (given["act"], given["fact"]) == (act, fact):
            return str(given["order"][-1][0])
    words = pack.asked_of(act).get(fact, set())
    for check in pack.checks:
        given = check.given
        if check.check == "kind_not_heavier" and (given["of"], given["fact"]) == (act, fact):
            return next(word for tier in given["order"] for word in tier if word not in words)
    return stated(pack.fact(fact, act), words)


def stated(rule: FactRule | None, words: set[str]) -> str:
    """What the pack can read, and no rule of it asks for if there is such a word."""
    match rule.kind if rule else None:
        case None:
            return "no" if "yes" in words else "stated"
        case FactKind.CHOICE:
            assert rule is not None
            others = [word for word in rule.values if word not in words]
            return (others or list(rule.values))[-1]
        case FactKind.AMOUNT | FactKind.NUMBER:
            return "100"
        case FactKind.DAY:
            return "2026-03-02"
        case _:
            return "stated"


def other_than(pack: RulePack, act: str, fact: str, word: str) -> str:
    """Another word of the same choice."""
    return stated(pack.fact(fact, act), {word})


def statement(n: int, step: Step, pack: RulePack, **more: Any) -> Statement:
    rule = pack.act(step.act)
    predicate: dict[str, Any] = {
        "act": step.act,
        "agency": AGENCY,
        "case": CASE,
        "id": uuid7(10 * n),
        "occurred": {"from": format_time(step.at), "to": format_time(step.ends)},
        "procedure": step.procedure or pack.pack,
    }
    if rule is not None:
        predicate["stage"] = str(rule.stage)
    if step.officers:
        predicate["officers"] = step.officers
    if step.facts:
        predicate["facts"] = step.facts
    if step.shows:
        item = _digest(f"extract {n}").sha256.hex()
        predicate["timecodes"] = [
            {"at_ms": "1000", "item": item, "shows": word}
            | ({"note": step.note} if step.note else {})
            for word in sorted(step.shows)
        ]
    subject = FileSubject(f"{step.act}.txt", _digest(f"{step.act} {n} {step.logged}"))
    return Statement(Kind.ACT, (subject,), predicate | more)


def evidence(n: int, step: Step, what: str, **more: Any) -> Statement:
    predicate = {
        "agency": AGENCY,
        "case": CASE,
        "id": uuid7(10 * n + 1 + len(what)),
        "occurred": {"from": format_time(step.at), "to": format_time(step.ends)},
    }
    return Statement(Kind.EVIDENCE, (FileSubject(what, _digest(f"{what} {n}")),), predicate | more)


def _digest(text: str) -> Any:
    return digest_item(text.encode())
