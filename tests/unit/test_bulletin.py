"""What became of complaints: random quarters counted here again, without the code that counts them.

Working days are counted one by one from the printed lists of days off; what is in time, late and
overdue follows from the days alone.
"""

import random
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from typing import Any

import pytest

from ledger.encoding import parse_time
from ledger.evidence.statement import Kind, Statement, StatementSubject, TextSubject
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.calendar import Days, parse_calendar
from ledger.process.deadlines.clocks import State, clocks_of
from ledger.process.judging.judged import Judged
from ledger.process.registers.registry import Registry
from ledger.process.reports.bulletin import (
    ACCEPT,
    ANSWER,
    Bulletin,
    ComplaintLine,
    complaint_line,
    files_of,
)
from ledger.process.rules.rulepack import RulePack
from testkit.case import AGENCY, CASE, uuid7

FOLDER = resources.files("ledger.process")
AFTER = RulePack.from_text((FOLDER / "packs" / "after.toml").read_text("utf-8"))
LIST = (FOLDER / "calendars" / "2026.toml").read_text("utf-8")
DAYS = Days.of([parse_calendar(LIST)])
OFF = {date.fromisoformat(day) for day in tomllib.loads(LIST)["off"]}
WORKED = {date.fromisoformat(day) for day in tomllib.loads(LIST)["working"]}
SETTLING = [clock for clock in AFTER.clocks if clock.id in (ACCEPT, ANSWER)]
TODAY = date(2026, 6, 30)


def working_after(day: date, count: int) -> date:
    while count:
        day += timedelta(1)
        if day in WORKED or (day.weekday() < 5 and day not in OFF):
            count -= 1
    return day


def at(day: date) -> str:
    return f"{day}T10:00:00+08:00"


def complaint(number: int, day: date, logged: date | None = None, **more: Any) -> Filed:
    predicate = {
        "agency": AGENCY,
        "by": "某投诉人",
        "id": uuid7(number),
        "occurred": {"from": at(day), "to": at(day)},
        "place": "观前街",
        "seen": {"from": at(day), "to": at(day)},
    } | more
    said = Statement(Kind.COMPLAINT, (TextSubject("complaint", bytes(32)),), predicate)
    return Filed(number, said, parse_time(at(logged or day)))


def act(number: int, name: str, day: date, logged: date | None = None, **facts: str) -> Filed:
    predicate = {
        "act": name,
        "agency": AGENCY,
        "case": CASE,
        "id": uuid7(number),
        "occurred": {"from": at(day), "to": at(day)},
        "procedure": "ordinary",
    } | ({"facts": facts} if facts else {})
    said = Statement(Kind.ACT, (StatementSubject(uuid7(99), bytes(32)),), predicate)
    return Filed(number, said, parse_time(at(logged or day)))


def lines(complaints: list[Filed], acts: list[Filed], case: str = CASE) -> list[ComplaintLine]:
    files = files_of(case, AGENCY, complaints, acts, SETTLING)
    return [_line(files[one.statement.id], one) for one in complaints]


def _line(file: CaseFile, one: Filed) -> ComplaintLine:
    facts = Judged(file, AFTER, file.filed[0], Registry(), DAYS)
    now_ms = parse_time(f"{TODAY}T23:00:00+08:00")
    clocks = clocks_of([AFTER], file, facts, lambda _: DAYS, now_ms)
    return complaint_line(file, one, clocks, held=1, ever=2)


@dataclass(frozen=True)
class Course:
    """What happened with one complaint, each on its day; None never did."""

    received: date
    decided: date | None
    refused: bool
    filed: date | None
    told: date | None
    logged: int  # days after it was done

    def counts(self) -> Iterator[str]:
        yield "received"
        by = working_after(self.received, 7)
        yield _state("accepted", by, self.decided)
        proven = [_proven(by, self.decided, self.logged)]
        if self.filed:
            by = working_after(self.filed, 5)
            yield _state("answered", by, self.told)
            proven.append(_proven(by, self.told, self.logged))
        if False in proven:
            yield "on_their_word"
        if self.filed:
            yield "filed"
        elif self.decided and self.refused:
            yield "refused"

    def made(self, number: int) -> tuple[Filed, list[Filed]]:
        one = complaint(number, self.received)
        of = {"complaint": one.statement.id}
        late = timedelta(self.logged)
        acts = []
        if self.decided:
            name = "complaint_refusal" if self.refused else "complaint_acceptance"
            acts.append(act(number + 1, name, self.decided, self.decided + late, **of))
        if self.filed:
            more = of | {"reporter_named": "yes"}
            acts.append(act(number + 2, "case_filing", self.filed, self.filed + late, **more))
        if self.told:
            acts.append(act(number + 3, "reporter_told", self.told, self.told + late, **of))
        return one, acts


def _state(what: str, by: date, done: date | None) -> str:
    if done is None:
        return f"{what} overdue" if by < TODAY else f"{what} running"
    return f"{what} met" if done <= by else f"{what} late"


