"""What a scrub finds, names and mends, over folders with one copy and with two."""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import Unavailable
from ledger.evidence.chunks import CHUNK_SIZE, digest_item
from ledger.evidence.sealed import STORED_BLOCK
from ledger.ports import ItemRecord
from storage import objects_directory
from storage.items_vault import ItemVault
from storage.objects_directory import DirectoryObjectStore, DirectoryObjectWriter
from storage.places_sqlite import Pass
from storage.scrub import Finding, Pace, Scrub
from testkit.vault import Shelf, alter, flip, held, keep, leaves_of, plain_shelf, sealed_shelf
from testkit.world import Fault, HandClock

DATA = os.urandom(2 * CHUNK_SIZE + 1000)


@dataclass
class Ledger:
    """The items that a ledger has recorded."""

    records: dict[str, ItemRecord] = field(default_factory=dict)

    def add(self, object_id: str, data: bytes) -> str:
        self.records[object_id] = ItemRecord(
            object_id=object_id,
            digest=digest_item(data),
            keyid="k",
            agency="a",
            uploaded_ms=1,
        )
        return object_id

    def items_after(self, object_id: str, count: int) -> list[ItemRecord]:
        return [self.records[i] for i in sorted(self.records) if i > object_id][:count]


@dataclass
class Desk:
    """A shelf, its ledger, and whoever scrubs it."""

    shelf: Shelf
    vault: ItemVault
    ledger: Ledger = field(default_factory=Ledger)
    clock: HandClock = field(default_factory=HandClock)
    told: list[Finding] = field(default_factory=list)

    def keep(self, data: bytes = DATA) -> str:
        return self.ledger.add(keep(self.vault, data), data)

    def scrub(self, tell: Callable[[Finding], object] | None = None) -> Pass:
        self.told = []
        pace = Pace(10**12, self.clock, lambda s: self.clock.advance(int(s * 1000)))
        scrub = Scrub(
            self.vault, self.ledger.items_after, self.clock, pace, tell or self.told.append
        )
        return scrub.run()

    def reopen(self) -> None:
        self.vault = self.shelf.open()


