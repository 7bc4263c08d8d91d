"""What `docs/openapi.json` says of bodies that the routes read and write themselves."""

from typing import Any

from api.problems import MEDIA_TYPE, TABLE

Schema = dict[str, Any]

PROBLEM = "#/components/schemas/Problem"
ACCEPTED = "#/components/schemas/Accepted"

_DECIMAL: Schema = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,18})$"}
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


COMPONENTS: dict[str, Schema] = {
    "Problem": _object(
        {
            "type": {"type": "string", "enum": [f"urn:tiezheng:problem:{code}" for code in TABLE]},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "code": {"type": "string", "enum": list(TABLE)},
            "hints": _list(_TEXT),
        }
    ),
    "Announcement": _object(
        {"sha256": _SHA256, "size": _DECIMAL, "sm3": _YES_NO}, optional=("sm3",)
    ),
    "Opened": _object({"upload": _TEXT}),
    "Digests": _object(
        {"sha256": _SHA256, "size": _DECIMAL, "tiezhengChunks256k": _SHA256, "sm3": _SHA256},
        optional=("sm3",),
    ),
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
        }
    ),
    "Results": _object({"results": _list({"oneOf": [{"$ref": ACCEPTED}, {"$ref": PROBLEM}]})}),
    "Receipt": _object(
        {
            "id": _TEXT,
            "log": _TEXT,
            "index": _DECIMAL,
            "entry": _TEXT,
            "proof": {"type": "string", "description": "c2sp.org/tlog-proof"},
            "witnessed": {"type": "string", "enum": ["yes", "not yet"]},
        }
    ),
    "Case": _object(
        {
            "case": _TEXT,
            "log": _TEXT,
            "statements": _list(
                _object(
                    {
                        "index": _DECIMAL,
                        "id": _TEXT,
                        "kind": _TEXT,
                        "stage": _TEXT,
                        "act": _TEXT,
                        "files": _list(_TEXT),
                    }
                )
            ),
        }
    ),
}

SECURITY: dict[str, Schema] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Signature",
        "description": "RFC 9421: method, authority, path and content-digest, with a nonce, "
        "signed by a registered key; tag `tiezheng`",
    },
}


def answers(ok: int, media_type: str, schema: str, *codes: str) -> dict[int | str, Schema]:
    """The good answer, `schema` naming a component or empty for bytes; and the refusals."""
    body = {"$ref": f"#/components/schemas/{schema}"} if schema else {}
    by_status: dict[int | str, Schema] = {ok: _answer("done", media_type, body)}
    for code in codes:
        status, title = TABLE[code]
        by_status.setdefault(status, _answer(title, MEDIA_TYPE, {"$ref": PROBLEM}))
    return by_status


def takes(media_type: str, schema: str = "", *, by: str = "") -> Schema:
    """For `openapi_extra`: the body of a request, and how it is shown who asks."""
    body = {"$ref": f"#/components/schemas/{schema}"} if schema else {"type": "string"}
    content = {media_type: {"schema": body}}
    return {"requestBody": {"required": True, "content": content}} | shown(by)


def shown(by: str) -> Schema:
    return {"security": [{by: []}]} if by else {}


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
