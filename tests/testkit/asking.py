"""How schemathesis asks this server; it loads this module by SCHEMATHESIS_HOOKS.

JSON in its one form, statements a line each and most of them signed by a station,
requests signed where the interface says so. Without that nothing would pass the door.
"""

import json
import os
from random import Random
from typing import Any

import requests
import schemathesis
from requests.auth import AuthBase

from api.ids import new_id
from api.signing import sign_request
from fuzz.mutate import mutate
from ledger.encoding import format_json
from ledger.errors import LedgerError
from ledger.evidence.chunks import digest_item
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement
from testkit.server import AGENCY, CASE, FOUNDED, STATION

UPLOADED = b"schemathesis"  # bytes that the test has sent before
ENDS_MS = 2**42
COVERED = ("upload-length", "upload-metadata")
KNOWN = {"label": "2026", "case": CASE, "path": f"entries/000.p/{FOUNDED}"}


class Signed(AuthBase):
    """Signs what is really sent, headers and body as they are on the wire."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        said = {k: v for k, v in request.headers.items() if k.lower() in COVERED}
        body = request.body or b""
        data = body.encode() if isinstance(body, str) else bytes(body)
        nonce = os.urandom(16).hex()
        given = sign_request(STATION, request.method or "", request.url or "", data, nonce, said)
        request.headers.update(given)
        return request


class Handler(AuthBase):
    """Who may open uploads by a token; the one that is sent elsewhere is a court's."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {os.environ['HANDLERS_TOKEN']}"
        return request


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    random = Random(repr((case.path_parameters, case.headers, case.body)))
    # In half the cases: the other half shows what strangers get, and names of nothing.
    if "Signature" in (case.headers or {}) and random.random() < 0.5:
        kwargs["auth"] = Signed()
    positive = case.meta is None or case.meta.generation.mode.is_positive
    for name, known in KNOWN.items():
        if positive and name in (case.path_parameters or {}) and random.random() < 0.5:
            case.path_parameters[name] = known
    if positive and case.path == "/v1/tus" and case.method == "POST":
        kwargs["auth"] = Handler()
        case.headers["Upload-Length"] = str(random.randrange(1000))  # or the quota is soon used up
    if positive and case.path.startswith("/v1/tus/{id}") and random.random() < 0.5:
        case.path_parameters["id"] = _opened(case.operation.base_url)


def _opened(address: str) -> str:
    """The id of a new upload."""
    headers = {"Upload-Length": "2", "Tus-Resumable": "1.0.0"}
    url = f"{address.rstrip('/')}/v1/tus"
    answer = requests.post(url, headers=headers, auth=Signed(), timeout=60)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"].rpartition("/")[2]


@schemathesis.serializer("application/offset+octet-stream")
def _offset(context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.serializer("application/json")
def _json(context: Any, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return format_json(value)
    except LedgerError:
        return json.dumps(value).encode()


@schemathesis.serializer("application/x-ndjson")
def _lines(context: Any, value: Any) -> bytes:
    """A statement, whole or changed, for most values; the value itself for the others."""
    given = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
    if not isinstance(value, str):
        return given  # it is to be refused
    random = Random(given)
    envelope = _statement(random)
    match random.randrange(4):
        case 0:
            return given
        case 1:
            return envelope
        case 2:
            return mutate(envelope, random, ())
        case _:
            return envelope + b"\n" + given


def _statement(random: Random) -> bytes:
    predicate = {
        "agency": AGENCY,
        "case": CASE,
        "id": new_id(random.randrange(ENDS_MS)),
        "occurred": {"from": "2026-11-23T14:00:00+08:00", "to": "2026-11-23T14:05:00+08:00"},
    }
    subject = FileSubject(f"{random.randrange(100)}.jpg", digest_item(UPLOADED))
    return seal(Statement(Kind.EVIDENCE, (subject,), predicate).to_bytes(), [STATION]).to_bytes()
