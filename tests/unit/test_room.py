"""How long the room lasts: lived day by day here, month for month at some pace that there was."""

import calendar
import random
from datetime import date, timedelta

import pytest

from ledger.process.keeping.room import forecast, full_months

TODAY = date(2026, 11, 26)
YEAR = [f"2025-{n:02}" for n in (11, 12)] + [f"2026-{n:02}" for n in range(1, 11)]


def lived(free: float, months: list[int], luck: random.Random) -> date:
    """The day on which the room is gone, if each month comes as much as in one that was."""
    day = TODAY
    while True:
        count = calendar.monthrange(day.year, day.month)[1]
        pace = luck.choice(months) / count
        while True:
            free -= pace
            if free < 0:
                return day
            day += timedelta(1)
            if day.day == 1:
                break


@pytest.mark.parametrize("seed", range(20))
def test_a_time_that_is_like_the_past_ends_between_the_two_days(seed: int) -> None:
    luck = random.Random(seed)
    months = [luck.randrange(10, 100) * 10**9 for _ in YEAR]
    free = luck.randrange(1, 60) * 10**11
    found = forecast(dict(zip(YEAR, months, strict=True)), free, TODAY)
    assert found is not None and found.earliest and found.latest
    # Months have 28 to 31 days, and here one is one of 30.44.
    slack = timedelta(3)
    assert found.earliest - slack <= lived(free, months, luck) <= found.latest + slack


def test_all_months_alike_give_one_day_and_the_month_that_is_not_over_does_not_count() -> None:
    came = dict.fromkeys(YEAR, 10**9) | {"2026-11": 10**12}
    found = forecast(came, 12 * 10**9, TODAY)
    assert found is not None and found.earliest == found.latest == date(2027, 11, 26)


def test_a_month_in_which_nothing_came_is_one_of_them() -> None:
    came = {"2026-07": 5, "2026-08": 7, "2026-10": 9, "2026-11": 1}
    assert full_months(came, TODAY) == [
        ("2026-07", 5), ("2026-08", 7), ("2026-09", 0), ("2026-10", 9)
    ]  # fmt: skip
    found = forecast(came, 1, TODAY)
    assert found is not None and (found.slowest, found.fastest, found.latest) == (0, 9, None)


def test_months_before_the_first_and_beyond_a_year_do_not_count() -> None:
    came = {"2024-01": 10**15, "2025-10": 10**15} | dict.fromkeys(YEAR, 10)
    assert [month for month, _ in full_months(came, TODAY)] == YEAR


@pytest.mark.parametrize("came", [{}, {"2026-11": 5}, {"2026-09": 5, "2026-10": 5}])
def test_of_fewer_than_three_months_nothing_is_said(came: dict[str, int]) -> None:
    assert forecast(came, 10**9, TODAY) is None


def test_an_end_beyond_the_calendar_is_none() -> None:
    found = forecast(dict.fromkeys(YEAR, 1), 10**15, TODAY)
    assert found is not None and found.earliest is None and found.latest is None


def test_a_month_of_the_first_day_looks_at_the_ones_before() -> None:
    came = dict.fromkeys(("2026-08", "2026-09", "2026-10"), 1)
    assert [m for m, _ in full_months(came, date(2026, 11, 1))] == ["2026-08", "2026-09", "2026-10"]
