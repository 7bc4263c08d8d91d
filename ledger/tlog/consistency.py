"""That one tree begins with another, or has another within it: RFC 9162 section 2.1.4.

What a cosigner asks before it signs, and what shows two histories of one log.
Subtrees are those of draft-ietf-plants-merkle-tree-certs section 4: [start, end), with
`start` a multiple of the smallest power of two that is at least the length.
"""

from collections.abc import Sequence

from ledger.errors import Rejected
from ledger.tlog.merkle import EMPTY_ROOT, check_hashes, check_inclusion, node_hash


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
    check_hashes((subtree, root, *proof))
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
