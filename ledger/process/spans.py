"""What a lot of recordings cover of a time, whatever their number.

    spans = Spans([(0, 10), (5, 20), (40, 50)])
    spans.covered(8, 45)                       # 12 + 5
    spans.touches(30, 35)                      # False

They may overlap; both ends are of the span. What they cover together is kept as spans apart.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

SLACK_MS = 60_000  # an act's times are written to the minute, a recording's are to the second


class Spans:
    def __init__(self, given: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(given):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)
        lengths = (end - start for start, end in zip(self._starts, self._ends, strict=True))
        self._before = [0, *accumulate(lengths)]

    def touches(self, start: int, end: int) -> bool:
        first, last = self._within(start, end)
        return first < last

    def covered(self, start: int, end: int) -> int:
        first, last = self._within(start, end)
        if first >= last:
            return 0
        outside = max(0, start - self._starts[first]) + max(0, self._ends[last - 1] - end)
        return self._before[last] - self._before[first] - outside

    def _within(self, start: int, end: int) -> tuple[int, int]:
        return bisect_left(self._ends, start), bisect_right(self._starts, end)
