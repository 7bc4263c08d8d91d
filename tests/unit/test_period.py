"""On which day a statutory period ends: two hundred cases, each with its reason and a recount.

The recount stands here alone. It lists every day from the notices of the State Council as written
and takes the n-th that counts; months it finds by trying dates. Each case was first told by it.
"""

import csv
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from ledger.encoding import parse_time
from ledger.errors import Malformed
from ledger.evidence.due import Calendar
from ledger.process.deadlines.calendar import Days
from ledger.process.deadlines.fine import additional_fine
from ledger.process.deadlines.period import Period, Unit

ROWS = list(
    csv.DictReader(
        (Path(__file__).parents[1] / "vectors" / "own" / "clocks.csv")
        .read_text("utf-8")
        .splitlines()
    )
)

# 国务院办公厅关于 2025 年、2026 年部分节假日安排的通知, as ranges.
OFF = {
    2025: "01-01 01-28/02-04 04-04/04-06 05-01/05-05 05-31/06-02 10-01/10-08",
    2026: "01-01/01-03 02-15/02-23 04-04/04-06 05-01/05-05 06-19/06-21 09-25/09-27 10-01/10-07",
}
WORKED = {
    2025: "01-26 02-08 04-27 09-28 10-11",
    2026: "01-04 02-14 02-28 05-09 09-20 10-10",
}

# As the statutes have them; a cross marks what a day off does not make longer.
PERIODS = {
    "decision": "90 days",  # 处罚法 60
    "advance_registration": "7 working_days",  # 处罚法 56
    "hearing_request": "5 working_days",  # 处罚法 64
    "service": "7 working_days",  # 处罚法 61
    "pay_fine": "15 days",  # 处罚法 67
    "cash_handover": "2 working_days",  # 处罚法 71
    "clue": "15 working_days",  # 投诉举报办法 23
    "make_up_approval": "24 hours",  # 强制法 19
    "seal_or_seize": "30 days x",  # 强制法 25
    "apply_to_court": "3 months",  # 强制法 53
    "withdraw_publication": "3 working_days",  # 处罚法 48
    "publication": "20 working_days",  # 公示规定 9
    "stop_publication_light": "3 months x",  # 公示规定 13
    "stop_publication": "3 years x",
    "reconsideration_application": "60 days",  # 复议法 20
    "reconsideration_evidence": "10 working_days",  # 复议法 48
    "reconsideration_evidence_simplified": "5 working_days",  # 复议法 54
    "litigation_evidence": "15 days",  # 行政诉讼法 67
    "litigation": "6 months",  # 行政诉讼法 46
    "litigation_outer": "5 years",
    "litigation_outer_property": "20 years",
    "penalty_limitation": "2 years x",  # 处罚法 36
    "penalty_limitation_grave": "5 years x",
    "notarial_certificate": "15 working_days",  # 公证法 30
    "complaint_acceptance": "7 working_days",  # 投诉举报办法 14
    "complaint_answer": "5 working_days",  # 投诉举报办法 31
    "impact_assessment": "3 years x",  # 个人信息保护法 56
    "archive_city": "20 years",  # 档案法实施条例 20
    "archive_county": "10 years",
    "licence_decision": "20 working_days",  # 许可法 42
}


def spread(text: str) -> set[str]:
    """The days of `10-01/10-03 10-08`, as texts."""
    found = set()
    for part in text.split():
        first, _, last = part.partition("/")
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last or first):
            found.add(day.isoformat())
            day += timedelta(1)
    return found


def in_year(year: int, text: str) -> set[str]:
    return spread(" ".join("/".join(f"{year}-{p}" for p in r.split("/")) for r in text.split()))


LISTS = {
    year: Calendar(
        frozenset(map(date.fromisoformat, in_year(year, OFF[year]))),
        frozenset(map(date.fromisoformat, in_year(year, WORKED[year]))),
    )
    for year in OFF
}


@dataclass(frozen=True)
class Told:
    due: str
    moved_from: str
    counted: str


