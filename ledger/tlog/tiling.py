"""Derives tiles and bundles from entries: what a checkpoint commits to, before it is published.

The state is one unfinished row of hashes a level, at most 255 each. Full tiles
come out once; the partial tiles of a size come out when that size is to be
published, and only then.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Self

from ledger.tlog.merkle import Edge, leaf_hash, root_of
from ledger.tlog.tile import (
    ENTRIES,
    WIDTH,
    Tile,
    check_entry,
    entries_from_bytes,
    entries_to_bytes,
    hashes_from_bytes,
    hashes_to_bytes,
)


class Tiling:
    """The unfinished rows of a log of `size` entries."""

    def __init__(self) -> None:
        self.size = 0
        self._entries: list[bytes] = []
        self._rows: list[list[bytes]] = []

    def append(self, entries: Iterable[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """The full tiles and bundles that `entries` complete, each before what stands on it.

        A generator: an entry is in the tree once what it yields has been taken.
        """
        for entry in entries:
            # Refused now: later it would be in the root, and in no bundle.
            check_entry(entry)
            self._entries.append(entry)
            self.size += 1
            if len(self._entries) == WIDTH:
                yield Tile(ENTRIES, self.size // WIDTH - 1), entries_to_bytes(self._entries)
                self._entries = []
            yield from self._push(0, leaf_hash(entry))

    def append_full(self, roots: Iterable[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """The tiles above the lowest, for full bundles of which only the roots are known.

        For trees that end with a bundle; a generator as `append` is.
        """
        if not self._rows:
            self._rows.append([])
        for root in roots:
            self.size += WIDTH
            yield from self._push(1, root)

    def append_last(self, hashes: Iterable[bytes]) -> None:
        """The leaf hashes of a last bundle that is not full; its entries are elsewhere."""
        if not self._rows:
            self._rows.append([])
        self._rows[0] = list(hashes)
        self.size += len(self._rows[0])

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """The partial bundle and tiles of the present size."""
        if self._entries:
            tile = Tile(ENTRIES, self.size // WIDTH, len(self._entries))
            yield tile, entries_to_bytes(self._entries)
        for level, row in enumerate(self._rows):
            if row:
                number = self.size // WIDTH ** (level + 1)
                yield Tile(level, number, len(row)), hashes_to_bytes(row)

    def root(self) -> bytes:
        """The root of the tree, from the rows alone: what the next checkpoint must say."""
        # Each row is a run of complete subtrees of 256^level entries.
        hashes: list[bytes] = []
        for row in reversed(self._rows):
            hashes += Edge().extend(row).hashes
        return Edge(self.size, tuple(hashes)).root()

    @classmethod
    def resume(cls, size: int, read: Callable[[Tile], bytes]) -> Self:
        """The rows of `size`, read back from its partial tiles. The caller checks `root()`."""
        tiling = cls()
        tiling.size = count = size
        while count:
            count, width = divmod(count, WIDTH)
            row: list[bytes] = []
            if width:
                tile = Tile(len(tiling._rows), count, width)
                row = list(hashes_from_bytes(read(tile), width))
            tiling._rows.append(row)
        if size % WIDTH:
            tile = Tile(ENTRIES, size // WIDTH, size % WIDTH)
            tiling._entries = list(entries_from_bytes(read(tile), tile.width))
        return tiling

    def _push(self, level: int, node: bytes) -> Iterator[tuple[Tile, bytes]]:
        if len(self._rows) == level:
            self._rows.append([])
        row = self._rows[level]
        row.append(node)
        if len(row) == WIDTH:
            number = self.size // WIDTH ** (level + 1) - 1
            yield Tile(level, number), hashes_to_bytes(row)
            root = root_of(row)
            self._rows[level] = []
            yield from self._push(level + 1, root)
