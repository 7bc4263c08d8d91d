"""What is due when its own clock runs out, and several measures in one case, each with its own."""

from collections.abc import Iterator

import pytest

from ledger.encoding import format_time, parse_time
from ledger.evidence.due import Calendar
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.clocks import Running, State, clocks_of
from ledger.process.judging.gap import Gap, GapKind
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gates import refusals
from ledger.process.judging.judged import judged
from ledger.process.rules.rulepack import Record, RulePack
from testkit.proceeding import (
    AGENCY,
    BEGINS,
    CASE,
    DAY,
    HOUR,
    Proceeding,
    Step,
    complete,
    registers_of,
    statement,
)
from testkit.rulepacks import PACKS

READ = {name: RulePack.from_text(text) for name, text in PACKS.items()}
REGISTERS = {name: registers_of((name, text)) for name, text in PACKS.items()}
WEEKDAYS = Calendar()
TIMED = [(pack, record) for pack in READ.values() for record in pack.records if record.clock]
IDS = [f"{pack.pack}-{record.id}" for pack, record in TIMED]
ORDINARY = READ["ordinary"]


def clocks(pack: RulePack, file: CaseFile, now_ms: int) -> list[Running]:
    (case,) = judged(file, REGISTERS[pack.pack], WEEKDAYS)
    return clocks_of([pack], file, case, lambda _: WEEKDAYS, now_ms)


def told(pack: RulePack, file: CaseFile, now_ms: int | None = None) -> list[Gap]:
    return gaps(file, REGISTERS[pack.pack], WEEKDAYS, now_ms)


# --- due by its own clock -----------------------------------------------------------------------


@pytest.mark.parametrize(("pack", "record"), TIMED, ids=IDS)
def test_what_lacks_is_due_from_the_moment_at_which_its_clock_runs_out(
    pack: RulePack, record: Record
) -> None:
    """And not a millisecond before: of a case under way nothing is told that may still come."""
    clock = pack.clock(record.clock)
    assert clock is not None
    made = complete(pack, record)
    last = max(n for n, step in enumerate(made.steps) if step.act in clock.start)
    made.steps = [s for s in made.steps[: last + 1] if s.act not in record.acts]
    if not made.applies(record):
        made.steps = [s for s in complete(pack, record).steps if s.act not in record.acts]
    file = made.file()
    (running,) = (one for one in clocks(pack, file, 0) if one.clock.id == clock.id)
    assert running.due_ms is not None
    for now_ms, due in ((running.due_ms, False), (running.due_ms + 1, True)):
        (gap,) = (gap for gap in told(pack, file, now_ms) if gap.rule == record.id)
        (clock_now,) = (one for one in clocks(pack, file, now_ms) if one.clock.id == clock.id)
        assert (clock_now.state is State.OVERDUE) is due
        assert ("was_due" in gap.facts) is due
        if due:
            assert gap.due
            assert gap.facts["was_due"] == format_time(running.due_ms)


def registered(days: int = 0) -> CaseFile:
    """Advance registration, and nothing after it."""
    made = Proceeding(ORDINARY)
    for act in ("case_filing", "registration_approval", "advance_registration"):
        made.add(act).facts |= {"approved": "yes"} if "approval" in act else {}
    return made.ordered().file()


def test_a_case_under_way_is_not_flooded_and_the_disposal_alone_becomes_due() -> None:
    file = registered()
    soon, later = file.filed[-1].at_ms + DAY, file.filed[-1].at_ms + 20 * DAY
    before = {(gap.rule, gap.due) for gap in told(ORDINARY, file, soon)}
    after = {(gap.rule, gap.due) for gap in told(ORDINARY, file, later)}
    assert ("registration_disposition", False) in before
    assert after - before == {("registration_disposition", True)}
    # And after ninety days the decision.
    at_last = {(g.rule, g.due) for g in told(ORDINARY, file, file.filed[-1].at_ms + 120 * DAY)}
    assert at_last - after == {("penalty_decision", True)}


# --- several measures ---------------------------------------------------------------------------


def act(name: str, day: int, **facts: str) -> tuple[str, int, dict[str, str]]:
    return name, day, facts


