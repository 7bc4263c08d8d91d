"""Registers as of any place in the log: who was what, and which list was in force, for which day.

    registry.at(Registered.OFFICER, "320501-0417", number=73_894, day=date(2026, 3, 2))

Of the versions that stand before the place `number`, the one that governs a day is the last in
the log among those that begin on or before it; it is valid if it covers the day. So a withdrawal
is a new version with an end, and no version logged later, however it is dated, changes what is
said of an act that stands before it.

What is registered twice under one subject is one thing, whoever registers it: a certificate goes
with its officer to another agency. A list is its agency's: two have each their own `powers`.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from ledger.evidence.procedural import LISTS, InForce, Registered
from ledger.evidence.statement import Kind, Statement

MAX_ABOVE = 8  # agencies from a street up to its city; a ring of parents ends here too


@dataclass(frozen=True, slots=True)
class Version:
    """One entry of a register: `facts` of whom or what, or the `content` of a list."""

    number: int  # of its row in the log; the first that it holds for is the next
    register: Registered
    subject: str
    agency: str
    in_force: InForce
    facts: Mapping[str, str] = field(default_factory=dict)
    content: str = ""
    version: str = ""
    at_ms: int | None = None  # when it was logged, where that is known
    note: str = ""  # why it was registered, as whoever did it says

    def covers(self, day: date) -> bool:
        return self.in_force.covers(day)

    def says(self, fact: str) -> str:
        return self.facts.get(fact, "")


class Registry:
    """Built from register statements in log order; asked for any place and day."""

    def __init__(self) -> None:
        self._versions: dict[Registered, dict[str, list[Version]]] = {r: {} for r in Registered}
        self._added: list[Version] = []
        self._timed = True  # whether of each it is known when it was logged

    def add(self, number: int, statement: Statement, at_ms: int | None = None) -> None:
        """That the registrar signed it is for the caller to know. Other statements pass by."""
        predicate = statement.predicate
        if statement.kind is not Kind.REGISTER or "register" not in predicate:
            return
        version = Version(
            number,
            Registered(predicate["register"]),
            predicate["subject"],
            statement.agency,
            InForce.from_json(predicate["in_force"]),
            predicate.get("facts", {}),
            predicate.get("content", ""),
            predicate.get("version", ""),
            at_ms,
            predicate.get("note", ""),
        )
        versions = self._versions[version.register].setdefault(version.subject, [])
        if self._added and self._added[-1].number >= number:
            raise ValueError(f"want entries in the order of the log, got {number} again or late")
        versions.append(version)
        self._added.append(version)
        self._timed &= at_ms is not None

    def at(
        self, register: Registered, subject: str, number: int, day: date, agency: str = ""
    ) -> Version | None:
        """The governing version, valid or not; with `agency`, of those that it has registered."""
        for version in reversed(self.versions(register, subject)):
            if agency not in ("", version.agency):
                continue
            if version.number < number and version.in_force.start <= day:
                return version
        return None

    def all_at(
        self, register: Registered, number: int, day: date, agency: str = ""
    ) -> list[Version]:
        """What is valid, by subject; with `agency`, what is that agency's on this day."""
        found = (
            self.at(register, subject, number, day, owner)
            for subject, owner in self._owned(register)
        )
        return [
            version
            for version in found
            if version and version.covers(day) and agency in ("", version.agency)
        ]

    def versions(self, register: Registered, subject: str) -> tuple[Version, ...]:
        """All of them in log order, whatever came of them."""
        return tuple(self._versions[register].get(subject, ()))

    def entries(self, register: Registered) -> list[Version]:
        """All that was ever said in a register, in log order."""
        return [version for version in self._added if version.register is register]

    def subjects(self, register: Registered) -> list[str]:
        return sorted(self._versions[register])

    def logged_by(self, at_ms: int) -> int | None:
        """The place before which all stands that was logged by then; None if that is not known."""
        if not self._timed:
            return None
        index = bisect_right(self._added, at_ms, key=lambda version: version.at_ms or 0)
        return self._added[index - 1].number + 1 if index else 0

    def above(self, agency: str, number: int, day: date) -> list[str]:
        """The agency itself, then its `parent`, then that one's."""
        chain = [agency]
        while len(chain) < MAX_ABOVE:
            registered = self.at(Registered.AGENCY, chain[-1], number, day)
            parent = registered.says("parent") if registered else ""
            if not parent or parent in chain:
                break
            chain.append(parent)
        return chain

    def below(self, agency: str, number: int, day: date) -> set[str]:
        """The agency itself, and all agencies that have it above them."""
        agencies = {version.subject for version in self.all_at(Registered.AGENCY, number, day)}
        return {agency} | {a for a in agencies if agency in self.above(a, number, day)}

    def listed(
        self, register: Registered, subject: str, agency: str, number: int, day: date
    ) -> Version | None:
        """A list in force for an agency: its own, or else that of the nearest agency above."""
        for owner in self.above(agency, number, day):
            version = self.at(register, subject, number, day, owner)
            if version is not None and version.covers(day):
                return version
        return None

    def _owned(self, register: Registered) -> Iterator[tuple[str, str]]:
        """Each subject once; of lists, each for every agency that has one of that name."""
        for subject in self.subjects(register):
            if register in LISTS:
                owners = {version.agency for version in self.versions(register, subject)}
                yield from ((subject, owner) for owner in sorted(owners))
            else:
                yield subject, ""
