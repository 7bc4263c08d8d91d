"""A case with acts of a procedure, a complaint, a hold and a disposal, before both verifiers."""

import pytest

from cli.carried import REGISTERED
from ledger.evidence.membership import is_run_of_acts
from ledger.evidence.packet import SeriesFile
from ledger.evidence.procedural import Registered
from ledger.report import Outcome
from testkit import procedural as made
from testkit.case import LEDGER, Case, make_case, registration


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


def test_a_packet_does_not_show_the_run_of_its_agencys_acts() -> None:
    """With its key whoever has one case's packet would see in the log when others are acted in."""
    built = _case().build()
    names = [SeriesFile.from_bytes(d).name for p, d in built.files.items() if "/series/" in p]
    assert [name for name in names if "/acts/" in name] == []
    (row,) = [row for row in built.rows if row.draft.predicate.get("procedure")]
    assert [name for name, _ in row.series if is_run_of_acts(name)] == ["2026/acts/agency-01"]


def test_registers_in_a_packet_are_told_each_with_its_version() -> None:
    case = _case()
    for draft in (
        made.registered(75, "agency", "agency-01", facts={"name": "市城市管理局"}),
        made.registered(76, "officer", "320501-0417", facts={"person": "王某"}),
        made.registered(77, "rule_pack", "ordinary", content="x = 1\n", version="2026.1"),
        made.registered(78, "officer", "320501-0417", facts={"person": "王某", "in_post": "no"}),
    ):
        draft.batch = 2
        case.add(draft)
    report = case.build().verify(require=frozenset())
    assert report.outcome is Outcome.PASSED, report.findings
    told = [(row["what"], row["name"], row["version"], row["of"]) for row in report.facts.registers]
    assert told[-4:] == [
        ("agency", "agency-01", "2", "2"),
        ("officer", "320501-0417", "1", "2"),
        ("rule_pack", "ordinary 2026.1", "1", "1"),
        ("officer", "320501-0417", "2", "2"),
    ]


def test_every_register_has_words_in_the_report() -> None:
    assert {str(register) for register in Registered} <= set(REGISTERED)


@pytest.mark.parametrize(
    ("series", "sound"),
    [
        (("2026/acts/agency-01",), True),
        ((), False),
        (("2026/acts/agency-01", "2026/acts/agency-02"), False),
        (("2026/acts/agency-01", "2026/case/苏城管罚〔2026〕418号"), False),
    ],
)
def test_one_tag_of_an_act_is_left_to_the_years_recount_and_no_more(
    series: tuple[str, ...], sound: bool
) -> None:
    """None, and the act lacks in the statistics; two, and it is in a series that nobody shows."""
    case = _case()
    draft = next(d for d in case.drafts if d.predicate.get("procedure"))
    draft.series = (f"2026/case/{case.number}", *series)
    report = case.build().verify(require=frozenset())
    assert (report.outcome is Outcome.PASSED) is sound


def test_a_disposal_by_one_person_fails() -> None:
    case = _case()
    disposal = next(d for d in case.drafts if d.kind == "disposal")
    disposal.signers = disposal.signers[:1]
    assert case.build().verify(require=frozenset()).outcome is Outcome.FAILED
