"""A rule pack: the law of one procedure as data, a TOML file that a lawyer reads and changes.

    pack = RulePack.from_text(text)
    pack.act("penalty_decision").stage          # Stage.DECIDE

The names of acts are common to all packs: a record looks for its acts wherever in the case they
were filed. Unknown acts, sources and facts are refused with the place where they are named.

A pack that declares no fact at all is one as they were before facts were declared. It is read, and
judges as it always did: a case is judged by the pack in force when it was opened.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from ledger.errors import Malformed
from ledger.evidence.statement import Stage
from ledger.process.rules.condition import acts_of, says_of
from ledger.process.rules.fact_uses import Use, check_use, uses_of
from ledger.process.rules.facts import FactKind, FactRule
from ledger.process.rules.pack_reading import CHECKS, TABLES, read_tables
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
    Rule,
    Sickness,
    Source,
)
from ledger.process.tables import check_distinct
from ledger.suite import digest

__all__ = [
    "CHECKS",
    "ActRule",
    "Check",
    "Clock",
    "Conclusion",
    "Gate",
    "Level",
    "Meaning",
    "Record",
    "Recording",
    "Rule",
    "RulePack",
    "Sickness",
    "Source",
]


@dataclass(frozen=True)
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
    facts: tuple[FactRule, ...]
    records: tuple[Record, ...]
    checks: tuple[Check, ...]
    clocks: tuple[Clock, ...]
    gates: tuple[Gate, ...]
    sha256: str = ""  # of the text that it was read from: two texts may state one version

    def act(self, name: str) -> ActRule | None:
        return next((act for act in self.acts if act.id == name), None)

    def source(self, id_: str) -> Source:
        return next(source for source in self.sources if source.id == id_)

    def fact(self, name: str, act: str) -> FactRule | None:
        """As declared for that act, or else for all acts."""
        return self._declared.get((name, act)) or self._declared.get((name, ""))

    @cached_property
    def _declared(self) -> Mapping[tuple[str, str], FactRule]:
        return {(fact.id, act): fact for fact in self.facts for act in fact.acts or ("",)}

    def asked_of(self, act: str) -> dict[str, set[str]]:
        """Facts of an act on which rules depend, each with the words that they look for."""
        found: dict[str, set[str]] = {}
        rules: list[Rule | Clock] = [*self.records, *self.checks, *self.clocks]
        for rule in rules:
            for said in says_of(rule.when, act):
                found.setdefault(said.fact, set()).add(said.value)
        return found

    def clock(self, id_: str) -> Clock | None:
        return next((clock for clock in self.clocks if clock.id == id_), None)

    def counts_working_days(self, clock: Clock) -> bool:
        return clock.working or self.source(clock.source).counts_working_days(clock.days)

    def conclusion(self, act: str) -> Conclusion | None:
        return next((gate.conclusion for gate in self.gates if act in gate.acts), None)

    def concluding(self, conclusion: Conclusion) -> set[str]:
        """Acts that so conclude. Some packs serve without a gate, as on the spot."""
        found = {act for gate in self.gates if gate.conclusion is conclusion for act in gate.acts}
        serves = conclusion is Conclusion.SERVE
        return found | {act.id for act in self.acts if serves and act.stage is Stage.SERVE}

    @classmethod
    def from_text(cls, text: str) -> Self:
        found = read_tables(text)
        pack = cls(
            found["pack"],
            found["title"],
            found["title_en"],
            found["version"],
            found["kind"],
            found["opening"],
            found.get("late_after_hours", 24),
            found.get("together_with", ()),
            *(found.get(table, ()) for table in TABLES),
        )
        pack._check()
        return replace(pack, sha256=digest(text.encode()).hex())

    def _check(self) -> None:
        for table, parts in zip(TABLES, self._tables(), strict=True):
            if table not in ("fact", "gate"):
                check_distinct([part.id for part in parts], table)
        self._check_declared_once()
        _check_named(self.opening, self._act_names, "opening")
        for table, parts in zip(TABLES, self._tables(), strict=True):
            for n, part in enumerate(parts, start=1):
                self._check_row(part, f"{table}[{n}]")

    @cached_property
    def _act_names(self) -> frozenset[str]:
        return frozenset(act.id for act in self.acts)

    def _tables(self) -> tuple[tuple[Any, ...], ...]:
        """In the order of `TABLES`."""
        return (
            self.sources,
            self.acts,
            self.facts,
            self.records,
            self.checks,
            self.clocks,
            self.gates,
        )

    def _check_declared_once(self) -> None:
        known: set[tuple[str, str]] = set()
        for n, fact in enumerate(self.facts, start=1):
            for act in fact.acts or ("",):
                if (fact.id, act) in known:
                    raise Malformed(
                        f"the fact {fact.id!r} of {act or 'all acts'!r} is declared twice",
                        path=f"fact[{n}].id",
                    )
                known.add((fact.id, act))

    def _check_row(self, part: Any, path: str) -> None:
        _check_named(_acts_named(part), self._act_names, path)
        if not isinstance(part, Rule | Clock):
            return
        _check_named([part.source], {source.id for source in self.sources}, f"{path}.source")
        if isinstance(part, Check):
            self._check_demanded(part, f"{path}.fact")
        if isinstance(part, Record) and part.clock:
            self._check_clock(part, f"{path}.clock")
        if isinstance(part, Rule) and part.each:
            self._check_each(part, f"{path}.each")
        if self.facts:
            for use in uses_of(part):
                check_use(use, self.fact(use.fact, use.act), f"{path}.{use.at}")

    def _check_clock(self, record: Record, path: str) -> None:
        """Whatever meets the record must end the clock: else it runs on over what is there."""
        _check_named([record.clock], {clock.id for clock in self.clocks}, path)
        clock = self.clock(record.clock)
        assert clock is not None
        if clock.meaning is not Meaning.DUTY:
            raise Malformed(f"{clock.id!r} is no duty: nothing is due when it is over", path=path)
        if other := sorted(set(record.acts) - set(clock.until)):
            raise Malformed(f"want {other[0]!r} to end the clock {clock.id!r}", path=path)

    def _check_each(self, rule: Rule, path: str) -> None:
        """Without a number of its measure on each paper nobody could say whose it is."""
        _check_named([rule.each], {clock.id for clock in self.clocks}, path)
        clock = self.clock(rule.each)
        assert clock is not None
        if clock.starts != "each":
            raise Malformed(f"{clock.id!r} does not start with each of its acts", path=path)
        if isinstance(rule, Record) and rule.clock:
            raise Malformed(
                "want each or clock: a clock that starts with each asks each", path=path
            )
        for act in _acts_named(rule) if self.facts else ():
            check_use(
                Use(act, clock.matched_by, "each", FactKind.TEXT),
                self.fact(clock.matched_by, act),
                path,
            )

    def _check_demanded(self, check: Check, path: str) -> None:
        """A check passes over a fact that is not stated: some record must demand it."""
        if check.check != "fact_is":
            return
        act, fact = check.given["act"], check.given["fact"]
        demanded = any(act in record.acts and fact in record.facts for record in self.records)
        if not demanded:
            raise Malformed(f"no record demands the fact {fact!r} of {act!r}", path=path)


def _check_named(names: Iterable[str], known: Iterable[str], path: str) -> None:
    if unknown := sorted(set(names) - set(known)):
        raise Malformed(f"no {unknown[0]!r} in this pack", path=path)


_NAMES_ACTS = frozenset({"act", "of", "acts", "after"})


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
            between = (act for pair in part.not_counted for act in pair)
            named = (part.extended_by, part.excluded, part.amount_of, *between)
            yield from (act for act in named if act)
        case FactRule() | Gate():
            yield from part.acts
