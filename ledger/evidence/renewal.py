"""Renewals: what a ledger says again so that it lasts. Its first form closes a log.

    {"agency":"agency-01","final":"<the last checkpoint of the log before, cosigned>","id":"0198…"}

It is entry 0 of the next log. Its subject is that checkpoint, named by its origin, with the
SHA-256 of the note's text alone: who cosigned it later is no other checkpoint. `final` is the
note with the lines of its quorum, so that whoever has the opening needs nothing else to see
where the log before it ended.

    {"agency":"agency-01","hash":"sha512","id":"0198…","origin":"ledger.example/enforcement/2026",
     "root":"<base64 64 B>","rows":"100012","size":"100000"}

    {"agency":"agency-01","hash":"sha512","id":"0198…","root":"<base64 64 B>","tokens":"12"}

The second hashes a closed log again: rows 0 to `size` - 1 are its entries, and the rows behind
them tokens (`rehash`). The third renews tokens only. What counts of both is when their envelope
was timestamped, directly: the log that they stand in has the old hash.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ledger import suite
from ledger.encoding import clip, format_base64, parse_base64, parse_decimal
from ledger.errors import Malformed
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import MAX_NOTE, SignedNote

STRONG = "sha512"
MAX_ROWS = 2**40


@dataclass(frozen=True, slots=True)
class Closing:
    """The last checkpoint of a log, as the next one says it; its signatures are not checked."""

    note: SignedNote
    checkpoint: Checkpoint

    @property
    def name(self) -> str:
        return self.checkpoint.origin

    @property
    def sha256(self) -> bytes:
        return suite.digest(self.note.text.encode())

    def to_text(self) -> str:
        return self.note.to_text()

    @classmethod
    def from_text(cls, text: str) -> Self:
        note = SignedNote.from_text(text)
        checkpoint = Checkpoint.from_text(note.text)
        if checkpoint.size == 0:
            raise Malformed("want the last checkpoint of a log that was opened, got an empty tree")
        return cls(note, checkpoint)


@dataclass(frozen=True, slots=True)
class Rows:
    """A tree over `count` rows. With an `origin`, the first `size` are the entries of that log."""

    count: int
    root: bytes
    origin: str = ""
    size: int = 0

    def __post_init__(self) -> None:
        if len(self.root) != suite.STRONG_SIZE:
            raise Malformed(f"want a root of {suite.STRONG_SIZE} bytes, got {len(self.root)}")
        if not 0 < self.count <= MAX_ROWS:
            raise Malformed(f"want 1 to {MAX_ROWS} rows, got {self.count}")
        if not bool(self.origin) <= self.size <= self.count or (self.size and not self.origin):
            raise Malformed(f"want a log with 1 to {self.count} entries, got {self.size}")

    @property
    def sha256(self) -> bytes:
        text = f"{STRONG} {self.count} {format_base64(self.root)}\n"
        return suite.digest(text.encode())

    def to_predicate(self) -> dict[str, str]:
        fields = {"hash": STRONG, "root": format_base64(self.root)}
        if not self.origin:
            return fields | {"tokens": str(self.count)}
        return fields | {"origin": self.origin, "rows": str(self.count), "size": str(self.size)}


def check_hash(value: Any) -> None:
    if value != STRONG:
        raise Malformed(f"want {STRONG!r}, got {clip(str(value))!r}")


def rows_of(predicate: Mapping[str, Any]) -> Rows | None:
    """None where it is another form of renewal."""
    match predicate:
        case {"root": str(root), "tokens": str(count)}:
            return Rows(parse_decimal(count), parse_base64(root))
        case {"origin": str(origin), "root": str(root), "rows": str(count), "size": str(size)}:
            return Rows(parse_decimal(count), parse_base64(root), origin, parse_decimal(size))
    return None


def check_final(value: Any) -> None:
    if not isinstance(value, str) or len(value) > MAX_NOTE:
        raise Malformed(f"want a signed checkpoint of at most {MAX_NOTE} characters")
    Closing.from_text(value)


def closing_of(predicate: Mapping[str, Any]) -> Closing | None:
    """None where it is another form of renewal."""
    final = predicate.get("final")
    return None if final is None else Closing.from_text(final)
