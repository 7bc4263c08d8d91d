"""The names of all clocks that a ledger knows: who asks for another has slipped with the pen."""

from functools import lru_cache

from api.shipped import shipped_after
from ledger.errors import Malformed
from ledger.evidence.procedural import Registered
from ledger.process.deadlines.duties import duties_of
from ledger.process.deadlines.supervision import CLOCKS
from ledger.process.registers.registry import Registry
from ledger.process.rules.rulepack import RulePack


def clock_names(registry: Registry) -> list[str]:
    """Of every pack that was ever registered, of what follows a decision or an inspection, and of
    each year."""
    found = {one.clock.id for one in duties_of("", (), 1970, 0)}
    found |= {clock.id for clock in (*shipped_after().clocks, *CLOCKS.values())}
    for subject in registry.subjects(Registered.RULE_PACK):
        for version in registry.versions(Registered.RULE_PACK, subject):
            found |= _names(version.content)
    return sorted(found)


@lru_cache(maxsize=4096)
def _names(content: str) -> frozenset[str]:
    """Remembered, since all versions are asked each time."""
    try:
        return frozenset(clock.id for clock in RulePack.from_text(content).clocks)
    except Malformed:
        return frozenset()
