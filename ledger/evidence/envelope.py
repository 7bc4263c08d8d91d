"""Envelopes: a statement with its signatures, as DSSE v1 writes them.

    {"payload":"<base64>","payloadType":"application/vnd.in-toto+json",
     "signatures":[{"keyid":"station-07.suzhou.example+5f2c91aa","sig":"<base64>"}]}

What is signed is PAE: `DSSEv1 28 application/vnd.in-toto+json LEN payload`. The file
is exact JCS, since the log commits to its bytes. `keyid` only finds candidates.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from ledger.encoding import format_base64, format_json, parse_base64, parse_json
from ledger.errors import Malformed, Rejected
from ledger.tlog.note import Algorithm, VerifierKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_ENVELOPE = 1_048_576  # a manifest of 5,000 files; one entry is 311 bytes whatever this is
MAX_SIGNATURES = 16
FOR_STATEMENTS = (Algorithm.ED25519, Algorithm.SM2)

Checked = frozenset[tuple[bytes, bytes]]  # public key and signature: pairs found good before


@dataclass(frozen=True, slots=True)
class Signature:
    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload and who claims to have signed it; nothing is checked yet."""

    payload: bytes
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "payload": format_base64(self.payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [
                    {"keyid": s.keyid, "sig": format_base64(s.sig)} for s in self.signatures
                ],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_ENVELOPE):
            case {
                "payload": str(payload),
                "payloadType": str(kind),
                "signatures": list(rows),
                **more,
            }:
                pass
            case _:
                raise Malformed("want an envelope with payload, payloadType and signatures")
        if more:
            raise Malformed(f"unknown field {min(map(str, more))!r} in an envelope")
        if kind != PAYLOAD_TYPE:
            raise Malformed(f"want {PAYLOAD_TYPE!r}", path="payloadType")
        if not 0 < len(rows) <= MAX_SIGNATURES:
            raise Malformed(f"want 1 to {MAX_SIGNATURES}, got {len(rows)}", path="signatures")
        return cls(parse_base64(payload), tuple(_signature(row) for row in rows))

    def open(
        self, find: Callable[[str], VerifierKey], checked: Checked = frozenset()
    ) -> tuple[VerifierKey, ...]:
        """The keys that signed. `find` gives the key for a keyid or raises `Rejected`.

        Every signature must verify, and no key may stand twice: one key twice is
        not two officers. `checked` are pairs of this very envelope that a call before
        has found good.
        """
        message = pae(self.payload)
        keys: list[VerifierKey] = []
        for signature in self.signatures:
            key = find(signature.keyid)
            if key.algorithm not in FOR_STATEMENTS:
                raise Rejected(f"{key.keyid} is not a key for statements")
            if any(key.public == other.public for other in keys):
                raise Rejected(f"{key.keyid} has signed twice")
            try:
                if (key.public, signature.sig) not in checked:
                    key.verify(message, signature.sig)
            except Rejected:
                raise Rejected(f"the signature by {key.keyid} does not match") from None
            keys.append(key)
        return tuple(keys)


def pae(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _signature(row: object) -> Signature:
    match row:
        case {"keyid": str(keyid), "sig": str(sig), **more} if not more:
            return Signature(keyid, parse_base64(sig))
        case _:
            raise Malformed("want keyid and sig, nothing else", path="signatures")
