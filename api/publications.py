"""Which decisions were published, taken back and ended in time, over all cases of an agency.

    GET /v1/agencies/{agency}/publications     a line for each decision, what is open first

Drawn from the clocks of each case (`api.due`); who may see the agency sees it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.due import bounded_acts
from api.identity import Person
from api.own_cases import OwnCases
from api.proceedings import Moment, Standing
from api.schemas import AgencyName, answers, shown
from api.services import Services, services
from api.views import Asked, Below, admit
from ledger.encoding import in_china
from ledger.process.deadlines.clocks import Running
from ledger.process.reports.publications import PublicationLine, publication_line

router = APIRouter()


@router.get(
    "/v1/agencies/{agency}/publications",
    summary="Which decisions of an agency were published in time",
    response_class=JSONResponse,
    responses=answers(
        200,
        "application/json",
        "Publications",
        *("malformed", "unsigned", "unknown", "rejected", "unavailable"),
    ),
    openapi_extra=shown("bearer"),
)
async def publications(
    agency: AgencyName,
    request: Request,
    s: Annotated[Services, Depends(services)],
    below: Below = "no",
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    return await s.view(lambda: _publications(s, agency, person, below))


def _publications(s: Services, agency: str, person: Person, below: str) -> JSONResponse:
    asked = admit(s, agency, person)
    agencies = asked.agencies(below)
    asked.note("publications")
    acts = bounded_acts(s, agencies)
    rows = [row for one, numbers in acts.items() for row in _of_agency(asked, one, numbers)]
    return JSONResponse(asked.answer(publications=sorted(rows, key=_urgent_first)))


def _of_agency(asked: Asked, agency: str, acts: Sequence[int]) -> Iterator[dict[str, str]]:
    moment = Moment(asked.s)
    for file in OwnCases(asked.s, agency, acts).files():
        line = publication_line(Standing(asked.s, file, moment).clocks())
        if line is not None:
            yield _row(asked, agency, line)


def _row(asked: Asked, agency: str, line: PublicationLine) -> dict[str, str]:
    started = line.publish.started
    return {
        "agency": agency,
        "case": line.case,
        "decided": "" if started is None else started.day.isoformat(),
        "decision": "" if started is None else started.act,
        "late": "yes" if line.late else "no",
        "overdue": "yes" if line.overdue else "no",
        "place": "" if started is None else asked.place(started.number),
        **_clock("publish", line.publish),
        **_clock("withdraw", line.withdraw),
        **_clock("end", line.end),
    }


def _clock(name: str, running: Running | None) -> dict[str, str]:
    """Until when, when it was done, and how it stands; all empty for what has not started."""
    last = running and running.last_day
    done = running.stopped_ms if running else None
    return {
        f"{name}_by": last.isoformat() if last else "",
        f"{name}_done": "" if done is None else in_china(done).date().isoformat(),
        f"{name}_state": str(running.state) if running else "",
    }


def _urgent_first(row: dict[str, str]) -> tuple[bool, str, str]:
    return (row["overdue"] == "no", row["publish_by"], row["case"])
