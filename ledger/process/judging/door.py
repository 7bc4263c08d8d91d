"""The door for conclusions: which acts are some, whose they are, and which gates they meet.

An act is a conclusion if a gate of a rule pack in force for its agency names it, and in a gated
agency every decision is one, and every act of the stage of deciding that no pack knows. So neither
an act of the old form, which names no procedure, nor an invented name gets round a gate, nor the
procedure of a pack that has no such gate; nor does another agency, which could not have drawn it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date

from ledger.encoding import in_china
from ledger.errors import Malformed
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Stage, Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.calendar import registered_days
from ledger.process.judging.gated import HINTS, OWNER_HINT, PACK_HINT, Closed, Gated
from ledger.process.judging.gates import refusals_under
from ledger.process.judging.judged import Judged, judged, opening_day, opening_of
from ledger.process.registers.registry import Registry, Version
from ledger.process.rules.kept_packs import known_pack, named_in
from ledger.process.rules.rulepack import Conclusion, RulePack

CaseOf = Callable[[Statement], CaseFile]


def check_conclusion(proposed: Filed, case_of: CaseOf, registry: Registry) -> None:
    """Raises `Gated` unless the act may stand behind what has a number below its own.

    `proposed` has the number and the time that it would have in the log.
    """
    act = proposed.statement
    asked = _Asked(act, registry, proposed.number, in_china(proposed.at_ms).date())
    # Cheaply, before its case is read: whether the packs of anybody could say that it is one.
    if not asked.may_be_one(asked.everybodys()):
        return
    case = case_of(act)
    after = case.with_filed(proposed)
    waits = asked.is_one(asked.in_force_of(after.agency, act.agency))
    try:
        cases = judged(after, registry, registered_days(registry, after.agency, *asked.at))
    except Malformed as error:
        # Of what the unreadable one names nobody knows; what another in force names waits with it.
        if not act.is_decision and not waits:
            return
        raise Gated(f"the rule pack in force cannot be read: {error}", Closed.UNREADABLE) from None
    packs = [one.pack for one in cases]
    # Of today, or of when the case was opened: a pack whose time is over still judges its cases.
    if not waits and not asked.is_one_under(packs):
        return
    if after.agency != act.agency:
        raise Gated(
            f"case {case.case!r} is of {case.agency!r}, not of {act.agency!r}",
            Closed.AGENCY,
            hints=(HINTS[Closed.AGENCY], OWNER_HINT),
        )
    own = _own_pack(proposed, after, packs, registry)
    _check_met(cases, proposed)
    # A rule that applies behind a decision alone says nothing of a case in which nothing stands.
    if own and proposed.act not in own.opening and case.first(*own.opening) is None:
        raise Gated(
            f"{proposed.act!r} concludes what was never opened: want one of "
            f"{', '.join(own.opening)} before it",
            Closed.OPENING,
        )


def check_plain(proposed: Filed, registry: Registry, shipped: Sequence[RulePack], why: str) -> None:
    """While a row of a register is not what is logged, and nobody knows which packs there are:
    raises `Gated` unless the act is plain by all that are known. A name that none of them knows
    may be a conclusion of the one that is missing."""
    act = proposed.statement
    if not _names_a_case(act):
        return
    asked = _Asked(act, registry, proposed.number, in_china(proposed.at_ms).date())
    name, packs = act.predicate["act"], asked.everybodys()
    known = any(pack.act(name) for pack in shipped) or any(_knows(pack, name) for pack in packs)
    concludes = asked.is_one_under(shipped) or any(_names(pack, name) for pack in packs)
    if not known or act.stage is Stage.DECIDE or concludes:
        raise gated_by_altered(act, why)


def gated_by_altered(act: Statement, why: str) -> Gated:
    return Gated(f"whether {act.predicate['act']!r} may stand nobody knows: {why}", Closed.REGISTER)


def _check_met(cases: list[Judged], proposed: Filed) -> None:
    if found := refusals_under(cases, proposed):
        raise Gated(
            f"{proposed.act!r} has to wait: "
            + ("1 rule is not met" if len(found) == 1 else f"{len(found)} rules are not met"),
            Closed.RECORDS,
            [gap.to_json() for gap in found],
        )


def check_claimed(
    proposed: Filed, claimed: Conclusion, case_of: CaseOf, registry: Registry
) -> None:
    """Raises `Gated` unless packs have an act of that name which so concludes: whoever says of an
    act that it closes the case is told if no gate would look at it. Who has no packs may."""
    act = proposed.statement
    asked = _Asked(act, registry, proposed.number, in_china(proposed.at_ms).date())
    if not asked.everybodys():
        return
    packs = [known_pack(version.content) for version in asked.in_force_of(act.agency)]
    if _names_a_case(act):
        case = case_of(act).with_filed(proposed)
        days = registered_days(registry, case.agency, *asked.at)
        with suppress(Malformed):  # of what cannot be read nobody knows what it names
            packs += [one.pack for one in judged(case, registry, days, {})]
    known = {name for pack in packs if pack for name in pack.concluding(claimed)}
    if packs and act.predicate["act"] not in known:
        raise Gated(
            f"{act.predicate['act']!r} is no act of {act.agency!r} that can {claimed}: no rule "
            f"pack of it has such a gate; there are {', '.join(sorted(known)) or 'none'}",
            Closed.ACT,
        )


def _own_pack(
    proposed: Filed, after: CaseFile, packs: list[RulePack], registry: Registry
) -> RulePack | None:
    """That of its procedure, which must know it; none in a case from before there were any."""
    act = proposed.statement
    if "procedure" not in act.predicate:
        raise Gated(
            f"{act.predicate['act']!r} names no procedure, and {act.agency!r} has rule packs",
            Closed.PROCEDURE,
        )
    own = next((pack for pack in packs if pack.pack == proposed.procedure), None)
    if own is None and _had_packs(proposed, after, registry):
        raise Gated(
            f"no rule pack {proposed.procedure!r} of {act.agency!r} was in force when the case was "
            "opened",
            Closed.PACK,
            hints=(HINTS[Closed.PACK], PACK_HINT),
        )
    if own and own.conclusion(proposed.act) is None and not _merely_known(own, proposed):
        raise Gated(f"the rule pack {own.pack!r} has no conclusion {proposed.act!r}", Closed.ACT)
    return own


def _merely_known(pack: RulePack, proposed: Filed) -> bool:
    """An act of the pack that is none of its conclusions, though one of another pack: a service.

    What decides has always had to meet a gate, and what a pack does not know would by its
    procedure pass by the gate of the pack that does."""
    rule = pack.act(proposed.act)
    return (
        rule is not None and rule.stage is not Stage.DECIDE and not proposed.statement.is_decision
    )


def _had_packs(proposed: Filed, after: CaseFile, registry: Registry) -> bool:
    """Whether its agency had any when the case was opened: an older case is judged by none."""
    first = after.procedures()[proposed.procedure]
    opening = opening_of(after, proposed.procedure, first, registry)
    return has_packs(registry, after.agency, opening)


def has_packs(registry: Registry, agency: str, opening: Filed) -> bool:
    """Whether any was in force for an agency when a case was opened."""
    at = opening.number, opening_day(opening)
    subjects = {version.subject for version in registry.all_at(Registered.RULE_PACK, *at)}
    return any(registry.listed(Registered.RULE_PACK, name, agency, *at) for name in subjects)


class _Asked:
    """An act, and the rule packs as they are registered before its place."""

    def __init__(self, act: Statement, registry: Registry, number: int, day: date) -> None:
        self._act = act
        self._registry = registry
        self.at = number, day

    def may_be_one(self, packs: list[Version]) -> bool:
        """Whoever decides: an act that one agency's pack knows may be unknown to another's."""
        decides = self._act.stage is Stage.DECIDE and _names_a_case(self._act)
        return bool(packs) and (decides or self.is_one(packs))

    def is_one(self, packs: list[Version]) -> bool:
        """A conclusion under one of these packs; the opening of a provisional case is none."""
        act = self._act
        if not packs or not _names_a_case(act):
            return False
        name = act.predicate["act"]
        if act.is_decision or any(_names(pack, name) for pack in packs):
            return True
        # Under a name of its own making a decision would pass by all gates.
        return act.stage is Stage.DECIDE and not any(_knows(pack, name) for pack in packs)

    def is_one_under(self, packs: Sequence[RulePack]) -> bool:
        name = self._act.predicate["act"]
        return any(self._act.is_decision or pack.conclusion(name) is not None for pack in packs)

    def everybodys(self) -> list[Version]:
        """Whoever has registered them before, in force or not."""
        number, _ = self.at
        return [
            version
            for subject in self._registry.subjects(Registered.RULE_PACK)
            for version in self._registry.versions(Registered.RULE_PACK, subject)
            if version.number < number
        ]

    def in_force_of(self, *agencies: str) -> list[Version]:
        return [version for agency in agencies for version in self._in_force(agency)]

    def _in_force(self, agency: str) -> Iterator[Version]:
        """Of each name the agency's own, or else that of the nearest agency above it."""
        for subject in self._registry.subjects(Registered.RULE_PACK):
            found = self._registry.listed(Registered.RULE_PACK, subject, agency, *self.at)
            if found is not None:
                yield found


def _names_a_case(act: Statement) -> bool:
    return act.case is not None or "provisional" in act.predicate


def _names(version: Version, act: str) -> bool:
    """Of a pack that cannot be read nobody knows what it names: decisions alone wait for it."""
    named = named_in(version.content)
    return named is not None and act in named.concluding


def _knows(version: Version, act: str) -> bool:
    named = named_in(version.content)
    return named is not None and act in named.acts
