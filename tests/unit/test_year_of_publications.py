"""A year of an agency, evening by evening: every alarm of publishing on its day, and none besides.

The last days are counted here again, one by one, from the lists of days off as they are printed.
"""

import calendar
import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources

import pytest

from ledger.encoding import parse_time
from ledger.evidence.statement import Kind, Statement, StatementSubject
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.calendar import Days, parse_calendar
from ledger.process.deadlines.clocks import State, clocks_of
from ledger.process.deadlines.duties import duties_of
from ledger.process.judging.judged import Judged
from ledger.process.registers.registry import Registry
from ledger.process.reports.publications import publication_line
from ledger.process.rules.rulepack import RulePack
from testkit.case import AGENCY, CASE, uuid7

FOLDER = resources.files("ledger.process")
# A market regulator's: its own pack, and what follows every decision.
PACKS = [
    RulePack.from_text((FOLDER / "packs" / f"{name}.toml").read_text("utf-8"))
    for name in ("after_market", "after")
]
LISTS = [(FOLDER / "calendars" / f"{year}.toml").read_text("utf-8") for year in (2025, 2026)]
DAYS = Days.of([parse_calendar(text) for text in LISTS])
FIRST, LAST = date(2026, 1, 1), date(2027, 2, 28)
A_DAY = timedelta(1)
OFF = {date.fromisoformat(day) for text in LISTS for day in tomllib.loads(text)["off"]}
WORKED = {date.fromisoformat(day) for text in LISTS for day in tomllib.loads(text)["working"]}


def working_after(day: date, count: int) -> date:
    """The so manieth working day after a day."""
    while count:
        day += A_DAY
        if day in WORKED or (day.weekday() < 5 and day not in OFF):
            count -= 1
    return day


def months_after(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@dataclass(frozen=True)
class Course:
    """What happened with a decision, and on which day; None never did."""

    decided: date
    published: date | None
    light: bool
    overturned: date | None
    withdrawn: date | None
    ended: date | None

    def overdue(self, day: date) -> set[str]:
        """At the end of that day."""
        end = withdraw = None
        if self.published and self.published <= day:
            end = months_after(self.published, 3 if self.light else 36)
            if self.overturned and self.overturned <= day:
                withdraw = working_after(self.overturned, 3)
        stopped = min(filter(None, (self.ended, self.withdrawn)), default=None)
        found = {
            "publication": (working_after(self.decided, 20), self.published),
            "withdraw": (withdraw, self.withdrawn),
            "end": (end, stopped),
        }
        return {
            name
            for name, (last, done) in found.items()
            if last and last < day and not (done and done <= day)
        }

    def acts(self, until: date) -> Iterator[Filed]:
        term = {"term": "3_months"} if self.light else {}
        rows = [
            (self.decided, "penalty_decision", {}),
            (self.published, "publication", term),
            (self.overturned, "decision_overturned", {}),
            (self.withdrawn, "publication_withdrawal", {}),
            (self.ended, "publication_end", {}),
        ]
        happened = sorted((day, name, facts) for day, name, facts in rows if day and day <= until)
        for number, (day, name, facts) in enumerate(happened, start=1):
            yield filed(number, name, day, facts)


@cache
def _subject() -> StatementSubject:
    return StatementSubject(uuid7(99), bytes(32))


def filed(number: int, name: str, day: date, facts: dict[str, str]) -> Filed:
    moment = f"{day}T10:00:00+08:00"
    predicate = {
        "act": name,
        "agency": AGENCY,
        "case": CASE,
        "id": uuid7(number),
        "occurred": {"from": moment, "to": moment},
        "procedure": "ordinary",
    } | ({"facts": facts} if facts else {})
    return Filed(number, Statement(Kind.ACT, (_subject(),), predicate), parse_time(moment))


def lived(chance: random.Random, decided: date) -> Course:
    def later(day: date | None, most: int, likely: float) -> date | None:
        happens = day is not None and chance.random() < likely
        return day + timedelta(chance.randint(1, most)) if day and happens else None

    light = chance.random() < 0.5
    published = later(decided, 45, 0.85)
    overturned = later(published, 80, 0.3)
    withdrawn = later(overturned, 9, 0.8)
    over = months_after(published, 3 if light else 36) if published and not withdrawn else None
    ended = later(over and over - timedelta(4), 10, 0.8)
    return Course(decided, published, light, overturned, withdrawn, ended)


def year_of_courses() -> list[Course]:
    """Decisions of the year, and of the years before whose publication ends in it."""
    chance = random.Random(18)
    begins = [FIRST + timedelta(chance.randrange(365)) for _ in range(120)]
    begins += [date(2023, 1, 1) + timedelta(chance.randrange(365)) for _ in range(60)]
    return [lived(chance, day) for day in begins]


def alarms(course: Course, day: date) -> set[str]:
    """What the program says at the end of that day, from what was logged by then."""
    acts = tuple(course.acts(day))
    if not acts:
        return set()
    file = CaseFile(CASE, AGENCY, acts)
    facts = Judged(file, PACKS[-1], acts[0], Registry(), DAYS)
    now_ms = parse_time(f"{day}T23:59:59+08:00")
    line = publication_line(clocks_of(PACKS, file, facts, lambda _: DAYS, now_ms))
    assert line is not None
    clocks = {"publication": line.publish, "withdraw": line.withdraw, "end": line.end}
    found = {name for name, one in clocks.items() if one and one.state is State.OVERDUE}
    assert line.overdue == bool(found)
    return found


def test_every_alarm_of_a_year_sounds_on_its_day_and_no_other_does() -> None:
    sounded = {"publication": 0, "withdraw": 0, "end": 0}
    both = {"light": 0, "grave": 0}
    for course in year_of_courses():
        before: set[str] = set()
        day = FIRST
        while day <= LAST:
            owed = course.overdue(day)
            # The evenings on which something changes, those around them, and each week one.
            nearby = (
                any(course.overdue(day + n * A_DAY) != owed for n in (-1, 1)) or day.weekday() == 0
            )
            if nearby:
                assert alarms(course, day) == owed, (course, day)
            for name in owed - before:
                sounded[name] += 1
            if "end" in owed - before:
                both["light" if course.light else "grave"] += 1
            before, day = owed, day + A_DAY
    # A year in which none of them was due would show nothing.
    assert all(count >= 10 for count in sounded.values()), sounded
    assert all(count >= 5 for count in both.values()), both


@pytest.mark.parametrize("published", [None, *(date(2027, 1, 20) + n * A_DAY for n in range(20))])
def test_the_first_of_february_without_statistics_alarms_and_with_them_does_not(
    published: date | None,
) -> None:
    day = date(2027, 1, 1)
    while day <= LAST:
        done = published is not None and published <= day
        acts = [filed(1, "annual_statistics", published, {"year": "2026"})] if done else []  # type: ignore[arg-type]
        now_ms = parse_time(f"{day}T23:59:59+08:00")
        (duty,) = (
            one
            for one in duties_of(AGENCY, acts, 2026, now_ms)
            if one.clock.id == "annual_statistics"
        )
        assert (duty.state is State.OVERDUE) == (day > date(2027, 1, 31) and not done), day
        day += A_DAY
