"""Until when evidence is due: the day of receipt is not counted, a day off is not the last."""

from datetime import date, timedelta

import pytest

from ledger.errors import Malformed
from ledger.evidence.due import DAYS, MOST_LATER, Calendar, Counted, Due, Procedure

# As the State Council might have it around the National Day of 2026.
NATIONAL = Calendar(
    off={date(2026, 10, day) for day in range(1, 8)},
    working={date(2026, 9, 27), date(2026, 10, 10)},
)


@pytest.mark.parametrize(
    ("procedure", "received", "until"),
    [
        (Procedure.COURT, "2026-11-23", "2026-12-08"),  # a Monday; the 15th day is a Tuesday
        (Procedure.COURT, "2026-11-20", "2026-12-07"),  # the 15th day is a Saturday
        (Procedure.COURT, "2026-11-21", "2026-12-07"),  # a Sunday
        (Procedure.REVIEW, "2026-11-20", "2026-12-04"),  # received on a Friday
        (Procedure.REVIEW, "2026-11-21", "2026-12-04"),  # on a Saturday: counted from Monday
        (Procedure.REVIEW_SUMMARY, "2026-11-20", "2026-11-27"),
        (Procedure.REVIEW_SUMMARY, "2026-11-23", "2026-11-30"),
    ],
)
def test_by_weekends_alone(procedure: Procedure, received: str, until: str) -> None:
    due = Due.of(procedure, date.fromisoformat(received))
    assert (due.until.isoformat(), due.counted) == (until, Counted.WEEKENDS)


@pytest.mark.parametrize(
    ("procedure", "received", "until"),
    [
        (Procedure.COURT, "2026-09-20", "2026-10-08"),  # the 15th day is a holiday
        (Procedure.COURT, "2026-09-25", "2026-10-10"),  # a Saturday that is worked
        (Procedure.REVIEW_SUMMARY, "2026-09-26", "2026-10-08"),  # 27 to 30 September, 8 October
        (Procedure.REVIEW, "2026-09-25", "2026-10-14"),
    ],
)
def test_with_days_off_and_worked_weekends(procedure: Procedure, received: str, until: str) -> None:
    due = Due.of(procedure, date.fromisoformat(received), NATIONAL)
    assert (due.until.isoformat(), due.counted) == (until, Counted.HOLIDAYS)


def test_a_calendar_without_a_holiday_is_still_a_calendar() -> None:
    due = Due.of(Procedure.REVIEW, date(2026, 11, 20), Calendar())
    assert due.counted is Counted.HOLIDAYS
    assert Due.from_json(due.to_json()) == due


def test_there_is_an_end_of_all_days() -> None:
    with pytest.raises(Malformed, match="no day so late"):
        Due.of(Procedure.COURT, date(9999, 12, 30))


@pytest.mark.parametrize("procedure", list(Procedure))
def test_a_list_moves_the_day_by_a_month_at_most_and_never_before_its_end(
    procedure: Procedure,
) -> None:
    received = date(2026, 11, 20)
    plain = Due.of(procedure, received)
    told = {**plain.to_json(), "counted": "holidays"}
    soonest = received + timedelta(DAYS[procedure])
    latest = plain.until + timedelta(MOST_LATER)
    for good in (soonest, latest):
        assert Due.from_json({**told, "until": good.isoformat()}).until == good
    for bad in (soonest - timedelta(1), latest + timedelta(1), date(2031, 1, 1), received):
        with pytest.raises(Malformed, match=r"before the period is over|later than any list"):
            Due.from_json({**told, "until": bad.isoformat()})


def test_a_calendar_of_nothing_but_days_off_is_refused() -> None:
    off = {date(2026, 11, 20) + timedelta(n) for n in range(400)}
    with pytest.raises(Malformed, match="later than any list"):
        Due.of(Procedure.REVIEW, date(2026, 11, 20), Calendar(off))
