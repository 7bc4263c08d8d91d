"""Who acted: whether the crew of an act may do it, by the registers as they stood there.

Six verbs are reserved to officers (苏法治办〔2021〕17号 二(三)): filing a case, accepting it,
investigating, reviewing, deciding, coercive measures. A penalty wants two of them (处罚法 42),
the rest one; auxiliaries help, and never count. An officer is qualified if he is registered, on
the establishment, in post and certified, of the agency or of one that acts in its name, on the
day on which the act begins and on the one on which it ends.

The verdict is that of the place where the act stands in the log. Where the registers said
something else when it occurred, or say so now, that is told as a notice and changes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ledger.encoding import in_china
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Statement
from ledger.process.registers.listed import Seen
from ledger.process.registers.registry import Registry

LATEST = 2**63 - 1  # a place after all others
YES = "yes"
SINGLE = "single_officer_basis"  # fact of an act: by which law one officer is enough (处罚法 42)


class Verb(StrEnum):
    """立案 受理 调查 审核 作出决定 实施行政强制措施."""

    FILE_CASE = "file_case"
    ACCEPT = "accept"
    INVESTIGATE = "investigate"
    REVIEW = "review"
    DECIDE = "decide"
    COERCE = "coerce"


class Lack(StrEnum):
    """Why someone named as an officer does not count as one."""

    UNREGISTERED = "unregistered"
    AUXILIARY = "auxiliary"
    NOT_IN_FORCE = "not_in_force"
    NOT_ESTABLISHED = "not_established"
    NOT_IN_POST = "not_in_post"
    NOT_CERTIFIED = "not_certified"
    OTHER_AGENCY = "other_agency"
    SAME_PERSON = "same_person"


class CrewRule(StrEnum):
    AGENCY_UNANNOUNCED = "agency_unannounced"
    AUXILIARIES_ALONE = "auxiliaries_alone"
    CREW_SHORT = "crew_short"
    OFFICER_UNQUALIFIED = "officer_unqualified"
    AUXILIARY_FORBIDDEN = "auxiliary_forbidden"
    AUXILIARY_UNREGISTERED = "auxiliary_unregistered"
    DELEGATION_UNPUBLISHED = "delegation_unpublished"
    SINGLE_OFFICER = "single_officer"
    REGISTER_DIFFERS = "register_differs"


@dataclass(frozen=True, slots=True)
class CrewFinding:
    """`level` and `sickness` are words of the rule packs: serious subject, notice procedure …"""

    rule: CrewRule
    level: str
    sickness: str
    source: str
    article: str
    facts: Mapping[str, str]


_LACKS = (
    ("established", Lack.NOT_ESTABLISHED),
    ("in_post", Lack.NOT_IN_POST),
    ("certified", Lack.NOT_CERTIFIED),
)
_OPINION = "市级实施意见"
_PENALTY = "处罚法"
_COERCION = "强制法"


@dataclass(frozen=True, slots=True)
class _Bench:
    """An act, and the registers seen from one place."""

    registry: Registry
    act: Statement
    verb: str
    number: int
    days: tuple[date, ...]

    def lack(self, certificate: str) -> Lack | None:
        return next((x for day in self.days if (x := self._lack(certificate, day))), None)

    def unannounced(self) -> bool:
        return any(self._unannounced(day) for day in self.days)

    def known(self, number: int) -> bool:
        at = self.registry.at
        return all(at(Registered.AGENCY, self.act.agency, number, day) for day in self.days)

    def person(self, certificate: str) -> str:
        found = self.registry.at(Registered.OFFICER, certificate, self.number, self.days[0])
        return (found.says("person") if found else "") or certificate

    def unpublished(self, certificate: str) -> Iterator[str]:
        """Delegations by which he acts for the agency, where none of them is published."""
        for day in self.days:
            officer = self.registry.at(Registered.OFFICER, certificate, self.number, day)
            if officer is None or officer.agency == self.act.agency:
                continue
            found = self._delegations(officer.agency, day)
            if found and not any(published == YES for _, published in found):
                yield found[0][0]

    def _lack(self, certificate: str, day: date) -> Lack | None:
        officer = self.registry.at(Registered.OFFICER, certificate, self.number, day)
        if officer is None:
            other = self.registry.at(Registered.AUXILIARY, certificate, self.number, day)
            return Lack.AUXILIARY if other else Lack.UNREGISTERED
        if not officer.covers(day):
            return Lack.NOT_IN_FORCE
        for fact, lack in _LACKS:
            if officer.says(fact) != YES:
                return lack
        if officer.agency == self.act.agency:
            return None
        # The power to take coercive measures is delegated to nobody (强制法 17).
        delegated = self.verb != Verb.COERCE and self._delegations(officer.agency, day)
        return None if delegated else Lack.OTHER_AGENCY

    def _delegations(self, to: str, day: date) -> list[tuple[str, str]]:
        found = self.registry.all_at(Registered.DELEGATION, self.number, day)
        parties = {"from": self.act.agency, "to": to}
        return [
            (version.subject, version.says("published"))
            for version in found
            if all(version.says(party) == agency for party, agency in parties.items())
        ]

    def _unannounced(self, day: date) -> bool:
        agency = self.registry.at(Registered.AGENCY, self.act.agency, self.number, day)
        if agency is None or not agency.covers(day):
            return True
        # ISO days compare as text; what is no such day is after none of them.
        return not "" < agency.says("announced") <= day.isoformat()


def days_of(act: Statement) -> tuple[date, ...]:
    """The first and the last day in China of what a statement speaks of."""
    occurred = act.occurred
    if occurred is None:
        return ()
    first, last = in_china(occurred.start_ms).date(), in_china(occurred.end_ms).date()
    return (first,) if first == last else (first, last)


def wanted_officers(verb: str, stated: int, kind: str) -> int:
    """How many a rule wants: what its pack says, and at least one for a reserved verb."""
    if not verb:
        return stated
    return stated or (2 if kind == "penalty" else 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The pack's words for an act: which verb, how many officers, of what kind of pack."""

    verb: str
    officers: int
    kind: str


