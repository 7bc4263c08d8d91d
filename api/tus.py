"""Uploads that survive broken lines: tus 1.0 (tus.io), so that any tus client works.

    POST   /v1/tus        Upload-Length: 600000              → 201, Location
    HEAD   /v1/tus/{id}                                      → 200, Upload-Offset: 262144
    PATCH  /v1/tus/{id}   Upload-Offset: 262144, the bytes   → 204, Upload-Offset: 600000
    GET    /v1/tus/{id}/item                                 → 200, digests, once read back

With the extensions creation, checksum, expiration and termination. A 204 means that the
bytes up to its offset are durable. The id is 128 random bits: whoever holds it may send
these bytes and nothing else.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from email.utils import formatdate
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.bodies import BodyTooLarge, read_body
from api.identity import Forbidden
from api.schemas import (
    ChunkNumber,
    FirstChunk,
    UploadId,
    answers,
    header,
    no_body,
    takes,
)
from api.services import Services, services
from api.uploads import MAY_UPLOAD, LengthRequired, describe_digest, stage
from ledger.encoding import clip, parse_base64, parse_decimal, parse_hex
from ledger.errors import Conflict, Malformed, Rejected
from ledger.evidence.chunks import CHUNK_SIZE, MAX_ITEM
from ledger.suite import DIGEST_SIZE, Hasher, new_digest
from ledger.tlog.merkle import leaf_hash
from storage.sealing import Unopened
from storage.staging_directory import Announced, Staged, StagedWriter

PREFIX = "/v1/tus"
VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,expiration,termination"
MEDIA_TYPE = "application/offset+octet-stream"
OCTETS = "application/octet-stream"
JSON = "application/json"
NO_STORE = {"Cache-Control": "no-store"}

# sha1 since the protocol demands it: it finds what a line has changed, not who lies.
CHECKSUMS: Mapping[str, Callable[[], Hasher]] = {
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "sha256": new_digest,
}
MAX_METADATA = 4096
MAX_PAIRS = 32
MAX_KEY = 64
DAMAGED = bytes(DIGEST_SIZE)  # no bytes have this hash: who compares sends the chunk again
PAGE = 256  # chunks in one answer: 64 MiB are read for it

router = APIRouter()
Serving = Annotated[Services, Depends(services)]


class WrongVersion(Malformed):
    code = "version"


class WrongType(Malformed):
    code = "media_type"


class WrongOffset(Conflict):
    code = "offset"


class WrongChecksum(Rejected):
    code = "checksum"


class Resumable:
    """What the protocol wants of every request and answer of these routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        # For clients whose surroundings know only GET and POST.
        if method := Headers(scope=scope).get("x-http-method-override"):
            scope = dict(scope, method=method)

        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Tus-Resumable"] = VERSION
                if message["status"] == 412:
                    headers["Tus-Version"] = VERSION
                if message["status"] == 405 and (allowed := _allowed(scope["path"])):
                    headers["Allow"] = allowed
            await send(message)

        await self._app(scope, receive, mark)


def _allowed(path: str) -> str | None:
    """The framework would name the methods of one route only."""
    return {3: "OPTIONS, POST", 4: "DELETE, HEAD, OPTIONS, PATCH"}.get(len(path.split("/")))


def check_version(request: Request) -> None:
    if (version := request.headers.get("tus-resumable")) != VERSION:
        raise WrongVersion(f"want Tus-Resumable {VERSION}, got {clip(version or 'none')!r}")


SPOKEN = [Depends(check_version)]
RESUMABLE = header("Tus-Resumable", f"^{VERSION.replace('.', '[.]')}$")


@router.options(
    PREFIX + "/{id}",
    status_code=204,
    summary="What this server can do of tus, whatever the upload",
    response_class=Response,
    responses=no_body(204),
)
async def describe_again(id: str) -> Response:
    return await describe()


@router.options(
    PREFIX,
    status_code=204,
    summary="What this server can do of tus",
    response_class=Response,
    responses=no_body(204),
)
async def describe() -> Response:
    return Response(
        status_code=204,
        headers={
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(MAX_ITEM),
            "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
        },
    )


