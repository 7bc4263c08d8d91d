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
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from api.clock_names import clock_names
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
from ledger.process.clocks import State
from ledger.process.duties import duties_of

DUE = frozenset({State.RUNNING, State.OVERDUE})

router = APIRouter()

_CODES = ("malformed", "unsigned", "unknown", "rejected", "unavailable")
Done = Annotated[str, Query(json_schema_extra={"enum": ["no", "yes"]})]
Row = dict[str, str]


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
    asked, rows = await _answer(s, person, agency, below, done)
    return JSONResponse(asked.answer(clocks=clock_names(asked.registry), due=rows))


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
    _, rows = await _answer(s, person, agency, below, "no")
    return Response(feed.feed(rows), media_type=feed.MEDIA_TYPE)


async def _answer(
    s: Services, person: Person, agency: str, below: str, done: str
) -> tuple[Asked, list[Row]]:
    async with s.packing:
        return await asyncio.to_thread(_due, s, agency, person, below, done)


def _due(
    s: Services, agency: str, person: Person, below: str, done: str
) -> tuple[Asked, list[Row]]:
    asked = admit(s, agency, person)
    agencies = asked.below if asks_below(below) else [asked.agency]
    asked.note("due")
    if done not in ("no", "yes"):
        raise Malformed(f"want yes or no, got {done!r}")
    states = frozenset(State) if done == "yes" else DUE
    rows = [row for one in agencies for row in _of_agency(s, one, states)]
    return asked, sorted(rows, key=lambda row: (row["due"], row["case"], row["clock"]))


def _of_agency(s: Services, agency: str, states: frozenset[State]) -> Iterator[Row]:
    filed = list(filed_acts(s, agency))
    files = case_files(agency, sorted([*filed, *_complaints(s, agency)], key=lambda f: f.number))
    found = [clock for file in files for clock in Standing(s, file).clocks()]
    now_ms = s.clock.now_ms()
    # Of a year without an act it owes nothing that this ledger could know of.
    for year in sorted({in_china(one.at_ms).year for one in filed}):
        found += duties_of(agency, filed, year, now_ms)
    for running in found:
        # What only begins next year is not due yet.
        begun = running.start_ms is not None and running.start_ms <= now_ms
        if begun and running.state in states:
            yield running.to_json() | {"agency": agency}


def case_files(agency: str, filed: Sequence[Filed]) -> list[CaseFile]:
    """Each case of an agency with its acts, in log order; a case has those of what it grew from.

    A complaint that belongs to no case is one of its own, with the acts, of whatever case, whose
    fact `complaint` is its id.
    """
    grown = {
        said["provisional"]: said["case"]
        for said in (one.statement.predicate for one in filed)
        if "provisional" in said and "case" in said
    }
    cases: dict[str, list[Filed]] = {}
    complaints: dict[str, list[Filed]] = {}
    for one in filed:
        said = one.statement.predicate
        provisional = said.get("provisional", "")
        if case := said.get("case") or grown.get(provisional, provisional):
            cases.setdefault(case, []).append(one)
        elif one.statement.kind is Kind.COMPLAINT:
            complaints[one.statement.id] = [one]
        if (about := complaints.get(one.facts.get("complaint", ""))) is not None:
            about.append(one)
    files = (*cases.items(), *complaints.items())
    return [CaseFile(case, agency, tuple(acts)) for case, acts in files]


def filed_acts(s: Services, agency: str) -> Iterator[Filed]:
    numbers = agency_acts(s, agency)
    check_bound(len(numbers))
    return _filed(s, numbers)


def _complaints(s: Services, agency: str) -> Iterator[Filed]:
    return (one for one in _filed(s, s.log.complaints) if one.statement.agency == agency)


def _filed(s: Services, numbers: Sequence[int]) -> Iterator[Filed]:
    for row in map(s.log.row, numbers):
        if not row.lost:
            statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
            yield Filed(row.number, statement, Entry.from_bytes(row.entry).at)
