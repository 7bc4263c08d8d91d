"""When a rule applies: conditions on what stands in a case, as data.

    when = [ { act = "case_filing", fact = "major", is = "yes" }, { no_act = "hearing_waiver" } ]

All must hold; of `any`, one. `not_followed_by` wants the act to be there, and none of the other
behind the last of it: what was waived, and asked for afterwards, is asked for. `is_not` wants the
act to be there, saying something else or nothing. `listed` asks the catalogue in force whether the
facts of such an act make it a major decision, whatever the act calls itself; `device` whether any
evidence comes from such a device.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.procedural import Registered
from ledger.process.tables import Read, one_of, read_table, rows

MOST = 16


@dataclass(frozen=True, slots=True)
class Stands:
    act: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    act: str
    by: str


@dataclass(frozen=True, slots=True)
class Lacks:
    act: str


@dataclass(frozen=True, slots=True)
class Says:
    act: str
    fact: str
    value: str
    is_not: bool = False

    def fits(self, facts: Mapping[str, str]) -> bool:
        return (facts.get(self.fact) == self.value) is not self.is_not


@dataclass(frozen=True, slots=True)
class Listed:
    act: str


@dataclass(frozen=True, slots=True)
class Device:
    kind: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: "tuple[Condition, ...]"


Condition = Stands | Unanswered | Lacks | Says | Listed | Device | AnyOf


class Facts(Protocol):
    """What conditions ask of a case."""

    def stands(self, act: str) -> bool: ...
    def last_of(self, *acts: str) -> str: ...
    def facts(self, act: str) -> Iterable[Mapping[str, str]]: ...
    def is_major(self, act: str) -> bool: ...
    def has_device(self, kind: str) -> bool: ...


def holds(condition: Condition, case: Facts) -> bool:
    match condition:
        case Stands(act):
            return case.stands(act)
        case Unanswered(act, by):
            return case.last_of(act, by) == act
        case Lacks(act):
            return not case.stands(act)
        case Says(act):
            return any(condition.fits(facts) for facts in case.facts(act))
        case Listed(act):
            return case.is_major(act)
        case Device(kind):
            return case.has_device(kind)
        case AnyOf(parts):
            return any(holds(part, case) for part in parts)


def acts_of(given: Iterable[Condition]) -> Iterator[str]:
    for condition in given:
        match condition:
            case AnyOf(parts):
                yield from acts_of(parts)
            case Device():
                pass
            case Unanswered(act, by):
                yield from (act, by)
            case _:
                yield condition.act


def all_says(given: Iterable[Condition]) -> Iterator[Says]:
    """Whatever conditions ask of what acts say."""
    for condition in given:
        match condition:
            case AnyOf(parts):
                yield from all_says(parts)
            case Says():
                yield condition


def says_of(given: Iterable[Condition], act: str) -> Iterator[Says]:
    """The same of one act."""
    return (said for said in all_says(given) if said.act == act)


def all_said(given: Iterable[Condition], act: str) -> list[Says]:
    """What the conditions, all of them, want one act itself to say."""
    return [c for c in given if isinstance(c, Says) and c.act == act]


def conditions(value: Any) -> tuple[Condition, ...]:
    found: tuple[Condition, ...] = rows(_condition, MOST)(value)
    return found


def _condition(value: Any) -> Condition:
    if isinstance(value, dict) and "any" in value:
        parts = read_table(value, {"any": rows(_single, MOST)})["any"]
        return AnyOf(parts)
    return _single(value)


def _single(value: Any) -> Condition:
    may: Mapping[str, Read] = {
        "act": phrase.word,
        "no_act": phrase.word,
        "fact": phrase.word,
        "is": phrase.line,
        "is_not": phrase.line,
        "not_followed_by": phrase.word,
        "listed": one_of(Registered.MAJOR_DECISIONS),
        "device": phrase.word,
    }
    match read_table(value, {}, may):
        case {"no_act": act, **more} if not more:
            return Lacks(act)
        case {"device": kind, **more} if not more:
            return Device(kind)
        case {"act": act, "fact": fact, "is": wanted, **more} if not more:
            return Says(act, fact, wanted)
        case {"act": act, "fact": fact, "is_not": wanted, **more} if not more:
            return Says(act, fact, wanted, is_not=True)
        case {"act": act, "not_followed_by": by, **more} if not more:
            return Unanswered(act, by)
        case {"act": act, "listed": _, **more} if not more:
            return Listed(act)
        case {"act": act, **more} if not more:
            return Stands(act)
    raise Malformed(
        "want a condition",
        hints=(
            "{act}, {no_act}, {act, not_followed_by}, {act, fact, is}, {act, fact, is_not}, "
            "{act, listed}, {device}",
        ),
    )
