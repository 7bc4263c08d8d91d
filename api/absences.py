"""What a mirror says of tags: looked up in its index, read in the entries, signed.

The index finds where a tag may stand; each place that is said to hold one was read in the
entry itself. So a wrong index can hide a place, and never make one up.
"""

from dataclasses import dataclass

from api.following import Follower
from api.journal import journal
from ledger import suite
from ledger.errors import Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.absence import MAX_FOUND, Absence, Found, tags_from_bytes
from ledger.evidence.entry import Entry
from ledger.evidence.signing import seal
from ledger.tlog.audit import read_wider
from ledger.tlog.signing_key import Signer
from ledger.tlog.tile import ENTRIES, WIDTH, Tile, entries_from_bytes
from storage.tag_index_sqlite import SqliteTagIndex

BATCH = 256  # bundles that go into the index at once: 65,536 entries


class NotYet(Unavailable):
    """The mirror has not come so far: ask again."""

    code = "not_yet"


@dataclass(frozen=True, slots=True)
class MirroredLog:
    """A log, the index of its tags, and whoever signs for it; without a key nobody does."""

    follower: Follower
    index: SqliteTagIndex
    signer: Signer | None = None

    def settle(self) -> None:
        """An index that was made from another tree than the one that is kept is made anew."""
        size, kept = self.index.size, self.follower.kept.size
        if size > kept or self.index.root != self.follower.checkpoint_of(size).root:
            journal.warning("index_cleared", log=self.follower.label, size=size)
            self.index.clear()

    def catch_up(self) -> None:
        """Brings the index up to the log."""
        size = self.follower.kept.size
        while self.index.size < size:
            first = self.index.size
            # Up to where bundles meet, so that most are read once.
            end = min(size, (first // WIDTH + BATCH) * WIDTH)
            entries = self._entries(first, end)
            self.index.add(entries, self.follower.checkpoint_of(end).root)

    def say(self, size: int, question: bytes) -> bytes:
        """The signed statement about these tags in the tree of the first `size` entries."""
        if self.signer is None:
            raise Unknown("this mirror signs no statements")
        tags = tags_from_bytes(question)
        if size < 1:
            raise Malformed("want a tree of at least one entry")
        if size > min(self.follower.kept.size, self.index.size):
            raise NotYet(f"this mirror has looked through {self.index.size} entries so far")
        if self.index.odd is not None and self.index.odd < size:
            raise Rejected(f"entry {self.index.odd} is none: nothing is said of tags in that log")
        found = tuple(sorted(self._found(frozenset(tags), size)))
        if len(found) > MAX_FOUND:
            raise Rejected(f"want at most {MAX_FOUND} places, got {len(found)}")
        checkpoint = self.follower.checkpoint_of(size)
        absence = Absence(checkpoint, len(tags), suite.digest(question), found)
        return seal(absence.to_bytes(), [self.signer]).to_bytes()

    def _found(self, tags: frozenset[bytes], size: int) -> list[Found]:
        candidates = self.index.candidates(sorted(tags), size)
        if len(candidates) > 2 * MAX_FOUND:
            raise Rejected(f"want at most {MAX_FOUND} places, got some {len(candidates)}")
        found: list[Found] = []
        bundle = -1
        entries: tuple[bytes, ...] = ()
        for index in candidates:
            if index // WIDTH != bundle:
                bundle = index // WIDTH
                entries = self._bundle(bundle, size)
            entry = Entry.from_bytes(entries[index % WIDTH])
            found += [Found(index, tag) for tag in entry.tags if tag in tags]
        return found

    def _entries(self, first: int, end: int) -> list[bytes]:
        entries: list[bytes] = []
        for number in range(first // WIDTH, -(-end // WIDTH)):
            entries += self._bundle(number, end)
        return entries[first % WIDTH :]

    def _bundle(self, number: int, size: int) -> tuple[bytes, ...]:
        width = min(WIDTH, size - number * WIDTH)
        # Of the largest tree that is kept: of a smaller one the partial bundle may be gone.
        kept = min(WIDTH, self.follower.kept.size - number * WIDTH)
        data, tile = read_wider(self.follower.read, Tile(ENTRIES, number, kept))
        return entries_from_bytes(data, tile.width)[:width]
