"""What is published as a list: each kind with its reader, and what a file says of itself.

published = Published.from_text(text)
published.register, published.subject, published.version     # rule_pack, ordinary, 2026.1
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.procedural import LISTS, Registered
from ledger.process.deadlines.calendar import parse_calendar
from ledger.process.keeping.retention import RetentionList
from ledger.process.registers import lists
from ledger.process.rules.rulepack import RulePack
from ledger.process.tables import read_toml

READERS: Mapping[Registered, Callable[[str], object]] = {
    **lists.READERS,
    Registered.HOLIDAY_CALENDAR: parse_calendar,
    Registered.RETENTION: RetentionList.from_text,
    Registered.RULE_PACK: RulePack.from_text,
}


@dataclass(frozen=True, slots=True)
class Published:
    """A list by its own words: a rule pack names itself, another list is named by its kind."""

    register: Registered
    subject: str
    version: str  # empty where the file does not say it

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Raises `Malformed` of what no rule could read."""
        found = read_toml(text)
        register = _register(found)
        READERS[register](text)
        subject = found["pack"] if register is Registered.RULE_PACK else register
        return cls(register, str(subject), found.get("version", ""))


def _register(found: Mapping[str, Any]) -> Registered:
    if "pack" in found:
        return Registered.RULE_PACK
    name = phrase.string(found.get("list", ""), 64)
    if name not in set(LISTS):
        raise Malformed(
            "want a rule pack, or one of the lists",
            path="list",
            hints=("there are " + ", ".join(sorted(LISTS)),),
        )
    return Registered(name)
