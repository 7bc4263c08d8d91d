"""What must be done by when in a case: each clock of a rule pack, running, met or overdue.

    for running in clocks_of(pack, case, facts, days_at, now_ms):
        running.state, running.last_day, running.counted

Which day counts (decision 0052): a clock starts with the day on which its act began and is met
by the day on which the other was done, as the acts claim. Neither is believed later than the log
has it: an act is there at the latest when it was logged. A claim may still be earlier than the
truth, so `logged_in_time` says whether the log itself shows that the act was there in time.

Days off are those of the lists registered before the act that met the clock; of one that runs,
of the newest. What is registered later moves no clock that has ended.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ledger.encoding import format_time, parse_day
from ledger.errors import Malformed
from ledger.evidence.due import Counted
from ledger.evidence.statement import Kind
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.calendar import Working
from ledger.process.deadlines.fine import additional_fine
from ledger.process.deadlines.measures import began_ms, done_ms, labels_of, measures_of
from ledger.process.deadlines.period import (
    LastDay,
    Period,
    Unit,
    day_of,
    days_between,
    start_of,
)
from ledger.process.rules.condition import Facts, holds
from ledger.process.rules.rulepack import Clock, Meaning, RulePack
from ledger.process.tables import format_yuan, yuan

MAX_TOLD = 3660  # days of one testing; who tells of more has written a wrong year

# Of days off, as registered before this place in the log; `None`: as registered now.
DaysAt = Callable[[int | None], Working]
# What one run of a clock starts with, when, which acts may end or move it, and its numbers.
Span = tuple[Filed, int, list[Filed], tuple[str, ...]]


class State(StrEnum):
    NOT_STARTED = "not_started"
    RUNNING = "running"
    MET = "met"
    LATE = "late"
    OVERDUE = "overdue"
    LAPSED = "lapsed"  # a party's time is over, which is no fault
    EARLY = "early"  # what had to be kept was not


@dataclass(frozen=True, slots=True)
class Running:
    """One clock in one case. Without a start there is no due date."""

    clock: Clock
    pack: str
    version: str
    statute: str
    case: str
    state: State
    started: Filed | None = None
    start_ms: int | None = None
    due_ms: int | None = None
    last_day: date | None = None  # none of a period in hours
    moved_from: date | None = None
    counted: Counted | None = None
    extended: int = 0
    excluded: int = 0
    stopped: Filed | None = None
    stopped_ms: int | None = None
    fine_fen: int | None = None  # at the most: a remedy was sought before the agency was told
    moved_late: bool = False  # by what was logged when the time was over
    about: tuple[Filed, ...] = ()  # acts that may have ended or moved it
    labels: tuple[str, ...] = ()  # of the measure that it runs for, also those stated later

    @property
    def logged_in_time(self) -> bool | None:
        if self.stopped is None or self.due_ms is None:
            return None
        return self.stopped.at_ms <= self.due_ms and not self.moved_late

    def to_json(self) -> dict[str, str]:
        """Facts for a page or another program; what is not known is not there."""
        row = {
            "clock": self.clock.id,
            "name": self.clock.name,
            "name_en": self.clock.name_en,
            "pack": self.pack,
            "version": self.version,
            "statute": self.statute,
            "article": self.clock.article,
            "meaning": str(self.clock.meaning),
            "case": self.case,
            "state": str(self.state),
        }
        if self.clock.memory:
            row["memory"] = "yes"
        if self.started is not None:
            row["started_by"] = self.started.statement.id
            if self.labels:
                row["measure"] = "、".join(self.labels)
        if self.start_ms is not None:
            row["start"] = format_time(self.start_ms)
        if self.due_ms is not None:
            row["due"] = format_time(self.due_ms)
        if self.last_day is not None:
            row["last_day"] = self.last_day.isoformat()
        if self.moved_from is not None:
            row["moved_from"] = self.moved_from.isoformat()
        if self.counted is not None:
            row["counted"] = str(self.counted)
        if self.extended:
            row["extended_days"] = str(self.extended)
        if self.excluded:
            row["excluded_days"] = str(self.excluded)
        if self.fine_fen is not None:
            row["additional_fine_at_most"] = format_yuan(self.fine_fen)
        if self.stopped is not None and self.stopped_ms is not None:
            row |= {"stopped_by": self.stopped.statement.id, "stop": format_time(self.stopped_ms)}
            row["logged_in_time"] = "yes" if self.logged_in_time else "no"
        return row


def clocks_of(
    packs: Iterable[RulePack], case: CaseFile, facts: Facts, days_at: DaysAt, now_ms: int
) -> list[Running]:
    """Those whose conditions hold, in the order of the packs; of one id the first that applies."""
    found: dict[str, list[Running]] = {}
    for pack in packs:
        for clock in pack.clocks:
            if clock.id not in found and all(holds(condition, facts) for condition in clock.when):
                found[clock.id] = runs_of(clock, pack, case, days_at, now_ms)
    return [run for runs in found.values() for run in runs]


def period_of(clock: Clock, pack: RulePack) -> Period:
    """The unit of days follows from the statute's rule, or the row says it itself."""
    if clock.hours:
        return Period(clock.hours, Unit.HOURS)
    if clock.days:
        unit = Unit.WORKING_DAYS if pack.counts_working_days(clock) else Unit.DAYS
        return Period(clock.days, unit, clock.rolls)
    if clock.months:
        return Period(clock.months, Unit.MONTHS, clock.rolls)
    return Period(clock.years, Unit.YEARS, clock.rolls)


