"""The public log as static files: c2sp.org/tlog-tiles, for anyone.

GET /log/2026/checkpoint          changes; cached for no more than a few seconds
GET /log/2026/opening.dsse.json   never changes: the statement of entry 0, and its salt beside it
GET /log/2026/tile/0/000          never changes
GET /log/2026/tile/entries/000    never changes
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.schemas import Label, TilePath, answers
from api.services import Services, services
from ledger.errors import Malformed, Unknown
from ledger.evidence.entry import OPENING
from ledger.tlog.tile import Tile
from storage.public_copy import CHECKPOINT

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"
CHANGES = "public, max-age=1"
NEVER_CHANGES = "public, max-age=31536000, immutable"
MEDIA = {CHECKPOINT: (TEXT, CHANGES), OPENING[0]: (JSON, NEVER_CHANGES)}  # the rest is bytes

router = APIRouter()


@router.head("/log/{label}/checkpoint", include_in_schema=False)
@router.get(
    "/log/{label}/checkpoint",
    summary="The newest checkpoint",
    response_class=Response,
    responses=answers(200, "text/plain", "", "unknown"),
)
async def checkpoint(label: Label, s: Annotated[Services, Depends(services)]) -> Response:
    return await _file(s, label, CHECKPOINT)


@router.head("/log/{label}/opening.dsse.json", include_in_schema=False)
@router.get(
    "/log/{label}/opening.dsse.json",
    summary="The statement that opened the log",
    response_class=Response,
    responses=answers(200, JSON, "", "unknown"),
)
async def opening(label: Label, s: Annotated[Services, Depends(services)]) -> Response:
    return await _file(s, label, OPENING[0])


@router.head("/log/{label}/opening.salt", include_in_schema=False)
@router.get(
    "/log/{label}/opening.salt",
    summary="The salt of the statement that opened the log",
    response_class=Response,
    responses=answers(200, BYTES, "", "unknown"),
)
async def salt(label: Label, s: Annotated[Services, Depends(services)]) -> Response:
    return await _file(s, label, OPENING[1])


@router.head("/log/{label}/tile/{path:path}", include_in_schema=False)
@router.get(
    "/log/{label}/tile/{path:path}",
    summary="A tile or a bundle of entries",
    response_class=Response,
    responses=answers(200, BYTES, "", "unknown"),
)
async def tile(label: Label, path: TilePath, s: Annotated[Services, Depends(services)]) -> Response:
    try:
        name = Tile.from_path(f"tile/{path}").to_path()
    except Malformed:
        raise Unknown("no such tile") from None
    return await _file(s, label, name)


async def _file(s: Services, label: str, path: str) -> Response:
    # Read whole, not streamed by name: a partial tile may go away at any moment.
    data = await asyncio.to_thread(s.log.named(label).public_file, path)
    return public_response(path, data)


def public_response(path: str, data: bytes) -> Response:
    media_type, caching = MEDIA.get(path, (BYTES, NEVER_CHANGES))
    return Response(data, media_type=media_type, headers={"Cache-Control": caching})