@pytest.fixture(params=["plain", "sealed"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    make = sealed_shelf if request.param == "sealed" else plain_shelf
    shelf = make(tmp_path, paired=True)
    return Desk(shelf, shelf.open())


@pytest.fixture(params=["plain", "sealed"])
def single(request: pytest.FixtureRequest, tmp_path: Path) -> Desk:
    shelf = (sealed_shelf if request.param == "sealed" else plain_shelf)(tmp_path)
    return Desk(shelf, shelf.open())


def stride(desk: Desk) -> int:
    return STORED_BLOCK if desk.shelf.wraps else CHUNK_SIZE


def same_in_both(desk: Desk, object_id: str) -> bool:
    return all(
        desk.shelf.file(object_id, end).read_bytes()
        == desk.shelf.file(object_id, end, copy="second").read_bytes()
        for end in ("", ".chunks")
    )


# --- nothing is wrong --------------------------------------------------------------------------


def test_what_is_whole_is_counted_and_left_alone(pair: Desk) -> None:
    for size in (0, 1, CHUNK_SIZE, 9 * CHUNK_SIZE + 5):
        pair.keep(os.urandom(size))
    before = {path: path.stat().st_mtime_ns for path in pair.shelf.root.rglob("*.chunks")}
    done = pair.scrub()
    assert pair.told == []
    assert (done.items, done.copies, done.damaged, done.lost) == (4, 8, 0, 0)
    stored = sum(path.stat().st_size for path in pair.shelf.root.glob("*/??/*[0-9a-f]"))
    assert done.bytes == stored
    assert before == {path: path.stat().st_mtime_ns for path in pair.shelf.root.rglob("*.chunks")}


def test_when_each_copy_was_last_found_good_is_known(pair: Desk) -> None:
    object_id = pair.keep()
    pair.clock.advance(5000)
    pair.scrub()
    found = {(c.copy, c.verified_ms, c.damage) for c in pair.vault.places.conditions(object_id)}
    assert found == {("first", pair.clock.now_ms(), ""), ("second", pair.clock.now_ms(), "")}


def test_no_key_is_needed(tmp_path: Path) -> None:
    shelf = sealed_shelf(tmp_path, paired=True)
    desk = Desk(shelf, shelf.open())
    object_id = desk.keep()
    flip(shelf.file(object_id), 99)
    wraps, shelf.wraps = shelf.wraps, []
    desk.vault = shelf.open(beside=True)
    done = desk.scrub()
    assert (done.damaged, done.mended) == (1, 1)
    shelf.wraps = wraps
    assert held(shelf.open(), object_id) == DATA


# --- twenty flipped bits and five missing objects ------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_twenty_flipped_bits_and_five_missing_objects_are_named_and_mended(
    pair: Desk, seed: int
) -> None:
    chance = random.Random(seed)
    items = [pair.keep(chance.randbytes(3 * CHUNK_SIZE + n)) for n in range(30)]
    chance.shuffle(items)
    wanted: set[tuple[str, str, str, tuple[int, ...]]] = set()
    for item in items[:20]:
        copy, file = chance.choice(("first", "second")), pair.shelf.file(item)
        bit = chance.randrange(8 * file.stat().st_size)
        flip(pair.shelf.file(item, copy=copy), bit)
        wanted.add((item, copy, "damaged", (bit // 8 // stride(pair),)))
    for item in items[20:25]:
        copy = chance.choice(("first", "second"))
        pair.shelf.file(item, copy=copy).unlink()
        wanted.add((item, copy, "missing", ()))
    done = pair.scrub()
    assert {(f.item, f.copy, f.what, f.chunks) for f in pair.told} == wanted
    assert all(finding.mended and not finding.lost for finding in pair.told)
    assert (done.items, done.damaged, done.mended, done.lost) == (30, 25, 25, 0)
    assert all(same_in_both(pair, item) for item in items)
    assert pair.scrub().damaged == 0 and pair.told == []


# --- one kind of damage each -------------------------------------------------------------------


def cut(desk: Desk, item: str, copy: str) -> None:
    alter(desk.shelf.file(item, copy=copy), lambda data: data[: stride(desk) + 7])


def grow(desk: Desk, item: str, copy: str) -> None:
    alter(desk.shelf.file(item, copy=copy), lambda data: data + b"x")


def empty(desk: Desk, item: str, copy: str) -> None:
    alter(desk.shelf.file(item, copy=copy), lambda data: b"")


def unlink(desk: Desk, item: str, copy: str) -> None:
    for ending in ("", ".chunks"):
        desk.shelf.file(item, ending, copy=copy).unlink()


def forget(desk: Desk, item: str, copy: str) -> None:
    desk.shelf.file(item, ".chunks", copy=copy).unlink()


def spoil(desk: Desk, item: str, copy: str) -> None:
    flip(desk.shelf.file(item, ".chunks", copy=copy), 200)


DAMAGES: list[tuple[Any, str, tuple[int, ...]]] = [
    (cut, "damaged", (1, 2)),
    (empty, "damaged", (0, 1, 2)),
    (grow, "longer", ()),
    (unlink, "missing", ()),
    (forget, "companion", ()),
    (spoil, "companion", ()),
]


@pytest.mark.parametrize("copy", ["first", "second"])
@pytest.mark.parametrize(("damage", "what", "chunks"), DAMAGES)
def test_damage_is_named_and_mended(
    pair: Desk, damage: Any, what: str, chunks: tuple[int, ...], copy: str
) -> None:
    item = pair.keep()
    damage(pair, item, copy)
    pair.scrub()
    (finding,) = pair.told
    assert (finding.item, finding.copy, finding.what, finding.chunks) == (item, copy, what, chunks)
    assert finding.mended
    assert same_in_both(pair, item)
    assert pair.vault.places.damaged_copies() == 0
    pair.reopen()
    assert held(pair.vault, item) == DATA


def test_every_flipped_bit_of_a_companion_is_found_and_mended(tmp_path: Path) -> None:
    """That of a sealed item: hashes, wrapped key, sealed chunk hashes, all without a key."""
    shelf = sealed_shelf(tmp_path, paired=True)
    desk = Desk(shelf, shelf.open())
    item = desk.keep(b"item")
    file = shelf.file(item, ".chunks")
    for bit in range(0, 8 * file.stat().st_size, 5):
        flip(file, bit)
        assert desk.scrub().mended == 1, bit
        assert same_in_both(desk, item)


def test_of_two_copies_damaged_in_different_chunks_both_are_mended(pair: Desk) -> None:
    item = pair.keep()
    flip(pair.shelf.file(item), 5)
    flip(pair.shelf.file(item, copy="second"), 8 * 2 * stride(pair) + 5)
    done = pair.scrub()
    assert [(f.copy, f.chunks, f.mended) for f in pair.told] == [
        ("first", (0,), True),
        ("second", (2,), True),
    ]
    assert done.lost == 0 and same_in_both(pair, item)
    assert held(pair.vault, item) == DATA


def test_plain_chunk_hashes_are_made_anew_from_bytes_that_are_whole(tmp_path: Path) -> None:
    shelf = plain_shelf(tmp_path)
    desk = Desk(shelf, shelf.open())
    item = desk.keep()
    forget(desk, item, "first")
    assert desk.scrub().mended == 1
    assert desk.vault.leaves(item) == leaves_of(DATA)


# --- nothing good is left ----------------------------------------------------------------------


def test_the_same_chunk_damaged_in_both_copies_is_an_alarm(pair: Desk) -> None:
    item, other = pair.keep(), pair.keep()
    for copy in pair.shelf.names:
        flip(pair.shelf.file(item, copy=copy), 8 * stride(pair) + 5)
    before = [pair.shelf.file(item, copy=copy).read_bytes() for copy in pair.shelf.names]
    done = pair.scrub()
    assert {(f.copy, f.chunks, f.mended, f.lost) for f in pair.told} == {
        ("first", (1,), False, True),
        ("second", (1,), False, True),
    }
    assert (done.lost, done.damaged, done.mended) == (1, 2, 0)
    assert pair.vault.places.lost() == [item]
    assert {c.damage for c in pair.vault.places.conditions(item)} == {"damaged 1"}
    after = [pair.shelf.file(item, copy=copy).read_bytes() for copy in pair.shelf.names]
    assert before == after
    assert held(pair.vault, other) == DATA


def test_what_was_lost_and_is_brought_back_is_no_alarm_any_more(pair: Desk) -> None:
    item = pair.keep()
    kept = pair.shelf.file(item).read_bytes()
    for copy in pair.shelf.names:
        flip(pair.shelf.file(item, copy=copy), 5)
    assert pair.scrub().lost == 1
    alter(pair.shelf.file(item), lambda _: kept)
    done = pair.scrub()
    assert (done.lost, done.mended, pair.vault.places.lost()) == (0, 1, [])
    assert same_in_both(pair, item)


def test_in_one_copy_damage_is_named_and_an_alarm(single: Desk) -> None:
    item = single.keep()
    flip(single.shelf.file(item), 5)
    done = single.scrub()
    assert [(f.item, f.chunks, f.lost) for f in single.told] == [(item, (0,), True)]
    assert done.lost == 1


def test_what_both_copies_have_lost_is_an_alarm(pair: Desk) -> None:
    item = pair.keep()
    for copy in pair.shelf.names:
        unlink(pair, item, copy)
    assert pair.scrub().lost == 1
    assert {f.what for f in pair.told} == {"missing"}


def test_what_the_ledger_speaks_of_and_nobody_has_is_an_alarm(single: Desk) -> None:
    item = single.ledger.add("3f" * 16, DATA)
    done = single.scrub()
    assert [(f.item, f.copy, f.what, f.lost) for f in single.told] == [(item, "", "missing", True)]
    assert (done.items, done.lost) == (1, 1)


def test_a_companion_that_is_good_nowhere_is_an_alarm_of_a_sealed_item(tmp_path: Path) -> None:
    shelf = sealed_shelf(tmp_path, paired=True)
    desk = Desk(shelf, shelf.open())
    item = desk.keep()
    for copy in shelf.names:
        forget(desk, item, copy)
    done = desk.scrub()
    assert {(f.what, f.lost) for f in desk.told} == {("companion", True)} and done.lost == 1


def test_damage_that_is_hashed_anew_by_who_made_it_is_found(single: Desk) -> None:
    """He has the store, and not the database of places."""
    item = single.keep()
    other = (sealed_shelf if single.shelf.wraps else plain_shelf)(single.shelf.root / "his")
    forged = keep(other.open(), os.urandom(len(DATA)))
    other.close()
    for ending in ("", ".chunks"):
        alter(
            single.shelf.file(item, ending), lambda _, e=ending: other.file(forged, e).read_bytes()
        )
    assert single.scrub().lost == 1


# --- items from before, and a store that was added ---------------------------------------------


def old_item(desk: Desk, data: bytes) -> str:
    writer = DirectoryObjectStore(desk.shelf.root / "first", beside=True).begin(
        "3f" * 16, len(data)
    )
    writer.write(data)
    return desk.ledger.add(writer.commit(leaves_of(data)), data)


def test_items_from_before_there_were_places_are_looked_at_too(single: Desk) -> None:
    item = old_item(single, DATA)
    assert single.scrub().items == 1 and single.told == []
    (condition,) = single.vault.places.conditions(item)
    assert condition.verified_ms == single.clock.now_ms()
    flip(single.shelf.file(item), 8 * CHUNK_SIZE)
    assert single.scrub().lost == 1
    assert [f.chunks for f in single.told] == [(1,)]


def test_places_that_were_lost_are_made_anew(pair: Desk) -> None:
    """From what lies in the stores, and without a key."""
    item = pair.keep()
    pair.vault.places.remove(item)
    assert pair.scrub().damaged == 0
    place = pair.vault.places.find(item)
    assert place is not None and set(place.refs) == {"first", "second"}
    flip(pair.shelf.file(item), 5)
    assert pair.scrub().mended == 1 and same_in_both(pair, item)
    assert held(pair.vault, item) == DATA


def test_an_item_without_place_and_companion_is_an_alarm(tmp_path: Path) -> None:
    shelf = sealed_shelf(tmp_path)
    desk = Desk(shelf, shelf.open())
    item = desk.keep()
    desk.vault.places.remove(item)
    alter(shelf.file(item, ".chunks"), lambda data: data[:-1])
    assert desk.scrub().lost == 1
    assert desk.vault.places.find(item) is None


def test_of_two_companions_that_differ_none_is_mended_from_the_other(tmp_path: Path) -> None:
    """Without a place nobody but the key tells which is good; the good one must not go."""
    shelf = sealed_shelf(tmp_path, paired=True)
    desk = Desk(shelf, shelf.open())
    item = desk.keep()
    desk.vault.places.remove(item)
    good = shelf.file(item, ".chunks", copy="second").read_bytes()
    flip(shelf.file(item, ".chunks"), 8 * len(good) // 2)
    assert desk.scrub().lost == 1
    assert shelf.file(item, ".chunks", copy="second").read_bytes() == good
    alter(shelf.file(item, ".chunks"), lambda _: good)
    assert desk.scrub().lost == 0
    assert held(desk.vault, item) == DATA


def test_an_item_gets_its_second_copy_when_a_store_is_added(tmp_path: Path) -> None:
    shelf = sealed_shelf(tmp_path)
    desk = Desk(shelf, shelf.open())
    items = [desk.keep(), old_item(desk, DATA)]
    shelf.names = ("first", "second")
    desk.reopen()
    done = desk.scrub()
    assert {(f.item, f.copy, f.what, f.mended) for f in desk.told} == {
        (item, "second", "absent", True) for item in items
    }
    assert (done.added, done.damaged, done.mended) == (2, 0, 0)
    for item in items:
        assert same_in_both(desk, item)
        unlink(desk, item, "first")
        assert held(desk.vault, item) == DATA


def test_what_may_not_be_deleted_may_not_be_in_its_new_copy_either(tmp_path: Path) -> None:
    shelf = sealed_shelf(tmp_path)
    desk = Desk(shelf, shelf.open())
    item = desk.keep()
    desk.vault.hold(item, True)
    desk.vault.retain(item, 2**52)
    shelf.names = ("first", "second")
    desk.reopen()
    desk.scrub()
    lock = shelf.file(item, ".lock", copy="second").read_text()
    assert lock == f"{2**52} hold\n"


def test_items_that_were_removed_are_no_damage(pair: Desk) -> None:
    item = pair.keep()
    pair.ledger.records.clear()
    pair.vault.delete(item)
    assert (pair.scrub().items, pair.told) == (0, [])


@pytest.mark.parametrize("damage", [unlink, cut, forget])
def test_what_is_deleted_while_it_is_mended_does_not_come_back(
    pair: Desk, damage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = pair.keep()
    damage(pair, item, "second")
    make = objects_directory.write_file if damage is forget else DirectoryObjectWriter.commit

    def deleted_before(*arguments: Any, **more: Any) -> Any:
        monkeypatch.undo()
        pair.vault.delete(item)
        return make(*arguments, **more)

    if damage is forget:
        monkeypatch.setattr(objects_directory, "write_file", deleted_before)
    else:
        monkeypatch.setattr(DirectoryObjectWriter, "commit", deleted_before)
    pair.scrub()
    assert pair.shelf.files() == []


def test_what_is_locked_while_its_new_copy_is_made_is_locked_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = sealed_shelf(tmp_path)
    desk = Desk(shelf, shelf.open())
    item = desk.keep()
    shelf.names = ("first", "second")
    desk.reopen()
    commit = DirectoryObjectWriter.commit

    def locked_before(self: DirectoryObjectWriter, companion: bytes) -> str:
        desk.vault.hold(item, True)
        desk.vault.retain(item, 2**52)
        return commit(self, companion)

    monkeypatch.setattr(DirectoryObjectWriter, "commit", locked_before)
    desk.scrub()
    assert shelf.file(item, ".lock", copy="second").read_text() == f"{2**52} hold\n"


# --- stores that do not answer -----------------------------------------------------------------


def test_a_store_that_is_away_is_no_damage_and_the_scrub_stops(pair: Desk) -> None:
    pair.keep()

    class Away:
        def __getattr__(self, name: str) -> Any:
            def fail(*_: object) -> None:
                raise Unavailable("nobody answers")

            return fail

    kept = pair.vault.copies["second"]
    pair.vault.copies["second"] = Away()  # type: ignore[assignment]
    with pytest.raises(Unavailable, match="nobody answers"):
        pair.scrub()
    assert pair.told == [] and pair.vault.places.damaged_copies() == 0
    pair.vault.copies["second"] = kept
    assert pair.scrub().items == 1


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("method", ["first.mend", "first.writer.write", "first.writer.commit"])
def test_what_could_not_be_mended_is_said_and_is_the_next_time(
    pair: Desk, method: str, stored: bool
) -> None:
    item = pair.keep()
    flip(pair.shelf.file(item), 5)
    pair.shelf.faults.arm(Fault(method, 1, stored=stored))
    done = pair.scrub()
    (finding,) = pair.told
    assert not finding.mended and not finding.lost
    assert (done.damaged, done.mended, done.lost) == (1, 0, 0)
    assert pair.vault.places.damaged_copies() == 1
    assert held(pair.vault, item) == DATA
    pair.scrub()
    assert pair.vault.places.damaged_copies() == 0 and same_in_both(pair, item)


def test_what_was_mended_is_read_again(pair: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes the bytes and keeps others has mended nothing."""
    item = pair.keep()
    flip(pair.shelf.file(item), 5)
    write = Scrub._write

    def and_spoil(self: Scrub, *arguments: Any) -> None:
        write(self, *arguments)
        flip(pair.shelf.file(item), 6)

    monkeypatch.setattr(Scrub, "_write", and_spoil)
    assert pair.scrub().mended == 0
    assert [f.mended for f in pair.told] == [False]


# --- resuming, and the rate --------------------------------------------------------------------


class Killed(BaseException):
    """As a signal would."""


@pytest.mark.parametrize("after", [0, 1, 5, 9])
def test_what_was_killed_goes_on_where_it_stopped(pair: Desk, after: int) -> None:
    items = sorted(pair.keep() for _ in range(10))
    for item in items:
        flip(pair.shelf.file(item), 5)
    seen: list[str] = []

    def tell(finding: Finding) -> None:
        if len(seen) == after:
            raise Killed
        seen.append(finding.item)

    with pytest.raises(Killed):
        pair.scrub(tell)
    pair.reopen()
    done = pair.scrub()
    # The one that was being looked at had been mended, and was found good.
    assert seen == items[:after]
    assert [f.item for f in pair.told] == items[after + 1 :]
    assert (done.number, done.items) == (1, 10)
    assert pair.scrub().number == 2


def test_items_that_come_meanwhile_end_no_pass_early(pair: Desk) -> None:
    for _ in range(250):  # more than two pages
        pair.keep(b"small")
    assert pair.scrub().items == 250


def test_the_rate_is_kept_in_every_stretch_of_time() -> None:
    clock = HandClock()
    start = clock.steady_ms()
    log: list[tuple[int, int]] = []
    pace = Pace(1_000_000, clock, lambda s: clock.advance(round(s * 1000)))
    chance = random.Random(1)
    for _ in range(500):
        size = chance.randrange(1, 300_000)
        pace.spend(size)
        log.append((clock.steady_ms() - start, size))
        if chance.random() < 0.1:
            clock.advance(chance.randrange(3000))  # the disk was slow
    for first in range(0, len(log), 7):
        read = 0
        for at_ms, size in log[first:]:
            # Rounding to whole milliseconds may give one away at each read.
            assert read <= (at_ms - log[first][0] + len(log)) * 1000, "more than the rate"
            read += size
    total = sum(size for _, size in log)
    assert log[-1][0] >= (total - 300_000) / 1000 - len(log)


def test_a_scrub_keeps_the_rate(pair: Desk) -> None:
    for _ in range(4):
        pair.keep()
    start = pair.clock.steady_ms()
    pace = Pace(1_000_000, pair.clock, lambda s: pair.clock.advance(round(s * 1000)))
    scrub = Scrub(pair.vault, pair.ledger.items_after, pair.clock, pace, pair.told.append)
    done = scrub.run()
    seconds = (pair.clock.steady_ms() - start) / 1000
    assert done.bytes > 4_000_000
    # All but the last read, which needs no time after it.
    assert seconds >= (done.bytes - 1_100_000) / 1_000_000
