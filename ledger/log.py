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
by `materialise`, which is also all that recovery does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.errors import Conflict, LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.case_number import check_spelling, is_spelled
from ledger.evidence.membership import log_label, series_names, series_year
from ledger.evidence.register import Register
from ledger.evidence.series import Series
from ledger.evidence.series_private import SeriesSigner
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.filing import Filing, open_filing, read_filing
from ledger.ports import Clock, Entropy, ItemRecord, LedgerStore, PublicStore
from ledger.sequencer import Batch, Head, Pending, Row, plan
from ledger.spread import Spread
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import Edge, check_inclusion
from ledger.tlog.note import SignedNote, VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.proof import TileNodes, prove_consistency, prove_inclusion, subtree_root
from ledger.tlog.receipt import Receipt
from ledger.tlog.signing_key import SigningKey, sign_note
from ledger.tlog.submission import AddCheckpoint
from ledger.tlog.tile import (
    ENTRIES,
    WIDTH,
    Tile,
    entries_from_bytes,
    entries_to_bytes,
    hashes_from_bytes,
    hashes_to_bytes,
)
from ledger.tlog.tiling import Tiling

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

    log: SigningKey
    registrar: VerifierKey
    series: Mapping[str, SeriesSigner]
    first_year: int


class Log:
    """One log. `accept` and `materialise` are each called by one thread at a time."""

    def __init__(
        self,
        keys: Keys,
        store: LedgerStore,
        public: PublicStore,
        clock: Clock,
        entropy: Entropy,
        spread: Spread = map,
    ) -> None:
        """`spread` maps a function over values, perhaps on all cores."""
        self._keys = keys
        self._store = store
        self._public = public
        self._clock = clock
        self._entropy = entropy
        self._spread = spread
        self._label = log_label(keys.log.name)
        self._clocks = (clock.now_ms(), clock.steady_ms())
        self._doubt: LedgerError | None = None
        self._held = ""
        self._lost = False  # whether entries are here whose statements are not
        self._head: Head | None = None
        self._tiling: Tiling | None = None
        self._nodes: TileNodes | None = None
        self._partial: frozenset[Tile] = frozenset()  # durable already: most are those of before
        self._register = Register(keys.registrar)
        self.recover()

    @property
    def origin(self) -> str:
        return self._keys.log.name

    @property
    def label(self) -> str:
        return self._label

    @property
    def head(self) -> Head | None:
        """The last commit; its checkpoint may not be published yet."""
        return self._head

    @property
    def size(self) -> int:
        return 0 if self._head is None else self._head.edge.size

    @property
    def register(self) -> Register:
        return self._register

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
        filing = open_filing(data, self._register, self.size)
        if filing.doubt is not None and self._store.known([filing.statement.id]):
            return read_filing(data)
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
        results: list[Accepted | LedgerError | None] = [None] * len(filed)
        run: dict[int, Filing] = {}
        for i, one in enumerate(filed):
            try:
                filing = read_filing(one) if isinstance(one, bytes) else one
            except Malformed as error:
                results[i] = error
                continue
            run[i] = filing
            # What a register statement changes holds for the very next statement.
            if filing.statement.kind is Kind.REGISTER:
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
                    self._check_place(filing, self.size)
                    fitting[i] = filing, self._names(filing.statement)
            except (Malformed, Rejected) as error:
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
        # Read after the row, so that it holds the row, whoever has written since.
        head = None if row is None else self._store.head()
        if row is None or head is None:
            return None
        signatures = self._store.series([name for name, _ in row.places])
        series = tuple((Series(name, signatures[name][0]), n) for name, n in row.places)
        return Accepted(row, head.note, series, fresh=False)

    def recover(self) -> None:
        """Reads what the store holds: the truth after a start or a failed write."""
        head = self._store.head()
        register = Register(self._keys.registrar)
        for row in self._store.registers():
            filing = read_filing(row.envelope)
            register.add((0, row.index), filing.statement, filing.envelope)
        if head is not None:
            checkpoint = open_checkpoint(SignedNote.from_text(head.note), self._keys.log.verifier)
            if checkpoint != Checkpoint(self.origin, head.edge.size, head.edge.root()):
                raise Rejected("the store's right edge is not that of its signed checkpoint")
        self._check_published(0 if head is None else head.edge.size)
        self._head, self._register, self._doubt = head, register, None
        self._lost = bool(self._store.lost())

    def _check_published(self, size: int) -> None:
        """A store behind its public log was rolled back: it would sign a second history."""
        try:
            published = self.published()
        except (Malformed, Rejected):
            return  # damaged: that is for `publish` to say
        if published is not None and published.size > size:
            raise Rejected(
                f"{published.size} entries are published, and the store holds {size}",
                hints=("the store was rolled back: restore its latest copy",),
            )

    def _check_place(self, filing: Filing, index: int) -> None:
        """That it may stand at `index`; evidence is refused here for its keys and spelling only."""
        statement = filing.statement
        self._check_opening(statement, index)
        self._register.open((0, index), statement, filing.envelope, checked=filing.checked)
        self._check_case_number(statement)
        self._check_after(statement)

    def _names(self, statement: Statement) -> tuple[str, ...]:
        return series_names(statement, self._label, self._keys.first_year)

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
        if statement.case is None:
            return
        own = self._register.case_numbers(statement.agency)
        if own:
            check_spelling(statement.case, own)
        elif is_spelled(statement.case, self._register.case_numbers()):
            raise Rejected(
                f"case number {statement.case!r} is spelled as another agency's",
                hints=("file under a provisional case until it has a number of its own",),
            )

    def _check_opening(self, statement: Statement, index: int) -> None:
        opening = "registrar" in statement.predicate
        if opening != (index == 0):
            raise Rejected(
                "the log is open already" if opening else "the log's opening must come first"
            )
        if not opening:
            return
        if statement.predicate["log"] != self._keys.log.verifier.to_text():
            raise Rejected("the opening enrols another log key")
        if statement.predicate["registrar"] != self._keys.registrar.to_text():
            raise Rejected("the opening enrols another registrar")

    def _check_after(self, statement: Statement) -> None:
        """A signer who has seen more than there is knows of entries that were lost."""
        after = statement.after
        if after is None or after.origin != self.origin:
            return
        if after.size > self.size:
            raise Rejected(
                f"its signer has checked a tree of {after.size} entries, here are {self.size}",
                hints=("this ledger may have been rolled back: keep the signer's receipts",),
            )
        nodes = self._nodes
        if nodes is None or not 0 < after.size <= nodes.size:
            return
        try:
            root = subtree_root(0, after.size, nodes)
        except LedgerError:
            return  # a public file that is gone or damaged is no fault of the signer's
        if root != after.root:
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
        edge = Edge() if self._head is None else self._head.edge
        last_at = 0 if self._head is None else self._head.at_ms
        batch = plan(edge, last_at, list(pending.values()), counts, self._clock.now_ms())
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
        old = self._head
        try:
            self._store.commit(batch, note, old)
        except (Unavailable, Conflict) as error:
            # Stored or not, or written by someone else? Only the store knows.
            self._doubt = error
            self.recover()
            if self._head is None or self._head.note != note:
                # To a filer a conflict would say that his statement is refused for good.
                raise Unavailable(f"the batch is not stored: {error}", hints=error.hints) from None
            return
        self._head = Head(batch.edge, batch.at_ms, note)
        for row in batch.rows:
            if row.kind == Kind.REGISTER:
                filing = read_filing(row.envelope)
                self._register.add((0, row.index), filing.statement, filing.envelope)

    def _check_clock(self) -> None:
        """A wall clock that jumps ahead would date every later entry: stop, and say so."""
        wall, steady = self._clocks
        ahead = (self._clock.now_ms() - wall) - (self._clock.steady_ms() - steady)
        if ahead > MAX_CLOCK_JUMP_MS:
            raise Unavailable(
                f"the clock has jumped {ahead // 1000} s ahead: nothing is sequenced",
                hints=("set the clock right, or restart if it is; uploads go on meanwhile",),
            )

    # --- derive and publish --------------------------------------------------------------------

    def materialise(self) -> Head | None:
        """Writes the tiles and bundles of the head, up to its partial ones; returns that head."""
        head = self._head
        if head is None:
            return None
        try:
            tiling = self._tiling
            if tiling is None:
                tiling, self._partial = self._resume(head), frozenset()
            self._tiling = None  # until every write below has succeeded
            start = tiling.size
            for tile, data in tiling.append(self._store.entries(start, head.edge.size)):
                self._public.put(tile.to_path(), data)
                # Readers of older checkpoints take the full tile from now on.
                self._public.discard(tile.to_path() + ".p")
            partial = dict(tiling.partial())
            for tile in partial.keys() - self._partial:
                self._public.put(tile.to_path(), partial[tile])
            self._partial = frozenset(partial)
        except Conflict as error:
            raise Rejected(f"the public log is not that of the store: {error}") from None
        nodes = TileNodes(head.edge.size, self._read_tile)
        # From the files: one that was written before, and is lost, is derived anew next time.
        root = subtree_root(0, head.edge.size, nodes)
        if not root == tiling.root() == head.edge.root():
            raise Rejected("published tiles and stored entries do not give the root of the head")
        self._tiling, self._nodes = tiling, nodes
        return head

    @property
    def materialised(self) -> int:
        """How many entries the public files cover."""
        return 0 if self._nodes is None else self._nodes.size

    def published(self) -> Checkpoint | None:
        """The checkpoint that readers see."""
        try:
            note = SignedNote.from_bytes(self._public.get("checkpoint"))
        except Unknown:
            return None
        return open_checkpoint(note, self._keys.log.verifier)

    def public_file(self, path: str) -> bytes:
        """A file of the public log; a checkpoint only once it is durable."""
        return self._public.get(path)

    def publish(self, note: SignedNote) -> None:
        """Replaces `checkpoint`; never by a smaller tree, never beyond the public files."""
        checkpoint = open_checkpoint(note, self._keys.log.verifier)
        nodes = self._nodes
        if nodes is None or checkpoint.size > nodes.size:
            raise Rejected(f"tiles are there for {self.materialised}, not for {checkpoint.size}")
        old = self.published()
        if old is not None and checkpoint.size < old.size:
            return
        for tree in filter(None, (old, checkpoint)):
            if subtree_root(0, tree.size, nodes) != tree.root:
                raise Rejected(f"the public tiles are not those of the checkpoint of {tree.size}")
        self._public.replace("checkpoint", note.to_bytes())

    def _resume(self, head: Head) -> Tiling:
        """Continues from what is published, if it is a sound part of the store's tree."""
        try:
            old = self.published()
            if old is not None and 0 < old.size <= head.edge.size:
                tiling = Tiling.resume(old.size, self._read_tile)
                if tiling.root() == old.root:
                    return tiling
        except (Malformed, Rejected):
            pass  # derived files are lost or damaged: derive them all again
        return Tiling()

    def _read_tile(self, tile: Tile) -> bytes:
        try:
            return self._public.get(tile.to_path())
        except Unknown:
            if tile.full:
                raise
        # Completed since, and its partial forms discarded, perhaps while we read.
        data = self._public.get(Tile(tile.level, tile.number).to_path())
        if tile.level == ENTRIES:
            return entries_to_bytes(entries_from_bytes(data, WIDTH)[: tile.width])
        return hashes_to_bytes(hashes_from_bytes(data, WIDTH)[: tile.width])

    # --- prove -------------------------------------------------------------------------------

    def submission(self, note: SignedNote, old_size: int) -> AddCheckpoint:
        """The request that asks a cosigner, who knows `old_size`, to cosign `note`."""
        size = Checkpoint.from_text(note.text).size
        proof = prove_consistency(old_size, size, self._tiles(size))
        # Without the lines of others: a cosigner ignores them, and many read 10 KiB at most.
        line = note.by(self._keys.log.verifier)
        alone = SignedNote(note.text, () if line is None else (line,))
        return AddCheckpoint(old_size, proof, alone)

    def receipt(self, index: int, note: str) -> Receipt:
        """Proof of an entry to a checkpoint of ours, with whatever cosignatures it has."""
        checkpoint = Checkpoint.from_text(SignedNote.from_text(note).text)
        size, nodes = checkpoint.size, self._tiles(checkpoint.size)
        proof = prove_inclusion(index, size, nodes)
        # A damaged tile shows here, not in a court.
        check_inclusion(index, size, nodes(0, index), proof, checkpoint.root)
        return Receipt(index, proof, note)

    def keep_cosigned(self, note: SignedNote, policy: Policy) -> bool:
        """Keeps a checkpoint for good once it has its quorum; says whether it has."""
        cosigned = policy.open(note)
        if cosigned.quorum_time is None:
            return False
        size = cosigned.checkpoint.size
        kept = self.first_note(size)
        if kept is not None and (earlier := SignedNote.from_text(kept)).text == note.text:
            # Cosigned anew after a restart: the earlier times are the better evidence.
            note = note.with_signatures(earlier.signatures)
        self._store.add_cosigned(size, note.to_text())
        return True

    def best_note(self, size: int) -> str | None:
        """The newest kept checkpoint of at least `size` entries, or None: not yet witnessed."""
        note = self._store.newest_cosigned()
        if note is None or Checkpoint.from_text(SignedNote.from_text(note).text).size < size:
            return None
        return note

    def first_note(self, size: int) -> str | None:
        """The earliest kept checkpoint of at least `size` entries."""
        return self._store.cosigned(size)

    def published_note(self, size: int) -> str:
        """The public checkpoint, if it holds `size` entries; else `Unavailable`: not yet."""
        published = self.published()
        if published is None or published.size < size:
            raise Unavailable(
                "the entry is durable and not yet published", hints=("try again in a moment",)
            )
        return self._public.get("checkpoint").decode()

    def places(self, name: str) -> Sequence[int]:
        return self._store.places(name)

    def series_signature(self, name: str) -> bytes:
        return self._store.series([name])[name][0]

    def row(self, index: int) -> Row:
        return self._store.row(index)

    def registers(self) -> Iterator[Row]:
        return self._store.registers()

    def lost(self) -> Sequence[int]:
        return self._store.lost()

    def _tiles(self, size: int) -> TileNodes:
        if self._nodes is None or size > self._nodes.size:
            raise Unavailable(f"the tiles of {size} entries are not written yet")
        return self._nodes


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
