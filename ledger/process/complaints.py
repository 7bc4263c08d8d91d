"""Which recordings a complaint may be about: by time, and rather too many than one too few.

A complaint names a time as somebody remembers it. A recording counts if the time that it claims,
or the one that a station has corrected it to, is within that time, give or take what the clock
may be off. A device whose clock nobody has compared may be off by anything: then what was
logged in the days after counts too. The place does not narrow it down: what one calls by the
name of a street another calls by the name of a shop, and a hold too many is lifted again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from ledger.encoding import parse_time
from ledger.evidence.statement import Kind, Statement

COMPARED_MS = 5 * 60_000  # how far a clock may be off that a station has compared
CLAIMED_MS = 60 * 60_000  # and one that nobody has
DOCKED_MS = 3 * 86_400_000  # within which a recorder was brought to its station

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


@dataclass(frozen=True, slots=True)
class Complaint:
    """What of a complaint says which recordings it may be about; the time as it is remembered."""

    id: str
    agency: str
    seen: Span

    @classmethod
    def of(cls, statement: Statement) -> Self:
        value = statement.predicate["seen"]
        span = parse_time(value["from"]), parse_time(value["to"])
        return cls(statement.id, statement.agency, span)

    def matches(self, agency: str, spans: Iterable[Span]) -> bool:
        start, end = self.seen
        return agency == self.agency and any(a <= end and start <= b for a, b in spans)
