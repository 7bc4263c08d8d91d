"""Runs of chunks proved to be part of an item, at once."""

import random

import pytest

from ledger.errors import Malformed, Rejected
from ledger.evidence.ranges import Runs, hidden, prove_runs, root_of_runs
from ledger.tlog.merkle import leaf_hash, root_of

LEAVES = [leaf_hash(i.to_bytes(2, "big")) for i in range(70)]


def some_runs(chunks: int, seed: int) -> Runs:
    rng = random.Random(seed)
    kept = sorted(rng.sample(range(chunks), rng.randint(1, chunks)))
    runs: list[tuple[int, int]] = []
    for n in kept:
        if runs and runs[-1][1] == n - 1:
            runs[-1] = (runs[-1][0], n)
        else:
            runs.append((n, n))
    return runs


def proved(runs: Runs, chunks: int) -> tuple[bytes, ...]:
    return prove_runs(runs, chunks, lambda a, b: root_of(LEAVES[a:b]))


def shown(runs: Runs) -> list[bytes]:
    return [LEAVES[n] for first, last in runs for n in range(first, last + 1)]


@pytest.mark.parametrize("chunks", [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 70])
def test_shown_leaves_and_the_proof_lead_to_the_root(chunks: int) -> None:
    root = root_of(LEAVES[:chunks])
    for seed in range(30):
        runs = some_runs(chunks, seed)
        proof = proved(runs, chunks)
        assert root_of_runs(runs, chunks, iter(shown(runs)), proof) == root


def test_another_leaf_order_place_or_hash_leads_elsewhere() -> None:
    runs, chunks = [(3, 5), (20, 20), (33, 40)], 70
    root, proof, leaves = root_of(LEAVES), proved(runs, chunks), shown(runs)
    for i in range(len(leaves)):
        other = [*leaves[:i], leaf_hash(b"other"), *leaves[i + 1 :]]
        assert root_of_runs(runs, chunks, iter(other), proof) != root
    for i in range(len(proof)):
        other_proof = (*proof[:i], leaf_hash(b"other"), *proof[i + 1 :])
        assert root_of_runs(runs, chunks, iter(leaves), other_proof) != root
    assert root_of_runs(runs, chunks, iter([*leaves[1:], leaves[0]]), proof) != root
    moved = [(3, 5), (21, 21), (33, 40)]
    assert root_of_runs(moved, chunks, iter(leaves), proved(moved, chunks)) != root


def test_a_proof_is_as_long_as_the_runs_take() -> None:
    runs, chunks = [(3, 5), (33, 40)], 70
    proof, leaves = proved(runs, chunks), shown(runs)
    with pytest.raises(Rejected, match="fewer hashes"):
        root_of_runs(runs, chunks, iter(leaves), proof[:-1])
    with pytest.raises(Rejected, match="more hashes"):
        root_of_runs(runs, chunks, iter(leaves), (*proof, LEAVES[0]))
    with pytest.raises(Malformed, match="32 bytes"):
        root_of_runs(runs, chunks, iter(leaves), (*proof[:-1], b"short"))


def test_one_run_takes_two_paths_of_hashes_at_most() -> None:
    chunks = 80_000  # 20 GB
    assert sum(1 for _ in hidden([(41_000, 41_300)], chunks)) <= 2 * 17
    assert list(hidden([(0, chunks - 1)], chunks)) == []


@pytest.mark.parametrize(
    "runs",
    [[], [(5, 4)], [(0, 70)], [(3, 4), (5, 6)], [(3, 6), (5, 9)], [(9, 9), (3, 3)], [(-1, 3)]],
)
def test_runs_have_one_spelling(runs: Runs) -> None:
    with pytest.raises(Malformed, match="runs of chunks"):
        root_of_runs(runs, 70, iter(LEAVES), ())