def runs_of(
    clock: Clock, pack: RulePack, case: CaseFile, days_at: DaysAt, now_ms: int
) -> list[Running]:
    """One, or as many as there are measures, each with what is about it; by when they began."""
    about = (clock, pack.pack, pack.version, pack.source(clock.source).name, case.case)
    spans = _spans(clock, case)
    if not spans:
        return [Running(*about, State.NOT_STARTED)]
    return [_running(clock, pack, case, span, days_at, now_ms) for span in spans]


def _spans(clock: Clock, case: CaseFile) -> list[Span]:
    if clock.starts == "each":
        return [
            (one.started, one.start_ms, one.about, tuple(sorted(one.labels)))
            for one in measures_of(clock, case)
        ]
    starts = [(filed, at) for filed in _named(case, clock.start) for at in _start(clock, filed)]
    if not starts:
        return []
    pick = min if clock.starts == "first" else max
    started, start_ms = pick(starts, key=lambda start: (start[1], start[0].number))
    # An act has a name: none stands for what the clock does not have.
    acts = _named(case, (*clock.until, clock.extended_by, clock.excluded))
    labels = tuple(sorted(labels_of(started, clock)))
    return [(started, start_ms, acts, labels)]


def _running(
    clock: Clock, pack: RulePack, case: CaseFile, span: Span, days_at: DaysAt, now_ms: int
) -> Running:
    about = (clock, pack.pack, pack.version, pack.source(clock.source).name, case.case)
    started, start_ms, acts, labels = span
    ends = (one for one in acts if _is_named(one, clock.until))
    stopped = next((one for one in ends if done_ms(one) >= start_ms), None)
    days = days_at(None if stopped is None else stopped.number)
    last, due_ms, extended, excluded, late = _due(
        clock, period_of(clock, pack), acts, start_ms, days
    )
    stopped_ms = None if stopped is None else done_ms(stopped)
    return Running(
        *about,
        state_of(clock.meaning, due_ms, stopped_ms, now_ms),
        started,
        start_ms,
        due_ms,
        None if last is None else last.day,
        None if last is None else last.moved_from,
        None if last is None else last.counted,
        extended,
        excluded,
        stopped,
        stopped_ms,
        _fine(clock, case, last, now_ms if stopped_ms is None else stopped_ms),
        late,
        tuple(acts),
        labels,
    )


def _fine(clock: Clock, case: CaseFile, last: LastDay | None, at_ms: int) -> int | None:
    """None where nothing is late, or where no amount can be read."""
    decision = case.last(clock.amount_of) if clock.amount_of else None
    if decision is None or last is None or at_ms <= last.end_ms:
        return None
    try:
        principal = yuan(decision.facts.get("amount", ""))
    except Malformed:
        return None
    free = set(_not_counted(clock, case, last.day, day_of(at_ms)))
    return additional_fine(principal, clock.daily_percent, last.day, day_of(at_ms), free)


