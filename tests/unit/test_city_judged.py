"""What the script of the fixture city did wrong is what the checker finds, case by case.

Without a server: each case's statements in the order in which they would be logged.
"""

from datetime import date
from functools import cache

import pytest

from ledger.encoding import in_china
from ledger.evidence.chunks import digest_item
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.calendar import registered_days
from ledger.process.judging.gaps import gaps
from ledger.process.judging.gates import refusals
from ledger.process.registers.registry import Registry
from testkit.case import uuid7
from testkit.city import EVENING, WORKING, Case, City, at_ms
from testkit.city_cases import SCRIPTS, Step
from testkit.city_papers import OPENING_DAY, act_of, interval, registers
from testkit.city_recount import gaps_owed, lived
from testkit.city_year import LAST_DAY

CITY = City.founded()
FIRST = 1000  # the number of a case's first statement: registers stand before


@cache
def registry() -> Registry:
    found = Registry()
    counter = iter(range(1, FIRST))
    for number, statement in enumerate(registers(CITY, lambda: uuid7(next(counter)))):
        found.add(number, statement, at_ms(OPENING_DAY, 8))
    return found


def filed(case: Case) -> CaseFile:
    rows: list[tuple[int, Statement]] = []
    for nth, recording in enumerate(case.recordings):
        predicate = {
            "agency": recording.agency,
            "case": case.number,
            "device": recording.device,
            "evidence_type": "audiovisual",
            "file": recording.file,
            "id": uuid7(nth),
            "occurred": interval(recording.start_ms, recording.end_ms),
        }
        subject = FileSubject(recording.file, digest_item(recording.data))
        day = date.fromisoformat(predicate["occurred"]["to"][:10])  # type: ignore[index]
        rows.append((at_ms(day, EVENING), Statement(Kind.EVIDENCE, (subject,), predicate)))
    for nth, step in enumerate(lived(case)):
        rows.append(
            (
                at_ms(WORKING.after(case.begins, step.filed_day), EVENING, 5 + 5 * step.wave),
                act_statement(case, step, 500 + nth),
            )
        )
    rows.sort(key=lambda row: row[0])
    found = [Filed(FIRST + n, statement, at) for n, (at, statement) in enumerate(rows)]
    return CaseFile(case.number, case.agency, tuple(found))


def act_statement(case: Case, step: Step, number: int) -> Statement:
    predicate = act_of(CITY, case, step, uuid7(number))
    subject = FileSubject("文书.txt", digest_item(step.act.encode()))
    return Statement(Kind.ACT, (subject,), predicate)


def of(procedure: str) -> list[Case]:
    return [case for case in CITY.cases if case.procedure == procedure]


@pytest.mark.parametrize("procedure", SCRIPTS)
def test_what_was_done_wrong_is_found_and_nothing_else(procedure: str) -> None:
    for case in of(procedure):
        days = registered_days(registry(), case.agency, FIRST, case.begins)
        file = filed(case)
        last_ms = max(one.at_ms for one in file.filed)
        # As it stood when its last paper was filed, and at the end of the year.
        for now_ms in (last_ms, at_ms(LAST_DAY, 9)):
            found = gaps(file, registry(), days, now_ms)
            due = {(gap.rule, str(gap.kind)) for gap in found if gap.due}
            owed = gaps_owed(case, in_china(now_ms).date())
            assert due <= owed <= {(gap.rule, str(gap.kind)) for gap in found}, case.number


@pytest.mark.parametrize("procedure", SCRIPTS)
def test_each_step_passes_its_gate_but_the_one_that_must_not(procedure: str) -> None:
    for case in of(procedure):
        whole = filed(case)
        refused = case.wrong.refused if case.wrong else ""
        steps = [*lived(case), *(step for step in case.steps if step.act == refused)]
        for nth, step in enumerate(steps):
            day = WORKING.after(case.begins, step.filed_day)
            at = at_ms(day, EVENING, 5 + 5 * step.wave)
            before = tuple(one for one in whole.filed if one.at_ms < at)
            file = CaseFile(case.number, case.agency, before)
            proposed = Filed(FIRST + len(before), act_statement(case, step, 800 + nth), at)
            days = registered_days(registry(), case.agency, proposed.number, day)
            closed = {gap.rule for gap in refusals(file, proposed, registry(), days)}
            if step.act == refused:
                assert case.wrong and {e.rule for e in case.wrong.expected} <= closed, case.number
            else:
                assert not closed, (case.number, step.act)
