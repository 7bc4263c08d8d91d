"""What is due at an agency, over all its cases: as rows, and as a calendar.

    GET /v1/agencies/{agency}/due          clocks that run or are overdue, the next first;
                                           with done=yes also those that are over;
                                           `clocks` are the names of all that there are
    GET /v1/agencies/{agency}/due.ics      the same, for phones and desks; the token may be the
                                           password of HTTP Basic, which is what these send

Counted from the agency's acts in the log, by the rule packs in force when each case was opened.
Who may see the agency sees it; a custody statement precedes each answer.
"""

import asyncio
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from api.clock_names import clock_names
from api.due_kept import Counted, Row, day_ends, next_change
from api.identity import Person
from api.proceedings import Standing
from api.schemas import AgencyName, answers, shown
from api.services import Services, services
from api.views import Asked, Below, admit, agency_acts, asks_below, check_bound
from ledger.encoding import in_china
from ledger.errors import Malformed, Unavailable
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Kind, Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.clocks import Running, State
from ledger.process.deadlines.duties import YEARLY, duties_of

DUE = frozenset({State.RUNNING, State.OVERDUE})

router = APIRouter()

_CODES = ("malformed", "unsigned", "unknown", "rejected", "unavailable")
Done = Annotated[str, Query(json_schema_extra={"enum": ["no", "yes"]})]


@router.get(
    "/v1/agencies/{agency}/due",
    summary="What runs and what is overdue at an agency",
    response_class=JSONResponse,
    responses=answers(200, "application/json", "Due", *_CODES),
    openapi_extra=shown("bearer"),
)
async def due(
    agency: AgencyName,
    request: Request,
    s: Annotated[Services, Depends(services)],
    below: Below = "no",
    done: Done = "no",
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)

    def write() -> JSONResponse:
        asked, rows = _due(s, agency, person, below, done)
        return JSONResponse(asked.answer(clocks=clock_names(asked.registry), due=rows))

    return await s.view(write)


@router.get(
    "/v1/agencies/{agency}/due.ics",
    summary="The same as a calendar",
    response_class=Response,
    responses=answers(200, "text/calendar", "", *_CODES),
    openapi_extra=shown("bearer", "basic"),
)
async def calendar(
    agency: AgencyName,
    request: Request,
    s: Annotated[Services, Depends(services)],
    below: Below = "no",
) -> Response:
    try:
        feed = import_module("api.calendar_feed")
    except ImportError:
        raise Unavailable(
            "icalendar is not installed, and it writes calendars",
            hints=("pip install 'tiezheng[tables]' where the ledger runs",),
        ) from None
    person = await asyncio.to_thread(s.doorkeeper.subscriber, request)

    def write() -> Response:
        _, rows = _due(s, agency, person, below, "no")
        return Response(feed.feed(rows), media_type=feed.MEDIA_TYPE)

    return await s.view(write)


def _due(
    s: Services, agency: str, person: Person, below: str, done: str
) -> tuple[Asked, list[Row]]:
    asked = admit(s, agency, person)
    agencies = asked.below if asks_below(below) else [asked.agency]
    asked.note("due")
    if done not in ("no", "yes"):
        raise Malformed(f"want yes or no, got {done!r}")
    find = _all if done == "yes" else _open
    rows: list[Row] = []
    for one, numbers in bounded_acts(s, agencies).items():
        rows += find(s, one, sorted({*numbers, *s.complaints.agency(one)}))
    return asked, sorted(rows, key=lambda row: (row["due"], row["case"], row["clock"]))


def _open(s: Services, agency: str, numbers: Sequence[int]) -> Sequence[Row]:
    """What runs or is overdue: asked for again and again, so it is kept."""
    now_ms = s.clock.now_ms()
    logged = (len(numbers), s.supervising.logged(agency), s.registers.read)

    def count() -> Counted:
        found: list[Row] = []
        until_ms = day_ends(now_ms)
        for running in _clocks(s, agency, numbers, now_ms):
            until_ms = min(until_ms, next_change(running, now_ms))
            if running.state in DUE and _has_begun(running, now_ms):
                found.append(_row(running, agency))
        return Counted(tuple(found), until_ms)

    return s.due_rows.rows(agency, logged, now_ms, count)


