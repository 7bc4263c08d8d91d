import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from api import indexer as module
from api.indexer import Indexer
from ledger.errors import Unavailable
from ledger.evidence.statement import Statement
from ledger.filing import read_filing
from ledger.sequencer import Row
from storage.catalog_sqlite import SqliteCatalog
from testkit.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    made = SqliteCatalog(tmp_path / "catalog.sqlite")
    yield made
    made.close()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def grow(world: World, *numbers: int) -> list[tuple[Row, Statement]]:
    results = world.file(*(world.evidence(number) for number in numbers))
    rows = [result.row for result in results]  # type: ignore[union-attr]
    return [(row, read_filing(row.envelope).statement) for row in rows]


def test_what_is_handed_over_is_in_the_catalog_without_being_read_again(
    world: World, catalog: SqliteCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.catch_up(world.store)
    pairs = grow(world, 1, 2)
    monkeypatch.setattr(SqliteCatalog, "catch_up", None)
    indexer = Indexer(catalog, world.store)
    indexer.give(pairs)
    wait_until(lambda: catalog.indexed_to() == world.log.size)
    monkeypatch.undo()
    indexer.stop()


@pytest.mark.parametrize("dropped", [1, 2])
def test_what_does_not_join_on_is_read_from_the_ledger(
    world: World, catalog: SqliteCatalog, dropped: int
) -> None:
    indexer = Indexer(catalog, world.store)
    indexer.give(grow(world, 1, 2, 3)[dropped:])
    indexer.stop()
    assert catalog.indexed_to() == world.log.size


def test_beyond_its_bound_it_forgets_and_reads_from_the_ledger(
    world: World, catalog: SqliteCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 0)
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    indexer = Indexer(catalog, world.store)
    catalog.catch_up(world.store)
    monkeypatch.setattr(indexer, "_waiting", None)  # nothing may be kept
    indexer.give(grow(world, 1, 2))
    monkeypatch.setattr(indexer, "_waiting", [])
    wait_until(lambda: catalog.indexed_to() == world.log.size)
    indexer.stop()


@pytest.mark.parametrize("failure", [Unavailable("the disk"), RuntimeError("a defect")])
def test_a_catalog_that_failed_is_brought_up_though_nothing_new_comes(
    world: World,
    catalog: SqliteCatalog,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    failed = threading.Event()
    add = catalog.add

    def fail_once(rows: Iterable[tuple[Row, Statement]]) -> None:
        if not failed.is_set():
            failed.set()
            raise failure
        add(rows)

    catalog.catch_up(world.store)
    monkeypatch.setattr(catalog, "add", fail_once)
    indexer = Indexer(catalog, world.store)
    indexer.give(grow(world, 1))
    assert failed.wait(60)
    wait_until(lambda: catalog.indexed_to() == world.log.size)
    indexer.stop()
