"""Our trees against those of merkletools, which is other people's code for other people's proofs.

Where `hash_function` is replaced it is the tree of RFC 6962. In stock mode it is not,
and the last tests here say why nothing of ours is ever hashed so.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import pytest

from cli.chainpoint import Step
from cli.second_opinion import check_path, new_tree, stock_tree
from ledger.errors import Rejected
from ledger.tlog.audit import read_log
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, check_inclusion, leaf_hash, root_of
from ledger.tlog.note import SignedNote
from ledger.tlog.proof import Nodes, TileNodes, prove_inclusion
from ledger.tlog.receipt import Receipt
from ledger.tlog.tile import Tile, hashes_from_bytes
from ledger.tlog.tiling import Tiling
from testkit.world import grown

LARGEST = 300
SHORT_PATHS = (3, 5, 33, 257)  # the last leaf of such a size is promoted, not paired


@cache
def entry(index: int) -> bytes:
    return b"entry %d" % index


@cache
def leaves(size: int) -> tuple[bytes, ...]:
    return tuple(leaf_hash(entry(i)) for i in range(size))


def tiles_of_log(size: int) -> dict[Tile, bytes]:
    tiling = Tiling()
    return dict(tiling.append(map(entry, range(size)))) | dict(tiling.partial())


def nodes_of(tiles: dict[Tile, bytes], size: int) -> Nodes:
    return cache(TileNodes(size, tiles.__getitem__))


def values(path: Sequence[dict[str, str]]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(value) for step in path for value in step.values())


def compare_paths(tree: Any, leaf_hashes: Sequence[bytes], nodes: Nodes, root: bytes) -> None:
    size = len(leaf_hashes)
    for index, leaf in enumerate(leaf_hashes):
        path = tree.get_proof(index)
        assert values(path) == prove_inclusion(index, size, nodes), (index, size)
        check_inclusion(index, size, leaf, values(path), root)
        assert tree.validate_proof(path, leaf.hex(), root.hex())


@pytest.mark.parametrize("sizes", [range(n, n + 50) for n in range(1, LARGEST, 50)], ids=str)
def test_at_every_size_root_and_every_path_are_those_of_merkletools(sizes: range) -> None:
    for size in sizes:
        tree, nodes = new_tree(leaves(size)), nodes_of(tiles_of_log(size), size)
        root = bytes.fromhex(tree.get_merkle_root())
        assert root == root_of(leaves(size)) == Edge().extend(leaves(size)).root()
        compare_paths(tree, leaves(size), nodes, root)


@pytest.mark.parametrize("size", [1000, 5000])
def test_in_a_larger_tree_root_and_every_path_are_those_of_merkletools(size: int) -> None:
    tree, nodes = new_tree(leaves(size)), nodes_of(tiles_of_log(size), size)
    root = bytes.fromhex(tree.get_merkle_root())
    assert root == root_of(leaves(size))
    compare_paths(tree, leaves(size), nodes, root)


def test_the_root_of_every_full_tile_is_that_of_merkletools() -> None:
    tiles = tiles_of_log(1000)
    (above,) = (
        hashes_from_bytes(data, tile.width) for tile, data in tiles.items() if tile.level == 1
    )
    full = [hashes_from_bytes(tiles[Tile(0, n)], 256) for n in range(3)]
    assert [new_tree(row).get_merkle_root() for row in full] == [h.hex() for h in above]


def test_a_log_that_was_published_has_the_root_and_paths_of_merkletools() -> None:
    world = grown(70)
    note = world.public.get("checkpoint")
    checkpoint = Checkpoint.from_text(SignedNote.from_bytes(note).text)
    bundles = read_log(world.public.get, checkpoint, tiles=True)
    entries = [data for _, bundle in bundles for data in bundle]
    # As RFC 6962 says it, with nothing of ours between the public bytes and merkletools.
    tree = new_tree(sha256(b"\0" + data).digest() for data in entries)
    assert len(entries) == checkpoint.size == 70
    assert tree.get_merkle_root() == checkpoint.root.hex()
    for index in range(70):
        receipt = world.log.receipt(index, note.decode())
        assert isinstance(receipt, Receipt)
        assert receipt.proof == values(tree.get_proof(index))


# --- what it refuses -------------------------------------------------------------------------


def steps(tree: Any, index: int) -> list[Step]:
    path = tree.get_proof(index)
    return [Step(side, bytes.fromhex(value)) for step in path for side, value in step.items()]


def forgeries(path: list[Step]) -> list[list[Step]]:
    forged = [path[:-1], path[1:], [*path, path[-1]], [Step("left", bytes(32)), *path]]
    for i, (side, value) in enumerate(path):
        other = Step("left" if side == "right" else "right", value)
        forged.append([*path[:i], other, *path[i + 1 :]])
        forged.append([*path[:i], Step(side, sha256(value).digest()), *path[i + 1 :]])
    return [way for way in forged if way != path]


@pytest.mark.parametrize("size", [2, *SHORT_PATHS])
def test_merkletools_refuses_a_forged_leaf_or_path(size: int) -> None:
    tree, root = new_tree(leaves(size)), root_of(leaves(size))
    for index in {0, size // 2, size - 1}:
        path, leaf = steps(tree, index), leaves(size)[index]
        check_path(leaf, path, root)
        for other in (leaf_hash(b"another"), root, leaves(size)[index - 1]):
            with pytest.raises(Rejected, match="merkletools does not come to the root"):
                check_path(other, path, root)
        for forged in forgeries(path):
            with pytest.raises(Rejected, match="merkletools does not come to the root"):
                check_path(leaf, forged, root)


def test_merkletools_refuses_a_lone_leaf_under_another_root() -> None:
    check_path(leaves(1)[0], [], leaves(1)[0])
    with pytest.raises(Rejected):
        check_path(leaves(1)[0], [], leaves(2)[1])


# --- why its stock mode is never used --------------------------------------------------------


def hashed_without_prefix(items: Sequence[bytes]) -> Any:
    tree = stock_tree()
    tree.add_leaf([sha256(item).hexdigest() for item in items])
    tree.make_tree()
    return tree


def test_in_stock_mode_two_hashes_that_nobody_logged_pass_for_an_entry() -> None:
    tree = hashed_without_prefix([b"a", b"b", b"c", b"d"])
    # 64 bytes that were never handed in, whose leaf hash is a node of the tree.
    never_logged = sha256(b"a").digest() + sha256(b"b").digest()
    leaf = sha256(never_logged).hexdigest()
    path = tree.get_proof(0)[1:]
    assert tree.validate_proof(path, leaf, tree.get_merkle_root())


def test_with_our_prefixes_the_same_two_hashes_are_no_entry() -> None:
    tree = new_tree(leaves(4))
    never_logged = leaves(4)[0] + leaves(4)[1]
    path = tree.get_proof(0)[1:]
    root = tree.get_merkle_root()
    assert not tree.validate_proof(path, leaf_hash(never_logged).hex(), root)
    # But a path alone does not tell a node from a leaf: whoever is shown a leaf hash
    # must compute it from the entry, and whoever knows index and size sees the length.
    node = sha256(b"\1" + never_logged).digest()
    assert tree.validate_proof(path, node.hex(), root)
    with pytest.raises(Rejected, match="too short"):
        check_inclusion(0, 4, node, values(path), bytes.fromhex(root))


def test_hashing_leaves_itself_it_would_hash_them_as_nodes() -> None:
    tree = new_tree()
    tree.add_leaf("entry", do_hash=True)
    assert bytes.fromhex(tree.get_leaf(0)) == sha256(b"\1entry").digest() != leaf_hash(b"entry")


def test_of_nothing_it_knows_no_root() -> None:
    assert new_tree().get_merkle_root() is None
