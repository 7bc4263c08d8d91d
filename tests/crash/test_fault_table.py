"""Every write of the log fails once, without and with its effect, at every size that matters.

Afterwards the filer sends again what he had no answer to. Then every acknowledged
statement is in the log exactly once, and nothing else is.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from ledger.errors import Unavailable
from ledger.log import Accepted
from ledger.suite import digest
from storage.ledger_sqlite import SqliteLedgerStore
from storage.public_directory import DirectoryPublicStore
from testkit.audit import audit
from testkit.world import Fault, World, evidence, grown, registers

SECOND = {1_000: 5, 1_001: 254}
SIZES = (0, 1, 5, 254, 255, 256, 257, 511, *SECOND)


def additions(world: World, number: int = 10_000) -> tuple[tuple[bytes, ...], ...]:
    """Two batches, sent one after the other; the second repeats one of the first."""
    size = world.log.number
    if size < len(registers()):
        return registers()[size:], registers()[-1:]
    first, second, third = (evidence(number + n, b"new") for n in range(3))
    return (first, second), (second, third)


def act(world: World) -> None:
    """An item arrives, statements are filed, the public sees them."""
    do(world, additions(world))


def do(world: World, batches: tuple[tuple[bytes, ...], ...]) -> None:
    world.hold(b"new")
    for batch in batches:
        world.file(*batch)
        world.step()


@cache
def base(size: int) -> World:
    """Of `SECOND` the open log is the second one, and the first is as long as that says."""
    if size in SECOND:
        world = grown(SECOND[size])
        world.begin_next()
        return world
    return grown(size)


def writes(world: World) -> list[str]:
    """The writes of `act`, in order, where nothing fails."""
    dry = world.fork()
    act(dry)
    audit(dry)
    return dry.faults.calls


def faults(calls: list[str]) -> Iterator[Fault]:
    for method in sorted(set(calls)):
        for nth in range(1, calls.count(method) + 1):
            yield Fault(method, nth, stored=False)
            yield Fault(method, nth, stored=True)


def survive(world: World, fault: Fault, *, restart: bool) -> None:
    batches = additions(world)
    world.faults.arm(fault)
    failures = 0
    for attempt in range(3):
        try:
            do(world, batches)
            break
        except Unavailable:
            failures += 1
            assert attempt == 0, "one fault may fail one attempt"
            if restart:
                world.reopen()
    assert failures == 1 and world.faults.armed is None, "the fault was not met"
    for result in world.file(*dict.fromkeys(e for batch in batches for e in batch)):
        assert isinstance(result, Accepted)
    audit(world)


@pytest.mark.parametrize("restart", [True, False], ids=["restart", "same-process"])
@pytest.mark.parametrize("size", SIZES)
def test_no_failed_write_loses_or_doubles_a_statement(size: int, restart: bool) -> None:
    calls = writes(base(size))
    for fault in faults(calls):
        # A failed commit that was stored is found at once, and nobody need send again.
        if fault == Fault("store.commit", fault.nth, stored=True):
            continue
        survive(base(size).fork(), fault, restart=restart)


def test_the_table_meets_every_kind_of_write() -> None:
    met = {call for size in SIZES for call in writes(base(size))}
    assert met == {
        "public.discard",
        "public.put",
        "public.replace",
        "store.add_cosigned",
        "store.add_item",
        "store.commit",
    }


@pytest.mark.parametrize("size", SIZES)
def test_a_commit_that_was_stored_and_failed_is_acknowledged_at_once(size: int) -> None:
    world = base(size).fork()
    commits = writes(base(size)).count("store.commit")
    for nth in range(1, commits + 1):
        twin = world.fork()
        twin.faults.arm(Fault("store.commit", nth, stored=True))
        act(twin)
        assert twin.faults.armed is None and twin.log.problem() == ""
        audit(twin)


def test_a_failed_commit_names_the_doubt_until_the_store_answers_again() -> None:
    world = base(5).fork()
    world.hold(b"new")
    broken = world.store.target

    class Silent:
        def __getattr__(self, name: str) -> object:
            raise Unavailable("the disk is gone")

    def fail(*arguments: object) -> None:
        world.store.target = Silent()
        raise Unavailable("the disk failed")

    broken.commit = fail
    with pytest.raises(Unavailable, match="gone"):
        world.file(evidence(1, b"new"))
    assert "in doubt" in world.log.problem()
    with pytest.raises(Unavailable, match="gone"):
        world.file(evidence(1, b"new"))
    del broken.commit
    world.store.target = broken
    (result,) = world.file(evidence(1, b"new"))
    assert isinstance(result, Accepted) and world.log.problem() == ""
    world.step()
    audit(world)


# --- the adapters of the machine -----------------------------------------------------------------


def on_disk(folder: Path) -> World:
    return World(
        store=SqliteLedgerStore(folder / "ledger.sqlite"),
        public=DirectoryPublicStore(folder / "public" / "2026"),
        opened=False,
    )


def reopen_on_disk(world: World, folder: Path) -> None:
    world.store.target.close()
    world.store.target = SqliteLedgerStore(folder / "ledger.sqlite")
    publics = [*(closed.public for closed in world.closed), world.public]
    for label, public in zip(("2026", "2027"), publics, strict=False):
        public.target = DirectoryPublicStore(folder / "public" / label)
    world.reopen()


def _grow(world: World, size: int) -> None:
    world.file(*registers())
    world.file(*(world.evidence(number) for number in range(size - len(registers()))))
    world.step()


def twin_on_disk(past: World, folder: Path, copy: Path) -> World:
    shutil.copytree(folder, copy)
    store = SqliteLedgerStore(copy / "ledger.sqlite")
    return past.fork(store, DirectoryPublicStore(copy / "public" / "2026"))


def act_on_disk(world: World, folder: Path, logs: int) -> None:
    """As `act`. With two logs the first is closed then, and the same goes on in the second."""
    if not world.closed:
        act(world)
    if logs == 1:
        return
    if not world.closed:
        world.prepare_next(public=DirectoryPublicStore(folder / "public" / "2027"))
    for result in world.file(*world.beginning):
        assert isinstance(result, Accepted), result
    world.step()
    do(world, additions(world, 20_000))


# With 252 the closed log has 256 entries.
@pytest.mark.parametrize(("size", "logs"), [(4, 1), (255, 1), (252, 2)])
def test_no_failed_write_on_a_disk_loses_or_doubles_a_statement(
    tmp_path: Path, size: int, logs: int
) -> None:
    past = on_disk(tmp_path / "past")
    _grow(past, size)
    past.store.target.close()
    dry = twin_on_disk(past, tmp_path / "past", tmp_path / "dry")
    act_on_disk(dry, tmp_path / "dry", logs)
    audit(dry)
    heads = dry.store.heads()
    assert len(heads) == logs
    dry.store.target.close()
    for number, fault in enumerate(faults(dry.faults.calls)):
        folder = tmp_path / str(number)
        world = twin_on_disk(past, tmp_path / "past", folder)
        world.faults.arm(fault)
        with suppress(Unavailable):
            act_on_disk(world, folder, logs)
        assert world.faults.armed is None
        reopen_on_disk(world, folder)
        act_on_disk(world, folder, logs)
        audit(world)
        assert [head.edge.size for head in world.store.heads()] == [
            head.edge.size for head in heads
        ]
        world.store.target.close()


def test_the_same_history_gives_the_same_public_bytes_on_disk_and_in_memory(
    tmp_path: Path,
) -> None:
    disk = on_disk(tmp_path)
    _grow(disk, 257)
    memory = grown(257)
    for path, data in memory.public.files.items():
        if path != "checkpoint":
            assert digest(disk.public.get(path)) == digest(data), path
    disk.store.target.close()
