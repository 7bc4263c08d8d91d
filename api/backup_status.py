"""How much of the log is backed up, for anyone.

GET /v1/backup     a station may drop its copies of statements whose index is below `size`, in
                   the log that it names, which may be closed by now, and in those before it
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from api.backups import newest
from api.schemas import answers
from api.services import Services, services
from ledger.encoding import format_time
from ledger.errors import Unknown

router = APIRouter()


@router.get(
    "/v1/backup",
    summary="What the newest backup covers",
    response_class=JSONResponse,
    responses=answers(200, "application/json", "Backup", "unknown", "unavailable"),
)
async def backup(s: Annotated[Services, Depends(services)]) -> JSONResponse:
    found = await asyncio.to_thread(newest, s.folder)
    if found is None:
        raise Unknown("this ledger has no backup yet")
    return JSONResponse({"at": format_time(found.at_ms), "log": found.log, "size": str(found.size)})
