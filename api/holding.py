"""Legal holds: no copy of an item of that case, or with that digest, is deleted by anybody.

A hold is durable in the database of places before anything is told to a store. The command tells
the stores at once; the running server tells them of items that come later, and says in the log,
as a `status` statement, that a hold was placed or lifted. It comes before retention and removal.
"""

from collections.abc import Callable, Iterator

from api.custody import Custody
from ledger.errors import Malformed, Rejected
from ledger.evidence.case_number import parse_case
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.ports import ItemStore
from ledger.process.holds import cases_of
from ledger.sequencer import Row
from storage.catalog_sqlite import SqliteCatalog
from storage.ledger_sqlite import SqliteLedgerStore
from storage.places_sqlite import Hold, SqlitePlaces

HEX = frozenset("0123456789abcdef")
SHA256_DIGITS = 64


class Holding:
    """Used by one thread. What it has told the stores once it does not tell again."""

    def __init__(
        self,
        items: Callable[[], ItemStore],
        places: SqlitePlaces,
        store: SqliteLedgerStore,
        catalog: SqliteCatalog,
    ) -> None:
        self._items = items
        self._places = places
        self._store = store
        self._catalog = catalog
        self._told: set[tuple[int, str]] = set()

    def place(self, target: str, reason: str, now_ms: int) -> int:
        """How many items are held by it now."""
        check_target(target)
        return self._tell(self._places.add_hold(target, reason, now_ms))

    def lift(self, target: str, reason: str, now_ms: int) -> int:
        """Of how many items. Those that another hold covers stay held."""
        return sum(self._release(hold) for hold in self._places.lift(target, reason, now_ms))

    def apply(self) -> None:
        """What came since a hold was placed is held too."""
        for hold in self._places.holds():
            if hold.lifted_ms:
                continue
            self._tell(hold)
            # Lifted by the command while it was told here.
            if any(now.number == hold.number and now.lifted_ms for now in self._places.holds()):
                self._release(hold)

    def file(self, custody: Custody) -> None:
        """Each placing and each lifting once in the log."""
        for hold, lifted in self._places.unfiled_holds():
            what, reason = ("lifted", hold.lift_reason) if lifted else ("placed", hold.reason)
            count = len(self._items_of(hold.target))
            custody.status(f"hold_{what}", {"items": count}, note=f"{hold.target}: {reason}")
            self._places.file_hold(hold.number, lifted)

    def _tell(self, hold: Hold) -> int:
        items = self._items_of(hold.target)
        refused: Rejected | None = None
        for item in sorted(items):
            if (hold.number, item) in self._told:
                continue
            try:
                self._items().hold(item, True)
                self._told.add((hold.number, item))
            except Rejected as error:  # gone from a copy: the place remembers, and a scrub mends
                refused = error
        if refused is not None:
            raise refused
        return len(items)

    def _release(self, hold: Hold) -> int:
        others = [other for other in self._places.holds() if not other.lifted_ms]
        covered = {item for other in others for item in self._items_of(other.target)}
        items = self._items_of(hold.target) - covered
        for item in sorted(items):
            self._items().hold(item, False)
            self._told.discard((hold.number, item))
        return len(items)

    def _items_of(self, target: str) -> frozenset[str]:
        if is_digest(target):
            return frozenset(
                record.object_id for record in self._store.items_with(bytes.fromhex(target))
            )
        statements = list(self._filed_under({target}))
        earlier = {s.predicate["provisional"] for s in statements if "provisional" in s.predicate}
        if earlier:
            statements += self._filed_under(earlier)
        found: set[str] = set()
        for statement in statements:
            wanted = [(file.digest, statement.agency) for file in statement.files]
            items = self._store.find_items(wanted)
            found |= {item.object_id for item in items if item is not None}
        return frozenset(found)

    def _filed_under(self, cases: set[str]) -> Iterator[Statement]:
        """By the catalog, and of what it does not have yet by the ledger."""
        head = self._store.head()
        indexed = self._catalog.indexed_to()
        for case in cases:
            for row in self._catalog.case(case):
                if row.index < indexed and (said := _statement(self._store.row(row.index))):
                    yield said
        for late in self._store.rows(indexed, 0 if head is None else head.end):
            said = _statement(late)
            if said is not None and not cases.isdisjoint(cases_of(said)):
                yield said


def is_digest(target: str) -> bool:
    return len(target) == SHA256_DIGITS and set(target) <= HEX


def check_target(target: str) -> None:
    if is_digest(target):
        return
    try:
        parse_case(target)
    except Malformed as error:
        raise Malformed(f"want a case number, or the SHA-256 of an item: {error}") from None


def _statement(row: Row) -> Statement | None:
    return None if row.lost else Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
