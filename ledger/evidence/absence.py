"""Absence: what a mirror, which keeps a whole log, says of tags in one tree of it.

    {"_type":"https://in-toto.io/Statement/v1",
     "predicate":{"asked":{"count":"65538","sha256":"9f2c…"},
                  "checkpoint":{"origin":"ledger.example/enforcement/2026","root":"4cUQ…","size":"5"},
                  "found":[{"entry":"3","tag":"EVMwmSYp4MQQJnfBjJ1HLg=="}]},
     "predicateType":"urn:tiezheng:absence:v1",
     "subject":[{"digest":{"sha256":"…"},"name":"checkpoint/2026"}]}

Signed as DSSE, with one key that does nothing else, and no entry of a log: it travels in
packets. The mirror is asked for tags alone, 16 bytes each, ascending. `asked` is how many they
were and the SHA-256 over all of them; each that is not `found` occurs nowhere in that tree.
The tags themselves would be a megabyte a series: whoever reads this makes them anew.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from ledger import suite
from ledger.encoding import (
    format_base64,
    format_json,
    parse_base64,
    parse_decimal,
    parse_hex,
    parse_json,
)
from ledger.errors import Malformed, Rejected
from ledger.evidence.entry import TAG_SIZE
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import log_label
from ledger.evidence.statement import MAX_PAYLOAD, TYPE
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import VerifierKey

PREDICATE = "urn:tiezheng:absence:v1"
MAX_ASKED = 131_072  # the 65,536 beyond N, and as many below: 2 MB
MAX_FOUND = 8_192  # places; a statement of more would not fit its envelope


@dataclass(frozen=True, slots=True, order=True)
class Found:
    entry: int
    tag: bytes


@dataclass(frozen=True, slots=True)
class Absence:
    """`found` holds every place of every tag that was asked for, in log order."""

    checkpoint: Checkpoint
    count: int
    asked: bytes
    found: tuple[Found, ...]

    def __post_init__(self) -> None:
        if not 0 < self.count <= MAX_ASKED:
            raise Malformed(f"want 1 to {MAX_ASKED} tags, got {self.count}", path="asked")
        if len(self.found) > MAX_FOUND or len({f.tag for f in self.found}) > self.count:
            raise Malformed(f"want at most {MAX_FOUND} places of those tags", path="found")
        if any(a >= b for a, b in pairwise(self.found)):
            raise Malformed("want places in log order, each once", path="found")
        if self.found and self.found[-1].entry >= self.checkpoint.size:
            raise Malformed(f"want entries below {self.checkpoint.size}", path="found")

    def to_bytes(self) -> bytes:
        """The payload, to be signed."""
        at = self.checkpoint
        text = suite.digest(at.to_text().encode()).hex()
        return format_json(
            {
                "_type": TYPE,
                "predicate": {
                    "asked": {"count": str(self.count), "sha256": self.asked.hex()},
                    "checkpoint": {
                        "origin": at.origin,
                        "root": format_base64(at.root),
                        "size": str(at.size),
                    },
                    "found": [
                        {"entry": str(f.entry), "tag": format_base64(f.tag)} for f in self.found
                    ],
                },
                "predicateType": PREDICATE,
                "subject": [
                    {"digest": {"sha256": text}, "name": f"checkpoint/{log_label(at.origin)}"}
                ],
            }
        )

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        match parse_json(payload, limit=MAX_PAYLOAD):
            case {
                "predicate": {
                    "asked": {"count": str(count), "sha256": str(asked)},
                    "checkpoint": {"origin": str(origin), "root": str(root), "size": str(size)},
                    "found": list(rows),
                }
            }:
                pass
            case _:
                raise Malformed("want an absence statement with asked, checkpoint and found")
        absence = cls(
            Checkpoint.from_text(f"{origin}\n{size}\n{root}\n"),
            parse_decimal(count),
            parse_hex(asked, suite.DIGEST_SIZE),
            tuple(_found(row) for row in rows),
        )
        # Fields that are not read above, and a subject of something else, are seen here.
        if absence.to_bytes() != payload:
            raise Malformed("want the one spelling of an absence statement, nothing else in it")
        return absence


def open_absence(data: bytes, mirrors: Collection[VerifierKey]) -> tuple[Absence, VerifierKey]:
    """What one of `mirrors` has said, once its signature is checked.

    Raises `Stranger` if none of them claims to have signed it.
    """
    envelope = Envelope.from_bytes(data)
    by_id = {key.keyid: key for key in mirrors}

    def find(keyid: str) -> VerifierKey:
        if keyid not in by_id:
            raise Stranger("no mirror of your trust folder has signed it")
        return by_id[keyid]

    if len(envelope.signatures) != 1:
        raise Malformed(f"want one signature, got {len(envelope.signatures)}", path="signatures")
    (mirror,) = envelope.open(find)
    return Absence.from_bytes(envelope.payload), mirror


class Stranger(Rejected):
    """Said by somebody whom the verifier does not know: worth nothing, and no harm."""

    code = "stranger"


def tags_to_bytes(tags: Iterable[bytes]) -> bytes:
    """What a mirror is sent, and what `asked` is the SHA-256 of."""
    return b"".join(sorted(tags))


def tags_from_bytes(data: bytes) -> tuple[bytes, ...]:
    if not 0 < len(data) <= MAX_ASKED * TAG_SIZE or len(data) % TAG_SIZE:
        raise Malformed(
            f"want 1 to {MAX_ASKED} tags of {TAG_SIZE} bytes, got {len(data)} bytes",
        )
    tags = tuple(data[at : at + TAG_SIZE] for at in range(0, len(data), TAG_SIZE))
    if any(a >= b for a, b in pairwise(tags)):
        raise Malformed("want tags in ascending order, each once")
    return tags


def _found(row: Any) -> Found:
    match row:
        case {"entry": str(entry), "tag": str(tag)}:
            return Found(parse_decimal(entry), parse_base64(tag, TAG_SIZE))
        case _:
            raise Malformed("want entry and tag", path="found")
