"""A direct upload is verified, and the process dies before or after each step; on a real store.

Then a new process opens what is left: the item is recorded, once, with its bytes, or it is refused
and nothing of it is left.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import urllib3

from api.direct_finish import DirectFinishes
from ledger.evidence.chunks import CHUNK_SIZE, digest_item
from ledger.evidence.sealed import ItemSeal
from storage.direct_directory import Direct, DirectDirectory, State
from storage.items_direct import DirectItems
from storage.items_vault import ItemVault
from storage.ledger_sqlite import SqliteLedgerStore
from storage.objects_directory import DirectoryObjectStore
from storage.objects_s3 import S3ObjectStore
from storage.places_sqlite import SqlitePlaces
from storage.sealing import ItemKey
from storage.staging_directory import Announced
from storage.wrap_file import FileKeyWrap
from testkit.buckets import Made, make_bucket
from testkit.ceph import Shared
from testkit.death import Death, Killed, Mortal

pytestmark = pytest.mark.timeout(600)  # the first on a machine fetches Ceph
DATA = os.urandom(CHUNK_SIZE + 1000)
STEPS = [
    *("complete_direct", "note", "begin", "write", "note", "put_companion", "commit", "add"),
    *("add_item", "note"),
]
REFUSING = ["complete_direct", "note", "begin", "write", "note", "abort_direct", "note"]


@pytest.fixture(scope="module")
def made(ceph: Shared) -> Made:
    return make_bucket(ceph)


class Run:
    """One process's stores: a bucket, and a second copy in a folder."""

    def __init__(self, folder: Path, made: Made, death: Death | None = None) -> None:
        self.first = S3ObjectStore(made.bucket(), f"{folder.name}/")
        self.second = DirectoryObjectStore(folder / "second")
        self.places = SqlitePlaces(folder / "places.sqlite")
        self.store = SqliteLedgerStore(folder / "ledger.sqlite")
        self.directs = DirectDirectory(folder / "direct", lambda: 1000)
        if death is not None:
            for part, *names in (
                (self.first, "complete_direct", "put_companion", "abort_direct"),
                (self.places, "add"),
                (self.store, "add_item"),
                (self.directs, "note"),
            ):
                for name in names:
                    setattr(part, name, _step(death, name, getattr(part, name)))
        second: Any = self.second if death is None else Mortal(self.second, death, "begin")
        copies = {"first": self.first, "second": second}
        self.items = ItemVault(copies, self.places, [FileKeyWrap(bytes(range(32)))])
        self.direct_items = DirectItems(self.items)
        self.pool = ThreadPoolExecutor(2)
        self.futures: list[Any] = []
        self.finishes = DirectFinishes(
            self.directs, self.direct_items, self.store, lambda: 1000, self.submit
        )

    def submit(self, work: Any) -> Any:
        self.futures.append(self.pool.submit(work))
        return self.futures[-1]

    def close(self) -> None:
        self.finishes.close()
        self.pool.shutdown()
        self.store.close()
        self.places.close()
        self.first.close()

    def start(self) -> None:
        """As `Services` does: orphans first, then whatever is to be finished."""
        recorded = set(self.store.object_ids())
        orphans = [object_id for object_id in self.items.ids() if object_id not in recorded]
        assert self.finishes.without_own(orphans) == []
        self.finishes.resume()
        wait(self.futures)
        for future in self.futures:
            future.result()

    def put(self, data: bytes = DATA, *, key: bytes = b"") -> Direct:
        """Announced, sealed and put, and to be finished."""
        begun, item = self.direct_items.begin(len(data))
        announced = Announced(
            keyid="k",
            agency="a",
            size=len(data),
            sha256=digest_item(data).sha256,
            sm3=False,
            metadata="",
            opened_ms=1000,
        )
        direct = self.directs.add(announced, begun)
        (url,) = self.direct_items.part_urls(begun, len(data), 1, 9, 600)
        with urllib3.PoolManager(retries=False, timeout=60) as http:
            body = sealed(item, data, key)
            assert http.request("PUT", url, body=body).status == 200
        self.directs.note(direct, state=State.FINISHING)
        return direct


def _step(death: Death, name: str, call: Any) -> Any:
    return lambda *args, **more: death.step(name, call, *args, **more)


