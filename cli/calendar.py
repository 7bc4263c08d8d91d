"""A calendar of days off, as the State Council publishes it each year, in a TOML file.

off = ["2026-10-01", "2026-10-02"]      # 放假
working = ["2026-10-10"]                # 调休上班
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from cli.small_file import read_small
from ledger.encoding import parse_day, parse_utf8
from ledger.errors import Malformed
from ledger.evidence.due import Calendar

MAX_DAYS = 10_000


def read_calendar(file: str) -> Calendar:
    data = read_small(Path(file))
    try:
        return _calendar(tomllib.loads(parse_utf8(data)))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Malformed(f"want TOML: {error}", path=file) from None
    except Malformed as error:
        raise error.under(file) from None


def check_years(calendar: Calendar, first: date, last: date) -> None:
    """The list of another year would count nothing, and the packet say that it had counted."""
    years = {day.year for day in (*calendar.off, *calendar.working)}
    if missing := set(range(first.year, last.year + 1)) - years:
        raise Malformed(f"it names no day of {min(missing)}: want the list of that year as well")


def _calendar(found: dict[str, Any]) -> Calendar:
    if odd := found.keys() - {"off", "working"}:
        raise Malformed(f"want off and working, nothing else, got {min(odd)!r}")
    calendar = Calendar(_days(found, "off"), _days(found, "working"))
    if both := set(calendar.off) & set(calendar.working):
        raise Malformed(f"{min(both).isoformat()} is both a day off and a working one")
    if not calendar.off and not calendar.working:
        raise Malformed("want at least one day off or working one")
    return calendar


def _days(found: dict[str, Any], name: str) -> frozenset[date]:
    """As texts, or as the dates that TOML knows."""
    values = found.get(name, [])
    if not isinstance(values, list) or len(values) > MAX_DAYS:
        raise Malformed(f"want a list of at most {MAX_DAYS} days", path=name)
    days = [
        value if type(value) is date else parse_day(value if isinstance(value, str) else "")
        for value in values
    ]
    if len(set(days)) != len(days):
        raise Malformed("a day stands twice", path=name)
    return frozenset(days)
