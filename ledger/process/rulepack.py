"""A rule pack: the law of one procedure as data, a TOML file that a lawyer reads and changes.

    pack = RulePack.from_text(text)
    pack.act("penalty_decision").stage          # Stage.DECIDE

Acts are the words of the procedure; records are what must be there, checks what must be so,
clocks what must be in time, gates which acts are conclusions. The names of acts are common to all
packs: a record looks for its acts wherever in the case they were filed. Read strictly: unknown
keys, unknown acts, sources and kinds of checks are refused with the place where they stand.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Stage
from ledger.process.condition import Condition, acts_of, conditions, says_of
from ledger.process.crew import Verb
from ledger.process.tables import (
    Read,
    check_distinct,
    flag,
    one_of,
    read_table,
    read_toml,
    rows,
    whole,
    yuan,
)


class Level(StrEnum):
    """严重 一般 提示. What is only a notice shuts no gate."""

    SERIOUS = "serious"
    ORDINARY = "ordinary"
    NOTICE = "notice"


class Sickness(StrEnum):
    """主体不适格 程序不规范 行为不文明 (苏法治办〔2021〕17号 一(一))."""

    SUBJECT = "subject"
    PROCEDURE = "procedure"
    CONDUCT = "conduct"


class Conclusion(StrEnum):
    DECIDE = "decide"
    SERVE = "serve"
    CLOSE = "close"


class Meaning(StrEnum):
    """What a clock's end means: an agency must have done it, a party may no more, or one may."""

    DUTY = "duty"
    RIGHT = "right"
    KEEPING = "keeping"


class Recording(StrEnum):
    """From the act's first minute to its last, or any of it."""

    FULL = "full"
    ADVISED = "advised"


@dataclass(frozen=True, slots=True)
class Source:
    """A statute, and which of its periods of days are of working days."""

    id: str
    name: str
    working_days: tuple[int, ...] = ()
    working_days_up_to: int = 0

    def counts_working_days(self, days: int) -> bool:
        return days in self.working_days or 0 < days <= self.working_days_up_to


