"""Complaints: what was recorded where and when somebody complains is held at once.

    complaint logged ─► evidence of its agency that may be of that time ─► one hold of the ledger's
    evidence logged  ─► complaints that are here                        ─► on up to 500 statements

Row after row of the log, up to a number that is durable: after a crash the row under way is
looked at again, and what its complaint has held once is not held again: not after it was
lifted either. Until the last complaint was looked at, no disposal is taken.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator

from api.custody import Custody
from ledger.errors import Unavailable
from ledger.evidence.entry import Entry
from ledger.evidence.statement import Kind, Statement, StatementSubject
from ledger.log import Log
from ledger.process.complaints import Complaint, spans_of
from ledger.process.holds import statement_target
from ledger.sequencer import Row
from storage.catalog_sqlite import SqliteCatalog
from storage.ledger_sqlite import SqliteLedgerStore
from storage.places_sqlite import SqlitePlaces

AT_ONCE = 500  # statements in one hold
PAGE = 1000  # rows, between two notes of how far it is


class Watching:
    """One at a time calls `catch_up`."""

    def __init__(
        self,
        places: SqlitePlaces,
        store: SqliteLedgerStore,
        catalog: SqliteCatalog,
        custody: Custody,
        log: Log,
    ) -> None:
        self._places = places
        self._store = store
        self._catalog = catalog
        self._custody = custody
        self._log = log
        self._read = -1  # the number of the last complaint that was read
        self._known: dict[str, list[tuple[int, Complaint]]] = {}  # by agency, with their numbers

    def check_all_seen(self) -> None:
        """Raises `Unavailable` while a complaint waits to be looked at."""
        complaints = self._log.complaints
        if complaints and complaints[-1] >= self._places.watched_to():
            raise Unavailable(
                "a complaint has just come: what it is about is being held",
                hints=("try again in a minute",),
            )

    def catch_up(self) -> None:
        start, end = self._places.watched_to(), self._log.number
        if not self._log.complaints:
            self._put(start, end)
            return
        self._read_complaints(end)
        for row in self._store.rows(start, end):
            statement = row.said()
            if statement is not None and statement.kind is Kind.COMPLAINT:
                complaint = Complaint.of(statement)
                self._hold(complaint, list(self._recorded(complaint, row.number)))
            elif statement is not None and statement.kind is Kind.EVIDENCE:
                self._hold_late(row, statement)
            if (row.number + 1 - start) % PAGE == 0:
                self._places.put_watched_to(row.number + 1)
        self._put(start, end)

    def _put(self, start: int, end: int) -> None:
        if end > start:
            self._places.put_watched_to(end)

    def _read_complaints(self, end: int) -> None:
        complaints = self._log.complaints
        for number in complaints[bisect_right(complaints, self._read) :]:
            if number >= end:
                return
            self._read = number
            if (said := self._store.row(number).said()) is not None:
                complaint = Complaint.of(said)
                self._known.setdefault(complaint.agency, []).append((number, complaint))

    def _recorded(self, complaint: Complaint, number: int) -> Iterator[Row]:
        """By the catalog, whose spans are those of `ledger.process.complaints`."""
        self._catalog.catch_up(self._store)
        for index in self._catalog.recorded(complaint.agency, complaint.seen):
            row = self._store.row(index)
            if index < number and not row.lost:
                yield row

    def _hold_late(self, row: Row, statement: Statement) -> None:
        spans = list(spans_of(statement, Entry.from_bytes(row.entry).at))
        for number, complaint in self._known.get(statement.agency, ()):
            if number < row.number and complaint.matches(statement.agency, spans):
                self._hold(complaint, [row])

    def _hold(self, complaint: Complaint, rows: Collection[Row]) -> None:
        fresh = [
            StatementSubject(row.statement_id, Entry.from_bytes(row.entry).commitment)
            for row in rows
            if not self._has_held(complaint, row)
        ]
        fields = {
            "agency": complaint.agency,
            "complaint": complaint.id,
            "reason": f"complaint {complaint.id}",
        }
        for at in range(0, len(fresh), AT_ONCE):
            self._custody.hold(fresh[at : at + AT_ONCE], fields)

    def _has_held(self, complaint: Complaint, row: Row) -> bool:
        """A hold that stands before its complaint, and was perhaps lifted there, is none of its."""
        placed = self._log.holds.was_on(statement_target(row.statement_id), complaint.id)
        here, hold = self._store.find(complaint.id), self._store.find(placed)
        return here is not None and hold is not None and hold.number > here.number
