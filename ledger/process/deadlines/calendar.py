"""Days off and working weekends as the State Council announces them each year, one list a year.

    source = "国务院办公厅关于2026年部分节假日安排的通知"
    off = ["2026-10-01", "2026-10-02"]      # 放假
    working = ["2026-10-10"]                # 调休上班

A list says something of the years of which it names days, and of no other. In a year of which no
list is known weekends alone are counted, and whoever counts says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol, Self

from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.due import Calendar, Counted
from ledger.evidence.procedural import Registered
from ledger.process.registers.registry import Registry
from ledger.process.tables import day, one_of, read_table, read_toml

MAX_DAYS = 10_000


class Working(Protocol):
    """Which days are worked, and whether by lists."""

    def is_working(self, day: date, /) -> bool: ...
    def counted(self, first: date, last: date, /) -> Counted: ...


@dataclass(frozen=True, slots=True)
class Days:
    """Which days are worked, and of which years that is known from a list."""

    calendar: Calendar = field(default_factory=Calendar)
    years: frozenset[int] = frozenset()

    @classmethod
    def of(cls, lists: Iterable[Calendar]) -> Self:
        """The first list that names a day of a year says which of its days are off."""
        off: set[date] = set()
        working: set[date] = set()
        known: set[int] = set()
        for calendar in lists:
            new = years_of(calendar) - known
            off |= {one for one in calendar.off if one.year in new}
            working |= {one for one in calendar.working if one.year in new}
            known |= new
        return cls(Calendar(frozenset(off), frozenset(working)), frozenset(known))

    def is_working(self, one: date) -> bool:
        return self.calendar.is_working(one)

    def counted(self, first: date, last: date) -> Counted:
        """By lists only if each year from the first day to the last has one."""
        years = set(range(first.year, last.year + 1))
        return Counted.HOLIDAYS if years <= self.years else Counted.WEEKENDS


def parse_calendar(text: str) -> Calendar:
    may = {
        "list": one_of(Registered.HOLIDAY_CALENDAR),
        "off": _days,
        "source": phrase.line,
        "title": phrase.line,
        "working": _days,
    }
    found = read_table(read_toml(text), {}, may)
    calendar = Calendar(found.get("off", frozenset()), found.get("working", frozenset()))
    if both := set(calendar.off) & set(calendar.working):
        raise Malformed(f"{min(both).isoformat()} is both a day off and a working one")
    if not calendar.off and not calendar.working:
        raise Malformed("want at least one day off or working one")
    return calendar


def years_of(calendar: Calendar) -> set[int]:
    return {one.year for one in (*calendar.off, *calendar.working)}


def check_years(calendar: Calendar, first: date, last: date) -> None:
    """The list of another year would count nothing, and the packet say that it had counted."""
    if missing := set(range(first.year, last.year + 1)) - years_of(calendar):
        raise Malformed(f"it names no day of {min(missing)}: want the list of that year as well")


def registered_days(registry: Registry, agency: str, number: int, on: date) -> Days:
    """What is registered before `number`: the agency's own lists first, then from above.

    A holiday is one however late its list begins to be in force: of each list its last version
    before that place counts. One that is not in the format is no list.
    """
    lists = []
    for owner in registry.above(agency, number, on):
        for subject in registry.subjects(Registered.HOLIDAY_CALENDAR):
            versions = [
                version
                for version in registry.versions(Registered.HOLIDAY_CALENDAR, subject)
                if version.agency == owner and version.number < number
            ]
            if versions:
                try:
                    lists.append(parse_calendar(versions[-1].content))
                except Malformed:
                    continue
    return Days.of(lists)


def next_working(one: date, days: Working) -> date:
    """The day itself, if it is worked."""
    while not days.is_working(one):
        one += timedelta(1)
    return one


def _days(value: Any) -> frozenset[date]:
    """As texts, or as the dates that TOML knows."""
    if not isinstance(value, list) or len(value) > MAX_DAYS:
        raise Malformed(f"want a list of at most {MAX_DAYS} days")
    days = [day(one) for one in value]
    if len(set(days)) != len(days):
        raise Malformed("a day stands twice")
    return frozenset(days)
