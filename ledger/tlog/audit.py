"""Recomputes a log from its public bytes and names the first tile or entry that is wrong.

`read` gives a file of the public log by its path and raises `Unknown` where there
is none. Whole bundles are in memory one at a time, hashes of full tiles only.
"""

from collections.abc import Callable, Iterator

from ledger.errors import LedgerError, Malformed, Rejected, Unknown
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, leaf_hash, root_of
from ledger.tlog.tile import (
    WIDTH,
    Tile,
    bundles_of,
    entries_from_bytes,
    hashes_to_bytes,
)

Read = Callable[[str], bytes]


def read_log(
    read: Read, checkpoint: Checkpoint, *, tiles: bool, newer: int = 0
) -> Iterator[tuple[int, bytes]]:
    """Every entry with its index; the tree is checked against the checkpoint at the end.

    Nothing read may be acted on before the iteration has ended without an error.
    With `tiles` every tile of hashes is compared too. `newer` is a size that the
    log may have grown to since: where a partial tile of this checkpoint is gone,
    the full one, or the one of that size, serves as well.
    """
    size = checkpoint.size
    rows: list[list[bytes]] = [[]]
    edges: list[bytes] = []
    odd: LedgerError | None = None
    for bundle in bundles_of(size):
        first = bundle.number * WIDTH
        entries = _bundle(read, bundle, newer)
        hashes = [leaf_hash(entry) for entry in entries]
        if tiles and odd is None:
            odd = _compare(read, Tile(0, bundle.number, bundle.width), hashes, newer)
        if bundle.full:
            rows[0].append(root_of(hashes))
        else:
            edges = list(Edge().extend(hashes).hashes)
        for i, entry in enumerate(entries):
            yield first + i, entry
    level = 0
    while rows[level]:
        row, above = rows[level], []
        for start in range(0, len(row), WIDTH):
            part = row[start : start + WIDTH]
            tile = Tile(level + 1, start // WIDTH, len(part))
            if tiles and odd is None:
                odd = _compare(read, tile, part, newer)
            if tile.full:
                above.append(root_of(part))
            else:
                edges = [*Edge().extend(part).hashes, *edges]
        rows.append(above)
        level += 1
    root = Edge(size, tuple(edges)).root()
    if root != checkpoint.root:
        # With the root wrong, a level 0 tile that disagrees points at the entry.
        raise odd or Rejected(f"the entries of {checkpoint.origin} give another root at {size}")
    if odd is not None:
        raise Rejected(f"{odd}; the entries are right, the tile is not")


def _bundle(read: Read, bundle: Tile, newer: int) -> tuple[bytes, ...]:
    data, tile = _read(read, bundle, newer)
    try:
        return entries_from_bytes(data, tile.width)[: bundle.width]
    except Malformed as error:
        raise error.under(tile.to_path()) from None


def _compare(read: Read, tile: Tile, hashes: list[bytes], newer: int) -> LedgerError | None:
    data, found = _read(read, tile, newer)
    expected = hashes_to_bytes(hashes)
    if len(data) != found.width * 32:
        return Rejected(f"{found.to_path()} has {len(data)} bytes, want {found.width * 32}")
    if data[: len(expected)] == expected:
        return None
    i = next(i for i, h in enumerate(hashes) if data[32 * i : 32 * i + 32] != h)
    if tile.level == 0:
        return Rejected(f"{found.to_path()}: entry {tile.number * WIDTH + i} does not match")
    return Rejected(f"{found.to_path()}: hash {i} does not match")


def _read(read: Read, tile: Tile, newer: int) -> tuple[bytes, Tile]:
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
