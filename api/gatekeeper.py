"""The gate of the log: asked by the writer in an act's turn, answered from the ledger alone.

What cannot be examined is not let through, and says so; a fault of the rules must keep nobody
else's evidence out, which waits in the same batch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.casefiles import ALL, CaseFiles
from api.journal import journal
from api.registers import Registers
from api.shipped import shipped_packs
from ledger.errors import LedgerError, Unavailable
from ledger.evidence.statement import Statement
from ledger.process.casefile import Filed
from ledger.process.judging.door import (
    check_claimed,
    check_conclusion,
    check_plain,
    gated_by_altered,
)
from ledger.process.rules.rulepack import Conclusion


class Gatekeeper:
    """Implements `ledger.ports.Gate`. The day that counts is the ledger's, not the filer's."""

    def __init__(self, files: CaseFiles, registers: Registers, now_ms: Callable[[], int]) -> None:
        self._files = files
        self._registers = registers
        self._now_ms = now_ms

    def check(self, statement: Statement, below: int) -> None:
        proposed = Filed(below, statement, self._now_ms())
        with _examined(statement):
            registry = self._registers.registry()
            if altered := self._registers.altered():
                check_plain(proposed, registry, shipped_packs(), altered)
            check_conclusion(proposed, lambda act: self._files.of(act, below), registry)

    def check_claimed(self, statement: Statement, claimed: Conclusion) -> None:
        """What its filer says that it does; asked before its turn, and of no other act."""
        proposed = Filed(ALL, statement, self._now_ms())
        with _examined(statement):
            registry = self._registers.registry()
            if altered := self._registers.altered():
                raise gated_by_altered(statement, altered)
            check_claimed(proposed, claimed, self._files.of, registry)


@contextmanager
def _examined(statement: Statement) -> Iterator[None]:
    try:
        yield
    except LedgerError:
        raise
    except Exception as error:
        journal.exception("gate_failed", act=statement.predicate["act"])
        raise Unavailable(
            "whether this conclusion may stand could not be examined",
            hints=("evidence is taken all the same; the operator must act: see the journal",),
        ) from error
