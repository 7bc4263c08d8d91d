"""Inspections of agencies by those above them: what was told, and how its terms stand.

    GET /v1/agencies/{agency}/supervision    those that it holds, and those that it was told of

Of an inspection that another holds an agency sees what it was told, whoever asks here; with
`below=yes` the agencies below it as well. A custody statement precedes the answer.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.identity import Person
from api.schemas import AgencyName, answers, shown
from api.services import Services, services
from api.views import Asked, Below, admit, check_bound
from ledger.encoding import in_china
from ledger.process.casefile import Filed
from ledger.process.deadlines.clocks import State
from ledger.process.deadlines.supervision import CLOSING, DEMAND, FINDING, Inspection, Term

router = APIRouter()


@router.get(
    "/v1/agencies/{agency}/supervision",
    summary="Inspections that an agency holds or was told of",
    response_class=JSONResponse,
    responses=answers(
        200,
        "application/json",
        "Supervision",
        *("malformed", "unsigned", "unknown", "rejected", "unavailable"),
    ),
    openapi_extra=shown("bearer"),
)
async def supervision(
    agency: AgencyName,
    request: Request,
    s: Annotated[Services, Depends(services)],
    below: Below = "no",
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    return await s.view(lambda: _supervision(s, agency, person, below))


def _supervision(s: Services, agency: str, person: Person, below: str) -> JSONResponse:
    asked = admit(s, agency, person)
    agencies = asked.agencies(below)
    asked.note("supervision")
    s.supervising.look_on(agencies)
    check_bound(sum(map(s.supervising.logged, agencies)))
    found: dict[tuple[str, str, str], tuple[Inspection, Sequence[Filed]]] = {}
    for held in s.supervising.by(agencies):
        found[_key(held)] = held, held.acts
    for told in s.supervising.of(agencies):
        found.setdefault(_key(told), (told, told.told))
    now_ms = s.clock.now_ms()
    rows = [_row(asked, one, acts, one.terms(now_ms)) for one, acts in found.values()]
    terms = [_term(asked, one, term) for one, _ in found.values() for term in one.terms(now_ms)]
    return JSONResponse(asked.answer(inspections=rows, terms=sorted(terms, key=_urgent_first)))


def _key(one: Inspection) -> tuple[str, str, str]:
    return one.case, one.by, one.inspected


def _row(
    asked: Asked, one: Inspection, acts: Sequence[Filed], terms: Sequence[Term]
) -> dict[str, str]:
    """Drawn from the acts that are shown here: of the others not even a day is told."""
    closed = [act for act in acts if act.act == CLOSING]
    states = [term.running.state for term in terms]
    return {
        "acts": str(len(acts)),
        "by": one.by,
        "closed": _day(closed[-1]) if closed else "",
        "demands": str(sum(act.act == DEMAND for act in acts)),
        "findings": str(sum(act.act == FINDING for act in acts)),
        "first": asked.place(acts[0].number),
        "inspected": one.inspected,
        "inspection": one.case,
        "last": asked.place(acts[-1].number),
        "opened": _day(acts[0]),
        "overdue": str(states.count(State.OVERDUE)),
        "running": str(states.count(State.RUNNING)),
        "told": _day(one.told[0]) if one.told else "",
        "unentitled": str(sum(act.number in one.unentitled for act in acts)),
    }


def _term(asked: Asked, one: Inspection, term: Term) -> dict[str, str]:
    running, stopped = term.running, term.running.stopped
    return {
        "answer": "" if stopped is None else asked.place(stopped.number),
        "answered": "" if stopped is None else _day(stopped),
        "by": one.by,
        "clock": running.clock.id,
        "id": term.told.statement.id,
        "inspected": one.inspected,
        "inspection": one.case,
        "name": running.clock.name,
        "name_en": running.clock.name_en,
        "place": asked.place(term.told.number),
        "result": term.result,
        "state": str(running.state),
        "told": _day(term.told),
        "until": "" if running.last_day is None else running.last_day.isoformat(),
        "what": term.told.facts.get("what", ""),
    }


def _day(act: Filed) -> str:
    """As the log has it, whatever day a paper says."""
    return in_china(act.at_ms).date().isoformat()


def _urgent_first(row: dict[str, str]) -> tuple[bool, str, str]:
    return (row["state"] != State.OVERDUE, row["until"], row["inspection"])