def recount(row: dict[str, str]) -> Told:
    amount, unit, *kept = PERIODS[row["clock"]].split()
    if unit == "hours":
        moment = datetime.fromisoformat(row["start"]) + timedelta(hours=int(amount))
        return Told(moment.isoformat(), "", "")
    known = set(map(int, row["lists"].split()))
    start, skipped = row["start"], spread(row["excluded"])

    def worked(day: str) -> bool:
        year = int(day[:4])
        if year in known and day in in_year(year, WORKED[year]) | in_year(year, OFF[year]):
            return day in in_year(year, WORKED[year])
        return date.fromisoformat(day).strftime("%a") not in ("Sat", "Sun")

    def onward(day: str) -> list[str]:
        return [(date.fromisoformat(day) + timedelta(n)).isoformat() for n in range(1, 200)]

    if unit in ("months", "years"):
        months = int(start[:4]) * 12 + int(start[5:7]) - 1 + int(amount) * (12, 1)[unit == "months"]
        for number in range(int(start[8:]), 27, -1) if int(start[8:]) > 28 else (int(start[8:]),):
            try:
                last = date(months // 12, months % 12 + 1, number).isoformat()
                break
            except ValueError:
                continue
        first_asked = last
    else:
        counting = [d for d in onward(start) if unit == "days" or worked(d)]
        last = [d for d in counting if d not in skipped][int(amount) + int(row["more"]) - 1]
        first_asked = onward(start)[0] if unit == "working_days" else last
    if kept:
        return Told(last, "", "")
    due = next(d for d in [last, *onward(last)] if worked(d))
    asked = set(range(int(first_asked[:4]), int(due[:4]) + 1))
    return Told(due, "" if due == last else last, "holidays" if asked <= known else "weekends")


def period(clock: str) -> Period:
    amount, unit, *kept = PERIODS[clock].split()
    return Period(int(amount), Unit(unit), rolls=not kept)


def days(row: dict[str, str]) -> Days:
    return Days.of(LISTS[int(year)] for year in row["lists"].split())


def test_there_are_two_hundred_cases_over_every_period_and_each_has_its_reason() -> None:
    assert len(ROWS) >= 200
    assert {row["clock"] for row in ROWS} == set(PERIODS)
    assert all(row["reason"] for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[f"{r['clock']}-{r['start']}" for r in ROWS])
def test_a_period_ends_when_the_table_says_and_a_recount_says_so_too(row: dict[str, str]) -> None:
    told = Told(row["due"], row["moved_from"], row["counted"])
    assert recount(row) == told
    run = period(row["clock"])
    if run.unit is Unit.HOURS:
        assert run.end_ms(parse_time(row["start"])) == parse_time(row["due"])
        return
    excluded = set(map(date.fromisoformat, spread(row["excluded"])))
    last = run.last_day(date.fromisoformat(row["start"]), days(row), int(row["more"]), excluded)
    moved = "" if last.moved_from is None else last.moved_from.isoformat()
    assert Told(last.day.isoformat(), moved, str(last.counted or "")) == told


def test_a_day_ends_with_its_last_millisecond_in_china() -> None:
    last = Period(15, Unit.DAYS).last_day(date(2026, 12, 16), Days())
    assert last.day == date(2026, 12, 31)
    assert last.end_ms == parse_time("2026-12-31T23:59:59+08:00") + 999
    assert last.end_ms + 1 == parse_time("2027-01-01T00:00:00+08:00")


@pytest.mark.parametrize("unit", [unit for unit in Unit if unit is not Unit.HOURS])
def test_there_is_an_end_of_all_days(unit: Unit) -> None:
    with pytest.raises(Malformed, match="no day so late"):
        Period(400, unit).last_day(date(9999, 12, 1), Days())


def test_days_that_do_not_count_come_after_the_months() -> None:
    excluded = {date(2026, 7, 1), date(2026, 7, 31), date(2026, 9, 30), date(2026, 10, 2)}
    # Three months from 1 July end on 1 October; two of them are lost, and 2 October is no day.
    kept = Period(3, Unit.MONTHS, rolls=False)
    assert kept.last_day(date(2026, 7, 1), Days(), 0, excluded).day == date(2026, 10, 4)


@pytest.mark.parametrize("amount", [0, -1, 36_601])
def test_no_statute_has_such_a_period(amount: int) -> None:
    with pytest.raises(Malformed, match="want a period of"):
        Period(amount, Unit.DAYS)


@pytest.mark.parametrize(
    ("paid", "fen"),
    [
        ("2026-07-20", 0),  # on the last day
        ("2026-07-21", 300),  # 3 yuan for a day
        ("2026-07-31", 3300),
        ("2026-08-22", 9900),  # the 33rd day
        ("2026-08-23", 10_000),  # 102 yuan would be more than the fine
        ("2027-08-23", 10_000),
        ("2026-07-01", 0),
    ],
)
def test_three_in_a_hundred_for_each_day_and_never_more_than_the_fine(paid: str, fen: int) -> None:
    assert additional_fine(10_000, 3, date(2026, 7, 20), date.fromisoformat(paid)) == fen


def test_days_of_a_litigation_cost_nothing_and_a_part_of_a_fen_neither() -> None:
    during = [date(2026, 7, 21) + timedelta(n) for n in range(9)]
    assert additional_fine(10_000, 3, date(2026, 7, 20), date(2026, 7, 31), during) == 600
    assert additional_fine(99, 3, date(2026, 7, 20), date(2026, 7, 21)) == 2
