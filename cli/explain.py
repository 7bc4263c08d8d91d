"""What a file of ours says, in words. Nothing is verified, and no secret is shown.

A file is known by its contents; tiles of hashes, which have no form, by their path.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ledger import suite
from ledger.encoding import MAX_TIME, clip, format_base64, format_time, parse_json, parse_utf8
from ledger.errors import LedgerError, Malformed, Unavailable
from ledger.evidence.entry import SALT_SIZE, Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.packet import (
    BAGIT,
    INDEX,
    MAX_SMALL_FILE,
    Index,
    Layout,
    SeriesFile,
    parse_manifest,
)
from ledger.evidence.series import MAX_KEY_FILE
from ledger.evidence.statement import FileSubject, Statement, StatementSubject
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import TIMESTAMP_SIZE
from ledger.tlog.note import Algorithm, SignedNote, SigningKey, VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.receipt import HEADER, Receipt
from ledger.tlog.tile import ENTRIES, Tile, entries_from_bytes, hashes_from_bytes
from storage.packets import open_packet
from storage.public_directory import CHECKPOINT
from storage.trust_directory import read_trust

HEAD = 8  # bytes of an unknown file that are shown: enough for its kind, too few for a secret
MAX_LISTED = 20

Field = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Explained:
    """`kind` and the names of `fields` are stable, with words in `cli.inspect`."""

    kind: str
    fields: list[Field] = field(default_factory=list)


def explain(path: Path) -> Explained:
    """Raises `Malformed` if it is nothing of ours, or not quite; `Unavailable` if unreadable."""
    if path.is_dir():
        return _folder(path)
    data = _read(path)
    if data[:2] == b"PK":
        return _packet(path)
    for begins, explained in _BEGINNINGS:
        if data.startswith(begins):
            return explained(data)
    if match := re.search(r"(?:^|/)(tile/(?:\d+|entries)/.*)", path.absolute().as_posix()):
        return _tile(match[1], data)
    return _by_shape(data)


def _by_shape(data: bytes) -> Explained:
    if len(data) == SALT_SIZE:
        return Explained("salt", [("bytes", str(len(data)))])
    if _MANIFEST.match(data):
        return Explained("manifest", [("files", str(len(parse_manifest(data))))])
    if b"\n\n\xe2\x80\x94 " in data:
        return _note(data)
    if _POLICY.search(data):
        return _policy(data)
    if _VKEY.match(data):
        return _vkeys(data)
    raise Malformed(f"no file of this project; it begins with {data[:HEAD].hex(' ') or 'nothing'}")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(2)
            if data != b"PK":
                data += file.read(MAX_SMALL_FILE - 1)
    except OSError as error:
        raise Unavailable(f"cannot read {str(path)!r}: {error.strerror}") from None
    if len(data) > MAX_SMALL_FILE:
        raise Malformed(f"no file of this project: it has more than {MAX_SMALL_FILE} bytes")
    return data


# --- folders ---------------------------------------------------------------------------------


def _folder(path: Path) -> Explained:
    if (path / "bagit.txt").is_file():
        return _packet(path)
    if (path / "logs").is_file():
        return _trust(path)
    if (path / CHECKPOINT).is_file():
        fields = _note(_read(path / CHECKPOINT)).fields
        return Explained("log", fields)
    raise Malformed("no folder of this project: neither a packet, a trust folder nor a log")


def _packet(path: Path) -> Explained:
    packet = open_packet(path)
    sizes = packet.sizes()
    layout = Layout.of(sizes)
    if sizes[INDEX] > MAX_SMALL_FILE:
        raise Malformed(f"want at most {MAX_SMALL_FILE} bytes", path=INDEX)
    index = Index.from_bytes(b"".join(bytes(piece) for piece in packet.stream(INDEX)))
    return Explained(
        "packet",
        [
            ("case", index.case),
            ("files", str(len(sizes))),
            ("bytes", str(sum(sizes.values()))),
            ("items", str(len(layout.items))),
            ("statements", str(len(layout.envelopes))),
            ("entries", str(len(layout.entries))),
            ("series_files", str(len(layout.series))),
            ("logs", ", ".join(layout.checkpoints)),
        ],
    )


def _trust(path: Path) -> Explained:
    trust = read_trust(path)
    fields = [("hash", trust.hash)]
    for log in trust.logs:
        fields += [("log", log.origin), ("policy_hash", log.policy_hash)]
        fields += _quorum(log.policy)
    fields += [("series_year", f"{year} {key.fingerprint}") for year, key in trust.series.items()]
    fields.append(("registrar", trust.registrar.keyid))
    fields += [("mirror", key.keyid) for key in trust.mirrors]
    return Explained("trust", fields)


# --- JSON ------------------------------------------------------------------------------------


def _json(data: bytes) -> Explained:
    value = parse_json(data, limit=MAX_SMALL_FILE)
    keys = frozenset(value) if isinstance(value, dict) else frozenset()
    if keys not in _OBJECTS:
        raise Malformed(
            f"no JSON of this project; its fields are {clip(', '.join(sorted(keys)))!r}"
        )
    return _OBJECTS[keys](data)


def _entry(data: bytes) -> Explained:
    entry = Entry.from_bytes(data)
    return Explained(
        "entry",
        [
            ("at", format_time(entry.at)),
            ("commitment", entry.commitment.hex()),
            ("leaf_hash", entry.leaf_hash().hex()),
            ("tags", str(len(entry.tags))),
        ],
    )


def _envelope(data: bytes) -> Explained:
    envelope = Envelope.from_bytes(data)
    signers = [("signed_by", signature.keyid) for signature in envelope.signatures]
    statement = Statement.from_bytes(envelope.payload)
    return Explained("envelope", [*signers, *_statement_fields(statement)])


def _statement(data: bytes) -> Explained:
    return Explained("statement", _statement_fields(Statement.from_bytes(data)))


def _statement_fields(statement: Statement) -> list[Field]:
    fields: list[Field] = [("statement_kind", str(statement.kind))]
    for subject in statement.subjects:
        match subject:
            case FileSubject(name, digest):
                fields += [("file_name", name), ("bytes", str(digest.size))]
                fields.append(("sha256", digest.sha256.hex()))
            case StatementSubject(id_):
                fields.append(("about_statement", id_))
            case _:
                fields.append(("about_text", subject.name))
    fields += [(name, _value(value)) for name, value in statement.predicate.items()]
    return fields


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


def _series(data: bytes) -> Explained:
    series = SeriesFile.from_bytes(data)
    places = [place.to_text() for place in series.places]
    more = [f"(+{len(places) - MAX_LISTED})"] if len(places) > MAX_LISTED else []
    return Explained(
        "series",
        [
            ("name", series.name),
            ("count", str(len(places))),
            ("places", ", ".join([*places[:MAX_LISTED], *more])),
        ],
    )


def _roots(data: bytes) -> Explained:
    match parse_json(data, limit=MAX_KEY_FILE):
        case {"roots": list(roots), "v": 1}:
            return Explained("roots", [("count", str(len(roots)))])
        case _:
            raise Malformed("want roots and v = 1")


def _index(data: bytes) -> Explained:
    index = Index.from_bytes(data)
    return Explained(
        "index",
        [
            ("case", index.case),
            ("items", str(len(index.items))),
            ("logs", ", ".join(name.removesuffix(".note") for name in index.checkpoints)),
        ],
    )


# --- the log's own files ---------------------------------------------------------------------


def _note(data: bytes) -> Explained:
    note = SignedNote.from_bytes(data)
    try:
        checkpoint = Checkpoint.from_text(note.text)
    except LedgerError:
        return Explained("note", [("text", note.text), *_signers(note)])
    return Explained("checkpoint", [*_checkpoint_fields(checkpoint), *_signers(note)])


def _checkpoint_fields(checkpoint: Checkpoint) -> list[Field]:
    return [
        ("log", checkpoint.origin),
        ("size", str(checkpoint.size)),
        ("root", format_base64(checkpoint.root)),
    ]


def _signers(note: SignedNote) -> list[Field]:
    fields = []
    for line in note.signatures:
        who = f"{line.name}+{line.key_id.hex()}"
        at_ms = int.from_bytes(line.value[:TIMESTAMP_SIZE], "big") * 1000
        # 64 bytes are the log's own; a cosignature begins with its time.
        if len(line.value) > 64 and at_ms <= MAX_TIME:
            fields.append(("cosigned_by", f"{who}, {format_time(at_ms)}"))
        else:
            fields.append(("signed_by", who))
    return fields


def _proof(data: bytes) -> Explained:
    receipt = Receipt.from_bytes(data)
    note = SignedNote.from_text(receipt.note)
    checkpoint = Checkpoint.from_text(note.text)
    return Explained(
        "proof",
        [
            ("index", str(receipt.index)),
            ("hashes", str(len(receipt.proof))),
            *_checkpoint_fields(checkpoint),
            *_signers(note),
        ],
    )


def _policy(data: bytes) -> Explained:
    policy = Policy.from_bytes(data)
    fields = [("log", policy.log.name)]
    fields += [("cosigner", f"{w.name}: {w.key.keyid} {w.url}".rstrip()) for w in policy.witnesses]
    return Explained("policy", [*fields, *_quorum(policy)])


def _quorum(policy: Policy) -> list[Field]:
    group = next((g for g in policy.groups if g.name == policy.quorum), None)
    quorum = policy.quorum or "none"
    if group is not None:
        quorum = f"{group.threshold} / {len(group.members)} ({', '.join(group.members)})"
    return [("quorum", quorum), ("overlap", str(policy.overlap))]


def _tile(path: str, data: bytes) -> Explained:
    tile = Tile.from_path(path)
    first = tile.number * 256
    if tile.level == ENTRIES:
        entries = entries_from_bytes(data, tile.width)
        return Explained(
            "bundle",
            [("count", str(len(entries))), ("range", f"{first} … {first + tile.width - 1}")],
        )
    hashes = hashes_from_bytes(data, tile.width)
    return Explained(
        "tile",
        [
            ("level", str(tile.level)),
            ("count", str(len(hashes))),
            ("range", f"{first} … {first + tile.width - 1}"),
        ],
    )


# --- keys ------------------------------------------------------------------------------------


def _private_key(data: bytes) -> Explained:
    try:
        text = parse_utf8(data).removesuffix("\n")
    except Malformed:
        raise Malformed("the private key is damaged") from None
    # From here on only its public half is at hand.
    return Explained("private_key", _key_fields(SigningKey.from_text(text).verifier))


def _vkeys(data: bytes) -> Explained:
    keys = [VerifierKey.from_text(line) for line in parse_utf8(data).splitlines()]
    kind = "public_key" if len(keys) == 1 else "public_keys"
    return Explained(kind, [pair for key in keys for pair in _key_fields(key)])


def _key_fields(key: VerifierKey) -> list[Field]:
    role = {
        Algorithm.ED25519: "Ed25519",
        Algorithm.COSIGNATURE_ED25519: "Ed25519 (cosigner)",
        Algorithm.COSIGNATURE_MLDSA44: "ML-DSA-44 (cosigner)",
    }
    return [
        ("name", key.name),
        ("algorithm", role[key.algorithm]),
        ("vkey", key.to_text()),
        ("fingerprint", key.fingerprint),
    ]


def _pem(data: bytes) -> Explained:
    if b"PRIVATE KEY" in data[:64]:
        bits = suite.series_private(data).key_size
        return Explained("series_private", [("bits", str(bits))])
    modulus = suite.series_modulus(data)
    fingerprint = suite.digest(modulus.to_bytes(suite.SERIES_BITS // 8, "big")).hex()
    return Explained(
        "series_key", [("bits", str(modulus.bit_length())), ("fingerprint", fingerprint)]
    )


def _bagit(data: bytes) -> Explained:
    if data != BAGIT:
        raise Malformed("want BagIt 1.0 in UTF-8")
    return Explained("bagit")


def _bag_info(data: bytes) -> Explained:
    fields = [tuple(line.split(": ", 1)) for line in parse_utf8(data).splitlines() if ": " in line]
    known = {"Bag-Software-Agent": "made_by", "Payload-Oxum": "oxum"}
    return Explained("bag_info", [(known[n], v) for n, v in fields if n in known])


_MANIFEST = re.compile(rb"[0-9a-f]{64}  [^\n]+\n")
_POLICY = re.compile(rb"(?m)^[ \t]*(?:log|witness|group|quorum)[ \t]")
_VKEY = re.compile(rb"[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\n?")

_BEGINNINGS: tuple[tuple[bytes, Callable[[bytes], Explained]], ...] = (
    (b"{", _json),
    (b"PRIVATE+KEY+", _private_key),
    (b"-----BEGIN ", _pem),
    (HEADER.encode() + b"\n", _proof),
    (b"BagIt-Version:", _bagit),
    (b"Bag-Software-Agent:", _bag_info),
)

_OBJECTS: dict[frozenset[str], Callable[[bytes], Explained]] = {
    frozenset({"at", "commitment", "tags", "v"}): _entry,
    frozenset({"payload", "payloadType", "signatures"}): _envelope,
    frozenset({"_type", "predicate", "predicateType", "subject"}): _statement,
    frozenset({"entries", "n", "name", "signature"}): _series,
    frozenset({"roots", "v"}): _roots,
    frozenset({"case", "checkpoints", "items", "v"}): _index,
}