@router.post(
    PREFIX,
    status_code=201,
    summary="Open an upload that may break off, by a signed request or a token",
    response_class=Response,
    dependencies=SPOKEN,
    responses=no_body(
        201, "malformed", "version", "unsigned", "forbidden", "too_large", "quota", "full"
    ),
    openapi_extra={
        "parameters": [
            RESUMABLE,
            header("Upload-Length", "^(0|[1-9][0-9]{0,17})$"),
            header("Upload-Metadata", "^[!-+.-~]{1,64}( [A-Za-z0-9+/=]*)?$", required=False),
        ],
        "security": [{"bearer": []}, {"signature": []}],
    },
)
async def create(request: Request, s: Serving) -> Response:
    keyid, agency = await asyncio.to_thread(_who, request, s)
    announced = _announced(request, keyid, agency, s.clock.now_ms())
    staged = await s.intakes.one_by_one(stage, s, announced)
    if staged.whole:
        s.arrivals.finish(staged)
    location = {"Location": f"{PREFIX}/{staged.id}"}
    return Response(status_code=201, headers=location | _expires(staged))


@router.head(
    PREFIX + "/{id}",
    summary="How much of an upload is durable",
    response_class=Response,
    dependencies=SPOKEN,
    responses=no_body(200, "unknown", "gone", "version"),
    openapi_extra={"parameters": [RESUMABLE]},
)
async def look(id: UploadId, s: Serving) -> Response:
    staged = s.staging.find(id)
    await s.arrivals.end_stalled(staged)
    headers = {
        "Upload-Offset": str(staged.offset),
        "Upload-Length": str(staged.announced.size),
        "Cache-Control": "no-store",
    }
    if staged.announced.metadata:
        headers["Upload-Metadata"] = staged.announced.metadata
    return Response(headers=headers | _expires(staged))


@router.patch(
    PREFIX + "/{id}",
    status_code=204,
    summary="Send bytes of an upload from its offset on",
    response_class=Response,
    dependencies=SPOKEN,
    responses=no_body(
        204,
        *("malformed", "unknown", "gone", "conflict", "length", "version", "too_large"),
        *("media_type", "busy", "checksum", "unavailable", "full"),
    ),
    openapi_extra={
        "parameters": [
            RESUMABLE,
            header("Upload-Offset", "^(0|[1-9][0-9]{0,17})$"),
            header("Upload-Checksum", "^(sha1|sha256) [A-Za-z0-9+/]+=*$", required=False),
        ]
    }
    | takes(MEDIA_TYPE),
)
async def send(id: UploadId, request: Request, s: Serving) -> Response:
    if request.headers.get("content-type", "").lower() != MEDIA_TYPE:
        raise WrongType(f"want Content-Type {MEDIA_TYPE}")
    staged = s.staging.find(id)
    offset = parse_decimal(request.headers.get("upload-offset", ""))
    checksum = _Checksum.of(request)
    length = _length(request)
    async with s.arrivals.hold(staged) as sender:
        if offset != staged.offset:
            raise WrongOffset(f"want Upload-Offset {staged.offset}, got {offset}")
        if length > staged.announced.size - offset:
            raise BodyTooLarge(f"want at most {staged.announced.size - offset} bytes more")
        if length:
            await _receive(request, length, staged, checksum, sender.hear, s)
        elif checksum is not None:
            checksum.check()
    s.arrivals.finish(staged)
    headers = {"Upload-Offset": str(staged.offset)} | _expires(staged)
    return Response(status_code=204, headers=headers)


@router.delete(
    PREFIX + "/{id}",
    status_code=204,
    summary="Give up an upload",
    response_class=Response,
    dependencies=SPOKEN,
    responses=no_body(204, "unknown", "gone", "version", "busy"),
    openapi_extra={"parameters": [RESUMABLE]},
)
async def terminate(id: UploadId, s: Serving) -> Response:
    staged = s.staging.find(id)
    await s.arrivals.stop(staged)
    async with s.arrivals.hold(staged):
        await asyncio.to_thread(s.staging.remove, staged)
    return Response(status_code=204)


@router.get(
    PREFIX + "/{id}/item",
    summary="What became of an upload: digests, once the server has read the whole back",
    response_class=JSONResponse,
    responses=answers(200, JSON, "Arrival", "unknown", "gone", "unavailable", "full"),
)
async def item(id: UploadId, s: Serving) -> JSONResponse:
    staged = s.staging.find(id)
    # What came of it is told once it has been let go of: whoever is told may mend it.
    if s.arrivals.finish(staged):
        return JSONResponse({"state": "working"}, headers=NO_STORE)
    if (failure := s.arrivals.failure(staged)) is not None:
        raise failure
    return JSONResponse(_arrival(staged), headers=NO_STORE)


