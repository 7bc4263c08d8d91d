"""The acts of an agency and year, with what they come to, for whoever may see them.

    GET /v1/agencies/{agency}/acts?year=2026     a yearly file, line by line

What is counted from it anybody counts again, with a copy of the log (`ledger.recount`). A custody
statement precedes the answer.
"""

import asyncio
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from api.identity import Person
from api.schemas import AgencyName, answers, shown
from api.services import Services, services
from api.views import Year, admit, check_year
from ledger.counting import yearly_lines

MEDIA_TYPE = "application/x-ndjson"

router = APIRouter()


@router.get(
    "/v1/agencies/{agency}/acts",
    summary="All acts of an agency and year, with their numbers",
    response_class=StreamingResponse,
    responses=answers(
        200, MEDIA_TYPE, "", "malformed", "unsigned", "unknown", "rejected", "unavailable"
    ),
    openapi_extra=shown("bearer"),
)
async def acts(
    agency: AgencyName, request: Request, s: Annotated[Services, Depends(services)], year: Year
) -> StreamingResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    lines = await s.view(lambda: _acts(s, agency, year, person))
    return StreamingResponse((line + b"\n" for line in lines), media_type=MEDIA_TYPE)


def _acts(s: Services, agency: str, year: str, person: Person) -> Iterator[bytes]:
    """What refuses does so here, before the first byte of an answer."""
    asked = admit(s, agency, person)
    check_year(asked, year)
    lines = yearly_lines(s.log, year, agency)
    asked.note(f"acts of {year}")
    return lines
