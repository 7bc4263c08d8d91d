"""Series: runs of statements that must be complete, under tags that nobody else can link.

The n-th statement of the series `2026/case/苏城管罚〔2026〕417号` carries the tag

    HMAC-SHA-256(series_key, "tiezheng/series/v1" ‖ 0x00 ‖ uint64(n))[:16]
    series_key = SHA-256("tiezheng/series-key/v1" ‖ 0x00 ‖ signature)
    signature  = RSASSA-PKCS1-v1_5-SHA-256 over "tiezheng/series/v1" LF name LF

A PKCS #1 signature is unique, so the operator cannot keep a second series for a
case: the idea of RFC 9381's RSA-FDH-VRF, in a form that `openssl dgst -verify`
checks. Uniqueness needs x → x^65537 mod n to be a permutation and the signature a
unit; the eight roots below show the first, gcd(s, n) = 1 is the second. This is the
project's only construction of its own: docs/formats/series.md argues it.
"""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from ledger import suite
from ledger.encoding import clip, format_base64, format_json, parse_base64, parse_json
from ledger.errors import Malformed, Rejected
from ledger.evidence.entry import TAG_SIZE, TAGS, Entry

ROOTS = 8  # a key that is no permutation passes with 65537^-8 = 2^-128
MODULUS_SIZE = suite.SERIES_BITS // 8
SEED_OUTPUT = 400  # 128 bits more than n, so that mod n shows no bias
LOOKAHEAD = 65_536  # how far beyond N a verifier looks for hidden statements
MAX_NAME = 1024
MAX_KEY_FILE = 16_384
_TAG = b"tiezheng/series/v1\x00"
_FILLER_MESSAGES = tuple(b"tiezheng/filler/v1\x00" + bytes([j]) for j in range(TAGS))


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """The public half for one year, its eight roots checked when it was made."""

    modulus: int
    roots: tuple[int, ...]

    def __post_init__(self) -> None:
        n = self.modulus
        if n.bit_length() != suite.SERIES_BITS or len(self.roots) != ROOTS:
            raise Malformed(f"want {suite.SERIES_BITS} bits and {ROOTS} roots")
        for i, root in enumerate(self.roots):
            # Without the gcd, n = 9qr passes and has three signatures for one name.
            if not 0 < root < n or math.gcd(root, n) != 1:
                raise Rejected(f"root {i} of the series key is no unit modulo n")
            if pow(root, suite.SERIES_EXPONENT, n) != root_target(n, i):
                raise Rejected(f"root {i} of the series key is wrong: signatures may not be unique")

    @classmethod
    def from_files(cls, pem: bytes, roots: bytes) -> Self:
        match parse_json(roots, limit=MAX_KEY_FILE):
            case {"roots": list(texts), "v": 1, **more} if not more:
                pass
            case _:
                raise Malformed("want roots and v = 1, nothing else")
        if len(texts) != ROOTS or not all(isinstance(t, str) for t in texts):
            raise Malformed(f"want {ROOTS} roots in base64")
        numbers = (int.from_bytes(parse_base64(t, MODULUS_SIZE), "big") for t in texts)
        return cls(suite.series_modulus(pem), tuple(numbers))

    def to_files(self) -> tuple[bytes, bytes]:
        texts = [format_base64(r.to_bytes(MODULUS_SIZE, "big")) for r in self.roots]
        return suite.series_public_pem(self.modulus), format_json({"roots": texts, "v": 1})

    @property
    def fingerprint(self) -> str:
        """SHA-256 of n as 384 bytes, hex: what the opening of a log enrols."""
        return suite.digest(self.modulus.to_bytes(MODULUS_SIZE, "big")).hex()

    def open(self, name: str, signature: bytes) -> "Series":
        """Raises `Rejected` unless `signature` is the one signature of this series."""
        if len(signature) != MODULUS_SIZE:
            raise Malformed(f"want a signature of {MODULUS_SIZE} bytes, got {len(signature)}")
        s = int.from_bytes(signature, "big")
        if not 0 < s < self.modulus or math.gcd(s, self.modulus) != 1:
            raise Rejected("the series signature is no unit modulo n")
        suite.series_verify(self.modulus, signature, name_message(name))
        return Series(name, signature)


@dataclass(frozen=True, slots=True)
class Series:
    """A series whose name and signature were checked, or made, together."""

    name: str
    signature: bytes

    def tag(self, n: int) -> bytes:
        """The tag of the n-th statement; n from 1."""
        if n < 1:
            # A filer who took number 0 would never be missed: no verifier counts it.
            raise Malformed(f"want a number from 1, got {n}")
        (tag,) = self.tags(n, n)
        return tag

    def tags(self, first: int, last: int) -> Iterable[bytes]:
        """The tags first…last, inclusive."""
        key = suite.digest(b"tiezheng/series-key/v1\x00" + self.signature)
        messages = (_TAG + n.to_bytes(8, "big") for n in range(first, last + 1))
        return (mac[:TAG_SIZE] for mac in suite.macs(key, messages))

    def beyond(self, count: int) -> Iterable[bytes]:
        """The tags after the first `count`, as far as a verifier looks for hidden statements."""
        return self.tags(count + 1, count + LOOKAHEAD)

    def asked(self, count: int) -> Iterable[bytes]:
        """All that a verifier of `count` statements looks for, in order."""
        return self.tags(1, count + LOOKAHEAD)


def name_message(name: str) -> bytes:
    # The size first: to normalise 250 kB of combining characters takes a minute.
    data = name[: MAX_NAME + 1].encode("utf-8", "replace")
    short = 0 < len(data) <= MAX_NAME and data.decode() == name
    if not short or "\n" in name or unicodedata.normalize("NFC", name) != name:
        raise Malformed(f"want a series name of one line in NFC, got {clip(name)!r}")
    return f"tiezheng/series/v1\n{name}\n".encode()


def root_target(modulus: int, i: int) -> int:
    """The number whose 65537th root number `i` must be: nobody could choose it."""
    seed = b"tiezheng/series-perm/v1\x00" + modulus.to_bytes(MODULUS_SIZE, "big") + bytes([i])
    return int.from_bytes(suite.mask(seed, SEED_OUTPUT), "big") % modulus


def fillers(salt: bytes, count: int) -> list[bytes]:
    return [suite.mac(salt, message)[:TAG_SIZE] for message in _FILLER_MESSAGES[:count]]


def entry_tags(salt: bytes, tags: Sequence[bytes]) -> tuple[bytes, ...]:
    """The eight tags of an entry: those of its series, the rest fillers."""
    if len(tags) > TAGS:
        raise Malformed(f"want at most {TAGS} series for a statement, got {len(tags)}")
    return tuple(sorted([*tags, *fillers(salt, TAGS - len(tags))]))


def check_tags(entry: Entry, salt: bytes, tags: Sequence[bytes], unshown: int = 0) -> None:
    """That an entry's tags are those of its statement's series and fillers, all accounted for.

    Of `unshown` series whose tags the verifier cannot make, just as many tags are left over,
    and none of them is a filler.
    """
    own = fillers(salt, TAGS)
    known = {*tags, *own[: max(0, TAGS - len(tags) - unshown)]}
    left = set(entry.tags) - known
    if len(known) + unshown != TAGS or len(left) != unshown or not left.isdisjoint(own):
        raise Rejected("the tags in the log are not those of this statement")