@router.get(
    PREFIX + "/{id}/chunks",
    summary="Hashes of the chunks that came, 32 bytes each, as the server reads them now",
    response_class=Response,
    responses=answers(200, OCTETS, "", "malformed", "unknown", "gone", "busy", "unavailable"),
)
async def chunks(id: UploadId, s: Serving, first: FirstChunk = "0") -> Response:
    staged = s.staging.find(id)
    start = parse_decimal(first)
    async with s.reading, s.arrivals.hold(staged):
        _check_open(staged)
        leaves = await s.intakes.to_the_end(_leaves, s, staged, start)
    return Response(leaves, media_type=OCTETS, headers=NO_STORE)


@router.put(
    PREFIX + "/{id}/chunks/{n}",
    status_code=204,
    summary="Send one chunk of an upload again",
    response_class=Response,
    responses=no_body(
        204,
        *("malformed", "unknown", "gone", "conflict", "too_large", "rejected", "busy"),
        *("checksum", "unavailable", "full"),
    ),
    openapi_extra={
        "parameters": [
            header("Upload-Checksum", "^(sha1|sha256) [A-Za-z0-9+/]+=*$", required=False)
        ]
    }
    | takes(OCTETS),
)
async def mend(id: UploadId, n: ChunkNumber, request: Request, s: Serving) -> Response:
    staged = s.staging.find(id)
    number = parse_decimal(n)
    checksum = _Checksum.of(request)
    chunk = await read_body(request, CHUNK_SIZE)
    if checksum is not None:
        checksum.hasher.update(chunk)
        checksum.check()
    async with s.arrivals.hold(staged):
        _check_may_change(staged)
        start, end = _place(staged, number)
        if len(chunk) != end - start:
            raise Rejected(f"want the {end - start} bytes of chunk {number}, got {len(chunk)}")
        await s.intakes.to_the_end(s.staging.overwrite, staged, number, chunk)
    return Response(status_code=204)


class _Checksum:
    def __init__(self, hasher: Hasher, wanted: bytes) -> None:
        self.hasher = hasher
        self._wanted = wanted

    @classmethod
    def of(cls, request: Request) -> "_Checksum | None":
        text = request.headers.get("upload-checksum")
        if text is None:
            return None
        name, _, wanted = text.partition(" ")
        if name not in CHECKSUMS:
            raise Malformed(f"want a checksum by {' or '.join(CHECKSUMS)}, got {clip(name)!r}")
        hasher = CHECKSUMS[name]()
        return cls(hasher, parse_base64(wanted, len(hasher.digest())))

    def check(self) -> None:
        if not hmac.compare_digest(self.hasher.digest(), self._wanted):
            raise WrongChecksum(
                "the bytes are not those of the checksum, and none of them was kept",
                hints=("send them again",),
            )


async def _receive(
    request: Request,
    length: int,
    staged: Staged,
    checksum: _Checksum | None,
    hear: Callable[[], None],
    s: Services,
) -> None:
    """With a checksum all of the body counts or nothing, without one what came of it."""
    writer = s.staging.writer(staged, marks=checksum is None)
    takers = (writer.write,) if checksum is None else (writer.write, checksum.hasher.update)
    try:
        try:
            await s.intakes.take(request, length, takers, hear)
        except BaseException:
            if checksum is None:
                await s.intakes.to_the_end(writer.keep)
            raise
        await s.intakes.to_the_end(_keep, writer, checksum)
    finally:
        # Nobody else may begin to write before it has cut off what does not count.
        await s.intakes.to_the_end(writer.close)


def _keep(writer: StagedWriter, checksum: _Checksum | None) -> None:
    if checksum is not None:
        checksum.check()
    writer.keep()


def _who(request: Request, s: Services) -> tuple[str, str]:
    """Key or name, and agency. A signature has to cover what is announced."""
    if "authorization" in request.headers:
        person = s.doorkeeper.person(request)
        if person.role not in MAY_UPLOAD or not person.agency:
            raise Forbidden("want the token of a handler, for one agency, to upload")
        return f"token/{person.name}", person.agency
    said = [name for name in ("upload-length", "upload-metadata") if name in request.headers]
    key = s.doorkeeper.key_of(request, b"", said)
    if key.role not in MAY_UPLOAD:
        raise Forbidden(f"a {key.role} key may not upload")
    return key.key.keyid, key.agency


