"""Inspections of agencies by those above them (六(二), 行政执法监督条例): who was told what, until
when it is to be answered, and how that stands.

    for one in inspections("city", acts, answers, above):
        one.told, one.terms(now_ms)

An inspection is a case of whoever inspects, with acts of the procedure `supervision`; each that is
to the agency inspected names it as `inspected`. That agency knows of it by what was told it, and by
nothing else: a plan, and the record of what was looked at, are not, so that nobody is warned.

Its answers are acts of its own, in a case of its own, with the id of what they answer. A term runs
from when it was logged that it was told, and is met by when the answer was: a date may be put back.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from ledger.encoding import in_china, parse_day
from ledger.errors import Malformed
from ledger.process.casefile import Filed
from ledger.process.deadlines.clocks import Running, State, state_of
from ledger.process.deadlines.period import DAY_MS, start_of
from ledger.process.rules.rulepack import Clock

PROCEDURE = "supervision"
MAX_DAYS = 3660
STATUTE = "行政执法监督条例（国务院令第825号）"
VERSION = "2026.1"
NOTICE, FINDING, DEMAND, REVIEW, CLOSING = (
    *("supervision_notice", "supervision_finding", "rectification_demand"),
    *("rectification_review", "supervision_closing"),
)
TOLD = frozenset({NOTICE, FINDING, DEMAND, REVIEW})

_LAW = (STATUTE, "未取得条文")

_SELF_CHECK = Clock(
    "self_check",
    "提交自查自纠报告",
    "Report of the self-check",
    (NOTICE,),
    ("self_check",),
    *_LAW,
    memory=True,
)
_RECTIFICATION = Clock(
    "rectification",
    "整改并提交报告",
    "Rectify, and report it",
    (DEMAND,),
    ("rectification_report",),
    *_LAW,
    memory=True,
)
CLOCKS = {NOTICE: _SELF_CHECK, DEMAND: _RECTIFICATION}
ANSWERS = frozenset(act for clock in CLOCKS.values() for act in clock.until)

# Whether an agency stood above another where an act stands in the log.
Above = Callable[[Filed, str], bool]


@dataclass(frozen=True, slots=True)
class Term:
    """What was told with a last day; `result` is that of the last review of it."""

    running: Running
    told: Filed
    result: str = ""


@dataclass(frozen=True)
class Inspection:
    """One inspection of one agency; of a plan alone nobody is `inspected` yet."""

    case: str
    by: str
    inspected: str
    acts: tuple[Filed, ...]  # of whoever inspects, about this agency or about all
    answers: tuple[Filed, ...]  # acts of the agency inspected, of whatever inspection
    unentitled: frozenset[int] = frozenset()  # acts by who was not above the agency when he acted

    @cached_property
    def told(self) -> tuple[Filed, ...]:
        """What the agency inspected may know of; that it was closed, once it knows of anything."""
        theirs = [one for one in self.acts if self._is_to_them(one)]
        closings = [one for one in self.acts if one.act == CLOSING]
        first = theirs[0].number if theirs else None
        ends = [one for one in closings if first is not None and one.number > first]
        return tuple(sorted((*theirs, *ends), key=lambda one: one.number))

    def terms(self, now_ms: int) -> list[Term]:
        return [
            Term(self._running(one, now_ms), one, self._result(one))
            for one in self.told
            # A notice need set no day; of a demand it is told that its day cannot be read.
            if one.act == DEMAND or (one.act == NOTICE and "until" in one.facts)
        ]

    def _is_to_them(self, one: Filed) -> bool:
        named = self.inspected != "" and _inspected(one) == self.inspected
        return named and one.act in TOLD and one.number not in self.unentitled

    def _running(self, told: Filed, now_ms: int) -> Running:
        clock = CLOCKS[told.act]
        about = (clock, PROCEDURE, VERSION, STATUTE, self.case)
        last = _last_day(told)
        if last is None:
            return Running(*about, State.NOT_STARTED)
        due_ms = start_of(last) + DAY_MS - 1
        stopped = next(self._answers(told, *clock.until), None)
        stopped_ms = None if stopped is None else stopped.at_ms
        return Running(
            *about,
            state_of(clock.meaning, due_ms, stopped_ms, now_ms),
            started=told,
            start_ms=told.at_ms,
            due_ms=due_ms,
            last_day=last,
            stopped=stopped,
            stopped_ms=stopped_ms,
        )

    def _answers(self, told: Filed, act: str) -> Iterator[Filed]:
        for one in self.answers:
            names = one.act == act and one.facts.get("answers") == told.statement.id
            if names and one.number > told.number:
                yield one

    def _result(self, told: Filed) -> str:
        found = [
            one.facts.get("result", "")
            for one in self.told
            if one.act == REVIEW and one.facts.get("answers") == told.statement.id
        ]
        return found[-1] if found else ""


def inspections(
    by: str, acts: Iterable[Filed], answers: Callable[[str], Sequence[Filed]], above: Above
) -> list[Inspection]:
    """Those of one agency, in the order in which they began; an agency inspected has one each.

    `acts` are its acts of the procedure, in log order; `answers` those of an agency by its name.
    """
    cases: dict[str, list[Filed]] = {}
    numbered: dict[str, str] = {}
    for one in acts:
        said = one.statement.predicate
        case, provisional = said.get("case", ""), said.get("provisional", "")
        if case and provisional and numbered.setdefault(provisional, case) == case:
            cases.setdefault(case, [])[:0] = cases.pop(provisional, [])
        cases.setdefault(case or numbered.get(provisional, provisional), []).append(one)
    return [
        one
        for case, theirs in cases.items()
        for one in _of_case(case, by, sorted(theirs, key=lambda o: o.number), answers, above)
    ]


def _of_case(
    case: str,
    by: str,
    acts: Sequence[Filed],
    answers: Callable[[str], Sequence[Filed]],
    above: Above,
) -> Iterator[Inspection]:
    names = list(dict.fromkeys(filter(None, map(_inspected, acts))))
    # Who answers in a case of his own holds no inspection there.
    if not names and any(one.act not in ANSWERS for one in acts):
        yield Inspection(case, by, "", tuple(acts), ())
    for name in names:
        theirs = tuple(one for one in acts if _inspected(one) in ("", name))
        # Act by act: what an agency was told stays told when it gets another one above it.
        others = frozenset(o.number for o in theirs if _inspected(o) and not above(o, name))
        yield Inspection(case, by, name, theirs, tuple(answers(name)), others)


def _inspected(act: Filed) -> str:
    return act.facts.get("inspected", "")


def _last_day(told: Filed) -> date | None:
    """The day that it states; one that was over when it was told, or is years away, is a slip."""
    try:
        last = parse_day(told.facts.get("until", ""))
    except Malformed:
        return None
    first = in_china(told.at_ms).date()
    return last if first <= last and (last - first).days <= MAX_DAYS else None
