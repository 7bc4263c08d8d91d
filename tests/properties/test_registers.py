"""Registers at random: what is logged after an act changes nothing that is said of it."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Kind, Statement, StatementSubject
from ledger.process.registers.crew import Wanted, crew_faults
from ledger.process.registers.registry import Registry
from testkit.case import AGENCY, CASE, uuid7
from testkit.registers import announced, officer, registered

OFTEN = settings(max_examples=50, deadline=None, database=None)
FIRST = date(2026, 1, 1)
AGENCIES = st.sampled_from([AGENCY, "agency-02"])
FACT = st.sampled_from(["yes", "no"])


def day(after: int) -> str:
    return (FIRST + timedelta(days=after)).isoformat()


@st.composite
def entries(draw: st.DrawFn) -> Statement:
    """Any entry that bears upon a crew of A-1 and A-2, dated as it likes."""
    start = draw(st.integers(0, 20))
    until = draw(st.none() | st.integers(start, 25))
    ends = None if until is None else day(until)
    subject, agency = draw(st.sampled_from(["A-1", "A-2"])), draw(AGENCIES)
    match draw(st.sampled_from(["officer", "auxiliary", "agency", "delegation"])):
        case "officer":
            facts = {fact: draw(FACT) for fact in ("certified", "in_post")}
            return officer(subject, day(start), ends, agency=agency, **facts)
        case "agency":
            return announced(agency, day(start))
        case "delegation":
            parties = {"from": AGENCY, "published": draw(FACT), "to": "agency-02"}
            return registered("delegation", "D-1", day(start), ends, agency=agency, **parties)
        case register:
            return registered(register, subject, day(start), ends, agency=agency)


def act(after: int) -> Statement:
    moment = f"{day(after)}T10:00:00+08:00"
    predicate = {
        "act": "site_inspection",
        "agency": AGENCY,
        "case": CASE,
        "id": uuid7(1),
        "occurred": {"from": moment, "to": moment},
        "officers": ["A-1", "A-2"],
        "procedure": "ordinary",
    }
    return Statement(Kind.ACT, (StatementSubject(uuid7(9), bytes(32)),), predicate)


def verdict(registry: Registry, number: int, after: int) -> list[tuple[str, str, str]]:
    """What is said of the act, but for the notice that registers say something else now."""
    found = crew_faults(number, act(after), registry, Wanted("investigate", 2, "penalty"))
    return [(str(one.rule), one.level, str(sorted(one.facts.items()))) for one in found]


def built(statements: list[Statement]) -> Registry:
    registry = Registry()
    for number, statement in enumerate(statements):
        registry.add(number, statement)
    return registry


@OFTEN
@given(st.lists(entries(), max_size=12), st.integers(0, 12), st.integers(0, 25))
def test_no_later_entry_changes_a_verdict(
    statements: list[Statement], number: int, after: int
) -> None:
    number = min(number, len(statements))
    then, now = built(statements[:number]), built(statements)
    assert verdict(now, number, after) == verdict(then, number, after)


@OFTEN
@given(st.lists(entries(), max_size=12), st.integers(0, 12), st.integers(0, 25))
def test_the_governing_entry_is_the_last_that_begins_by_the_day(
    statements: list[Statement], number: int, after: int
) -> None:
    """Recounted as the rule is written, from the statements themselves."""
    on = FIRST + timedelta(days=after)
    said = [
        (n, s.predicate["in_force"]["from"])
        for n, s in enumerate(statements)
        if s.predicate["register"] == "officer" and s.predicate["subject"] == "A-1"
    ]
    expected = [n for n, start in said if n < number and start <= on.isoformat()]
    found = built(statements).at(Registered.OFFICER, "A-1", number, on)
    assert (found.number if found else None) == (expected[-1] if expected else None)
