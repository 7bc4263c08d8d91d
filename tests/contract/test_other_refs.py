"""A vault and a scrub over a store like a bucket, which names its objects and never overwrites."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import Rejected, Unknown
from ledger.evidence.chunks import CHUNK_SIZE, digest_item
from ledger.ports import ItemRecord, ObjectWriter, Oddity
from storage.items_vault import ItemVault
from storage.objects_directory import DirectoryObjectStore
from storage.places_sqlite import SqlitePlaces
from storage.scrub import Finding, Pace, Scrub
from storage.wrap_file import FileKeyWrap
from testkit.vault import KEY, flip, held, keep
from testkit.world import HandClock

DATA = os.urandom(CHUNK_SIZE + 1000)
VERSION = "@7c"


class Bucket:
    """Implements `ledger.ports.ObjectStore` over a folder: a reference is `key@version`."""

    def __init__(self, root: Path) -> None:
        self._inner = DirectoryObjectStore(root)

    def begin(self, key: str, size: int) -> ObjectWriter:
        return _Writer(self._inner.begin(key, size))

    def mend(self, ref: str, size: int) -> ObjectWriter:
        self._key(ref)
        return self.begin(secrets.token_hex(16), size)

    def refs(self) -> Iterator[str]:
        return (key + VERSION for key in self._inner.refs())

    def oddities(self) -> Iterator[Oddity]:
        return self._inner.oddities()

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._inner, method)
        return lambda ref, *more: call(self._key(ref), *more)

    def _key(self, ref: str) -> str:
        if not ref.endswith(VERSION):
            raise Unknown(f"no object {ref!r}")
        return ref.removesuffix(VERSION)


class _Writer:
    def __init__(self, inner: ObjectWriter) -> None:
        self.write, self.abort, self._inner = inner.write, inner.abort, inner

    def commit(self, companion: bytes) -> str:
        return self._inner.commit(companion) + VERSION


class Desk:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.places = SqlitePlaces(root / "places.sqlite")
        first, second = DirectoryObjectStore(root / "first"), Bucket(root / "second")
        copies: Any = {"first": first, "second": second}
        self.vault = ItemVault(copies, self.places, [FileKeyWrap(KEY)])
        self.second = second
        self.told: list[Finding] = []
        self.records: list[ItemRecord] = []

    def scrub(self) -> None:
        self.told.clear()
        clock = HandClock()
        pace = Pace(10**12, clock, lambda s: None)
        Scrub(self.vault, self._after, clock, pace, self.told.append).run()

    def _after(self, object_id: str, count: int) -> list[ItemRecord]:
        return [record for record in self.records if record.object_id > object_id][:count]

    def ref(self, item: str) -> str:
        place = self.places.find(item)
        assert place is not None
        return place.refs["second"]

    def file(self, item: str) -> Path:
        key = self.ref(item).removesuffix(VERSION)
        return self.root / "second" / key[:2] / key


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.places.close()


def test_an_item_has_a_reference_of_its_own_in_each_copy(desk: Desk) -> None:
    item = keep(desk.vault, DATA)
    place = desk.places.find(item)
    assert place is not None
    assert place.refs == {"first": item, "second": item + VERSION}
    assert list(desk.vault.ids()) == [item]
    desk.vault.hold(item, True)
    with pytest.raises(Rejected):
        desk.vault.delete(item)
    desk.vault.hold(item, False)
    (desk.root / "first" / item[:2] / item).unlink()
    assert held(desk.vault, item) == DATA
    desk.vault.delete(item)
    assert list(desk.vault.ids()) == [] and list(desk.second.refs()) == []


@pytest.mark.parametrize("missing", [False, True])
def test_what_is_mended_has_another_reference_and_the_old_is_gone(
    desk: Desk, missing: bool
) -> None:
    item = keep(desk.vault, DATA)
    old = desk.ref(item)
    if missing:
        desk.file(item).unlink()
    else:
        flip(desk.file(item), 5)
    desk.scrub()
    assert [(f.copy, f.mended) for f in desk.told] == [("second", True)]
    assert desk.ref(item) != old
    assert list(desk.second.refs()) == [desk.ref(item)]
    (desk.root / "first" / item[:2] / item).unlink()
    assert held(desk.vault, item) == DATA
    assert list(desk.vault.ids()) == [item]


def test_a_damaged_object_under_a_hold_stays_beside_what_was_mended(desk: Desk) -> None:
    item = keep(desk.vault, DATA)
    old = desk.ref(item)
    desk.vault.hold(item, True)
    flip(desk.file(item), 5)
    desk.scrub()
    assert desk.told[0].mended
    assert set(desk.second.refs()) == {old, desk.ref(item)}
    with pytest.raises(Rejected, match="hold"):
        desk.second.delete(desk.ref(item))


def test_what_a_crash_left_in_the_second_copy_is_shown_read_and_deleted(desk: Desk) -> None:
    """Its reference there is its only name."""
    item = keep(desk.vault, DATA)
    desk.places.remove(item)
    DirectoryObjectStore(desk.root / "first").delete(item)
    assert list(desk.vault.ids()) == [item + VERSION]
    assert held(desk.vault, item + VERSION) == DATA
    desk.vault.delete(item + VERSION)
    assert list(desk.vault.ids()) == []


def test_a_taken_key_is_no_obstacle_to_a_second_copy(desk: Desk) -> None:
    item = keep(desk.vault, DATA)
    desk.places.remove(item)
    desk.records.append(
        ItemRecord(object_id=item, digest=digest_item(DATA), keyid="k", agency="a", uploaded_ms=1)
    )
    desk.scrub()
    assert [(f.what, f.copy, f.mended) for f in desk.told] == [("absent", "second", True)]
    assert desk.ref(item) != item + VERSION
    (desk.root / "first" / item[:2] / item).unlink()
    assert held(desk.vault, item) == DATA
