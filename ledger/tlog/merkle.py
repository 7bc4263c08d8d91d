"""The Merkle tree of RFC 6962 section 2.1 (RFC 9162 is the same), and its checks.

    leaf(d)   = SHA-256(0x00 ‖ d)
    node(l,r) = SHA-256(0x01 ‖ l ‖ r)
    root([])  = SHA-256("")
    root(D)   = node(root(D[:k]), root(D[k:])),  k the largest power of two below |D|

The prefixes keep a node from passing as a leaf. Nothing in a tree ties a leaf to
its index or to a log's name: the signed checkpoint and the proof do. What is
checked here is built in `proof`; the two share only this file's hash functions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from ledger.errors import Malformed, Rejected
from ledger.suite import DIGEST_SIZE, digest

EMPTY_ROOT = digest(b"")

MAX_PROOF = 63  # a tree of 2^63 leaves has paths of 63 hashes


def leaf_hash(data: bytes | memoryview) -> bytes:
    return digest(b"\x00" + data)


def node_hash(left: bytes, right: bytes) -> bytes:
    return digest(b"\x01" + left + right)


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
        _check_hashes(self.hashes)

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


def check_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """RFC 9162 section 2.1.3.2: raises `Rejected` unless `leaf` stands at `index` of `size`."""
    _check_hashes((leaf, root, *proof))
    if not 0 <= index < size:
        raise Rejected(f"index {index} is not in a tree of {size}")
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            raise Rejected("the inclusion proof is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise Rejected("the inclusion proof is too short")
    if r != root:
        raise Rejected("the inclusion proof leads to another root")


def check_consistency(
    size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]
) -> None:
    """RFC 9162 section 2.1.4.2: raises `Rejected` unless the second tree begins with the first.

    From size 0 nothing is proved, so that too is `Rejected`: the empty tree begins
    every tree, and callers decide themselves whether that is enough.
    """
    if not 0 < size1 <= size2:
        raise Rejected(f"no consistency from size {size1} to {size2}")
    if size1 == size2:
        if proof or root1 != root2:
            raise Rejected("two trees of one size differ")
        return
    check_subtree_consistency(0, size1, size2, root1, root2, proof)


def check_subtree_inclusion(
    index: int, start: int, end: int, leaf: bytes, proof: Sequence[bytes], subtree: bytes
) -> None:
    """That `leaf` stands at `index` of the valid subtree `[start, end)` with hash `subtree`."""
    check_subtree(start, end)
    if not start <= index < end:
        raise Rejected(f"index {index} is not in [{start}, {end})")
    check_inclusion(index - start, end - start, leaf, proof, subtree)


def check_subtree_consistency(
    start: int, end: int, size: int, subtree: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """That `[start, end)` of the tree of `size` has hash `subtree`.

    draft-ietf-plants-merkle-tree-certs section 4; for `start` 0 it is the
    consistency check of RFC 9162.
    """
    _check_hashes((subtree, root, *proof))
    check_subtree(start, end)
    if end > size:
        raise Rejected(f"[{start}, {end}) is not in a tree of {size}")
    if start == end:
        if proof or subtree != EMPTY_ROOT:
            raise Rejected("an empty subtree has an empty proof")
        return
    fn, sn, tn = start, end - 1, size - 1
    while fn != sn and (sn == tn or sn & 1):
        fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    rest = list(reversed(proof))
    if fn == sn:
        fr = sr = subtree
    elif rest:
        fr = sr = rest.pop()
    else:
        raise Rejected("the consistency proof is empty")
    while rest:
        c = rest.pop()
        if tn == 0:
            raise Rejected("the consistency proof is too long")
        if sn & 1 or sn == tn:
            if fn < sn:
                fr = node_hash(c, fr)
            sr = node_hash(c, sr)
            while sn and not sn & 1:
                fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    if tn != 0:
        raise Rejected("the consistency proof is too short")
    if fr != subtree:
        raise Rejected("the consistency proof starts from another tree")
    if sr != root:
        raise Rejected("the consistency proof leads to another root")


def check_subtree(start: int, end: int) -> None:
    """`start` must be a multiple of the smallest power of two that is at least the length."""
    if not 0 <= start <= end:
        raise Rejected(f"[{start}, {end}) is no range")
    unit = 1 << max(end - start - 1, 0).bit_length()
    if start % unit:
        raise Rejected(f"[{start}, {end}) is no subtree")


def _check_hashes(hashes: Iterable[bytes]) -> None:
    # An empty leaf hash beside an equal empty root would otherwise be "included".
    for h in hashes:
        if len(h) != DIGEST_SIZE:
            raise Malformed(f"want hashes of {DIGEST_SIZE} bytes, got {len(h)}")
