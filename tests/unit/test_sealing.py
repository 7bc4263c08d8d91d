"""Blocks that were sealed before they come to the vault: cut anywhere, opened, kept as they are."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Conflict, Full, Rejected, Unavailable
from ledger.evidence.chunks import CHUNK_SIZE, ItemHasher
from ledger.evidence.sealed import OVERHEAD, STORED_BLOCK, Companion, ItemSeal, stored_size
from ledger.suite_private import SEAL_NONCE
from storage.items_vault import ItemVault
from storage.sealing import Blocks, ItemKey, StoredHashes, Unopened, alongside, opened
from storage.wrap_file import FileKeyWrap
from testkit.vault import Shelf, held, leaves_of, plain_shelf, sealed_shelf
from testkit.world import Fault

DATA = os.urandom(9 * CHUNK_SIZE + 77)
SIZES = (0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, len(DATA))


def stored(seal: ItemSeal, data: bytes) -> bytes:
    found = bytearray()
    blocks = Blocks(seal)
    blocks.take(memoryview(data), found.extend)
    blocks.close_last(found.extend)
    blocks.flush(found.extend)
    return bytes(found)


def cut(data: bytes, step: int) -> Iterator[bytes]:
    return (data[at : at + step] for at in range(0, len(data), step))


def companion(key: ItemKey, data: bytes, blocks: bytes) -> Companion:
    hashes = StoredHashes(key.size)
    hashes.update(blocks)
    return Companion(
        item=bytes.fromhex(key.id),
        size=key.size,
        wrap_id=key.wrap_id,
        wrapped=key.wrapped,
        hashes=hashes.finish(),
        leaves=key.seal().seal_leaves(os.urandom(SEAL_NONCE), leaves_of(data)),
    )


def new_key(vault: ItemVault, size: int) -> ItemKey:
    key = vault.new_key(size)
    assert key is not None
    return key


@pytest.fixture(params=["one", "pair"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return sealed_shelf(tmp_path, paired=request.param == "pair")


SEAL = ItemSeal(bytes(range(32)), bytes(16), len(DATA))
BLOCKS = stored(SEAL, DATA)


@given(steps=st.lists(st.integers(1, 3 * STORED_BLOCK), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_however_stored_pieces_are_cut_the_chunks_are_the_same(steps: list[int]) -> None:
    pieces, at, n = [], 0, 0
    while at < len(BLOCKS):
        pieces.append(BLOCKS[at : at + steps[n % len(steps)]])
        at, n = at + len(pieces[-1]), n + 1
    assert b"".join(bytes(chunk) for chunk in opened(SEAL, pieces)) == DATA
    hashes = StoredHashes(len(DATA))
    for piece in pieces:
        hashes.update(piece)
    assert hashes.finish() == b"".join(
        hashlib.sha256(b"\0" + block).digest() for block in cut(BLOCKS, STORED_BLOCK)
    )


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_sealed_and_opened(size: int) -> None:
    seal = ItemSeal(bytes(32), bytes(16), size)
    blocks = stored(seal, DATA[:size])
    assert len(blocks) == stored_size(size)
    assert b"".join(bytes(chunk) for chunk in opened(seal, [blocks])) == DATA[:size]


@pytest.mark.parametrize("number", [0, 5, 9])
def test_the_block_that_does_not_open_is_named_after_all_before_it(number: int) -> None:
    bad = bytearray(BLOCKS)
    bad[number * STORED_BLOCK + 50] ^= 1
    came = b""
    with pytest.raises(Unopened) as refused:
        for chunk in opened(SEAL, cut(bytes(bad), 100_000)):
            came += chunk
    assert (refused.value.number, came) == (number, DATA[: number * CHUNK_SIZE])


@pytest.mark.parametrize(
    ("blocks", "number"),
    [
        (b"", 0),
        (BLOCKS[:20], 0),
        (BLOCKS[: 3 * STORED_BLOCK], 3),
        (BLOCKS[:-1], 9),
        (BLOCKS + b"x", 10),
        (BLOCKS[STORED_BLOCK:], 0),
    ],
    ids=["none", "cut", "three", "short", "more", "moved"],
)
def test_what_is_missing_or_too_much_is_named(blocks: bytes, number: int) -> None:
    with pytest.raises(Unopened) as refused:
        list(opened(SEAL, cut(blocks, 100_000)))
    assert refused.value.number == number


@pytest.mark.parametrize("size", [CHUNK_SIZE * 2, CHUNK_SIZE * 4])
def test_hashes_are_as_many_as_blocks(size: int) -> None:
    hashes = StoredHashes(size)
    hashes.update(bytes(3 * STORED_BLOCK))
    with pytest.raises(Rejected, match="stored blocks, got 3"):
        hashes.finish()


def test_blocks_begun_in_the_middle_are_the_blocks_of_that_place() -> None:
    found = bytearray()
    at = 5 * CHUNK_SIZE + 1000
    blocks = Blocks(SEAL, 5, DATA[5 * CHUNK_SIZE : at])
    blocks.take(memoryview(DATA)[at:], found.extend)
    blocks.close_last(found.extend)
    blocks.flush(found.extend)
    both = BLOCKS[: 5 * STORED_BLOCK] + bytes(found)
    assert b"".join(bytes(chunk) for chunk in opened(SEAL, [both])) == DATA


# --- a thread beside ---------------------------------------------------------------------------


def test_who_works_alongside_has_every_piece_in_order_at_the_end() -> None:
    taken: list[bytes] = []
    pieces = [bytes([n]) for n in range(50)]
    assert list(alongside(pieces, lambda piece: taken.append(bytes(piece)))) == pieces
    assert taken == pieces


def test_what_the_taker_raises_is_raised() -> None:
    def refuse(piece: object) -> None:
        raise Unavailable("no")

    with pytest.raises(Unavailable):
        list(alongside([b"1"], refuse))


def test_once_closed_the_taker_is_not_at_work_any_more() -> None:
    done, began = [], threading.Event()

    def slow(piece: object) -> None:
        began.set()
        threading.Event().wait(0.02)
        done.append(piece)

    with closing(alongside([b"1", b"2", b"3"], slow)) as pieces:
        next(pieces)
        began.wait(60)
    assert done == [b"1"]


# --- the vault ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_before_is_kept_as_it_is(shelf: Shelf, size: int) -> None:
    data, vault = DATA[:size], shelf.open()
    key = new_key(vault, size)
    blocks = stored(key.seal(), data)
    writer = vault.begin_sealed(key.id, size)
    hasher = ItemHasher()
    with closing(alongside(cut(blocks, 70_001), writer.write)) as pieces:
        for chunk in opened(key.seal(), pieces):
            hasher.update(chunk)
    assert hasher.finish().size == size
    told = companion(key, data, blocks)
    assert writer.hashes() == told.hashes
    assert writer.commit(told) == key.id
    writer.abort()
    for copy in shelf.names:
        assert shelf.file(key.id, copy=copy).read_bytes() == blocks
    vault = shelf.open()
    assert (held(vault, key.id), vault.leaves(key.id)) == (data, leaves_of(data))


def test_a_key_is_opened_again_and_not_shown(shelf: Shelf) -> None:
    key = new_key(shelf.open(), 5)
    assert repr(key.bare) not in repr(key) and key.bare.hex() not in repr(key)
    seal = shelf.open().open_key(key.id, 5, key.wrap_id, key.wrapped)
    assert b"".join(opened(seal, [stored(key.seal(), b"12345")])) == b"12345"


def test_a_key_is_not_opened_for_another_item_nor_by_another_key(shelf: Shelf) -> None:
    vault = shelf.open()
    key = new_key(vault, 5)
    with pytest.raises(Rejected, match="not sealed with this key"):
        vault.open_key("ab" * 16, 5, key.wrap_id, key.wrapped)
    shelf.wraps = [FileKeyWrap(bytes(32))]
    with pytest.raises(Rejected, match="which is not here"):
        shelf.open().open_key(key.id, 5, key.wrap_id, key.wrapped)


def test_where_items_are_kept_in_plain_there_is_no_key(tmp_path: Path) -> None:
    assert plain_shelf(tmp_path).open().new_key(5) is None


def test_a_companion_of_other_blocks_is_refused_and_nothing_is_left(shelf: Shelf) -> None:
    vault = shelf.open()
    key, other = new_key(vault, len(DATA)), new_key(vault, len(DATA))
    blocks = stored(key.seal(), DATA)
    good = companion(key, DATA, blocks)
    for bad in (
        replace(good, hashes=bytes(32) + good.hashes[32:]),
        replace(good, item=bytes.fromhex(other.id)),
        replace(good, size=len(DATA) - 1),
    ):
        writer = vault.begin_sealed(key.id, len(DATA))
        writer.write(blocks)
        with pytest.raises(Rejected):
            writer.commit(bad)
        writer.abort()
    assert (list(vault.ids()), shelf.files()) == ([], [])


def test_blocks_are_all_there_and_no_more(shelf: Shelf) -> None:
    vault = shelf.open()
    key = new_key(vault, 5)
    blocks = stored(key.seal(), b"12345")
    writer = vault.begin_sealed(key.id, 5)
    with pytest.raises(Full, match=f"at most {5 + OVERHEAD} stored bytes"):
        writer.write(blocks + b"x")
    with pytest.raises(Rejected, match="did not come"):
        writer.commit(companion(key, b"12345", blocks))
    writer.abort()
    with pytest.raises(Unavailable):
        writer.write(blocks)


def keep_sealed(vault: ItemVault, key: ItemKey, data: bytes) -> None:
    blocks = stored(key.seal(), data)
    writer = vault.begin_sealed(key.id, key.size)
    try:
        writer.write(blocks)
        writer.commit(companion(key, data, blocks))
    finally:
        writer.abort()


def test_an_item_that_is_here_is_not_kept_twice(shelf: Shelf) -> None:
    vault = shelf.open()
    key = new_key(vault, 5)
    keep_sealed(vault, key, b"12345")
    with pytest.raises(Conflict, match="here already"):
        vault.begin_sealed(key.id, 5)
    assert held(vault, key.id) == b"12345"


def test_after_an_attempt_whose_remains_stayed_the_next_one_succeeds(tmp_path: Path) -> None:
    shelf = sealed_shelf(tmp_path, paired=True)
    vault = shelf.open()
    key = new_key(vault, 5)
    blocks = stored(key.seal(), b"12345")
    writer = vault.begin_sealed(key.id, 5)
    writer.write(blocks)
    shelf.faults.arm(Fault("second.writer.commit", 1, stored=False))
    with pytest.raises(Unavailable):
        writer.commit(companion(key, b"12345", blocks))
    shelf.faults.arm(Fault("first.delete", 1, stored=False))
    writer.abort()
    assert shelf.files() != []
    keep_sealed(vault, key, b"12345")
    assert held(shelf.open(), key.id) == b"12345"


def test_what_its_place_keeps_is_not_deleted(shelf: Shelf) -> None:
    """A copy may not know of it yet: it was away when the hold was placed."""
    vault = shelf.open()
    key = new_key(vault, 5)
    keep_sealed(vault, key, b"12345")
    vault.places.hold(key.id, True)
    with pytest.raises(Rejected, match="legal hold"):
        vault.delete(key.id)
    vault.places.hold(key.id, False)
    vault.places.retain(key.id, 2**53)
    with pytest.raises(Rejected, match="to be kept until"):
        vault.delete(key.id)
    assert held(shelf.open(), key.id) == b"12345"