def _all(s: Services, agency: str, numbers: Sequence[int]) -> Sequence[Row]:
    now_ms = s.clock.now_ms()
    found = _clocks(s, agency, numbers, now_ms)
    return [_row(running, agency) for running in found if _has_begun(running, now_ms)]


def _row(running: Running, agency: str) -> Row:
    return running.to_json() | {"agency": agency}


def _has_begun(running: Running, now_ms: int) -> bool:
    """What only begins next year is not due yet."""
    return running.start_ms is not None and running.start_ms <= now_ms


def _clocks(s: Services, agency: str, numbers: Sequence[int], now_ms: int) -> Iterator[Running]:
    acts = Grouped()
    for one in filed_at(s, numbers):
        acts.add(one)
    for file in acts.files(s, agency):
        yield from Standing(s, file).clocks()
    # Of a year without an act it owes nothing that this ledger could know of.
    for year in sorted(acts.years):
        yield from duties_of(agency, acts.yearly, year, now_ms)
    # What an agency above it has told it to answer, which none of its own acts begins.
    for inspection in s.supervising.of(agency):
        yield from (term.running for term in inspection.terms(now_ms))


class Grouped:
    """The acts of an agency by case, as numbers: each case is read again when it is judged, so
    that of many no more than one is in memory. A case has the acts of what it grew from.

    A complaint that belongs to no case is one of its own, with the acts, of whatever case, whose
    fact `complaint` is its id.
    """

    def __init__(self) -> None:
        self.years: set[int] = set()
        self.yearly: list[Filed] = []  # the few that meet what is owed each year
        self._cases: dict[str, list[int]] = {}
        self._complaints: dict[str, list[int]] = {}
        self._grown: dict[str, str] = {}

    def add(self, one: Filed) -> None:
        """In log order."""
        said = one.statement.predicate
        if "provisional" in said and "case" in said:
            self._grown[said["provisional"]] = said["case"]
        if case := said.get("case") or said.get("provisional"):
            self._cases.setdefault(case, []).append(one.number)
        elif one.statement.kind is Kind.COMPLAINT:
            self._complaints[one.statement.id] = [one.number]
        if (about := self._complaints.get(one.facts.get("complaint", ""))) is not None:
            about.append(one.number)
        if one.statement.kind is not Kind.COMPLAINT:
            self.years.add(in_china(one.at_ms).year)
        if one.act in YEARLY:
            self.yearly.append(one)

    def files(self, s: Services, agency: str) -> Iterator[CaseFile]:
        for provisional, case in self._grown.items():
            if provisional in self._cases:
                self._cases.setdefault(case, []).extend(self._cases.pop(provisional))
        for case, numbers in chain(self._cases.items(), self._complaints.items()):
            yield CaseFile(case, agency, tuple(filed_at(s, sorted(numbers))))


def case_files(s: Services, agency: str, numbers: Sequence[int]) -> Iterator[CaseFile]:
    acts = Grouped()
    for one in filed_at(s, numbers):
        acts.add(one)
    return acts.files(s, agency)


def bounded_acts(s: Services, agencies: Sequence[str]) -> dict[str, list[int]]:
    """The acts of each; too many of all together are refused before the first is read."""
    numbers = {agency: agency_acts(s, agency) for agency in agencies}
    check_bound(sum(map(len, numbers.values())))
    return numbers


def filed_at(s: Services, numbers: Sequence[int]) -> Iterator[Filed]:
    for row in map(s.log.row, numbers):
        if not row.lost:
            statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
            yield Filed(row.number, statement, Entry.from_bytes(row.entry).at)
