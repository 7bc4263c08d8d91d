"""Builds what `merkle` checks, from the roots of complete subtrees.

`Nodes` answers `(level, number)` with the root of the entries
[number·2^level, (number+1)·2^level): a tile reader, a database or a dict.
"""

from collections.abc import Callable

from ledger.errors import Malformed
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.consistency import check_consistency
from ledger.tlog.fraud import Fraud
from ledger.tlog.merkle import EMPTY_ROOT, node_hash, node_hashes
from ledger.tlog.note import SignedNote, VerifierKey
from ledger.tlog.tile import WIDTH, Tile, hashes_from_bytes

Nodes = Callable[[int, int], bytes]

TILE_LEVELS = 8  # a tile spans eight levels of the tree: 2^8 = 256
TILES_KEPT = 256  # with their inner nodes, 40 kB each


def prove_inclusion(index: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """RFC 6962 section 2.1.1: at most 63 hashes, the leaf's sibling first."""
    if not 0 <= index < size:
        raise Malformed(f"index {index} is not in a tree of {size}")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        k = split(end - start)
        if index < start + k:
            proof.append(subtree_root(start + k, end, nodes))
            end = start + k
        else:
            proof.append(subtree_root(start, start + k, nodes))
            start += k
    return tuple(reversed(proof))


def prove_consistency(size1: int, size2: int, nodes: Nodes) -> tuple[bytes, ...]:
    """RFC 6962 section 2.1.2. Empty for equal sizes and for size 0, which prove nothing."""
    if not 0 <= size1 <= size2:
        raise Malformed(f"no consistency from size {size1} to {size2}")
    proof: list[bytes] = []
    start, end, old = 0, size2, size1
    if old in (0, end):
        return ()
    # `whole` while the old tree is still the one being proved, which needs no hash.
    whole = True
    while old != end:
        k = split(end - start)
        if old <= start + k:
            proof.append(subtree_root(start + k, end, nodes))
            end = start + k
        else:
            proof.append(subtree_root(start, start + k, nodes))
            start += k
            whole = False
    if not whole:
        proof.append(subtree_root(start, end, nodes))
    return tuple(reversed(proof))


def prove_fraud(one: SignedNote, other: SignedNote, nodes: Nodes) -> Fraud | None:
    """None if they belong to one history. `nodes` are those of the larger tree.

    Nothing is checked here: `Fraud.check` says whether what was built is proved.
    """
    smaller, larger = sorted((one, other), key=lambda note: Checkpoint.from_text(note.text).size)
    old, new = Checkpoint.from_text(smaller.text), Checkpoint.from_text(larger.text)
    if old.size == new.size:
        return None if old.root == new.root else Fraud(smaller, larger)
    root = subtree_root(0, old.size, nodes)
    if root == old.root:
        return None
    return Fraud(smaller, larger, root, prove_consistency(old.size, new.size, nodes))


def compare_histories(
    smaller: SignedNote, larger: SignedNote, log: VerifierKey, read: Callable[[Tile], bytes]
) -> Fraud | None:
    """None if one history of the log holds both checkpoints; else the proof that none does.

    `read` gives the tiles of the larger tree, from anyone: raises unless it is proved either way,
    for they may be damaged.
    """
    old, new = open_checkpoint(smaller, log), open_checkpoint(larger, log)
    nodes = TileNodes(new.size, read)
    fraud = prove_fraud(smaller, larger, nodes)
    if fraud is not None:
        fraud.check(log)
    elif old.size:
        proof = prove_consistency(old.size, new.size, nodes)
        check_consistency(old.size, new.size, old.root, new.root, proof)
    return fraud


def subtree_root(start: int, end: int, nodes: Nodes) -> bytes:
    """The root of [start, end), which must begin where its largest complete part may begin."""
    if start == end:
        return EMPTY_ROOT
    parts = []
    while start < end:
        # The largest complete subtree that fits, and may begin at `start`.
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        parts.append(nodes(level, start >> level))
        start += 1 << level
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def split(length: int) -> int:
    """The largest power of two below `length`."""
    return 1 << (length - 1).bit_length() - 1


class TileNodes:
    """`Nodes` over the tiles of one checkpoint; `read` gives a tile's bytes."""

    def __init__(self, size: int, read: Callable[[Tile], bytes]) -> None:
        self.size = size
        self._read = read
        self._kept: dict[Tile, list[list[bytes]]] = {}

    def __call__(self, level: int, number: int) -> bytes:
        row, above = divmod(level, TILE_LEVELS)
        tile, within = divmod(number << above, WIDTH)
        width = min(WIDTH, self.size // WIDTH**row - tile * WIDTH)
        at = within >> above
        if width < 1 or at >= width >> above:
            raise Malformed(f"node {level}/{number} is not in a tree of {self.size}")
        return self._rows(Tile(row, tile, width))[above][at]

    def _rows(self, tile: Tile) -> list[list[bytes]]:
        rows = self._kept.get(tile)
        if rows is None:
            rows = self._read_rows(tile)
            if len(self._kept) >= TILES_KEPT:
                self._kept.clear()
            self._kept[tile] = rows
        return rows

    def _read_rows(self, tile: Tile) -> list[list[bytes]]:
        """The tile's hashes, and above them the roots of its complete pairs, row by row."""
        rows = [list(hashes_from_bytes(self._read(tile), tile.width))]
        while len(rows) < TILE_LEVELS:
            rows.append(node_hashes(rows[-1]))
        return rows
