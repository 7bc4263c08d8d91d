"""Trees against RFC 6962 section 2.1, written again here as recursively as it stands there."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import LedgerError
from ledger.tlog.consistency import check_consistency, check_subtree_consistency
from ledger.tlog.merkle import Edge, check_inclusion, leaf_hash
from ledger.tlog.proof import TileNodes, prove_consistency, prove_inclusion
from ledger.tlog.tile import ENTRIES, WIDTH, Tile, bundles_of, tiles_of
from ledger.tlog.tiling import Tiling

OFTEN = settings(max_examples=100, deadline=None, database=None)
Proof = tuple[bytes, ...]


def entry(index: int) -> bytes:
    return b"entry %d" % index * (index % 3)


@cache
def root(start: int, end: int) -> bytes:
    if end == start:
        return sha256().digest()
    if end - start == 1:
        return sha256(b"\0" + entry(start)).digest()
    k = largest_power_below(end - start)
    return sha256(b"\1" + root(start, start + k) + root(start + k, end)).digest()


def largest_power_below(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def path(m: int, start: int, end: int) -> Proof:
    if end - start == 1:
        return ()
    k = largest_power_below(end - start)
    if m < k:
        return (*path(m, start, start + k), root(start + k, end))
    return (*path(m - k, start + k, end), root(start, start + k))


def consistency(m: int, start: int, end: int, whole: bool = True) -> Proof:
    if m == end - start:
        return () if whole else (root(start, end),)
    k = largest_power_below(end - start)
    if m <= k:
        return (*consistency(m, start, start + k, whole), root(start + k, end))
    return (*consistency(m - k, start + k, end, False), root(start, start + k))


def tile_bytes(tile: Tile) -> bytes:
    first = tile.number * WIDTH
    if tile.level == ENTRIES:
        entries = [entry(i) for i in range(first, first + tile.width)]
        return b"".join(len(e).to_bytes(2, "big") + e for e in entries)
    unit = WIDTH**tile.level
    return b"".join(root(i * unit, (i + 1) * unit) for i in range(first, first + tile.width))


def tiles_at(size: int) -> dict[Tile, bytes]:
    return {tile: tile_bytes(tile) for tile in (*tiles_of(size), *bundles_of(size))}


def refused(call: Callable[..., None], *arguments: object) -> bool:
    try:
        call(*arguments)
    except LedgerError:
        return True
    return False


def other_proofs(proof: Proof) -> Iterator[Proof]:
    for i, h in enumerate(proof):
        flipped = bytes([h[0] ^ 1]) + h[1:]
        yield (*proof[:i], flipped, *proof[i + 1 :])
        yield (*proof[:i], h[:-1] + bytes([h[-1] ^ 0x80]), *proof[i + 1 :])
        yield (*proof[:i], *proof[i + 1 :])
        yield (*proof[:i], h, *proof[i:])
        yield (*proof[:i], h[:-1], *proof[i + 1 :])
        if i:
            yield (*proof[: i - 1], h, proof[i - 1], *proof[i + 1 :])
    yield (*proof, bytes(32))
    yield (bytes(32), *proof)


def audit_inclusion(index: int, size: int) -> None:
    proof = prove_inclusion(index, size, TileNodes(size, tile_bytes))
    assert proof == path(index, 0, size)
    leaf, whole = root(index, index + 1), root(0, size)
    check_inclusion(index, size, leaf, proof, whole)
    for other in other_proofs(proof):
        assert refused(check_inclusion, index, size, leaf, other, whole)
    for wrong in {index - 1, index + 1, index ^ 1, size - 1 - index, size} - {index}:
        assert refused(check_inclusion, wrong, size, leaf, proof, whole)
    assert refused(check_inclusion, index, size, sha256(leaf).digest(), proof, whole)
    assert refused(check_inclusion, index, size, leaf, proof, sha256(whole).digest())


def audit_consistency(old: int, new: int) -> None:
    proof = prove_consistency(old, new, TileNodes(new, tile_bytes))
    assert proof == consistency(old, 0, new)
    before, after = root(0, old), root(0, new)
    check_consistency(old, new, before, after, proof)
    check_subtree_consistency(0, old, new, before, after, proof)
    for other in other_proofs(proof):
        assert refused(check_consistency, old, new, before, after, other)
    assert refused(check_consistency, old, new, sha256(before).digest(), after, proof)
    assert refused(check_consistency, old, new, before, sha256(after).digest(), proof)
    if old != new:
        assert refused(check_consistency, new, old, after, before, proof)


@pytest.mark.parametrize("size", range(1, 71))
def test_every_proof_in_a_small_tree_holds_and_no_other(size: int) -> None:
    for n in range(size):
        audit_inclusion(n, size)
        audit_consistency(n + 1, size)


@given(st.integers(1, 5000), st.data())
@OFTEN
def test_proofs_in_a_larger_tree_hold_and_no_others(size: int, data: st.DataObject) -> None:
    audit_inclusion(data.draw(st.integers(0, size - 1)), size)
    audit_consistency(data.draw(st.integers(1, size)), size)


@given(st.integers(1, 5000), st.data())
@OFTEN
def test_a_leaf_is_a_subtree_of_one(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaf, whole = root(index, index + 1), root(0, size)
    check_subtree_consistency(index, index + 1, size, leaf, whole, path(index, 0, size))


@given(st.lists(st.integers(0, 400), max_size=6))
@OFTEN
def test_an_edge_grown_in_any_steps_has_the_root(steps: list[int]) -> None:
    edge = Edge()
    for step in steps:
        edge = edge.extend(leaf_hash(entry(edge.size + i)) for i in range(step))
    assert edge.size == sum(steps)
    assert edge.root() == root(0, edge.size)


# --- tiling --------------------------------------------------------------------------------

AROUND_A_LEVEL = range(65_534, 65_539)


def grow(tiling: Tiling, size: int) -> dict[Tile, bytes]:
    return dict(tiling.append(map(entry, range(tiling.size, size))))


def test_at_every_size_the_tiles_are_those_of_the_rfc() -> None:
    tiling, full = Tiling(), dict[Tile, bytes]()
    for size in (*range(601), *AROUND_A_LEVEL):
        full |= grow(tiling, size)
        assert tiling.size == size
        assert tiling.root() == root(0, size)
        assert full | dict(tiling.partial()) == tiles_at(size)


def resumed(size: int, tiles: dict[Tile, bytes]) -> Tiling:
    return Tiling.resume(size, tiles.__getitem__)


def audit_resumed(sizes: Iterable[int], further: int) -> None:
    grown, full = Tiling(), dict[Tile, bytes]()
    for size in sizes:
        full |= grow(grown, size)
        tiling = resumed(size, full | dict(grown.partial()))
        assert tiling.root() == root(0, size)
        assert list(tiling.partial()) == list(grown.partial())
        end = size + further
        new = grow(tiling, end)
        assert full | new | dict(tiling.partial()) == tiles_at(end)


def test_a_log_resumed_at_any_size_goes_on_as_if_never_stopped() -> None:
    audit_resumed(range(601), 260)


def test_a_log_resumed_where_a_level_begins_goes_on_as_if_never_stopped() -> None:
    audit_resumed(AROUND_A_LEVEL, 3)


@given(st.integers(0, 3000), st.lists(st.integers(0, 600), max_size=4))
@settings(max_examples=30, deadline=None, database=None)
def test_a_log_stopped_at_random_is_the_same_log(size: int, steps: list[int]) -> None:
    tiling, tiles = Tiling(), dict[Tile, bytes]()
    for step in (size, *steps):
        tiles |= grow(tiling, tiling.size + step)
        tiling = resumed(tiling.size, tiles | dict(tiling.partial()))
    assert tiles | dict(tiling.partial()) == tiles_at(tiling.size)
    assert tiling.root() == root(0, tiling.size)
