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
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import log_label, series_names, series_year
from ledger.evidence.register import Register
from ledger.evidence.series import Series
from ledger.evidence.series_private import SeriesSigner
from ledger.evidence.statement import Kind, Statement
from ledger.ports import Clock, Entropy, LedgerStore, PublicStore
from ledger.sequencer import Batch, Head, Pending, Row, plan
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import Edge, check_inclusion
from ledger.tlog.note import SignedNote, SigningKey, VerifierKey, sign_note
from ledger.tlog.policy import Policy
from ledger.tlog.proof import TileNodes, prove_consistency, prove_inclusion, subtree_root
from ledger.tlog.receipt import Receipt
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
        self, keys: Keys, store: LedgerStore, public: PublicStore, clock: Clock, entropy: Entropy
    ) -> None:
        self._keys = keys
        self._store = store
        self._public = public
        self._clock = clock
        self._entropy = entropy
        self._label = log_label(keys.log.name)
        self._clocks = (clock.now_ms(), clock.steady_ms())
        self._doubt: LedgerError | None = None
        self._head: Head | None = None
        self._tiling: Tiling | None = None
        self._nodes: TileNodes | None = None
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

    def problem(self) -> str:
        """Why nothing is sequenced just now; empty if all is well."""
        try:
            self._check_clock()
        except Unavailable as error:
            return str(error)
        return "" if self._doubt is None else f"the store is in doubt: {self._doubt}"

    # --- accept ------------------------------------------------------------------------------

    def accept(self, envelopes: Sequence[bytes]) -> list[Accepted | LedgerError]:
        """Accepts, sequences and signs all of them in as few transactions as they allow.

        Each is accepted or refused on its own. The same statement again gets the
        same answer. Raises `Unavailable` if the store failed and it is not known
        what it holds; then `recover` must succeed before the next call.
        """
        if self._doubt is not None:
            self.recover()
        self._check_clock()
        results: list[Accepted | LedgerError | None] = [None] * len(envelopes)
        waiting: dict[str, tuple[int, Pending]] = {}
        again: list[int] = []
        opened: dict[str, Series] = {}
        for i, data in enumerate(envelopes):
            try:
                statement, envelope = _open(data)
                if statement.id in waiting:
                    _same(waiting[statement.id][1].envelope, data, statement.id)
                    again.append(i)
                    continue
                results[i] = self._known(statement.id, data)
                if results[i] is None:
                    pending = self._pending(statement, envelope, data, len(waiting), opened)
                    waiting[statement.id] = (i, pending)
            except (Malformed, Rejected, NoSeriesKey) as error:
                results[i] = error
                continue
            # What a register statement changes holds for the very next statement.
            if statement.kind is Kind.REGISTER:
                self._commit(waiting, results)
        self._commit(waiting, results)
        for i in again:
            results[i] = self._known(_open(envelopes[i])[0].id, envelopes[i])
        return [r for r in results if r is not None]

    def check_stranger(self, data: bytes) -> None:
        """Raises unless somebody registered has signed this; may run beside `accept`.

        Before anything waits for the one writer: junk must cost its sender's request
        alone. What `accept` decides is not decided here.
        """
        statement, envelope = _open(data)
        if self._store.find(statement.id) is None:
            self._register.open((0, self.size), statement, envelope)

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
            statement, envelope = _open(row.envelope)
            register.add((0, row.index), statement, envelope)
        if head is not None:
            checkpoint = open_checkpoint(SignedNote.from_text(head.note), self._keys.log.verifier)
            if checkpoint != Checkpoint(self.origin, head.edge.size, head.edge.root()):
                raise Rejected("the store's right edge is not that of its signed checkpoint")
        self._check_published(0 if head is None else head.edge.size)
        self._head, self._register, self._doubt = head, register, None

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

    def _pending(
        self,
        statement: Statement,
        envelope: Envelope,
        data: bytes,
        ahead: int,
        opened: dict[str, Series],
    ) -> Pending:
        """`opened` are the series that this batch names for the first time: naming is slow."""
        index = self.size + ahead
        self._check_opening(statement, index)
        self._register.open((0, index), statement, envelope)
        self._check_case_number(statement)
        self._check_after(statement)
        names = series_names(statement, self._label, self._keys.first_year)
        known = self._store.series(names)
        claims = self._claims(statement)
        for name in names:
            if name in known:
                opened[name] = Series(name, known[name][0])
            elif name not in opened:
                opened[name] = self._new_series(name)
        series = tuple(opened[name] for name in names)
        return Pending(statement, data, self._entropy.salt(), series, claims)

    def _claims(self, statement: Statement) -> tuple[str, ...]:
        claims = []
        for subject in statement.files:
            item = self._store.item(subject.digest, statement.agency)
            if item is None:
                how = " and sm3" if subject.digest.sm3 else ""
                raise Unknown(
                    f"no item with sha256 {subject.digest.sha256.hex()}{how} is held",
                    hints=("upload the item first, then send the statement again",),
                )
            claims.append(item.object_id)
        return tuple(claims)

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

    def _new_series(self, name: str) -> Series:
        signer = self._keys.series.get(series_year(name))
        if signer is None:
            raise NoSeriesKey(f"no series key of {series_year(name)} is here to name {name!r}")
        return signer.open(name)

    def _known(self, statement_id: str, data: bytes) -> Accepted | None:
        found = self.known(statement_id)
        if found is not None:
            _same(found.row.envelope, data, statement_id)
        return found

    def _commit(
        self,
        waiting: dict[str, tuple[int, Pending]],
        results: list[Accepted | LedgerError | None],
    ) -> None:
        if not waiting:
            return
        order = list(waiting.values())
        waiting.clear()
        pending = [p for _, p in order]
        names = {s.name for p in pending for s in p.series}
        counts = {name: n for name, (_, n) in self._store.series(sorted(names)).items()}
        edge = Edge() if self._head is None else self._head.edge
        last_at = 0 if self._head is None else self._head.at_ms
        batch = plan(edge, last_at, pending, counts, self._clock.now_ms())
        note = self._sign(batch)
        self._store_batch(batch, note)
        for (i, p), row in zip(order, batch.rows, strict=True):
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
                statement, envelope = _open(row.envelope)
                self._register.add((0, row.index), statement, envelope)

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
            tiling = self._tiling if self._tiling is not None else self._resume(head)
            self._tiling = None  # until every write below has succeeded
            start = tiling.size
            for tile, data in tiling.append(self._store.entries(start, head.edge.size)):
                self._public.put(tile.to_path(), data)
                # Readers of older checkpoints take the full tile from now on.
                self._public.discard(tile.to_path() + ".p")
            for tile, data in tiling.partial():
                self._public.put(tile.to_path(), data)
        except Conflict as error:
            raise Rejected(f"the public log is not that of the store: {error}") from None
        if tiling.root() != head.edge.root():
            raise Rejected("published tiles and stored entries do not give the root of the head")
        self._tiling = tiling
        self._nodes = TileNodes(head.edge.size, self._read_tile)
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
        return AddCheckpoint(old_size, prove_consistency(old_size, size, self._tiles(size)), note)

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

    def _tiles(self, size: int) -> TileNodes:
        if self._nodes is None or size > self._nodes.size:
            raise Unavailable(f"the tiles of {size} entries are not written yet")
        return self._nodes


def _open(data: bytes) -> tuple[Statement, Envelope]:
    envelope = Envelope.from_bytes(data)
    return Statement.from_bytes(envelope.payload), envelope


def _same(stored: bytes, data: bytes, statement_id: str) -> None:
    if stored != data:
        raise Conflict(f"statement {statement_id} is logged with other contents")
