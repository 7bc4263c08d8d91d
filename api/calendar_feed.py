"""What is due, as a calendar that phones and desks subscribe to (RFC 5545).

An entry for each clock that runs or is overdue, on its last day in China, or at its moment where
it is one of hours. In Chinese and English, with the case number and the article, and no name of a
person. Its UID follows from the case, the clock and what started it: an entry that moves is the
same entry, moved, and one that is met goes with the next fetch.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

from icalendar import Alarm, Calendar, Event

from ledger.encoding import parse_time
from ledger.process.deadlines.clocks import State

MEDIA_TYPE = "text/calendar"
SHOWN = frozenset({State.RUNNING, State.OVERDUE})
_SPACE = UUID("6d0f8d52-0a5e-5c1f-9d4e-3a6f5f0f2b71")
_MORNINGS = (timedelta(days=-3, hours=9), timedelta(days=-1, hours=9))  # before an entry of a day
_HOURS = (timedelta(hours=-4),)
_WEEKENDS = (
    "未登记该年放假安排，仅按周末计算",
    "no list of days off is registered for the year: counted by weekends alone",
)


def feed(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Of clocks as `Running.to_json` has them; the same rows give the same bytes."""
    calendar = Calendar()
    calendar.add("prodid", "-//tiezheng//due//ZH")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "铁证 期限 Due")
    shown = [row for row in rows if row["state"] in SHOWN and "due" in row]
    for row in sorted(shown, key=lambda row: (parse_time(row["due"]), row["case"], row["clock"])):
        calendar.add_component(_event(row))
    text: bytes = calendar.to_ical()
    return text


def _event(row: Mapping[str, str]) -> Event:
    event = Event()
    about = (row["case"], row["pack"], row["clock"], row.get("started_by", ""))
    event.add("uid", str(uuid5(_SPACE, "\n".join(about))))
    event.add("dtstamp", _moment(row["start"]))
    event.add("summary", f"{row['name']} {row['name_en']}：{row['case']}")
    event.add("description", "\n".join(_description(row)))
    event.add("transp", "TRANSPARENT")
    if "last_day" in row:
        day = date.fromisoformat(row["last_day"])
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
    else:
        event.add("dtstart", _moment(row["due"]))
    for before in _MORNINGS if "last_day" in row else _HOURS:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", f"{row['name']} {row['name_en']}")
        alarm.add("trigger", before)
        event.add_component(alarm)
    return event


def _description(row: Mapping[str, str]) -> Iterable[str]:
    yield f"{row['statute']} {row['article']}"
    if "measure" in row:
        yield f"措施编号 measure {row['measure']}"
    if row["state"] == State.OVERDUE:
        yield "已逾期 overdue"
    if "moved_from" in row:
        yield f"原最后一日 {row['moved_from']} 为休息日 a day off, moved on"
    if row.get("counted") == "weekends":
        yield "；".join(_WEEKENDS)


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(parse_time(text) / 1000, UTC)
