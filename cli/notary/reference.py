"""The reference of a certificate: short enough to be typed from paper, and for a QR code.

    TZC1.K3VQ7A-2MZ5RT-WEJ4YB-QH6LXD-7F
         └─ first 120 bits of the data sheet's SHA-256 ─┘ └ two check characters

The alphabet is that of base32, in which nothing looks like a nought or a one; with "." and "-"
all of it is in a QR code's alphanumeric set. The check characters are ten bits of the
SHA-256 of the text before them: they notice a slip of the pen. The reference finds a certificate
and compares it with its data; that the certificate is true, only its seal says.
"""

import base64
import re
from dataclasses import dataclass
from typing import Self

from ledger import suite
from ledger.encoding import clip
from ledger.errors import Malformed

PREFIX = "TZC1."
SIZE = 15  # bytes

_FORM = re.compile(r"TZC1\.(?:[A-Z2-7]{6}-){4}[A-Z2-7]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reference:
    start: bytes  # of the SHA-256 of the data sheet

    @classmethod
    def of(cls, sheet: bytes) -> Self:
        return cls(suite.digest(sheet)[:SIZE])

    def to_text(self) -> str:
        letters = base64.b32encode(self.start).decode()
        body = PREFIX + "-".join(letters[i : i + 6] for i in range(0, len(letters), 6))
        return f"{body}-{_check_characters(body)}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        if not _FORM.fullmatch(text):
            raise Malformed(f"want a reference that begins with {PREFIX}, got {clip(text)!r}")
        letters = text.removeprefix(PREFIX).replace("-", "")
        reference = cls(base64.b32decode(letters[:-2]))
        if reference.to_text() != text:
            raise Malformed("the reference is mistyped: its check characters do not fit")
        return reference


def _check_characters(body: str) -> str:
    return base64.b32encode(suite.digest(body.encode())).decode()[:2]
