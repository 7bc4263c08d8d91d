"""Keeps the catalog up with the log, behind the writer's back: no commit waits for it.

What was just accepted is handed over as it was read, so nothing is read twice. If that
becomes too much, or does not join on, the catalog reads what it lacks from the ledger.
A search that lags misleads nobody about evidence.
"""

import threading
from collections.abc import Callable, Sequence

from api.journal import journal
from ledger.evidence.statement import Statement
from ledger.ports import LedgerStore
from ledger.sequencer import Row
from storage.catalog_sqlite import SqliteCatalog

MAX_WAITING = 32 << 20  # bytes of statements
RETRY_S = 5.0


class Indexer:
    """One thread, the only one that writes to the catalog."""

    def __init__(self, catalog: SqliteCatalog, store: LedgerStore) -> None:
        self._catalog = catalog
        self._store = store
        self._ready = threading.Condition()
        self._waiting: list[tuple[Row, Statement]] = []
        self._size = 0
        self._behind = False  # something was dropped, or failed: the ledger has it
        self._stopping = False
        self.then: Callable[[], object] = lambda: None  # called after new statements
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self._thread.start()

    def give(self, rows: Sequence[tuple[Row, Statement]]) -> None:
        """Statements in log order; returns at once."""
        with self._ready:
            self._size += sum(len(row.envelope) for row, _ in rows)
            if self._size <= MAX_WAITING:
                self._waiting += rows
            else:
                self._behind = True
            self._ready.notify()

    def stop(self) -> None:
        """Brings the catalog up to the log, then ends."""
        with self._ready:
            self._stopping = True
            self._ready.notify()
        self._thread.join()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            with self._ready:
                if not self._waiting and not self._stopping:
                    self._ready.wait(RETRY_S if self._behind else None)
                rows, self._waiting, self._size = self._waiting, [], 0
                stopping = self._stopping
                behind, self._behind = self._behind or stopping, False
            try:
                if rows and not behind and rows[0][0].number == self._catalog.indexed_to():
                    self._catalog.add(rows)
                elif rows or behind:
                    self._catalog.catch_up(self._store)
                self.then()
            except Exception as error:
                # Whatever it was: this thread is the only one that writes to the catalog.
                self._behind = True
                journal.warning("catalog_behind", reason=str(error))
