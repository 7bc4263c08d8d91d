"""Files of this project, read by the strict parsers of `ledger`.

A JSON file is ours if it has exactly the fields of one of ours. What then breaks its own
format is refused with the reason, except where the format is other people's as well: then
it is explained as theirs, with the reason why it is not ours.
"""

import re
from collections.abc import Callable
from pathlib import Path

from cli.explain.bag import bag_info, manifest_paths
from cli.explain.dsse import explain_dsse, explain_statement
from cli.explain.lenient import json_of, text_of
from cli.explain.note import explain_note, key_fields, note_fields
from cli.explain.tiles import count_tiles
from cli.explain.tlog import group_words
from cli.explain.value import MAX_LISTED, Explained, Field, File, almost, fields, listed
from ledger import suite, suite_private
from ledger.encoding import clip, format_base64, format_time, parse_json
from ledger.errors import LedgerError, Malformed
from ledger.evidence.absence import PREDICATE, Absence
from ledger.evidence.entry import SALT_SIZE, Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.packet import BAGIT, Index, SeriesFile
from ledger.evidence.party_receipt import PartyReceipt
from ledger.evidence.series import MAX_KEY_FILE
from ledger.evidence.session import Manifest
from ledger.evidence.statement import FileSubject, Statement, StatementSubject
from ledger.tlog.fraud import HEADER as FRAUD
from ledger.tlog.fraud import Fraud
from ledger.tlog.policy import Policy
from storage.public_copy import CHECKPOINT
from storage.trust_directory import read_trust

# Sumdb serves its checkpoint as `latest`.
CHECKPOINTS = (CHECKPOINT, "latest")
MAX_RECEIPT = 4096
OUR_PREDICATES = "urn:tiezheng:"


# --- JSON ------------------------------------------------------------------------------------


def explain_json(file: File) -> Explained | None:
    if file.data[:1] != b"{":
        return None
    value = json_of(file.data)
    keys = frozenset(value) if isinstance(value, dict) else frozenset()
    if keys not in _OBJECTS:
        return None
    kind, read = _OBJECTS[keys]
    try:
        return Explained(kind, read(file.data))
    except LedgerError as error:
        raise almost(kind, str(error)) from None


def explain_envelope(file: File) -> Explained | None:
    """Other people's envelope, or ours in its one spelling with its statement in words."""
    found = explain_dsse(file)
    if found is None or found.kind != "dsse":
        return found
    try:
        envelope = Envelope.from_bytes(file.data)
        signers = [("signed_by", signature.keyid) for signature in envelope.signatures]
        if ("predicate_type", PREDICATE) in [(f.name, f.value) for f in found.fields]:
            said = _absence_fields(Absence.from_bytes(envelope.payload))
            return Explained("absence", (*fields(*signers), *said))
        statement = Statement.from_bytes(envelope.payload)
    except LedgerError as error:
        return _not_ours(found, error)
    return Explained("envelope", (*fields(*signers), *_statement_fields(statement)))


def explain_bare_statement(file: File) -> Explained | None:
    found = explain_statement(file)
    if found is None:
        return None
    try:
        return Explained("statement", _statement_fields(Statement.from_bytes(file.data)))
    except LedgerError as error:
        return _not_ours(found, error)


def _not_ours(found: Explained, error: LedgerError) -> Explained:
    """Other people's statements need no reason; one of our kinds does."""
    claims = any(
        f.name == "predicate_type" and f.value.startswith(OUR_PREDICATES) for f in found.fields
    )
    return Explained(
        found.kind, (*found.fields, *fields(("not_ours", str(error) if claims else None)))
    )


def _entry(data: bytes) -> tuple[Field, ...]:
    entry = Entry.from_bytes(data)
    return fields(
        ("at", format_time(entry.at)),
        ("commitment", entry.commitment.hex()),
        ("leaf_hash", entry.leaf_hash().hex()),
        ("tags", len(entry.tags)),
    )


def _absence_fields(absence: Absence) -> tuple[Field, ...]:
    places = [f"{found.entry} {found.tag.hex()}" for found in absence.found]
    return (
        *fields(
            ("log", absence.checkpoint.origin),
            ("size", absence.checkpoint.size),
            ("root", format_base64(absence.checkpoint.root)),
            ("asked_tags", absence.count),
            ("asked_sha256", absence.asked.hex()),
        ),
        *listed("found_at", places),
    )


