"""What the vault adds to what every `ItemStore` promises: copies, places, what a crash leaves."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.errors import LedgerError, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import CHUNK_SIZE
from ledger.evidence.sealed import STORED_BLOCK, Companion, stored_size
from storage.objects_directory import DirectoryObjectStore
from storage.places_sqlite import Place
from testkit.vault import (
    Shelf,
    alter,
    faults_of,
    flip,
    held,
    keep,
    leaves_of,
    plain_shelf,
    sealed_shelf,
)
from testkit.world import Fault

DATA = os.urandom(2 * CHUNK_SIZE + 1000)


@pytest.fixture(params=["plain", "sealed", "plain-paired", "sealed-paired"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    how, _, pair = request.param.partition("-")
    return (sealed_shelf if how == "sealed" else plain_shelf)(tmp_path, paired=bool(pair))


@pytest.fixture(params=["plain", "sealed"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return (sealed_shelf if request.param == "sealed" else plain_shelf)(tmp_path, paired=True)


def test_what_is_kept_is_there_after_a_restart(shelf: Shelf) -> None:
    object_id = keep(shelf.open(), DATA)
    vault = shelf.open()
    assert (held(vault, object_id), list(vault.ids())) == (DATA, [object_id])
    assert vault.leaves(object_id) == leaves_of(DATA)


def test_both_copies_hold_the_same_files(pair: Shelf) -> None:
    object_id = keep(pair.open(), DATA)
    for ending in ("", ".chunks"):
        first, second = (pair.file(object_id, ending, copy=name) for name in pair.names)
        assert first.read_bytes() == second.read_bytes()


# --- one copy is damaged -----------------------------------------------------------------------


def test_chunk_hashes_that_are_damaged_are_read_from_the_other_copy(pair: Shelf) -> None:
    object_id = keep(pair.open(), DATA)
    companion = pair.file(object_id, ".chunks")
    flip(companion, 8 * companion.stat().st_size - 1)
    assert pair.open().leaves(object_id) == leaves_of(DATA)


def test_an_item_whose_chunk_hashes_are_damaged_is_read_all_the_same(tmp_path: Path) -> None:
    shelf = sealed_shelf(tmp_path)
    object_id = keep(shelf.open(), DATA)
    companion = shelf.file(object_id, ".chunks")
    flip(companion, 8 * companion.stat().st_size - 1)
    assert held(shelf.open(), object_id) == DATA


def _in_the_middle(path: Path) -> None:
    flip(path, 8 * (CHUNK_SIZE + 500))


def _unlink(*paths: Path) -> None:
    for path in paths:
        path.unlink()


DAMAGES: dict[str, Callable[[Shelf, str, str], None]] = {
    "flipped": lambda s, i, copy: _in_the_middle(s.file(i, copy=copy)),
    "cut": lambda s, i, copy: alter(s.file(i, copy=copy), lambda data: data[:1000]),
    "gone": lambda s, i, copy: s.file(i, copy=copy).unlink(),
    "companion flipped": lambda s, i, copy: flip(s.file(i, ".chunks", copy=copy), 300),
    "companion gone": lambda s, i, copy: s.file(i, ".chunks", copy=copy).unlink(),
    "all gone": lambda s, i, copy: _unlink(s.file(i, copy=copy), s.file(i, ".chunks", copy=copy)),
}


@pytest.mark.parametrize("copy", ["first", "second"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_one_copy_has_lost_the_other_gives(pair: Shelf, damage: str, copy: str) -> None:
    vault = pair.open()
    object_id = keep(vault, DATA)
    DAMAGES[damage](pair, object_id, copy)
    assert held(vault, object_id) == DATA
    assert vault.read(object_id, 5, len(DATA) - 5) == DATA[5:-5]
    assert vault.leaves(object_id) == leaves_of(DATA)
    assert held(pair.open(), object_id) == DATA


def test_two_copies_damaged_in_different_blocks_are_one_good_item(pair: Shelf) -> None:
    vault = pair.open()
    object_id = keep(vault, DATA)
    flip(pair.file(object_id), 0)
    flip(pair.file(object_id, copy="second"), 8 * (pair.file(object_id).stat().st_size - 1))
    assert held(vault, object_id) == DATA


def test_the_same_block_damaged_twice_is_named(pair: Shelf) -> None:
    vault = pair.open()
    object_id = keep(vault, DATA)
    for copy in pair.names:
        _in_the_middle(pair.file(object_id, copy=copy))
    with pytest.raises(Unavailable, match="block 1 of the item"):
        held(vault, object_id)
    assert vault.read(object_id, 0, 1000) == DATA[:1000]


# --- one copy is away --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["begin", "writer.write", "writer.commit"])
@pytest.mark.parametrize("copy", ["first", "second"])
def test_with_one_copy_away_nothing_is_acknowledged_and_nothing_is_left(
    pair: Shelf, copy: str, method: str
) -> None:
    vault = pair.open()
    pair.faults.arm(Fault(f"{copy}.{method}", 1, stored=False))
    with pytest.raises(Unavailable):
        keep(vault, DATA)
    assert (list(vault.ids()), pair.files()) == ([], [])
    assert held(vault, keep(vault, DATA)) == DATA


def test_what_cannot_be_taken_back_at_once_is_at_the_next_start(pair: Shelf) -> None:
    vault = pair.open()
    writer = vault.begin(len(DATA))
    writer.write(DATA)
    pair.faults.arm(Fault("second.writer.commit", 1, stored=False))
    with pytest.raises(Unavailable):
        writer.commit(leaves_of(DATA))
    pair.faults.arm(Fault("first.delete", 1, stored=False))
    writer.abort()
    assert pair.files() != [] and list(vault.ids()) == []
    assert list(pair.open().ids()) == [] and pair.files() == []


# --- every write fails once --------------------------------------------------------------------


def act(shelf: Shelf, vault: object, told: dict[str, bytes]) -> None:
    """Two items come, one goes. `told` is what was acknowledged."""
    first = keep(vault, DATA)
    told[first] = DATA
    second = keep(vault, b"small")
    told[second] = b"small"
    del told[first]  # from now on it may be gone
    vault.delete(first)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["plain", "sealed", "plain-paired", "sealed-paired"])
def test_no_failed_write_loses_an_item_or_shows_a_part_of_one(tmp_path: Path, kind: str) -> None:
    how, _, pair = kind.partition("-")
    make = sealed_shelf if how == "sealed" else plain_shelf
    dry = make(tmp_path / "dry", paired=bool(pair))
    act(dry, dry.open(), {})
    calls = list(dry.faults.calls)
    dry.close()
    assert {"first.begin", "first.writer.write", "first.writer.commit", "places.add"} <= set(calls)
    assert ("second.writer.commit" in calls) == bool(pair)
    for number, fault in enumerate(faults_of(calls)):
        shelf = make(tmp_path / str(number), paired=bool(pair))
        vault, told = shelf.open(), dict[str, bytes]()
        shelf.faults.arm(fault)
        with pytest.raises(Unavailable):
            act(shelf, vault, told)
        assert shelf.faults.armed is None, fault
        for reopened in (False, True):
            again = shelf.open() if reopened else vault
            for object_id, data in told.items():
                assert held(again, object_id) == data, fault
            for object_id in again.ids():
                # Nobody's perhaps, but whole; what is half deleted can only be missing.
                try:
                    assert held(again, object_id) in (DATA, b"small"), fault
                except (Unknown, Unavailable):
                    assert object_id not in told and "delete" in fault.method, fault
        assert set(told) <= set(shelf.open().ids()), fault
        assert not [name for name in shelf.files() if "incoming" in name], fault
        shelf.close()


def test_what_is_whole_and_has_no_row_stays_and_is_shown(shelf: Shelf) -> None:
    """As if the power had failed, or the database of places had been lost."""
    vault = shelf.open()
    object_id = keep(vault, DATA)
    vault.places.remove(object_id)
    vault = shelf.open()
    assert list(vault.ids()) == [object_id]
    assert held(vault, object_id) == DATA
    assert vault.leaves(object_id) == leaves_of(DATA)
    assert vault.read(object_id, 7, CHUNK_SIZE + 7) == DATA[7 : CHUNK_SIZE + 7]


def test_an_item_in_the_second_copy_alone_stays_and_is_shown(pair: Shelf) -> None:
    vault = pair.open()
    object_id = keep(vault, DATA)
    vault.places.remove(object_id)
    for ending in ("", ".chunks"):
        pair.file(object_id, ending).unlink()
    vault = pair.open()
    assert (list(vault.ids()), held(vault, object_id)) == ([object_id], DATA)


def test_what_a_place_speaks_of_is_held_while_some_copy_has_it(pair: Shelf) -> None:
    vault = pair.open()
    gone, half, unplaced, whole = (keep(vault, DATA) for _ in range(4))
    for copy in pair.names:
        pair.file(gone, copy=copy).unlink()
    pair.file(half).unlink()
    vault.places.remove(unplaced)
    assert set(vault.ids()) == {gone, half, unplaced, whole}
    assert set(vault.held()) == {half, unplaced, whole}


# --- before there were places ------------------------------------------------------------------


def old_item(root: Path, data: bytes) -> str:
    writer = DirectoryObjectStore(root / "first").begin("3f" * 16, len(data))
    writer.write(data)
    return writer.commit(leaves_of(data))


def test_an_item_from_before_there_were_places_is_read_as_before(shelf: Shelf) -> None:
    object_id = old_item(shelf.root, DATA)
    vault = shelf.open()
    assert (list(vault.ids()), held(vault, object_id)) == ([object_id], DATA)
    assert vault.leaves(object_id) == leaves_of(DATA)
    assert vault.read(object_id, 3, 9) == DATA[3:9]
    vault.hold(object_id, True)
    with pytest.raises(Rejected):
        vault.delete(object_id)
    vault.hold(object_id, False)
    vault.delete(object_id)
    assert list(vault.ids()) == []


def test_what_a_row_speaks_of_is_not_deleted_as_something_without_a_row(shelf: Shelf) -> None:
    """An object of that reference is another item's."""
    vault = shelf.open()
    object_id = keep(vault, DATA)
    vault.places.remove(object_id)
    place_of_another = dict.fromkeys(shelf.names, object_id)
    vault.places.add(Place(id="f" * 32, size=len(DATA), root=bytes(32), refs=place_of_another))
    vault.delete(object_id)
    assert shelf.file(object_id).is_file()


