"""Follows a public log: fetches what is new, checks it, keeps it, and only then shows it.

    checkpoint, signed and of one history with the one kept
    → outline, which gives its root → bundles, several at once, each checked → tiles
    → all of it durable → the checkpoint is replaced
    → the statement of entry 0 with its salt, which no tree commits to but by that entry

Killed anywhere, the folder shows the tree that it showed before; what was fetched is used again.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from ledger.encoding import format_base64
from ledger.errors import Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.entry import OPENING, Entry, check_commitment
from ledger.evidence.membership import log_label
from ledger.tlog.audit import Read, read_part, read_wider
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.following import Outline, bundle_of, outline, stands_below
from ledger.tlog.fraud import Fraud
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.tlog.note import SignedNote, VerifierKey
from ledger.tlog.policy import Policy
from ledger.tlog.proof import TileNodes, compare_histories, subtree_root
from ledger.tlog.tile import ENTRIES, WIDTH, Tile
from ledger.tlog.tiling import Tiling
from ledger.verdict.examination import PublicLog
from storage.mirror_directory import DirectoryMirrorStore
from storage.public_copy import CHECKPOINT

FETCHES = 4  # at once; so many bundles are in memory, 17 MB each at most
ROUND = 256  # bundles between two words about how far it is

OnEntries = Callable[[int], None]


class Forked(Rejected):
    """The log signed two histories. What is kept stays; nothing more is taken from it."""

    code = "forked"


class Shrunk(Rejected):
    """The log shows less than it has shown, of the same history: an old disk, or an old copy."""

    code = "shrunk"


class Follower:
    """One log, below `root`. `step` is called by one thread at a time, `read` by any."""

    def __init__(
        self,
        log: VerifierKey,
        source: PublicLog,
        root: Path,
        *,
        policy: Policy | None = None,
        keep: Callable[[Fraud], None] = lambda fraud: None,
        forked: bool = False,
        fetches: int = FETCHES,
    ) -> None:
        """`policy`: take only what its quorum has cosigned. `keep` makes a proof of fraud durable.

        `forked`: such a proof is kept already. Raises `Rejected` if what is kept does not give
        the root of its own checkpoint.
        """
        self.log = log
        self.label = log_label(log.name)
        self._source = source
        self._policy = policy
        self._keep = keep
        self._fetches = fetches
        self._store = DirectoryMirrorStore(root)
        self._forked = forked
        self._note, self.kept = self._open()
        self._shown = self.kept.size
        self._opening_due = True  # to be looked for: at a start, and when the log has grown

    def read(self, path: str) -> bytes:
        """A file of the log as it is kept: nothing that its checkpoint does not commit to."""
        if path in (CHECKPOINT, *OPENING):
            return self._store.get(path)
        if not stands_below(Tile.from_path(path), self._shown):
            raise Unknown(f"no file {path!r} in the log")
        return self._store.get(path)

    def checkpoint_of(self, size: int) -> Checkpoint:
        """The tree of the first `size` entries, which the log need not have signed."""
        nodes = TileNodes(self.kept.size, self._tile)
        return Checkpoint(self.log.name, size, subtree_root(0, size, nodes))

    def step(self, on_start: Callable[[int], OnEntries] = lambda total: lambda done: None) -> bool:
        """Whether the log has grown and is kept up to there. `on_start` is told by how much.

        Raises `Rejected` too if the opening that it shows is not that of its entry 0, which keeps
        nothing else from being kept.
        """
        if self._forked:
            raise Forked("two histories were signed: nothing more is taken from this log")
        try:
            note = SignedNote.from_bytes(self._source.read(self.label, CHECKPOINT))
        except Unknown as error:
            raise Unavailable(f"no log {self.label} is published there: {error}") from None
        new = self._checked(note)
        if new == self.kept:
            self._keep_opening()
            return False
        self._compare(note, new)
        kept = self.kept.size // WIDTH * WIDTH
        tree = outline(self._fetch, new, Tiling.resume(kept, self._tile))
        self._take(tree, on_start(new.size - kept))
        for tile, data in tree.tiles:
            self._store.put(tile.to_path(), data)
        # Before the checkpoint: whoever has seen it asks for its tiles.
        self._shown = new.size
        self._store.replace(CHECKPOINT, note.to_bytes())
        before, self._note, self.kept = self.kept, note, new
        self._tidy(before)
        self._opening_due = True
        self._keep_opening()
        return True

    def _open(self) -> tuple[SignedNote | None, Checkpoint]:
        try:
            note = SignedNote.from_bytes(self._store.get(CHECKPOINT))
        except Unknown:
            return None, Checkpoint(self.log.name, 0, EMPTY_ROOT)
        kept = open_checkpoint(note, self.log)
        try:
            root = Tiling.resume(kept.size, self._tile).root()
        except (Malformed, Rejected) as error:
            raise self._damaged(str(error)) from None
        if root != kept.root:
            raise self._damaged(f"they give the root {format_base64(root)}")
        return note, kept

    def _damaged(self, why: str) -> Rejected:
        return Rejected(
            f"the copy of {self.log.name!r} is damaged: {why}",
            hints=("tiezheng audit names the bad file; move the copy away to mirror it anew",),
        )

    def _checked(self, note: SignedNote) -> Checkpoint:
        if self._policy is None:
            return open_checkpoint(note, self.log)
        cosigned = self._policy.open(note)
        if cosigned.quorum_time is None and self._policy.quorum is not None:
            raise Rejected("the log shows a checkpoint that no quorum has cosigned")
        return cosigned.checkpoint

    def _compare(self, note: SignedNote, new: Checkpoint) -> None:
        """Returns if it grew, which is then proved; `Forked` with the proof kept, or `Shrunk`."""
        if self._note is None:
            return
        if new.size < self.kept.size:
            fraud = compare_histories(note, self._note, self.log, self._tile)
        else:
            fraud = compare_histories(self._note, note, self.log, self._fetched_tile)
        if fraud is not None:
            self._forked = True
            self._keep(fraud)
            raise Forked(f"{self.log.name} signed two histories: the proof is kept")
        if new.size < self.kept.size:
            raise Shrunk(f"the log shows {new.size} entries, and has shown {self.kept.size}")

    def _take(self, tree: Outline, on_entries: OnEntries) -> None:
        """Every bundle is here, checked and durable, on return."""

        def take(bundle: Tile) -> int:
            try:
                data = self._store.get(bundle.to_path())
                leaves = tree.open(bundle, data)
            except (Unknown, Malformed, Rejected):
                data = bundle_of(self._fetch, bundle)
                leaves = tree.open(bundle, data)
            self._store.put(bundle.to_path(), data)
            self._store.put(Tile(0, bundle.number, bundle.width).to_path(), leaves)
            return bundle.width

        bundles: Iterator[Tile] = tree.bundles
        pool = ThreadPoolExecutor(self._fetches)
        try:
            while some := list(islice(bundles, ROUND)):
                for width in pool.map(take, some):
                    on_entries(width)
        finally:
            # After the first that failed the others would each wait for a server that is gone.
            pool.shutdown(cancel_futures=True)

    def _keep_opening(self) -> None:
        """What is kept of it already is held against the entry once more."""
        if not self._opening_due or not self.kept.size:
            return
        try:
            self._check_opening(self._store.get)
        except (Unknown, Malformed, Rejected):
            try:
                found = {path: self._fetch(path) for path in OPENING}
            except Unknown:
                found = {}  # whoever does not show it hides where the log before has ended
            if found:
                self._check_opening(found.__getitem__)
            for path, data in found.items():
                self._store.put(path, data)
        self._opening_due = False

    def _check_opening(self, read: Read) -> None:
        envelope, salt = (read(path) for path in OPENING)
        bundle = Tile(ENTRIES, 0, min(WIDTH, self.kept.size))
        entries, _ = read_part(self._store.get, bundle, tiles=False)
        try:
            check_commitment(Entry.from_bytes(entries[0]), salt, envelope)
        except (Malformed, Rejected) as error:
            raise Rejected(f"the opening that is shown is not that of entry 0: {error}") from None

    def _tidy(self, before: Checkpoint) -> None:
        """Partial tiles of what is full by now: the full one serves, for older checkpoints too."""
        count, level = before.size, 0
        while count:
            number, width = divmod(count, WIDTH)
            full = Tile(level, number)
            if width and stands_below(full, self.kept.size):
                folders = [full] if level else [full, Tile(-1, number)]
                for tile in folders:
                    self._store.discard(f"{tile.to_path()}.p")
            count, level = number, level + 1

    def _fetch(self, path: str) -> bytes:
        return self._source.read(self.label, path)

    def _fetched_tile(self, tile: Tile) -> bytes:
        return read_wider(self._fetch, tile)[0][: tile.width * 32]

    def _tile(self, tile: Tile) -> bytes:
        data, found = read_wider(self._store.get, tile)
        return data if found == tile else data[: tile.width * 32]
