"""What is kept longer than it has to be: closed cases whose time is over, for two persons to judge.

Nothing here destroys anything, and nothing is destroyed by time alone: `api.disposing` does what
a disposal in the log says.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ledger.encoding import in_china
from ledger.errors import LedgerError, Rejected
from ledger.evidence.entry import Entry
from ledger.evidence.membership import case_series, provisional_series
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Kind, Stage, Statement, StatementSubject
from ledger.process.holds import Holds, cases_of, names_of
from ledger.process.registry import Registry
from ledger.process.retention import Of, RetentionList
from ledger.sequencer import Row
from storage.catalog_sqlite import SqliteCatalog
from storage.ledger_sqlite import SqliteLedgerStore

# What may be destroyed; what a ledger says of itself, of holds and of disposals stays.
MAY_GO = frozenset(
    {Kind.EVIDENCE, Kind.ACT, Kind.CORRECTION, Kind.DERIVATION, Kind.COMPLAINT, Kind.SESSION}
)
LIST = "retention"  # the subject under which an agency publishes its list
MOST_CASES = 1 << 30


class Rows(Protocol):
    """A log, or the store behind it."""

    def places(self, name: str) -> Sequence[int]: ...

    def row(self, number: int) -> Row: ...


@dataclass(frozen=True, slots=True)
class Filed:
    """A row of a case that can still be shown."""

    row: Row
    statement: Statement

    @property
    def day(self) -> date:
        return in_china(Entry.from_bytes(self.row.entry).at).date()

    @property
    def subject(self) -> StatementSubject:
        return StatementSubject(self.statement.id, Entry.from_bytes(self.row.entry).commitment)


@dataclass(frozen=True, slots=True)
class Expired:
    """A case whose time is over: what may go, under which class, since when."""

    case: str
    agency: str
    retention: str
    closed: date
    kept_until: date
    statements: tuple[StatementSubject, ...]


def filed_in(
    rows: Rows, first_year: int, agency: str, case: str | None, provisional: str | None
) -> list[Filed]:
    """What that agency has filed in a case, and in what that grew from, in log order.

    Raises `Rejected` for a provisional case that has a number by now.
    """
    names: set[str] = set()
    if case is not None:
        names.add(case_series(case, first_year))
    if provisional is not None:
        names.add(provisional_series(provisional, first_year))
    own = _filed(rows, names, agency)
    if case is None:
        for one in own:
            if one.statement.case is not None:
                raise Rejected(f"the case has the number {one.statement.case} by now: name that")
        for number in sorted({number for name in names for number in rows.places(name)}):
            said = rows.row(number).said()
            if said is not None and said.case is not None:
                raise Rejected(f"the case went on as {said.case}, at {said.agency!r}")
        return own
    grown = {
        provisional_series(one.statement.predicate["provisional"], first_year)
        for one in own
        if "provisional" in one.statement.predicate
    }
    return _filed(rows, names | grown, agency)


def _filed(rows: Rows, names: Iterable[str], agency: str) -> list[Filed]:
    numbers = sorted({number for name in names for number in rows.places(name)})
    found = ((row, row.said()) for row in map(rows.row, numbers))
    return [Filed(row, said) for row, said in found if said is not None and said.agency == agency]


def read_registry(store: SqliteLedgerStore) -> Registry:
    registry = Registry()
    for row in store.registers():
        if (said := row.said()) is not None:
            registry.add(row.number, said)
    return registry


def retention_list(registry: Registry, agency: str, number: int, day: date) -> RetentionList:
    """The one in force for that agency; raises `Rejected` if none is."""
    version = registry.listed(Registered.RETENTION, LIST, agency, number, day)
    if version is None:
        raise Rejected(
            f"no retention list of {agency!r} is in force",
            hints=("the registrar publishes one: nothing is destroyed without",),
        )
    return RetentionList.from_text(version.content)


def closed_on(retention: RetentionList, filed: Sequence[Filed]) -> date:
    """When a case was closed for good; raises `Rejected` for an open one."""
    closed: Filed | None = None
    for one in filed:
        if one.statement.predicate.get("act") in retention.closing:
            closed = one
        elif one.statement.kind is Kind.ACT and one.statement.stage is Stage.START:
            closed = None  # it was taken up again
    if closed is None:
        raise Rejected(
            "the case is open: nothing of it is destroyed",
            hints=(f"it is closed by {', '.join(sorted(retention.closing))}",),
        )
    return closed.day


def check_still_closed(retention: RetentionList, rest: Sequence[Filed]) -> None:
    """That what stays of a case can go later: without its closing it would be open for good."""
    try:
        closed_on(retention, rest)
    except Rejected:
        raise Rejected(
            "the closing of a case goes with the last of it",
            hints=("name what is left of the case too, or leave the closing",),
        ) from None


def expired(
    store: SqliteLedgerStore, catalog: SqliteCatalog, holds: Holds, first_year: int, today: date
) -> Iterator[Expired]:
    """Closed cases whose time is over and which nothing holds, by number."""
    catalog.catch_up(store)
    registry, head = read_registry(store), store.head()
    number = 0 if head is None else head.end
    for counted in catalog.cases("", MOST_CASES):
        for agency in sorted({row.agency for row in catalog.case(counted.case)}):
            try:
                found = _expired(
                    store, registry, number, first_year, agency, counted.case, holds, today
                )
            except LedgerError:
                continue  # open, a provisional case, or of an agency without a list
            if found is not None:
                yield found


def _expired(
    store: SqliteLedgerStore,
    registry: Registry,
    number: int,
    first_year: int,
    agency: str,
    case: str,
    holds: Holds,
    today: date,
) -> Expired | None:
    filed = filed_in(store, first_year, agency, case, None)
    retention = retention_list(registry, agency, number, today)
    closed = closed_on(retention, filed)
    acts = {one.statement.predicate.get("act", "") for one in filed}
    procedures = {one.statement.predicate.get("procedure", "") for one in filed}
    needed = retention.needed(acts, procedures, closed)
    until = needed.until(closed)
    names = {name for one in filed for name in names_of(one.statement)}
    names |= {name for one in filed for name in cases_of(one.statement)}
    # The closing last: of more than one draft the others must find the case closed.
    last = sorted(filed, key=lambda one: one.statement.predicate.get("act") in retention.closing)
    going = tuple(one.subject for one in last if one.statement.kind in MAY_GO)
    if today <= until or holds.on(names) or not going or needed.of is not Of.CASE:
        return None
    return Expired(case, agency, needed.id, closed, until, going)
