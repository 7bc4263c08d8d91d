"""What is held for a complaint, the likely ones first: those that have what it names."""

from typing import Any

from ledger.evidence.statement import Statement
from ledger.process.keeping.complaints import LIKELY, Complaint
from ledger.process.keeping.holds import STATEMENT, Holds
from storage.ledger_sqlite import SqliteLedgerStore

MOST = 100  # as many as a person looks through; all of them are held


def candidates(holds: Holds, store: SqliteLedgerStore, said: Statement) -> list[dict[str, Any]]:
    """Ids alone: who may read what they say is asked when it is read."""
    complaint = Complaint.of(said)
    found = []
    for held in holds.for_complaint(said.id):
        row = store.find(held.target.removeprefix(STATEMENT))
        statement = None if row is None else row.said()
        if row is not None and statement is not None:
            likely = complaint.likely(statement)
            rank = tuple(what not in likely for what in LIKELY)
            found.append((rank, row.number, {"id": row.statement_id, "likely": list(likely)}))
    found.sort(key=lambda one: one[:2])
    return [one for _, _, one in found[:MOST]]
