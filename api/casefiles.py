"""Case files, read from the ledger's store: the catalog finds, the ledger tells.

Rows are only added, so what was read once is kept, as long as there is room, and only what came
since is read again. Nothing here speaks to anybody: who may see what is for the routes to ask.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from api.registers import Registers
from ledger.errors import Unknown
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import case_series, is_run_of_openings, provisional_series
from ledger.evidence.statement import Statement
from ledger.ports import LedgerStore
from ledger.process.casefile import CaseFile, Filed
from ledger.sequencer import Row, speakers

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

    def __init__(self, store: LedgerStore, first_year: int, registers: Registers) -> None:
        self._store = store
        self._first_year = first_year
        self._registers = registers
        self._lock = threading.Lock()
        self._series: OrderedDict[str, _Series] = OrderedDict()
        self._kept = 0  # statements of all of them

    def of_case(self, case: str, below: int = ALL) -> CaseFile:
        """With the provisional cases that it grew from at its own agency."""
        return self._file(case, case_series(case, self._first_year), below)

    def numbers(self, case: str) -> list[int]:
        """Of all rows of a case, also those that are lost, and of what it grew from."""
        name = case_series(case, self._first_year)
        filed, _ = self._read(name)
        found, agency = set(self._store.places(name)), self.owner(case)
        for provisional in self._grown_from(one.statement for one in filed):
            # Anyone may say that his case grew from another's: that brings nothing of the other's.
            more, gone = self._read(provisional)
            found |= {one.number for one in more if one.statement.agency == agency}
            found |= {number for number, by in gone.items() if self._destroyer(by) == agency}
        return sorted(found)

    def destroyed(self, case: str) -> Counter[int]:
        """How many statements of a case each disposal has destroyed, by the disposal's number."""
        filed, gone = self._read(case_series(case, self._first_year))
        agency = self.owner(case)
        for name in self._grown_from(one.statement for one in filed):
            # Anyone may say that his case grew from another's: that tells nothing of the other's.
            _, also = self._read(name)
            gone |= {n: by for n, by in also.items() if self._destroyer(by) == agency}
        return Counter(gone.values())

    def _destroyer(self, number: int) -> str:
        """An agency destroys nothing but its own."""
        said = self._store.row(number).said()
        return "" if said is None else said.agency

    def of_provisional(self, id_: str, below: int = ALL) -> CaseFile:
        """Whoever opened it, which stands in another series, has it."""
        file = self._file(id_, provisional_series(id_, self._first_year), below)
        return replace(file, agency=self._opener(id_) or file.agency)

    def named(self, name: str) -> CaseFile:
        """By its number, or by the id of its opening while it has none."""
        return self.of_case(name) if is_numbered(name) else self.of_provisional(name)

    def owner(self, name: str) -> str:
        """Whose case it is, for all who ask; empty if nobody has spoken of it. No more is read
        than needed."""
        if not is_numbered(name) and (opener := self._opener(name)):
            return opener
        series = case_series if is_numbered(name) else provisional_series
        places = self._store.places(series(name, self._first_year))
        said = speakers(map(self._store.row, places), self._store.row)
        return self._registers.spellings().owner(name, said)

    def _opener(self, id_: str) -> str:
        row = self._store.find(id_)
        if row is None or not any(is_run_of_openings(name) for name, _ in row.places):
            return ""
        return next((said.agency for said in speakers([row], self._store.row)), "")

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
            self._kept = 0

    def _file(
        self, case: str, name: str, below: int, proposed: Statement | None = None
    ) -> CaseFile:
        filed, gone = self._read(name, below)
        new = [] if proposed is None else [proposed]
        spoken = chain(self._speakers(filed, gone), new)
        agency = self._registers.spellings().owner(case, spoken)
        found = {one.number: one for one in filed}
        for provisional in self._grown_from(chain((one.statement for one in filed), new)):
            # Anyone may say that his case grew from another's: that brings nothing of the other's.
            more, _ = self._read(provisional, below)
            found |= {one.number: one for one in more if one.statement.agency == agency}
        if len(found) > len(filed):
            filed = [one for _, one in sorted(found.items())]
        return CaseFile(case, agency, tuple(filed))

    def _speakers(self, filed: list[Filed], gone: Mapping[int, int]) -> Iterator[Statement]:
        """As `speakers` of its rows, those that are not destroyed read before."""
        spoke = {one.number: one.statement for one in filed}
        for number, by in gone.items():
            if (disposal := self._store.row(by).said()) is not None:
                spoke[number] = disposal
        return (spoke[number] for number in sorted(spoke))

    def _grown_from(self, said: Iterable[Statement]) -> set[str]:
        ids = {one.predicate.get("provisional") for one in said} - {None}
        return {provisional_series(str(id_), self._first_year) for id_ in ids}

    def _read(self, name: str, below: int = ALL) -> tuple[list[Filed], dict[int, int]]:
        """What is there of a series, and what is gone, each with the number of its disposal.

        Rows are read without the lock: who waits for it may be the writer."""
        with self._lock:
            series = self._series.setdefault(name, _Series())
            self._series.move_to_end(name)
            while self._kept > KEPT and len(self._series) > 1:
                _, oldest = self._series.popitem(last=False)
                self._kept -= len(oldest.filed)
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
                    if self._series.get(name) is series:  # and not forgotten meanwhile
                        self._kept += len(fresh)
        with self._lock:
            filed = [one for one in series.filed if one.number < below]
            return filed, {n: by for n, by in series.gone.items() if n < below}


def is_numbered(name: str) -> bool:
    """Or else it is the id of a provisional case's opening."""
    return "〔" in name


def _filed(row: Row) -> Filed:
    if row.lost:
        raise Unknown(f"the statement of number {row.number} was lost")
    row.check_logged()
    statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
    return Filed(row.number, statement, Entry.from_bytes(row.entry).at)
