"""A year, quarter or month as text: their days are counted here by the calendar's own library."""

import calendar
from datetime import date, datetime, timedelta, timezone

import pytest

from ledger.errors import Malformed
from ledger.process.deadlines.span import parse_span

CHINA = timezone(timedelta(hours=8))


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", (2026, 1), (2026, 12)),
        ("2024-02", (2024, 2), (2024, 2)),
        ("2026-12", (2026, 12), (2026, 12)),
        ("2026-Q1", (2026, 1), (2026, 3)),
        ("2026-Q4", (2026, 10), (2026, 12)),
        ("1971-01", (1971, 1), (1971, 1)),
        ("2999", (2999, 1), (2999, 12)),
    ],
)
def test_a_span_has_the_days_of_its_months(
    text: str, first: tuple[int, int], last: tuple[int, int]
) -> None:
    span = parse_span(text)
    end = date(*last, calendar.monthrange(*last)[1])
    assert span.start_ms == midnight(date(*first, 1))
    assert span.end_ms - 1 in span and span.end_ms not in span
    assert span.end_ms == midnight(end) + 86_400_000


def test_four_quarters_are_a_year() -> None:
    quarters = [parse_span(f"2026-Q{n}") for n in (1, 2, 3, 4)]
    months = [parse_span(f"2026-{n:02}") for n in range(1, 13)]
    for parts in (quarters, months):
        assert [one.end_ms for one in parts[:-1]] == [one.start_ms for one in parts[1:]]
        year = parse_span("2026")
        assert (parts[0].start_ms, parts[-1].end_ms) == (year.start_ms, year.end_ms)


@pytest.mark.parametrize(
    "text",
    [
        *("", "1970", "26", "2026-", "2026-0", "2026-13", "2026-00", "2026-1", "2026-03-01"),
        *("2026-Q12", "2026-Q0", "2026-Q5", "2026-q1", "2026-Q1\n", " 2026", "２０２６", "3000"),
    ],
)
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="want a time such as 2026, 2026-Q1 or 2026-03"):
        parse_span(text)