def crew_faults(
    number: int, act: Statement, registry: Registry, wanted: Wanted
) -> list[CrewFinding]:
    """The verdict, which is that of the act's own place: `number` is its row in the log."""
    if not (days := days_of(act)):
        return []
    bench = _Bench(registry, act, wanted.verb, number, days)
    count = wanted_officers(wanted.verb, wanted.officers, wanted.kind)
    return [
        *(_agency(bench) if wanted.verb else ()),
        *_crew(bench, count, _source(wanted.verb, count)),
        *_auxiliaries(bench),
        *_forbidden(bench),
    ]


def register_differs(
    number: int, act: Statement, registry: Registry, wanted: Wanted
) -> list[CrewFinding]:
    """Notices: what the registers said of the same day elsewhere in the log."""
    if not (days := days_of(act)):
        return []
    return list(_differing(_Bench(registry, act, wanted.verb, number, days)))


def _source(verb: str, wanted: int) -> tuple[str, str]:
    if wanted < 2:
        return _OPINION, "二(三)"
    return (_COERCION, "18") if verb == Verb.COERCE else (_PENALTY, "42")


def _agency(bench: _Bench) -> Iterator[CrewFinding]:
    if bench.unannounced():
        yield CrewFinding(
            CrewRule.AGENCY_UNANNOUNCED,
            "serious",
            "subject",
            _OPINION,
            "二(一)",
            {"agency": bench.act.agency},
        )


