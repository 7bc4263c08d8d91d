from collections.abc import Sequence

import pytest

from ledger.errors import Malformed
from ledger.tlog.consistency import check_consistency
from ledger.tlog.merkle import EMPTY_ROOT, check_inclusion, leaf_hash, root_of
from ledger.tlog.proof import TileNodes, prove_consistency, prove_inclusion, split, subtree_root
from ledger.tlog.tile import ENTRIES, MAX_ENTRY, Tile, bundles_of, tiles_of
from ledger.tlog.tiling import Tiling

Store = dict[Tile, bytes]


def _entries(start: int, end: int) -> list[bytes]:
    return [b"%d" % i for i in range(start, end)]


def _published(size: int) -> tuple[Tiling, Store]:
    tiling = Tiling()
    tiles = dict(tiling.append(_entries(0, size)))
    tiles.update(tiling.partial())
    return tiling, tiles


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 1000, 65_535, 65_536, 65_537])
def test_what_comes_out_is_what_the_size_commits_to(size: int) -> None:
    tiling, tiles = _published(size)
    assert set(tiles) == {*tiles_of(size), *bundles_of(size)}
    assert tiling.root() == root_of(map(leaf_hash, _entries(0, size)))


def test_an_empty_log_publishes_nothing() -> None:
    tiling, tiles = _published(0)
    assert tiles == {}
    assert tiling.root() == EMPTY_ROOT


def test_each_tile_comes_out_before_what_stands_on_it() -> None:
    order = [tile for tile, _ in Tiling().append(_entries(0, 65_536))]
    assert order[:2] == [Tile(ENTRIES, 0), Tile(0, 0)]
    assert order[-3:] == [Tile(ENTRIES, 255), Tile(0, 255), Tile(1, 0)]


def test_partial_tiles_may_be_asked_for_again() -> None:
    tiling, _ = _published(300)
    assert list(tiling.partial()) == list(tiling.partial())


def test_an_entry_too_long_for_a_bundle_is_refused_before_it_is_in_the_tree() -> None:
    tiling, _ = _published(3)
    before = tiling.root()
    with pytest.raises(Malformed, match="want entries of at most 65535 bytes"):
        list(tiling.append([bytes(MAX_ENTRY + 1)]))
    assert (tiling.size, tiling.root()) == (3, before)
    assert dict(tiling.partial())


def test_a_log_is_not_resumed_from_tiles_of_another_width() -> None:
    _, tiles = _published(300)

    def cut(tile: Tile) -> bytes:
        return tiles[tile][:-1]

    with pytest.raises(Malformed):
        Tiling.resume(300, cut)


def test_resuming_reads_partial_tiles_only() -> None:
    _, tiles = _published(70_000)
    asked: list[Tile] = []

    def read(tile: Tile) -> bytes:
        asked.append(tile)
        return tiles[tile]

    Tiling.resume(70_000, read)
    assert asked == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1), Tile(ENTRIES, 273, 112)]


@pytest.mark.parametrize(("length", "k"), [(2, 1), (3, 2), (4, 2), (5, 4), (256, 128), (257, 256)])
def test_a_range_is_split_at_the_largest_power_of_two_below_it(length: int, k: int) -> None:
    assert split(length) == k


def _nodes(tiles: Store, size: int) -> TileNodes:
    return TileNodes(size, lambda tile: tiles[tile])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 5), (5, 5), (0, -1)])
def test_there_is_no_proof_of_an_index_outside(index: int, size: int) -> None:
    with pytest.raises(Malformed):
        prove_inclusion(index, size, _nodes({}, 0))


@pytest.mark.parametrize(("size1", "size2"), [(-1, 5), (6, 5), (0, -1)])
def test_there_is_no_proof_between_such_sizes(size1: int, size2: int) -> None:
    with pytest.raises(Malformed):
        prove_consistency(size1, size2, _nodes({}, 0))


def test_from_nothing_and_to_itself_the_proof_is_empty() -> None:
    assert prove_consistency(0, 5, _nodes({}, 0)) == ()
    assert prove_consistency(5, 5, _nodes({}, 0)) == ()


def test_the_root_of_no_entries_is_the_empty_root() -> None:
    assert subtree_root(0, 0, _nodes({}, 0)) == EMPTY_ROOT


def _path_positions() -> Sequence[int]:
    return (0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999)


@pytest.mark.parametrize("index", _path_positions())
def test_a_large_log_proves_its_entries_from_its_tiles(index: int) -> None:
    tiling, tiles = _published(70_000)
    nodes = _nodes(tiles, 70_000)
    proof = prove_inclusion(index, 70_000, nodes)
    check_inclusion(index, 70_000, leaf_hash(b"%d" % index), proof, tiling.root())
    if index:
        old = root_of(map(leaf_hash, _entries(0, index)))
        check_consistency(
            index, 70_000, old, tiling.root(), prove_consistency(index, 70_000, nodes)
        )


def test_each_tile_is_read_once() -> None:
    _, tiles = _published(1000)
    asked: list[Tile] = []

    def read(tile: Tile) -> bytes:
        asked.append(tile)
        return tiles[tile]

    nodes = TileNodes(1000, read)
    prove_inclusion(3, 1000, nodes)
    prove_inclusion(700, 1000, nodes)
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(("level", "number"), [(0, 300), (0, 2**40), (8, 1), (3, 37), (64, 0)])
def test_a_node_outside_the_tree_is_refused(level: int, number: int) -> None:
    _, tiles = _published(300)
    with pytest.raises(Malformed):
        _nodes(tiles, 300)(level, number)


def test_a_tile_cut_short_is_refused() -> None:
    _, tiles = _published(300)
    nodes = TileNodes(300, lambda tile: tiles[tile][:-32])
    with pytest.raises(Malformed, match="want a tile of"):
        nodes(0, 0)
