"""Recomputes a log from its public bytes and names the first tile or entry that is wrong.

`read` gives a file of the public log by its path and raises `Unknown` where there
is none. Whole bundles are in memory one at a time, hashes of full tiles only.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ledger.errors import LedgerError, Malformed, Rejected, Unknown
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, complete_root, leaf_hashes
from ledger.tlog.tile import (
    WIDTH,
    Tile,
    bundles_of,
    entries_from_bytes,
    hashes_to_bytes,
)

Read = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Part:
    """What one bundle adds to the tree: its root, or where it is partial its right edge.

    `odd` is why its tile of leaf hashes is not that of its entries.
    """

    hashes: tuple[bytes, ...]
    odd: LedgerError | None = None


def read_log(
    read: Read, checkpoint: Checkpoint, *, tiles: bool, newer: int = 0
) -> Iterator[tuple[int, tuple[bytes, ...]]]:
    """Bundle by bundle, the entries with the index of the first; at the end the tree is checked.

    Nothing read may be acted on before the iteration has ended without an error.
    With `tiles` every tile of hashes is compared too. `newer` is a size that the
    log may have grown to since: where a partial tile of this checkpoint is gone,
    the full one, or the one of that size, serves as well.
    """
    parts = []
    for bundle in bundles_of(checkpoint.size):
        entries, part = read_part(read, bundle, tiles=tiles, newer=newer)
        parts.append(part)
        yield bundle.number * WIDTH, entries
    check_parts(read, checkpoint, parts, tiles=tiles, newer=newer)


def read_part(
    read: Read, bundle: Tile, *, tiles: bool, newer: int = 0
) -> tuple[tuple[bytes, ...], Part]:
    """One bundle's entries, and what they add to the tree. Bundles may be read in any order."""
    entries = _bundle(read, bundle, newer)
    hashes = leaf_hashes(entries)
    tile = Tile(0, bundle.number, bundle.width)
    odd = _compare(read, tile, hashes, newer) if tiles else None
    if bundle.full:
        return entries, Part((complete_root(hashes),), odd)
    return entries, Part(Edge().extend(hashes).hashes, odd)


def check_parts(
    read: Read, checkpoint: Checkpoint, parts: Sequence[Part], *, tiles: bool, newer: int = 0
) -> None:
    """Raises unless `parts`, of all bundles in order, give the checkpoint's root and tiles."""
    size = checkpoint.size
    full = size // WIDTH
    row = [part.hashes[0] for part in parts[:full]]
    edges = [h for part in parts[full:] for h in part.hashes]
    odd = next((part.odd for part in parts if part.odd is not None), None)
    level = 1
    while row:
        above = []
        for start in range(0, len(row), WIDTH):
            hashes = row[start : start + WIDTH]
            tile = Tile(level, start // WIDTH, len(hashes))
            if tiles and odd is None:
                odd = _compare(read, tile, hashes, newer)
            if tile.full:
                above.append(complete_root(hashes))
            else:
                edges = [*Edge().extend(hashes).hashes, *edges]
        row, level = above, level + 1
    if Edge(size, tuple(edges)).root() != checkpoint.root:
        # With the root wrong, a level 0 tile that disagrees points at the entry.
        raise odd or Rejected(f"the entries of {checkpoint.origin} give another root at {size}")
    if isinstance(odd, Unknown):
        raise odd
    if odd is not None:
        raise Rejected(f"{odd}; the entries are right, the tile is not")


def _bundle(read: Read, bundle: Tile, newer: int) -> tuple[bytes, ...]:
    data, tile = read_wider(read, bundle, newer)
    try:
        return entries_from_bytes(data, tile.width)[: bundle.width]
    except Malformed as error:
        raise error.under(tile.to_path()) from None


def _compare(read: Read, tile: Tile, hashes: list[bytes], newer: int) -> LedgerError | None:
    try:
        data, found = read_wider(read, tile, newer)
    except Unknown as error:
        return error
    expected = hashes_to_bytes(hashes)
    if len(data) != found.width * 32:
        return Rejected(f"{found.to_path()} has {len(data)} bytes, want {found.width * 32}")
    if data[: len(expected)] == expected:
        return None
    i = next(i for i, h in enumerate(hashes) if data[32 * i : 32 * i + 32] != h)
    if tile.level == 0:
        return Rejected(f"{found.to_path()}: entry {tile.number * WIDTH + i} does not match")
    return Rejected(f"{found.to_path()}: hash {i} does not match")


def read_wider(read: Read, tile: Tile, newer: int = 0) -> tuple[bytes, Tile]:
    """The tile as asked, else the full one, else the partial one of the newer size."""
    grown = min(WIDTH, newer // WIDTH ** max(tile.level, 0) - tile.number * WIDTH)
    widths = [tile.width, WIDTH] + ([grown] if tile.width < grown < WIDTH else [])
    for width in dict.fromkeys(widths):
        candidate = Tile(tile.level, tile.number, width)
        try:
            return read(candidate.to_path()), candidate
        except Unknown:
            continue
    raise Unknown(f"the log has no {tile.to_path()}")
