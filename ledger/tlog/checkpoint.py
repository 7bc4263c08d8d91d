"""Checkpoints: the log's claim about its own contents, in three lines.

    ledger.example/enforcement/2026
    5
    4cUQTIE1z/oDI1EH/r4Dp8ik4A1InbOQBI7rNez9x3Q=

The lines are origin, size and root, per c2sp.org/tlog-checkpoint@v1.0.0. We
write no extension lines and refuse checkpoints that carry any: an ML-DSA
cosignature does not cover them, so they would be words with no witness.
"""

from dataclasses import dataclass
from typing import Self

from ledger.encoding import clip, format_base64, parse_base64, parse_decimal
from ledger.errors import Malformed, Rejected
from ledger.suite import DIGEST_SIZE
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.tlog.note import SignedNote, VerifierKey, check_name, check_note


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree of `size` entries with root hash `root`, as claimed by `origin`."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> str:
        return f"{self.origin}\n{self.size}\n{format_base64(self.root)}\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        match text.split("\n"):
            case [origin, size, root, ""]:
                check_name(origin)
            case _:
                raise Malformed(f"want origin, size and root in three lines, got {clip(text)!r}")
        checkpoint = cls(origin, parse_decimal(size), parse_base64(root, DIGEST_SIZE))
        if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
            raise Rejected("want the root of nothing for size 0")
        return checkpoint


def open_checkpoint(note: SignedNote, log: VerifierKey) -> Checkpoint:
    """The checkpoint in `note`, once the log's own signature over it is checked.

    The origin must be the key's name: a log signs under its own name only.
    """
    check_note(note, log)
    checkpoint = Checkpoint.from_text(note.text)
    if checkpoint.origin != log.name:
        raise Rejected(f"want a checkpoint of {log.name!r}, got {checkpoint.origin!r}")
    return checkpoint
