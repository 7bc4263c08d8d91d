"""What came after a backup, put back at its old places."""

from dataclasses import replace

import pytest

from ledger.completion import Completion, Copied, complete, format_ranges, ranges_of
from ledger.errors import Conflict, Rejected
from ledger.evidence.series import Series
from ledger.sequencer import Row
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, leaf_hash
from testkit.world import World, grown

START = 9
SIZE = 14


@pytest.fixture(scope="module")
def world() -> World:
    """Nine entries at the backup, fourteen when the disk was lost."""
    world = grown(START)
    world.file(*(world.evidence(number) for number in range(100, 105)))
    assert world.log.size == SIZE
    return world


def rows(world: World) -> list[Row]:
    return list(world.store.rows(0, SIZE))


def edge_of(world: World, size: int) -> Edge:
    return Edge().extend(leaf_hash(row.entry) for row in rows(world)[:size])


def signed(world: World, size: int) -> Checkpoint:
    return Checkpoint(world.log.origin, size, edge_of(world, size).root())


def copied(world: World, index: int, size: int = SIZE) -> Copied:
    row = rows(world)[index]
    signatures = world.store.series([name for name, _ in row.places])
    series = tuple(Series(name, signatures[name][0]) for name, _ in row.places)
    return Copied(f"copy-{index}", row, series, signed(world, size))


def known(world: World) -> list[tuple[Series, int]]:
    counts: dict[str, int] = {}
    for row in rows(world)[:START]:
        for name, n in row.places:
            counts[name] = n
    signatures = world.store.series(sorted(counts))
    return [(Series(name, signatures[name][0]), n) for name, n in sorted(counts.items())]


def completed(
    world: World,
    copies: list[Copied],
    public: range = range(0),
    checkpoints: tuple[Checkpoint, ...] = (),
) -> Completion:
    entries = {index: rows(world)[index].entry for index in public}
    given = (signed(world, START), *checkpoints)
    return complete(edge_of(world, START), entries, copies, known(world), given)


def test_copies_of_everything_give_the_rows_back(world: World) -> None:
    found = completed(world, [copied(world, index) for index in range(START, SIZE)])
    assert list(found.rows) == rows(world)[START:]
    assert (found.edge, found.missing, found.lost) == (edge_of(world, SIZE), (), ())
    assert {name: n for (series, n) in found.series for name in [series.name]} == {
        name: n for row in rows(world)[START:] for name, n in row.places
    }


def test_the_public_log_alone_gives_entries_whose_statements_are_lost(world: World) -> None:
    found = completed(world, [], range(START, SIZE), (signed(world, SIZE),))
    assert found.lost == tuple(range(START, SIZE))
    assert found.edge == edge_of(world, SIZE)
    # The tags of a series that was known before show its places.
    before = {series.name for series, _ in known(world)}
    for lost, row in zip(found.rows, rows(world)[START:], strict=True):
        assert set(lost.places) == {(name, n) for name, n in row.places if name in before}


def test_copies_between_lost_ones_keep_their_numbers(world: World) -> None:
    found = completed(world, [copied(world, 11)], range(START, SIZE), (signed(world, SIZE),))
    assert found.lost == (9, 10, 12, 13)
    numbers = [n for row in found.rows for _, n in row.places[:1]]
    assert numbers == sorted(numbers) and len(set(numbers)) == len(numbers)


def test_without_one_in_the_middle_nothing_beyond_it_is_put_back(world: World) -> None:
    copies = [copied(world, index) for index in (9, 10, 12, 13)]
    found = completed(world, copies)
    # 9 and 10 are at hand, and under no checkpoint of their own.
    assert (found.rows, found.wanted, found.missing) == ((), SIZE, ((11, 11),))


def test_a_checkpoint_in_between_holds_what_is_below_it(world: World) -> None:
    copies = [copied(world, 9, 11), copied(world, 10, 11), copied(world, 12), copied(world, 13)]
    found = completed(world, copies)
    assert [row.index for row in found.rows] == [9, 10]
    assert (found.wanted, found.missing) == (SIZE, ((11, 11),))


def test_two_copies_for_one_place_are_refused_by_name(world: World) -> None:
    other = copied(world, 10)
    other = replace(other, source="other", row=replace(other.row, index=9))
    with pytest.raises(Conflict, match="copy-9 and other both claim the place 9"):
        completed(world, [copied(world, 9), other])


def test_copies_that_changed_places_do_not_give_the_signed_tree(world: World) -> None:
    copies = [copied(world, index) for index in range(START, SIZE)]
    a, b = copies[0], copies[1]
    copies[:2] = [replace(a, row=replace(b.row, index=9)), replace(b, row=replace(a.row, index=10))]
    with pytest.raises(Rejected, match="do not give the tree of 14"):
        completed(world, copies)


def test_two_trees_of_one_size_are_a_fork(world: World) -> None:
    other = replace(signed(world, SIZE), root=bytes(32))
    copies = [copied(world, index) for index in range(START, SIZE)]
    with pytest.raises(Conflict, match="the log has forked"):
        completed(world, copies, checkpoints=(other,))


def test_a_number_that_is_nowhere_is_refused(world: World) -> None:
    """As if the ledger had given n + 1 and never n."""
    copies = [copied(world, index) for index in range(START, SIZE)]
    first = copies[0].row
    skipped = replace(first, places=tuple((name, n + 50) for name, n in first.places))
    copies[0] = replace(copies[0], row=skipped)
    with pytest.raises(Rejected, match="is nowhere"):
        completed(world, copies)


def test_ranges_are_written_for_a_person() -> None:
    assert format_ranges(ranges_of([1, 2, 3, 7, 9, 10])) == "1-3, 7, 9-10"
    assert format_ranges(ranges_of([])) == ""
