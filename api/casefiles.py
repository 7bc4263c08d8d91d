"""Case files and registers, read from the ledger's store: the catalog finds, the ledger tells.

Rows are only added, so what was read once is kept, as long as there is room, and only what came
since is read again. Nothing here speaks to anybody: who may see what is for the routes to ask.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ledger.errors import Unknown
from ledger.evidence.entry import Entry, check_commitment
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import case_series, provisional_series
from ledger.evidence.owner import Spellings
from ledger.evidence.statement import OPENING, Statement
from ledger.ports import LedgerStore
from ledger.process.casefile import CaseFile, Filed
from ledger.process.registers.registry import Registry
from ledger.sequencer import Row

KEPT = 20_000  # statements, at about 5 kB each; the series that was asked for last in any case
ALL = 2**63 - 1  # below this number are all rows


@dataclass(slots=True)
class _Series:
    """Its statements as far as they were read; `read` counts places, also those that are lost.
    `gone` are the numbers of those destroyed, each with that of its disposal.
    """

    read: int = 0
    filed: list[Filed] = field(default_factory=list)
    gone: dict[int, int] = field(default_factory=dict)


class CaseFiles:
    """Asked from any thread."""

    def __init__(self, store: LedgerStore, first_year: int) -> None:
        self._store = store
        self._first_year = first_year
        self._lock = threading.Lock()
        self._series: OrderedDict[str, _Series] = OrderedDict()
        self._registry, self._spellings = Registry(), Spellings()
        self._registered = 0  # the number from which on register statements are yet to be read

    def registry(self) -> Registry:
        """With every register statement that is logged by now."""
        self._catch_up()
        return self._registry

    def _catch_up(self) -> None:
        with self._lock:
            for row in self._store.registers(self._registered):
                filed = _filed(row)
                self._registry.add(row.number, filed.statement, filed.at_ms)
                said = filed.statement.predicate
                self._spellings.add(filed.statement.agency, said.get("case_numbers", ()))
                self._registered = row.number + 1

    @property
    def registered(self) -> int:
        """Grows with each register statement that was read."""
        return self._registered

    def of_case(self, case: str, below: int = ALL) -> CaseFile:
        """With the provisional cases that it grew from at its own agency."""
        return self._file(case, case_series(case, self._first_year), below)

    def destroyed(self, case: str) -> Counter[int]:
        """How many statements of a case each disposal has destroyed, by the disposal's number."""
        self._catch_up()
        own = case_series(case, self._first_year)
        said = [one.statement for one in self._below(own, ALL)]
        agency = self._spellings.owner(case, said)
        gone = self._gone(own)
        for name in self._grown_from(said):
            # Anyone may say that his case grew from another's: that tells nothing of the other's.
            gone |= {n: by for n, by in self._gone(name).items() if self._destroyer(by) == agency}
        return Counter(gone.values())

    def _gone(self, name: str) -> dict[int, int]:
        self._below(name, ALL)
        with self._lock:
            found = self._series.get(name)  # forgotten again, where one has just gone
            return {} if found is None else dict(found.gone)

    def _destroyer(self, number: int) -> str:
        """An agency destroys nothing but its own."""
        said = self._store.row(number).said()
        return "" if said is None else said.agency

    def of_provisional(self, id_: str, below: int = ALL) -> CaseFile:
        """Whoever opened it, which stands in another series, has it."""
        file = self._file(id_, provisional_series(id_, self._first_year), below)
        row = self._store.find(id_)
        opening = _filed(row).statement if row is not None and not row.lost else None
        if opening is None or opening.predicate.get("act") != OPENING:
            return file
        return replace(file, agency=opening.agency)

    def of(self, statement: Statement, below: int = ALL) -> CaseFile:
        """The case that a statement is about, as it was before it; with what it ties to it."""
        if statement.case is not None:
            name = case_series(statement.case, self._first_year)
            return self._file(statement.case, name, below, statement)
        return self.of_provisional(statement.predicate["provisional"], below)

    def forget(self) -> None:
        """What was read before: of a statement that was destroyed nothing stays in memory."""
        with self._lock:
            self._series.clear()

    def _file(
        self, case: str, name: str, below: int, proposed: Statement | None = None
    ) -> CaseFile:
        self._catch_up()
        filed = self._below(name, below)
        said = [one.statement for one in filed] + ([proposed] if proposed else [])
        agency = self._spellings.owner(case, said)
        found = {one.number: one for one in filed}
        for provisional in self._grown_from(said):
            # Anyone may say that his case grew from another's: that brings nothing of the other's.
            own = (o for o in self._below(provisional, below) if o.statement.agency == agency)
            found |= {one.number: one for one in own}
        if len(found) > len(filed):
            filed = [one for _, one in sorted(found.items())]
        return CaseFile(case, agency, tuple(filed))

    def _grown_from(self, said: Iterable[Statement]) -> set[str]:
        ids = {one.predicate.get("provisional") for one in said} - {None}
        return {provisional_series(str(id_), self._first_year) for id_ in ids}

    def _below(self, name: str, below: int) -> list[Filed]:
        """Rows are read without the lock: who waits for it may be the writer."""
        with self._lock:
            series = self._series.setdefault(name, _Series())
            self._series.move_to_end(name)
            kept = sum(len(one.filed) for one in self._series.values())
            while kept > KEPT and len(self._series) > 1:
                _, oldest = self._series.popitem(last=False)
                kept -= len(oldest.filed)
        places = self._store.places(name)
        while (start := series.read) < len(places):
            rows = [self._store.row(number) for number in places[start:]]
            fresh = [_filed(row) for row in rows if not row.lost]
            for one in fresh:
                _ = one.span  # worked out once and kept: here, and not while the writer waits
            with self._lock:
                if series.read == start:  # else somebody else was faster
                    series.filed += fresh
                    series.gone |= {row.number: row.by for row in rows if row.by is not None}
                    series.read = len(places)
        with self._lock:
            return [one for one in series.filed if one.number < below]


def _filed(row: Row) -> Filed:
    if row.lost:
        raise Unknown(f"the statement of number {row.number} was lost")
    entry = Entry.from_bytes(row.entry)
    # Whoever writes into the database: nothing is judged by what is not the one that is logged.
    check_commitment(entry, row.salt, row.envelope)
    statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
    return Filed(row.number, statement, entry.at)
