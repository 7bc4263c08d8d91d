"""How long the room for items lasts (苏法治办〔2021〕17号 六(四)), if months to come are like those
that were: between two days, by the fastest and the slowest month, and never one day.

What disposals free is no part of it: nothing is destroyed by time alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

MONTHS = 12  # full ones that are looked at, the last
FEWEST = 3  # of fewer nothing is said
DAYS = 30.44  # of a month


@dataclass(frozen=True, slots=True)
class Forecast:
    """Bytes of the slowest and fastest month; the room ends between `earliest` and `latest`, or
    never at that pace."""

    slowest: int
    fastest: int
    earliest: date | None
    latest: date | None


def full_months(came: Mapping[str, int], today: date) -> list[tuple[str, int]]:
    """The last ones that are over, from the first in which anything came; `came` by 2026-03."""
    first = min(came, default=_month(today))
    found: list[tuple[str, int]] = []
    day = today.replace(day=1)
    while len(found) < MONTHS:
        day = (day - timedelta(days=1)).replace(day=1)
        if _month(day) < first:
            break
        found.append((_month(day), came.get(_month(day), 0)))
    return found[::-1]


def forecast(came: Mapping[str, int], free: int, today: date) -> Forecast | None:
    """None where too few months are over."""
    months = [count for _, count in full_months(came, today)]
    if len(months) < FEWEST:
        return None
    slowest, fastest = min(months), max(months)
    return Forecast(slowest, fastest, _end(free, fastest, today), _end(free, slowest, today))


def _end(free: int, a_month: int, today: date) -> date | None:
    if a_month <= 0:
        return None
    days = free * DAYS / a_month
    return today + timedelta(days=int(days)) if days < (date.max - today).days else None


def _month(day: date) -> str:
    return f"{day:%Y-%m}"
