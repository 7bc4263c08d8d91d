"""Who holds the store and not the wrapping key: whatever he changes is noticed."""

import os
from pathlib import Path

import pytest

from ledger.errors import LedgerError, Rejected, Unavailable
from ledger.evidence.chunks import CHUNK_SIZE
from ledger.evidence.sealed import ID_SIZE, MAGIC, STORED_BLOCK, Companion
from ledger.suite_private import SEAL_NONCE
from storage.items_vault import ItemVault
from storage.wrap_file import FileKeyWrap
from testkit.vault import Shelf, alter, flip, held, keep, plain_shelf, sealed_shelf

DATA = os.urandom(2 * CHUNK_SIZE + 1000)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return sealed_shelf(tmp_path)


@pytest.fixture
def vault(shelf: Shelf) -> ItemVault:
    return shelf.open()


def test_nothing_of_an_item_lies_in_the_store(shelf: Shelf, vault: ItemVault) -> None:
    data = b"a very recognisable sentence " * 20_000
    object_id = keep(vault, data)
    leaves = vault.leaves(object_id)
    stored = shelf.file(object_id).read_bytes() + shelf.file(object_id, ".chunks").read_bytes()
    assert data[:24] not in stored
    assert leaves[:32] not in stored and leaves[32:64] not in stored


@pytest.mark.parametrize("size", [0, 1, 40])
def test_every_flipped_bit_of_a_block_is_noticed(shelf: Shelf, vault: ItemVault, size: int) -> None:
    object_id = keep(vault, os.urandom(size))
    file = shelf.file(object_id)
    for bit in range(8 * file.stat().st_size):
        flip(file, bit)
        with pytest.raises(Unavailable, match="block 0"):
            held(vault, object_id)
        flip(file, bit)
    held(vault, object_id)


def test_every_flipped_bit_of_a_companion_is_noticed(shelf: Shelf, vault: ItemVault) -> None:
    """Of the hashes of stored blocks a scrub notices it: who has the key needs none of them."""
    object_id = keep(vault, b"item")
    file = shelf.file(object_id, ".chunks")
    good = Companion.from_bytes(file.read_bytes())
    at = file.read_bytes().index(good.hashes)
    for bit in range(8 * file.stat().st_size):
        flip(file, bit)
        if at <= bit // 8 < at + 32:
            assert Companion.from_bytes(file.read_bytes()).root() != good.root()
        else:
            with pytest.raises(LedgerError):
                held(vault, object_id), vault.leaves(object_id)
        flip(file, bit)
    assert held(vault, object_id) == b"item"


def swapped(data: bytes) -> bytes:
    return data[STORED_BLOCK : 2 * STORED_BLOCK] + data[:STORED_BLOCK] + data[2 * STORED_BLOCK :]


@pytest.mark.parametrize(
    "change",
    [
        swapped,
        lambda data: data[:STORED_BLOCK] + data[:STORED_BLOCK] + data[2 * STORED_BLOCK :],
        lambda data: data[:-1],
        lambda data: data[: 2 * STORED_BLOCK],
        lambda data: data[STORED_BLOCK:],
        lambda data: b"",
    ],
    ids=["swapped", "doubled", "cut", "cut at a block", "begins later", "emptied"],
)
def test_blocks_stay_where_they_are(shelf: Shelf, vault: ItemVault, change: object) -> None:
    object_id = keep(vault, DATA)
    alter(shelf.file(object_id), change)
    with pytest.raises(Unavailable):
        held(vault, object_id)


def test_a_block_of_another_item_is_refused(shelf: Shelf, vault: ItemVault) -> None:
    first, second = keep(vault, DATA), keep(vault, DATA)
    one = shelf.file(first).read_bytes()
    alter(shelf.file(second), lambda data: one[:STORED_BLOCK] + data[STORED_BLOCK:])
    with pytest.raises(Unavailable, match="block 0"):
        held(vault, second)


@pytest.mark.parametrize("endings", [(".chunks",), ("",), ("", ".chunks")])
def test_companions_and_items_cannot_be_exchanged(
    shelf: Shelf, vault: ItemVault, endings: tuple[str, ...]
) -> None:
    first, second = keep(vault, DATA), keep(vault, DATA)
    for ending in endings:
        one, other = shelf.file(first, ending), shelf.file(second, ending)
        before = one.read_bytes()
        alter(one, lambda _, other=other: other.read_bytes())
        alter(other, lambda _, before=before: before)
    for object_id in (first, second):
        with pytest.raises(Unavailable):
            held(vault, object_id)


