"""Items that a station seals and puts into the store itself, past this server.

    POST   /v1/direct               {"sha256":"56dd…","size":"600000"}, signed → 201, id, key
    GET    /v1/direct/{id}/parts    URLs of parts, and which of them are there → 200
    PUT    the URLs, at the store   sealed blocks: docs/formats/sealed-item.md
    POST   /v1/direct/{id}/finish   all parts are there                        → 202
    GET    /v1/direct/{id}/item     digests, once everything was read back     → 200

The id is 128 random bits: whoever holds it may have parts of this item put, and nothing else. The
key is told to the key that announced the item, by a signed request; announced again, the same.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from api.arrivals import Busy
from api.bodies import read_body
from api.identity import Forbidden
from api.schemas import FirstPart, UploadId, answers, links, no_body, takes
from api.services import Services, services
from api.uploads import (
    JSON,
    MAX_OPENING,
    MAY_UPLOAD,
    check_room,
    check_share,
    describe_digest,
    read_announcement,
)
from ledger.encoding import format_base64, format_time, parse_decimal
from ledger.errors import Malformed, Rejected, Unknown
from storage.direct_directory import Direct, State
from storage.staging_directory import Announced

PAGE = 64  # parts: a gigabyte and more, and some forty kilobytes of URLs
URL_S = 2 * 3600  # then ask for the page again
NO_STORE = {"Cache-Control": "no-store"}

router = APIRouter()
Serving = Annotated[Services, Depends(services)]


@router.post(
    "/v1/direct",
    status_code=201,
    summary="Announce an item that is put into the store directly, by a signed request",
    response_class=JSONResponse,
    responses=answers(
        *(201, JSON, "OpenedDirect"),
        *("malformed", "unsigned", "forbidden", "no_direct", "too_large"),
        *("quota", "unavailable", "full"),
        leads_to=links("upload", get="/v1/direct/{id}/parts"),
    ),
    openapi_extra=takes(JSON, "Announcement", by="signature"),
)
async def open_direct(request: Request, s: Serving) -> JSONResponse:
    body = await read_body(request, MAX_OPENING)
    key = await asyncio.to_thread(s.doorkeeper.key_of, request, body)
    if key.role not in MAY_UPLOAD:
        raise Forbidden(f"a {key.role} key may not upload")
    upload = read_announcement(body, key, s.clock.now_ms())
    announced = Announced(
        keyid=upload.keyid,
        agency=upload.agency,
        size=upload.size,
        sha256=upload.sha256,
        sm3=upload.sm3,
        metadata="",
        opened_ms=upload.opened_ms,
    )
    direct, bare = await s.intakes.one_by_one(_open, s, announced)
    answer = {
        "upload": direct.id,
        "state": "receiving" if direct.state == State.OPEN else "working",
        "item": direct.begun.item,
        "key": format_base64(bare),
        "parts": str(s.direct_items.part_count(direct.begun, announced.size)),
        "partSize": str(direct.begun.part_size),
        "expires": format_time(direct.expires_ms),
    }
    location = {"Location": f"/v1/direct/{direct.id}"}
    return JSONResponse(answer, 201, location | NO_STORE)


@router.get(
    "/v1/direct/{id}/parts",
    summary=f"URLs of at most {PAGE} parts of a direct upload, and which parts are there",
    response_class=JSONResponse,
    responses=answers(200, JSON, "Parts", "malformed", "unknown", "gone", "busy", "unavailable"),
)
async def parts(id: UploadId, s: Serving, first: FirstPart = "1") -> JSONResponse:
    direct, start = s.directs.find(id), parse_decimal(first)
    count = s.direct_items.part_count(direct.begun, direct.announced.size)
    if not 1 <= start <= count:
        raise Malformed(f"want a part from 1 to {count}, got {start}", path="first")
    if direct.state != State.OPEN:
        raise Busy("this upload is being verified, or over", hints=("ask …/item",))
    return JSONResponse(await asyncio.to_thread(_parts, s, direct, start), headers=NO_STORE)


@router.post(
    "/v1/direct/{id}/finish",
    status_code=202,
    summary="Have a direct upload verified: all of its parts are there",
    response_class=JSONResponse,
    responses=answers(202, JSON, "Finishing", "unknown", "gone", "rejected", "unavailable"),
)
async def finish(id: UploadId, s: Serving) -> JSONResponse:
    direct = s.directs.find(id)
    _check_believed(direct)
    await asyncio.to_thread(s.direct_finishes.ask, direct)
    state = "recorded" if direct.state == State.RECORDED else "working"
    return JSONResponse({"state": state}, 202, NO_STORE)


@router.get(
    "/v1/direct/{id}/item",
    summary="What became of a direct upload: digests, once the server has read all of it",
    response_class=JSONResponse,
    responses=answers(200, JSON, "Arrival", "unknown", "gone", "rejected", "unavailable", "full"),
)
async def item(id: UploadId, s: Serving) -> JSONResponse:
    direct = s.directs.find(id)
    # What came of it is told once it is let go of: whoever is told asks again, or gives it up.
    if s.direct_finishes.finish(direct):
        return JSONResponse({"state": "working"}, headers=NO_STORE)
    if (failure := s.direct_finishes.failure(direct)) is not None:
        raise failure
    _check_believed(direct)
    answer: dict[str, Any] = {"state": "receiving" if direct.state == State.OPEN else "working"}
    if direct.state == State.RECORDED and direct.digest is not None:
        answer = {"state": "recorded"} | describe_digest(direct.digest)
    return JSONResponse(answer, headers=NO_STORE)


@router.delete(
    "/v1/direct/{id}",
    status_code=204,
    summary="Give up a direct upload",
    response_class=Response,
    responses=no_body(204, "unknown", "gone", "busy", "unavailable"),
)
async def give_up(id: UploadId, s: Serving) -> Response:
    direct = s.directs.find(id)
    if direct.state == State.FINISHING:
        raise Busy("this upload is being verified")
    await asyncio.to_thread(s.direct_finishes.end, direct)
    return Response(status_code=204)


def _open(s: Services, announced: Announced) -> tuple[Direct, bytes]:
    """One at a time, as `stage`: what is in use is counted before it is added to."""
    if (known := s.directs.same(announced)) is not None:
        # Sent again after a broken line: parts that are there need not be put again.
        return known, s.direct_items.bare_key(known.begun)
    s.direct_items.check_offered()
    check_share(s, announced.keyid, announced.size)
    check_room(s, announced.size)
    begun, key = s.direct_items.begin(announced.size)
    try:
        return s.directs.add(announced, begun), key.bare
    except BaseException:
        s.direct_items.clear(begun, announced.size, copied=False)
        raise


def _parts(s: Services, direct: Direct, first: int) -> dict[str, Any]:
    begun, size = direct.begun, direct.announced.size
    now_ms = s.clock.now_ms()
    lives_s = max(1, min(URL_S, (direct.expires_ms - now_ms) // 1000))
    try:
        there = s.direct_items.parts_there(begun, size, first, PAGE)
    except Unknown:
        s.direct_finishes.check_there(direct)
        raise
    urls = s.direct_items.part_urls(begun, size, first, PAGE, lives_s)
    rows = [
        {
            "n": str(n),
            "there": "yes" if there.get(n) == s.direct_items.part_length(begun, size, n) else "no",
            "url": url,
        }
        for n, url in enumerate(urls, first)
    ]
    return {"expires": format_time(now_ms + lives_s * 1000), "parts": rows}


def _check_believed(direct: Direct) -> None:
    if direct.state == State.REFUSED:
        raise Rejected(
            direct.why, hints=("read the file again, open a new upload, and seal it anew",)
        )