def _statement_fields(statement: Statement) -> tuple[Field, ...]:
    found = [("statement_kind", str(statement.kind))]
    for subject in statement.subjects:
        match subject:
            case FileSubject(name, digest):
                found += [("file_name", name), ("bytes", str(digest.size))]
                found.append(("sha256", digest.sha256.hex()))
            case StatementSubject(id_):
                found.append(("about_statement", id_))
            case _:
                found.append(("about_text", subject.name))
    return fields(*found, *((name, _value(v)) for name, v in statement.predicate.items()))


def _value(value: object) -> str:
    match value:
        case {"from": start, "to": end}:
            return f"{start} … {end}"
        case dict():
            return ", ".join(f"{name} {text}" for name, text in value.items())
        case list():
            return ", ".join(str(part) for part in value)
        case _:
            return str(value)


def _series(data: bytes) -> tuple[Field, ...]:
    series = SeriesFile.from_bytes(data)
    places = [place.to_text() for place in series.places]
    more = [f"(+{len(places) - MAX_LISTED})"] if len(places) > MAX_LISTED else []
    return fields(
        ("name", series.name),
        ("count", len(places)),
        ("places", ", ".join([*places[:MAX_LISTED], *more])),
    )


def _roots(data: bytes) -> tuple[Field, ...]:
    match parse_json(data, limit=MAX_KEY_FILE):
        case {"roots": list(roots), "v": 1}:
            return fields(("count", len(roots)))
        case _:
            raise Malformed("want roots and v = 1")


def _index(data: bytes) -> tuple[Field, ...]:
    index = Index.from_bytes(data)
    return fields(
        ("case", index.case),
        ("items", len(index.items)),
        ("logs", ", ".join(name.removesuffix(".note") for name in index.checkpoints)),
    )


def _session_manifest(data: bytes) -> tuple[Field, ...]:
    manifest = Manifest.from_bytes(data)
    paths = [f"{file.path} {file.size}" for file in manifest.files]
    return (
        *fields(
            ("device", manifest.device),
            ("card", manifest.card),
            ("listed_at", format_time(manifest.listed_ms)),
            ("used", manifest.used),
            ("files", len(paths)),
        ),
        *listed("named", paths),
    )


_OBJECTS: dict[frozenset[str], tuple[str, Callable[[bytes], tuple[Field, ...]]]] = {
    frozenset({"at", "commitment", "tags", "v"}): ("entry", _entry),
    frozenset({"entries", "n", "name", "signature"}): ("series", _series),
    frozenset({"roots", "v"}): ("roots", _roots),
    frozenset({"case", "checkpoints", "items", "v"}): ("index", _index),
    frozenset({"card", "device", "files", "listed", "v"}): ("session_manifest", _session_manifest),
    frozenset({"card", "device", "files", "listed", "used", "v"}): (
        "session_manifest",
        _session_manifest,
    ),
}


# --- keys and small files --------------------------------------------------------------------