def test_a_wrapped_key_of_another_item_is_refused(shelf: Shelf, vault: ItemVault) -> None:
    first, second = keep(vault, b"a"), keep(vault, b"b")
    wrapped = Companion.from_bytes(shelf.file(first, ".chunks").read_bytes()).wrapped

    def lend(data: bytes) -> bytes:
        return data.replace(Companion.from_bytes(data).wrapped, wrapped)

    alter(shelf.file(second, ".chunks"), lend)
    with pytest.raises(Unavailable, match="not sealed with this key"):
        held(vault, second)


def test_a_sealed_item_does_not_become_one_in_plain(shelf: Shelf, vault: ItemVault) -> None:
    """Chunk hashes in the place of the companion, and bytes of his own choice."""
    object_id = keep(vault, b"item")
    other = plain_shelf(shelf.root / "other")
    forged = keep(other.open(), b"itom")
    alter(shelf.file(object_id), lambda _: other.file(forged).read_bytes())
    alter(shelf.file(object_id, ".chunks"), lambda _: other.file(forged, ".chunks").read_bytes())
    with pytest.raises(Unavailable):
        held(vault, object_id)
    other.close()


def test_another_wrapping_key_opens_nothing_and_the_vault_is_not_opened(shelf: Shelf) -> None:
    keep(shelf.open(), b"item")
    shelf.wraps = [FileKeyWrap(bytes(32))]
    with pytest.raises(Rejected, match=r"'file-[0-9a-f]{16}', which is not here"):
        shelf.open()
    shelf.wraps = []
    with pytest.raises(Rejected, match="not here"):
        shelf.open()


class Renamed(FileKeyWrap):
    """A wrong key that bears the right key's name."""

    @property
    def id(self) -> str:
        return FileKeyWrap(bytes(range(32))).id


def test_a_wrong_key_of_the_right_name_is_noticed_at_the_start(shelf: Shelf) -> None:
    keep(shelf.open(), b"item")
    shelf.wraps = [Renamed(bytes(32))]
    with pytest.raises(Rejected, match="does not open what was sealed under it"):
        shelf.open()


def test_one_damaged_companion_is_not_taken_for_a_wrong_key(shelf: Shelf) -> None:
    vault = shelf.open()
    damaged, good = keep(vault, b"a"), keep(vault, b"b")
    at = len(MAGIC) + ID_SIZE + 8 + 1 + 21 + 2 + SEAL_NONCE
    flip(shelf.file(damaged, ".chunks"), 8 * at)
    vault = shelf.open()
    with pytest.raises(Unavailable):
        held(vault, damaged)
    assert held(vault, good) == b"b"


def test_who_destroys_the_companion_destroys_the_item(shelf: Shelf, vault: ItemVault) -> None:
    """What is kept of it, and cannot be deleted, opens with no key that is left."""
    object_id = keep(vault, DATA)
    vault.copies["first"].put_companion(object_id, b"")
    assert shelf.file(object_id).stat().st_size > len(DATA)
    with pytest.raises(Unavailable):
        held(shelf.open(), object_id)


def test_no_two_blocks_have_one_nonce(shelf: Shelf, vault: ItemVault) -> None:
    nonces = []
    for object_id in [keep(vault, DATA) for _ in range(20)]:
        stored = shelf.file(object_id).read_bytes()
        nonces += [stored[i : i + SEAL_NONCE] for i in range(0, len(stored), STORED_BLOCK)]
    assert len(set(nonces)) == len(nonces) == 60


def test_an_older_key_still_opens_and_the_newest_wraps(shelf: Shelf) -> None:
    old = keep(shelf.open(), b"old")
    shelf.wraps = [FileKeyWrap(bytes(32)), *shelf.wraps]
    vault = shelf.open()
    new = keep(vault, b"new")
    assert (held(vault, old), held(vault, new)) == (b"old", b"new")
    ids = {
        Companion.from_bytes(shelf.file(object_id, ".chunks").read_bytes()).wrap_id
        for object_id in (old, new)
    }
    assert ids == {wrap.id for wrap in shelf.wraps}
