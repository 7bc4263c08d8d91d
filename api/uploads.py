"""Items on their way in: opened by a signed request, sent as one body, digested as they pass.

    POST /v1/uploads      {"sha256":"56dd…","size":"600000"}, signed   → 201, Location
    PUT  /v1/uploads/{id} the bytes                                    → 201, digests

The id is 128 random bits: whoever holds it may send these bytes and nothing else.
"""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.bodies import BodyTooLarge, read_body
from api.identity import Forbidden
from api.journal import journal
from api.schemas import UploadId, answers, links, takes
from api.services import Services, services
from api.upload_table import Upload, check_count, check_quota
from ledger.encoding import parse_decimal, parse_hex, parse_json
from ledger.errors import Malformed, Rejected
from ledger.evidence.chunks import MAX_ITEM, ItemDigest, ItemHasher
from ledger.evidence.register import Registration
from ledger.evidence.statement import Role
from ledger.ports import ItemRecord, ItemWriter
from ledger.suite import DIGEST_SIZE
from storage.staging_directory import Announced, Staged

JSON = "application/json"
MAX_OPENING = 4096
MAY_UPLOAD = (Role.STATION, Role.HANDLER)

router = APIRouter()


class LengthRequired(Malformed):
    code = "length"


@router.post(
    "/v1/uploads",
    status_code=201,
    summary="Announce an item, by a signed request",
    response_class=JSONResponse,
    responses=answers(
        *(201, JSON, "Opened"),
        *("malformed", "unsigned", "forbidden", "too_large", "quota", "full"),
        leads_to=links("upload", put="/v1/uploads/{id}"),
    ),
    openapi_extra=takes(JSON, "Announcement", by="signature"),
)
async def open_upload(request: Request, s: Annotated[Services, Depends(services)]) -> JSONResponse:
    body = await read_body(request, MAX_OPENING)
    key = await asyncio.to_thread(s.doorkeeper.key_of, request, body)
    # A notary has his certificates to hand in, which need no other way in than this.
    if key.role not in (*MAY_UPLOAD, Role.NOTARY):
        raise Forbidden(f"a {key.role} key may not upload")
    upload = read_announcement(body, key, s.clock.now_ms())
    id_ = await s.intakes.one_by_one(_open, s, upload)
    return JSONResponse({"upload": id_}, 201, {"Location": f"/v1/uploads/{id_}"})


@router.put(
    "/v1/uploads/{id}",
    status_code=201,
    summary="Send the bytes of an announced item",
    response_class=JSONResponse,
    responses=answers(
        *(201, JSON, "Digests"),
        *("malformed", "unknown", "conflict", "length", "rejected", "unavailable", "full"),
    ),
    openapi_extra=takes("application/octet-stream"),
)
async def send_upload(
    id: UploadId, request: Request, s: Annotated[Services, Depends(services)]
) -> JSONResponse:
    upload = s.uploads.take(id)
    done = False
    try:
        length = request.headers.get("content-length")
        if length is None:
            raise LengthRequired("want a Content-Length")
        if parse_decimal(length) != upload.size:
            raise Rejected(f"want {upload.size} bytes as announced, got {length}")
        writer = await s.intakes.to_the_end(s.items.begin, upload.size)
        try:
            digest = await _receive(request, writer, upload, s)
            done = True
        finally:
            await s.intakes.to_the_end(writer.abort)
    finally:
        s.uploads.release(id, done=done)
    journal.info("item_held", keyid=upload.keyid, size=upload.size)
    return JSONResponse(describe_digest(digest), 201)


async def _receive(request: Request, writer: ItemWriter, upload: Upload, s: Services) -> ItemDigest:
    """Both digests in one pass; memory holds a few megabytes, whatever the size."""
    hasher = ItemHasher(sm3=upload.sm3)
    await s.intakes.take(request, upload.size, (writer.write, *hasher.parts))
    return await s.intakes.to_the_end(_finish, hasher, writer, upload, s)


def _finish(hasher: ItemHasher, writer: ItemWriter, upload: Upload, s: Services) -> ItemDigest:
    digest = hasher.finish()
    if digest.size != upload.size:
        raise Rejected(f"want {upload.size} bytes, got {digest.size}", hints=("send it again",))
    if digest.sha256 != upload.sha256:
        raise Rejected(
            f"want sha256 {upload.sha256.hex()}, got {digest.sha256.hex()}",
            hints=("the bytes changed between reading and sending: read the item again",),
        )
    object_id = writer.commit(b"".join(hasher.leaves))
    s.store.add_item(
        ItemRecord(
            object_id=object_id,
            digest=digest,
            keyid=upload.keyid,
            agency=upload.agency,
            uploaded_ms=s.clock.now_ms(),
        )
    )
    return digest


def read_announcement(body: bytes, key: Registration, now_ms: int) -> Upload:
    match parse_json(body, limit=MAX_OPENING):
        case {"sha256": str(sha256), "size": str(size), **more} if set(more) <= {"sm3"}:
            count = parse_decimal(size)
            sm3 = more.get("sm3", "no")
        case _:
            raise Malformed("want sha256 and size, both text, perhaps sm3, nothing else")
    if sm3 not in ("yes", "no"):
        raise Malformed("want 'yes' or 'no'", path="sm3")
    if count > MAX_ITEM:
        raise BodyTooLarge(f"want at most {MAX_ITEM} bytes, got {size}")
    return Upload(
        key.key.keyid, key.agency, count, parse_hex(sha256, DIGEST_SIZE), now_ms, sm3 == "yes"
    )


def _open(s: Services, upload: Upload) -> str:
    """One at a time, as `stage`: what is in use is counted before it is added to."""
    check_room(s, upload.size)
    return s.uploads.add(upload, s.settings.quota, s.bytes_of(upload.keyid))


def stage(s: Services, announced: Announced) -> Staged:
    """Opens a staged upload, within the quota and room that it shares with announced ones."""
    check_share(s, announced.keyid, announced.size)
    # The bytes are here twice while they go over into the item store.
    check_room(s, 2 * announced.size)
    return s.staging.add(announced)


def check_share(s: Services, keyid: str, size: int) -> None:
    """Of quota and number, over all ways in."""
    check_quota(size, s.bytes_of(keyid) + s.uploads.bytes_of(keyid), s.settings.quota)
    own = s.staging.open_of(keyid) + s.directs.open_of(keyid)
    check_count(own, s.staging.open_of() + s.directs.open_of())


def check_room(s: Services, size: int) -> None:
    # Opened and closed again: says now, not after an hour of sending, that it will not fit.
    s.items.begin(size + s.staging.outstanding() + s.directs.outstanding()).abort()


def describe_digest(digest: ItemDigest) -> dict[str, Any]:
    answer = {
        "size": str(digest.size),
        "sha256": digest.sha256.hex(),
        "tiezhengChunks256k": digest.chunks.hex(),
    }
    return answer | ({"sm3": digest.sm3.hex()} if digest.sm3 else {})
