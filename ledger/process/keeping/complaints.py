"""Which recordings a complaint may be about: by time, and rather too many than one too few.

A complaint names a time as somebody remembers it. A recording counts if the time that it claims,
or one that a station or a person has corrected it to, is within that time, give or take what the
clock may be off. A device whose clock nobody has compared may be off by anything: then what was
logged in the days after counts too. The place does not narrow it down: what one calls by the
name of a street another calls by the name of a shop, and a hold too many is lifted again. But
what a complaint names and a recording has, device, crew or place, makes that one likelier, and
it is told first.

They are those of the complaint's agency and of the agencies below it, to which a letter to the
bureau is passed on; and those of the devices that it names, whosever they are.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from ledger.encoding import parse_time
from ledger.errors import Malformed
from ledger.evidence.statement import Kind, Statement

COMPARED_MS = 5 * 60_000  # how far a clock may be off that a station has compared
CLAIMED_MS = 60 * 60_000  # and one that nobody has
DOCKED_MS = 3 * 86_400_000  # within which a recorder was brought to its station
EVER = (-(2**62), 2**62)

TIMES = ("corrected", "occurred")  # of a correction's changes
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]{8,12}(?:Z|[+-]\d\d:\d\d)", re.ASCII)
LIKELY = ("device", "crew", "place")  # the more telling first

Span = tuple[int, int]  # milliseconds since the epoch, both included


def spans_of(statement: Statement, at_ms: int) -> Iterator[Span]:
    """When a recording may have been made that was logged at `at_ms`; of all else nothing."""
    if statement.kind is not Kind.EVIDENCE:
        return
    occurred, corrected = statement.occurred, statement.corrected
    margin = CLAIMED_MS if corrected is None else COMPARED_MS
    for one in (occurred, corrected):
        if one is not None:
            yield one.start_ms - margin, one.end_ms + margin
    if corrected is None and "device" in statement.predicate:
        yield at_ms - DOCKED_MS, at_ms


def corrected_spans(statement: Statement) -> Iterator[Span]:
    """When that which a correction speaks of may have been made too, by what it says of times."""
    if statement.kind is not Kind.CORRECTION:
        return
    changes = statement.predicate["changes"]
    for text in (changes[field] for field in TIMES if field in changes):
        try:
            found = [parse_time(time) for time in _TIME.findall(text)]
        except Malformed:
            found = []
        # In words, it may be any time for all that can be read.
        yield (min(found) - CLAIMED_MS, max(found) + CLAIMED_MS) if found else EVER


@dataclass(frozen=True, slots=True)
class Complaint:
    """What of a complaint says which recordings it may be about; the time as it is remembered."""

    id: str
    agency: str
    seen: Span
    place: str = ""
    devices: frozenset[str] = frozenset()
    officers: frozenset[str] = frozenset()

    @classmethod
    def of(cls, statement: Statement) -> Self:
        said = statement.predicate
        span = parse_time(said["seen"]["from"]), parse_time(said["seen"]["to"])
        named = (frozenset(said.get(field, ())) for field in ("devices", "officers"))
        return cls(statement.id, statement.agency, span, said["place"], *named)

    def matches(self, statement: Statement, spans: Iterable[Span], above: Collection[str]) -> bool:
        """`above` are the agencies above the statement's own, which is one of them."""
        start, end = self.seen
        theirs = self.agency in above or statement.predicate.get("device") in self.devices
        return theirs and any(a <= end and start <= b for a, b in spans)

    def likely(self, statement: Statement) -> tuple[str, ...]:
        """What it names that a recording has."""
        said = statement.predicate
        texts = [said.get(field, "") for field in ("note", "purpose", "maker")]
        texts += [file.name for file in statement.files]
        fits = {
            "device": said.get("device") in self.devices,
            "crew": not self.officers.isdisjoint(said.get("officers", ())),
            "place": any(self.place in text for text in texts),
        }
        return tuple(what for what in LIKELY if fits[what])