def _proven(by: date, done: date | None, logged: int) -> bool | None:
    """None of what is not in time anyway."""
    return done + timedelta(logged) <= by if done and done <= by else None


def course(luck: random.Random) -> Course:
    received = date(2026, 1, 1) + timedelta(luck.randrange(175))
    decided = received + timedelta(luck.randrange(20)) if luck.random() < 0.8 else None
    refused = luck.random() < 0.3
    filed = told = None
    if decided and not refused and luck.random() < 0.7:
        filed = decided + timedelta(luck.randrange(5))
        told = filed + timedelta(luck.randrange(14)) if luck.random() < 0.7 else None
    return Course(received, decided, refused, filed, told, luck.choice((0, 0, 3, 30)))


@pytest.mark.parametrize("seed", range(5))
def test_a_half_year_of_complaints_is_counted_again(seed: int) -> None:
    luck = random.Random(seed)
    found, wanted = Bulletin(), Counter[str]()
    for n in range(60):
        one = course(luck)
        wanted.update(one.counts())
        made, acts = one.made(1000 + 10 * n)
        for line in lines([made], acts, case=""):
            found.add(line)
    states = {
        f"{what} {state}": count
        for what, of in (("accepted", found.accepted), ("answered", found.answered))
        for state, count in of.items()
    }
    plain = ("received", "on_their_word", "filed", "refused")
    told = Counter({name: getattr(found, name) for name in plain} | states)
    assert +told == +wanted
    assert len(wanted) >= 10 and (found.held, found.ever) == (60, 120)


DAY = date(2026, 3, 2)


def test_of_two_complaints_in_a_case_each_waits_for_an_answer_of_its_own() -> None:
    two = [complaint(1, DAY, case=CASE), complaint(2, DAY + timedelta(1), case=CASE)]
    first, second = lines(two, [act(3, "complaint_acceptance", DAY + timedelta(2))])
    assert first.accept is not None and first.accept.state is State.MET
    assert second.accept is not None and second.accept.state is State.OVERDUE
    again = [act(3, "complaint_acceptance", DAY + timedelta(2))]
    again.append(act(4, "complaint_refusal", DAY + timedelta(3)))
    assert [line.outcome for line in lines(two, again)] == [
        "complaint_acceptance",
        "complaint_refusal",
    ]


def test_an_act_that_names_a_complaint_is_of_that_one_alone() -> None:
    two = [complaint(1, DAY, case=CASE), complaint(2, DAY, case=CASE)]
    named = act(3, "complaint_acceptance", DAY + timedelta(2), complaint=uuid7(2))
    states = [line.accept.state for line in lines(two, [named]) if line.accept]
    assert states == [State.OVERDUE, State.MET]
    elsewhere = act(3, "complaint_acceptance", DAY + timedelta(2), complaint=uuid7(7))
    assert [line.outcome for line in lines(two, [elsewhere])] == ["", ""]


def test_a_case_that_is_filed_is_what_became_of_each() -> None:
    two = [complaint(1, DAY, case=CASE), complaint(2, DAY, case=CASE)]
    filed = act(3, "case_filing", DAY + timedelta(1), reporter_named="yes")
    told = act(4, "reporter_told", DAY + timedelta(2))
    first, second = lines(two, [filed, told])
    assert (first.outcome, second.outcome) == ("case_filing", "case_filing")
    assert first.answer is not None and first.answer.state is State.MET
    assert second.answer is not None and second.answer.state is State.OVERDUE


def test_what_is_logged_late_did_not_become_of_it_last() -> None:
    filed = act(3, "case_filing", DAY + timedelta(3))
    late = act(4, "complaint_acceptance", DAY + timedelta(1), DAY + timedelta(9))
    (line,) = lines([complaint(1, DAY, case=CASE)], [filed, late])
    assert line.outcome == "case_filing"


def test_what_was_done_before_a_complaint_is_not_what_became_of_it() -> None:
    (line,) = lines(
        [complaint(3, DAY, case=CASE)], [act(1, "complaint_refusal", DAY - timedelta(1))]
    )
    assert line.outcome == "" and line.accept is not None
    assert line.accept.state is State.OVERDUE


def test_dated_in_time_and_logged_late_is_in_time_by_their_word_alone() -> None:
    late = act(3, "complaint_acceptance", DAY + timedelta(2), DAY + timedelta(60))
    found = Bulletin()
    for line in lines([complaint(1, DAY)], [late]):
        found.add(line)
    assert (found.accepted[State.MET], found.on_their_word) == (1, 1)


def test_a_complaint_that_no_pack_has_a_clock_for_is_told() -> None:
    one = complaint(1, DAY)
    found = Bulletin()
    found.add(complaint_line(CaseFile(CASE, AGENCY, (one,)), one, [], 0, 0))
    assert (found.received, found.no_clock) == (1, 1)
