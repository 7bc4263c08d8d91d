"""Whatever the tree, the operations of a Chainpoint proof lead to its root, and others do not."""

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.chainpoint import Step, chainpoint, steps_of
from cli.second_opinion import check_path, new_tree
from ledger.errors import LedgerError
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.proof import TileNodes, prove_inclusion
from ledger.tlog.tiling import Tiling
from testkit.chainpoint import evaluate

OFTEN = settings(max_examples=100, deadline=None, database=None)
URI = "https://ledger.example/log/2026/checkpoint"


@cache
def entries(size: int) -> list[bytes]:
    return [b"%d" % i for i in range(size)]


@cache
def log(size: int) -> tuple[Checkpoint, TileNodes]:
    tiling = Tiling()
    tiles = dict(tiling.append(entries(size))) | dict(tiling.partial())
    root = root_of(map(leaf_hash, entries(size)))
    return Checkpoint("ledger.example/2026", size, root), TileNodes(size, tiles.__getitem__)


def prove(index: int, size: int) -> tuple[bytes, tuple[Step, ...], Checkpoint]:
    checkpoint, nodes = log(size)
    leaf = leaf_hash(entries(size)[index])
    proof = prove_inclusion(index, size, nodes)
    return leaf, steps_of(index, leaf, proof, checkpoint), checkpoint


def document(index: int, size: int) -> dict[str, Any]:
    return chainpoint(*prove(index, size), URI)


def audit(index: int, size: int) -> None:
    leaf, steps, checkpoint = prove(index, size)
    ((anchor, value),) = evaluate(chainpoint(leaf, steps, checkpoint, URI))
    assert value == checkpoint.root.hex()
    assert anchor["anchor_id"].split(" ") == [checkpoint.origin, str(size), value]
    check_path(leaf, steps, checkpoint.root)


@pytest.mark.parametrize("size", range(1, 70))
def test_every_leaf_of_a_small_tree_reaches_the_root(size: int) -> None:
    for index in range(size):
        audit(index, size)


@given(st.integers(1, 5000), st.data())
@OFTEN
def test_a_leaf_of_a_larger_tree_reaches_the_root(size: int, data: st.DataObject) -> None:
    audit(data.draw(st.integers(0, size - 1)), size)


@given(st.integers(1, 600), st.data())
@OFTEN
def test_its_steps_are_those_of_merkletools_side_by_side(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    _, steps, _ = prove(index, size)
    tree = new_tree(map(leaf_hash, entries(size)))
    assert [{step.side: step.hash.hex()} for step in steps] == tree.get_proof(index)


def tampered(ops: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Every operation but the last, which says where to look: left out, doubled, or altered."""
    for i, op in enumerate(ops[:-1]):
        yield ops[:i] + ops[i + 1 :]
        yield ops[: i + 1] + ops[i:]
        match op:
            case {"l": data} | {"r": data}:
                side, other = ("l", "r") if "l" in op else ("r", "l")
                flipped = bytes([bytes.fromhex(data)[0] ^ 1]) + bytes.fromhex(data)[1:]
                yield [*ops[:i], {other: data}, *ops[i + 1 :]]
                yield [*ops[:i], {side: flipped.hex()}, *ops[i + 1 :]]
                yield [*ops[:i], {side: data + "00"}, *ops[i + 1 :]]


@given(st.integers(2, 1000), st.data())
@OFTEN
def test_with_any_operation_altered_it_reaches_another_root(size: int, data: st.DataObject) -> None:
    proof = document(data.draw(st.integers(0, size - 1)), size)
    (branch,) = proof["branches"]
    root = log(size)[0].root.hex()
    for ops in tampered(branch["ops"]):
        forged = proof | {"branches": [branch | {"ops": ops}]}
        ((_, value),) = evaluate(forged)
        assert value != root
    ((_, value),) = evaluate(proof | {"hash": sha256(bytes.fromhex(proof["hash"])).hexdigest()})
    assert value != root


@given(st.integers(1, 300), st.data())
@OFTEN
def test_a_path_to_another_root_becomes_no_proof(size: int, data: st.DataObject) -> None:
    checkpoint, nodes = log(size)
    index = data.draw(st.integers(0, size - 1))
    leaf, proof = leaf_hash(entries(size)[index]), prove_inclusion(index, size, nodes)
    other = Checkpoint(checkpoint.origin, size, sha256(checkpoint.root).digest())
    for wrong in (
        (index, leaf, proof, other),
        (index, leaf_hash(b"another"), proof, checkpoint),
        (index, leaf, (*proof, bytes(32)), checkpoint),
        (size, leaf, proof, checkpoint),
    ):
        with pytest.raises(LedgerError):
            steps_of(*wrong)
