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
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from api.clock_names import clock_names
from api.due_kept import Counted, Row, day_ends, next_change
from api.identity import Person
from api.own_cases import OwnCases
from api.proceedings import Moment, Standing
from api.schemas import AgencyName, answers, shown
from api.services import Services, services
from api.views import Asked, Below, admit, agency_acts, check_bound
from ledger.encoding import clip
from ledger.errors import Malformed, Unavailable
from ledger.process.deadlines.clocks import Running, State
from ledger.process.deadlines.duties import duties_of

WRITTEN_AT_ONCE = 500  # rows
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
) -> Response:
    person = await asyncio.to_thread(s.doorkeeper.person, request)

    def write() -> Response:
        asked, rows = _due(s, agency, person, below, done)
        answer = asked.answer(clocks=clock_names(asked.registry))
        return Response(b"".join(_written(answer, rows)), media_type="application/json")

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
    agencies = asked.agencies(below)
    asked.note("due")
    if done not in ("no", "yes"):
        raise Malformed(f"want yes or no, got {clip(done)!r}")
    s.supervising.look_on(agencies)
    check_bound(sum(map(s.supervising.logged, agencies)))
    find = _all if done == "yes" else _open
    rows: list[Row] = []
    for one, acts in bounded_acts(s, agencies).items():
        rows += find(s, one, acts)
    return asked, sorted(rows, key=lambda row: (row["due"], row["case"], row["clock"]))


def _written(answer: Mapping[str, Any], rows: Sequence[Row]) -> Iterator[bytes]:
    """With the rows as `due`, some at a time: in one piece nothing else would run meanwhile."""
    yield _json(answer)[:-1] + b',"due":['
    for start in range(0, len(rows), WRITTEN_AT_ONCE):
        yield (b"," if start else b"") + _json(rows[start : start + WRITTEN_AT_ONCE])[1:-1]
    yield b"]}"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _open(s: Services, agency: str, acts: Sequence[int]) -> Sequence[Row]:
    """What runs or is overdue: asked for again and again, so it is kept."""
    moment = Moment(s)
    complaints = len(s.complaints.agency(agency)), s.complaints.naming_cases()
    logged = (len(acts), *complaints, s.supervising.logged(agency), s.registers.read)

    def count() -> Counted:
        found: list[Row] = []
        until_ms, cases = day_ends(moment.now_ms), OwnCases(s, agency, acts)
        for running in _clocks(s, cases, moment):
            until_ms = min(until_ms, next_change(running, moment.now_ms))
            if running.state in DUE and _has_begun(running, moment.now_ms):
                found.append(_row(running, agency))
        return Counted(tuple(found), until_ms, tuple(cases.unsettled.items()))

    def length(name: str) -> int:
        return len(s.log.places(name))

    return s.due_rows.rows(agency, logged, moment.now_ms, count, length)


def _all(s: Services, agency: str, acts: Sequence[int]) -> Sequence[Row]:
    moment = Moment(s)
    found = _clocks(s, OwnCases(s, agency, acts), moment)
    return [_row(running, agency) for running in found if _has_begun(running, moment.now_ms)]


def _row(running: Running, agency: str) -> Row:
    return running.to_json() | {"agency": agency}


def _has_begun(running: Running, now_ms: int) -> bool:
    """What only begins next year is not due yet."""
    return running.start_ms is not None and running.start_ms <= now_ms


def _clocks(s: Services, cases: OwnCases, moment: Moment) -> Iterator[Running]:
    for file in cases.files():
        yield from Standing(s, file, moment).clocks()
    acts = [one for _, one in sorted(cases.yearly.items())]
    # Of a year without an act it owes nothing that this ledger could know of.
    for year in sorted(cases.years):
        yield from duties_of(cases.agency, acts, year, moment.now_ms)
    # What an agency above it has told it to answer, which none of its own acts begins.
    for inspection in s.supervising.of([cases.agency]):
        yield from (term.running for term in inspection.terms(moment.now_ms))


def bounded_acts(s: Services, agencies: Sequence[str]) -> dict[str, list[int]]:
    """The acts of each; too many of all together are refused before the first is read."""
    numbers = {agency: agency_acts(s, agency) for agency in agencies}
    check_bound(sum(map(len, numbers.values())))
    return numbers
