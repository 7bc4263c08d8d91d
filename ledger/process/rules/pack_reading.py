"""A rule pack's file read: each table by its keys, each key in its form.

    tables = read_tables(text)      # the head by its keys, and of each table its rows

Read strictly: unknown keys, kinds of checks and forms of conditions are refused with the place
where they stand. Whether what is named is there, `ledger.process.rules.rulepack` sees.
"""

from collections.abc import Mapping
from typing import Any

from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Stage
from ledger.process.registers.crew import Verb
from ledger.process.rules.condition import conditions
from ledger.process.rules.facts import FactKind, FactRule
from ledger.process.rules.pack_rows import (
    ActRule,
    Check,
    Clock,
    Conclusion,
    Gate,
    Level,
    Meaning,
    Record,
    Recording,
    Sickness,
    Source,
)
from ledger.process.tables import (
    Read,
    flag,
    one_of,
    read_at,
    read_table,
    read_toml,
    rows,
    whole,
    yuan,
)

TABLES = ("source", "act", "fact", "record", "check", "clock", "gate")
MAX_VALUES = 64  # of a choice


def read_tables(text: str) -> dict[str, Any]:
    return read_table(read_toml(text), _PACK, _PACK_MAY)


def _acts(value: Any) -> tuple[str, ...]:
    found: tuple[str, ...] = rows(phrase.word, 64)(value)
    if len(set(found)) != len(found):
        raise Malformed("a word stands twice")
    return found


def _amount(value: Any) -> int:
    if not 0 < whole(value) <= 36_600:
        raise Malformed(f"want 1 to 36600, got {value}")
    return int(value)


# Kinds of checks are code (`ledger.process.judging.checks`), their parameters are data.
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
    # one amount is no more than another: what is frozen, and what the violation involves
    "no_more_than": {
        "act": phrase.word,
        "fact": phrase.word,
        "of": phrase.word,
        "of_fact": phrase.word,
    },
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
    # nor of a heavier kind, by the order of kinds from the lightest on
    "kind_not_heavier": {
        "act": phrase.word,
        "of": phrase.word,
        "fact": phrase.word,
        "after": _acts,
        "order": rows(_acts, 16),
    },
    # so many days lie between: a hearing and its notice
    "at_least_days_before": {"act": phrase.word, "of": phrase.word, "days": _amount},
    # nobody of the one crew is of the others
    "distinct_persons": {"act": phrase.word, "of": _acts},
    # what answers an act stands behind the last of it: the party is heard again after a new notice
    "followed_by": {"act": phrase.word, "of": _acts},
    # a registered reviewer who may review
    "qualified": {"act": phrase.word},
    # what was urgent was approved afterwards, in time
    "approved_within_hours": {"act": phrase.word, "of": phrase.word, "hours": _amount},
    # a recording that stands in for a written record has its time-codes
    "timecoded": {"acts": _acts},
    # each sound recording has a transcript; told in the stage of that act
    "transcribed": {"act": phrase.word},
}


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


def _fact(value: Any) -> FactRule:
    need = {"id": phrase.word, "name": phrase.line, "name_en": phrase.line}
    may: Mapping[str, Read] = {
        "kind": lambda given: FactKind(one_of(*FactKind)(given)),
        "values": _values,
        "acts": _acts,
        "note": phrase.text,
    }
    found = read_table(value, need, may)
    found.pop("note", None)
    rule = FactRule(**found)
    if (rule.kind is FactKind.CHOICE) is not bool(rule.values):
        raise Malformed('want values with kind = "choice", and with no other', path="values")
    return rule


def _values(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_VALUES:
        raise Malformed(f"want a table of 1 to {MAX_VALUES} words, each with its name")
    return {phrase.line(word): read_at(word, phrase.line, name) for word, name in value.items()}


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
    "each": phrase.word,
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
        "clock": phrase.word,
    }
    return Record(**_rule(value, {"acts": _acts}, may))


