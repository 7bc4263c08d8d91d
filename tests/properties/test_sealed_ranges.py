"""A range of an item is that range, however it lies over the blocks and wherever it is kept."""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Unavailable
from ledger.evidence.chunks import CHUNK_SIZE
from testkit.vault import Shelf, flip, keep, leaves_of, plain_shelf, sealed_shelf

SIZES = (0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 17 * CHUNK_SIZE + 5)
PATTERN = bytes(n * n % 251 for n in range(99_991))  # no two blocks are alike


def item(size: int) -> bytes:
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


@pytest.fixture(scope="module", params=["plain", "sealed", "plain pair", "sealed pair, damaged"])
def kept(request: pytest.FixtureRequest) -> Iterator[tuple[object, dict[int, str]]]:
    root = Path(tempfile.mkdtemp(prefix="tiezheng-ranges-"))
    paired = "pair" in request.param
    make = sealed_shelf if "sealed" in request.param else plain_shelf
    shelf: Shelf = make(root, paired=paired)
    vault = shelf.open()
    ids = {size: keep(vault, item(size)) for size in SIZES}
    if "damaged" in request.param:
        for size, object_id in ids.items():
            flip(shelf.file(object_id), 8 * (size // 2))
    yield vault, ids
    shelf.close()
    shutil.rmtree(root)


def near_a_block(size: int) -> st.SearchStrategy[int]:
    edges = st.integers(0, size // CHUNK_SIZE + 1).map(lambda n: n * CHUNK_SIZE)
    near = st.builds(lambda edge, by: edge + by, edges, st.integers(-2, 2))
    return st.one_of(near, st.integers(0, size)).map(lambda n: min(max(n, 0), size))


@given(data=st.data(), size=st.sampled_from(SIZES))
@settings(max_examples=150, deadline=None)
def test_a_range_is_that_part_of_the_item(
    kept: tuple[object, dict[int, str]], data: st.DataObject, size: int
) -> None:
    vault, ids = kept
    ends = near_a_block(size)
    start, end = sorted((data.draw(ends), data.draw(ends)))
    assert vault.read(ids[size], start, end) == item(size)[start:end]  # type: ignore[attr-defined]


@given(size=st.sampled_from(SIZES), beyond=st.integers(1, 2 * CHUNK_SIZE))
@settings(max_examples=30, deadline=None)
def test_a_range_beyond_the_end_is_refused(
    kept: tuple[object, dict[int, str]], size: int, beyond: int
) -> None:
    vault, ids = kept
    with pytest.raises(Unavailable, match="shorter"):
        vault.read(ids[size], max(0, size - 1), size + beyond)  # type: ignore[attr-defined]


@given(cuts=st.lists(st.integers(0, 3 * CHUNK_SIZE), max_size=6))
@settings(max_examples=30, deadline=None)
def test_it_is_the_same_item_in_whatever_pieces_it_came(
    kept: tuple[object, dict[int, str]], cuts: list[int]
) -> None:
    vault, _ = kept
    data = item(3 * CHUNK_SIZE)
    writer = vault.begin(len(data))  # type: ignore[attr-defined]
    edges = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(edges):
        writer.write(memoryview(data)[start:end])
    object_id = writer.commit(leaves_of(data))
    assert b"".join(vault.stream(object_id)) == data  # type: ignore[attr-defined]
    assert vault.leaves(object_id) == leaves_of(data)  # type: ignore[attr-defined]
    vault.delete(object_id)  # type: ignore[attr-defined]
