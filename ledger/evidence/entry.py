"""Entries: what the public log holds about a statement, and nothing that can be guessed.

    {"at":1795430400000,"commitment":"<base64 32 B>","tags":["<base64 16 B>", … eight],"v":1}

`commitment` is SHA-256(salt ‖ envelope): `cat salt envelope.json | sha256sum`. The
salt is 32 fresh random bytes; once it and the statement are destroyed the entry
says nothing about anyone, and still proves that something was fixed here.
`at` is when the ledger says it accepted the statement, in whole minutes. It proves
nothing; see `Time` in docs/formats/entry.md.
"""

from dataclasses import dataclass
from typing import Self

from ledger import suite
from ledger.encoding import MAX_TIME, format_base64, format_json, parse_base64, parse_json
from ledger.errors import Malformed, Rejected
from ledger.tlog.merkle import leaf_hash

SALT_SIZE = 32
TAG_SIZE = 16
TAGS = 8
MINUTE_MS = 60_000
MAX_ENTRY = 1024  # eight tags and a commitment take 311 bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """`tags` are eight, distinct and ascending, so no kind of statement looks different."""

    at: int
    commitment: bytes
    tags: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.at <= MAX_TIME or self.at % MINUTE_MS:
            raise Malformed(f"want a time in whole minutes, got {self.at} ms", path="at")
        if len(self.commitment) != suite.DIGEST_SIZE:
            raise Malformed(f"want 32 bytes, got {len(self.commitment)}", path="commitment")
        if len(self.tags) != TAGS or any(len(tag) != TAG_SIZE for tag in self.tags):
            raise Malformed(f"want {TAGS} tags of {TAG_SIZE} bytes", path="tags")
        if any(a >= b for a, b in zip(self.tags, self.tags[1:], strict=False)):
            raise Malformed("want distinct tags in ascending order", path="tags")

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "at": self.at,
                "commitment": format_base64(self.commitment),
                "tags": [format_base64(tag) for tag in self.tags],
                "v": 1,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_ENTRY):
            case {"at": int(at), "commitment": str(commitment), "tags": list(tags), "v": 1, **more}:
                pass
            case _:
                raise Malformed("want an entry with at, commitment, tags and v = 1")
        if more:
            raise Malformed(f"unknown field {min(map(str, more))!r} in an entry")
        if not all(isinstance(tag, str) for tag in tags):
            raise Malformed("want strings", path="tags")
        return cls(
            at,
            parse_base64(commitment, suite.DIGEST_SIZE),
            tuple(parse_base64(tag, TAG_SIZE) for tag in tags),
        )

    def leaf_hash(self) -> bytes:
        return leaf_hash(self.to_bytes())


def commit(salt: bytes, envelope: bytes) -> bytes:
    """The salted commitment to the exact bytes of an envelope file."""
    if len(salt) != SALT_SIZE:
        raise Malformed(f"want a salt of {SALT_SIZE} bytes, got {len(salt)}")
    return suite.digest(salt + envelope)


def check_commitment(entry: Entry, salt: bytes, envelope: bytes) -> None:
    if commit(salt, envelope) != entry.commitment:
        raise Rejected("salt and statement do not give the commitment in the log")
