"""Complaints: what was recorded where and when somebody complains is held at once.

    complaint logged   ─► evidence that it may be about         ─► one hold of the ledger's
    evidence logged    ─► complaints that may be about it       ─► on up to 500 statements
    correction logged  ─► the same, by the time that it gives

Row after row of the log, up to a number that is durable: after a crash the row under way is
looked at again, and what its complaint has held once is not held again: not after it was
lifted either. Until the last complaint was looked at, no disposal is taken.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence

from api.custody import Custody
from api.registers import Registers
from ledger.encoding import in_china
from ledger.errors import Unavailable
from ledger.evidence.entry import Entry
from ledger.evidence.statement import Kind, Statement, StatementSubject
from ledger.log import Log
from ledger.process.keeping.complaints import Complaint, Span, corrected_spans, spans_of
from ledger.process.keeping.holds import statement_target
from ledger.process.registers.crew import LATEST
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
        registers: Registers,
    ) -> None:
        self._places = places
        self._store = store
        self._catalog = catalog
        self._custody = custody
        self._log = log
        self._registers = registers
        self._read = -1  # the number of the last complaint that was read
        self._known: dict[str, list[tuple[int, Complaint]]] = {}  # by agency and by device

    def forget(self) -> None:
        """Complaints are read again: for one that was destroyed nothing more is held."""
        self._known.clear()
        self._read = -1

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
            self._put(end)
            return
        self._read_complaints(end)
        for row in self._store.rows(start, end):
            statement = row.said()
            if statement is not None and statement.kind is Kind.COMPLAINT:
                complaint = Complaint.of(statement)
                self._hold(complaint, list(self._recorded(complaint, row.number)))
            elif statement is not None:
                self._hold_late(row, statement)
            if (row.number + 1 - start) % PAGE == 0:
                self._put_if_sure(row.number + 1)
        self._put_if_sure(end)

    def _put_if_sure(self, end: int) -> None:
        """While a row of a register is altered all is looked at again: what it said of agencies
        may want more held."""
        if not self._registers.altered():
            self._put(end)

    def _put(self, end: int) -> None:
        if end > self._places.watched_to():
            self._places.put_watched_to(end)

    def _read_complaints(self, end: int) -> None:
        complaints = self._log.complaints
        for number in complaints[bisect_right(complaints, self._read) :]:
            if number >= end:
                return
            self._read = number
            if (said := self._store.row(number).said()) is not None:
                complaint = Complaint.of(said)
                for name in {_of_agency(complaint.agency), *map(_of_device, complaint.devices)}:
                    self._known.setdefault(name, []).append((number, complaint))

    def _recorded(self, complaint: Complaint, number: int) -> Iterator[Row]:
        """By the catalog, whose spans are those of `ledger.process.keeping.complaints`."""
        self._catalog.catch_up(self._store)
        today = in_china(self._at_ms(number)).date()
        agencies = self._registers.registry().below(complaint.agency, LATEST, today)
        for index in self._catalog.recorded(agencies, complaint.seen, complaint.devices):
            row = self._store.row(index)
            if index < number and not row.lost:
                yield row

    def _hold_late(self, row: Row, statement: Statement) -> None:
        """What is evidence, or corrects some that is here."""
        self._hold_if(row, statement, list(spans_of(statement, _at_ms(row))), row.number)
        if spans := list(corrected_spans(statement)):
            for subject in statement.subjects:
                assert isinstance(subject, StatementSubject)
                about = self._store.find(subject.id)
                said = None if about is None else about.said()
                if about is not None and said is not None and said.kind is Kind.EVIDENCE:
                    self._hold_if(about, said, spans, row.number)

    def _hold_if(self, row: Row, statement: Statement, spans: Sequence[Span], below: int) -> None:
        """For the complaints with a number below that one which may be about it."""
        if not spans:
            return
        today = in_china(self._at_ms(below)).date()
        above = self._registers.registry().above(statement.agency, LATEST, today)
        names = [_of_agency(one) for one in above]
        names.append(_of_device(statement.predicate.get("device", "")))
        known = {n: one for name in names for n, one in self._known.get(name, ())}
        for number, complaint in sorted(known.items()):
            if number < below and complaint.matches(statement, spans, above):
                self._hold(complaint, [row])

    def _at_ms(self, number: int) -> int:
        return _at_ms(self._store.row(number))

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


def _at_ms(row: Row) -> int:
    return Entry.from_bytes(row.entry).at


def _of_agency(agency: str) -> str:
    return f"agency/{agency}"


def _of_device(device: str) -> str:
    return f"device/{device}"
