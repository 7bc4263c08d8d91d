"""What `docs/openapi.json` says of bodies that the routes read and write themselves."""

from typing import Annotated, Any

from fastapi import Path, Query

from api.problems import MEDIA_TYPE, TABLE
from ledger.evidence.delivery import Absent
from ledger.evidence.withheld import LEDGERS_OWN, Reason
from ledger.process.judging.gap import GapKind
from ledger.process.judging.gated import Closed
from ledger.process.rules.rulepack import Conclusion, Level, Sickness

Schema = dict[str, Any]

PROBLEM = "#/components/schemas/Problem"
ACCEPTED = "#/components/schemas/Accepted"
RESULTS = "#/components/schemas/Results"

_JSON = "application/json"
MAX_WITHHELD = 256  # in one request: they stand in its first line
_REASONS = "|".join(reason for reason in Reason if reason not in LEDGERS_OWN)

_DECIMAL: Schema = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,18})$"}
_SIZE: Schema = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,17})$"}
_SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_BASE64: Schema = {"type": "string", "contentEncoding": "base64"}
_YES_NO: Schema = {"type": "string", "enum": ["yes", "no"]}
_TEXT: Schema = {"type": "string"}


def _object(fields: Schema, *, optional: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "properties": fields,
        "required": [name for name in fields if name not in optional],
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


_FACTS: Schema = {"type": "object", "additionalProperties": _TEXT}
# `place` is the number of the act in the ledger; without `due` it may still come in its time.
_DESTROYED = _object(
    {
        "at": _TEXT,
        "basis": _TEXT,
        "by": _list(_TEXT),
        "entry": _TEXT,
        "id": _TEXT,
        "reason": _TEXT,
        "retention": _TEXT,
        "statements": _DECIMAL,
    }
)
_GAP = _object(
    {
        **dict.fromkeys(("rule", "pack", "version", "what", "name", "name_en"), _TEXT),
        **dict.fromkeys(("stage", "source", "article", "cure", "cure_en"), _TEXT),
        "kind": {"type": "string", "enum": list(GapKind)},
        "level": {"type": "string", "enum": list(Level)},
        "class": {"type": "string", "enum": list(Sickness)},
        "memory": {"type": "boolean"},
        "due": {"type": "boolean"},
        "place": {"type": ["string", "null"]},
        "facts": _FACTS,
    }
)

_PACK_FIELDS = ("opening", "pack", "sha256", "title", "title_en", "version")
_STANDING: Schema = {
    **dict.fromkeys(("at", "case", "log"), _TEXT),
    "packs": _list(_object(dict.fromkeys(_PACK_FIELDS, _TEXT))),
}
_CLOCK_SAYS = (
    *("clock", "name", "name_en", "pack", "version", "statute", "article", "meaning", "case"),
    "state",
)
_CLOCK_MAY = (
    *("memory", "started_by", "start", "due", "last_day", "moved_from", "counted"),
    *("extended_days", "excluded_days", "stopped_by", "stop", "logged_in_time"),
    *("additional_fine_at_most", "measure"),
)
_CLOCK = _object(dict.fromkeys((*_CLOCK_SAYS, *_CLOCK_MAY), _TEXT), optional=_CLOCK_MAY)
# One that runs or is overdue.
_DUE = _object(
    dict.fromkeys(("agency", *_CLOCK_SAYS, *_CLOCK_MAY), _TEXT),
    optional=tuple(name for name in _CLOCK_MAY if name not in ("due", "start")),
)

_FLAGS = _list(
    _object({"at": _list(_TEXT), "kind": {"type": "string", "enum": ["duplicate", "sibling"]}})
)

# Of which agency a view is, and of which state of the log.
_VIEW: Schema = {"agency": _TEXT, "log": _TEXT, "size": _DECIMAL}

_OF_A_CLOCK = ("by", "done", "state")
PUBLICATION_ROW = (
    *("agency", "case", "decided", "decision", "late", "overdue", "place"),
    *(f"{clock}_{what}" for clock in ("publish", "withdraw", "end") for what in _OF_A_CLOCK),
)
DOCUMENT_ROW = (
    *("about", "act", "agency", "case", "day", "logged", "number", "place", "procedure"),
    *("sha256", "size", "stage"),
)
BULLETIN_ROW = (
    *("accepted", "accepted_late", "answered", "answered_late", "ever", "filed"),
    *("held", "lost", "no_clock", "not_filed", "on_their_word", "overdue_accept"),
    *("overdue_answer",),
    *("received", "refused", "waiting"),
)
COMPLAINT_ROW = (
    *("agency", "case", "ever", "held", "id", "logged", "outcome", "place", "received"),
    *(f"{c}_{what}" for c in ("accept", "answer") for what in ("by", "done", "logged", "state")),
)

INSPECTION_ROW = (
    *("acts", "by", "closed", "demands", "findings", "first", "inspected", "inspection", "last"),
    *("opened", "overdue", "running", "told", "unentitled"),
)
TERM_ROW = (
    *("answer", "answered", "by", "clock", "id", "inspected", "inspection", "name", "name_en"),
    *("place", "result", "state", "told", "until", "what"),
)

COMPONENTS: dict[str, Schema] = {
    "Problem": _object(
        {
            "type": {"type": "string", "enum": [f"urn:tiezheng:problem:{code}" for code in TABLE]},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "code": {"type": "string", "enum": list(TABLE)},
            "hints": _list(_TEXT),
            "reason": {"type": "string", "enum": list(Closed)},
            "found": _list(_GAP) | {"description": "of code gated: the rules that are not met"},
        },
        optional=("reason", "found"),
    ),
    "Announcement": _object({"sha256": _SHA256, "size": _SIZE, "sm3": _YES_NO}, optional=("sm3",)),
    "Opened": _object({"upload": _TEXT}),
    "Digests": _object(
        {"sha256": _SHA256, "size": _DECIMAL, "tiezhengChunks256k": _SHA256, "sm3": _SHA256},
        optional=("sm3",),
    ),
    "Arrival": _object(
        {
            "state": {"type": "string", "enum": ["receiving", "working", "recorded", "mismatch"]},
            "offset": _DECIMAL,
            "sha256": _SHA256,
            "size": _DECIMAL,
            "tiezhengChunks256k": _SHA256,
            "sm3": _SHA256,
        },
        optional=("offset", "sha256", "size", "tiezhengChunks256k", "sm3"),
    ),
    "OpenedDirect": _object(
        {
            "upload": _TEXT,
            "state": {"type": "string", "enum": ["receiving", "working"]},
            "item": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "key": _BASE64 | {"description": "AES-256, for this item: formats/sealed-item.md"},
            "parts": _DECIMAL,
            "partSize": _DECIMAL,
            "expires": _TEXT,
        }
    ),
    "Parts": _object(
        {
            "expires": _TEXT,
            "parts": _list(
                _object(
                    {
                        "n": _DECIMAL,
                        "there": _YES_NO,
                        "url": {"type": "string", "description": "takes a PUT of just this part"},
                    }
                )
            ),
        }
    ),
    "Finishing": _object({"state": {"type": "string", "enum": ["working", "recorded"]}}),
    "ReadBackRequest": _object({"nonce": _SHA256, "sha256": _SHA256, "size": _SIZE}),
    "ReadBack": _object({"digest": _SHA256}),
    "Accepted": _object(
        {
            "id": _TEXT,
            "log": _TEXT,
            "index": _DECIMAL,
            "entry": {"type": "string", "description": "the entry, byte for byte"},
            "salt": _BASE64,
            "series": _list(_object({"n": _DECIMAL, "name": _TEXT, "signature": _BASE64})),
            "checkpoint": {"type": "string", "description": "c2sp.org/tlog-checkpoint, signed"},
            "fresh": _YES_NO,
            "flags": _FLAGS,
            "held": {**_DECIMAL, "description": "statements held for a complaint"},
            "candidates": _list(_object({"id": _TEXT, "likely": _list(_TEXT)})),
        },
        optional=("candidates", "flags", "held"),
    ),
    "Results": _object({"results": _list({"oneOf": [{"$ref": ACCEPTED}, {"$ref": PROBLEM}]})}),
    "Envelope": _object(
        {
            "payload": _BASE64,
            "payloadType": _TEXT,
            "signatures": _list(_object({"keyid": _TEXT, "sig": _BASE64})),
        }
    ),
    "Backup": _object({"at": _TEXT, "log": _TEXT, "size": _DECIMAL}),
    "Key": _object({"agency": _TEXT, "log": _TEXT, "person": _TEXT, "role": _TEXT}),
    "Health": _object({"status": _TEXT, "reason": _TEXT}, optional=("reason",)),
    "Receipt": _object(
        {
            "id": _TEXT,
            "log": _TEXT,
            "index": _DECIMAL,
            "entry": _TEXT,
            "proof": {"type": "string", "description": "c2sp.org/tlog-proof"},
            "witnessed": {"type": "string", "enum": ["yes", "not yet"]},
            "stamped_proof": {"type": "string", "description": "to the tree that was stamped"},
            "timestamps": _list(_object({"authority": _TEXT, "token": _BASE64})),
            "destroyed_by": {"type": "string", "description": "the id of the disposal"},
        },
        optional=("stamped_proof", "timestamps", "destroyed_by"),
    ),
    "Case": _object(
        {
            "case": _TEXT,
            "lacking": _list(_object({"fields": _list(_TEXT), "id": _TEXT, "name": _TEXT})),
            "log": _TEXT,
            "statements": _list(
                _object(
                    {
                        "index": _DECIMAL,
                        "id": _TEXT,
                        "log": _TEXT,
                        "logged": _TEXT,
                        "kind": _TEXT,
                        "stage": _TEXT,
                        "act": _TEXT,
                        "agency": _TEXT,
                        "occurred": _TEXT,
                        "files": _list(_TEXT),
                        "flags": _FLAGS,
                    }
                )
            ),
        }
    ),
    "Bulletin": _object(
        {
            **_VIEW,
            "at": _TEXT,
            "bulletin": _list(_object({"agency": _TEXT} | dict.fromkeys(BULLETIN_ROW, _DECIMAL))),
            "complaints": _list(_object(dict.fromkeys(COMPLAINT_ROW, _TEXT))),
            "span": _TEXT,
        }
    ),
    "CaseRegister": _object(
        {
            **_VIEW,
            "cases": _list(
                _object(
                    dict.fromkeys(
                        (
                            *("acts", "agency", "amount", "case", "closed", "decided", "decision"),
                            *("first", "last", "named", "officers", "opened", "owner"),
                            *("procedure", "served", "stage"),
                        ),
                        _TEXT,
                    )
                )
            ),
            "destroyed": _DECIMAL,
            "lost": _DECIMAL,
            "year": _TEXT,
        }
    ),
    "Documents": _object(
        {
            **_VIEW,
            "destroyed": _DECIMAL,
            "documents": _list(_object(dict.fromkeys(DOCUMENT_ROW, _TEXT))),
            "lost": _DECIMAL,
            "span": _TEXT,
        }
    ),
    "Due": _object({**_VIEW, "clocks": _list(_TEXT), "due": _list(_DUE)}),
    "Doings": _object(
        {
            **_VIEW,
            "doings": _list(
                _object(
                    dict.fromkeys(("about", "at", "kind", "named", "place", "stage", "what"), _TEXT)
                )
            ),
            "indexed": _DECIMAL,
            "names": _list(_TEXT),
            "person": _TEXT,
        }
    ),
    "Merits": _object(
        {
            **_VIEW,
            "merits": _list(
                _object(
                    {"agency": _TEXT}
                    | dict.fromkeys(("cases", "in_time", "judged", "uploads", "whole"), _DECIMAL)
                    | dict.fromkeys(("subject", "procedure", "conduct"), _DECIMAL)
                    | dict.fromkeys(("guidance", "warning_talk"), _DECIMAL)
                    | dict.fromkeys(("in_time_percent", "whole_percent"), _TEXT)
                )
            ),
            "year": _TEXT,
        }
    ),
    "Publications": _object(
        {**_VIEW, "publications": _list(_object(dict.fromkeys(PUBLICATION_ROW, _TEXT)))}
    ),
    "Supervision": _object(
        {
            **_VIEW,
            "inspections": _list(_object(dict.fromkeys(INSPECTION_ROW, _TEXT))),
            "terms": _list(_object(dict.fromkeys(TERM_ROW, _TEXT))),
        }
    ),
    "RegisteredEntries": _object(
        {
            **_VIEW,
            "day": _TEXT,
            "entries": _list(
                _object(
                    dict.fromkeys(
                        (
                            *("agency", "facts", "from", "note", "place", "sha256", "subject"),
                            *("to", "version"),
                        ),
                        _TEXT,
                    )
                )
            ),
            "register": _TEXT,
        }
    ),
    "Standing": _object(
        {
            **_VIEW,
            "contracts": _list(
                _object(dict.fromkeys(("agency", "contract", "fault", "power", "scope"), _TEXT))
            ),
            "day": _TEXT,
            "reviewers": _list(
                _object(
                    {
                        "agency": _TEXT,
                        "level": _TEXT,
                        "none": _YES_NO,
                        "officers": _DECIMAL,
                        "reviewers": _DECIMAL,
                        "short": _YES_NO,
                        "unexamined": _TEXT,
                        "wanted": _DECIMAL,
                    }
                )
            ),
        }
    ),
    "Gaps": _object({**_STANDING, "destroyed": _list(_DESTROYED), "gaps": _list(_GAP)}),
    "Clocks": _object({**_STANDING, "clocks": _list(_CLOCK), "destroyed": _list(_DESTROYED)}),
    "Devices": _object({"devices": _list(_TEXT), "log": _TEXT, "month": _TEXT}),
    "Delivery": _object(
        {
            "device": _TEXT,
            "log": _TEXT,
            "month": _TEXT,
            "sessions": _list(
                _object(
                    {
                        "agency": _TEXT,
                        "index": _DECIMAL,
                        "log": _TEXT,
                        "note": _TEXT,
                        "session": _TEXT,
                        "since": _TEXT,
                        "what": {"type": "string", "enum": list(Absent)},
                    }
                )
            ),
            "undelivered": _list(
                _object(
                    {
                        "agency": _TEXT,
                        "cause": _TEXT,
                        "index": _DECIMAL,
                        "log": _TEXT,
                        "modified": _TEXT,
                        "path": _TEXT,
                        "session": _TEXT,
                        "since": _TEXT,
                        "size": _DECIMAL,
                        "told": _TEXT,
                    }
                )
            ),
        }
    ),
}

SECURITY: dict[str, Schema] = {
    "basic": {"type": "http", "scheme": "basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Signature",
        "description": "RFC 9421: method, authority, path and content-digest, with a nonce, "
        "signed by a registered key; tag `tiezheng`",
    },
}


def _named(pattern: str) -> Any:
    """A part of a path. Described, not checked: the routes refuse in their own words."""
    return Path(json_schema_extra={"pattern": pattern})


Uuid = Annotated[
    str, _named("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
]
ChunkNumber = Annotated[str, _named("^(0|[1-9][0-9]{0,7})$")]
FirstChunk = Annotated[str, Query(json_schema_extra={"pattern": "^(0|[1-9][0-9]{0,7})$"})]
FirstPart = Annotated[str, Query(json_schema_extra={"pattern": "^[1-9][0-9]{0,4}$"})]
Concludes = Annotated[str, Query(json_schema_extra={"enum": ["", *Conclusion]})]
UploadId = Annotated[str, _named("^[0-9a-f]{32}$")]
# Also in NFC, without invisible characters, and as the agency has registered it.
WithheldRows = Annotated[
    list[str] | None,
    Query(
        max_length=MAX_WITHHELD,
        json_schema_extra={
            "items": {"type": "string", "pattern": f"^[0-9a-f-]{{6,64}}=({_REASONS})$"}
        },
    ),
]
DueRow = Annotated[
    str | None,
    Query(description="a row as in packet.json: formats/packet.md"),
]
HandoverRow = Annotated[
    str | None,
    Query(description="to whom, as JSON: recipient, perhaps purpose, foreign and approval"),
]
CaseNumber = Annotated[str, _named("^[^\\s/〔〕]{0,58}〔[12][0-9]{3}〕[^\\s/〔〕]{0,58}$")]
Month = Annotated[str, _named("^[12][0-9]{3}-(0[1-9]|1[0-2])$")]
DeviceName = Annotated[str, _named("^[^/]{1,64}$")]
SpanText = Annotated[
    str, Query(json_schema_extra={"pattern": "^[12][0-9]{3}(-Q[1-4]|-(0[1-9]|1[0-2]))?$"})
]
AgencyName = Annotated[str, _named("^[^/]{1,64}$")]
RegisterName = Annotated[str, _named("^[a-z_]{1,64}$")]
PersonName = Annotated[str, _named("^[^/]{1,64}$")]
Label = Annotated[str, _named("^[12][0-9]{3}(-[1-9][0-9]{0,3})?$")]
TilePath = Annotated[
    str,
    _named(
        "^(entries|0|[1-9][0-9]?)/(x[0-9]{3}/){0,5}[0-9]{3}(\\.p/[1-9][0-9]{0,2})?$",
    ),
]


def answers(
    ok: int, media_type: str, schema: str, *codes: str, leads_to: Schema | None = None
) -> dict[int | str, Schema]:
    """The good answer, `schema` naming a component or empty for bytes; and the refusals."""
    body = {"$ref": f"#/components/schemas/{schema}"} if schema else {}
    text = "done" if ok < 300 else "not now"
    by_status: dict[int | str, Schema] = {ok: _answer(text, media_type, body) | (leads_to or {})}
    for code in codes:
        status, title = TABLE[code]
        by_status.setdefault(status, _answer(title, MEDIA_TYPE, {"$ref": PROBLEM}))
    return by_status


def no_body(ok: int, *codes: str) -> dict[int | str, Schema]:
    """As `answers`, for a good answer that is all in its headers."""
    by_status = answers(ok, "", "", *codes)
    del by_status[ok]["content"]
    return by_status


def header(name: str, pattern: str, *, required: bool = True) -> Schema:
    """Described, not checked, as the parts of a path are."""
    schema = {"type": "string", "pattern": pattern}
    return {"in": "header", "name": name, "required": required, "schema": schema}


def results(*codes: str) -> dict[int | str, Schema]:
    """For several statements: a lone one that is refused gives the answer its status."""
    known = links("results/0/id", get="/v1/statements/{id}/receipt")
    by_status = answers(200, _JSON, "Results", *codes, leads_to=known)
    for answer in by_status.values():
        answer["content"].setdefault(_JSON, {"schema": {"$ref": RESULTS}})
    return by_status


def links(field: str, **routes: str) -> Schema:
    """For a good answer: its `field` is the id in these paths, by method."""
    parameters = {"path.id": f"$response.body#/{field}"}
    return {
        "links": {
            method: {
                "operationRef": f"#/paths/{path.replace('/', '~1')}/{method}",
                "parameters": parameters,
            }
            for method, path in routes.items()
        }
    }


def takes(media_type: str, schema: str = "", *, by: str = "") -> Schema:
    """For `openapi_extra`: the body of a request, and how it is shown who asks."""
    body = {"$ref": f"#/components/schemas/{schema}"} if schema else {"type": "string"}
    content = {media_type: {"schema": body}}
    return {"requestBody": {"required": True, "content": content}} | shown(by)


def shown(*by: str) -> Schema:
    """Any one of them will do; none where anyone may ask."""
    return {"security": [{one: []} for one in by if one]} if any(by) else {}


def complete(document: Schema) -> Schema:
    for methods in document["paths"].values():
        for operation in methods.values():
            # The framework's own form of refusal, which is never given here.
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    parts = document.setdefault("components", {})
    parts["schemas"] = COMPONENTS
    parts["securitySchemes"] = SECURITY
    return document


def _answer(text: str, media_type: str, schema: Schema) -> Schema:
    return {"description": text, "content": {media_type: {"schema": schema}}}
