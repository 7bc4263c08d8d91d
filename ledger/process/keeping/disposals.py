"""What of a case was destroyed, told beside its gaps: it may be why something is missing, and it
excuses nothing, or any disposal would hide a gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.encoding import format_time
from ledger.evidence.statement import Statement


@dataclass(frozen=True, slots=True)
class Destroyed:
    """By one disposal: `entry` is its place in the log, `persons` who signed it."""

    disposal: Statement
    entry: str
    at_ms: int
    persons: Sequence[str]
    statements: int

    def to_json(self) -> dict[str, Any]:
        said = self.disposal.predicate
        return {
            "at": format_time(self.at_ms),
            "basis": said["basis"],
            "by": list(self.persons),
            "entry": self.entry,
            "id": self.disposal.id,
            "reason": said["reason"],
            "retention": said["retention"],
            "statements": str(self.statements),
        }