# --- deleting, retaining, holding --------------------------------------------------------------


def test_a_delete_that_may_not_be_changes_nothing(shelf: Shelf) -> None:
    vault = shelf.open()
    object_id = keep(vault, DATA)
    vault.copies[shelf.names[0]].hold(object_id, True)
    with pytest.raises(Rejected):
        vault.delete(object_id)
    vault = shelf.open()
    assert (held(vault, object_id), list(vault.ids())) == (DATA, [object_id])


def test_a_delete_that_was_cut_short_is_finished_at_the_next_start(pair: Shelf) -> None:
    vault = pair.open()
    object_id = keep(vault, DATA)
    pair.faults.arm(Fault("second.delete", 1, stored=False))
    with pytest.raises(Unavailable):
        vault.delete(object_id)
    assert list(vault.ids()) == []
    assert list(pair.open().ids()) == [] and pair.files() == []


def test_a_copy_that_the_settings_no_longer_name_is_not_forgotten(pair: Shelf) -> None:
    object_id = keep(pair.open(), DATA)
    pair.names = ("first",)
    vault = pair.open()
    assert held(vault, object_id) == DATA
    with pytest.raises(Unavailable, match="'second', which the settings do not name"):
        vault.delete(object_id)
    pair.names = ("first", "second")
    assert list(pair.open().ids()) == [] and pair.files() == []


