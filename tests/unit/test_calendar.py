"""Lists of days off: read strictly, each for its own years, found in the registers by place."""

from datetime import date

import pytest

from ledger.errors import Malformed
from ledger.evidence.due import Calendar, Counted
from ledger.process.deadlines.calendar import Days, parse_calendar, registered_days
from testkit.registers import announced, listed, registry

NATIONAL = 'off = ["2026-10-01", 2026-10-02]\nworking = ["2026-10-10"]\n'


def test_a_list_as_the_state_council_has_it() -> None:
    text = 'list = "holiday_calendar"\ntitle = "2026"\nsource = "通知"\n' + NATIONAL
    calendar = parse_calendar(text)
    assert calendar.off == {date(2026, 10, 1), date(2026, 10, 2)}
    assert calendar.working == {date(2026, 10, 10)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "want at least one day"),
        ("off = []\n", "want at least one day"),
        ('off = ["2026-10-32"]', "off"),
        ('off = ["2026-10-01", "2026-10-01"]', "stands twice"),
        ('off = ["2026-10-01", 2026-10-01]', "stands twice"),
        ('off = ["2026-10-01"]\nworking = ["2026-10-01"]', "both a day off and a working one"),
        ('off = "2026-10-01"', "want a list"),
        ('on = ["2026-10-01"]', "no such key"),
        ('list = "powers"\noff = ["2026-10-01"]', "want one of holiday_calendar"),
        ("off = [2026-10-01T00:00:00]", "want text"),
        ("off = [", "want TOML"),
    ],
)
def test_another_form_is_refused(text: str, says: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_calendar(text)
    assert says in str(refused.value)


def test_a_list_says_nothing_of_another_year_and_the_first_counts() -> None:
    mine = Calendar({date(2026, 10, 1)})
    theirs = Calendar({date(2026, 10, 1), date(2026, 10, 2), date(2027, 1, 1)})
    days = Days.of([mine, theirs])
    assert days.years == {2026, 2027}
    assert not days.is_working(date(2026, 10, 1))
    assert days.is_working(date(2026, 10, 2))
    assert not days.is_working(date(2027, 1, 1))
    assert days.counted(date(2026, 12, 1), date(2027, 1, 5)) is Counted.HOLIDAYS
    assert days.counted(date(2027, 12, 31), date(2028, 1, 5)) is Counted.WEEKENDS


def test_the_registers_have_lists_by_place_and_from_the_agency_above() -> None:
    corrected = NATIONAL.replace("2026-10-02]", "2026-10-02, 2026-10-08]")
    made = registry(
        announced("city"),
        announced("county", parent="city"),
        listed("holiday_calendar", "2026", NATIONAL, "2030-01-01", agency="city"),
        listed("holiday_calendar", "2026", corrected, agency="city"),
        listed("holiday_calendar", "2026", 'off = ["2026-11-26"]', agency="elsewhere"),
        listed("holiday_calendar", "2027", "no list", agency="city"),
    )
    day = date(2026, 11, 26)
    assert registered_days(made, "county", 2, day).years == frozenset()
    before, after = (registered_days(made, "county", place, day) for place in (3, 9))
    assert before.years == after.years == {2026}
    assert [d.is_working(date(2026, 10, 8)) for d in (before, after)] == [True, False]
    assert after.is_working(day)
