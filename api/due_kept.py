"""What is due at an agency, kept while it cannot have changed.

Calendar programs ask every quarter of an hour, each phone by itself, and nearly always nothing
has happened since: an answer holds until something is logged that it was counted from, until a
disposal, or until the next moment at which one of its clocks moves.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledger.encoding import in_china
from ledger.process.deadlines.clocks import Running
from ledger.process.deadlines.period import DAY_MS, start_of

NEVER = 2**63
MAX_ROWS = 50_000  # of all agencies together, at about a kilobyte each

Row = Mapping[str, str]
State = tuple[int, ...]  # how much was logged of each thing that rows are counted from


@dataclass(frozen=True, slots=True)
class Counted:
    rows: tuple[Row, ...]
    until_ms: int


class KeptRows:
    """Asked from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[State, Counted]] = OrderedDict()
        self._forgotten = 0

    def rows(
        self, agency: str, state: State, now_ms: int, count: Callable[[], Counted]
    ) -> tuple[Row, ...]:
        with self._lock:
            forgotten = self._forgotten
            known = self._kept.get(agency)
            if known is not None and known[0] == state and now_ms < known[1].until_ms:
                self._kept.move_to_end(agency)
                return known[1].rows
        counted = count()
        with self._lock:
            if forgotten == self._forgotten:
                self._keep(agency, state, counted)
        return counted.rows

    def forget(self) -> None:
        """Of a statement that was destroyed nothing stays in memory."""
        with self._lock:
            self._kept.clear()
            self._forgotten += 1

    def _keep(self, agency: str, state: State, counted: Counted) -> None:
        self._kept[agency] = (state, counted)
        self._kept.move_to_end(agency)
        held = sum(len(one.rows) for _, one in self._kept.values())
        while held > MAX_ROWS:
            _, (_, oldest) = self._kept.popitem(last=False)
            held -= len(oldest.rows)


def day_ends(now_ms: int) -> int:
    """At the latest then: fines grow by the day."""
    return start_of(in_china(now_ms).date()) + DAY_MS


def next_change(one: Running, now_ms: int) -> int:
    """When a clock begins or is over; long after all days if it has done both."""
    if one.start_ms is not None and one.start_ms > now_ms:
        return one.start_ms
    if one.due_ms is not None and one.due_ms >= now_ms:
        return one.due_ms + 1
    return NEVER
