"""Decisions and their publication, over the shipped pack of what follows a decision."""

from datetime import date
from importlib import resources

import pytest

from ledger.encoding import parse_time
from ledger.evidence.due import Calendar
from ledger.evidence.statement import Kind, Statement, StatementSubject
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.calendar import Days
from ledger.process.deadlines.clocks import State, clocks_of
from ledger.process.judging.judged import Judged
from ledger.process.registers.registry import Registry
from ledger.process.reports.publications import PublicationLine, publication_line
from ledger.process.rules.rulepack import RulePack
from testkit.case import AGENCY, CASE, uuid7

AFTER = RulePack.from_text(
    (resources.files("ledger.process") / "packs" / "after.toml").read_text("utf-8")
)
# National Day week of 2026, and the Saturday that is worked for it.
NATIONAL = Days.of([Calendar({date(2026, 10, n) for n in range(1, 8)}, {date(2026, 10, 10)})])


def filed(number: int, name: str, day: str, **facts: str) -> Filed:
    moment = f"{day}T10:00:00+08:00"
    predicate = {
        "act": name,
        "agency": AGENCY,
        "case": CASE,
        "id": uuid7(number),
        "occurred": {"from": moment, "to": moment},
        "procedure": "ordinary",
    } | ({"facts": facts} if facts else {})
    subject = StatementSubject(uuid7(99), bytes(32))
    return Filed(number, Statement(Kind.ACT, (subject,), predicate), parse_time(moment))


def line(now: str, *acts: Filed) -> PublicationLine | None:
    file = CaseFile(CASE, AGENCY, acts)
    facts = Judged(file, AFTER, acts[0], Registry(), NATIONAL)
    now_ms = parse_time(f"{now}T23:00:00+08:00")
    return publication_line(clocks_of([AFTER], file, facts, lambda _: NATIONAL, now_ms))


DECIDED = filed(1, "penalty_decision", "2026-09-21", social_impact="yes")
UNKNOWN = filed(1, "penalty_decision", "2026-09-21")


def test_without_a_decision_there_is_nothing_to_publish() -> None:
    assert line("2026-12-01", filed(1, "case_filing", "2026-09-21")) is None


def test_what_nobody_holds_to_be_of_social_impact_need_not_be_published() -> None:
    """处罚法 48 and 政府信息公开条例 20(六): the twenty days are no rule for every penalty."""
    assert line("2026-12-01", UNKNOWN) is None
    late = line("2026-12-01", UNKNOWN, filed(2, "publication", "2026-11-30"))
    assert late is not None and late.publish.state is State.LATE


def test_a_decision_is_published_within_twenty_working_days() -> None:
    """The twentieth day is counted here again, one by one."""
    off = {date(2026, 10, n) for n in range(1, 8)}
    days = (date.fromordinal(n) for n in range(date(2026, 9, 22).toordinal(), 800_000))
    working = (d for d in days if d == date(2026, 10, 10) or (d.weekday() < 5 and d not in off))
    last = [next(working) for _ in range(20)][-1]
    found = line(last.isoformat(), DECIDED)
    assert found is not None
    assert (found.publish.last_day, found.publish.state, found.overdue) == (
        last,
        State.RUNNING,
        False,
    )
    later = line(date.fromordinal(last.toordinal() + 1).isoformat(), DECIDED)
    assert later is not None and (later.publish.state, later.overdue) == (State.OVERDUE, True)


@pytest.mark.parametrize(
    ("day", "state", "late"),
    [("2026-09-30", State.MET, False), ("2026-11-30", State.LATE, True)],
)
def test_what_was_published_is_in_time_or_late(day: str, state: State, late: bool) -> None:
    found = line("2026-12-01", DECIDED, filed(2, "publication", day))
    assert found is not None
    assert (found.publish.state, found.late, found.overdue) == (state, late, False)


OVERTURNED = filed(3, "decision_overturned", "2026-11-02")


def test_what_was_overturned_is_withdrawn_within_three_working_days() -> None:
    published = filed(2, "publication", "2026-09-30")
    states = {}
    for now in ("2026-11-05", "2026-11-06"):
        found = line(now, DECIDED, published, OVERTURNED)
        assert found is not None and found.withdraw is not None
        states[now] = (found.withdraw.state, found.overdue)
    assert states == {"2026-11-05": (State.RUNNING, False), "2026-11-06": (State.OVERDUE, True)}
    withdrawn = filed(4, "publication_withdrawal", "2026-11-04")
    found = line("2026-12-01", DECIDED, published, OVERTURNED, withdrawn)
    assert found is not None and found.withdraw is not None
    assert (found.withdraw.state, found.open) == (State.MET, False)


@pytest.mark.parametrize(("term", "ends"), [("3_months", "2026-12-30"), ("3_years", "2029-09-30")])
def test_a_publication_ends_after_its_term(term: str, ends: str) -> None:
    found = line("2026-10-15", DECIDED, filed(2, "publication", "2026-09-30", term=term))
    assert found is not None and found.end is not None
    assert found.end.last_day is not None and found.end.last_day.isoformat() == ends
