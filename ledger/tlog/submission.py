"""What a log sends a cosigner: the add-checkpoint request of c2sp.org/tlog-witness.

    old 2
    bCJlRvZAAUKlDrZx0RRHVg0Y9UX9wEae4uefAecXS6U=
    /vT2jTkot7uac0Rptz8TSpNonVLau0Fj927HTu2VX1M=

    <the checkpoint, with the log's signature>

The hashes prove that the tree of `old` entries begins the new one.
"""

from dataclasses import dataclass
from typing import Self

from ledger.encoding import clip, format_base64, parse_base64, parse_decimal, parse_utf8
from ledger.errors import Malformed
from ledger.suite import DIGEST_SIZE
from ledger.tlog.merkle import MAX_PROOF
from ledger.tlog.note import MAX_NOTE, SignedNote

MAX_REQUEST = MAX_NOTE + 4096  # 63 hashes of 45 bytes before the note


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    old_size: int
    proof: tuple[bytes, ...]
    note: SignedNote

    def to_bytes(self) -> bytes:
        lines = [f"old {self.old_size}", *(format_base64(h) for h in self.proof)]
        return ("\n".join([*lines, "", ""]) + self.note.to_text()).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) > MAX_REQUEST:
            raise Malformed(f"want a request of at most {MAX_REQUEST} bytes, got {len(data)}")
        head, separator, note = parse_utf8(data).partition("\n\n")
        first, *proof = head.split("\n")
        if not separator or not first.startswith("old "):
            raise Malformed(f"want 'old N', a proof and a checkpoint, got {clip(first)!r}")
        if len(proof) > MAX_PROOF:
            raise Malformed(f"want at most {MAX_PROOF} hashes, got {len(proof)}")
        return cls(
            parse_decimal(first.removeprefix("old ")),
            tuple(parse_base64(line, DIGEST_SIZE) for line in proof),
            SignedNote.from_text(note),
        )
