"""What the lists in force said of an act, at its place in the log and on its day.

A list in force for an agency is its own or, under a subject that it has none of, that of the
nearest agency above it. What a list says is read by `ledger.process.registers.lists`; one that
cannot be read is refused there, before the registrar signs it, and here again: nothing is judged
by half.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from ledger.errors import Malformed
from ledger.evidence.procedural import Registered
from ledger.process.registers.lists import READERS, Clause, Item, Major, Power, majors
from ledger.process.registers.registry import Registry, Version


@dataclass(frozen=True, slots=True)
class Seen:
    """The registers as an act of an agency sees them: its row's number, and its day."""

    registry: Registry
    agency: str
    number: int
    day: date

    def lists(self, register: Registered) -> Iterator[Version]:
        """The agency's first; of each subject the nearest."""
        subjects: set[str] = set()
        for owner in self.registry.above(self.agency, self.number, self.day):
            for version in self.registry.all_at(register, self.number, self.day, owner):
                if version.subject not in subjects:
                    subjects.add(version.subject)
                    yield version

    def powers(self) -> list[Power]:
        """Its own and those delegated to it."""
        delegated = self._rows(Registered.DELEGATED_POWERS)
        return [
            *self._rows(Registered.POWERS),
            *(row for row in delegated if row.to == self.agency),
        ]

    def majors(self, facts: Mapping[str, str]) -> list[Major]:
        return majors(self._rows(Registered.MAJOR_DECISIONS), facts)

    def forbidden(self, act: str) -> list[Item]:
        """Rows of the negative list that keep an act from auxiliaries, whoever is with them."""
        rows = self._rows(Registered.AUXILIARY_FORBIDDEN)
        return [row for row in rows if act in row.acts]

    def lenient(self, id_: str, version: str) -> Item | None:
        found: Item | None = self._cited(Registered.LENIENT, id_, version)
        return found

    def benchmark(self, id_: str, version: str) -> Clause | None:
        """A clause of a version in force on the day. `version` is the list's."""
        found: Clause | None = self._cited(Registered.BENCHMARKS, id_, version)
        return found

    def benchmark_ever(self, id_: str, version: str) -> Clause | None:
        """The same of any version logged before the act: that it was, and is not in force."""
        known = (
            entry
            for entry in self.registry.entries(Registered.BENCHMARKS)
            if entry.number < self.number and entry.version == version
        )
        found: Clause | None = self._find(id_, known)
        return found

    def was_altered(self, register: Registered, id_: str, version: str) -> bool:
        """Whether what is cited said otherwise before, under the same version of the same list: two
        papers that cite that version need not mean one thing then."""
        same = (listed for listed in self.lists(register) if listed.version == version)
        for listed in same:
            said = {
                row
                for entry in self.registry.versions(register, listed.subject)
                if (entry.agency, entry.version) == (listed.agency, version)
                and entry.number < self.number
                for row in _readable(register, entry.content)
                if row.id == id_
            }
            if said:
                return len(said) > 1
        return False

    def _cited(self, register: Registered, id_: str, version: str) -> Any:
        return self._find(id_, (v for v in self.lists(register) if v.version == version))

    def _find(self, id_: str, versions: Iterator[Version]) -> Any:
        rows = (row for version in versions for row in rows_of(version.register, version.content))
        return next((row for row in rows if row.id == id_), None)

    def _rows(self, register: Registered) -> Iterator[Any]:
        for version in self.lists(register):
            yield from rows_of(register, version.content)


def _readable(register: Registered, content: str) -> tuple[Any, ...]:
    try:
        return rows_of(register, content)
    except Malformed:
        return ()


@lru_cache(maxsize=64)
def rows_of(register: Registered, content: str) -> tuple[Any, ...]:
    return READERS[register](content)
