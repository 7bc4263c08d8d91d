"""Following a log from a tree that is kept: what is fetched, and held against what, before it is.

    signed root  →  roots of the new bundles  →  entries of each bundle  →  tiles of leaf hashes

A checkpoint that was signed names its tree by the root alone. From the log's tiles of level 1,
which are the roots of full bundles, and its last tile of leaf hashes the tree is built on top
of the one that is kept, and none of them is believed unless that gives the signed root. From
then on each bundle has one root that it may have. So bundles may come in any order, from
anywhere, a disk that was interrupted among them, and the first bad one is named. Tiles are made
from what was checked and never taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.errors import Malformed, Rejected
from ledger.suite import DIGEST_SIZE
from ledger.tlog.audit import Read, read_wider
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import complete_root, leaf_hashes
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

MAX_SIZE = 1 << 30  # entries: their bundles' roots take 134 MB of memory


@dataclass(frozen=True, slots=True)
class Outline:
    """A tree whose root held, beyond the `first` full bundles that are kept already.

    `roots` are those of the full bundles from there on, 32 bytes each, one after the other;
    `last` the leaf hashes of the bundle at the end that is not full. `tiles` are all that
    stand above the lowest and were not there before.
    """

    checkpoint: Checkpoint
    first: int
    roots: bytes
    last: tuple[bytes, ...]
    tiles: tuple[tuple[Tile, bytes], ...]

    @property
    def bundles(self) -> Iterator[Tile]:
        full = len(self.roots) // DIGEST_SIZE
        yield from (Tile(ENTRIES, self.first + n) for n in range(full))
        if self.last:
            yield Tile(ENTRIES, self.first + full, len(self.last))

    def open(self, bundle: Tile, data: bytes) -> bytes:
        """The tile of leaf hashes under that bundle, if `data` are its entries."""
        try:
            hashes = leaf_hashes(entries_from_bytes(data, bundle.width))
        except Malformed as error:
            raise error.under(bundle.to_path()) from None
        if bundle.full:
            at = (bundle.number - self.first) * DIGEST_SIZE
            same = complete_root(hashes) == self.roots[at : at + DIGEST_SIZE]
        else:
            same = tuple(hashes) == self.last
        if not same:
            raise Rejected(f"{bundle.to_path()} has other entries than the log has signed")
        return hashes_to_bytes(hashes)


def outline(read: Read, checkpoint: Checkpoint, kept: Tiling) -> Outline:
    """`kept` are the full bundles that are kept, and is used up. `read` gives the log's files.

    Raises `Rejected` unless they give the root of `checkpoint`.
    """
    if checkpoint.size > MAX_SIZE:
        raise Rejected(f"want a log of at most {MAX_SIZE} entries, got {checkpoint.size}")
    first, (full, width) = kept.size // WIDTH, divmod(checkpoint.size, WIDTH)
    roots = bytearray()
    last: tuple[bytes, ...] = ()
    tiles: list[tuple[Tile, bytes]] = []
    for row in range(first // WIDTH, -(-full // WIDTH)):
        tile = Tile(1, row, min(WIDTH, full - row * WIDTH))
        new = hashes_of(read, tile)[max(0, first - row * WIDTH) :]
        roots += b"".join(new)
        tiles += kept.append_full(new)
    if width:
        last = hashes_of(read, Tile(0, full, width))
        kept.append_last(last)
    if kept.root() != checkpoint.root:
        raise Rejected(f"the tiles of {checkpoint.origin} give another root at {checkpoint.size}")
    tiles += [(tile, data) for tile, data in kept.partial() if tile.level > 0]
    return Outline(checkpoint, first, bytes(roots), last, tuple(tiles))


def hashes_of(read: Read, tile: Tile) -> tuple[bytes, ...]:
    """A tile of hashes, cut from the full one where that has taken its place."""
    data, found = read_wider(read, tile)
    try:
        return hashes_from_bytes(data, found.width)[: tile.width]
    except Malformed as error:
        raise error.under(found.to_path()) from None


def bundle_of(read: Read, tile: Tile) -> bytes:
    """A bundle, cut from the full one where that has taken its place."""
    data, found = read_wider(read, tile)
    if found.width == tile.width:
        return data
    try:
        return entries_to_bytes(entries_from_bytes(data, found.width)[: tile.width])
    except Malformed as error:
        raise error.under(found.to_path()) from None


def stands_below(tile: Tile, size: int) -> bool:
    """Whether a tree of that size commits to all of the tile."""
    whole: int = WIDTH ** max(tile.level, 0)
    return (tile.number * WIDTH + tile.width) * whole <= size
