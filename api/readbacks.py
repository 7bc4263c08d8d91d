"""Shows a filer that the bytes of his item are in the store now, and are his.

    POST /v1/readbacks   {"nonce":"9c…","sha256":"56dd…","size":"600000"}, signed
                         → {"digest":"…"}, the SHA-256 of nonce and bytes, and nothing else:
                           any other digest could be told from memory

The nonce is the filer's, 32 fresh random bytes. Whoever remembers a digest but has lost
the bytes cannot answer; the filer has his own file and computes the same.
"""

import asyncio
import threading
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.arrivals import until
from api.bodies import read_body
from api.cases import Damaged
from api.schemas import answers, takes
from api.services import Services, services
from ledger import abreast
from ledger.encoding import parse_decimal, parse_hex, parse_json
from ledger.errors import Malformed, Unavailable, Unknown
from ledger.ports import ItemRecord
from ledger.suite import DIGEST_SIZE, new_digest

JSON = "application/json"
MAX_REQUEST = 4096
NONCE_SIZE = 32
LOOK_S = 1.0  # how often it is asked whether anybody still waits

router = APIRouter()


@router.post(
    "/v1/readbacks",
    summary="Read an item back now, whole, and digest it behind a nonce; by a signed request",
    response_class=JSONResponse,
    responses=answers(
        *(200, JSON, "ReadBack"),
        *("malformed", "unsigned", "unknown", "too_large", "unavailable", "damaged"),
    ),
    openapi_extra=takes(JSON, "ReadBackRequest", by="signature"),
)
async def read_back(request: Request, s: Annotated[Services, Depends(services)]) -> JSONResponse:
    body = await read_body(request, MAX_REQUEST)
    key = await asyncio.to_thread(s.doorkeeper.key_of, request, body)
    nonce, sha256, size = _wanted(body)
    item = await asyncio.to_thread(s.store.held, sha256, size, key.agency)
    if item is None:
        raise Unknown("this agency has no item of that digest and size here")
    if s.reading_back.locked():
        raise Unavailable("other items are being read back: try again in a moment")
    async with s.reading_back:
        return JSONResponse(await _while_waited_for(request, s, item, nonce))


async def _while_waited_for(
    request: Request, s: Services, item: ItemRecord, nonce: bytes
) -> dict[str, Any]:
    """Ends early when whoever asked has gone: the next one waits for the same disk."""
    stop = threading.Event()
    work = asyncio.create_task(asyncio.to_thread(_read, s, item, nonce, stop))
    try:
        while not (await asyncio.wait([work], timeout=LOOK_S))[0]:
            if await request.is_disconnected():
                break
    finally:
        stop.set()
        await asyncio.wait([work])
    return work.result()


def _read(s: Services, item: ItemRecord, nonce: bytes, stop: threading.Event) -> dict[str, Any]:
    fresh = new_digest()
    fresh.update(nonce)
    try:
        pieces = until(stop, s.items.stream(item.object_id))
        abreast.feed(pieces, (fresh.update,))
    except (Unknown, Unavailable) as error:
        raise Damaged(f"the item is recorded, and cannot be read whole: {error}") from None
    return {"digest": fresh.digest().hex()}


def _wanted(body: bytes) -> tuple[bytes, bytes, int]:
    match parse_json(body, limit=MAX_REQUEST):
        case {"nonce": str(nonce), "sha256": str(sha256), "size": str(size), **more} if not more:
            pass
        case _:
            raise Malformed("want nonce, sha256 and size, all text, nothing else")
    return parse_hex(nonce, NONCE_SIZE), parse_hex(sha256, DIGEST_SIZE), parse_decimal(size)
