"""Signed notes of anyone: c2sp.org/signed-note, with keys, checkpoints and cosignatures.

    go.sum database tree
    52921237
    AKmsTfdrcD1MCmzzPLy27thuY8iBDKbpdUtw1uIarEE=

    — sum.golang.org Az3grq/ABXh6M32GCZENFgg3oS…

A signature line names no key type. Types 04, 05 and 06 have a shape of their own, from
which one can tell it; that is said to be a guess. No signature is checked here.
"""

import re
from dataclasses import dataclass

from cli.explain.lenient import base64_of, decimal_of, seconds, text_of
from cli.explain.value import Explained, Field, File, fields, listed
from ledger import suite
from ledger.encoding import clip, format_base64, parse_utf8
from ledger.errors import LedgerError, Malformed
from ledger.tlog.note import Algorithm
from ledger.tlog.signing_key import SigningKey

MAX_LINES = 256
DASH = "\N{EM DASH} "

MLDSA_SIZE = 2420
PUBLIC_SIZES = {0x01: 32, 0x04: 32, 0x06: 1312}
KNOWN = {0x01, 0x02, 0x04, 0x05, 0x06}
OURS = set(Algorithm) - {Algorithm.SM2}  # behind ff stands a name, perhaps of somebody else

_VKEY = re.compile(r"[^+\s]+\+[0-9a-fA-F]{8}\+[A-Za-z0-9+/=_-]+")
_SKEY = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class Line:
    """A signature line; `value` is None where its base64 cannot be read."""

    name: str
    key_hash: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    lines: tuple[Line, ...]


def split_note(text: str) -> Note | None:
    """Divides at the last empty line, if only signature lines stand below it."""
    body, separator, below = text.rpartition("\n\n")
    rows = below.removesuffix("\n").split("\n")
    if not separator or len(rows) > MAX_LINES or not all(row.startswith(DASH) for row in rows):
        return None
    return Note(f"{body}\n", tuple(_line(row) for row in rows))


def explain_note(file: File) -> Explained | None:
    text = text_of(file.data)
    if text is None:
        return None
    note = split_note(text.replace("\r\n", "\n"))
    if note is None:
        return None
    ends = fields(("line_ends", "crlf" if "\r\n" in text else None))
    checkpoint = checkpoint_fields(note.text)
    if checkpoint is None:
        return Explained("note", (Field("text", note.text), *signature_fields(note), *ends))
    return Explained("checkpoint", (*checkpoint, *signature_fields(note), *ends))


def explain_unsigned(file: File) -> Explained | None:
    """The text of a checkpoint alone, as it is signed."""
    text = text_of(file.data)
    checkpoint = checkpoint_fields(text) if text else None
    return None if checkpoint is None else Explained("checkpoint_text", checkpoint)


def explain_cosignatures(file: File) -> Explained | None:
    """Signature lines without a note: what a cosigner answers."""
    text = text_of(file.data)
    if text is None or not text.startswith(DASH):
        return None
    note = split_note(f"\n\n{text}")
    return None if note is None else Explained("cosignatures", signature_fields(note))


def checkpoint_fields(text: str) -> tuple[Field, ...] | None:
    origin, *rest = text.split("\n")
    if len(rest) < 3 or not origin or rest[-1]:
        return None
    size, root = decimal_of(rest[0]), base64_of(rest[1])
    if size is None or root is None or len(root) != suite.DIGEST_SIZE:
        return None
    return (
        *fields(("log", origin), ("size", size), ("root", format_base64(root))),
        *listed("extension", rest[2:-1]),
    )


def note_fields(text: str) -> tuple[Field, ...]:
    """What stands where a checkpoint should, as in a proof or a request."""
    note = split_note(text)
    body = note.text if note else text
    checkpoint = checkpoint_fields(body)
    return (
        *(checkpoint if checkpoint is not None else fields(("text", clip(body, 1000)))),
        *(signature_fields(note) if note else fields(("signatures", "none"))),
    )


def signature_fields(note: Note) -> tuple[Field, ...]:
    return tuple(_signature(line) for line in note.lines)


def _line(row: str) -> Line:
    name, _, value = row.removeprefix(DASH).rpartition(" ")
    data = base64_of(value)
    if data is None or len(data) < 4:
        return Line(name or value, "", None)
    return Line(name, data[:4].hex(), data[4:])


