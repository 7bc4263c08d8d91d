"""Siblings: one recording handed in more than once is told, whatever was done between."""

import pytest

from ledger.report import Finding, Outcome, Report
from testkit.case import Case, evidence, make_case

RECORDING = "2026/recording/BWC-310/BWC_0099.MP4"
NAMED = {"device": "BWC-310", "file": "BWC_0099.MP4"}


def twice(first: bytes, second: bytes) -> Case:
    case = make_case()
    case.add(evidence("first", 30, {"BWC_0099.MP4": first}, **NAMED), after="photo")
    case.add(evidence("second", 31, {"BWC_0099.MP4": second}, **NAMED), after="first")
    return case


def siblings(report: Report) -> list[Finding]:
    return [f for f in report.findings if f.step == "series" and f.about == RECORDING]


@pytest.mark.parametrize(("second", "versions"), [(b"the recording", 1), (b"a shorter one", 2)])
def test_a_recording_that_was_handed_in_twice_is_told(second: bytes, versions: int) -> None:
    detail = f"2 statements speak of this recording, 2 shown; versions of its file: {versions}"
    report = twice(b"the recording", second).build().verify()
    assert report.outcome is Outcome.PASSED, report.findings
    assert siblings(report) == [Finding("series", Outcome.PASSED, RECORDING, detail)]


def test_one_that_was_handed_in_once_is_not() -> None:
    case = make_case()
    case.add(evidence("first", 30, {"BWC_0099.MP4": b"x"}, **NAMED), after="photo")
    assert not siblings(case.build().verify())


def test_a_sibling_that_is_withheld_is_told_as_well() -> None:
    made = twice(b"the recording", b"a shorter one").build()
    place = made.place("second").to_text()
    for ending in ("dsse.json", "salt"):
        del made.files[f"data/statements/{place}.{ending}"]
    (found,) = siblings(made.verify())
    assert found.detail.startswith("2 statements speak of this recording, 1 shown; ")
