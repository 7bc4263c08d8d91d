"""What another machine says of itself: the cleanliness check of a station, for a notary's file.

    {"found":{…},"made_ms":1795400000000,"nonce":"<hex>","signature":"<base64>",
     "station":"station-07.example+5f2c91aa","v":1,"word":"…"}

The notary draws the nonce, the station's key signs it with all that was found. So the report is
not older than the nonce, and who holds that key made it. Nothing more: neither that it was made
on that machine, nor that the machine told the truth. `word` says so, and is signed with the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ledger.encoding import (
    MAX_TIME,
    format_base64,
    format_json,
    parse_base64,
    parse_hex,
    parse_json,
)
from ledger.errors import Malformed, Rejected
from ledger.tlog.note import Algorithm, VerifierKey
from ledger.tlog.signing_key import SigningKey

CONTEXT = b"tiezheng/machine-report/v1"
NONCE_SIZE = 32
MAX_REPORT = 4 << 20  # a machine that runs some ten thousand programs
WORD = (
    "What this machine says of itself. One that lies to its programs lies here too. "
    "本报告为本机自述；若本机欺骗其程序，本报告亦不可信。"
)

_FOUND = {"clock", "hosts", "mounted_from", "network", "programs", "storage", "system", "unread"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineReport:
    """`made_ms` is by the machine's own clock; `station` is the keyid of who signed."""

    nonce: bytes
    made_ms: int
    found: Mapping[str, Any]
    station: str
    signature: bytes

    def to_bytes(self) -> bytes:
        return format_json({**self._said(), "signature": format_base64(self.signature)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises `Malformed` unless this is the one spelling of a report; believes nothing."""
        match parse_json(data, limit=MAX_REPORT):
            case {
                "found": dict(found),
                "made_ms": int(made_ms),
                "nonce": str(nonce),
                "signature": str(signature),
                "station": str(station),
                "v": 1,
                "word": str(word),
                **more,
            } if not more and word == WORD:
                pass
            case _:
                raise Malformed(
                    "want the report of a machine: found, made_ms, nonce, signature, station, "
                    "v = 1 and word",
                    hints=("tiezheng station clean writes one",),
                )
        if not 0 <= made_ms <= MAX_TIME:
            raise Malformed("want a time of day", path="made_ms")
        _check_found(found)
        return cls(
            nonce=parse_hex(nonce, NONCE_SIZE),
            made_ms=made_ms,
            found=found,
            station=station,
            signature=parse_base64(signature),
        )

    def check(self, key: VerifierKey, nonce: bytes) -> None:
        """Raises `Rejected` unless `key` has signed it, over this nonce."""
        if self.nonce != nonce:
            raise Rejected("the report answers another nonce: it may be an old one")
        if self.station != key.keyid:
            raise Rejected(f"want a report signed by {key.keyid}, got one by {self.station!r}")
        try:
            key.verify(self._signed_bytes(), self.signature)
        except Rejected:
            raise Rejected(f"the signature by {key.keyid} does not match") from None

    def _signed_bytes(self) -> bytes:
        return CONTEXT + b"\n" + format_json(self._said())

    def _said(self) -> dict[str, Any]:
        return {
            "found": dict(self.found),
            "made_ms": self.made_ms,
            "nonce": self.nonce.hex(),
            "station": self.station,
            "v": 1,
            "word": WORD,
        }


def sign_report(
    key: SigningKey, nonce: bytes, made_ms: int, found: Mapping[str, Any]
) -> MachineReport:
    if key.algorithm is not Algorithm.ED25519:
        raise Malformed("want an Ed25519 key for a report")
    _check_found(found)
    fields: dict[str, Any] = {"nonce": nonce, "made_ms": made_ms, "found": found}
    fields["station"] = key.verifier.keyid
    draft = MachineReport(**fields, signature=b"")
    return MachineReport(**fields, signature=key.sign(draft._signed_bytes()))


def _check_found(found: Mapping[str, Any]) -> None:
    """What is judged or shown one by one has its shape; the rest is the machine's to tell."""
    if set(found) != _FOUND:
        raise Malformed(f"want {', '.join(sorted(_FOUND))}", path="found")
    for name, fields in (("programs", {"path", "sha256"}), ("unread", {"what", "why"})):
        rows = found[name]
        if not isinstance(rows, list) or not all(_is_row(row, fields) for row in rows):
            raise Malformed(f"want a list of {' and '.join(sorted(fields))}", path=f"found.{name}")
    for row in found["programs"]:
        parse_hex(row["sha256"], 32)


def _is_row(row: object, fields: set[str]) -> bool:
    return (
        isinstance(row, dict)
        and set(row) == fields
        and all(isinstance(value, str) for value in row.values())
    )
