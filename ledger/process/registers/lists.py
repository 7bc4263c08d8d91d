"""The lists that an agency publishes, as TOML that a lawyer reads: one reader for each.

    list = "benchmarks"
    title = "苏州市城市管理行政处罚裁量基准"

    [[clause]]
    id = "CG-14-2"
    name = "擅自占用道路经营，面积一平方米以上五平方米以下"
    from = 200          # 元
    to = 1000

The register statement holds the file itself. What is in force on a day, and for whom, the
registry tells; here is only what a list says.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.procedural import Registered
from ledger.process.tables import (
    Read,
    check_distinct,
    one_of,
    read_table,
    read_toml,
    rows,
    yuan,
)

KINDS = ("penalty", "licence", "coercion", "inspection", "other")


@dataclass(frozen=True, slots=True)
class Power:
    """An item of the 行政权力事项清单; `words` are other names by which a contract may call it."""

    id: str
    name: str
    kind: str
    words: tuple[str, ...] = ()
    basis: str = ""
    to: str = ""  # of a delegated one: the agency that now has it
    decision: str = ""
    published: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    fact: str
    equals: str = ""
    at_least: int | None = None  # fen

    def holds(self, facts: Mapping[str, str]) -> bool:
        value = facts.get(self.fact)
        if value is None or self.at_least is None:
            return value is not None and value == self.equals
        try:
            return yuan(value) >= self.at_least
        except Malformed:
            # "五千元" is no way round a review: what cannot be compared counts as reached.
            return True


@dataclass(frozen=True, slots=True)
class Major:
    """A row of the catalogue of major decisions: all conditions hold, then it is one."""

    id: str
    name: str
    when: tuple[Condition, ...]
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """A discretion benchmark; the band is in fen, both ends included."""

    id: str
    name: str
    low: int
    high: int
    act: str = ""
    basis: str = ""

    def holds(self, fen: int) -> bool:
        return self.low <= fen <= self.high


@dataclass(frozen=True, slots=True)
class Item:
    """A row of one of the plain lists: what it says, and the acts it speaks of."""

    id: str
    name: str
    acts: tuple[str, ...] = ()
    effect: str = ""  # of the lenient list: no penalty, or a lighter one
    text: str = ""
    basis: str = ""


def parse_powers(text: str) -> tuple[Power, ...]:
    return _parse(text, Registered.POWERS, "power", _power)


def parse_delegated_powers(text: str) -> tuple[Power, ...]:
    """What a town or street has been given, by which decision (苏法治办〔2021〕17号 三(一))."""
    return _parse(text, Registered.DELEGATED_POWERS, "power", _delegated_power)


def parse_major_decisions(text: str) -> tuple[Major, ...]:
    return _parse(text, Registered.MAJOR_DECISIONS, "decision", _major)


def parse_benchmarks(text: str) -> tuple[Clause, ...]:
    return _parse(text, Registered.BENCHMARKS, "clause", _clause)


def parse_lenient(text: str) -> tuple[Item, ...]:
    need = {"effect": one_of("no_penalty", "lighter")}
    return _parse(text, Registered.LENIENT, "item", _item(need))


def parse_auxiliary_forbidden(text: str) -> tuple[Item, ...]:
    return _parse(text, Registered.AUXILIARY_FORBIDDEN, "item", _item({"acts": rows(phrase.word)}))


def parse_guidance(text: str) -> tuple[Item, ...]:
    return _parse(text, Registered.GUIDANCE, "item", _item({"text": _sentence}))


READERS: Mapping[Registered, Callable[[str], tuple[Any, ...]]] = {
    Registered.POWERS: parse_powers,
    Registered.DELEGATED_POWERS: parse_delegated_powers,
    Registered.MAJOR_DECISIONS: parse_major_decisions,
    Registered.BENCHMARKS: parse_benchmarks,
    Registered.LENIENT: parse_lenient,
    Registered.AUXILIARY_FORBIDDEN: parse_auxiliary_forbidden,
    Registered.GUIDANCE: parse_guidance,
}


def majors(decisions: Iterable[Major], facts: Mapping[str, str]) -> list[Major]:
    """The rows of the catalogue that these facts meet; with one of them a decision is major."""
    return [row for row in decisions if all(part.holds(facts) for part in row.when)]


def named_powers(scope: str, powers: Iterable[Power]) -> list[Power]:
    """Those that a text names, whatever its spaces and marks: by number, name or other words."""
    text = _letters(scope)
    return [
        power
        for power in powers
        if any(_letters(word) in text for word in (power.id, power.name, *power.words))
    ]


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LN")


def _parse(text: str, register: Registered, key: str, row: Read) -> tuple[Any, ...]:
    need = {"list": one_of(register), "title": phrase.line, key: rows(row)}
    found = read_table(read_toml(text), need, {"note": _sentence, "version": phrase.line})
    read: tuple[Any, ...] = found[key]
    check_distinct([part.id for part in read], key)
    return read


def _words(value: Any) -> tuple[str, ...]:
    read: tuple[str, ...] = rows(_name, 64)(value)
    return read


def _name(value: Any) -> str:
    # A mark alone would be found in every text.
    if not _letters(line := phrase.line(value)):
        raise Malformed("want letters or digits")
    return line


def _sentence(value: Any) -> str:
    text = phrase.text(value)
    if not text.strip():
        raise Malformed("want text, got none")
    return text


_ROW: Mapping[str, Read] = {"id": _name, "name": _name}
_BASIS: Mapping[str, Read] = {"basis": phrase.line, "note": _sentence}


def _row(value: Any, need: Mapping[str, Read], may: Mapping[str, Read]) -> dict[str, Any]:
    found = read_table(value, {**_ROW, **need}, {**_BASIS, **may})
    found.pop("note", None)  # for the reader of the file
    return found


def _power(value: Any) -> Power:
    return Power(**_row(value, {"kind": one_of(*KINDS)}, {"words": _words}))


def _delegated_power(value: Any) -> Power:
    need = {"kind": one_of(*KINDS), "to": phrase.name, "decision": phrase.line}
    return Power(**_row(value, need, {"published": phrase.line, "words": _words}))


def _clause(value: Any) -> Clause:
    found = _row(value, {"from": yuan, "to": yuan}, {"act": phrase.line})
    low, high = found.pop("from"), found.pop("to")
    if high < low:
        raise Malformed("want a band whose end is not below its beginning", path="to")
    return Clause(low=low, high=high, **found)


def _major(value: Any) -> Major:
    return Major(**_row(value, {"when": rows(_condition, 8)}, {}))


def _condition(value: Any) -> Condition:
    found = read_table(value, {"fact": phrase.word}, {"is": phrase.line, "at_least": yuan})
    if len(found) != 2:
        raise Malformed("want either is or at_least")
    return Condition(found["fact"], found.get("is", ""), found.get("at_least"))


def _item(need: Mapping[str, Read]) -> Read:
    may = {"acts": rows(phrase.word), "text": _sentence}

    def read_item(value: Any) -> Item:
        return Item(**_row(value, need, {key: may[key] for key in may.keys() - need.keys()}))

    return read_item
