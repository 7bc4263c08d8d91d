"""Renewals: what a ledger says again so that it lasts. The first form closes a log.

    {"agency":"agency-01","final":"<the last checkpoint of the log before, cosigned>","id":"0198…"}

It is entry 0 of the next log. Its subject is that checkpoint, named by its origin, with the
SHA-256 of the note's text alone: who cosigned it later is no other checkpoint. `final` is the
note with the lines of its quorum, so that whoever has the opening needs nothing else to see
where the log before it ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ledger import suite
from ledger.errors import Malformed
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import MAX_NOTE, SignedNote


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


def check_final(value: Any) -> None:
    if not isinstance(value, str) or len(value) > MAX_NOTE:
        raise Malformed(f"want a signed checkpoint of at most {MAX_NOTE} characters")
    Closing.from_text(value)


def closing_of(predicate: Mapping[str, Any]) -> Closing | None:
    """None where it is another form of renewal."""
    final = predicate.get("final")
    return None if final is None else Closing.from_text(final)
