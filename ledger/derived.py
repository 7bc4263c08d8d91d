"""What follows from the entries of one log: its public files, its checkpoint, its proofs.

It signs nothing. Of a closed log this is all that is left to do, and it is the same: files that
were lost are derived again, and proofs lead to checkpoints that it signed while it was open.
"""

from collections.abc import Sequence

from ledger.errors import Conflict, LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.entry import OPENING
from ledger.evidence.membership import log_label
from ledger.ports import LedgerStore, PublicStore, StampRecord
from ledger.sequencer import Head
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.merkle import check_inclusion
from ledger.tlog.note import SignedNote, VerifierKey
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


class Derived:
    """Of log `number`, which signs with `key`. `materialise` is called by one thread at a time."""

    def __init__(
        self, number: int, key: VerifierKey, store: LedgerStore, public: PublicStore
    ) -> None:
        self.number = number
        self.key = key
        self.label = log_label(key.name)
        self._store = store
        self._public = public
        self._tiling: Tiling | None = None
        self._nodes: TileNodes | None = None
        self._before: TileNodes | None = None  # of what was published when it was opened
        self._partial: frozenset[Tile] = frozenset()  # durable already: most are those of before

    # --- derive and publish --------------------------------------------------------------------

    def materialise(self, head: Head) -> None:
        """Writes the tiles and bundles of the head, up to its partial ones."""
        try:
            tiling = self._tiling
            if tiling is None:
                tiling, self._partial = self._resume(head), frozenset()
            self._tiling = None  # until every write below has succeeded
            start = tiling.size
            for tile, data in tiling.append(self._store.entries(head.start + start, head.end)):
                self._public.put(tile.to_path(), data)
                # Readers of older checkpoints take the full tile from now on.
                self._public.discard(tile.to_path() + ".p")
            partial = dict(tiling.partial())
            for tile in partial.keys() - self._partial:
                self._public.put(tile.to_path(), partial[tile])
            self._partial = frozenset(partial)
        except Conflict as error:
            raise Rejected(
                f"the public log is not that of the store: {error}",
                hints=(
                    "if a mirror shows that the store is right, move the log's folder in public/ "
                    "away: it is written anew",
                ),
            ) from None
        nodes = TileNodes(head.edge.size, self._read_tile)
        # From the files: one that was written before, and is lost, is derived anew next time.
        root = subtree_root(0, head.edge.size, nodes)
        if not root == tiling.root() == head.edge.root():
            raise Rejected("published tiles and stored entries do not give the root of the head")
        if self._nodes is None:
            self._put_opening(head)
        self._tiling, self._nodes = tiling, nodes

    def _put_opening(self, head: Head) -> None:
        """The statement of entry 0 is public: who may sign here, or where the log before ended."""
        first = self._store.row(head.start)
        if not first.lost:
            for path, data in zip(OPENING, (first.envelope, first.salt), strict=True):
                self._public.put(path, data)

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
        return open_checkpoint(note, self.key)

    def public_file(self, path: str) -> bytes:
        """A file of the public log; a checkpoint only once it is durable."""
        return self._public.get(path)

    def publish(self, note: SignedNote) -> None:
        """Replaces `checkpoint`; never by a smaller tree, never beyond the public files."""
        checkpoint = open_checkpoint(note, self.key)
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
        line = note.by(self.key)
        alone = SignedNote(note.text, () if line is None else (line,))
        return AddCheckpoint(old_size, proof, alone)

    def receipt(self, index: int, note: str) -> Receipt:
        """Proof of an entry to a checkpoint of ours, with whatever cosignatures it has."""
        checkpoint = Checkpoint.from_text(SignedNote.from_text(note).text)
        size, nodes = checkpoint.size, self._tiles(checkpoint.size)
        try:
            proof = prove_inclusion(index, size, nodes)
            # A damaged tile shows here, not in a court.
            check_inclusion(index, size, nodes(0, index), proof, checkpoint.root)
        except Unknown as error:
            raise Unavailable(f"a tile is lost, and will be written anew: {error}") from None
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
        self._store.add_cosigned(self.number, size, note.to_text())
        return True

    def best_note(self, size: int) -> str | None:
        """The newest kept checkpoint of at least `size` entries, or None: not yet witnessed."""
        note = self._store.newest_cosigned(self.number)
        if note is None or Checkpoint.from_text(SignedNote.from_text(note).text).size < size:
            return None
        return note

    def first_note(self, size: int) -> str | None:
        """The earliest kept checkpoint of at least `size` entries."""
        return self._store.cosigned(self.number, size)

    def stamps(self, size: int) -> Sequence[StampRecord]:
        """The tokens over the earliest stamped checkpoint of at least `size` entries."""
        return self._store.stamps(self.number, size)

    def published_note(self, size: int) -> str:
        """The public checkpoint, if it holds `size` entries; else `Unavailable`: not yet."""
        published = self.published()
        if published is None or published.size < size:
            raise Unavailable(
                "the entry is durable and not yet published", hints=("try again in a moment",)
            )
        return self._public.get("checkpoint").decode()

    def root_at(self, size: int) -> bytes | None:
        """The root over the first `size` entries, as the public files give it; else None."""
        if size <= 0:
            return None
        try:
            return subtree_root(0, size, self._tiles(size))
        except LedgerError:
            return None

    def _tiles(self, size: int) -> TileNodes:
        if self._nodes is None and self._before is None and (at := self.published()) is not None:
            # Just opened: the tiles of what is published are there, and a proof is checked.
            self._before = TileNodes(at.size, self._read_tile)
        nodes = self._nodes or self._before
        if nodes is None or size > nodes.size:
            raise Unavailable(f"the tiles of {size} entries are not written yet")
        return nodes
