"""Entries: what the public log holds about a statement, and nothing that can be guessed.

    {"at":1795430400000,"commitment":"<base64 32 B>","tags":["<base64 16 B>", … eight],"v":1}

`commitment` is SHA-256(salt ‖ envelope): `cat salt envelope.json | sha256sum`. The
salt is 32 fresh random bytes; once it and the statement are destroyed the entry
says nothing about anyone, and still proves that something was fixed here.
`at` is when the ledger says it accepted the statement, in whole minutes. It proves
nothing; see `Time` in docs/formats/entry.md.
"""

import base64
import re
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass
from operator import ge
from typing import Self

from ledger import suite
from ledger.encoding import MAX_TIME, clip, format_time
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.tlog.merkle import leaf_hash

SALT_SIZE = 32
TAG_SIZE = 16
TAGS = 8
MINUTE_MS = 60_000
OPENING = ("opening.dsse.json", "opening.salt")  # beside a log: what its entry 0 commits to
MAX_ENTRY = 1024  # eight tags and a commitment take 311 bytes

# The one spelling of an entry: RFC 8785, base64 with zero trailing bits. An audit reads
# millions of them, and this takes a third of the time of reading JSON and writing it back.
_BASE64 = rb"[A-Za-z0-9+/]"
_TAG = _BASE64 + rb"{21}[AQgw]=="
_FORM = re.compile(
    rb'\{"at":(0|[1-9][0-9]{0,14}),'
    rb'"commitment":"(' + _BASE64 + rb'{42}[AEIMQUYcgkosw048]=)",'
    rb'"tags":\["(' + rb'","'.join([_TAG] * TAGS) + rb')"\],"v":1\}'
)
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_IN_ORDER = bytes.maketrans(_ALPHABET, bytes(sorted(_ALPHABET)))


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
        if [*map(len, self.tags)] != [TAG_SIZE] * TAGS:
            raise Malformed(f"want {TAGS} tags of {TAG_SIZE} bytes", path="tags")
        if any(map(ge, self.tags, self.tags[1:])):
            raise Malformed("want distinct tags in ascending order", path="tags")

    def to_bytes(self) -> bytes:
        return b'{"at":%d,"commitment":"%s","tags":["%s"],"v":1}' % (
            self.at,
            base64.b64encode(self.commitment),
            b'","'.join(map(base64.b64encode, self.tags)),
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) > MAX_ENTRY:
            raise Malformed(f"want at most {MAX_ENTRY} bytes of entry, got {len(data)}")
        form = _FORM.fullmatch(data)
        if form is None:
            raise Malformed(
                f"want at, commitment, {TAGS} tags and v = 1 in canonical JSON, "
                f"got {clip(repr(data))}"
            )
        at, commitment, tags = form.groups()
        return cls(int(at), a2b_base64(commitment), tuple(map(a2b_base64, tags.split(b'","'))))

    def leaf_hash(self) -> bytes:
        return leaf_hash(self.to_bytes())


Odd = tuple[int, LedgerError]  # the number of what is not as it should be, and why


def scan_entries(entries: Iterable[bytes], after: int) -> tuple[int, Odd | None]:
    """The last time, from `after` on; and the first that is no `Entry` or goes back in time."""
    for i, data in enumerate(entries):
        form = _FORM.fullmatch(data)
        # Translated, the text of tags sorts as their bytes do.
        tags = [] if form is None else form[3].translate(_IN_ORDER).split(b'","')
        at = -1 if form is None else int(form[1])
        if not after <= at <= MAX_TIME or at % MINUTE_MS or any(map(ge, tags, tags[1:])):
            return after, (i, _why_odd(data))
        after = at
    return after, None


def _why_odd(data: bytes) -> LedgerError:
    try:
        at = Entry.from_bytes(data).at
    except Malformed as error:
        return error
    return before_the_one_above(at)


def before_the_one_above(at: int) -> Rejected:
    return Rejected(f"accepted at {format_time(at)}, before the entry above it")


def commit(salt: bytes, envelope: bytes) -> bytes:
    """The salted commitment to the exact bytes of an envelope file."""
    if len(salt) != SALT_SIZE:
        raise Malformed(f"want a salt of {SALT_SIZE} bytes, got {len(salt)}")
    return suite.digest(salt + envelope)


def check_commitment(entry: Entry, salt: bytes, envelope: bytes) -> None:
    if commit(salt, envelope) != entry.commitment:
        raise Rejected("salt and statement do not give the commitment in the log")
