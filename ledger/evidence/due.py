"""Until when evidence is due, counted from when the agency received the copy of the complaint.

    {"counted":"weekends","for":"review","received":"2026-11-20","until":"2026-12-04"}

To a court within 15 days (行政诉讼法 67); to a reconsideration body within 10 working days
(行政复议法 48, 88), in summary procedure within 5 (54, 88). The day of receipt is not counted, and
a period that ends on a day off ends on the next working day. Which days are off the State Council
says each year: without its list only weekends are. A list moves the day, and not far: by a month at
most, and to none before the period is over.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Self

from ledger.encoding import parse_day
from ledger.errors import Malformed


class Procedure(StrEnum):
    COURT = "court"
    REVIEW = "review"
    REVIEW_SUMMARY = "review_summary"


class Counted(StrEnum):
    """By weekends alone, or with a list of days off and of working weekends."""

    WEEKENDS = "weekends"
    HOLIDAYS = "holidays"


MOST_LATER = 31  # days than by weekends alone: more than any list has had off together
DAYS = {Procedure.COURT: 15, Procedure.REVIEW: 10, Procedure.REVIEW_SUMMARY: 5}


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days off beyond weekends, and weekend days that are worked."""

    off: Collection[date] = field(default=frozenset())
    working: Collection[date] = field(default=frozenset())

    def is_working(self, day: date) -> bool:
        return day in self.working or (day.weekday() < 5 and day not in self.off)

    def counted(self, _first: date, _last: date) -> Counted:
        return Counted.HOLIDAYS


@dataclass(frozen=True, slots=True)
class Due:
    """The word of whoever made the packet: when it was received stands in no log."""

    procedure: Procedure
    received: date
    until: date
    counted: Counted

    @classmethod
    def of(cls, procedure: Procedure, received: date, calendar: Calendar | None = None) -> Self:
        """Without a calendar only weekends are off. Raises `Malformed` at the end of all dates."""
        counted = Counted.WEEKENDS if calendar is None else Counted.HOLIDAYS
        try:
            until = _until(procedure, received, calendar or Calendar())
        except OverflowError:
            raise Malformed(f"no day so late: {received.isoformat()}") from None
        due = cls(procedure, received, until, counted)
        due._check()
        return due

    def to_json(self) -> dict[str, str]:
        return {
            "counted": str(self.counted),
            "for": str(self.procedure),
            "received": self.received.isoformat(),
            "until": self.until.isoformat(),
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        match value:
            case {
                "counted": str(counted),
                "for": str(procedure),
                "received": str(received),
                "until": str(until),
                **more,
            } if not more and counted in set(Counted) and procedure in set(Procedure):
                pass
            case _:
                raise Malformed("want counted, for, received and until")
        days = parse_day(received), parse_day(until)
        found = cls(Procedure(procedure), *days, Counted(counted))
        found._check()
        return found

    def _check(self) -> None:
        try:
            plain = _until(self.procedure, self.received, Calendar())
        except OverflowError:
            raise Malformed(f"no day so late: {self.received.isoformat()}") from None
        if self.counted is Counted.WEEKENDS and self.until != plain:
            raise Malformed(f"{self.until} is not when it is due by weekends alone")
        if (self.until - self.received).days < DAYS[self.procedure]:
            raise Malformed(f"{self.until} is before the period is over")
        if (self.until - plain).days > MOST_LATER:
            raise Malformed(f"{self.until} is later than any list of days off makes it")


def _until(procedure: Procedure, received: date, calendar: Calendar) -> date:
    day, left = received, DAYS[procedure]
    while left or not calendar.is_working(day):
        day += timedelta(days=1)
        if left and (procedure is Procedure.COURT or calendar.is_working(day)):
            left -= 1
    return day
