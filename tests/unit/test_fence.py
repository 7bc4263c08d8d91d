import pytest

from ledger.encoding import MAX_TIME, parse_time
from ledger.process.fence import Decision, Fixed, Order, order


def decision(dated: str = "2026-11-30T10:00:00+08:00", *, log: int = 0, index: int = 9) -> Decision:
    return Decision(log, index, parse_time(dated))


def at(text: str) -> int:
    return parse_time(text) // 1000


EARLY = at("2026-11-23T15:00:00+08:00")
LAST = at("2026-11-30T23:59:59+08:00")


@pytest.mark.parametrize(
    ("item", "proofs", "expected"),
    [
        ((0, 5), [Fixed(0, 6, EARLY)], Order.BEFORE),
        ((0, 8), [Fixed(0, 9, EARLY)], Order.BEFORE),  # the tree ends where the decision stands
        ((0, 8), [Fixed(0, 10, EARLY)], Order.NOT_SHOWN),  # the tree holds the decision too
        ((0, 8), [Fixed(0, 9, LAST)], Order.BEFORE),
        ((0, 8), [Fixed(0, 9, LAST + 1)], Order.NOT_SHOWN),
        ((0, 8), [Fixed(0, 12, EARLY), Fixed(0, 9, LAST)], Order.BEFORE),
        ((0, 8), [Fixed(0, 9, LAST + 1), Fixed(0, 12, EARLY)], Order.NOT_SHOWN),
        ((0, 8), [], Order.NOT_SHOWN),
        ((0, 9), [Fixed(0, 9, EARLY)], Order.AFTER),
        ((0, 10), [Fixed(0, 9, EARLY)], Order.AFTER),
        ((1, 0), [Fixed(1, 1, EARLY)], Order.AFTER),
    ],
)
def test_the_fence_in_one_log(item: tuple[int, int], proofs: list[Fixed], expected: Order) -> None:
    assert order(item, proofs, decision()) is expected


@pytest.mark.parametrize("size", [1, 5, 500])
def test_any_tree_of_an_earlier_log_comes_before(size: int) -> None:
    later = decision(log=1, index=3)
    assert order((0, 0), [Fixed(0, size, EARLY)], later) is Order.BEFORE
    assert order((0, 0), [Fixed(0, size, LAST + 1)], later) is Order.NOT_SHOWN


@pytest.mark.parametrize(
    ("dated", "day"),
    [
        ("2026-11-30T00:00:00+08:00", "2026-11-30"),
        ("2026-11-30T23:59:59.999+08:00", "2026-11-30"),
        ("2026-11-29T16:00:00Z", "2026-11-30"),
        ("2026-11-30T15:59:59Z", "2026-11-30"),
        ("2026-11-30T16:00:00Z", "2026-12-01"),
        ("2026-12-31T23:59:59+08:00", "2026-12-31"),
    ],
)
def test_the_day_is_that_of_china(dated: str, day: str) -> None:
    found = decision(dated)
    assert found.day == day
    assert found.day_ends == at(f"{day}T23:59:59+08:00") + 1


@pytest.mark.parametrize("dated_ms", [0, MAX_TIME])
def test_every_day_there_is_has_an_end(dated_ms: int) -> None:
    found = Decision(0, 0, dated_ms)
    assert 0 < found.day_ends * 1000 - dated_ms <= 86_400_000
