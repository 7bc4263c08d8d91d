"""The terms of an inspection by what the log has, and which acts are of one inspection."""

from collections.abc import Sequence
from typing import Any

import pytest

from ledger.encoding import parse_time
from ledger.evidence.chunks import digest_item
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.process.casefile import Filed
from ledger.process.deadlines.clocks import State
from ledger.process.deadlines.supervision import CLOCKS, Inspection, inspections
from testkit.case import uuid7

CITY, COUNTY, NUMBER = "city", "county", "苏督〔2026〕3号"
DEMAND = uuid7(2)


def filed(number: int, name: str, logged: str, agency: str = CITY, **more: Any) -> Filed:
    """An act that is logged at noon of a day, and claims to have been done in March."""
    case = more.pop("naming", {"case": NUMBER})
    facts = {"inspected": COUNTY, **more} if agency == CITY else more
    predicate = {
        "act": name,
        "agency": agency,
        "facts": facts or {"note": ""},
        "id": uuid7(number),
        "occurred": {"from": "2026-03-02T09:00:00+08:00", "to": "2026-03-02T09:00:00+08:00"},
        "procedure": "supervision",
        **case,
    }
    subject = FileSubject("a.pdf", digest_item(name.encode()))
    at_ms = parse_time(f"{logged}T12:00:00+08:00")
    return Filed(number, Statement(Kind.ACT, (subject,), predicate), at_ms)


def held(*acts: Filed, answers: Sequence[Filed] = (), above: bool = True) -> list[Inspection]:
    return inspections(CITY, acts, lambda agency: answers, lambda act, agency: above)


def state(*answers: Filed, until: str = "2026-05-10", now: str = "2026-05-01") -> State:
    demand = filed(2, "rectification_demand", "2026-04-10", until=until)
    (one,) = held(demand, answers=answers)
    (term,) = one.terms(parse_time(f"{now}T12:00:00+08:00"))
    return term.running.state


def report(logged: str, number: int = 5, answers: str = DEMAND, **more: Any) -> Filed:
    return filed(number, "rectification_report", logged, COUNTY, answers=answers, **more)


def test_a_term_ends_with_its_last_day() -> None:
    assert state() is State.RUNNING
    assert state(now="2026-05-10") is State.RUNNING
    assert state(now="2026-05-11") is State.OVERDUE


def test_an_answer_counts_from_when_it_was_logged_whatever_day_it_names() -> None:
    """All of them claim a day in March."""
    assert state(report("2026-05-10"), now="2026-06-01") is State.MET
    assert state(report("2026-05-11"), now="2026-06-01") is State.LATE


def test_the_first_answer_counts() -> None:
    found = state(report("2026-05-10"), report("2026-05-20", 6), now="2026-06-01")
    assert found is State.MET


def test_what_stands_before_the_demand_answers_nothing() -> None:
    assert state(report("2026-04-10", number=1)) is State.RUNNING


def test_an_answer_names_what_it_answers() -> None:
    assert state(report("2026-05-10", answers=uuid7(9))) is State.RUNNING
    assert state(report("2026-05-10", answers="")) is State.RUNNING


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2026-04-10", State.OVERDUE),
        ("2026-04-09", State.NOT_STARTED),
        ("2036-04-17", State.RUNNING),
        ("2036-04-18", State.NOT_STARTED),
        ("四月", State.NOT_STARTED),
    ],
)
def test_a_day_that_is_no_term_starts_none(until: str, expected: State) -> None:
    assert state(until=until) is expected


def test_a_term_wants_no_working_days_and_is_from_memory() -> None:
    """What the demand says is the last day: nothing moves it, and no article was read."""
    assert state(until="2026-05-02", now="2026-05-03") is State.OVERDUE  # a Saturday
    assert all(clock.memory for clock in CLOCKS.values())


def test_a_notice_need_set_no_day_and_of_one_that_does_it_is_told() -> None:
    (one,) = held(filed(2, "supervision_notice", "2026-04-10"))
    assert one.terms(0) == []
    (one,) = held(filed(2, "supervision_notice", "2026-04-10", until="soon"))
    assert [term.running.state for term in one.terms(0)] == [State.NOT_STARTED]


def test_who_was_not_above_told_nothing() -> None:
    demand = filed(2, "rectification_demand", "2026-04-10", until="2026-05-10")
    (one,) = held(demand, above=False)
    assert (one.told, one.terms(0), one.unentitled) == ((), [], frozenset({2}))


def test_an_inspection_that_got_its_number_later_is_one() -> None:
    slot = {"provisional": uuid7(7)}
    plan = filed(1, "supervision_plan", "2026-04-01", inspected="", naming=slot)
    notice = filed(2, "supervision_notice", "2026-04-02", naming={"case": NUMBER})
    named = filed(3, "supervision_check", "2026-04-03", naming={"case": NUMBER, **slot})
    late = filed(4, "supervision_finding", "2026-04-04", naming=slot)
    (one,) = held(plan, notice, named, late)
    assert (one.case, [act.number for act in one.acts]) == (NUMBER, [1, 2, 3, 4])


def test_what_names_no_agency_is_of_all_of_them() -> None:
    plan = filed(1, "supervision_plan", "2026-04-01", inspected="")
    first = filed(2, "supervision_notice", "2026-04-02")
    second = filed(3, "supervision_notice", "2026-04-02", inspected="county-02")
    end = filed(4, "supervision_closing", "2026-06-02", inspected="")
    (alone,) = held(plan)
    assert (alone.inspected, alone.told) == ("", ())
    found = held(plan, first, second, end)
    assert [(one.inspected, [act.number for act in one.told]) for one in found] == [
        *((COUNTY, [2, 4]), ("county-02", [3, 4])),
    ]


def test_a_closing_before_anything_was_told_is_not_told() -> None:
    end = filed(2, "supervision_closing", "2026-04-01", inspected="")
    (one,) = held(filed(1, "supervision_check", "2026-04-01"), end)
    assert one.told == ()
    late = filed(3, "supervision_finding", "2026-04-02")
    (one,) = held(filed(1, "supervision_check", "2026-04-01"), end, late)
    assert [act.number for act in one.told] == [3]


def test_answers_alone_are_no_inspection_of_their_own_and_a_plan_alone_is_one() -> None:
    assert held(report("2026-05-10"), filed(6, "self_check", "2026-05-11", COUNTY)) == []
    plan = filed(1, "supervision_plan", "2026-04-01", COUNTY, scope="all")
    assert [len(one.acts) for one in held(plan, report("2026-05-10"))] == [2]
