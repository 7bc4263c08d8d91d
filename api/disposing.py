"""Disposals: what two persons have said may go is destroyed, and nothing by time alone.

    POST /v1/statements: a disposal ──► `check`: may it go? ──► logged: the point of no return
        ──► envelopes and salts, between two commits   `storage.erased_sqlite`
        ──► items that no other statement speaks of    keys first, in every copy, then the bytes;
                                                       and what uploads of a day ago still know
        ──► what the catalog says of them, the pages and the log ahead of each database
        ──► a `status`: disposed

A disposal is a conclusion: it is refused while a hold is on what it names, while the case is
open, and before the retention list in force says so. Whatever is logged first counts: a hold
that comes after it holds nothing any more. After a crash, and after a restore, all that the
log names and that is still here is destroyed at the next start.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from api.custody import Custody
from api.expired import (
    MAY_GO,
    Contents,
    Filed,
    check_rest,
    closing_of,
    filed_in,
    retention_list,
)
from api.journal import journal
from api.kin import Kin
from api.registers import Registers
from api.watching import Watching
from api.writer import Writer
from ledger.encoding import format_time, in_china
from ledger.errors import LedgerError, Rejected, Unavailable, Unknown
from ledger.evidence.entry import Entry
from ledger.evidence.statement import Kind, Statement, StatementSubject
from ledger.log import Log
from ledger.ports import ItemRecord
from ledger.process.keeping.holds import Held, cases_of, names_of, statement_target
from ledger.sequencer import Row
from storage.catalog_sqlite import SqliteCatalog
from storage.items_vault import ItemVault
from storage.ledger_sqlite import SqliteLedgerStore

NOBODY = ""  # whose bytes are that a crash left
DISPOSED = "disposed"
LOOK_BACK = 1000  # of the ledger's statements about itself
WAIT_S = 60.0


class Disposing:
    """`check` is called by the writer's thread; `catch_up` by one other."""

    def __init__(
        self,
        log: Log,
        store: SqliteLedgerStore,
        vault: ItemVault,
        catalog: SqliteCatalog,
        writer: Writer,
        custody: Custody,
        watching: Watching,
        registers: Registers,
        now_ms: Callable[[], int],
        forget: Callable[[str], None],
        seen_ms: Callable[[Row], int],
        returned: Sequence[str] = (),
    ) -> None:
        """`now_ms` is a time that has come for sure, and `seen_ms` one at which an entry was there
        for sure; `forget` ends what is still known of how an item came. `returned` are destroyed
        items that are here again, as after a store was put back from an old copy of it.
        """
        self._log = log
        self._store = store
        self._vault = vault
        self._catalog = catalog
        self._writer = writer
        self._custody = custody
        self._watching = watching
        self._registers = registers
        self._now_ms = now_ms
        self._forget = forget
        self._seen_ms = seen_ms
        self._kin = Kin(store, catalog)
        self._returned = tuple(returned)
        self.then: Callable[[], None] = lambda: None  # once statements are destroyed

    # --- whether it may ------------------------------------------------------------------------

    def check(self, disposal: Statement, number: int) -> None:
        """Raises `Rejected`, naming why, or `Unavailable` if nobody can tell just now."""
        self._watching.check_all_seen()
        self._catalog.catch_up(self._store)
        contents = filed_in(
            self._log,
            self._registers.spellings(),
            self._log.first_year,
            disposal.agency,
            disposal.case,
            _provisional(disposal),
        )
        pending = self._pending()
        named = [self._named(one, contents.own, pending) for one in _subjects(disposal)]
        self._check_holds(contents.own, [one.statement for one in named], disposal)
        self._check_over(disposal, number, contents, named)
        self._check_spoken_of(contents, named)
        self._check_stores(named)

    def _pending(self) -> dict[str, str]:
        """What a disposal names that is logged and not carried out yet, each with its id."""
        said = (self._store.row(number).said() for number in self._store.disposals_to_do())
        return {one.id: by.id for by in said if by is not None for one in _subjects(by)}

    def _named(
        self, subject: StatementSubject, filed: Sequence[Filed], pending: Mapping[str, str]
    ) -> Filed:
        row = self._store.find(subject.id)
        if row is None:
            raise Unknown(f"no statement {subject.id} is logged")
        if row.destroyed:
            raise Rejected(f"statement {subject.id} is destroyed already")
        if subject.id in pending:
            raise Rejected(f"statement {subject.id} goes by the disposal {pending[subject.id]}")
        if Entry.from_bytes(row.entry).commitment != subject.commitment:
            raise Rejected(f"statement {subject.id} has another commitment in the log")
        found = next((one for one in filed if one.row.number == row.number), None)
        if found is None:
            raise Rejected(
                f"statement {subject.id} is not of the case that the disposal names",
                hints=("a disposal destroys statements of one case, of its own agency",),
            )
        if found.statement.kind not in MAY_GO:
            raise Rejected(f"a statement of kind {found.statement.kind} is never destroyed")
        if count := self._log.holds.of_complaint(subject.id):
            raise Rejected(
                f"statement {subject.id} is a complaint, for which {count} statements are held",
                hints=("they are lifted first: tiezheng lift … --complaint",),
            )
        return found

    def _check_holds(
        self, filed: Iterable[Filed], named: Sequence[Statement], disposal: Statement
    ) -> None:
        # A hold on what the case grew from is on the case too, whatever was filed since.
        grown = {*cases_of(disposal), *(case for one in filed for case in cases_of(one.statement))}
        kin = self._kin.of(named)
        for held in self._holds_on(grown.union(*map(names_of, kin))):
            on = next((one for one in kin if held.target in names_of(one)), named[0])
            reached = {one.id for one in self._kin.of([on])}
            about = next((one.id for one in named if one.id in reached), named[0].id)
            raise Rejected(
                f"statement {about} is under a legal hold: {held.reason}",
                hints=(f"the hold {held.id or 'placed beside the server'} is on {held.target}",),
            )

    def _holds_on(self, names: set[str]) -> list[Held]:
        """What the log does not say yet was placed beside the server, and holds too."""
        beside = [
            Held("", hold.target, hold.reason)
            for hold in self._vault.places.holds()
            if hold.target in names
        ]
        return [*self._log.holds.on(names), *beside]

    def _check_over(
        self, disposal: Statement, number: int, contents: Contents, named: Sequence[Filed]
    ) -> None:
        today = in_china(self._now_ms()).date()
        registry = self._registers.whole()
        retention = retention_list(registry, disposal.agency, number, today)
        # While anything comes to a provisional case it may still become one.
        counted = named if disposal.case is not None else contents.own
        may_go = [one for one in counted if one.statement.kind in MAY_GO]
        last = max(may_go, key=lambda one: one.row.number)
        closed: date | None = None
        if disposal.case is not None:
            closed = self._day(closing_of(retention, registry, contents.owners, contents.left))
        retention.check_over(
            disposal.predicate["retention"],
            closed,
            self._day(last),
            today,
            contents.acts,
            contents.procedures,
        )
        if disposal.case is not None:
            check_rest(retention, registry, contents, {one.row.number for one in named})

    def _day(self, one: Filed) -> date:
        """On which a quorum had seen it: our clock may have said another when it was logged."""
        return in_china(max(one.at_ms, self._seen_ms(one.row))).date()

    def _check_spoken_of(self, contents: Contents, named: Sequence[Filed]) -> None:
        """Nothing goes that an act of another case names, or that something there is made from."""
        own = {one.row.number for one in contents.all}
        for one in named:
            self._check_stays(one, statement_target(one.statement.id), Kind.ACT, own)
        for record in self._items(named):
            sha256 = record.digest.sha256.hex()
            with_it = next(o for o in named if record.digest.sha256 in _digests(o.statement))
            self._check_stays(with_it, sha256, Kind.DERIVATION, own)

    def _check_stays(self, one: Filed, on: str, kind: Kind, own: set[int]) -> None:
        for _, said in self._kin.speaking_of(on, own):
            if said.kind is kind:
                case = said.case or said.predicate.get("provisional")
                raise Rejected(
                    f"statement {one.statement.id} is wanted by {said.id} of {case}, which stays",
                    hints=("it goes once the time of that case is over too",),
                )

    def _check_stores(self, named: Sequence[Filed]) -> None:
        """An item in plain goes with its bytes, which a store may still have to keep."""
        for record in self._items(named):
            place = self._vault.places.find(record.object_id)
            if place is None:
                continue
            if not place.wrap_id and place.until_ms > self._now_ms():
                until = format_time(place.until_ms)
                raise Rejected(
                    f"an item of {record.digest.size} bytes is kept in plain, and its store keeps "
                    f"it until {until}"
                )

    # --- destroying ----------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Destroys what the log names. Raises what stood in the way; the next call goes on."""
        for object_id in self._returned:
            self._vault.destroy(object_id)
        self._returned = ()
        refused: LedgerError | None = None
        for number in self._store.disposals_to_do():
            try:
                self._destroy(number)
            except LedgerError as error:  # a store that is away is no reason to leave the others
                refused = error
        if refused is not None:
            raise refused

    def _destroy(self, number: int) -> None:
        if not self._store.erased_by(number):
            self._between(lambda: self._erase(number))
        # At once: while a store is away what is destroyed would still be told.
        self.then()
        for object_id in self._store.items_to_erase(number):
            self._forget(object_id)
            self._vault.destroy(object_id)
            self._store.item_erased(object_id)
        numbers = self._store.erased_by(number)
        self._catalog.forget(numbers)
        self._store.fold()
        self._say(number, len(numbers))
        self._store.disposed(number)
        journal.info("disposed", number=number, statements=len(numbers))

    def _erase(self, number: int) -> None:
        disposal = self._store.row(number).said()
        assert disposal is not None
        rows = [self._store.find(subject.id) for subject in _subjects(disposal)]
        here = [row for row in rows if row is not None and not row.lost]
        filed = [Filed(row, said) for row in here if (said := row.said()) is not None]
        items = [record.object_id for record in self._items(filed)]
        self._store.erase(number, [one.row.number for one in filed], items)

    def _items(self, filed: Sequence[Filed]) -> list[ItemRecord]:
        """Those that only these statements speak of, and the same bytes that are nobody's."""
        self._catalog.catch_up(self._store)
        going = {one.row.number for one in filed}
        found: dict[str, ItemRecord] = {}
        for one in filed:
            agency = one.statement.agency
            for file in one.statement.files:
                spoken = self._catalog.by_digest(file.digest.sha256.hex())
                if any(row.agency == agency and row.index not in going for row in spoken):
                    continue
                for record in self._store.items_with(file.digest.sha256):
                    if record.agency == agency or (record.agency == NOBODY and not record.claimed):
                        found[record.object_id] = record
        return list(found.values())

    def _between(self, work: Callable[[], None]) -> None:
        """In the writer's thread, so that no statement claims what is just going."""
        done = threading.Event()
        raised: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except BaseException as error:
                raised.append(error)
            finally:
                done.set()

        self._writer.between(run)
        if not done.wait(WAIT_S):
            raise Unavailable("the writer is busy: what is to be destroyed waits")
        if raised:
            raise raised[0]

    def _say(self, number: int, statements: int) -> None:
        id_ = self._store.row(number).statement_id
        recent = self._log.places(f"{self._log.label[:4]}/log")[-LOOK_BACK:]
        for row in map(self._log.row, recent):
            said = row.said() if row.kind == Kind.STATUS else None
            what = {} if said is None else said.predicate
            if (what.get("what"), what.get("note")) == (DISPOSED, id_):
                return  # before a crash
        items = self._store.count_erased_items(number)
        self._custody.status(DISPOSED, {"items": items, "statements": statements}, note=id_)


def _subjects(disposal: Statement) -> list[StatementSubject]:
    return [one for one in disposal.subjects if isinstance(one, StatementSubject)]


def _provisional(disposal: Statement) -> str | None:
    return disposal.predicate.get("provisional")


def _digests(statement: Statement) -> set[bytes]:
    return {file.digest.sha256 for file in statement.files}
