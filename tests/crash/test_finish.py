"""A whole upload is read back and recorded, and the process dies before or after each step.

Then a new process opens what is left: the item is recorded, once, with its bytes.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.arrivals import Arrivals
from ledger.errors import Unavailable
from ledger.evidence.chunks import ItemHasher, digest_item
from storage.ledger_sqlite import SqliteLedgerStore
from storage.staging_directory import Announced, Staged, StagingDirectory
from testkit.death import Death, Killed, Mortal
from testkit.vault import sealed_shelf

DATA = bytes(range(256)) * 5000
SEALED = ["begin_sealed", "write", "note", "commit", "add_item", "note", "drop_bytes"]
# As they were staged before, and still are where items are kept in plain.
PLAIN = ["begin", "write", "note", "commit", "note", "add_item", "note", "drop_bytes"]
STEPS = {False: SEALED, True: PLAIN}


class Run:
    """One process's stores."""

    def __init__(self, folder: Path, death: Death | None = None, *, plain: bool = False) -> None:
        self.shelf = sealed_shelf(folder / "items", paired=True)
        self.items = self.shelf.open()
        keys = None if plain else self.items
        self.staging = StagingDirectory(folder / "staging", lambda: 1000, keys)
        self.store = SqliteLedgerStore(folder / "ledger.sqlite")
        parts: list[Any] = [self.staging, self.items, self.store]
        if death is not None:
            names = ("note", "drop_bytes"), ("begin", "begin_sealed", "delete"), ("add_item",)
            parts = [Mortal(p, death, *n) for p, n in zip(parts, names, strict=True)]
        staging, items, store = parts
        self.arrivals = Arrivals(staging, lambda: items, store, lambda: 1000)

    def close(self) -> None:
        self.arrivals.close()
        self.store.close()
        self.shelf.close()

    def start(self) -> None:
        """As `Services` does: orphans first, then whatever is whole."""
        recorded = set(self.store.object_ids())
        orphans = [object_id for object_id in self.items.ids() if object_id not in recorded]
        for object_id in self.arrivals.take_orphans(orphans):
            hasher = ItemHasher()
            for piece in self.items.stream(object_id):
                hasher.update(piece)
            assert self.arrivals.take_orphan(object_id, hasher.finish()), "an item of nobody's"
        self.arrivals.resume()


def announced(data: bytes = DATA, *, sha256: bytes | None = None, sm3: bool = False) -> Announced:
    return Announced(
        keyid="k",
        agency="a",
        size=len(data),
        sha256=digest_item(data).sha256 if sha256 is None else sha256,
        sm3=sm3,
        metadata="",
        opened_ms=1000,
    )


def stage(staging: StagingDirectory, data: bytes = DATA, **more: Any) -> Staged:
    staged = staging.add(announced(data, **more))
    writer = staging.writer(staged, marks=True)
    writer.write(data)
    writer.keep()
    writer.close()
    return staged


def finish(run: Run) -> None:
    (staged,) = run.staging.all()
    run.arrivals._finish(staged, threading.Event())


def steps(folder: Path, plain: bool) -> list[str]:
    death = Death(-1, done=False)
    with closing(Run(folder, death, plain=plain)) as run:
        stage(run.staging)
        finish(run)
    return death.calls


def deaths() -> Iterator[tuple[bool, int, bool]]:
    # Writing has several steps, as the pieces come; the table is that of one piece.
    for plain, names in STEPS.items():
        for nth in range(len(names)):
            yield plain, nth, False
            yield plain, nth, True


@pytest.mark.parametrize("plain", [False, True])
def test_the_steps_are_these(tmp_path: Path, plain: bool) -> None:
    assert steps(tmp_path, plain) == STEPS[plain]


@pytest.mark.parametrize("sm3", [False, True])
@pytest.mark.parametrize(("plain", "nth", "done"), list(deaths()))
def test_whenever_it_dies_the_item_is_recorded_once(
    tmp_path: Path, plain: bool, nth: int, done: bool, sm3: bool
) -> None:
    death = Death(nth, done=done)
    with closing(Run(tmp_path, death, plain=plain)) as run:
        stage(run.staging, sm3=sm3)
        with pytest.raises(Killed):
            finish(run)
    check(tmp_path, sm3=sm3)


