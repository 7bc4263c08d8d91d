"""What is kept longer than it has to be: closed cases whose time is over, for two persons to judge.

Nothing here destroys anything, and nothing is destroyed by time alone: `api.disposing` does what
a disposal in the log says.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from api.kin import Kin
from api.registers import Registers
from ledger.encoding import in_china
from ledger.errors import LedgerError, Rejected
from ledger.evidence.entry import Entry
from ledger.evidence.membership import case_series, provisional_series
from ledger.evidence.owner import Spellings
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Kind, Statement, StatementSubject
from ledger.process.casefile import Filed as Placed
from ledger.process.keeping.closing import last_closing
from ledger.process.keeping.holds import Holds, names_of
from ledger.process.keeping.retention import Of, RetentionList
from ledger.process.registers.registry import Registry
from ledger.sequencer import Row, speakers
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
    def at_ms(self) -> int:
        return Entry.from_bytes(self.row.entry).at

    @property
    def day(self) -> date:
        return in_china(self.at_ms).date()

    @property
    def placed(self) -> Placed:
        return Placed(self.row.number, self.statement, self.at_ms)

    @property
    def subject(self) -> StatementSubject:
        return StatementSubject(self.statement.id, Entry.from_bytes(self.row.entry).commitment)


@dataclass(frozen=True, slots=True)
class Contents:
    """A case with what it grew from: `own` is what one agency has filed, `owners` what the agency
    has whose case it is, `all` what everybody has; in log order. `left` is when the owner has
    destroyed the last of his.
    """

    own: list[Filed]
    owners: list[Filed]
    all: list[Filed]
    left: Filed | None = None

    @property
    def acts(self) -> set[str]:
        return {one.statement.predicate.get("act", "") for one in self.all}

    @property
    def procedures(self) -> set[str]:
        return {one.statement.predicate.get("procedure", "") for one in self.all}


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
    rows: Rows,
    spellings: Spellings,
    first_year: int,
    agency: str,
    case: str | None,
    provisional: str | None,
) -> Contents:
    """What is filed in a case, and in what that grew from at one agency.

    Raises `Rejected` for a provisional case that has a number by now.
    """
    names: set[str] = set()
    if case is not None:
        names.add(case_series(case, first_year))
    if provisional is not None:
        names.add(provisional_series(provisional, first_year))
    filed = _filed(rows, names)
    own = [one for one in filed if one.statement.agency == agency]
    if case is None:
        for one in own:
            if one.statement.case is not None:
                raise Rejected(f"the case has the number {one.statement.case} by now: name that")
        for one in filed:
            if (number := one.statement.case) is not None:
                raise Rejected(f"the case went on as {number}, at {one.statement.agency!r}")
        return Contents(own, own, own)
    owner = _owner(rows, spellings, case, first_year) or agency
    own = _with_grown(rows, first_year, names, filed, agency)
    owners = own if owner == agency else _with_grown(rows, first_year, names, filed, owner)
    both = {one.row.number: one for one in (*filed, *own, *owners)}
    return Contents(own, owners, [one for _, one in sorted(both.items())], _left(owners))


def _with_grown(
    rows: Rows, first_year: int, names: set[str], filed: Sequence[Filed], agency: str
) -> list[Filed]:
    """Anyone may say that his case grew from another's: that brings nothing of the other's."""
    grown = {
        provisional_series(one.statement.predicate["provisional"], first_year)
        for one in filed
        if one.statement.agency == agency and "provisional" in one.statement.predicate
    }
    whole = _filed(rows, names | grown) if grown - names else filed
    return [one for one in whole if one.statement.agency == agency]


def _owner(rows: Rows, spellings: Spellings, case: str, first_year: int) -> str:
    placed = map(rows.row, rows.places(case_series(case, first_year)))
    return spellings.owner(case, speakers(placed, rows.row))


def _left(owners: Sequence[Filed]) -> Filed | None:
    if any(one.statement.kind in MAY_GO for one in owners):
        return None
    return next((one for one in reversed(owners) if one.statement.kind is Kind.DISPOSAL), None)


def _filed(rows: Rows, names: Iterable[str]) -> list[Filed]:
    numbers = sorted({number for name in names for number in rows.places(name)})
    found = ((row, row.said()) for row in map(rows.row, numbers))
    return [Filed(row, said) for row, said in found if said is not None]


def retention_list(registry: Registry, agency: str, number: int, day: date) -> RetentionList:
    """The one in force for that agency; raises `Rejected` if none is."""
    version = registry.listed(Registered.RETENTION, LIST, agency, number, day)
    if version is None:
        raise Rejected(
            f"no retention list of {agency!r} is in force",
            hints=("the registrar publishes one: nothing is destroyed without",),
        )
    return RetentionList.from_text(version.content)


def closing_of(
    retention: RetentionList, registry: Registry, owners: Sequence[Filed], left: Filed | None = None
) -> Filed:
    """What closed a case for good; raises `Rejected` for an open one."""
    if left is not None:
        return left
    found = last_closing(retention, [one.placed for one in owners], registry)
    return next(one for one in owners if one.row.number == found.number)


def check_rest(
    retention: RetentionList, registry: Registry, contents: Contents, going: Collection[int]
) -> None:
    """That what stays of a case can go later: with its closing, and known to be of the case."""
    rest = [one for one in contents.own if one.row.number not in going]
    if not any(one.statement.kind in MAY_GO for one in rest):
        return
    owners = [one for one in contents.owners if one.row.number not in going]
    try:
        closing_of(retention, registry, owners, contents.left)
    except Rejected:
        raise Rejected(
            "the closing of a case goes with the last of it",
            hints=("name what is left of the case too, or leave the closing",),
        ) from None
    tied = {one.statement.predicate.get("provisional") for one in rest if one.statement.case}
    for one in rest:
        provisional = one.statement.predicate.get("provisional")
        if one.statement.case is None and provisional and provisional not in tied:
            raise Rejected(
                f"what says that the case grew from {provisional} goes with the last of that",
                hints=("name what is left of it too, or leave one that names both",),
            )


def expired(
    store: SqliteLedgerStore, catalog: SqliteCatalog, holds: Holds, first_year: int, today: date
) -> Iterator[Expired]:
    """Closed cases whose time is over and which nothing holds, by number."""
    catalog.catch_up(store)
    registers, head = Registers(store), store.head()
    registry, spellings = registers.whole(), registers.spellings()
    number = 0 if head is None else head.end
    for counted in catalog.cases("", MOST_CASES):
        for agency in sorted({row.agency for row in catalog.case(counted.case)}):
            try:
                contents = filed_in(store, spellings, first_year, agency, counted.case, None)
                retention = retention_list(registry, agency, number, today)
                found = _expired(contents, retention, registry, agency, counted.case, today)
                kin = Kin(store, catalog).of(one.statement for one in contents.all if found)
            except LedgerError:
                continue  # open, a provisional case, or of an agency without a list
            if found and not holds.on(name for one in kin for name in names_of(one)):
                yield found


def _expired(
    contents: Contents,
    retention: RetentionList,
    registry: Registry,
    agency: str,
    case: str,
    today: date,
) -> Expired | None:
    found = term_of(contents, retention, registry, agency, case)
    return found if found is not None and found.kept_until < today else None


def term_of(
    contents: Contents, retention: RetentionList, registry: Registry, agency: str, case: str
) -> Expired | None:
    """Until when a closed case is kept, whether that is over or not; raises `Rejected` for an open
    one. None where nothing is left that may go."""
    closing = closing_of(retention, registry, contents.owners, contents.left)
    going = [one for one in contents.own if one.statement.kind in MAY_GO]
    closed = max([closing.day, *(one.day for one in going)])
    needed = retention.needed(contents.acts, contents.procedures, closed)
    # The closing last: of more than one draft the others must find the case closed.
    going.sort(key=lambda one: one.statement.predicate.get("act") in retention.closing)
    if not going or needed.of is not Of.CASE:
        return None
    subjects = tuple(one.subject for one in going)
    return Expired(case, agency, needed.id, closing.day, needed.until(closed), subjects)
