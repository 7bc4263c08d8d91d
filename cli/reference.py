"""The reference of a certificate or packet: short enough to be typed from paper, or for a QR code.

    TZC1.K3VQ7A-2MZ5RT-WEJ4YB-QH6LXD-7F
         └─ first 120 bits of a SHA-256 ─┘ └ two check characters

TZC1 is a certificate, by the SHA-256 of its data sheet; TZP1 a packet, by that of its tag
manifest, which names every file in it.

The alphabet is that of base32, in which nothing looks like a nought or a one; with "." and "-"
all of it is in a QR code's alphanumeric set. The check characters are ten bits of the
SHA-256 of the text before them: they notice a slip of the pen. The reference finds a thing and
compares it with its data; it says nothing of whether that is true.
"""

import base64
import re
from dataclasses import dataclass
from typing import ClassVar, Self

from ledger import suite
from ledger.encoding import clip
from ledger.errors import Malformed

SIZE = 15  # bytes

_FORM = re.compile(r"(?:[A-Z2-7]{6}-){4}[A-Z2-7]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reference:
    """Of a certificate."""

    PREFIX: ClassVar[str] = "TZC1."

    start: bytes  # of the SHA-256

    @classmethod
    def of(cls, sheet: bytes) -> Self:
        return cls(suite.digest(sheet)[:SIZE])

    def to_text(self) -> str:
        letters = base64.b32encode(self.start).decode()
        body = self.PREFIX + "-".join(letters[i : i + 6] for i in range(0, len(letters), 6))
        return f"{body}-{_check_characters(body)}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        letters = text.removeprefix(cls.PREFIX)
        if letters == text or not _FORM.fullmatch(letters):
            raise Malformed(f"want a reference that begins with {cls.PREFIX}, got {clip(text)!r}")
        reference = cls(base64.b32decode(letters.replace("-", "")[:-2]))
        if reference.to_text() != text:
            raise Malformed("the reference is mistyped: its check characters do not fit")
        return reference


class PacketReference(Reference):
    PREFIX = "TZP1."

    @classmethod
    def of_digest(cls, digest: str) -> Self:
        """`digest` is the packet's whole reference, 64 hex digits."""
        return cls(bytes.fromhex(digest)[:SIZE])


def _check_characters(body: str) -> str:
    return base64.b32encode(suite.digest(body.encode())).decode()[:2]
