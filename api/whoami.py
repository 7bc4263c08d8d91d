"""Tells a key's holder what the register says of it; asked by a signed request.

GET /v1/key   {"agency":"agency-01","log":"…/2026","person":"…","role":"station"}
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.schemas import answers, shown
from api.services import Services, services

router = APIRouter()


@router.get(
    "/v1/key",
    summary="What the register says of the key that signs this request",
    response_class=JSONResponse,
    responses=answers(200, "application/json", "Key", "unsigned"),
    openapi_extra=shown("signature"),
)
async def whoami(request: Request, s: Annotated[Services, Depends(services)]) -> JSONResponse:
    found = await asyncio.to_thread(s.doorkeeper.key_of, request, b"")
    return JSONResponse(
        {
            "agency": found.agency,
            "log": s.log.origin,
            "person": found.person,
            "role": str(found.role),
        }
    )
