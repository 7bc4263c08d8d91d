"""Carries batches out, in an order that survives a crash.

Invariants, tested by number in tests/crash:

1. A checkpoint is signed only if it extends the one in the store, compared and
   swapped in the same transaction.
2. A signed checkpoint is durable before anyone else sees it.
3. Every tile and bundle that a checkpoint commits to is durable before it is published.
4. A published object other than `checkpoint` never changes.
5. An acknowledged statement is in the tree, exactly once.
6. A cosigner stores its new state before its signature leaves, comparing the old
   size in the same statement.
7. Evidence is never refused for a defect in law; a conclusion is.

The database commit is the point of no return. Tiles and bundles are derived from it
by `ledger.derived`, which is also all that recovery does.

One log is open, the last. Those before it are closed: their entries, proofs and keys still
count, and nothing is ever signed for them again. The commit that brings entry 0 of the next
log closes the one before, in the same transaction.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ledger.derived import Derived
from ledger.errors import (
    Conflict,
    Destroyed,
    LedgerError,
    Malformed,
    Rejected,
    Unavailable,
    Unknown,
)
from ledger.evidence.case_number import check_spelling, is_spelled
from ledger.evidence.membership import LOG_ENDS, log_ends_series, series_names, series_year
from ledger.evidence.packet import Place
from ledger.evidence.register import Position, Register
from ledger.evidence.renewal import Closing, closing_of
from ledger.evidence.series import Series
from ledger.evidence.series_private import SeriesSigner
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.filing import Filing, open_filing, read_filing
from ledger.ports import Clock, Entropy, Gate, ItemRecord, LedgerStore, PublicStore, StampRecord
from ledger.process.keeping.holds import Holds, check_lifting, check_placing
from ledger.sequencer import Batch, Head, Pending, Row, plan
from ledger.spread import Spread
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import Edge, leaf_hash
from ledger.tlog.note import SignedNote, VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import Signer, sign_note
from ledger.tlog.submission import AddCheckpoint

# What one of these says holds for the very next statement: it ends its transaction.
ENDING = frozenset({Kind.REGISTER, Kind.COMPLAINT, Kind.HOLD, Kind.DISPOSAL})
MAX_CLOCK_JUMP_MS = 600_000  # ten minutes of wall clock that no steady clock has seen


class NoSeriesKey(Unavailable):
    """The key of that year is not here: it concerns one statement, not its batch."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Durable, at this index, under this signed checkpoint. `fresh` is False if it was there."""

    row: Row
    note: str
    series: tuple[tuple[Series, int], ...]
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the writing side signs with, and whom it believes about other keys.

    `series` has a signer for each year from the first log's on; `first_year` is that year.
    """

    log: Signer
    registrar: VerifierKey
    series: Mapping[str, SeriesSigner]
    first_year: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """A closed log: whose quorum had to see its end, and its public files."""

    policy: Policy
    public: PublicStore


class Log:
    """The open log, and those before it.

    `accept` and `materialise` are each called by one thread at a time.
    """

    def __init__(
        self,
        keys: Keys,
        store: LedgerStore,
        public: PublicStore,
        clock: Clock,
        entropy: Entropy,
        spread: Spread = map,
        earlier: Sequence[Earlier] = (),
        gate: Gate | None = None,
    ) -> None:
        """`spread` maps a function over values, perhaps on all cores; `gate` refuses conclusions.

        If all logs in the store are `earlier` ones, this one is yet to begin.
        """
        self._keys = keys
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._spread = spread
        self._earlier = earlier
        self._gate = gate
        self._begun = 0  # the number of the first row that is being accepted
        self._closed: Sequence[Head] = ()
        self._derived = [
            *(Derived(n, e.policy.log, store, e.public) for n, e in enumerate(earlier)),
            Derived(len(earlier), keys.log.verifier, store, public),
        ]
        self._open = self._derived[-1]
        self._clocks = (clock.now_ms(), clock.steady_ms())
        self._doubt: LedgerError | None = None
        self._held = ""
        self._lost = False  # whether entries are here whose statements are not
        self._head: Head | None = None
        self._register = Register(keys.registrar)
        self._altered = 0  # how many rows of registers in the store are not what was logged
        self._holds = Holds()
        self._complaints: list[int] = []
        self._guarded = -1
        self.check_disposal: Callable[[Statement, int], None] = _no_disposal
        self.check_lifting: Callable[[Statement, Collection[str], Holds], None] = _any_lifting
        self.recover()

    @property
    def origin(self) -> str:
        return self._keys.log.name

    @property
    def label(self) -> str:
        return self._open.label

    @property
    def first_year(self) -> int:
        """That of the first log."""
        return self._keys.first_year

    @property
    def head(self) -> Head | None:
        """The last commit; its checkpoint may not be published yet."""
        return self._head

    @property
    def size(self) -> int:
        return 0 if self._head is None else self._head.edge.size

    @property
    def position(self) -> Position:
        """Where the next statement will stand."""
        return self._open.number, self.size

    @property
    def number(self) -> int:
        """The number that the next row will have, counted across the logs."""
        return self._start + self.size

    @property
    def derived(self) -> Sequence[Derived]:
        """What is public of each log, in order; the last is the open one."""
        return self._derived

    @property
    def _start(self) -> int:
        return self._closed[-1].end if self._closed else 0

    def named(self, label: str) -> Derived:
        found = next((one for one in self._derived if one.label == label), None)
        if found is None:
            raise Unknown(f"no log {label[:40]!r} is here")
        return found

    def of(self, row: Row) -> Derived:
        """The log that the row stands in."""
        return self._derived[row.log]

    def place(self, row: Row) -> Place:
        return Place(self.of(row).label, row.index)

    def start_of(self, log: int) -> int:
        """The number of entry 0 of that log."""
        return self._start if log == len(self._closed) else self._closed[log].start

    def closed_size(self, log: int) -> int:
        """With how many entries a closed log ended."""
        return self._closed[log].edge.size

    def place_of(self, number: int) -> Place:
        """That of a number of a row that is here."""
        starts = [head.start for head in self._closed] + [self._start]
        log = max(n for n, start in enumerate(starts) if start <= number)
        return Place(self._derived[log].label, number - starts[log])

    @property
    def register(self) -> Register:
        return self._register

    @property
    def holds(self) -> Holds:
        return self._holds

    @property
    def guarded(self) -> int:
        """The number of the last hold, complaint or disposal; -1 if there is none."""
        return self._guarded

    @property
    def complaints(self) -> Sequence[int]:
        """The numbers of the rows that are complaints, also of those destroyed since."""
        return self._complaints

    @property
    def announced(self) -> bool:
        """Whether the last entry says that this log is about to close."""
        last = self._last_row()
        if last is None or last.kind != Kind.STATUS:
            return False
        return bool(read_filing(last.envelope).statement.predicate["what"] == LOG_ENDS)

    def may_be_closed(self) -> bool:
        """The same, of an entry whose statement may be lost: its tag tells what it was.

        Raises `NoSeriesKey` where it cannot be told.
        """
        last = self._last_row()
        if last is None or not last.lost:
            return self.announced
        ends = log_ends_series(self.label[:4])
        opened = self._new_series(ends)
        if isinstance(opened, LedgerError):
            year = self.label[:4]
            raise NoSeriesKey(
                f"the last statement is lost, and without the series key of {year} nobody can tell "
                "whether it closed this log",
                hints=(f"put keys/series-{year}.private.pem back: every backup holds it",),
            )
        self._store.find_lost([opened])
        return self.number - 1 in self._store.places(ends)

    def _last_row(self) -> Row | None:
        return None if self._head is None else self._store.row(self.number - 1)

    def hold(self, reason: str) -> None:
        """Nothing is sequenced while there is a reason; an empty one lets it go on."""
        self._held = reason

    @property
    def held(self) -> bool:
        return bool(self._held)

    def problem(self) -> str:
        """Why nothing is sequenced just now; empty if all is well."""
        if self._held:
            return self._held
        try:
            self._check_clock()
        except Unavailable as error:
            return str(error)
        return "" if self._doubt is None else f"the store is in doubt: {self._doubt}"

    # --- accept ------------------------------------------------------------------------------

    def open(self, data: bytes) -> Filing:
        """Reads an envelope and checks its signatures; may run beside `accept`, in any thread.

        Raises `Malformed`. A statement that is logged already has no doubt: it gets its
        answer again, whatever became of its keys since.
        """
        filing = open_filing(data, self._register, self.position)
        if filing.doubt is not None and self._store.known([filing.statement.id]):
            return read_filing(data)
        if isinstance(filing.doubt, Rejected) and self._altered:
            return replace(filing, doubt=self._unsure(filing.doubt))
        return filing

    def accept(self, filed: Sequence[bytes | Filing]) -> list[Accepted | LedgerError]:
        """Accepts, sequences and signs all of them in as few transactions as they allow.

        Each is accepted or refused on its own. The same statement again gets the
        same answer. Raises `Unavailable` if the store failed and it is not known
        what it holds; then `recover` must succeed before the next call.
        """
        if self._held:
            raise Unavailable(
                self._held, hints=("the operator must act: see the server's journal",)
            )
        if self._doubt is not None:
            self.recover()
        self._check_clock()
        self._begun = self.number
        results: list[Accepted | LedgerError | None] = [None] * len(filed)
        run: dict[int, Filing] = {}
        for i, one in enumerate(filed):
            try:
                filing = read_filing(one) if isinstance(one, bytes) else one
            except Malformed as error:
                results[i] = error
                continue
            run[i] = filing
            if filing.statement.kind in ENDING:
                self._accept_run(run, results)
                run = {}
        self._accept_run(run, results)
        answered = [r for r in results if r is not None]
        assert len(answered) == len(filed)
        return answered

    def _accept_run(
        self, run: Mapping[int, Filing], results: list[Accepted | LedgerError | None]
    ) -> None:
        """One transaction for what is new among `run`; `results` by the numbers of `run`."""
        known = self._store.known([f.statement.id for f in run.values()])
        fitting: dict[int, tuple[Filing, tuple[str, ...]]] = {}
        for i, filing in run.items():
            try:
                if filing.statement.id in known:
                    results[i] = self._known(filing.statement.id, filing.data)
                else:
                    self._check_place(filing, self.size + len(fitting))
                    fitting[i] = filing, self._names(filing.statement)
            except (Malformed, Rejected) as error:
                results[i] = error
            except Unavailable as error:
                # Of a new one this is SM2 without a library, and no fault of its neighbours.
                if filing.statement.id in known:
                    raise
                results[i] = error
        claims = self._claims([filing.statement for filing, _ in fitting.values()])
        wanted = sorted({name for _, names in fitting.values() for name in names})
        stored = self._store.series(wanted)
        opened = self._open_series(wanted, stored)
        if self._lost:
            stored = self._with_lost(opened, stored)
        pending: dict[int, Pending] = {}
        first: dict[str, int] = {}
        again: list[int] = []
        for (i, (filing, names)), claimed in zip(fitting.items(), claims, strict=True):
            # An id is taken only by what is accepted.
            original = first.get(filing.statement.id)
            ready = self._pending(filing, [opened[name] for name in names], claimed)
            if isinstance(ready, LedgerError):
                results[i] = ready
            elif original is None:
                first[filing.statement.id], pending[i] = i, ready
            else:
                again.append(i)
        self._commit(pending, results, {name: n for name, (_, n) in stored.items()})
        for i in again:
            try:
                results[i] = self._known(run[i].statement.id, run[i].data)
            except Conflict as error:
                results[i] = error

    def _pending(
        self,
        filing: Filing,
        series: Sequence[Series | LedgerError],
        claims: tuple[str, ...] | LedgerError,
    ) -> Pending | LedgerError:
        if isinstance(claims, LedgerError):
            return claims
        good: list[Series] = []
        for one in series:
            if isinstance(one, LedgerError):
                return one
            good.append(one)
        return Pending(filing.statement, filing.data, self._entropy.salt(), tuple(good), claims)

    def known(self, statement_id: str) -> Accepted | None:
        """The answer that a statement got when it was accepted, given again."""
        row = self._store.find(statement_id)
        if row is None:
            return None
        # Read after the row, so that it holds the row, whoever has written since.
        head = self._store.heads()[row.log]
        signatures = self._store.series([name for name, _ in row.places])
        series = tuple((Series(name, signatures[name][0]), n) for name, n in row.places)
        return Accepted(row, head.note, series, fresh=False)

    def recover(self) -> None:
        """Reads what the store holds: the truth after a start or a failed write."""
        heads = self._store.heads()
        register, altered = Register(self._keys.registrar), 0
        for row in self._store.registers():
            try:
                row.check_logged()
            except (Malformed, Rejected):
                altered += 1  # it gives nobody a key, nor takes one
                continue
            filing = read_filing(row.envelope)
            register.add(row.position, filing.statement, filing.envelope)
        holds, complaints, guarded = Holds(), list[int](), -1
        for row in self._store.guarding():
            guarded = row.number
            if row.kind == Kind.HOLD:
                holds.add(read_filing(row.envelope).statement)
            elif row.kind == Kind.COMPLAINT:
                complaints.append(row.number)
        count = len(self._earlier)
        if not count <= len(heads) <= count + 1:
            raise Rejected(
                f"the store holds {len(heads)} logs, and keys and policies are here of {count + 1}",
                hints=("the trust folder of the ledger is older than its store, or another's",),
            )
        sizes = [head.edge.size for head in heads] + [0]
        for derived, head in zip(self._derived, heads, strict=False):
            checkpoint = open_checkpoint(SignedNote.from_text(head.note), derived.key)
            if checkpoint != Checkpoint(derived.key.name, head.edge.size, head.edge.root()):
                raise Rejected("the store's right edge is not that of its signed checkpoint")
        for derived, size in zip(self._derived, sizes, strict=False):
            _check_published(derived, size)
        self._closed = heads[:count]
        self._head = heads[count] if len(heads) > count else None
        self._register, self._altered, self._doubt = register, altered, None
        self._holds, self._complaints, self._guarded = holds, complaints, guarded
        self._lost = bool(self._store.lost())

    def _check_place(self, filing: Filing, index: int) -> None:
        """That it may stand at `index`; evidence is refused here for its keys and spelling only.

        A conclusion is also refused for what lacks before it. What comes with it, in one request
        or one commit, was not there when it was drawn.
        """
        statement = filing.statement
        self._check_opening(statement, index)
        position = (self._open.number, index)
        try:
            signers = self._register.open(
                position, statement, filing.envelope, checked=filing.checked
            )
        except Rejected as error:
            raise (self._unsure(error) if self._altered else error) from None
        check_lifting(statement, [signer.role for signer in signers])
        check_placing(statement)
        self._holds.check_own(statement)
        self.check_lifting(statement, {signer.person for signer in signers}, self._holds)
        self._check_case_number(statement)
        self._check_revocation(statement)
        self._check_after(statement)
        if self._gate is not None and statement.kind is Kind.ACT:
            self._gate.check(statement, self._begun)
        if statement.kind is Kind.DISPOSAL:
            self.check_disposal(statement, self._start + index)

    def _unsure(self, error: Rejected) -> Unavailable:
        """Its key may stand in a row that was altered: then nobody is told no for good."""
        return Unavailable(
            f"{error}; but {self._altered} register rows in the store are not what was logged",
            hints=("keep it and send it again: the operator puts them back from a backup",),
        )

    def _names(self, statement: Statement) -> tuple[str, ...]:
        return series_names(statement, self.label, self._keys.first_year)

    def _claims(self, statements: Sequence[Statement]) -> list[tuple[str, ...] | LedgerError]:
        """For each, the object ids of the items it speaks of, or why it has none."""
        wanted = [(s.digest, of.agency) for of in statements for s in of.files]
        found = iter(self._store.find_items(wanted))
        return [_claim([(s, next(found)) for s in of.files]) for of in statements]

    def _open_series(
        self, names: Sequence[str], stored: Mapping[str, tuple[bytes, int]]
    ) -> dict[str, Series | LedgerError]:
        """Those not stored are named, which is slow: once a batch."""
        opened: dict[str, Series | LedgerError] = {
            name: Series(name, signature) for name, (signature, _) in stored.items()
        }
        fresh = [name for name in names if name not in stored]
        opened.update(zip(fresh, self._spread(self._new_series, fresh), strict=True))
        return opened

    def _with_lost(
        self,
        opened: Mapping[str, Series | LedgerError],
        stored: Mapping[str, tuple[bytes, int]],
    ) -> Mapping[str, tuple[bytes, int]]:
        """A series that seems new may have had statements that were lost: their numbers stay."""
        fresh = [one for one in opened.values() if isinstance(one, Series)]
        fresh = [series for series in fresh if series.name not in stored]
        self._store.find_lost(fresh)
        return {**stored, **self._store.series([series.name for series in fresh])}

    def _check_case_number(self, statement: Statement) -> None:
        """Where an agency has registered spellings they bind it, and nobody else may use them.

        A case seen as another agency's by its first statement would open its packet
        to the wrong readers.
        """
        # A notary owns no case: he names that of the agency he was asked about.
        if statement.case is None or statement.is_notarial:
            return
        own = self._register.case_numbers(statement.agency)
        if own:
            check_spelling(statement.case, own)
        elif is_spelled(statement.case, self._register.case_numbers()):
            raise Rejected(
                f"case number {statement.case!r} is spelled as another agency's",
                hints=("file under a provisional case until it has a number of its own",),
            )

    def _check_revocation(self, statement: Statement) -> None:
        """No office takes back what another has issued."""
        issued = self._store.find(statement.predicate.get("issued", ""))
        if issued is None or issued.lost:
            return
        other = read_filing(issued.envelope).statement
        if other.kind is not Kind.CERTIFICATE or "number" not in other.predicate:
            raise Rejected(f"statement {other.id} issued no certificate")
        if other.agency != statement.agency:
            raise Rejected(f"the certificate is of {other.agency!r}, not of {statement.agency!r}")

    def _check_opening(self, statement: Statement, index: int) -> None:
        closing = closing_of(statement.predicate) if statement.kind is Kind.RENEWAL else None
        opening = "registrar" in statement.predicate
        first = bool(self._earlier)  # a log that follows another begins with its renewal
        if (closing is not None) != (first and index == 0):
            raise Rejected(
                "want the renewal first, which closes the log before"
                if closing is None
                else "a log is closed by the first entry of the next one"
            )
        if closing is not None:
            self._check_closing(closing)
            return
        if opening != (index == int(first)):
            raise Rejected(
                "the log is open already" if opening else "the log's opening must come first"
            )
        if not opening:
            return
        if statement.predicate["log"] != self._keys.log.verifier.to_text():
            raise Rejected("the opening enrols another log key")
        if statement.predicate["registrar"] != self._keys.registrar.to_text():
            raise Rejected("the opening enrols another registrar")
        given = statement.predicate["series"]
        for _, earlier in self._register.openings:
            for year, print_ in earlier.predicate["series"].items():
                if given.get(year, print_) != print_:
                    raise Rejected(f"the opening enrols a second series key of {year}")

    def _check_closing(self, closing: Closing) -> None:
        """That it closes the log before where that ended, and a quorum of its cosigners saw it."""
        last, policy = self._closed[-1], self._earlier[-1].policy
        cosigned = policy.open(closing.note)
        if closing.note.text != SignedNote.from_text(last.note).text:
            raise Rejected(
                f"want the last checkpoint, of {last.edge.size} entries, "
                f"got one of {cosigned.checkpoint.size}"
            )
        if cosigned.quorum_time is None and policy.quorum is not None:
            raise Rejected("the last checkpoint has no quorum of its cosigners")

    def _check_after(self, statement: Statement) -> None:
        """A signer who has seen more than there is knows of entries that were lost."""
        after = statement.after
        heads = [*self._closed, *([] if self._head is None else [self._head])]
        sizes = [head.edge.size for head in heads]
        found = [d for d in self._derived if after is not None and d.key.name == after.origin]
        if after is None or not found:
            return
        size = (*sizes, 0)[found[0].number]
        if after.size > size:
            raise Rejected(
                f"its signer has checked a tree of {after.size} entries, here are {size}",
                hints=("this ledger may have been rolled back: keep the signer's receipts",),
            )
        # A public file that is gone or damaged is no fault of the signer's.
        root = found[0].root_at(after.size)
        if root is not None and root != after.root:
            raise Rejected(f"its signer has checked another history of {after.size} entries")

    def _new_series(self, name: str) -> Series | LedgerError:
        signer = self._keys.series.get(series_year(name))
        if signer is None:
            return NoSeriesKey(f"no series key of {series_year(name)} is here to name {name!r}")
        try:
            return signer.open(name)
        except Malformed as error:  # a name that is too long for a series
            return error

    def _known(self, statement_id: str, data: bytes) -> Accepted | None:
        found = self.known(statement_id)
        if found is not None and found.row.by is not None:
            by = self._store.row(found.row.by).statement_id
            raise Destroyed(f"statement {statement_id} was destroyed by the disposal {by}")
        if found is not None:
            _same(found.row.envelope, data, statement_id)
        return found

    def _commit(
        self,
        pending: Mapping[int, Pending],
        results: list[Accepted | LedgerError | None],
        counts: Mapping[str, int],
    ) -> None:
        if not pending:
            return
        if self._earlier and self._head is None and len(pending) < 2:
            refused = Rejected("a log that follows another begins with its renewal and its opening")
            for i in pending:
                results[i] = refused
            return
        last = self._last
        edge = Edge() if self._head is None else self._head.edge
        batch = plan(
            edge,
            0 if last is None else last.at_ms,
            list(pending.values()),
            counts,
            self._clock.now_ms(),
            self._open.number,
            self._start,
        )
        note = self._sign(batch)
        self._store_batch(batch, note)
        for (i, p), row in zip(pending.items(), batch.rows, strict=True):
            numbers = dict(row.places)
            series = tuple((s, numbers[s.name]) for s in p.series)
            results[i] = Accepted(row, note, series, fresh=True)

    def _sign(self, batch: Batch) -> str:
        text = batch.checkpoint(self.origin).to_text()
        return SignedNote(text, (sign_note(text, self._keys.log),)).to_text()

    def _store_batch(self, batch: Batch, note: str) -> None:
        try:
            self._store.commit(batch, note, self._last)
        except (Unavailable, Conflict) as error:
            # Stored or not, or written by someone else? Only the store knows.
            self._doubt = error
            self.recover()
            if self._head is None or self._head.note != note:
                # To a filer a conflict would say that his statement is refused for good.
                raise Unavailable(f"the batch is not stored: {error}", hints=error.hints) from None
            return
        self._head = batch.head(note)
        for row in batch.rows:
            if row.kind == Kind.REGISTER:
                filing = read_filing(row.envelope)
                self._register.add(row.position, filing.statement, filing.envelope)
            elif row.kind in ENDING:
                self._guarded = row.number
                if row.kind == Kind.HOLD:
                    self._holds.add(read_filing(row.envelope).statement)
                elif row.kind == Kind.COMPLAINT:
                    self._complaints.append(row.number)

    @property
    def _last(self) -> Head | None:
        """What the store has as its last head: before this log begins, that of the one before."""
        if self._head is None and self._closed:
            return self._closed[-1]
        return self._head

    def _check_clock(self) -> None:
        """A wall clock that jumps ahead would date every later entry: stop, and say so."""
        wall, steady = self._clocks
        ahead = (self._clock.now_ms() - wall) - (self._clock.steady_ms() - steady)
        if ahead > MAX_CLOCK_JUMP_MS:
            raise Unavailable(
                f"the clock has jumped {ahead // 1000} s ahead: nothing is sequenced",
                hints=("set the clock right, or restart if it is; uploads go on meanwhile",),
            )

    # --- publish and prove -------------------------------------------------------------------

    def materialise(self) -> Head | None:
        """Writes the public files of every log; returns the head of the open one."""
        for derived, closed in zip(self._derived, self._closed, strict=False):
            if derived.materialised < closed.edge.size:
                derived.materialise(closed)
                if (note := derived.best_note(closed.edge.size)) is not None:
                    derived.publish(SignedNote.from_text(note))
        head = self._head
        if head is not None:
            self._open.materialise(head)
        return head

    @property
    def materialised(self) -> int:
        return self._open.materialised

    def published(self) -> Checkpoint | None:
        """The checkpoint of the open log that readers see."""
        return self._open.published()

    def root_at(self, size: int) -> bytes | None:
        """The root over the first entries of the open log, if its public files give it."""
        return self._open.root_at(size)

    def root_of(self, size: int) -> bytes:
        """The same, from the entries in the store, each of which is read."""
        entries = self._store.entries(self._start, self._start + size)
        return Edge().extend(map(leaf_hash, entries)).root()

    def publish(self, note: SignedNote) -> None:
        self._open.publish(note)

    def published_note(self, size: int) -> str:
        return self._open.published_note(size)

    def submission(self, note: SignedNote, old_size: int) -> AddCheckpoint:
        return self._open.submission(note, old_size)

    def receipt(self, index: int, note: str) -> Receipt:
        """Of an entry of the open log."""
        return self._open.receipt(index, note)

    def keep_cosigned(self, note: SignedNote, policy: Policy) -> bool:
        return self._open.keep_cosigned(note, policy)

    def best_note(self, size: int) -> str | None:
        return self._open.best_note(size)

    def first_note(self, size: int) -> str | None:
        return self._open.first_note(size)

    def stamps(self, size: int) -> Sequence[StampRecord]:
        return self._open.stamps(size)

    # --- look up -----------------------------------------------------------------------------

    def places(self, name: str) -> Sequence[int]:
        """The numbers of a series' rows, n = 1 first."""
        return self._store.places(name)

    def series_signature(self, name: str) -> bytes:
        return self._store.series([name])[name][0]

    def row(self, number: int) -> Row:
        return self._store.row(number)

    def registers(self) -> Iterator[Row]:
        return self._store.registers()

    def lost(self) -> Sequence[Place]:
        return [self.place_of(number) for number in self.lost_numbers()]

    def lost_numbers(self) -> Sequence[int]:
        return self._store.lost()


def _no_disposal(statement: Statement, number: int) -> None:
    raise Unavailable("nothing is destroyed here: no rule for it is open")


def _any_lifting(statement: Statement, persons: Collection[str], holds: Holds) -> None:
    pass


def _check_published(derived: Derived, size: int) -> None:
    """A store behind its public log was rolled back: it would sign a second history."""
    try:
        published = derived.published()
    except (Malformed, Rejected):
        return  # damaged: that is for `publish` to say
    if published is not None and published.size > size:
        raise Rejected(
            f"{published.size} entries are published, and the store holds {size}",
            hints=("the store was rolled back: restore its latest copy",),
        )


def _claim(held: Sequence[tuple[FileSubject, ItemRecord | None]]) -> tuple[str, ...] | LedgerError:
    for subject, item in held:
        if item is None:
            how = " and sm3" if subject.digest.sm3 else ""
            return Unknown(
                f"no item with sha256 {subject.digest.sha256.hex()}{how} is held",
                hints=("upload the item first, then send the statement again",),
            )
    return tuple(item.object_id for _, item in held if item is not None)


def _same(stored: bytes, data: bytes, statement_id: str) -> None:
    if stored != data:
        raise Conflict(f"statement {statement_id} is logged with other contents")
