"""Which facts the rules of a pack look at: each must be declared, in a kind that the rule reads."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ledger.errors import Malformed
from ledger.process.rules.condition import Condition, all_says
from ledger.process.rules.facts import (
    AMOUNT,
    DAYS,
    FROM,
    MEDIUM,
    NEW_FACTS,
    RECORDING,
    TO,
    FactKind,
    FactRule,
)
from ledger.process.rules.pack_rows import Check, Clock, Record, Rule


@dataclass(frozen=True, slots=True)
class Use:
    """That a rule looks at a fact of an act, named under the key `at`: which kind it reads, which
    word of a choice it asks for; without a kind it compares or demands whatever is said."""

    act: str
    fact: str
    at: str
    kind: FactKind | None = None
    word: str = ""


# Of each kind of check: which parameter names the fact, which one the act, and the kind it reads.
_COMPARED: Mapping[str, tuple[tuple[str, str, FactKind | None], ...]] = {
    "same_fact": (("fact", "act", None), ("of_fact", "of", None)),
    "at_most": (("fact", "act", FactKind.AMOUNT),),
    "no_more_than": (("fact", "act", FactKind.AMOUNT), ("of_fact", "of", FactKind.AMOUNT)),
    "in_band": (
        ("fact", "act", FactKind.AMOUNT),
        ("clause", "act", None),
        ("version", "act", None),
    ),
    "cited": (("clause", "act", None), ("version", "act", None)),
    "not_heavier": (("fact", "act", FactKind.AMOUNT), ("fact", "of", FactKind.AMOUNT)),
}


def uses_of(rule: Rule | Clock) -> Iterator[Use]:
    yield from _asked(rule.when)
    match rule:
        case Record():
            for act in rule.acts:
                yield from (Use(act, fact, "facts") for fact in rule.facts)
                if rule.shows:
                    yield Use(act, rule.shows, "shows", FactKind.SHOWN)
        case Check():
            yield from _of_check(rule)
        case Clock():
            yield from _of_clock(rule)


def _asked(when: Iterable[Condition]) -> Iterator[Use]:
    for said in all_says(when):
        yield Use(said.act, said.fact, "when", FactKind.CHOICE, said.value)


def _of_check(check: Check) -> Iterator[Use]:
    given = check.given
    for fact, act, kind in _COMPARED.get(check.check, ()):
        yield Use(given[act], given[fact], fact, kind)
    match check.check:
        case "fact_is":
            yield Use(given["act"], given["fact"], "is", FactKind.CHOICE, given["is"])
        case "not_heavier":
            yield Use(given["act"], NEW_FACTS, "check")
        case "kind_not_heavier":
            yield Use(given["act"], NEW_FACTS, "check")
            for act in (given["act"], given["of"]):
                for word in (word for words in given["order"] for word in words):
                    yield Use(act, given["fact"], "order", FactKind.CHOICE, word)
        case "timecoded":
            for act in given["acts"]:
                yield Use(act, MEDIUM, "check", FactKind.CHOICE, RECORDING)


def _of_clock(clock: Clock) -> Iterator[Use]:
    if clock.start_fact:
        for act in clock.start:
            yield Use(act, clock.start_fact, "from_fact", FactKind.DAY)
    if clock.matched_by:
        acts = (*clock.start, *clock.until, clock.extended_by, clock.excluded)
        labels = FactKind.TEXT
        yield from (Use(act, clock.matched_by, "matched_by", labels) for act in acts if act)
    if clock.extended_by:
        yield Use(clock.extended_by, DAYS, "extended_by", FactKind.NUMBER)
    if clock.excluded:
        for fact in (FROM, TO):
            yield Use(clock.excluded, fact, "excluded", FactKind.DAY)
    if clock.amount_of:
        yield Use(clock.amount_of, AMOUNT, "amount_of", FactKind.AMOUNT)


def check_use(use: Use, rule: FactRule | None, path: str) -> None:
    """That the fact is declared so that whoever looks at it can read it."""
    if rule is None:
        raise Malformed(f"no [[fact]] declares the fact {use.fact!r} of {use.act!r}", path=path)
    if use.kind is not None and use.kind is not rule.kind:
        raise Malformed(
            f'want the fact {use.fact!r} of {use.act!r} declared with kind = "{use.kind}"',
            path=path,
        )
    if use.word and use.word not in rule.values:
        words = ", ".join(rule.values)
        raise Malformed(
            f"want one of {words} of the fact {use.fact!r} of {use.act!r}, got {use.word!r}",
            path=path,
        )
