"""The Merkle tree of RFC 6962 section 2.1 (RFC 9162 is the same), and its checks.

    leaf(d)   = SHA-256(0x00 ‖ d)
    node(l,r) = SHA-256(0x01 ‖ l ‖ r)
    root([])  = SHA-256("")
    root(D)   = node(root(D[:k]), root(D[k:])),  k the largest power of two below |D|

The prefixes keep a node from passing as a leaf. Nothing in a tree ties a leaf to
its index or to a log's name: the signed checkpoint and the proof do. What is
checked here is built in `proof`; the two share only this file's hash functions.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import add
from typing import Self

from ledger.errors import Malformed, Rejected
from ledger.suite import DIGEST_SIZE, digest, digests

EMPTY_ROOT = digest(b"")

MAX_PROOF = 63  # a tree of 2^63 leaves has paths of 63 hashes


def leaf_hash(data: bytes | memoryview) -> bytes:
    return digest(b"\x00" + data)


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    return digests(b"\x00", entries)


def node_hash(left: bytes, right: bytes) -> bytes:
    return digest(b"\x01" + left + right)


def node_hashes(row: Sequence[bytes]) -> list[bytes]:
    """The nodes over a row of hashes, two by two; one left over at the end has none."""
    return digests(b"\x01", map(add, row[::2], row[1::2]))


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tree: the roots of its complete subtrees, largest first.

    It is all that appending needs, and one hash for each bit set in `size`.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise Malformed(f"want {self.size.bit_count()} edge hashes, got {len(self.hashes)}")
        check_hashes(self.hashes)

    def extend(self, leaf_hashes: Iterable[bytes]) -> Self:
        hashes, size = list(self.hashes), self.size
        for leaf in leaf_hashes:
            node, bits = leaf, size
            while bits & 1:
                node = node_hash(hashes.pop(), node)
                bits >>= 1
            hashes.append(node)
            size += 1
        return type(self)(size, tuple(hashes))

    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    return Edge().extend(leaf_hashes).root()


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """The root over 2^n hashes, row by row, as of a full tile."""
    row = list(hashes)
    if not row or len(row) & (len(row) - 1):
        raise Malformed(f"want a power of two of hashes, got {len(row)}")
    while len(row) > 1:
        row = node_hashes(row)
    return row[0]


def check_inclusion(
    index: int,
    size: int,
    leaf: bytes,
    proof: Sequence[bytes],
    root: bytes,
    *,
    node: Callable[[bytes, bytes], bytes] = node_hash,
    width: int = DIGEST_SIZE,
) -> None:
    """RFC 9162 section 2.1.3.2: raises `Rejected` unless `leaf` stands at `index` of `size`.

    `node` and `width` are those of a tree with another hash.
    """
    check_hashes((leaf, root, *proof), width)
    if not 0 <= index < size:
        raise Rejected(f"index {index} is not in a tree of {size}")
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            raise Rejected("the inclusion proof is too long")
        if fn & 1 or fn == sn:
            r = node(p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise Rejected("the inclusion proof is too short")
    if r != root:
        raise Rejected("the inclusion proof leads to another root")


def check_hashes(hashes: Iterable[bytes], width: int = DIGEST_SIZE) -> None:
    # An empty leaf hash beside an equal empty root would otherwise be "included".
    for h in hashes:
        if len(h) != width:
            raise Malformed(f"want hashes of {width} bytes, got {len(h)}")
