"""DSSE envelopes and in-toto statements of anyone, in any spelling of JSON.

    {"payload": "eyJfdHlwZSI6…", "payloadType": "application/vnd.in-toto+json",
     "signatures": [{"keyid": "", "sig": "MEUCIQ…"}]}

DSSE lets `payload` and `sig` stand in either base64 alphabet. A file of attestations has
one envelope a line.
"""

from typing import Any

from cli.explain.lenient import base64_of, json_of, text_of
from cli.explain.value import MAX_LISTED, Explained, Field, File, almost, fields, listed
from ledger import suite
from ledger.encoding import clip

STATEMENTS = {
    "https://in-toto.io/Statement/v0.1": "v0.1",
    "https://in-toto.io/Statement/v1": "v1",
}
# By the beginning of the predicate's type: what other people's statements are about.
PREDICATES = (
    ("https://slsa.dev/provenance/", "slsa_provenance"),
    ("https://slsa.dev/verification_summary/", "slsa_vsa"),
    ("https://in-toto.io/Link/", "link"),
    ("https://in-toto.io/attestation/link/", "link"),
    ("https://in-toto.io/attestation/release/", "release"),
    ("https://in-toto.io/attestation/scai/", "scai"),
    ("https://in-toto.io/attestation/test-result/", "test_result"),
    ("https://in-toto.io/attestation/vuln", "vulns"),
    ("https://cosign.sigstore.dev/attestation/vuln/", "vulns"),
    ("https://spdx.dev/Document", "sbom"),
    ("https://cyclonedx.org/", "sbom"),
)


def explain_dsse(file: File) -> Explained | None:
    """An envelope, or several, one a line."""
    value = json_of(file.data)
    if value is None and file.data[:1] == b"{":
        return _lines(file.data)
    if not _is_envelope(value):
        return None
    return Explained("dsse", _envelope(value))


def explain_statement(file: File) -> Explained | None:
    value = json_of(file.data)
    found = None if value is None else statement_fields(value)
    return None if found is None else Explained("in_toto", found)


def _lines(data: bytes) -> Explained | None:
    rows = [json_of(line) for line in data.splitlines()[: MAX_LISTED + 1] if line.strip()]
    if not rows or not all(_is_envelope(row) for row in rows):
        return None
    count = sum(1 for line in data.splitlines() if line.strip())
    each = [Field("envelope", str(n), _envelope(row)) for n, row in enumerate(rows[:MAX_LISTED], 1)]
    return Explained("dsse_lines", (*fields(("count", count)), *each))


def _is_envelope(value: Any) -> bool:
    return isinstance(value, dict) and {"payload", "payloadType"} <= value.keys()


def _envelope(value: dict[str, Any]) -> tuple[Field, ...]:
    signatures = value.get("signatures")
    rows = signatures if isinstance(signatures, list) else []
    payload = base64_of(value["payload"]) if isinstance(value["payload"], str) else None
    if payload is None:
        raise almost("dsse", "its payload is not base64")
    known = {"payload", "payloadType", "signatures"}
    return (
        *fields(
            ("payload_type", clip(_text(value["payloadType"]), 200)), ("signature_count", len(rows))
        ),
        *(_signature(row) for row in rows[:MAX_LISTED]),
        *listed("unknown_field", sorted(set(value) - known)),
        *_payload(payload),
    )


def _signature(row: Any) -> Field:
    if not isinstance(row, dict) or not isinstance(row.get("sig"), str):
        return Field("signature", "", fields(("unread", "signature")))
    sig = base64_of(row["sig"])
    parts = fields(
        ("signature_bytes", None if sig is None else len(sig)),
        ("unread", "signature" if sig is None else None),
        ("has_certificate", "yes" if "cert" in row else None),
    )
    return Field("signed_by", clip(_text(row.get("keyid") or "none"), 200), parts)


def _payload(payload: bytes) -> tuple[Field, ...]:
    found = fields(("payload_bytes", len(payload)), ("sha256", suite.digest(payload).hex()))
    statement = statement_fields(json_of(payload))
    if statement is not None:
        return (*found, *statement)
    text = text_of(payload)
    return (*found, *fields(("text", None if text is None else clip(text, 300))))


def statement_fields(value: Any) -> tuple[Field, ...] | None:
    """None unless it is an in-toto statement; a type of statement not listed here still is."""
    if not isinstance(value, dict) or not isinstance(value.get("predicateType"), str):
        return None
    kind, predicate_type = _text(value.get("_type", "")), value["predicateType"]
    subjects, predicate = value.get("subject"), value.get("predicate")
    rows = subjects if isinstance(subjects, list) else []
    return (
        *fields(("statement_type", STATEMENTS.get(kind, clip(kind, 200)))),
        *fields(("predicate_type", clip(predicate_type, 200)), ("about_what", _about(value))),
        *fields(("subjects", len(rows))),
        *(_subject(row) for row in rows[:MAX_LISTED]),
        *(_predicate(predicate) if isinstance(predicate, dict) else ()),
    )


def _about(value: dict[str, Any]) -> str | None:
    kind = value["predicateType"]
    return next((name for start, name in PREDICATES if kind.startswith(start)), None)


def _subject(row: Any) -> Field:
    if not isinstance(row, dict):
        return Field("subject", clip(_text(row)))
    digests = row.get("digest")
    rows = digests.items() if isinstance(digests, dict) else ()
    parts = [Field("digest", f"{name} {clip(_text(digest), 200)}") for name, digest in rows]
    name = row.get("name") or row.get("uri") or "none"
    return Field("subject", clip(_text(name), 300), tuple(parts[:MAX_LISTED]))


def _predicate(predicate: dict[str, Any]) -> tuple[Field, ...]:
    """Its fields by name, and of SLSA's provenance who built it, and how."""
    details = _part(predicate, "runDetails")
    definition = _part(predicate, "buildDefinition")
    builder = _part(details or predicate, "builder").get("id")
    build_type = definition.get("buildType") or predicate.get("buildType")
    names = ", ".join(sorted(predicate))
    return fields(
        ("predicate_fields", clip(names, 300) or None),
        ("builder", None if builder is None else clip(_text(builder), 300)),
        ("build_type", None if build_type is None else clip(_text(build_type), 300)),
    )


def _part(value: dict[str, Any], name: str) -> dict[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str:
    """What a field says, whatever kind of JSON it is; of what has parts only that it has."""
    match value:
        case str():
            return value
        case dict():
            return "{…}"
        case list():
            return "[…]"
        case _:
            return repr(value)
