"""The decision fence: which evidence was fixed before the decision.

Evidence collected after a decision cannot show that it was lawful
(行政诉讼证据规定 art. 60(1)). Log order alone is the operator's word: he could decide,
be sued, file evidence and log the decision last. So the tree that holds the item
must have had its quorum no later than the date on the decision as it was served.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ledger.encoding import in_china

DAY_S = 86_400
CHINA_S = 8 * 3600


class Order(StrEnum):
    BEFORE = "before"
    AFTER = "after"
    NOT_SHOWN = "not_shown"


@dataclass(frozen=True, slots=True)
class Fixed:
    """A tree of `size` entries in log number `log` that holds the item, and its quorum time (s)."""

    log: int
    size: int
    quorum_time: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the decision stands, and when it says it was made (ms)."""

    log: int
    index: int
    dated_ms: int

    @property
    def day(self) -> str:
        """The date on the decision as served, for comparison with the paper."""
        return in_china(self.dated_ms).date().isoformat()

    @property
    def day_ends(self) -> int:
        """POSIX seconds of the first moment of the next day, UTC+8."""
        # In integers: `datetime` has no day after the last of 9999.
        days = (self.dated_ms // 1000 + CHINA_S) // DAY_S + 1
        return days * DAY_S - CHINA_S


def order(item: tuple[int, int], proofs: Iterable[Fixed], decision: Decision) -> Order:
    """`item` is log number and index; `proofs` are trees of that log that hold it."""
    if item >= (decision.log, decision.index):
        return Order.AFTER
    for fixed in proofs:
        in_time = fixed.quorum_time < decision.day_ends
        earlier = (fixed.log, fixed.size) <= (decision.log, decision.index)
        if in_time and earlier:
            return Order.BEFORE
    return Order.NOT_SHOWN
