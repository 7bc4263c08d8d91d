"""What is due at an agency, kept while it cannot have changed.

Calendar programs ask every quarter of an hour, each phone by itself, and nearly always nothing
has happened since: an answer holds until something is logged that it was counted from, until a
disposal, or until the next moment at which one of its clocks moves.
"""

import json
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.encoding import in_china
from ledger.process.deadlines.clocks import Running
from ledger.process.deadlines.period import DAY_MS, start_of

NEVER = 2**63
MAX_BYTES = 64 << 20  # of all agencies together: a row is a kilobyte, and kept in a tenth of it
ROWS_AT_ONCE = 500  # that are packed together: of more nobody else would run meanwhile

Row = Mapping[str, str]
State = tuple[int, ...]  # how much was logged of each thing that rows are counted from


@dataclass(frozen=True, slots=True)
class Counted:
    rows: tuple[Row, ...]
    until_ms: int
    unsettled: tuple[tuple[str, int], ...] = ()  # series that are not to grow, with their length


@dataclass(frozen=True, slots=True)
class _Kept:
    state: State
    pages: tuple[bytes, ...]
    until_ms: int
    unsettled: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        return sum(map(len, self.pages))

    def holds(self, state: State, now_ms: int, length: Callable[[str], int]) -> bool:
        grown = any(length(name) != before for name, before in self.unsettled)
        return self.state == state and now_ms < self.until_ms and not grown

    def rows(self) -> tuple[Row, ...]:
        return tuple(row for page in self.pages for row in json.loads(zlib.decompress(page)))


class KeptRows:
    """Asked from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._forgotten = 0

    def rows(
        self,
        agency: str,
        state: State,
        now_ms: int,
        count: Callable[[], Counted],
        length: Callable[[str], int],
    ) -> tuple[Row, ...]:
        """`length` is that of a series now."""
        with self._lock:
            forgotten = self._forgotten
            known = self._kept.get(agency)
            if known is not None:
                self._kept.move_to_end(agency)
        if known is not None and known.holds(state, now_ms, length):
            return known.rows()
        counted = count()
        kept = _Kept(state, tuple(_pages(counted.rows)), counted.until_ms, counted.unsettled)
        with self._lock:
            if forgotten == self._forgotten:
                self._keep(agency, kept)
        return counted.rows

    def forget(self) -> None:
        """Of a statement that was destroyed nothing stays in memory."""
        with self._lock:
            self._kept.clear()
            self._forgotten += 1

    def _keep(self, agency: str, kept: _Kept) -> None:
        self._kept[agency] = kept
        self._kept.move_to_end(agency)
        held = sum(one.size for one in self._kept.values())
        while held > MAX_BYTES:
            _, oldest = self._kept.popitem(last=False)
            held -= oldest.size


def _pages(rows: Sequence[Row]) -> Iterator[bytes]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        text = json.dumps(rows[start : start + ROWS_AT_ONCE], ensure_ascii=False)
        yield zlib.compress(text.encode(), 1)


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
