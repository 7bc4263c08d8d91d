"""A case with acts of a procedure, a complaint, a hold and a disposal, before both verifiers."""

from collections.abc import Callable

import pytest

from ledger.report import Outcome
from testkit import procedural as made
from testkit.case import LEDGER, Case, Draft, make_case, registration


def _case() -> Case:
    case = make_case()
    deed = made.act(71, facts={"reason": "现场检查"}, timecodes=[made.TIMECODE])
    for draft in (
        registration(69, LEDGER, "ledger"),
        registration(70, made.SECOND, "handler"),
        deed,
        made.complaint(72, case=case.number),
        made.hold(73, deed),
        made.disposal(74, deed),
    ):
        draft.batch = 2
        case.add(draft)
    return case


def test_a_packet_with_statements_about_its_procedure_passes() -> None:
    report = _case().build().verify(require=frozenset())
    assert report.outcome is Outcome.PASSED, report.findings


def _without_the_agencys_run(draft: Draft) -> None:
    draft.series = (f"2026/case/{draft.predicate['case']}",)


def _under_another_agency(draft: Draft) -> None:
    draft.series = (f"2026/case/{draft.predicate['case']}", "2026/acts/agency-02")


@pytest.mark.parametrize("change", [_without_the_agencys_run, _under_another_agency])
def test_an_act_that_stands_outside_its_agencys_run_fails(change: Callable[[Draft], None]) -> None:
    """An operator who hides a case from the year's statistics logs its acts elsewhere."""
    case = _case()
    change(next(d for d in case.drafts if d.predicate.get("procedure")))
    assert case.build().verify(require=frozenset()).outcome is Outcome.FAILED


def test_a_disposal_by_one_person_fails() -> None:
    case = _case()
    disposal = next(d for d in case.drafts if d.kind == "disposal")
    disposal.signers = disposal.signers[:1]
    assert case.build().verify(require=frozenset()).outcome is Outcome.FAILED