def _crew(bench: _Bench, wanted: int, source: tuple[str, str]) -> Iterator[CrewFinding]:
    named = _named(bench, "officers")
    lacks = _lacks(bench, named)
    qualified = [certificate for certificate in named if certificate not in lacks]
    counts = {"wanted": str(wanted), "qualified": str(len(qualified)), "named": str(len(named))}
    basis = _single(bench)
    if basis and wanted == 2 and qualified:
        yield CrewFinding(
            CrewRule.SINGLE_OFFICER, "notice", "procedure", *source, {"basis": basis} | counts
        )
        wanted = 1
    short = len(qualified) < wanted
    for certificate, lack in lacks.items():
        facts = {"lack": str(lack), "officer": certificate} | counts
        level = "serious" if short else "ordinary"
        yield CrewFinding(CrewRule.OFFICER_UNQUALIFIED, level, "subject", _OPINION, "二(二)", facts)
    if wanted and not named and _named(bench, "auxiliaries"):
        yield CrewFinding(
            CrewRule.AUXILIARIES_ALONE, "serious", "subject", _OPINION, "二(三)", counts
        )
    elif len(named) < wanted:
        yield CrewFinding(CrewRule.CREW_SHORT, "serious", "procedure", *source, counts)
    for certificate in qualified:
        for delegation in bench.unpublished(certificate):
            facts = {"delegation": delegation, "officer": certificate}
            yield CrewFinding(
                CrewRule.DELEGATION_UNPUBLISHED, "ordinary", "subject", _PENALTY, "20", facts
            )


def _single(bench: _Bench) -> str:
    """A law alone makes an exception, and of coercive measures none does (强制法 18)."""
    basis = str(bench.act.predicate.get("facts", {}).get(SINGLE, ""))
    return basis if "法" in basis and bench.verb != Verb.COERCE else ""


def _lacks(bench: _Bench, named: list[str]) -> dict[str, Lack]:
    """Of those named, who does not count; of one person's certificates the first does."""
    found: dict[str, Lack] = {}
    persons: set[str] = set()
    for certificate in named:
        lack = bench.lack(certificate)
        person = bench.person(certificate)
        if lack is None and person in persons:
            lack = Lack.SAME_PERSON
        if lack is None:
            persons.add(person)
        else:
            found[certificate] = lack
    return found


def _auxiliaries(bench: _Bench) -> Iterator[CrewFinding]:
    for name in _named(bench, "auxiliaries"):
        found = [
            bench.registry.at(Registered.AUXILIARY, name, bench.number, day) for day in bench.days
        ]
        if not all(
            version and version.covers(day) for version, day in zip(found, bench.days, strict=True)
        ):
            yield CrewFinding(
                CrewRule.AUXILIARY_UNREGISTERED,
                "notice",
                "subject",
                _OPINION,
                "二(三)",
                {"auxiliary": name},
            )


def _forbidden(bench: _Bench) -> Iterator[CrewFinding]:
    """The negative list keeps an act from auxiliaries even where officers are with them."""
    names = _named(bench, "auxiliaries")
    seen = Seen(bench.registry, bench.act.agency, bench.number, bench.days[0])
    for item in seen.forbidden(bench.act.predicate["act"]) if names else ():
        facts = {"auxiliaries": "、".join(names), "item": item.id, "name": item.name}
        yield CrewFinding(
            CrewRule.AUXILIARY_FORBIDDEN, "ordinary", "subject", _OPINION, "一(四)", facts
        )


def _differing(bench: _Bench) -> Iterator[CrewFinding]:
    """What the registers said of the same day when the act occurred, and what they say now."""
    occurred = bench.act.occurred
    then = bench.registry.logged_by(occurred.end_ms) if occurred else None
    # An agency that was in no register then had not begun to keep them here.
    if then is not None and not bench.known(then):
        then = None
    others = {"occurred": then, "now": LATEST}
    for when, number in others.items():
        if number is None:
            continue
        other = _Bench(bench.registry, bench.act, bench.verb, number, bench.days)
        if bench.verb and other.unannounced() != bench.unannounced():
            said = "unannounced" if other.unannounced() else "announced"
            yield _differs(when, said, {"agency": bench.act.agency}, "二(一)")
        for certificate in _named(bench, "officers"):
            lack = other.lack(certificate)
            if lack != bench.lack(certificate):
                yield _differs(when, lack or "qualified", {"officer": certificate}, "二(二)")


def _differs(when: str, said: str, facts: Mapping[str, str], article: str) -> CrewFinding:
    facts = {"said": str(said), "when": when, **facts}
    return CrewFinding(CrewRule.REGISTER_DIFFERS, "notice", "subject", _OPINION, article, facts)


def _named(bench: _Bench, field: str) -> list[str]:
    return list(bench.act.predicate.get(field, ()))
