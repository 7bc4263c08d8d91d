"""When a case was closed, from which on its retention is counted.

A retention list names the acts that close a case. Where rule packs are in force such an act counts
only if a gate of one of them names it: nobody starts the clock with an act that nothing has to
precede. The case is closed by whose it is, and by the last closing behind which nothing began or
was decided anew.
"""

from collections.abc import Sequence
from datetime import date

from ledger.encoding import in_china
from ledger.errors import Malformed, Rejected
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Kind, Stage
from ledger.process.casefile import Filed
from ledger.process.keeping.retention import RetentionList
from ledger.process.registers.registry import Registry
from ledger.process.rules.kept_packs import read_pack

ANEW = (Stage.START, Stage.DECIDE)  # stages whose acts take a case up again


def last_closing(retention: RetentionList, filed: Sequence[Filed], registry: Registry) -> Filed:
    """Of what the agency that owns the case has filed in it. Raises `Rejected` for an open one."""
    closed: Filed | None = None
    ungated = ""
    for one in filed:
        act = one.statement.predicate.get("act", "")
        if act in retention.closing:
            if _counts(act, one, filed[0], registry):
                closed = one
            else:
                ungated = act
        elif one.statement.kind is Kind.ACT and one.statement.stage in ANEW:
            closed = None
    if closed is not None:
        return closed
    hints = [f"it is closed by {', '.join(sorted(retention.closing))}"]
    if ungated:
        hints.append(f"no gate of the rule packs in force names {ungated!r}: it closes nothing")
    raise Rejected("the case is open: nothing of it is destroyed", hints=tuple(hints))


def _counts(act: str, one: Filed, opening: Filed, registry: Registry) -> bool:
    """By the packs of its own day and of when the case began, where there are any."""
    packs = [
        version.content
        for name in registry.subjects(Registered.RULE_PACK)
        for at in (opening, one)
        if (
            version := registry.listed(
                Registered.RULE_PACK, name, one.statement.agency, at.number, _day(at)
            )
        )
        is not None
    ]
    return not packs or any(_gates(content, act) for content in packs)


def _gates(content: str, act: str) -> bool:
    try:
        return read_pack(content).conclusion(act) is not None
    except Malformed:
        return False


def _day(one: Filed) -> date:
    return in_china(one.at_ms).date()