def case_of(pack: RulePack, *acts: tuple[str, int, dict[str, str]]) -> CaseFile:
    """Each at ten on so many days after the first of March, logged an hour later."""
    filed = []
    for n, (name, day, facts) in enumerate(sorted(acts, key=lambda one: one[1])):
        step = Step(name, facts=facts, procedure=pack.pack, at=BEGINS + day * DAY + HOUR)
        filed.append(Filed(1000 + n, statement(n, step, pack), step.at + HOUR))
    return CaseFile(CASE, AGENCY, tuple(filed))


def seal(day: int, **facts: str) -> tuple[str, int, dict[str, str]]:
    return act("coercive_measure", day, **{"urgent": "no", **facts})


def runs(file: CaseFile, clock: str = "seal_or_seize", now: int = 100) -> Iterator[tuple[str, str]]:
    """Of each measure the day on which it began and was ended."""
    for one in clocks(ORDINARY, file, BEGINS + now * DAY):
        if one.clock.id == clock:
            assert one.start_ms is not None
            stopped = "" if one.stopped_ms is None else str((one.stopped_ms - BEGINS) // DAY)
            yield str((one.start_ms - BEGINS) // DAY), stopped


SEVERAL = {
    "one": ([seal(0), act("lifting", 5)], [("0", "5")]),
    "two, lifted one after the other": (
        [seal(0), seal(3), act("lifting", 5), act("lifting", 9)],
        [("0", "5"), ("3", "9")],
    ),
    "two, one lifted": ([seal(0), seal(3), act("lifting", 5)], [("0", "5"), ("3", "")]),
    "the second lifted first, and said so": (
        [seal(0, measure="1"), seal(3, measure="2"), act("lifting", 5, measure="2")],
        [("0", ""), ("3", "5")],
    ),
    "both by one paper": (
        [seal(0, measure="1"), seal(3, measure="2"), act("lifting", 5, measure="1、2")],
        [("0", "5"), ("3", "5")],
    ),
    "one that nobody knows": (
        [seal(0, measure="1"), act("lifting", 5, measure="7")],
        [("0", "")],
    ),
    "a number that the measure itself never stated": (
        [seal(0), seal(3, measure="2"), act("lifting", 5, measure="1")],
        [("0", "5"), ("3", "")],
    ),
    "lifted before the second": (
        [seal(0), act("lifting", 5), seal(9), act("coercion_disposition", 12)],
        [("0", "5"), ("9", "12")],
    ),
    "named before it began": (
        [seal(0, measure="1"), act("lifting", 5, measure="2"), seal(9, measure="2")],
        [("0", ""), ("9", "")],
    ),
    "filed anew, to say more": (
        [seal(0), seal(0, measure="1"), act("lifting", 5), act("lifting", 5)],
        [("0", "5")],
    ),
    "two at one moment, told apart": (
        [seal(0, measure="1"), seal(0, measure="2"), act("lifting", 5, measure="1")],
        [("0", "5"), ("0", "")],
    ),
    "the lifting filed anew lifts nothing more": (
        [seal(0), seal(3), act("lifting", 5), act("lifting", 5)],
        [("0", "5"), ("3", "")],
    ),
    "the whole case is referred": (
        [seal(0, measure="1"), seal(3), act("case_referral", 8)],
        [("0", "8"), ("3", "8")],
    ),
    "referred before the second": (
        [seal(0), act("case_referral", 8), seal(9), act("lifting", 12)],
        [("0", "8"), ("9", "12")],
    ),
}


@pytest.mark.parametrize(("acts", "wanted"), SEVERAL.values(), ids=SEVERAL)
def test_each_measure_has_its_own_clock_and_its_own_end(
    acts: list[tuple[str, int, dict[str, str]]], wanted: list[tuple[str, str]]
) -> None:
    assert list(runs(case_of(ORDINARY, *acts))) == wanted


def test_an_extension_is_one_measure_s_and_testing_too() -> None:
    file = case_of(
        ORDINARY,
        *(seal(0, measure="1"), seal(0, measure="2")),
        act("coercion_extension", 20, days="30", measure="2"),
        act("testing", 2, **{"from": "2026-03-05", "to": "2026-03-09", "measure": "1"}),
    )
    found = [one for one in clocks(ORDINARY, file, BEGINS) if one.clock.id == "seal_or_seize"]
    assert [(one.extended, one.excluded) for one in found] == [(0, 5), (30, 0)]


def test_each_clock_says_by_number_which_measure_it_is_of() -> None:
    """Two lines of one name, one day and one case would be alike."""
    file = case_of(ORDINARY, seal(0, measure="1"), seal(0, measure="2、3"), seal(5))
    rows = [one.to_json() for one in clocks(ORDINARY, file, BEGINS)]
    sealed = [row.get("measure") for row in rows if row["clock"] == "seal_or_seize"]
    assert sealed == ["1", "2、3", None]
    assert all("measure" not in row for row in rows if row["clock"] == "decision")


def test_a_number_that_was_stated_later_is_said_by_the_clock_and_by_what_lacks() -> None:
    file = case_of(ORDINARY, seal(0), seal(0, measure="1"), seal(5, measure="2"))
    rows = [one.to_json() for one in clocks(ORDINARY, file, BEGINS)]
    sealed = [row.get("measure") for row in rows if row["clock"] == "seal_or_seize"]
    lacking = [gap for gap in told(ORDINARY, file) if gap.rule == "coercion_outcome"]
    assert sealed == [gap.facts.get("measure") for gap in lacking] == ["1", "2"]


def test_of_several_measures_the_urgent_ones_want_an_approval_each() -> None:
    file = case_of(
        ORDINARY,
        *(seal(0, urgent="yes"), act("make_up_approval", 0), seal(4), seal(9, urgent="yes")),
    )
    assert [day for day, _ in runs(file, "make_up_approval")] == ["0", "9"]
    (gap,) = (gap for gap in told(ORDINARY, file) if gap.rule == "make_up_approval")
    assert (gap.place, gap.facts["act"]) == (file.filed[-1].number, "coercive_measure")
    assert (gap.kind, gap.due) == (GapKind.MISSING, False)


def twice(lifted: int) -> Proceeding:
    """A complete case of the ordinary procedure in which two things were sealed."""
    (outcome,) = (record for record in ORDINARY.records if record.id == "coercion_outcome")
    made = complete(ORDINARY, outcome).doubled("seal_or_seize")
    ended = [step for step in made.steps if step.act in ("coercion_disposition", "lifting")]
    for step in ended[lifted:]:
        made.steps.remove(step)
    return made


@pytest.mark.parametrize(("lifted", "shut"), [(1, True), (2, False)])
def test_a_case_is_closed_once_each_measure_was_ended(lifted: int, shut: bool) -> None:
    made = twice(lifted)
    refused = refusals(*made.before("case_closing"), REGISTERS["ordinary"], WEEKDAYS)
    found = [gap for gap in told(ORDINARY, made.file()) if gap.rule == "coercion_outcome"]
    assert [gap.rule for gap in refused] == (["coercion_outcome"] if shut else [])
    assert len(found) == int(shut)
    for gap in (*refused, *found):
        second = made.file().acts("coercive_measure")[1]
        assert (gap.place, gap.due, gap.what) == (second.number, True, "missing")


def test_a_second_registration_wants_its_own_disposal_before_the_decision() -> None:
    file = case_of(
        ORDINARY,
        *(act("case_filing", 0), act("advance_registration", 1)),
        *(act("registration_disposition", 2), act("advance_registration", 3)),
    )
    late = BEGINS + 30 * DAY
    (gap,) = (gap for gap in told(ORDINARY, file, late) if gap.rule == "registration_disposition")
    assert (gap.due, gap.place) == (True, 1003)
    assert parse_time(gap.facts["was_due"]) < late


def test_of_a_thousand_measures_the_one_that_was_not_lifted_is_found() -> None:
    seals = [seal(n) for n in range(1000)]
    file = case_of(ORDINARY, *seals, *(act("lifting", 1000 + n) for n in range(999)))
    found = list(runs(file, now=3000))
    assert len(found) == 1000
    assert [day for day, stopped in found if not stopped] == ["999"]
