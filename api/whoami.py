"""Tells a key's holder what the register says of it; asked by a signed request.

GET /v1/key   {"agency":"agency-01","log":"…/2026","person":"…","role":"station"}
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.services import Services, services

router = APIRouter()


@router.get("/v1/key", summary="What the register says of the key that signs this request")
async def whoami(request: Request, s: Annotated[Services, Depends(services)]) -> dict[str, str]:
    found = await asyncio.to_thread(s.doorkeeper.key_of, request, b"")
    return {
        "agency": found.agency,
        "log": s.log.origin,
        "person": found.person,
        "role": str(found.role),
    }
