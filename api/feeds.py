"""The feed for the province's platform, pulled by its supervisor.

    GET /v1/feed?after=16&limit=100     events 17 and on, one signed page

A page with events is preceded by a custody statement in the log; an empty one tells nothing.
Who may see some agencies or cases only has no feed: its numbers would have gaps.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.identity import Forbidden
from api.schemas import answers, shown
from api.services import Services, services
from ledger.encoding import parse_decimal
from ledger.errors import Malformed
from ledger.evidence.statement import Role
from ledger.process.feeds.feed import MAX_PAGE

router = APIRouter()

Number = Query(json_schema_extra={"pattern": "^(0|[1-9][0-9]{0,17})$"})


@router.get(
    "/v1/feed",
    summary="The events after a number, one signed page",
    response_class=Response,
    responses=answers(
        *(200, "application/json", "Envelope"),
        *("malformed", "unsigned", "forbidden", "unknown", "unavailable"),
    ),
    openapi_extra=shown("bearer"),
)
async def feed(
    request: Request,
    s: Annotated[Services, Depends(services)],
    after: Annotated[str, Number] = "0",
    limit: Annotated[str, Number] = str(MAX_PAGE),
) -> Response:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    if person.role is not Role.SUPERVISOR or person.agency or person.cases:
        raise Forbidden(
            "want the token of a supervisor of all agencies and cases",
            hints=("tiezheng token DATA supervisor --name …",),
        )
    count = parse_decimal(limit)
    if not 0 < count <= MAX_PAGE:
        raise Malformed(f"want a limit from 1 to {MAX_PAGE}, got {count}")

    def page() -> bytes:
        state = s.feed.catch_up()
        found = s.feed.page(parse_decimal(after), count)
        if found.events:
            note = f"events {found.after + 1} to {found.last}"
            s.custody.note("exported", about=f"feed/{state.id}", person=person, note=note)
        return s.feed.seal(found)

    data = await asyncio.to_thread(page)
    return Response(data, media_type="application/json", headers={"Cache-Control": "no-store"})
