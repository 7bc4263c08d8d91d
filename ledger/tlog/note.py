"""Signed notes: c2sp.org/signed-note@v1.0.0. A text, an empty line, signatures.

    ledger.example/enforcement/2026
    5
    4cUQTIE1z/oDI1EH/r4Dp8ik4A1InbOQBI7rNez9x3Q=

    — ledger.example/enforcement/2026 mJUkAx7Mpvdx9RjZ…
      └ name                          └ base64(key id ‖ signature)

A parsed note is an attacker's text. Nothing in it may be shown or acted on
before a signature has been checked: `SignedNote` says only what was written.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from ledger import sm2, suite
from ledger.encoding import clip, format_base64, parse_base64, parse_hex, parse_utf8
from ledger.errors import Malformed, Rejected

MAX_NOTE = 65_536  # sixteen ML-DSA-44 lines are 52 kB
MAX_SIGNATURES = 16  # what signed-note asks every reader to take, and enough for a city
KEY_ID_SIZE = 4

_DASH = "\N{EM DASH} "
KEY_TEXT_LIMIT = 8192
_SM2_NAME = b"tiezheng/sm2-with-sm3/v1"


class Algorithm(IntEnum):
    """Signature types of signed-note that this project writes and reads."""

    ED25519 = 0x01
    COSIGNATURE_ED25519 = 0x04
    COSIGNATURE_MLDSA44 = 0x06
    SM2 = 0xFF  # for statements; no number is assigned, so a name stands behind it

    @property
    def prefix(self) -> bytes:
        """What stands before a key of this type, where it is spelled and where it is hashed."""
        return bytes([self]) + (_SM2_NAME if self is Algorithm.SM2 else b"")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name: `notary.example/w1+5c2fe4fb+BG56HN0p…` (a vkey)."""

    name: str
    algorithm: Algorithm
    public: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.algorithm is Algorithm.COSIGNATURE_MLDSA44:
            suite.mldsa_check_key(self.public)
        elif self.algorithm is Algorithm.SM2:
            sm2.check_key(self.public)
        else:
            suite.ed25519_check_key(self.public)

    @property
    def key_id(self) -> bytes:
        """Finds candidates only: four bytes are no proof of anything."""
        typed = self.algorithm.prefix + self.public
        return suite.digest(self.name.encode() + b"\n" + typed)[:KEY_ID_SIZE]

    @property
    def keyid(self) -> str:
        """Name and key id as DSSE envelopes and HTTP signatures carry them."""
        return f"{self.name}+{self.key_id.hex()}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of type and public key, hex: what a report names."""
        return suite.digest(self.algorithm.prefix + self.public).hex()

    def to_text(self) -> str:
        return f"{self.keyid}+{format_base64(self.algorithm.prefix + self.public)}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        # Quoted in no error: someone has put his private key where a public one belongs.
        if text.startswith("PRIVATE+KEY+"):
            raise Malformed("want a public key, got a private one")
        # Base64 may contain "+": split at the first two only.
        match text.split("+", 2):
            case [name, key_id, typed] if len(text) <= KEY_TEXT_LIMIT:
                key = cls(name, *typed_key(typed))
            case _:
                raise Malformed(f"want a key such as name+1a2b3c4d+AQ…, got {clip(text)!r}")
        if parse_hex(key_id, KEY_ID_SIZE) != key.key_id:
            raise Malformed(f"key id {key_id} is not that of the key, {key.key_id.hex()}")
        return key

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raises `Rejected` unless `signature` is this key's over exactly `message`.

        For SM2 also `Unavailable`, where there is no library that could tell.
        """
        if self.algorithm is Algorithm.COSIGNATURE_MLDSA44:
            suite.mldsa_verify(self.public, signature, message)
        elif self.algorithm is Algorithm.SM2:
            sm2.verify(self.public, signature, message)
        else:
            suite.ed25519_verify(self.public, signature, message)


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note: who claims to have signed, and `value` without the key id."""

    name: str
    key_id: bytes
    value: bytes

    def to_text(self) -> str:
        return f"{_DASH}{self.name} {format_base64(self.key_id + self.value)}\n"

    @classmethod
    def from_text(cls, line: str) -> Self:
        match line.removesuffix("\n").split(" "):
            case ["\N{EM DASH}", name, value] if line.endswith("\n"):
                pass
            case _:
                raise Malformed(f"want a signature line, got {clip(line)!r}")
        check_name(name)
        data = parse_base64(value)
        if len(data) <= KEY_ID_SIZE:
            raise Malformed(f"want a signature after the key id, got {len(data)} bytes in all")
        return cls(name, data[:KEY_ID_SIZE], data[KEY_ID_SIZE:])


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note as written; nothing in it is believed yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        if len(self.signatures) > MAX_SIGNATURES:
            raise Malformed(f"want at most {MAX_SIGNATURES} signatures, got {len(self.signatures)}")

    def to_text(self) -> str:
        return self.text + "\n" + "".join(s.to_text() for s in self.signatures)

    def to_bytes(self) -> bytes:
        return self.to_text().encode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Raises `Malformed` unless the note is the one spelling of its parts."""
        if re.search(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]", text):
            raise Malformed("want no control characters in a note")
        if (size := len(text.encode())) > MAX_NOTE:
            raise Malformed(f"want a note of at most {MAX_NOTE} bytes, got {size}")
        # The separator is the last empty line: the text may hold others.
        body, separator, lines = text.rpartition("\n\n")
        if not separator or not lines.endswith("\n"):
            raise Malformed("want a text, an empty line and signature lines")
        # Not splitlines(), which ends lines at U+0085 and U+2028 as well.
        each = lines.removesuffix("\n").split("\n")
        note = cls(body + "\n", tuple(Signature.from_text(f"{line}\n") for line in each))
        if note.to_text() != text:
            raise Malformed("want the one spelling of this note")
        return note

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) > MAX_NOTE:
            raise Malformed(f"want a note of at most {MAX_NOTE} bytes, got {len(data)}")
        return cls.from_text(parse_utf8(data))

    def by(self, key: VerifierKey) -> Signature | None:
        """The line that claims this key. Two such lines are `Rejected`: which one was checked?"""
        mine = [s for s in self.signatures if s.name == key.name and s.key_id == key.key_id]
        if len(mine) > 1:
            raise Rejected(f"two signatures by {key.keyid}")
        return mine[0] if mine else None

    def with_signatures(self, more: Iterable[Signature]) -> Self:
        """The same text; a new line replaces an older one of the same name and key id."""
        lines = {(s.name, s.key_id): s for s in (*self.signatures, *more)}
        return type(self)(self.text, tuple(lines.values()))


def check_note(note: SignedNote, key: VerifierKey) -> None:
    """Raises `Rejected` unless `key`, a plain Ed25519 key, has signed the note."""
    if key.algorithm is not Algorithm.ED25519:
        raise Rejected(f"{key.keyid} is not a note key")
    line = note.by(key)
    if line is None:
        raise Rejected(f"no signature by {key.keyid}")
    try:
        key.verify(note.text.encode(), line.value)
    except Rejected:
        raise Rejected(f"the signature by {key.keyid} does not match") from None


def check_name(name: str) -> None:
    if not name or "+" in name or len(name.encode("utf-8", "replace")) > 255:
        raise Malformed(f"want a key name of 1 to 255 bytes without '+', got {clip(name)!r}")
    for c in name:
        # All that Go or Python call a space, all controls, and lone surrogates.
        if unicodedata.category(c) in ("Cc", "Cs", "Zs", "Zl", "Zp"):
            raise Malformed(f"want a key name without spaces, got {clip(name)!r}")


def typed_key(typed: str) -> tuple[Algorithm, bytes]:
    data = parse_base64(typed)
    if not data:
        raise Malformed("the key is empty")
    for algorithm in Algorithm:
        if data.startswith(algorithm.prefix):
            return algorithm, data[len(algorithm.prefix) :]
    raise Malformed(f"no key type {data[0]:#04x} here")
