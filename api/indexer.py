"""Keeps the catalog up with the log, behind the writer's back: no commit waits for it.

What was just accepted is handed over as it was read, so nothing is read twice. If that
becomes too much, or does not join on, the catalog reads what it lacks from the ledger.
A search that lags misleads nobody about evidence.
"""

import threading
from collections.abc import Iterable

from api.journal import journal
from ledger.errors import LedgerError
from ledger.evidence.statement import Statement
from ledger.ports import LedgerStore
from ledger.sequencer import Row
from storage.catalog_sqlite import SqliteCatalog

MAX_WAITING = 20_000  # statements, some 2 kB each


class Indexer:
    """One thread, the only one that writes to the catalog."""

    def __init__(self, catalog: SqliteCatalog, store: LedgerStore) -> None:
        self._catalog = catalog
        self._store = store
        self._ready = threading.Condition()
        self._waiting: list[tuple[Row, Statement]] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self._thread.start()

    def give(self, rows: Iterable[tuple[Row, Statement]]) -> None:
        """Statements in log order; returns at once."""
        with self._ready:
            if len(self._waiting) < MAX_WAITING:
                self._waiting += rows
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
                self._ready.wait_for(lambda: self._waiting or self._stopping)
                rows, self._waiting = self._waiting, []
                stopping = self._stopping
            try:
                if rows and rows[0][0].index == self._catalog.indexed_to():
                    self._catalog.add(rows)
                else:
                    self._catalog.catch_up(self._store)
            except LedgerError as error:
                journal.warning("catalog_behind", reason=str(error))
