"""What every `ItemStore` promises, and what the folder of files adds."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from ledger.errors import Full, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import ItemHasher
from ledger.evidence.sealed import stored_size
from ledger.ports import ItemStore
from storage.items_vault import ItemVault
from storage.memory import MemoryItemStore
from storage.objects_directory import MARGIN, DirectoryObjectStore
from storage.places_sqlite import SqlitePlaces
from storage.wrap_file import FileKeyWrap

ROOM = 5_000_000


@pytest.fixture(params=["memory", "plain", "sealed", "plain-paired", "sealed-paired"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ItemStore]:
    """With room for `ROOM` bytes."""
    if request.param == "memory":
        yield MemoryItemStore(ROOM)
        return
    how, _, pair = request.param.partition("-")
    room = stored_size(ROOM) if how == "sealed" else ROOM

    def disk_usage(root: Path) -> SimpleNamespace:
        used = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
        return SimpleNamespace(free=room + MARGIN - used)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    places = SqlitePlaces(tmp_path / "places.sqlite")
    names = ("first", "second") if pair else ("first",)
    copies = {name: DirectoryObjectStore(tmp_path / name) for name in names}
    wraps = [FileKeyWrap(secrets.token_bytes(32))] if how == "sealed" else []
    yield ItemVault(copies, places, wraps)
    places.close()


def leaves_of(data: bytes) -> bytes:
    hasher = ItemHasher()
    hasher.update(data)
    hasher.finish()
    return b"".join(hasher.leaves)


def keep(store: ItemStore, data: bytes) -> str:
    writer = store.begin(len(data))
    writer.write(data)
    return writer.commit(leaves_of(data))


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_an_item_is_read_back_in_pieces(store: ItemStore, size: int) -> None:
    data = os.urandom(size)
    object_id = keep(store, data)
    pieces = list(store.stream(object_id))
    assert b"".join(pieces) == data
    assert all(0 < len(piece) <= 1 << 20 for piece in pieces)
    assert store.leaves(object_id) == leaves_of(data)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (0, 1), (7, 1 << 20), ((1 << 20) - 1, 3 << 20)])
def test_a_range_is_read_whole(store: ItemStore, start: int, end: int) -> None:
    data = os.urandom(3 << 20)
    assert store.read(keep(store, data), start, end) == data[start:end]


def test_a_range_beyond_the_end_is_refused_and_not_cut(store: ItemStore) -> None:
    object_id = keep(store, b"item")
    with pytest.raises(Unavailable, match="shorter"):
        store.read(object_id, 2, 5)
    with pytest.raises(Unknown):
        store.read("0" * 32, 0, 1)


def test_it_is_written_in_whatever_pieces_come(store: ItemStore) -> None:
    writer = store.begin(6)
    for piece in (b"ab", memoryview(b"cde"), b"", bytearray(b"f")):
        writer.write(bytes(piece) if isinstance(piece, bytearray) else piece)
    assert b"".join(store.stream(writer.commit(leaves_of(b"abcdef")))) == b"abcdef"


def test_equal_items_have_ids_of_their_own(store: ItemStore) -> None:
    ids = [keep(store, b"same") for _ in range(3)]
    assert len(set(ids)) == 3
    assert sorted(store.ids()) == sorted(ids)


def test_nothing_is_visible_before_commit(store: ItemStore) -> None:
    writer = store.begin(4)
    writer.write(b"item")
    assert list(store.ids()) == []
    kept = writer.commit(leaves_of(b"item"))
    assert list(store.ids()) == [kept]
    assert store.is_kept(kept) and not store.is_kept("ab" * 16)


def test_an_abort_leaves_nothing_and_may_come_twice(store: ItemStore) -> None:
    writer = store.begin(ROOM)
    writer.write(b"item")
    writer.abort()
    writer.abort()
    assert list(store.ids()) == []
    store.begin(ROOM).abort()


def test_an_abort_after_commit_changes_nothing(store: ItemStore) -> None:
    writer = store.begin(4)
    writer.write(b"item")
    object_id = writer.commit(leaves_of(b"item"))
    writer.abort()
    assert b"".join(store.stream(object_id)) == b"item"


def test_an_item_that_would_not_fit_is_refused_before_its_first_byte(store: ItemStore) -> None:
    with pytest.raises(Full):
        store.begin(ROOM + 1)
    store.begin(ROOM).abort()


def test_what_others_are_writing_is_not_given_away_twice(store: ItemStore) -> None:
    first = store.begin(3_000_000)
    with pytest.raises(Full):
        store.begin(3_000_000)
    first.write(b"x" * 1_000_000)
    with pytest.raises(Full):
        store.begin(2_000_001)
    second = store.begin(2_000_000)
    first.write(b"x" * 2_000_000)
    first.commit(leaves_of(b"x" * 3_000_000))
    second.abort()
    third = store.begin(1_990_000)
    with pytest.raises(Full):
        store.begin(20_000)
    third.abort()


def test_more_than_was_announced_is_refused(store: ItemStore) -> None:
    writer = store.begin(4)
    writer.write(b"ite")
    with pytest.raises(Full):
        writer.write(b"ms")
    writer.abort()


def test_a_deleted_item_is_gone_and_may_be_deleted_again(store: ItemStore) -> None:
    object_id = keep(store, b"item")
    store.delete(object_id)
    store.delete(object_id)
    assert list(store.ids()) == []
    with pytest.raises(Unknown):
        store.stream(object_id)
    with pytest.raises(Unknown):
        store.leaves(object_id)


@pytest.mark.parametrize(
    "object_id",
    ["", "a", "a" * 31, "a" * 33, "A" * 32, "../" + "a" * 29, "a" * 32 + "\n", "٠" * 32, "0" * 32],
)
def test_what_is_no_id_of_an_item_is_unknown(store: ItemStore, object_id: str) -> None:
    keep(store, b"item")
    with pytest.raises(Unknown):
        store.stream(object_id)
    with pytest.raises(Unknown):
        store.leaves(object_id)


@pytest.mark.parametrize("object_id", ["", "../../etc", "a" * 31 + "/"])
def test_what_is_no_id_is_not_deleted(store: ItemStore, object_id: str) -> None:
    with pytest.raises(Unknown):
        store.delete(object_id)


def test_what_is_retained_or_held_is_not_deleted(store: ItemStore) -> None:
    object_id = keep(store, b"item")
    store.retain(object_id, 2**52)
    store.retain(object_id, 0)
    with pytest.raises(Rejected):
        store.delete(object_id)
    other = keep(store, b"other")
    store.hold(other, True)
    with pytest.raises(Rejected):
        store.delete(other)
    assert b"".join(store.stream(object_id)) == b"item"
    assert b"".join(store.stream(other)) == b"other"
    store.hold(other, False)
    store.delete(other)
    assert list(store.ids()) == [object_id]


def test_what_is_not_there_is_not_retained(store: ItemStore) -> None:
    with pytest.raises(Unknown):
        store.retain("0" * 32, 1)
    with pytest.raises(Unknown):
        store.hold("0" * 32, True)
