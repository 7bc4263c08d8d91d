"""The feed of what is due, read back by a parser: days, moments, alarms, and who is not in it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from api.calendar_feed import feed

CASE = "苏城管罚〔2026〕417号"
DECISION = {
    "article": "60",
    "case": CASE,
    "clock": "decision",
    "counted": "holidays",
    "due": "2026-10-08T23:59:59+08:00",
    "last_day": "2026-10-08",
    "meaning": "duty",
    "moved_from": "2026-10-01",
    "name": "办案期限",
    "name_en": "Time for the decision",
    "pack": "ordinary",
    "start": "2026-07-03T09:00:00+08:00",
    "started_by": "01a2062d-e200-7000-8000-000000000001",
    "state": "running",
    "statute": "中华人民共和国行政处罚法",
    "version": "2026.1",
}
APPROVAL = {
    **{key: text for key, text in DECISION.items() if key not in ("last_day", "moved_from")},
    "clock": "make_up_approval",
    "due": "2026-07-04T09:00:00+08:00",
    "name": "补办批准；甲,乙",
    "name_en": "Make-up approval",
    "state": "overdue",
}


def events(*rows: dict[str, str]) -> list[Any]:
    return list(Calendar.from_ical(feed(rows)).walk("VEVENT"))


def test_a_last_day_is_a_whole_day_with_two_mornings_of_warning() -> None:
    (event,) = events(DECISION)
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (
        date(2026, 10, 8),
        date(2026, 10, 9),
    )
    assert str(event["summary"]) == f"办案期限 Time for the decision：{CASE}"
    assert "中华人民共和国行政处罚法 60" in event["description"]
    assert "2026-10-01" in event["description"]
    midnight = datetime(2026, 10, 8)
    rings = [midnight + alarm.decoded("trigger") for alarm in event.walk("VALARM")]
    assert rings == [datetime(2026, 10, 5, 9), datetime(2026, 10, 7, 9)]


def test_hours_end_at_their_moment() -> None:
    (event,) = events(APPROVAL)
    assert event.decoded("dtstart") == datetime(2026, 7, 4, 1, tzinfo=UTC)
    assert [alarm.decoded("trigger") for alarm in event.walk("VALARM")] == [timedelta(hours=-4)]
    assert str(event["summary"]).startswith("补办批准；甲,乙 Make-up approval")
    assert "已逾期 overdue" in event["description"]


def test_an_entry_that_moves_is_the_same_entry_and_another_start_is_another() -> None:
    moved = {**DECISION, "last_day": "2026-11-07", "due": "2026-11-07T23:59:59+08:00"}
    again = {**DECISION, "started_by": "01a2062d-e200-7000-8000-000000000002"}
    ids = [str(event["uid"]) for row in (DECISION, moved, again) for event in events(row)]
    assert ids[0] == ids[1] != ids[2]
    assert feed([DECISION, APPROVAL]) == feed([APPROVAL, DECISION])


@pytest.mark.parametrize("state", ["met", "late", "not_started", "lapsed", "early"])
def test_what_is_over_or_has_not_begun_is_not_in_it(state: str) -> None:
    assert events({**DECISION, "state": state}) == []


def test_weekends_alone_are_told() -> None:
    (event,) = events({**DECISION, "counted": "weekends"})
    assert "仅按周末计算" in event["description"]
    assert "仅按周末计算" not in events(DECISION)[0]["description"]


def test_of_several_measures_it_is_told_which() -> None:
    (event,) = events({**DECISION, "measure": "2"})
    assert "措施编号 measure 2" in event["description"]


def test_nothing_due_is_a_calendar_too_and_lines_are_short() -> None:
    assert events() == []
    data = feed([{**DECISION, "name": "期" * 200}])
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    assert data.endswith(b"END:VCALENDAR\r\n")
