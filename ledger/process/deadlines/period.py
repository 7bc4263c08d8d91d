"""Periods as statutes give them, and on which day or at which moment one ends.

    Period(5, Unit.WORKING_DAYS).last_day(date(2026, 9, 29), days).day      # 2026-10-09

The day on which something happens is not counted (民法典 201; 行政处罚法 85 and 行政强制法 69 say
which days are). A period of months or years ends on the day of the same number, or else on the
month's last (202). One in hours runs from the moment itself, over nights and days off.

A last day that is off moves to the next that is worked (203) where the period `rolls`. What a
person suffers, such as a seizure, is not made longer by a holiday: that one does not.
"""

from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from ledger.encoding import CHINA, in_china
from ledger.errors import Malformed
from ledger.evidence.due import Counted
from ledger.process.deadlines.calendar import Working, next_working

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MAX_AMOUNT = 36_600  # a century of days; more is no period of a statute


class Unit(StrEnum):
    HOURS = "hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    MONTHS = "months"
    YEARS = "years"


@dataclass(frozen=True, slots=True)
class LastDay:
    """`moved_from` is a last day that was off; `counted` says by which days off, if by any."""

    day: date
    moved_from: date | None = None
    counted: Counted | None = None

    @property
    def end_ms(self) -> int:
        """The last millisecond of it in China."""
        return start_of(self.day) + DAY_MS - 1


@dataclass(frozen=True, slots=True)
class Period:
    amount: int
    unit: Unit
    rolls: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.amount <= MAX_AMOUNT:
            raise Malformed(f"want a period of 1 to {MAX_AMOUNT}, got {self.amount}")

    def last_day(
        self, start: date, days: Working, more: int = 0, excluded: Collection[date] = ()
    ) -> LastDay:
        """`more` days as extended, in the same unit; `excluded` ones do not count as passed.

        Raises `Malformed` at the end of all dates.
        """
        if self.unit is Unit.HOURS:
            raise ValueError("a period in hours ends at a moment")
        try:
            day = self._counted_on(start, days, more, frozenset(excluded))
            last = next_working(day, days) if self.rolls else day
        except OverflowError:
            raise Malformed(f"no day so late: {start.isoformat()}") from None
        moved_from = None if last == day else day
        if self.unit is Unit.WORKING_DAYS:
            return LastDay(last, moved_from, days.counted(start + timedelta(1), last))
        return LastDay(last, moved_from, days.counted(day, last) if self.rolls else None)

    def end_ms(self, start_ms: int) -> int:
        """Of one in hours: the last moment that is still within it."""
        if self.unit is not Unit.HOURS:
            raise ValueError("a period in days ends with a day")
        return start_ms + self.amount * HOUR_MS

    def _counted_on(self, start: date, days: Working, more: int, excluded: frozenset[date]) -> date:
        if self.unit in (Unit.DAYS, Unit.WORKING_DAYS):
            return self._after(start, self.amount + more, days, excluded)
        months = self.amount * (12 if self.unit is Unit.YEARS else 1)
        day = same_day(start, months)
        # Days that do not count, or that are added, come after those months.
        lost = sum(start < one <= day for one in excluded)
        return self._after(day, lost + more, days, excluded)

    def _after(self, day: date, left: int, days: Working, excluded: frozenset[date]) -> date:
        while left:
            day += timedelta(1)
            works = self.unit is not Unit.WORKING_DAYS or days.is_working(day)
            left -= works and day not in excluded
        return day


def same_day(start: date, months: int) -> date:
    """So many months later: the day of the same number, or the last of a shorter month."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if year > date.max.year:
        raise OverflowError("date value out of range")
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def day_of(at_ms: int) -> date:
    return in_china(at_ms).date()


def start_of(day: date) -> int:
    """Midnight in China."""
    return int(datetime.combine(day, time(), CHINA).timestamp()) * 1000


def days_between(first: date, last: date) -> list[date]:
    """Both included; none if the last is before the first."""
    return [first + timedelta(n) for n in range((last - first).days + 1)]