@dataclass(frozen=True, slots=True)
class ActRule:
    id: str
    name: str
    name_en: str
    stage: Stage
    officers: int = 0
    verb: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What records and checks have in common; `source` is the id of one in the pack."""

    id: str
    name: str
    name_en: str
    level: Level
    sickness: Sickness
    source: str
    article: str
    cure: str
    cure_en: str
    memory: bool = False
    before: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Record(Rule):
    """One of `acts` must be there, stating `facts`, showing `shows`, with its recording."""

    acts: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    shows: str = ""
    recording: Recording | None = None


@dataclass(frozen=True, slots=True)
class Check(Rule):
    """`given` are the parameters of its kind, see `CHECKS`."""

    check: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clock:
    """`starts` with the last or the first of the acts in `start`; one of the amounts is given."""

    id: str
    name: str
    name_en: str
    start: tuple[str, ...]
    until: tuple[str, ...]
    source: str
    article: str
    memory: bool = False
    starts: str = "last"
    hours: int = 0
    days: int = 0
    months: int = 0
    years: int = 0
    working: bool = False  # working days, where the statute says so itself and not by its rule
    rolls: bool = True  # a last day off moves on to a working one
    start_fact: str = ""  # the day that the act states, not the one on which it was done
    extended_by: str = ""
    extended_at_most: int = 0  # days over all extensions; 0: as many as are granted
    excluded: str = ""
    daily_percent: int = 0  # added for each day late to the amount that `amount_of` states
    amount_of: str = ""
    meaning: Meaning = Meaning.DUTY
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    conclusion: Conclusion
    acts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RulePack:
    pack: str
    title: str
    title_en: str
    version: str
    kind: str
    opening: tuple[str, ...]
    late_after_hours: int
    together_with: tuple[str, ...]  # packs that judge wherever this one does
    sources: tuple[Source, ...]
    acts: tuple[ActRule, ...]
    records: tuple[Record, ...]
    checks: tuple[Check, ...]
    clocks: tuple[Clock, ...]
    gates: tuple[Gate, ...]

    def act(self, name: str) -> ActRule | None:
        return next((act for act in self.acts if act.id == name), None)

    def source(self, id_: str) -> Source:
        return next(source for source in self.sources if source.id == id_)

    def asked_of(self, act: str) -> dict[str, set[str]]:
        """Facts of an act on which rules depend, each with the words that they look for."""
        found: dict[str, set[str]] = {}
        rules: list[Rule | Clock] = [*self.records, *self.checks, *self.clocks]
        for rule in rules:
            for said in says_of(rule.when, act):
                found.setdefault(said.fact, set()).add(said.value)
        return found

    def counts_working_days(self, clock: Clock) -> bool:
        return clock.working or self.source(clock.source).counts_working_days(clock.days)

    def conclusion(self, act: str) -> Conclusion | None:
        return next((gate.conclusion for gate in self.gates if act in gate.acts), None)

    @classmethod
    def from_text(cls, text: str) -> Self:
        found = read_table(read_toml(text), _PACK, _PACK_MAY)
        found.pop("note", None)
        pack = cls(
            found["pack"],
            found["title"],
            found["title_en"],
            found["version"],
            found["kind"],
            found["opening"],
            found.get("late_after_hours", 24),
            found.get("together_with", ()),
            *(found.get(table, ()) for table in _TABLES),
        )
        pack._check()
        return pack

    def _check(self) -> None:
        for table, parts in zip(_TABLES, self._tables(), strict=True):
            if table != "gate":
                check_distinct([part.id for part in parts], table)
        acts = {act.id for act in self.acts}
        sources = {source.id for source in self.sources}
        _check_named(self.opening, acts, "opening")
        for table, parts in zip(_TABLES, self._tables(), strict=True):
            for n, part in enumerate(parts, start=1):
                _check_named(_acts_named(part), acts, f"{table}[{n}]")
                if isinstance(part, Rule | Clock):
                    _check_named([part.source], sources, f"{table}[{n}].source")
        for n, check in enumerate(self.checks, start=1):
            self._check_demanded(check, f"check[{n}].fact")

    def _tables(self) -> tuple[tuple[Any, ...], ...]:
        return (self.sources, self.acts, self.records, self.checks, self.clocks, self.gates)

    def _check_demanded(self, check: Check, path: str) -> None:
        """A check passes over a fact that is not stated: some record must demand it."""
        if check.check != "fact_is":
            return
        act, fact = check.given["act"], check.given["fact"]
        demanded = any(act in record.acts and fact in record.facts for record in self.records)
        if not demanded:
            raise Malformed(f"no record demands the fact {fact!r} of {act!r}", path=path)


def _check_named(names: Iterable[str], known: set[str], path: str) -> None:
    if unknown := sorted(set(names) - known):
        raise Malformed(f"no {unknown[0]!r} in this pack", path=path)


def _acts_named(part: Any) -> Iterator[str]:
    """All acts that a row of a pack speaks of."""
    match part:
        case Record():
            yield from (*part.acts, *part.before, *acts_of(part.when))
        case Check():
            yield from (*part.before, *acts_of(part.when))
            for name in part.given.keys() & _NAMES_ACTS:
                value = part.given[name]
                yield from (value,) if isinstance(value, str) else value
        case Clock():
            yield from (*part.start, *part.until, *acts_of(part.when))
            named = (part.extended_by, part.excluded, part.amount_of)
            yield from (act for act in named if act)
        case Gate():
            yield from part.acts


# --- reading ---------------------------------------------------------------------------------


def _acts(value: Any) -> tuple[str, ...]:
    found: tuple[str, ...] = rows(phrase.word, 64)(value)
    if len(set(found)) != len(found):
        raise Malformed("a word stands twice")
    return found


def _amount(value: Any) -> int:
    if not 0 < whole(value) <= 36_600:
        raise Malformed(f"want 1 to 36600, got {value}")
    return int(value)


# Kinds of checks are code (`ledger.process.checks`), their parameters are data.
CHECKS: Mapping[str, Mapping[str, Read]] = {
    # the last such act says so: the opinion of the legal review is that it passes
    "fact_is": {"act": phrase.word, "fact": phrase.word, "is": phrase.line},
    # two acts say the same: the benchmark in the notice and in the decision
    "same_fact": {
        "act": phrase.word,
        "fact": phrase.word,
        "of": phrase.word,
        "of_fact": phrase.word,
    },
    # an amount in yuan is no more than that
    "at_most": {"act": phrase.word, "fact": phrase.word, "most": yuan},
    # an amount lies in the band of the benchmark that the act cites, which was in force
    "in_band": {
        "act": phrase.word,
        "fact": phrase.word,
        "clause": phrase.word,
        "version": phrase.word,
    },
    # what an act cites of a list was in force
    "cited": {
        "act": phrase.word,
        "clause": phrase.word,
        "version": phrase.word,
        "list": one_of(Registered.LENIENT, Registered.BENCHMARKS),
    },
    # the decision is no heavier than the notice, once the party has spoken
    "not_heavier": {"act": phrase.word, "of": phrase.word, "fact": phrase.word, "after": _acts},
    # so many days lie between: a hearing and its notice
    "at_least_days_before": {"act": phrase.word, "of": phrase.word, "days": _amount},
    # nobody of the one crew is of the others
    "distinct_persons": {"act": phrase.word, "of": _acts},
    # a registered reviewer who may review
    "qualified": {"act": phrase.word},
    # what was urgent was approved afterwards, in time
    "approved_within_hours": {"act": phrase.word, "of": phrase.word, "hours": _amount},
    # a recording that stands in for a written record has its time-codes
    "timecoded": {"acts": _acts},
}
_NAMES_ACTS = frozenset({"act", "of", "acts", "after"})


def _source(value: Any) -> Source:
    may = {"working_days": rows(_amount, 16), "working_days_up_to": _amount, "note": phrase.text}
    found = read_table(value, {"id": phrase.line, "name": phrase.line}, may)
    found.pop("note", None)
    return Source(**found)


def _act(value: Any) -> ActRule:
    need = {"id": phrase.word, "name": phrase.line, "name_en": phrase.line, "stage": _stage}
    may = {"officers": whole, "verb": one_of(*Verb), "note": phrase.text}
    found = read_table(value, need, may)
    found.pop("note", None)
    return ActRule(**found)


def _stage(value: Any) -> Stage:
    return Stage(one_of(*Stage)(value))


_LAW: Mapping[str, Read] = {
    "id": phrase.word,
    "name": phrase.line,
    "source": phrase.line,
    "article": phrase.line,
}
_RULE: Mapping[str, Read] = {
    **_LAW,
    "name_en": phrase.line,
    "level": lambda value: Level(one_of(*Level)(value)),
    "class": lambda value: Sickness(one_of(*Sickness)(value)),
    "cure": phrase.line,
    "cure_en": phrase.line,
}
_RULE_MAY: Mapping[str, Read] = {
    "before": _acts,
    "memory": flag,
    "note": phrase.text,
    "when": conditions,
}


def _rule(value: Any, need: Mapping[str, Read], may: Mapping[str, Read]) -> dict[str, Any]:
    found = read_table(value, {**_RULE, **need}, {**_RULE_MAY, **may})
    found["sickness"] = found.pop("class")
    found.pop("note", None)
    return found


def _record(value: Any) -> Record:
    may: Mapping[str, Read] = {
        "facts": _acts,
        "shows": phrase.word,
        "recording": lambda given: Recording(one_of(*Recording)(given)),
    }
    return Record(**_rule(value, {"acts": _acts}, may))


def _check(value: Any) -> Check:
    kind = value.get("check") if isinstance(value, dict) else None
    forms = CHECKS.get(str(kind), {})
    found = _rule(value, {"check": one_of(*CHECKS), **forms}, {})
    return Check(given={name: found.pop(name) for name in forms}, **found)


def _clock(value: Any) -> Clock:
    need: Mapping[str, Read] = {**_LAW, "name_en": phrase.line, "from": _acts, "until": _acts}
    may: Mapping[str, Read] = {
        **dict.fromkeys(("hours", "days", "months", "years"), _amount),
        "starts": one_of("first", "last"),
        "working": flag,
        "rolls": flag,
        "from_fact": phrase.word,
        "extended_by": phrase.word,
        "extended_at_most": _amount,
        "excluded": phrase.word,
        "daily_percent": _amount,
        "amount_of": phrase.word,
        "meaning": lambda given: Meaning(one_of(*Meaning)(given)),
        "memory": flag,
        "note": phrase.text,
        "when": conditions,
    }
    found = read_table(value, need, may)
    if len(found.keys() & {"hours", "days", "months", "years"}) != 1:
        raise Malformed("want one of hours, days, months, years")
    if ("daily_percent" in found) is not ("amount_of" in found):
        raise Malformed("want daily_percent and amount_of, both or none", path="daily_percent")
    if "daily_percent" in found and "hours" in found:
        raise Malformed("want no hours with daily_percent", path="daily_percent")
    if "working" in found and "days" not in found:
        raise Malformed("want working with days alone", path="working")
    found["start"] = found.pop("from")
    found["start_fact"] = found.pop("from_fact", "")
    found.pop("note", None)
    return Clock(**found)


def _gate(value: Any) -> Gate:
    need: Mapping[str, Read] = {"conclusion": one_of(*Conclusion), "acts": _acts}
    found = read_table(value, need)
    return Gate(Conclusion(found["conclusion"]), found["acts"])


_PACK: Mapping[str, Read] = {
    "pack": phrase.word,
    "title": phrase.line,
    "title_en": phrase.line,
    "version": phrase.line,
    "kind": one_of("penalty", "licence", "coercion", "inspection", "after"),
    "opening": _acts,
    "source": rows(_source, 64),
    "act": rows(_act, 256),
}
_PACK_MAY: Mapping[str, Read] = {
    "late_after_hours": _amount,
    "together_with": _acts,
    "note": phrase.text,
    "record": rows(_record, 512),
    "check": rows(_check, 256),
    "clock": rows(_clock, 256),
    "gate": rows(_gate, 16),
}
_TABLES = ("source", "act", "record", "check", "clock", "gate")


@lru_cache(maxsize=64)
def read_pack(text: str) -> RulePack:
    """The same, remembered: a pack in force is asked for again with each act."""
    return RulePack.from_text(text)
