"""What a statement claims is retained: told to every copy's store, behind the answer.

    statement committed, its items claimed ─► row after row of the log ─► items.retain(…)
                                                                        └─► how far: durable

Never before the claim: bytes that nobody speaks of must be removable. After a crash the row
that was under way is done again, which changes nothing. Where a store does not answer, the row
is tried again until it does. The class of an item follows from the statement: `case` if it names
a case number, `recording` if only a provisional case. Items of a provisional case that is given
a number are retained as the case's from then on; a time only ever grows.

The same thread holds what is under a legal hold, and destroys what a disposal in the log names.
"""

import threading
import time
from collections.abc import Callable, Iterator

from api.custody import Custody
from api.holding import Holding
from api.journal import journal
from api.registers import Registers
from api.settings import Settings
from api.vault import Vault
from api.watching import Watching
from ledger.errors import LedgerError, Rejected
from ledger.evidence.statement import Statement
from ledger.log import Log
from ledger.ports import ItemRecord, ItemStore
from ledger.sequencer import Row
from storage.catalog_sqlite import SqliteCatalog
from storage.ledger_sqlite import SqliteLedgerStore

RETRY_S = 60.0
HOLDS_S = 30.0  # between two looks at the holds: their items are listed anew
DAY_MS = 86_400_000
PAGE = 1000  # rows, between two notes of how far it is


class Keeping:
    """One thread, the only one that retains."""

    def __init__(
        self,
        vault: Vault,
        items: Callable[[], ItemStore],
        store: SqliteLedgerStore,
        catalog: SqliteCatalog,
        settings: Settings,
        custody: Custody,
        log: Log,
        registers: Registers,
    ) -> None:
        self._places = vault.places
        self._items = items
        self._store = store
        self._catalog = catalog
        self._days = {
            "recording": settings.retain_days_recording,
            "case": settings.retain_days_case,
        }
        self._rule = ",".join(f"{name} {days}" for name, days in self._days.items())
        self._holding = Holding(items, vault.places, store, catalog)
        self._custody = custody
        self._log = log
        self.dispose: Callable[[], None] = lambda: None
        self.watching = Watching(vault.places, store, catalog, custody, log, registers)
        self._holding_lock = threading.Lock()
        self._held_s = -HOLDS_S
        self._holds_seen = -1
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="keeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        self._stopping = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        self._woken.set()
        while True:
            self._woken.wait(RETRY_S)
            self._woken.clear()
            if self._stopping:
                return
            try:
                if any(self._days.values()):
                    self.retain()
            except LedgerError as error:
                journal.warning("not_retained_yet", reason=str(error))
            if self._log.held:
                continue  # it may lack the statements that hold
            if time.monotonic() - self._held_s >= HOLDS_S or self._is_news():
                self._held_s = time.monotonic()
                try:
                    self.hold()
                except LedgerError as error:
                    journal.warning("not_held_yet", reason=str(error))
            try:
                self.dispose()
            except LedgerError as error:
                journal.warning("not_destroyed_yet", reason=str(error))

    def _is_news(self) -> bool:
        """A hold, a complaint or a disposal since the last look."""
        seen, self._holds_seen = self._holds_seen, self._log.guarded
        return seen != self._holds_seen

    def hold_now(self) -> None:
        """The same for who waits; what fails is tried again behind him."""
        try:
            self.hold()
        except LedgerError as error:
            journal.warning("not_held_yet", reason=str(error))
            self._held_s = -HOLDS_S
            self.wake()

    def hold(self) -> None:
        """What complaints are about is held; holds reach what came later, and are in the log."""
        with self._holding_lock:
            self.watching.catch_up()
            self._holding.file(self._custody, self._log.holds)
            self._holding.apply(self._log.holds)

    def forget(self) -> None:
        """Of a statement that was destroyed nothing stays in memory."""
        with self._holding_lock:
            self.watching.forget()

    def retain(self) -> None:
        """Everything that is claimed and was not retained under the days that are set now."""
        head = self._store.head()
        end = 0 if head is None else head.end
        start = self._places.retained_to(self._rule)
        done = noted = start
        try:
            for row in self._store.rows(start, end):
                if self._stopping:
                    return
                self._retain_row(row)
                done = row.number + 1
                if done - noted == PAGE:
                    self._places.put_retained_to(self._rule, done)
                    noted = done
        finally:
            if done > noted:
                self._places.put_retained_to(self._rule, done)

    def _retain_row(self, row: Row) -> None:
        statement = row.said()
        if statement is None:
            return
        days = self._days["recording" if statement.case is None else "case"]
        if not days:
            return
        for record in self._records(statement, row.number):
            try:
                self._items().retain(record.object_id, record.uploaded_ms + days * DAY_MS)
            except Rejected as error:
                # An object is gone from a copy. The place remembers: a scrub that mends retains.
                journal.error("cannot_retain", object=record.object_id, reason=str(error))

    def _records(self, statement: Statement, index: int) -> Iterator[ItemRecord]:
        yield from self._claimed(statement)
        provisional = statement.predicate.get("provisional")
        if statement.case is None or provisional is None:
            return
        # It has its number now: what was filed before is the case's too.
        for number in self._filed_under(provisional, index):
            if (earlier := self._store.row(number).said()) is not None:
                yield from self._claimed(earlier)

    def _claimed(self, statement: Statement) -> Iterator[ItemRecord]:
        wanted = [(file.digest, statement.agency) for file in statement.files]
        found = self._store.find_items(wanted)
        yield from (item for item in found if item is not None and item.claimed)

    def _filed_under(self, provisional: str, index: int) -> Iterator[int]:
        if self._catalog.indexed_to() < index:
            self._catalog.catch_up(self._store)
        yield from (row.index for row in self._catalog.case(provisional) if row.index < index)
