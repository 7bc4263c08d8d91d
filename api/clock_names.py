"""The names of all clocks that a ledger knows: who asks for another has slipped with the pen."""

from api.proceedings import shipped_after
from ledger.errors import Malformed
from ledger.evidence.procedural import Registered
from ledger.process.duties import duties_of
from ledger.process.registry import Registry
from ledger.process.rulepack import read_pack


def clock_names(registry: Registry) -> list[str]:
    """Of every pack that was ever registered, of what follows a decision, and of each year."""
    clocks = [*shipped_after().clocks, *(one.clock for one in duties_of("", (), 1970, 0))]
    for subject in registry.subjects(Registered.RULE_PACK):
        for version in registry.versions(Registered.RULE_PACK, subject):
            try:
                clocks += read_pack(version.content).clocks
            except Malformed:
                continue
    return sorted({clock.id for clock in clocks})
