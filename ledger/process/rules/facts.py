"""What acts state, as a rule pack declares it: of each fact its name, its kind, and of a choice
the words that may be said.

    [[fact]]
    id = "urgent"
    name = "是否紧急"
    name_en = "whether it was urgent"
    kind = "choice"
    values = { yes = "是", no = "否" }
    acts = ["coercive_measure"]

Without `acts` it is declared for all acts that have no declaration of their own. Whatever a rule
looks at must be declared, in a kind that the rule can read: else a rule is switched off by a word
that nobody looks for. What no rule looks at may be declared too: lists of major decisions and
statistics read facts of which the pack says nothing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ledger.encoding import parse_day
from ledger.errors import Malformed
from ledger.process.tables import yuan

# What kinds of checks and clocks look at by these names, whatever the pack says.
MEDIUM = "medium"  # of a written record: `recording` where a recording stands in for it
RECORDING = "recording"
NEW_FACTS = "new_facts"  # of a later notice: why it may be heavier
DAYS, FROM, TO = "days", "from", "to"  # by how many days a time is longer; days that do not count
AMOUNT = "amount"
DENIALS = frozenset({"no", "否"})
NO_FACTS = DENIALS | {"", "none", "无", "没有"}


class FactKind(StrEnum):
    """`shown` is a text as well: a time-code may show instead what the record does not state."""

    CHOICE = "choice"
    AMOUNT = "amount"
    DAY = "day"
    NUMBER = "number"
    TEXT = "text"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class FactRule:
    """`values` are the words of a choice, each with its Chinese name."""

    id: str
    name: str
    name_en: str
    kind: FactKind = FactKind.TEXT
    values: Mapping[str, str] = field(default_factory=dict)
    acts: tuple[str, ...] = ()

    def takes(self, said: str) -> bool:
        match self.kind:
            case FactKind.CHOICE:
                return said in self.values
            case FactKind.AMOUNT:
                return _reads(yuan, said)
            case FactKind.DAY:
                return _reads(parse_day, said)
            case FactKind.NUMBER:
                return re.fullmatch("[0-9]{1,12}", said) is not None
            case FactKind.TEXT | FactKind.SHOWN:
                return True

    def denies(self, said: str) -> bool:
        """Whoever writes that it was not shown, or not signed, has not shown and not signed it."""
        return self.kind in (FactKind.SHOWN, FactKind.TEXT) and said.strip().casefold() in DENIALS


def _reads(read: Callable[[str], object], said: str) -> bool:
    try:
        read(said)
    except Malformed:
        return False
    return True
