"""What an agency must do once a year (苏法治办〔2021〕17号 三(三), 五(二)).

    for running in duties_of("agency-01", acts, 2026, now_ms): …

The statistics of a year are published by 31 January of the next; a case-file review is held within
the year. Both are days of the calendar, and move for no holiday. An act that says of which year it
is meets them: `annual_statistics` or `case_review` with the fact `year`. As every act it names a
case; a provisional one opened for it will do.
"""

from collections.abc import Iterable
from datetime import date

from ledger.process.casefile import Filed
from ledger.process.deadlines.clocks import Running, state_of
from ledger.process.deadlines.measures import done_ms
from ledger.process.deadlines.period import DAY_MS, start_of
from ledger.process.rules.rulepack import Clock

STATUTE = "关于进一步规范和改进行政执法工作的实施意见（苏法治办〔2021〕17号）"
PACK, VERSION = "yearly", "2026.1"

_STATISTICS = Clock(
    "annual_statistics",
    "公布上年度行政执法统计",
    "Publish the statistics of the year",
    (),
    ("annual_statistics",),
    STATUTE,
    "三(三)",
)
_REVIEW = Clock(
    "case_review", "开展案卷评查", "Review case files", (), ("case_review",), STATUTE, "五(二)"
)

YEARLY = frozenset((*_STATISTICS.until, *_REVIEW.until))  # acts that meet one of them


def duties_of(agency: str, acts: Iterable[Filed], year: int, now_ms: int) -> list[Running]:
    """Of one year; `acts` are those of the agency in any year. `case` is the year."""
    known = list(acts)
    days = (
        (_STATISTICS, date(year + 1, 1, 1), date(year + 1, 1, 31)),
        (_REVIEW, date(year, 1, 1), date(year, 12, 31)),
    )
    return [_duty(clock, agency, known, year, span, now_ms) for clock, *span in days]


def _duty(
    clock: Clock, agency: str, acts: list[Filed], year: int, span: list[date], now_ms: int
) -> Running:
    first, last = span
    due_ms = start_of(last) + DAY_MS - 1
    stopped = next(
        (
            one
            for one in acts
            if one.statement.agency == agency
            and one.act in clock.until
            and one.facts.get("year") == str(year)
        ),
        None,
    )
    stopped_ms = None if stopped is None else done_ms(stopped)
    return Running(
        clock,
        PACK,
        VERSION,
        STATUTE,
        str(year),
        state_of(clock.meaning, due_ms, stopped_ms, now_ms),
        start_ms=start_of(first),
        due_ms=due_ms,
        last_day=last,
        stopped=stopped,
        stopped_ms=stopped_ms,
    )
