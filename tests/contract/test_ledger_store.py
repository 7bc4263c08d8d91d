"""What every `LedgerStore` promises."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import Conflict, LedgerError, Unknown
from ledger.evidence.chunks import ItemDigest, digest_item
from ledger.evidence.statement import Kind
from ledger.ports import ItemRecord, LedgerStore, StampRecord
from ledger.sequencer import Head, plan
from ledger.tlog.merkle import Edge, leaf_hash, root_of
from storage.ledger_sqlite import SqliteLedgerStore
from storage.memory import MemoryLedgerStore
from testkit.batches import CASES, START_MS, begin_next, grow, pending, planned, statement


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LedgerStore]:
    if request.param == "memory":
        yield MemoryLedgerStore()
        return
    sqlite = SqliteLedgerStore(tmp_path / "ledger.sqlite")
    yield sqlite
    sqlite.close()


def item(
    object_id: str,
    data: bytes = b"photo",
    *,
    keyid: str = "k",
    at: int = 1,
    agency: str = "a",
    sm3: bytes = b"",
) -> ItemRecord:
    return ItemRecord(
        object_id=object_id,
        digest=replace(digest_item(data), sm3=sm3),
        keyid=keyid,
        agency=agency,
        uploaded_ms=at,
    )


def contents(store: LedgerStore) -> tuple[object, ...]:
    head = store.head()
    size = head.end if head else 0
    names = [series.name for series in CASES]
    return (
        store.heads(),
        list(store.rows(0, size)),
        list(store.entries(0, size)),
        dict(store.series(names)),
        [store.places(name) for name in names],
        store.unclaimed(2**53),
    )


def test_a_new_store_is_empty(store: LedgerStore) -> None:
    assert store.head() is None
    assert list(store.rows(0, 0)) == list(store.registers()) == []
    assert list(store.entries(0, 0)) == []
    assert store.newest_cosigned(0) is None


def test_a_commit_is_read_back_as_it_was_planned(store: LedgerStore) -> None:
    batch, note, head = planned(store, [pending(statement(n), CASES) for n in range(3)])
    store.commit(batch, note, head)
    assert store.head() == Head(batch.edge, batch.at_ms, note)
    assert tuple(store.rows(0, 3)) == batch.rows
    assert [store.row(n) for n in range(3)] == list(batch.rows)
    assert [store.find(row.statement_id) for row in batch.rows] == list(batch.rows)


def test_the_entries_give_the_root_of_the_head(store: LedgerStore) -> None:
    for count in (1, 2, 300):
        grow(store, count)
    head = store.head()
    assert head is not None
    assert root_of(leaf_hash(entry) for entry in store.entries(0, 303)) == head.edge.root()


def test_a_range_is_read_in_order_across_commits(store: LedgerStore) -> None:
    rows = [row for count in (5, 600, 1) for row in grow(store, count).rows]
    assert list(store.rows(3, 605)) == rows[3:605]
    assert list(store.entries(3, 605)) == [row.entry for row in rows[3:605]]


def test_an_empty_batch_moves_only_the_head(store: LedgerStore) -> None:
    batch, _, head = planned(store, [])
    store.commit(batch, "empty\n", head)
    assert store.head() == Head(batch.edge, batch.at_ms, "empty\n")


@pytest.mark.parametrize("index", [0, 2, 2**62])
def test_an_index_not_committed_is_unknown(store: LedgerStore, index: int) -> None:
    if index:
        grow(store, 2)
    with pytest.raises(Unknown):
        store.row(index)
    with pytest.raises(Unknown):
        list(store.rows(index, index + 1))
    with pytest.raises(Unknown):
        list(store.entries(index, index + 1))


def test_a_range_that_ends_beyond_the_log_is_unknown(store: LedgerStore) -> None:
    grow(store, 3)
    with pytest.raises(Unknown):
        list(store.rows(1, 4))
    with pytest.raises(Unknown):
        list(store.entries(1, 4))


def test_an_unknown_statement_is_not_found(store: LedgerStore) -> None:
    grow(store)
    assert store.find(statement(7).id) is None


def test_registers_come_in_log_order_and_alone(store: LedgerStore) -> None:
    kinds = [Kind.REGISTER, Kind.STATUS, Kind.STATUS, Kind.REGISTER]
    waiting = [pending(statement(n, kind)) for n, kind in enumerate(kinds)]
    store.commit(*planned(store, waiting))
    assert [row.index for row in store.registers()] == [0, 3]


def test_a_series_counts_on_from_commit_to_commit(store: LedgerStore) -> None:
    grow(store, 2, CASES[:2])
    grow(store, 1, CASES[1:])
    names = [series.name for series in CASES]
    assert store.series([*names, "2026/case/other"]) == {
        series.name: (series.signature, count)
        for series, count in zip(CASES, (2, 3, 1), strict=True)
    }
    assert [list(store.places(name)) for name in names] == [[0, 1], [0, 1, 2], [2]]
    assert store.places("2026/case/other") == []


def test_many_series_can_be_asked_for_at_once(store: LedgerStore) -> None:
    grow(store)
    assert list(store.series([*map(str, range(3000)), CASES[0].name])) == [CASES[0].name]


def test_a_conflict_stores_nothing(store: LedgerStore) -> None:
    store.add_item(item("a" * 32))
    late = planned(store, [pending(statement(50), CASES, ("a" * 32,))])
    grow(store, 2)
    before = contents(store)
    with pytest.raises(Conflict):
        store.commit(*late)
    assert contents(store) == before


def test_a_batch_planned_for_an_empty_log_conflicts_once_there_is_a_head(
    store: LedgerStore,
) -> None:
    first = planned(store, [])
    store.commit(first[0], "first\n", None)
    with pytest.raises(Conflict):
        store.commit(first[0], "second\n", None)
    head = store.head()
    assert head is not None
    assert head.note == "first\n"


def test_two_checkpoints_of_one_size_cannot_both_follow_a_third(store: LedgerStore) -> None:
    grow(store)
    batch, _, head = planned(store, [])
    store.commit(batch, "second\n", head)
    with pytest.raises(Conflict):
        store.commit(batch, "rival\n", head)
    assert store.head() == Head(batch.edge, batch.at_ms, "second\n")


def test_a_batch_planned_for_a_head_conflicts_while_there_is_none(store: LedgerStore) -> None:
    batch, note, _ = planned(store, [])
    with pytest.raises(Conflict):
        store.commit(batch, note, Head(batch.edge, batch.at_ms, "never\n"))
    assert store.head() is None


def test_a_batch_that_does_not_begin_at_the_head_stores_nothing(store: LedgerStore) -> None:
    ahead = MemoryLedgerStore()
    grow(ahead, 2)
    batch, note, _ = planned(ahead, [pending(statement(2))])
    grow(store)
    before = contents(store)
    with pytest.raises(Conflict):
        store.commit(batch, note, store.head())
    assert contents(store) == before


def test_a_statement_is_stored_once(store: LedgerStore) -> None:
    grow(store, 2)
    before = contents(store)
    with pytest.raises(Conflict):
        store.commit(*planned(store, [pending(statement(5)), pending(statement(1))]))
    assert contents(store) == before


def test_a_series_keeps_its_signature(store: LedgerStore) -> None:
    grow(store)
    before = contents(store)
    forged = type(CASES[0])(CASES[0].name, b"x" * 384)
    with pytest.raises(Conflict):
        store.commit(*planned(store, [pending(statement(5), [forged])]))
    assert contents(store) == before


def test_a_claim_on_a_missing_item_stores_nothing(store: LedgerStore) -> None:
    store.add_item(item("a" * 32))
    before = contents(store)
    with pytest.raises(Unknown):
        store.commit(*planned(store, [pending(statement(0), CASES, ("a" * 32, "b" * 32))]))
    assert contents(store) == before


def test_of_many_committers_one_wins_each_head(store: LedgerStore) -> None:
    rounds, committers = 10, 8
    barrier = threading.Barrier(committers)
    wins: list[tuple[int, int]] = []
    others: list[BaseException] = []

    def run(me: int) -> None:
        for turn in range(rounds):
            number = turn * committers + me
            batch = planned(store, [pending(statement(number), CASES)])
            barrier.wait(60)
            try:
                store.commit(*batch)
                wins.append((turn, me))
            except Conflict:
                pass
            except LedgerError as error:
                others.append(error)
            barrier.wait(60)

    threads = [threading.Thread(target=run, args=(me,)) for me in range(committers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not others
    assert [turn for turn, _ in wins] == list(range(rounds))
    head = store.head()
    assert head is not None
    assert root_of(leaf_hash(entry) for entry in store.entries(0, rounds)) == head.edge.root()


def test_an_item_is_found_by_exactly_its_digests(store: LedgerStore) -> None:
    held = item("a" * 32)
    store.add_item(held)
    assert store.find_items([(held.digest, "a")])[0] == held
    digest = held.digest
    for other in (
        ItemDigest(size=6, sha256=digest.sha256, chunks=digest.chunks),
        ItemDigest(size=5, sha256=bytes(32), chunks=digest.chunks),
        ItemDigest(size=5, sha256=digest.sha256, chunks=bytes(32)),
        ItemDigest(size=5, sha256=digest.sha256, chunks=digest.chunks, sm3=bytes(32)),
    ):
        assert store.find_items([(other, "a")])[0] is None


def test_an_item_is_found_only_by_the_agency_that_uploaded_it(store: LedgerStore) -> None:
    store.add_item(item("a" * 32, agency="a"))
    assert store.find_items([(digest_item(b"photo"), "b")])[0] is None


def test_an_item_with_sm3_serves_a_statement_without_and_not_the_other_way(
    store: LedgerStore,
) -> None:
    store.add_item(item("a" * 32, b"plain"))
    store.add_item(item("b" * 32, b"both", sm3=bytes(32)))
    plain, both = digest_item(b"plain"), digest_item(b"both")
    assert store.find_items([(both, "a")])[0] is not None
    assert store.find_items([(replace(both, sm3=bytes(32)), "a")])[0] is not None
    assert store.find_items([(replace(both, sm3=bytes([1]) * 32), "a")])[0] is None
    assert store.find_items([(replace(plain, sm3=bytes(32)), "a")])[0] is None


def test_an_item_is_added_once(store: LedgerStore) -> None:
    store.add_item(item("a" * 32))
    with pytest.raises(Conflict):
        store.add_item(item("a" * 32, b"other"))
    assert store.find_items([(digest_item(b"other"), "a")])[0] is None
    assert list(store.object_ids()) == ["a" * 32]
    assert store.has_item("a" * 32) and not store.has_item("b" * 32)


def test_of_equal_items_the_claimed_one_is_found(store: LedgerStore) -> None:
    store.add_item(item("a" * 32, at=1))
    store.add_item(item("b" * 32, at=2))
    store.commit(*planned(store, [pending(statement(0), CASES, ("b" * 32,))]))
    found = store.find_items([(digest_item(b"photo"), "a")])[0]
    assert found is not None
    assert found.object_id == "b" * 32
    assert found.claimed


def test_a_claimed_item_may_be_claimed_again(store: LedgerStore) -> None:
    store.add_item(item("a" * 32))
    for number in range(2):
        store.commit(*planned(store, [pending(statement(number), CASES, ("a" * 32,))]))
    assert store.unclaimed(2**53) == []


def test_unclaimed_items_are_those_that_are_old_and_unspoken_for(store: LedgerStore) -> None:
    for letter, at in (("a", 1), ("b", 2), ("c", 3)):
        store.add_item(item(letter * 32, letter.encode(), at=at))
    store.commit(*planned(store, [pending(statement(0), CASES, ("a" * 32,))]))
    assert [old.object_id for old in store.unclaimed(3)] == ["b" * 32]


def test_a_claimed_item_is_not_forgotten(store: LedgerStore) -> None:
    for letter in "ab":
        store.add_item(item(letter * 32, letter.encode()))
    store.commit(*planned(store, [pending(statement(0), CASES, ("a" * 32,))]))
    store.forget_items(["a" * 32, "b" * 32, "c" * 32])
    assert store.find_items([(digest_item(b"a"), "a")])[0] is not None
    assert store.find_items([(digest_item(b"b"), "a")])[0] is None


def test_a_quota_counts_what_one_key_has_not_claimed(store: LedgerStore) -> None:
    store.add_item(item("a" * 32, b"four"))
    store.add_item(item("b" * 32, b"seven.."))
    store.add_item(item("c" * 32, b"of another", keyid="other"))
    assert store.unclaimed_bytes("k") == 11
    store.commit(*planned(store, [pending(statement(0), CASES, ("a" * 32,))]))
    assert store.unclaimed_bytes("k") == 7
    assert store.unclaimed_bytes("nobody") == 0


def test_the_earliest_cosigned_checkpoint_of_a_size_is_found(store: LedgerStore) -> None:
    for size in (3, 10, 7):
        store.add_cosigned(0, size, f"note {size}\n")
    assert [store.cosigned(0, size) for size in (0, 3, 4, 8, 11)] == [
        "note 3\n", "note 3\n", "note 7\n", "note 10\n", None,
    ]  # fmt: skip
    assert store.newest_cosigned(0) == "note 10\n"


def test_a_later_note_of_a_size_replaces_the_earlier(store: LedgerStore) -> None:
    store.add_cosigned(0, 3, "two lines\n")
    store.add_cosigned(0, 3, "three lines\n")
    assert store.cosigned(0, 3) == store.newest_cosigned(0) == "three lines\n"


def test_known_are_those_stored_however_many_are_asked_for(store: LedgerStore) -> None:
    grow(store, 3, CASES)
    stored = [store.row(index).statement_id for index in range(3)]
    strange = [f"019ab0c4-0000-7000-8000-{n:012x}" for n in range(1200)]
    assert store.known([*strange, *stored]) == frozenset(stored)
    assert store.known(strange) == store.known([]) == frozenset()


def test_an_item_is_found_by_digest_and_size_in_its_agency(store: LedgerStore) -> None:
    found = digest_item(b"photo")
    assert store.held(found.sha256, 5, "a") is None
    for record in (item("later", at=2), item("first", at=1), item("theirs", agency="b")):
        store.add_item(record)
    assert store.held(found.sha256, 5, "a") == item("first", at=1)
    assert store.held(found.sha256, 5, "b") == item("theirs", agency="b")
    assert store.held(found.sha256, 6, "a") is None
    assert store.held(found.sha256, 5, "c") is None
    assert store.held(bytes(32), 5, "a") is None


# --- logs in sequence ----------------------------------------------------------------------------


def test_the_next_log_begins_where_the_one_before_ended(store: LedgerStore) -> None:
    grow(store, 3)
    closed = store.head()
    batch = begin_next(store)
    more = grow(store)
    head = store.head()
    assert head is not None
    assert list(store.heads()) == [closed, head]
    assert (head.log, head.start, head.edge.size, head.end) == (1, 3, 3, 6)
    assert [row.position for row in store.rows(0, 6)] == [
        *((0, 0), (0, 1), (0, 2)),
        *((1, 0), (1, 1), (1, 2)),
    ]
    assert list(store.rows(3, 6)) == [*batch.rows, *more.rows]
    assert root_of(map(leaf_hash, store.entries(3, 6))) == head.edge.root()
    assert store.find(batch.rows[1].statement_id) == batch.rows[1] == store.row(4)


def test_a_series_goes_on_in_the_next_log(store: LedgerStore) -> None:
    grow(store, 2)
    begin_next(store)
    assert store.places(CASES[0].name) == [0, 1, 2, 3]
    assert store.series([CASES[0].name])[CASES[0].name][1] == 4


def test_a_statement_is_stored_in_one_log_only(store: LedgerStore) -> None:
    grow(store, 2)
    head = store.head()
    assert head is not None
    again = plan(Edge(), head.at_ms, [pending(statement(0))], {}, START_MS, 1, head.end)
    before = contents(store)
    with pytest.raises(Conflict):
        store.commit(again, "1: 1\n", head)
    assert contents(store) == before


def test_a_closed_log_never_grows(store: LedgerStore) -> None:
    grow(store, 2)
    batch, note, head = planned(store, [pending(statement(9))])
    begin_next(store)
    before = contents(store)
    with pytest.raises(Conflict):
        store.commit(batch, note, head)
    with pytest.raises(Conflict):
        store.commit(batch, note, store.head())
    assert contents(store) == before


def test_two_that_begin_the_next_log_do_not_both_succeed(store: LedgerStore) -> None:
    grow(store, 2)
    head = store.head()
    assert head is not None
    one, other = (
        plan(Edge(), head.at_ms, [pending(statement(n), CASES[1:2])], {}, START_MS, 1, head.end)
        for n in (7, 8)
    )
    store.commit(one, "one\n", head)
    before = contents(store)
    with pytest.raises(Conflict):
        store.commit(other, "other\n", head)
    assert contents(store) == before


@pytest.mark.parametrize(("log", "start"), [(2, 2), (1, 1), (1, 3), (0, 2)])
def test_a_log_begins_nowhere_else(store: LedgerStore, log: int, start: int) -> None:
    grow(store, 2)
    head = store.head()
    assert head is not None
    odd = plan(Edge(), head.at_ms, [pending(statement(7), CASES[1:2])], {}, START_MS, log, start)
    before = contents(store)
    with pytest.raises(Conflict):
        store.commit(odd, "odd\n", head)
    assert contents(store) == before


def test_cosigned_checkpoints_are_kept_for_each_log(store: LedgerStore) -> None:
    grow(store, 3)
    begin_next(store)
    store.add_cosigned(0, 3, "closed\n")
    store.add_cosigned(1, 1, "open\n")
    assert [store.cosigned(log, 1) for log in (0, 1, 2)] == ["closed\n", "open\n", None]
    assert [store.newest_cosigned(log) for log in (0, 1, 2)] == ["closed\n", "open\n", None]
    assert store.cosigned(1, 2) is None


def test_timestamps_are_kept_for_each_log_and_the_first_of_a_name_stands(
    store: LedgerStore,
) -> None:
    assert (store.newest_stamp(0), store.stamps(0, 1)) == (0, [])
    lab, second = (StampRecord(0, 4, name, name.encode(), b"list") for name in ("lab", "second"))
    later, other = StampRecord(0, 9, "lab", b"later", b""), StampRecord(1, 2, "lab", b"other", b"")
    for stamp in (second, lab, later, other):
        store.add_stamp(stamp)
    store.add_stamp(StampRecord(0, 4, "lab", b"again", b""))
    assert [store.stamps(0, size) for size in (1, 4, 5, 10)] == [
        [lab, second],
        [lab, second],
        [later],
        [],
    ]
    assert store.stamps(1, 1) == [other]
    assert [store.newest_stamp(log) for log in (0, 1, 2)] == [9, 2, 0]