def explain_pem(file: File) -> Explained | None:
    """Series keys, and any other private key, of which only that it is one is said."""
    data = file.data
    if not data.startswith(b"-----BEGIN "):
        return None
    if b"PRIVATE KEY" in data[:64]:
        return _private_pem(data)
    if b"PUBLIC KEY" not in data[:64]:
        return None
    try:
        modulus = suite.series_modulus(data)
    except Malformed:
        return None
    fingerprint = suite.digest(modulus.to_bytes(suite.SERIES_BITS // 8, "big")).hex()
    return Explained(
        "series_key", fields(("bits", modulus.bit_length()), ("fingerprint", fingerprint))
    )


def _private_pem(data: bytes) -> Explained:
    try:
        bits = suite_private.series_private(data).key_size
    except Malformed:
        return Explained("private_pem")
    kind = "series_private" if bits == suite.SERIES_BITS else "private_pem"
    return Explained(kind, fields(("bits", bits)))


def explain_party_receipt(file: File) -> Explained | None:
    text = text_of(file.data[:MAX_RECEIPT])
    if text is None or not text.startswith("TZ1."):
        return None
    try:
        paper = PartyReceipt.from_text(text.strip())
    except Malformed as error:
        raise almost("party_receipt", str(error)) from None
    span = [format_time(at * 1000) for at in (paper.begins_s, paper.ends_s)]
    return Explained(
        "party_receipt",
        fields(
            ("recorded", " … ".join(span)),
            ("recordings", len(paper.recordings)),
            ("session", paper.session),
            ("key_hash", paper.key_id.hex()),
        ),
    )


def explain_fraud(file: File) -> Explained | None:
    if not file.data.startswith(f"{FRAUD}\n".encode()):
        return None
    try:
        fraud = Fraud.from_bytes(file.data)
    except Malformed as error:
        raise almost("fraud", str(error)) from None
    return Explained(
        "fraud",
        tuple(
            Field("checkpoint", note.text.split("\n")[1], note_fields(note.to_text()))
            for note in (fraud.smaller, fraud.larger)
        ),
    )


def explain_salt(file: File) -> Explained | None:
    """Random bytes. 32 bytes of text are more likely something else."""
    if len(file.data) != SALT_SIZE:
        return None
    if not file.path.endswith(".salt") and text_of(file.data) is not None:
        return None
    return Explained("salt", fields(("bytes", len(file.data))))


def explain_bag_file(file: File) -> Explained | None:
    """A tag file of any bag, on its own."""
    text = text_of(file.data)
    if text is None:
        return None
    if file.data.startswith(b"BagIt-Version:"):
        return Explained("bagit", fields(("ours", "yes" if file.data == BAGIT else "no")))
    if _BAG_INFO.match(text):
        rows = (Field("info", clip(f"{label}: {value}", 300)) for label, value in bag_info(text))
        return Explained("bag_info", tuple(rows))
    if _MANIFEST.match(text):
        paths, unread = manifest_paths(text)
        return Explained(
            "manifest",
            (*fields(("files", len(paths)), ("unread_lines", unread)), *listed("named", paths)),
        )
    return None


def explain_log_list(file: File) -> Explained | None:
    """The file `logs` of a trust folder: an origin a line; only its name marks it."""
    rows = (text_of(file.data) or "").split("\n")
    if file.name != "logs" or rows.pop() or not rows or not all(map(_ORIGIN.fullmatch, rows)):
        return None
    return Explained("log_list", listed("log", rows))


_ORIGIN = re.compile(r"[^\s+]+/[^\s+]+")
_MANIFEST = re.compile(r"(?:[0-9a-fA-F]{32,128})[ \t]+\*?[^\n]+")
# The labels that RFC 8493 reserves, section 2.2.2, and the one with which ours begin.
_BAG_INFO = re.compile(
    r"(?:Bag-Software-Agent|Source-Organization|Organization-Address|Contact-(?:Name|Phone|Email)"
    r"|External-(?:Description|Identifier)|Bagging-Date|Bag-(?:Size|Group-Identifier|Count)"
    r"|Payload-Oxum|Internal-Sender-(?:Identifier|Description)) *:"
)


# --- folders ---------------------------------------------------------------------------------


def explain_folder(path: Path, read: Callable[[Path], bytes]) -> Explained | None:
    """A trust folder, a log, or a folder of logs."""
    if (path / "logs").is_file() and (path / "policy").is_dir():
        return _trust(path)
    for name in CHECKPOINTS:
        if (path / name).is_file():
            return _log(path, path / name, read)
    logs = sorted(p.name for p in path.iterdir() if (p / CHECKPOINT).is_file())
    return Explained("logs", listed("log", logs)) if logs else None


def _log(path: Path, checkpoint: Path, read: Callable[[Path], bytes]) -> Explained | None:
    found = explain_note(File(checkpoint.as_posix(), read(checkpoint)))
    if found is None or found.kind != "checkpoint":
        if not (path / "tile").is_dir():
            return None
        return Explained("log", (*fields(("unread", "checkpoint")), *count_tiles(path)))
    return Explained("log", (*found.fields, *count_tiles(path)))


def _trust(path: Path) -> Explained:
    trust = read_trust(path)
    found = list(fields(("hash", trust.hash)))
    for log in trust.logs:
        parts = (*fields(("policy_hash", log.policy_hash)), *_quorum(log.policy))
        found.append(Field("log", log.origin, parts))
    found += fields(*(("series_year", f"{y} {key.fingerprint}") for y, key in trust.series.items()))
    found.append(Field("registrar", trust.registrar.name, key_fields(trust.registrar.to_text())))
    found += [Field("mirror", key.name, key_fields(key.to_text())) for key in trust.mirrors]
    return Explained("trust", tuple(found))


def _quorum(policy: Policy) -> tuple[Field, ...]:
    group = next((g for g in policy.groups if g.name == policy.quorum), None)
    quorum = group_words(group) if group else policy.quorum or "none"
    cosigners = ", ".join(w.name for w in policy.witnesses)
    return fields(("cosigner", cosigners), ("quorum", quorum), ("overlap", policy.overlap))
