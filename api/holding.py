"""Legal holds: no copy of an item that is under one is deleted by anybody.

    tiezheng hold DATA CASE ──► places.sqlite, and the stores at once
                                      │ the running server says it in the log
    POST /v1/statements: a hold ──► the log ──► the items of what is held, in every store
    POST /v1/statements: a complaint ──► `api.watching` ──► a hold of the ledger's own

The log says what is held (`ledger.process.keeping.holds`); until it does, so does the database of
places. What stands in the stores follows from both, again and again: what came later is held
too, and what nothing holds any more is let go. A hold comes before retention and removal.
"""

from collections.abc import Callable, Collection, Iterable, Iterator

from api.custody import Custody
from api.kin import Kin
from ledger.errors import Rejected
from ledger.evidence.statement import Statement, TextSubject
from ledger.ports import ItemStore
from ledger.process.keeping.holds import STATEMENT, Holds, cases_of, check_target, is_digest
from ledger.suite import digest
from storage.catalog_sqlite import SqliteCatalog
from storage.ledger_sqlite import SqliteLedgerStore
from storage.places_sqlite import SqlitePlaces


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
        self._kin = Kin(store, catalog)
        self._told: set[str] = set()

    def place(self, target: str, reason: str, now_ms: int) -> int:
        """How many items are held by it now."""
        check_target(target)
        self._places.add_hold(target, reason, now_ms)
        items = self._items_of([target])
        self._tell(items)
        return len(items)

    def apply(self, holds: Holds) -> None:
        """What came since a hold was placed is held too; what none is on any more is let go."""
        # In this order: who places one beside the server says so before he tells the stores.
        before = self._places.held_items()
        targets = {hold.target for hold in self._places.holds()}
        targets |= {held.target for held in holds.all()}
        wanted = self._items_of(targets)
        self._tell(wanted)
        for item in sorted(before - wanted):
            self._items().hold(item, False)
            self._told.discard(item)

    def file(self, custody: Custody, holds: Holds) -> None:
        """Each that was placed beside the server, once in the log."""
        for hold in self._places.holds():
            of_target = (held for held in holds.on({hold.target}) if not held.complaint)
            # Said before a crash, or by somebody else in the same words.
            said = next((held.id for held in of_target if held.reason == hold.reason), "")
            if not said:
                subject = TextSubject(hold.target, digest(hold.target.encode()))
                said = custody.hold((subject,), {"reason": hold.reason})
            self._places.file_hold(hold.number, said)

    def _tell(self, items: Collection[str]) -> None:
        refused: Rejected | None = None
        for item in sorted(set(items) - self._told):
            try:
                self._items().hold(item, True)
                self._told.add(item)
            except Rejected as error:  # gone from a copy: the place remembers, and a scrub mends
                refused = error
        if refused is not None:
            raise refused

    def _items_of(self, targets: Iterable[str]) -> frozenset[str]:
        """With those of what belongs together with them, as far as the catalog is. All at once:
        what one act names is followed once, and not again for each that is held.
        """
        targets = list(targets)
        said = [said for target in targets for said in self._said_on(target)]
        # Those that no statement speaks of yet, too.
        here = (self._store.items_with(bytes.fromhex(one)) for one in targets if is_digest(one))
        loose = {record.object_id for records in here for record in records}
        return self._items_in(self._kin.of(said)) | loose

    def _said_on(self, target: str) -> list[Statement]:
        if is_digest(target):
            found = [self._store.row(row.index) for row in self._catalog.by_digest(target)]
        elif target.startswith(STATEMENT):
            row = self._store.find(target.removeprefix(STATEMENT))
            found = [] if row is None else [row]
        else:
            return self._said_in(target)
        return [said for row in found if (said := row.said()) is not None]

    def _said_in(self, case: str) -> list[Statement]:
        statements = list(self._filed_under({case}))
        earlier = {s.predicate["provisional"] for s in statements if "provisional" in s.predicate}
        return statements + (list(self._filed_under(earlier)) if earlier else [])

    def _items_in(self, statements: Iterable[Statement]) -> frozenset[str]:
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
                if row.index < indexed and (said := self._store.row(row.index).said()):
                    yield said
        for late in self._store.rows(indexed, 0 if head is None else head.end):
            said = late.said()
            if said is not None and not cases.isdisjoint(cases_of(said)):
                yield said