def _announced(request: Request, keyid: str, agency: str, now_ms: int) -> Announced:
    headers = request.headers
    if "upload-defer-length" in headers or "upload-concat" in headers:
        raise Malformed("want Upload-Length at once: this server defers and joins no uploads")
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        raise Malformed("want no body here", hints=("send the bytes by PATCH",))
    size = parse_decimal(headers.get("upload-length", ""))
    if size > MAX_ITEM:
        raise BodyTooLarge(f"want at most {MAX_ITEM} bytes, got {size}")
    metadata = headers.get("upload-metadata", "")
    known = parse_metadata(metadata) if metadata else {}  # tuspy sends an empty one
    sm3 = known.get("sm3", b"no")
    if sm3 not in (b"yes", b"no"):
        raise Malformed("want 'yes' or 'no'", path="sm3")
    sha256 = known.get("sha256")
    return Announced(
        keyid=keyid,
        agency=agency,
        size=size,
        sha256=b"" if sha256 is None else _sha256(sha256),
        sm3=sm3 == b"yes",
        metadata=metadata,
        opened_ms=now_ms,
    )


def _sha256(value: bytes) -> bytes:
    try:
        return parse_hex(value.decode("ascii", "replace"), DIGEST_SIZE)
    except Malformed as error:
        raise error.under("sha256") from None


def parse_metadata(text: str) -> dict[str, bytes]:
    """`filename d29ybGQ=,secret`: names with values in base64; a name alone has an empty one."""
    if len(text) > MAX_METADATA:
        raise Malformed(f"want Upload-Metadata of at most {MAX_METADATA} characters")
    pairs = text.split(",")
    if len(pairs) > MAX_PAIRS:
        raise Malformed(f"want at most {MAX_PAIRS} pairs in Upload-Metadata, got {len(pairs)}")
    found: dict[str, bytes] = {}
    for pair in pairs:
        key, _, value = pair.partition(" ")
        if not 0 < len(key) <= MAX_KEY or not all("!" <= c <= "~" for c in key):
            raise Malformed(f"want a name of 1 to {MAX_KEY} ASCII characters, got {clip(key)!r}")
        if key in found:
            raise Malformed(f"the name {key!r} stands twice in Upload-Metadata")
        found[key] = parse_base64(value)
    return found


def _length(request: Request) -> int:
    length = request.headers.get("content-length")
    if length is None:
        raise LengthRequired("want a Content-Length")
    return parse_decimal(length)


def _expires(staged: Staged) -> dict[str, str]:
    return {"Upload-Expires": formatdate(staged.expires_ms // 1000, usegmt=True)}


def _arrival(staged: Staged) -> dict[str, Any]:
    if not staged.whole:
        return {"state": "receiving", "offset": str(staged.offset)}
    if staged.recorded and staged.finish is not None:
        return {"state": "recorded"} | describe_digest(staged.finish.digest)
    if staged.mismatched and staged.finish is not None:
        return {"state": "mismatch"} | describe_digest(staged.finish.digest)
    return {"state": "working"}


def _check_open(staged: Staged) -> None:
    if staged.finish is not None and staged.finish.object_id:
        raise Conflict("the item store has it, and it changes no more")


def _check_may_change(staged: Staged) -> None:
    # What was found of it may be about to be recorded, or stand in the log's database already.
    if staged.finish is not None and not staged.mismatched:
        raise Conflict("the whole was read back as it should be, and it changes no more")


def _place(staged: Staged, number: int) -> tuple[int, int]:
    """Where a chunk that has come begins and ends."""
    start = number * CHUNK_SIZE
    end = min(start + CHUNK_SIZE, staged.announced.size)
    if start >= end or end > staged.offset:
        raise Rejected(f"chunk {number} has not come: the offset is {staged.offset}")
    return start, end


def _leaves(s: Services, staged: Staged, first: int) -> bytes:
    leaves = []
    for number in range(first, first + PAGE):
        start = number * CHUNK_SIZE
        end = min(start + CHUNK_SIZE, staged.announced.size)
        if start >= end or end > staged.offset:
            break
        try:
            leaves.append(leaf_hash(s.staging.read(staged, start, end)))
        except Unopened:
            leaves.append(DAMAGED)
    return b"".join(leaves)
