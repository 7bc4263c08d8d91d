"""Every refusal as an RFC 9457 problem document, from one table.

{"type":"urn:tiezheng:problem:conflict","title":"…","status":409,
 "detail":"statement 0198… is logged with other contents","code":"conflict","hints":[]}
"""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.journal import journal
from ledger.errors import LedgerError
from ledger.process.handover import NotApproved
from ledger.process.judging.gated import Gated

# code of the error → HTTP status, title. The most special code comes from the class itself.
TABLE: Mapping[str, tuple[int, str]] = {
    "malformed": (400, "not in the format"),
    "unsigned": (401, "who asks is not shown"),
    "forbidden": (403, "not for this role"),
    "unknown": (404, "nothing of that name"),
    "not_found": (404, "no such path"),
    "method": (405, "no such method here"),
    "conflict": (409, "already there with other contents"),
    "gated": (409, "a conclusion before what it needs"),
    "not_approved": (409, "for abroad, without an approval in the log"),
    "no_direct": (409, "no station can put items into this ledger's store"),
    "offset": (409, "another offset than the upload has"),
    "parts": (409, "parts are missing, or of another size"),
    "destroyed": (410, "a disposal in the log has destroyed it"),
    "gone": (410, "it was here and is no more"),
    "length": (411, "the length must be known"),
    "version": (412, "another version of the protocol"),
    "too_large": (413, "too large"),
    "media_type": (415, "another type of body is wanted"),
    "rejected": (422, "in the format, not to be believed"),
    "busy": (423, "another request is at it"),
    "quota": (429, "the quota of this key is used up"),
    "checksum": (460, "other bytes than the checksum says"),
    "internal": (500, "the server failed"),
    "unavailable": (503, "not now"),
    "damaged": (503, "the stored bytes are damaged"),
    "full": (507, "no room on the server"),
}

MEDIA_TYPE = "application/problem+json"
# What the framework itself refuses.
_BY_STATUS = {404: "not_found", 405: "method"}


def problem(code: str, detail: str, hints: tuple[str, ...] = ()) -> dict[str, Any]:
    status, title = TABLE[code]
    return {
        "type": f"urn:tiezheng:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "hints": list(hints),
    }


def of_error(error: LedgerError) -> dict[str, Any]:
    body = problem(error.code, str(error), error.hints)
    if isinstance(error, Gated):
        # Beyond the standard's own members: which rules, for programs and for other languages.
        body |= {"reason": str(error.reason), "found": [dict(row) for row in error.found]}
    if isinstance(error, NotApproved):
        body["reason"] = str(error.why)
    return body


def answer(body: dict[str, Any], more: Mapping[str, str] | None = None) -> JSONResponse:
    headers = dict(more or {})
    if body["code"] in ("busy", "quota", "unavailable"):
        headers["Retry-After"] = "2"
    return JSONResponse(body, body["status"], headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    @app.exception_handler(LedgerError)
    async def _(request: Request, error: LedgerError) -> JSONResponse:
        challenge = getattr(error, "challenge", None)
        return answer(of_error(error), challenge and {"WWW-Authenticate": challenge})

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> JSONResponse:
        code = _BY_STATUS.get(error.status_code, "malformed")
        return answer(problem(code, str(error.detail)), error.headers)

    @app.exception_handler(ClientDisconnect)
    async def _(request: Request, error: ClientDisconnect) -> JSONResponse:
        # Nobody is there to read it: a line broke, and the server did not fail.
        return answer(problem("malformed", "the body ended early"))

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> JSONResponse:
        where = "; ".join(
            f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()
        )
        return answer(problem("malformed", where[:500]))

    @app.exception_handler(Exception)
    async def _(request: Request, error: Exception) -> JSONResponse:
        # The route, not the path: a path may hold a case number or an upload's id.
        route = getattr(request.scope.get("route"), "path", "")
        journal.exception("request_failed", method=request.method, route=route)
        return answer(problem("internal", "see the server's journal"))
