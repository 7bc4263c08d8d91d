"""What is registered, read from the ledger's store once, for everybody who asks.

Rows are only added, so only what came since is read again. A row that is not the one that is
logged is set aside and said loudly: of all that is concluded from registers nobody knows then
whether it is right, and it waits (`whole`); evidence does not, nor does who may read it. Once the
row is put back, everything is read anew.
"""

import threading

from api.journal import journal
from ledger.encoding import printable
from ledger.errors import LedgerError, Unavailable
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.owner import Spellings
from ledger.evidence.statement import Statement
from ledger.ports import LedgerStore
from ledger.process.registers.registry import Registry
from ledger.sequencer import Row


class Registers:
    """Asked from any thread. What it has given grows, and is never changed."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._altered: list[int] = []
        self._begin()

    def _begin(self) -> None:
        self._registry, self._spellings = Registry(), Spellings()
        self._read = 0  # the number from which on register statements are yet to be read
        self._told, self._altered = set(self._altered), []

    def registry(self) -> Registry:
        """With every register statement that is logged by now and was not altered."""
        with self._lock:
            self._catch_up()
            return self._registry

    def spellings(self) -> Spellings:
        with self._lock:
            self._catch_up()
            return self._spellings

    def whole(self) -> Registry:
        """For what is concluded from it: raises `Unavailable` while a row is altered."""
        with self._lock:
            self._catch_up()
            if self._altered:
                raise Unavailable(self._why(), hints=("the operator puts it back from a backup",))
            return self._registry

    def altered(self) -> str:
        """Why nothing is to be concluded just now; empty if all is well."""
        with self._lock:
            self._catch_up()
            return self._why()

    @property
    def problem(self) -> str:
        """The same as far as it is known, without a look at the store."""
        return self._why()

    @property
    def read(self) -> int:
        """Grows with each register statement that was read."""
        return self._read

    def _why(self) -> str:
        altered = self._altered
        if not altered:
            return ""
        rows = (
            f"row {altered[0]} of the store is"
            if len(altered) == 1
            else (f"{len(altered)} rows of the store, from {altered[0]} on, are")
        )
        return f"{rows} not the register entry that is logged there"

    def _catch_up(self) -> None:
        # The first of those altered stands for all: one that is put back has all read anew.
        if self._altered and _problem(self._store.row(self._altered[0])) == "":
            self._begin()
        for row in self._store.registers(self._read):
            if reason := _problem(row):
                self._set_aside(row, reason)
            else:
                self._add(row)
            self._read = row.number + 1

    def _add(self, row: Row) -> None:
        statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
        self._registry.add(row.number, statement, Entry.from_bytes(row.entry).at)
        self._spellings.add(statement.agency, statement.predicate.get("case_numbers", ()))

    def _set_aside(self, row: Row, reason: str) -> None:
        self._altered.append(row.number)
        if row.number not in self._told:
            journal.error("register_altered", number=row.number, reason=printable(reason))


def _problem(row: Row) -> str:
    try:
        row.check_logged()
    except LedgerError as error:
        return str(error)
    return ""
