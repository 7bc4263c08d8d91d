"""A year, a quarter or a month, as reports are made of: `2026`, `2026-Q1`, `2026-03`."""

import re
from dataclasses import dataclass
from datetime import date

from ledger.encoding import clip
from ledger.errors import Malformed
from ledger.process.deadlines.period import start_of

_SPAN = re.compile(r"([12][0-9]{3})(?:-Q([1-4])|-(0[1-9]|1[0-2]))?", re.ASCII)
FIRST_YEAR = 1971  # the first whose beginning in China is no negative time


@dataclass(frozen=True, slots=True)
class Span:
    """From its first millisecond in China to before `end_ms`."""

    text: str
    start_ms: int
    end_ms: int

    def __contains__(self, at_ms: int) -> bool:
        return self.start_ms <= at_ms < self.end_ms


def parse_span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if found is None or int(found[1]) < FIRST_YEAR:
        raise Malformed(f"want a time such as 2026, 2026-Q1 or 2026-03, got {clip(text)!r}")
    year, quarter, month = (int(part or 0) for part in found.groups())
    months = 12 if not quarter + month else 3 if quarter else 1
    first = month or max(3 * quarter - 2, 1)
    return Span(text, start_of(date(year, first, 1)), start_of(_after(year, first + months)))


def _after(year: int, month: int) -> date:
    return date(year + (month > 12), month - 12 if month > 12 else month, 1)