def test_what_was_not_all_sent_is_not_kept(shelf: Shelf) -> None:
    writer = shelf.open().begin(5)
    writer.write(b"item")
    with pytest.raises(Rejected, match="1 of them did not come"):
        writer.commit(leaves_of(b"item"))
    writer.abort()
    assert shelf.files() == []


def test_chunk_hashes_are_as_many_as_chunks(shelf: Shelf) -> None:
    writer = shelf.open().begin(4)
    writer.write(b"item")
    with pytest.raises(LedgerError, match="want 1 chunk hashes"):
        writer.commit(b"")
    writer.abort()


def test_a_sealed_item_takes_28_bytes_a_block_more(tmp_path: Path) -> None:
    shelf = sealed_shelf(tmp_path)
    vault = shelf.open()
    for size in (0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, 9 * CHUNK_SIZE):
        object_id = keep(vault, bytes(size))
        assert shelf.file(object_id).stat().st_size == stored_size(size)
    assert stored_size(9 * CHUNK_SIZE) == 9 * STORED_BLOCK
    shelf.close()


# --- destroying --------------------------------------------------------------------------------

FAR_MS = 2**42


def secrets_of(shelf: Shelf, object_id: str) -> list[bytes]:
    """What must be nowhere afterwards: the key as it is wrapped, or the item itself."""
    companion = shelf.file(object_id, ".chunks").read_bytes()
    if shelf.wraps:
        return [Companion.from_bytes(companion).wrapped]
    return [DATA[at : at + 64] for at in (0, len(DATA) // 2)]


def anywhere(shelf: Shelf, needles: list[bytes]) -> bool:
    contents = [path.read_bytes() for path in shelf.root.rglob("*") if path.is_file()]
    return any(needle in data for needle in needles for data in contents)


def test_what_is_destroyed_is_nowhere(shelf: Shelf) -> None:
    vault = shelf.open()
    object_id, other = keep(vault, DATA), keep(vault, b"stays")
    needles = secrets_of(shelf, object_id)
    assert anywhere(shelf, needles)
    vault.hold(object_id, True)
    vault.destroy(object_id)
    vault.destroy(object_id)
    assert not anywhere(shelf, [*needles, object_id.encode()])
    assert list(vault.ids()) == [other] and held(vault, other) == b"stays"
    assert not [name for name in shelf.files() if object_id in name]


@pytest.mark.parametrize("kind", ["plain", "sealed", "plain-paired", "sealed-paired"])
def test_after_any_failed_write_it_is_destroyed_again(tmp_path: Path, kind: str) -> None:
    how, _, pair = kind.partition("-")
    make = sealed_shelf if how == "sealed" else plain_shelf
    dry = make(tmp_path / "dry", paired=bool(pair))
    vault = dry.open()
    object_id = keep(vault, DATA)
    before = len(dry.faults.calls)
    vault.destroy(object_id)
    faults = faults_of(dry.faults.calls[before:])
    assert {"places.leave", "first.delete", "places.remove"} <= {fault.method for fault in faults}
    dry.close()
    for number, fault in enumerate(faults):
        shelf = make(tmp_path / str(number), paired=bool(pair))
        vault = shelf.open()
        object_id = keep(vault, DATA)
        needles = secrets_of(shelf, object_id)
        shelf.faults.arm(fault)
        with pytest.raises(Unavailable):
            vault.destroy(object_id)
        vault = shelf.open()
        vault.destroy(object_id)
        assert not anywhere(shelf, [*needles, object_id.encode()]), fault
        shelf.close()


def test_where_the_store_keeps_a_sealed_item_its_key_is_gone(tmp_path: Path) -> None:
    shelf = sealed_shelf(tmp_path, paired=True)
    vault = shelf.open()
    object_id = keep(vault, DATA)
    needles = secrets_of(shelf, object_id)
    vault.retain(object_id, FAR_MS)
    vault.destroy(object_id)
    assert not anywhere(shelf, needles)
    assert shelf.file(object_id).exists() and list(vault.ids()) == []
    assert list(shelf.open().ids()) == []


def test_a_plain_item_that_the_store_keeps_is_not_said_to_be_gone(tmp_path: Path) -> None:
    vault = plain_shelf(tmp_path).open()
    object_id = keep(vault, DATA)
    vault.retain(object_id, FAR_MS)
    with pytest.raises(Rejected, match="to be kept until"):
        vault.destroy(object_id)


def test_a_companion_that_is_damaged_goes_with_its_key(tmp_path: Path) -> None:
    shelf = sealed_shelf(tmp_path)
    vault = shelf.open()
    object_id = keep(vault, DATA)
    needles = secrets_of(shelf, object_id)
    flip(shelf.file(object_id, ".chunks"), 0)
    vault.retain(object_id, FAR_MS)
    vault.destroy(object_id)
    assert not anywhere(shelf, needles)


def test_what_came_back_into_the_store_is_destroyed_again(shelf: Shelf) -> None:
    vault = shelf.open()
    object_id = keep(vault, DATA)
    needles = secrets_of(shelf, object_id)
    kept = {path: path.read_bytes() for path in (shelf.root / "first").rglob("*") if path.is_file()}
    vault.destroy(object_id)
    for path, data in kept.items():
        path.write_bytes(data)
    vault = shelf.open()
    assert object_id in set(vault.ids())
    vault.destroy(object_id)
    assert not anywhere(shelf, needles) and list(vault.ids()) == []
