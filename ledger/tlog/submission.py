"""What a log sends a cosigner: the two requests of c2sp.org/tlog-witness.

    old 2                                          add-checkpoint
    bCJlRvZAAUKlDrZx0RRHVg0Y9UX9wEae4uefAecXS6U=
    /vT2jTkot7uac0Rptz8TSpNonVLau0Fj927HTu2VX1M=

    <the checkpoint, with the log's signature>

The hashes prove that the tree of `old` entries begins the new one.

    subtree 4 8                                    sign-subtree
    bCJlRvZAAUKlDrZx0RRHVg0Y9UX9wEae4uefAecXS6U=
    /vT2jTkot7uac0Rptz8TSpNonVLau0Fj927HTu2VX1M=

    <the checkpoint, with a cosignature by whoever is asked>

The first hash is the subtree's; the others prove that the checkpoint's tree has it there.
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
        first, hashes, note = _parts(data)
        match first:
            case ["old", size]:
                return cls(parse_decimal(size), _proof(hashes), note)
        raise Malformed(f"want 'old N' first, got {clip(' '.join(first))!r}")


@dataclass(frozen=True, slots=True)
class SignSubtree:
    """`subtree` is the hash of [start, end) in the tree of `note`, as claimed."""

    start: int
    end: int
    subtree: bytes
    proof: tuple[bytes, ...]
    note: SignedNote

    def to_bytes(self) -> bytes:
        hashes = (format_base64(h) for h in (self.subtree, *self.proof))
        lines = [f"subtree {self.start} {self.end}", *hashes]
        return ("\n".join([*lines, "", ""]) + self.note.to_text()).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        first, hashes, note = _parts(data)
        match first, hashes:
            case ["subtree", start, end], [subtree, *proof]:
                return cls(
                    parse_decimal(start),
                    parse_decimal(end),
                    parse_base64(subtree, DIGEST_SIZE),
                    _proof(proof),
                    note,
                )
        raise Malformed(f"want 'subtree N N' and a hash first, got {clip(' '.join(first))!r}")


def _parts(data: bytes) -> tuple[list[str], list[str], SignedNote]:
    """The words of the first line, the lines below it, and the note."""
    if len(data) > MAX_REQUEST:
        raise Malformed(f"want a request of at most {MAX_REQUEST} bytes, got {len(data)}")
    head, separator, note = parse_utf8(data).partition("\n\n")
    if not separator:
        raise Malformed("want a request, an empty line and a checkpoint")
    first, *hashes = head.split("\n")
    return first.split(" "), hashes, SignedNote.from_text(note)


def _proof(lines: list[str]) -> tuple[bytes, ...]:
    if len(lines) > MAX_PROOF:
        raise Malformed(f"want at most {MAX_PROOF} hashes, got {len(lines)}")
    return tuple(parse_base64(line, DIGEST_SIZE) for line in lines)
