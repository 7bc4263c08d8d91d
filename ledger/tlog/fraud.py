"""Proof that a log signed two histories: two of its checkpoints that no one tree holds.

    tiezheng fraud 1
    mTz8…=       of two sizes: the root over the first entries of the larger tree, as many
    8fQp…=       as the smaller has, and the hashes that lead from it to the larger root

    <the smaller checkpoint, signed>

    <the larger checkpoint, signed>

A root binds all that stands below it. So if the larger tree's first entries have another
root than the one that was signed for them, no entries can be found that agree with both
checkpoints. Of one size two roots say it all, and nothing stands below the first line.
Whoever holds this file and the log's public key needs nobody else.
"""

from dataclasses import dataclass
from typing import Self

from ledger.encoding import clip, format_base64, parse_base64, parse_utf8
from ledger.errors import Malformed, Rejected
from ledger.suite import DIGEST_SIZE
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.consistency import check_consistency
from ledger.tlog.merkle import MAX_PROOF
from ledger.tlog.note import MAX_NOTE, SignedNote, VerifierKey

HEADER = "tiezheng fraud 1"
MAX_FRAUD = 2 * MAX_NOTE + 4096  # two notes, and 64 hashes of 45 bytes


@dataclass(frozen=True, slots=True)
class Fraud:
    """`root` and `proof` are empty for two checkpoints of one size."""

    smaller: SignedNote
    larger: SignedNote
    root: bytes = b""
    proof: tuple[bytes, ...] = ()

    def to_text(self) -> str:
        hashes = [format_base64(h) for h in ((self.root, *self.proof) if self.root else ())]
        head = "\n".join([HEADER, *hashes])
        return f"{head}\n\n{self.smaller.to_text()}\n{self.larger.to_text()}"

    def to_bytes(self) -> bytes:
        return self.to_text().encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) > MAX_FRAUD:
            raise Malformed(f"want a proof of fraud of at most {MAX_FRAUD} bytes, got {len(data)}")
        return cls.from_text(parse_utf8(data))

    @classmethod
    def from_text(cls, text: str) -> Self:
        # A checkpoint has no empty lines of its own, so each empty line parts two parts.
        match text.split("\n\n"):
            case [head, first, first_lines, second, second_lines]:
                pass
            case parts:
                raise Malformed(f"want a head and two signed checkpoints, got {len(parts)} parts")
        header, *rest = head.split("\n")
        if header != HEADER:
            raise Malformed(f"want {HEADER!r} first, got {clip(header)!r}")
        if len(rest) > MAX_PROOF + 1:
            raise Malformed(f"want at most {MAX_PROOF + 1} hashes, got {len(rest)}")
        root, *proof = [parse_base64(line, DIGEST_SIZE) for line in rest] or [b""]
        return cls(
            SignedNote.from_text(f"{first}\n\n{first_lines}\n"),
            SignedNote.from_text(f"{second}\n\n{second_lines}"),
            root,
            tuple(proof),
        )

    def check(self, log: VerifierKey) -> tuple[Checkpoint, Checkpoint]:
        """The two checkpoints, the smaller first; raises `Rejected` unless it is proved."""
        smaller = open_checkpoint(self.smaller, log)
        larger = open_checkpoint(self.larger, log)
        if smaller.size > larger.size:
            raise Rejected(f"want the smaller checkpoint first, got {smaller.size} entries")
        if smaller.size == larger.size:
            if self.root:
                raise Rejected("between two checkpoints of one size there is nothing to prove")
            if smaller.root == larger.root:
                raise Rejected("the two checkpoints are the same: one history")
            return smaller, larger
        if self.root == smaller.root:
            raise Rejected("the larger tree begins with the smaller: one history")
        check_consistency(smaller.size, larger.size, self.root, larger.root, self.proof)
        return smaller, larger