def _not_counted(clock: Clock, case: CaseFile, first: date, last: date) -> Iterator[date]:
    """Days of a reconsideration or a litigation (处罚法 73), both ends included: one that has no
    result yet goes on. When the party sought it is not known, but when the agency was told."""
    for begins, ends in clock.not_counted:
        since: date | None = None
        for one in case.acts(begins, ends):
            if one.act == begins:
                since = since or max(first, day_of(began_ms(one)))
            elif since is not None:
                yield from days_between(since, min(last, day_of(done_ms(one))))
                since = None
        if since is not None:
            yield from days_between(since, last)


def _named(case: CaseFile, names: tuple[str, ...]) -> list[Filed]:
    """Acts of these names, and complaints, which are no acts, in the order of the log."""
    found = list(case.acts(*names)) if names else []
    if Kind.COMPLAINT in names:
        found += (one for one in case.filed if one.statement.kind is Kind.COMPLAINT)
    return sorted(found, key=lambda filed: filed.number)


def _is_named(one: Filed, names: tuple[str, ...]) -> bool:
    return one.act in names or (one.statement.kind is Kind.COMPLAINT and Kind.COMPLAINT in names)


def _start(clock: Clock, filed: Filed) -> Iterator[int]:
    if not clock.start_fact:
        yield began_ms(filed)
    elif (day := _day(filed, clock.start_fact)) is not None:
        # Of a day before 1970, or of a slip of the pen, the clock runs from the first there is.
        yield min(max(start_of(day), 0), filed.at_ms)


def _due(
    clock: Clock, period: Period, acts: Iterable[Filed], start_ms: int, days: Working
) -> tuple[LastDay | None, int, int, int, bool]:
    """The last day, its end, days by which it was extended, and days that did not count; and
    whether what moved the end was logged only behind it."""
    if period.unit is Unit.HOURS:
        return None, period.end_ms(start_ms), 0, 0, False
    start = day_of(start_ms)
    excluded: set[date] = set()
    more, late = 0, False
    last = period.last_day(start, days)
    moving = (one for one in acts if one.act and one.act in (clock.extended_by, clock.excluded))
    for filed in sorted(moving, key=done_ms):
        # What is granted or told after the end moves nothing.
        if done_ms(filed) > last.end_ms:
            continue
        extends = filed.act == clock.extended_by and start_ms <= done_ms(filed)
        granted = _granted(filed) if extends else 0
        told = _told(filed, start) if filed.act == clock.excluded else []
        new = set(told) - excluded
        excluded |= new
        if not new and not granted:
            continue
        late |= filed.at_ms > last.end_ms
        more += granted
        if clock.extended_at_most:
            more = min(more, clock.extended_at_most)
        last = period.last_day(start, days, more, excluded)
    return last, last.end_ms, more, sum(start < day <= last.day for day in excluded), late


def _granted(filed: Filed) -> int:
    text = filed.facts.get("days", "")
    # "三十" grants nothing that could be counted: the record that demands the fact says so.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _told(filed: Filed, start: date) -> list[date]:
    """Days that were told in writing; what was not told counts (强制法 25)."""
    first, last = _day(filed, "from"), _day(filed, "to")
    if first is None or last is None or (last - first).days > MAX_TOLD:
        return []
    return days_between(max(first, start), last)


def _day(filed: Filed, fact: str) -> date | None:
    try:
        return parse_day(filed.facts.get(fact, ""))
    except Malformed:
        return None


def state_of(meaning: Meaning, due_ms: int, stopped_ms: int | None, now_ms: int) -> State:
    in_time = (now_ms if stopped_ms is None else stopped_ms) <= due_ms
    match meaning, stopped_ms is not None:
        case Meaning.KEEPING, stopped:
            return (State.EARLY if stopped else State.RUNNING) if in_time else State.MET
        case _, True:
            return State.MET if in_time else State.LATE
        case Meaning.RIGHT, False if not in_time:
            return State.LAPSED
        case _:
            return State.RUNNING if in_time else State.OVERDUE