def _check(value: Any) -> Check:
    kind = value.get("check") if isinstance(value, dict) else None
    forms = CHECKS.get(str(kind), {})
    found = _rule(value, {"check": one_of(*CHECKS), **forms}, {})
    return Check(given={name: found.pop(name) for name in forms}, **found)


_CLOCK: Mapping[str, Read] = {**_LAW, "name_en": phrase.line, "from": _acts, "until": _acts}
_LENGTHS = ("hours", "days", "months", "years")
_CLOCK_MAY: Mapping[str, Read] = {
    **dict.fromkeys(_LENGTHS, _amount),
    "starts": one_of("first", "last", "each"),
    "matched_by": phrase.word,
    "ends_all": _acts,
    "working": flag,
    "rolls": flag,
    "from_fact": phrase.word,
    "extended_by": phrase.word,
    "extended_at_most": _amount,
    "excluded": phrase.word,
    "not_counted": rows(lambda given: _between(given), 16),
    "daily_percent": _amount,
    "amount_of": phrase.word,
    "meaning": lambda given: Meaning(one_of(*Meaning)(given)),
    "memory": flag,
    "note": phrase.text,
    "when": conditions,
}


def _clock(value: Any) -> Clock:
    found = read_table(value, _CLOCK, _CLOCK_MAY)
    _check_lengths(found)
    found["start"] = found.pop("from")
    found["start_fact"] = found.pop("from_fact", "")
    found.pop("note", None)
    return Clock(**found)


def _check_lengths(found: Mapping[str, Any]) -> None:
    if len(found.keys() & set(_LENGTHS)) != 1:
        raise Malformed(f"want one of {', '.join(_LENGTHS)}")
    if ("daily_percent" in found) is not ("amount_of" in found):
        raise Malformed("want daily_percent and amount_of, both or none", path="daily_percent")
    if "not_counted" in found and "daily_percent" not in found:
        raise Malformed("want not_counted with daily_percent alone", path="not_counted")
    if "daily_percent" in found and "hours" in found:
        raise Malformed("want no hours with daily_percent", path="daily_percent")
    _check_each(found)
    if "working" in found and "days" not in found:
        raise Malformed("want working with days alone", path="working")


def _between(value: Any) -> tuple[str, str]:
    found = read_table(value, {"from": phrase.word, "to": phrase.word})
    return found["from"], found["to"]


def _check_each(found: Mapping[str, Any]) -> None:
    each = found.get("starts") == "each"
    if each is not ("matched_by" in found):
        raise Malformed('want matched_by with starts = "each", and not without', path="matched_by")
    if each and found.keys() & {"from_fact", "daily_percent"}:
        raise Malformed('want no from_fact or daily_percent with starts = "each"', path="starts")
    if not each and "ends_all" in found:
        raise Malformed('want ends_all with starts = "each" alone', path="ends_all")
    if other := sorted(set(found.get("ends_all", ())) - set(found["until"])):
        raise Malformed(f"want {other[0]!r} in until as well", path="ends_all")


def _gate(value: Any) -> Gate:
    need: Mapping[str, Read] = {"conclusion": one_of(*Conclusion), "acts": _acts}
    found = read_table(value, need)
    return Gate(Conclusion(found["conclusion"]), found["acts"])


_PACK: Mapping[str, Read] = {
    "pack": phrase.word,
    "title": phrase.line,
    "title_en": phrase.line,
    "version": phrase.line,
    "kind": one_of("penalty", "licence", "coercion", "inspection", "supervision", "after"),
    "opening": _acts,
    "source": rows(_source, 64),
    "act": rows(_act, 256),
}
_PACK_MAY: Mapping[str, Read] = {
    "fact": rows(_fact, 256),
    "late_after_hours": _amount,
    "together_with": _acts,
    "note": phrase.text,
    "record": rows(_record, 512),
    "check": rows(_check, 256),
    "clock": rows(_clock, 256),
    "gate": rows(_gate, 16),
}
