import pytest

from ledger.errors import LedgerError, Malformed, Rejected
from ledger.suite import digest
from ledger.tlog.consistency import (
    check_consistency,
    check_subtree,
    check_subtree_consistency,
    check_subtree_inclusion,
)
from ledger.tlog.merkle import (
    EMPTY_ROOT,
    Edge,
    check_inclusion,
    complete_root,
    leaf_hash,
    leaf_hashes,
    node_hash,
    root_of,
)

A, B, C = (leaf_hash(x) for x in (b"a", b"b", b"c"))
AB = node_hash(A, B)
ABC = node_hash(AB, C)


def test_leaf_and_node_have_their_prefixes() -> None:
    assert digest(b"\0a") == A
    assert leaf_hash(memoryview(b"a")) == A
    assert digest(b"\1" + A + B) == AB


def test_the_empty_tree_has_the_digest_of_nothing() -> None:
    assert root_of([]) == EMPTY_ROOT == digest(b"")


def test_an_edge_grown_in_parts_is_the_edge_grown_at_once() -> None:
    assert Edge().extend([A]).extend([B, C]) == Edge().extend([A, B, C])
    assert Edge().extend([A, B, C]) == Edge(3, (AB, C))
    assert Edge(3, (AB, C)).root() == ABC


@pytest.mark.parametrize(
    ("size", "hashes"), [(3, (A,)), (0, (A,)), (1, ()), (-1, ()), (-1, (A,)), (1, (b"short",))]
)
def test_an_edge_has_one_hash_for_each_bit_of_its_size(
    size: int, hashes: tuple[bytes, ...]
) -> None:
    with pytest.raises(Malformed):
        Edge(size, hashes)


def test_an_inclusion_proof_holds_for_its_place_only() -> None:
    check_inclusion(0, 3, A, (B, C), ABC)
    check_inclusion(2, 3, C, (AB,), ABC)
    check_inclusion(0, 1, A, (), A)


@pytest.mark.parametrize(
    ("index", "size", "leaf", "proof", "root"),
    [
        (1, 3, A, (B, C), ABC),
        (0, 4, A, (B, C), AB),
        (0, 2, A, (B, C), ABC),
        (0, 3, B, (B, C), ABC),
        (0, 3, A, (C, B), ABC),
        (0, 3, A, (B,), ABC),
        (0, 3, A, (B, C, C), ABC),
        (0, 3, A, (), ABC),
        (0, 3, A, (B, C), AB),
        (3, 3, A, (B, C), ABC),
        (-1, 3, A, (B, C), ABC),
        (0, 0, A, (), A),
        (0, -1, A, (), A),
        (0, 1, A, (B,), AB),
        (0, 1, b"", (), b""),
        (0, 3, A, (B, C + b"\0"), ABC),
        (0, 3, A, (B, b""), ABC),
    ],
)
def test_any_other_inclusion_proof_is_refused(
    index: int, size: int, leaf: bytes, proof: tuple[bytes, ...], root: bytes
) -> None:
    with pytest.raises(LedgerError):
        check_inclusion(index, size, leaf, proof, root)


def test_a_node_does_not_pass_as_a_leaf() -> None:
    with pytest.raises(Rejected):
        check_inclusion(0, 2, leaf_hash(A + B), (C,), ABC)


def test_a_consistency_proof_holds_for_its_sizes_only() -> None:
    check_consistency(1, 3, A, ABC, (B, C))
    check_consistency(2, 3, AB, ABC, (C,))
    check_consistency(3, 3, ABC, ABC, ())


@pytest.mark.parametrize(
    ("size1", "size2", "root1", "root2", "proof"),
    [
        (2, 3, AB, ABC, ()),
        (2, 3, AB, ABC, (C, C)),
        (2, 3, AB, ABC, (B,)),
        (2, 3, A, ABC, (C,)),
        (2, 3, AB, AB, (C,)),
        (1, 3, AB, ABC, (C,)),
        (3, 2, ABC, AB, (C,)),
        (3, 3, ABC, ABC, (C,)),
        (3, 3, ABC, AB, ()),
        (0, 3, EMPTY_ROOT, ABC, ()),
        (0, 0, EMPTY_ROOT, EMPTY_ROOT, ()),
        (0, 3, ABC, ABC, (ABC,)),
        (-1, -1, A, A, ()),
        (-1, 3, A, ABC, (B, C)),
        (2, 3, AB, ABC, (C[:31],)),
    ],
)
def test_any_other_consistency_proof_is_refused(
    size1: int, size2: int, root1: bytes, root2: bytes, proof: tuple[bytes, ...]
) -> None:
    with pytest.raises(LedgerError):
        check_consistency(size1, size2, root1, root2, proof)


@pytest.mark.parametrize(
    ("start", "end"), [(0, 0), (7, 7), (5, 6), (4, 7), (8, 16), (0, 5), (16, 25)]
)
def test_a_subtree_begins_where_a_tree_of_its_length_may(start: int, end: int) -> None:
    check_subtree(start, end)


@pytest.mark.parametrize(("start", "end"), [(1, 3), (2, 5), (4, 9), (3, 2), (-1, 0), (8, 17)])
def test_any_other_range_is_no_subtree(start: int, end: int) -> None:
    with pytest.raises(Rejected):
        check_subtree(start, end)


def test_a_leaf_stands_in_its_subtree() -> None:
    check_subtree_inclusion(4, 4, 6, A, (B,), AB)
    for index in (3, 5, 6):
        with pytest.raises(Rejected):
            check_subtree_inclusion(index, 4, 6, A, (B,), AB)


def test_a_subtree_is_proved_to_stand_in_the_tree() -> None:
    check_subtree_consistency(2, 3, 3, C, ABC, (AB,))
    check_subtree_consistency(0, 2, 3, AB, ABC, (C,))
    check_subtree_consistency(1, 1, 3, EMPTY_ROOT, ABC, ())
    for start, end, size in ((2, 3, 2), (1, 2, 3), (2, 3, 4)):
        with pytest.raises(Rejected):
            check_subtree_consistency(start, end, size, C, ABC, (AB,))


@pytest.mark.parametrize("size", [1, 2, 4, 256])
def test_a_complete_root_is_the_root_of_its_hashes(size: int) -> None:
    hashes = leaf_hashes([bytes([i]) for i in range(size)])
    assert hashes == [leaf_hash(bytes([i])) for i in range(size)]
    assert complete_root(hashes) == root_of(hashes)


@pytest.mark.parametrize("size", [0, 3, 255])
def test_only_a_power_of_two_of_hashes_has_a_complete_root(size: int) -> None:
    with pytest.raises(Malformed, match="power of two"):
        complete_root([bytes(32)] * size)
