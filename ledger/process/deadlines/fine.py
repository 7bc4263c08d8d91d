"""The additional fine for a fine that is not paid: so much of it for each day, never more than it.

行政处罚法 72(一): 3 %. Days of a reconsideration or a litigation do not count (73).
"""

from collections.abc import Collection
from datetime import date

from ledger.process.deadlines.period import days_between


def additional_fine(
    principal_fen: int, percent: int, last_day: date, paid: date, excluded: Collection[date] = ()
) -> int:
    """In fen, as of the day of payment, which counts; `last_day` was the last to pay without.

    A part of a fen is left off.
    """
    free = frozenset(excluded)
    late = [day for day in days_between(last_day, paid)[1:] if day not in free]
    return min(principal_fen, principal_fen * percent * len(late) // 100)
