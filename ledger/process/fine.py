"""The additional fine for a fine that is not paid: 3 % of it for each day, never more than itself.

行政处罚法 72(一). Days of a reconsideration or a litigation do not count (73).
"""

from collections.abc import Collection
from datetime import date

from ledger.process.period import days_between

PERCENT_A_DAY = 3


def additional_fine(
    principal_fen: int, last_day: date, paid: date, excluded: Collection[date] = ()
) -> int:
    """In fen, as of the day of payment, which counts; `last_day` was the last to pay without.

    A part of a fen is left off. What is paid later than its principal falls due after 34 days.
    """
    late = [day for day in days_between(last_day, paid)[1:] if day not in frozenset(excluded)]
    return min(principal_fen, principal_fen * PERCENT_A_DAY * len(late) // 100)
