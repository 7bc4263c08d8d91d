"""What statements say of a procedure: registers, lists, acts, complaints, holds, disposal.

    {"agency":"agency-01","facts":{"certified":"yes","established":"yes","in_post":"yes",
     "person":"…"},"id":"0198…","in_force":{"from":"2026-01-01"},"register":"officer",
     "subject":"320501-0417"}                                  who or what is registered
    {"agency":"agency-01","content":"…","id":"0198…","in_force":{"from":"2026-01-01"},
     "register":"rule_pack","subject":"ordinary","version":"2026.1"}     a list as published
    {"act":"penalty_decision","agency":"agency-01","auxiliaries":["F-07"],"case":"…",
     "facts":{"amount":"500"},"procedure":"ordinary",
     "timecodes":[{"at_ms":"61000","item":"56dd…","shows":"show_id"}],…}   an act of a procedure

`facts` are words of the rule packs (`ledger.process`), which need no code: their names and values
are free here, and what lacks or does not fit is a gap there, and no reason to refuse a statement.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Self

from ledger import suite
from ledger.encoding import parse_day, parse_decimal, parse_hex
from ledger.errors import Malformed
from ledger.evidence import phrase

MAX_FACTS = 32
MAX_TIMECODES = 256
MAX_CONTENT = 262_144  # characters of a list; with escapes it still fits a payload
MAX_NAMED = 501  # statements that one hold or one disposal speaks of


class Registered(StrEnum):
    """The registers (机关 人员 …), each subject with its facts; then the lists, as published."""

    AGENCY = "agency"
    OFFICER = "officer"
    AUXILIARY = "auxiliary"
    DEVICE = "device"
    DELEGATION = "delegation"
    LEGAL_REVIEWER = "legal_reviewer"
    COUNSEL = "counsel"
    SERVICE_CONTRACT = "service_contract"
    POWERS = "powers"
    DELEGATED_POWERS = "delegated_powers"
    MAJOR_DECISIONS = "major_decisions"
    BENCHMARKS = "benchmarks"
    LENIENT = "lenient"
    AUXILIARY_FORBIDDEN = "auxiliary_forbidden"
    GUIDANCE = "guidance"
    HOLIDAY_CALENDAR = "holiday_calendar"
    RETENTION = "retention"
    RULE_PACK = "rule_pack"


LISTS = frozenset(
    {
        Registered.POWERS,
        Registered.DELEGATED_POWERS,
        Registered.MAJOR_DECISIONS,
        Registered.BENCHMARKS,
        Registered.LENIENT,
        Registered.AUXILIARY_FORBIDDEN,
        Registered.GUIDANCE,
        Registered.HOLIDAY_CALENDAR,
        Registered.RETENTION,
        Registered.RULE_PACK,
    }
)


class Hold(StrEnum):
    PLACED = "placed"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class InForce:
    """Days in China, both included; without `until` it has no end."""

    start: date
    until: date | None = None

    def covers(self, day: date) -> bool:
        return self.start <= day and (self.until is None or day <= self.until)

    def to_json(self) -> dict[str, str]:
        row = {"from": self.start.isoformat()}
        return row if self.until is None else row | {"to": self.until.isoformat()}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        match value:
            case {"from": str(start), **more} if set(more) <= {"to"}:
                until = parse_day(phrase.string(more["to"], 10)) if "to" in more else None
            case _:
                raise Malformed("want from and perhaps to, nothing else")
        if until is not None and until < parse_day(start):
            raise Malformed(f"want from before to, got {start!r} and {until.isoformat()!r}")
        return cls(parse_day(start), until)


@dataclass(frozen=True, slots=True)
class Timecode:
    """Where in a recording something shows; ms from its first frame, `item` its SHA-256."""

    item: bytes
    at_ms: int
    shows: str
    until_ms: int | None = None
    note: str = ""

    def to_json(self) -> dict[str, str]:
        row = {"at_ms": str(self.at_ms), "item": self.item.hex(), "shows": self.shows}
        if self.until_ms is not None:
            row["until_ms"] = str(self.until_ms)
        return row | ({"note": self.note} if self.note else {})

    @classmethod
    def from_json(cls, value: Any) -> Self:
        match value:
            case {"at_ms": str(at), "item": str(item), "shows": str(shows), **more} if set(
                more
            ) <= {"note", "until_ms"}:
                pass
            case _:
                raise Malformed("want at_ms, item, shows, perhaps until_ms and note")
        until = parse_decimal(phrase.string(more["until_ms"], 19)) if "until_ms" in more else None
        if until is not None and until < parse_decimal(at):
            raise Malformed(f"want until_ms not before at_ms, got {until} and {at}")
        note = phrase.line(more["note"]) if "note" in more else ""
        digest = parse_hex(item, suite.DIGEST_SIZE)
        return cls(digest, parse_decimal(at), phrase.word(shows), until, note)


def facts_from_json(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_FACTS:
        raise Malformed(f"want 1 to {MAX_FACTS} facts")
    return {phrase.word(fact): phrase.text(text) for fact, text in value.items()}


def timecodes_from_json(value: Any) -> tuple[Timecode, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_TIMECODES:
        raise Malformed(f"want 1 to {MAX_TIMECODES} time-codes")
    codes = tuple(map(Timecode.from_json, value))
    if len(set(codes)) != len(codes):
        raise Malformed("a time-code stands twice")
    return codes


def timecodes_of(predicate: Mapping[str, Any]) -> tuple[Timecode, ...]:
    return timecodes_from_json(predicate["timecodes"]) if "timecodes" in predicate else ()


def check_content(value: Any) -> None:
    if not phrase.text(value, MAX_CONTENT):
        raise Malformed("want a list that is not empty")


def check_register(predicate: Mapping[str, Any]) -> None:
    """A list has its content, everything else its facts."""
    if (Registered(predicate["register"]) in LISTS) is not ("content" in predicate):
        raise Malformed("want content in a list, and facts in a register", path="predicate")


def registered_text(predicate: Mapping[str, Any]) -> str:
    """What such a register statement is about: the list as published, or the facts, a line each."""
    if "content" in predicate:
        return str(predicate["content"])
    facts: Mapping[str, str] = predicate["facts"]
    return "".join(f"{fact}: {facts[fact]}\n" for fact in sorted(facts))


_COMMON = {"agency", "id"}
_CASE = {"case", "provisional", "stage", "officers", "after", "note"}

Forms = tuple[tuple[set[str], set[str]], ...]

ACT_FORM = (
    _COMMON | {"act", "occurred", "procedure"},
    _CASE | {"auxiliaries", "facts", "timecodes"},
)
REGISTER_FORMS: Forms = (
    (_COMMON | {"facts", "in_force", "register", "subject"}, {"note"}),
    (_COMMON | {"content", "in_force", "register", "subject", "version"}, {"note"}),
)
COMPLAINT_FORMS: Forms = (
    (_COMMON | {"occurred", "place", "seen"}, _CASE | {"by", "devices", "facts"}),
)
HOLD_FORMS: Forms = ((_COMMON | {"hold", "occurred", "reason"}, _CASE | {"complaint"}),)
DISPOSAL_FORMS: Forms = ((_COMMON | {"basis", "occurred", "reason", "retention"}, _CASE),)
