"""Proof that an entry is logged: a c2sp.org/tlog-proof@v1 file, `*.tlog-proof`.

    c2sp.org/tlog-proof@v1
    index 3
    Hjt1PBFqCrfCJIrcaMwkHc5VHlLTNy1UIrQ2OtSU1Vo=
    bCJlRvZAAUKlDrZx0RRHVg0Y9UX9wEae4uefAecXS6U=

    <the checkpoint, cosigned, verbatim>

It holds no entry: whoever checks it computes the leaf hash from the entry itself.
"""

from dataclasses import dataclass
from typing import Self

from ledger.encoding import (
    clip,
    format_base64,
    parse_base64,
    parse_decimal,
    parse_utf8,
)
from ledger.errors import Malformed
from ledger.suite import DIGEST_SIZE
from ledger.tlog.merkle import MAX_PROOF, check_inclusion
from ledger.tlog.note import MAX_NOTE, SignedNote
from ledger.tlog.policy import Cosigned, Policy

HEADER = "c2sp.org/tlog-proof@v1"
MAX_RECEIPT = 2 * MAX_NOTE  # the note, 63 hashes of 45 bytes, and other people's extra line


@dataclass(frozen=True, slots=True)
class Receipt:
    """`note` is the checkpoint as text; `extra` is unauthenticated, and None in ours."""

    index: int
    proof: tuple[bytes, ...]
    note: str
    extra: bytes | None = None

    def to_text(self) -> str:
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {format_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [format_base64(h) for h in self.proof]
        return "\n".join([*lines, "", self.note])

    def to_bytes(self) -> bytes:
        return self.to_text().encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) > MAX_RECEIPT:
            raise Malformed(f"want a proof of at most {MAX_RECEIPT} bytes, got {len(data)}")
        return cls.from_text(parse_utf8(data))

    @classmethod
    def from_text(cls, text: str) -> Self:
        head, separator, note = text.partition("\n\n")
        if not separator or not note:
            raise Malformed("want a proof, an empty line and a checkpoint")
        match head.split("\n"):
            case [str(header), *rest] if header == HEADER:
                pass
            case [str(header), *_]:
                raise Malformed(f"want {HEADER!r} first, got {clip(header)!r}")
        extra = None
        if rest and rest[0].startswith("extra "):
            extra = parse_base64(rest.pop(0).removeprefix("extra "))
        if not rest or not rest[0].startswith("index "):
            raise Malformed("want a line 'index N'")
        index = parse_decimal(rest.pop(0).removeprefix("index "))
        if len(rest) > MAX_PROOF:
            raise Malformed(f"want at most {MAX_PROOF} hashes, got {len(rest)}")
        proof = tuple(parse_base64(line, DIGEST_SIZE) for line in rest)
        return cls(index, proof, note, extra)

    def open(self, leaf: bytes, policy: Policy) -> Cosigned:
        """Checks signatures and path; raises `Rejected`. The quorum is the caller's to judge."""
        return self.check(leaf, policy.open(SignedNote.from_text(self.note)))

    def check(self, leaf: bytes, cosigned: Cosigned) -> Cosigned:
        """The path alone, where this receipt's note was opened before: many end in one note."""
        check_inclusion(
            self.index, cosigned.checkpoint.size, leaf, self.proof, cosigned.checkpoint.root
        )
        return cosigned