def sealed(item: ItemKey, data: bytes, key: bytes) -> bytes:
    seal = ItemSeal(key or item.bare, bytes.fromhex(item.id), len(data))
    stored = bytearray()
    for number, start in enumerate(range(0, len(data), CHUNK_SIZE)):
        chunk = data[start : start + CHUNK_SIZE]
        block = memoryview(bytearray(len(chunk) + 28))
        seal.seal_block(block, number, os.urandom(12), chunk)
        stored += block
    return bytes(stored)


def steps(folder: Path, made: Made, **more: Any) -> list[str]:
    with closing(Run(folder, made)) as run:
        run.put(**more)
    death = Death(-1, done=False)
    with closing(Run(folder, made, death)) as run:
        (direct,) = run.directs.all()
        run.finishes._finish(direct)
    return death.calls


def deaths(known: list[str]) -> Iterator[tuple[int, bool]]:
    for nth in range(len(known)):
        yield nth, False
        yield nth, True


def test_the_steps_are_these(tmp_path: Path, made: Made) -> None:
    assert steps(tmp_path, made) == STEPS


def test_the_steps_of_a_refusal_are_these(tmp_path: Path, made: Made) -> None:
    assert steps(tmp_path, made, key=bytes(32)) == REFUSING


def die(folder: Path, made: Made, death: Death) -> None:
    with closing(Run(folder, made, death)) as run:
        (direct,) = run.directs.all()
        with pytest.raises(Killed):
            run.finishes._finish(direct)


@pytest.mark.parametrize(("nth", "done"), list(deaths(STEPS)))
def test_whenever_it_dies_the_item_is_recorded_once(
    tmp_path: Path, made: Made, nth: int, done: bool
) -> None:
    with closing(Run(tmp_path, made)) as run:
        run.put()
    die(tmp_path, made, Death(nth, done=done))
    check_recorded(tmp_path, made)


@pytest.mark.parametrize(("nth", "done"), [(1, True), (6, True), (7, False)])
@pytest.mark.parametrize("again", [(1, True), (2, True), (3, False)])
def test_whenever_it_dies_twice_the_item_is_recorded_once(
    tmp_path: Path, made: Made, nth: int, done: bool, again: tuple[int, bool]
) -> None:
    with closing(Run(tmp_path, made)) as run:
        run.put()
    die(tmp_path, made, Death(nth, done=done))
    die(tmp_path, made, Death(again[0], done=again[1]))  # it begins with the reading
    check_recorded(tmp_path, made)


@pytest.mark.parametrize(("nth", "done"), list(deaths(REFUSING)))
def test_whenever_it_dies_what_is_refused_leaves_nothing(
    tmp_path: Path, made: Made, nth: int, done: bool
) -> None:
    with closing(Run(tmp_path, made)) as run:
        run.put(key=bytes(32))
    die(tmp_path, made, Death(nth, done=done))
    with closing(Run(tmp_path, made)) as run:
        run.start()
        run.finishes.sweep()
        (direct,) = run.directs.all()
        assert (direct.state, direct.cleared) == (State.REFUSED, True)
        assert list(run.items.ids()) == list(run.store.object_ids()) == []
        assert list(made.bucket().versions(f"{tmp_path.name}/")) == []
        assert list(made.bucket().uploads(f"{tmp_path.name}/")) == []


def check_recorded(folder: Path, made: Made) -> None:
    with closing(Run(folder, made)) as run:
        run.start()
        (direct,) = run.directs.all()
        assert direct.state == State.RECORDED, direct
        assert list(run.items.ids()) == list(run.store.object_ids()) == [direct.begun.item]
        assert b"".join(run.items.stream(direct.begun.item)) == DATA
        (record,) = run.store.unclaimed(5000)
        assert (record.keyid, record.agency, record.digest) == ("k", "a", digest_item(DATA))
        place = run.places.find(direct.begun.item)
        assert place is not None
        assert sorted(place.refs) == ["first", "second"]
        assert list(run.first.refs()) == [place.refs["first"]]
        assert list(run.second.refs()) == [place.refs["second"]]
        assert list(run.first.oddities()) == []
        assert len(list(made.bucket().versions(f"{folder.name}/companions/"))) == 1
