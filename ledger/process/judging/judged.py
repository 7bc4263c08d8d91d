"""A case under a rule pack: which one judges it, and what the pack's rules ask of the case.

A pack judges a case as soon as one of its acts names it as its procedure, and sees all acts of
the case, whatever procedure they name. It is the version in force when the case was opened: at
the place of the opening act in the log, for the day on which that is said to have occurred, and
at most a day before it was logged. A date alone, written back, chooses no older law.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from ledger.encoding import in_china
from ledger.errors import Malformed
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Stage, Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.calendar import Working
from ledger.process.deadlines.clocks import Running, runs_of
from ledger.process.deadlines.measures import Measure
from ledger.process.judging.reasons import Reasons
from ledger.process.judging.shares import Share, Shares
from ledger.process.registers.crew import CrewFinding, Wanted, crew_faults, register_differs
from ledger.process.registers.listed import Seen
from ledger.process.registers.registry import Registry, Version
from ledger.process.rules.condition import holds
from ledger.process.rules.kept_packs import read_pack
from ledger.process.rules.rulepack import Check, Record, RulePack

DAY_MS = 86_400_000
Look = Callable[[int, Statement, Registry, Wanted], list[CrewFinding]]


@dataclass(frozen=True)
class Judged:
    file: CaseFile
    pack: RulePack
    opening: Filed
    registry: Registry
    days: Working
    known: frozenset[tuple[str, str]] = frozenset()  # acts of all packs that judge it, by procedure

    def to_json(self) -> dict[str, str]:
        """Which pack judges, and since which act."""
        return {
            "opening": str(self.opening.number),
            "pack": self.pack.pack,
            "sha256": self.pack.sha256,
            "title": self.pack.title,
            "title_en": self.pack.title_en,
            "version": self.pack.version,
        }

    # What conditions ask.

    def stands(self, act: str) -> bool:
        return bool(self.file.acts(act))

    def last_of(self, *acts: str) -> str:
        last = self.file.last(*acts)
        return last.act if last else ""

    def facts(self, act: str) -> Iterable[Mapping[str, str]]:
        return [one.facts for one in self.file.acts(act)]

    def is_major(self, act: str) -> bool:
        """What a catalogue that cannot be read says nobody knows: then it is one."""
        try:
            return any(self.seen(one).majors(one.facts) for one in self.file.acts(act))
        except Malformed:
            return True

    def has_device(self, kind: str) -> bool:
        """As the register said of the device where its evidence stands."""
        return any(
            one.says("kind") == kind
            for name, filed in self.file.devices.items()
            # Of most devices it never said anything else.
            if any(one.says("kind") == kind for one in self._versions_of(name))
            for one in (self.registry.at(Registered.DEVICE, name, f.number, f.day) for f in filed)
            if one is not None
        )

    def _versions_of(self, device: str) -> Iterable[Version]:
        return self.registry.versions(Registered.DEVICE, device)

    # What rules ask.

    def applies(self, rule: Record | Check) -> bool:
        if self.measures(rule):
            return bool(self.shares(rule))
        return all(holds(condition, self) for condition in rule.when)

    def measures(self, rule: Record | Check) -> list[Measure]:
        """Of which the rule is asked one by one."""
        return self._shares_of(rule.each).measures if rule.each else []

    def shares(self, rule: Record | Check) -> list[Share]:
        """Those of them to which it applies."""
        found = self._shares_of(rule.each).of(rule)
        return [share for share in found if all(holds(one, share) for one in rule.when)]

    def all_measures(self) -> list[Measure]:
        """Of all clocks by which rules are asked of each."""
        clocks = {rule.each for rule in (*self.pack.records, *self.pack.checks) if rule.each}
        return [one for each in sorted(clocks) for one in self._shares_of(each).measures]

    def _shares_of(self, each: str) -> Shares:
        found = self._shares.get(each)
        if found is None:
            clock = self.pack.clock(each)
            assert clock is not None  # `RulePack` has looked
            found = self._shares[each] = Shares(self, clock)
        return found

    @cached_property
    def _shares(self) -> dict[str, Shares]:
        return {}

    def runs(self, record: Record, now_ms: int) -> list[Running]:
        """Of the clock by which what the record wants is due, as far as it started."""
        clock = self.pack.clock(record.clock)
        if clock is None or not all(holds(condition, self) for condition in clock.when):
            return []
        found = runs_of(clock, self.pack, self.file, lambda _: self.days, now_ms)
        return [run for run in found if run.started is not None]

    def seen(self, one: Filed) -> Seen:
        """The registers as an act sees them."""
        return Seen(self.registry, self.file.agency, one.number, one.day)

    def own(self) -> Iterable[Filed]:
        """What they are alike in is told once."""
        return (one for one in self.file.acts() if self.owns(one))

    def owns(self, one: Filed) -> bool:
        """Acts that name this pack, and those of its names under a procedure that no pack judges,
        or whose pack does not know them: nobody else would tell who did them."""
        if one.procedure == self.pack.pack:
            return True
        return (one.procedure, one.act) not in self.known and self.pack.act(one.act) is not None

    def stating(self) -> Iterable[Filed]:
        """Acts whose facts the pack must be able to read: its rules see all, whatever procedure
        they name. A pack that declares no facts looked at its own alone, and still does."""
        if self.pack.facts:
            return self.file.acts()
        return (one for one in self.file.acts() if one.procedure == self.pack.pack)

    def crew(self, one: Filed) -> list[CrewFinding]:
        differing = self._crew(one, register_differs)
        return [*self.crew_faults(one), *differing]

    def crew_faults(self, one: Filed) -> list[CrewFinding]:
        found = self._faults.get(one.number)
        if found is None:
            found = self._faults[one.number] = self._crew(one, crew_faults)
        return found

    @cached_property
    def come_to(self) -> int:
        """The latest stage of any act that the pack knows, by its place among the stages."""
        stages = {act.id: tuple(Stage).index(act.stage) for act in self.pack.acts}
        return max((stages.get(one.act, -1) for one in self.file.acts()), default=-1)

    @cached_property
    def reasons(self) -> Reasons:
        return Reasons(self.file, self.pack)

    @cached_property
    def _faults(self) -> dict[int, list[CrewFinding]]:
        return {}

    def _crew(self, one: Filed, look: Look) -> list[CrewFinding]:
        rule = self.pack.act(one.act)
        if rule is None:
            return []
        wanted = Wanted(rule.verb, rule.officers, self.pack.kind)
        return look(one.number, one.statement, self.registry, wanted)


def judged(
    file: CaseFile, registry: Registry, days: Working, unread: dict[str, Filed] | None = None
) -> list[Judged]:
    """Under each pack that an act of the case names and that was in force at its opening.

    A part of a procedure, such as the hearing, brings the whole along: nobody leaves the rest out
    by naming the part alone. Raises `Malformed` of a pack that cannot be read; with `unread`, such
    a pack's procedure goes there with the first act that names it, as long as others are read."""
    found: dict[str, Judged] = {}
    fault: Malformed | None = None
    named = file.procedures()
    while named:
        procedure, first = next(iter(named.items()))
        del named[procedure]
        try:
            opening, pack = _opened_under(file, procedure, first, registry)
        except Malformed as error:
            if unread is None:
                raise
            unread[procedure], fault = first, error
            continue
        if pack is None:
            continue
        found[procedure] = Judged(file, pack, opening, registry, days)
        named |= {other: first for other in pack.together_with if other not in found | named}
    if fault is not None and not found:
        raise fault
    known = frozenset((case.pack.pack, act.id) for case in found.values() for act in case.pack.acts)
    return [replace(case, known=known) for case in found.values()]