@pytest.mark.parametrize(("plain", "nth", "done"), list(deaths()))
@pytest.mark.parametrize("again", [(0, True), (1, False), (2, True)])
def test_whenever_it_dies_twice_the_item_is_recorded_once(
    tmp_path: Path, plain: bool, nth: int, done: bool, again: tuple[int, bool]
) -> None:
    with closing(Run(tmp_path, Death(nth, done=done), plain=plain)) as run:
        stage(run.staging)
        with pytest.raises(Killed):
            finish(run)
    second = Death(again[0], done=again[1])
    with closing(Run(tmp_path, second)) as run:
        try:
            run.start()
            finish_all(run)
        except (Killed, AssertionError):
            assert second.dead
    check(tmp_path)


def finish_all(run: Run) -> None:
    """Waits for what `resume` has begun."""
    while True:
        with run.arrivals._lock:
            futures = [future for future, _ in run.arrivals._finishing.values()]
        if not futures:
            return
        for future in futures:
            future.exception()


def check(folder: Path, *, sm3: bool = False) -> None:
    with closing(Run(folder)) as run:
        run.start()
        finish_all(run)
        (staged,) = run.staging.all()
        assert staged.recorded
        assert not (folder / "staging" / staged.id / "bytes").exists()
        (object_id,) = run.items.ids()
        assert list(run.store.object_ids()) == [object_id]
        assert b"".join(run.items.stream(object_id)) == DATA
        (record,) = run.store.unclaimed(5000)
        hasher = ItemHasher(sm3=sm3)
        hasher.update(DATA)
        assert (record.keyid, record.agency, record.digest) == ("k", "a", hasher.finish())
        assert not list((folder / "items").glob("*/incoming/*"))


def test_two_equal_uploads_are_two_items(tmp_path: Path) -> None:
    with closing(Run(tmp_path)) as run:
        run.arrivals.resume()
        for _ in range(2):
            run.arrivals.finish(stage(run.staging))
        finish_all(run)
        assert len(list(run.store.object_ids())) == 2


def test_a_mismatch_is_remembered_and_not_read_again_at_each_start(tmp_path: Path) -> None:
    with closing(Run(tmp_path)) as run:
        stage(run.staging, sha256=bytes(32))
        finish(run)
    with closing(Run(tmp_path)) as run:
        (staged,) = run.staging.all()
        assert staged.mismatched
        run.start()
        assert not run.arrivals.finishing(staged)
        assert list(run.items.ids()) == []


@pytest.mark.parametrize("data", [b"", b"x", DATA])
@pytest.mark.parametrize("sha256", [b"", None])
def test_a_last_block_that_does_not_open_is_no_item(
    tmp_path: Path, data: bytes, sha256: bytes | None
) -> None:
    with closing(Run(tmp_path)) as run:
        staged = stage(run.staging, data, sha256=sha256)
        path = tmp_path / "staging" / staged.id / "bytes"
        stored = bytearray(path.read_bytes())
        stored[-1] ^= 1
        path.write_bytes(stored)
        if data:
            finish(run)
            assert staged.mismatched
        else:
            with pytest.raises(Unavailable, match="block 0"):
                finish(run)
        assert list(run.items.ids()) == [] and list(run.store.object_ids()) == []


def test_an_orphan_that_no_upload_knows_is_left_to_others(tmp_path: Path) -> None:
    with closing(Run(tmp_path)) as run:
        stage(run.staging)
        assert run.arrivals.take_orphans(["ab" * 16]) == ["ab" * 16]
        assert not run.arrivals.take_orphan("ab" * 16, digest_item(DATA))


def test_a_server_that_ends_leaves_a_finish_for_the_next(tmp_path: Path) -> None:
    with closing(Run(tmp_path)) as run:
        staged = stage(run.staging)
        began, pieces = threading.Event(), run.staging.pieces

        def endless(upload: Staged) -> Iterator[memoryview]:
            while True:
                began.set()
                threading.Event().wait(0.001)
                yield next(pieces(upload))[:0]

        run.staging.pieces = endless  # type: ignore[method-assign]
        run.arrivals.resume()
        assert began.wait(60)
        assert run.arrivals.finishing(staged)
    check(tmp_path)


def test_who_gives_up_an_upload_waits_for_what_reads_it(tmp_path: Path) -> None:
    with closing(Run(tmp_path)) as run:
        staged = stage(run.staging)
        run.arrivals.resume()
        asyncio.run(run.arrivals.stop(staged))
        assert not run.arrivals.finishing(staged)