def _signature(line: Line) -> Field:
    if line.value is None:
        return Field("signature", line.name, fields(("unread", "signature")))
    shape, at = _shape(line.value)
    name = "cosigned_by" if shape in ("04", "06") else "signed_by"
    parts = fields(
        ("key_hash", line.key_hash),
        ("likely_type", shape),
        ("time", at),
        ("signature_bytes", len(line.value)),
    )
    return Field(name, line.name, parts)


def _shape(value: bytes) -> tuple[str, str | None]:
    """Which type of key makes signatures of this shape, and the time in them."""
    at = int.from_bytes(value[:8], "big")
    match len(value):
        case 64:
            return "01", None
        case _ if value[:1] == b"\x30" and value[1:2] == bytes([len(value) - 2]):
            return "02", None
        case 72:
            return "04", _time(at)
        case length if length == 8 + MLDSA_SIZE:
            return "06", _time(at)
        # RFC 6962: milliseconds, SHA-256 and ECDSA or RSA, length, signature.
        case length if value[8:9] == b"\x04" and value[10:12] == (length - 12).to_bytes(2, "big"):
            return "05", seconds(at // 1000)
        case _:
            return "unknown", None


def _time(at: int) -> str:
    return seconds(at) if at else "0"


# --- keys ------------------------------------------------------------------------------------


def explain_keys(file: File) -> Explained | None:
    """Public keys (vkeys), one a line."""
    rows = (text_of(file.data) or "").split()
    if not rows or not all(_VKEY.fullmatch(row) for row in rows):
        return None
    kind = "public_key" if len(rows) == 1 else "public_keys"
    return Explained(kind, tuple(Field("name", r.split("+")[0], key_fields(r)) for r in rows))


def key_fields(vkey: str) -> tuple[Field, ...]:
    """Type, hash and fingerprint; says so if the hash in the text is not that of the key."""
    name, stated, encoded = vkey.split("+", 2)
    typed = base64_of(encoded)
    if not typed:
        return fields(("key_hash", stated), ("unread", "key"))
    kind, public = typed[0], typed[1:]
    real = _key_hash(name, kind, public)
    wanted = PUBLIC_SIZES.get(kind, len(public))
    return fields(
        ("key_type", _type_name(kind)),
        ("key_hash", stated),
        ("key_hash_of_key", real if real and real != stated else None),
        ("curve", _curve(public) if kind in (0x02, 0x05) else None),
        ("key_bytes", len(public) if wanted != len(public) else None),
        ("vkey", vkey),
        ("fingerprint", suite.digest(typed).hex()),
    )


def explain_private(file: File) -> Explained | None:
    """Names the key and never repeats a byte of the secret, not even of a damaged one."""
    if not file.data.startswith(_SKEY.encode()):
        return None
    try:
        rows = parse_utf8(file.data).split()
    except Malformed:
        raise Malformed("the private key is damaged") from None
    return Explained("private_key", tuple(_private(row) for row in rows))


def _private(skey: str) -> Field:
    try:
        key = SigningKey.from_text(skey).verifier
    except LedgerError:
        pass
    else:
        return Field("name", key.name, key_fields(key.to_text()))
    match re.fullmatch(r"PRIVATE\+KEY\+([^+\s]{1,255})\+([0-9a-f]{8})\+(.+)", skey):
        case re.Match() as found if (typed := base64_of(found[3])) and typed[0] not in OURS:
            parts = fields(("key_type", _type_name(typed[0])), ("key_hash", found[2]))
            return Field("name", found[1], parts)
        case _:
            raise Malformed("the private key is damaged")


def _type_name(kind: int) -> str:
    return f"{kind:02x}" if kind in KNOWN or kind >= 0xFA else f"unassigned {kind:02x}"


def _key_hash(name: str, kind: int, public: bytes) -> str | None:
    """As signed-note fixes it for the type; None where it leaves that open."""
    match kind:
        case 0x01 | 0x04 | 0x06:
            hashed = name.encode() + b"\n" + bytes([kind]) + public
        case 0x02:
            hashed = public
        case 0x05:
            # Public keys of logs stand here whole, or as the log id that is their digest.
            log = public if len(public) == suite.DIGEST_SIZE else suite.digest(public)
            hashed = name.encode() + b"\n\x05" + log
        case _:
            return None
    return suite.digest(hashed)[:4].hex()


def _curve(public: bytes) -> str | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(public)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return f"ECDSA {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else None