def _opened_under(
    file: CaseFile, procedure: str, first: Filed, registry: Registry
) -> tuple[Filed, RulePack | None]:
    """The opening and the pack in force there; or of a case from before there was one, which
    nothing judges, an opening act that was logged anew when there was."""
    opening = opening_of(file, procedure, first, registry)
    pack = pack_at(procedure, opening, file.agency, registry)
    if pack is None and registry.versions(Registered.RULE_PACK, procedure):
        for one in (one for one in file.acts() if one.procedure == procedure):
            later = pack_at(procedure, one, file.agency, registry)
            if later is not None and one.act in later.opening:
                return one, later
    return opening, pack


def opening_of(file: CaseFile, procedure: str, first: Filed, registry: Registry) -> Filed:
    """The first act that the pack calls an opening; without one, the first that names the pack."""
    pack = pack_at(procedure, first, file.agency, registry)
    return (file.first(*pack.opening) if pack else None) or first


def pack_at(procedure: str, opening: Filed, agency: str, registry: Registry) -> RulePack | None:
    """The agency's own, or else that of the nearest agency above. Raises `Malformed`."""
    day = opening_day(opening)
    version = registry.listed(Registered.RULE_PACK, procedure, agency, opening.number, day)
    return None if version is None else read_pack(version.content)


def opening_day(opening: Filed) -> date:
    claimed = max(opening.start_ms, opening.at_ms - DAY_MS)
    return in_china(min(claimed, opening.at_ms)).date()
