from typing import Any

import pytest

from ledger.errors import Malformed
from ledger.evidence.membership import (
    case_series,
    log_label,
    provisional_series,
    series_names,
    series_year,
)
from ledger.evidence.statement import Statement
from testkit.case import (
    CASE,
    STATION,
    Draft,
    agency,
    correction,
    decision,
    evidence,
    opening,
    registration,
    session,
    text_subject,
    uuid7,
)

NOVEMBER_2026 = 1_795_400_000_000
UUID = uuid7(77, NOVEMBER_2026)


def names(draft: Draft, label: str = "2026", first_year: int = 2026) -> tuple[str, ...]:
    return series_names(Statement.from_bytes(draft.to_payload()), label, first_year)


def recording(start: str, **more: Any) -> Draft:
    return evidence(
        "e", 1, {"a": b"x"}, device="BWC-310", file="a.mp4",
        occurred={"from": start, "to": start}, **more,
    )  # fmt: skip


def said(kind: str, **predicate: Any) -> Draft:
    moment = "2026-11-23T14:00:00+08:00"
    common = {"agency": "agency-01", "id": uuid7(1), "occurred": {"from": moment, "to": moment}}
    return Draft("s", kind, common | predicate, [text_subject("x", "x")], (STATION,), 0)


def test_a_statement_of_a_case_belongs_to_it() -> None:
    assert names(decision("d", 1)) == (f"2026/case/{CASE}",)


def test_a_registration_under_a_number_belongs_to_the_provisional_case_too() -> None:
    expected = (f"2026/case/{CASE}", f"2026/case/{UUID}")
    assert names(decision("d", 1, provisional=UUID)) == expected


def test_an_opening_belongs_to_its_agency_and_names_the_case() -> None:
    draft = decision("d", 1, act="provisional_opening")
    del draft.predicate["case"]
    assert names(draft) == ("2026/open/agency-01",)
    assert provisional_series(UUID, 2026) == f"2026/case/{UUID}"


def test_a_recording_has_a_series_of_its_own() -> None:
    draft = recording("2026-11-23T14:00:00+08:00")
    assert names(draft) == (f"2026/case/{CASE}", "2026/recording/BWC-310/a.mp4")


@pytest.mark.parametrize(
    ("start", "year"),
    [
        ("2025-12-31T23:59:59+08:00", "2026"),  # before the first log
        ("2026-12-31T16:00:00Z", "2027"),
        ("2026-12-31T15:59:59Z", "2026"),
        ("2027-12-31T23:59:59+08:00", "2027"),
        ("2028-01-01T00:00:00+08:00", "2026"),  # a clock that runs ahead
        ("9999-12-31T23:59:59+08:00", "2026"),
    ],
)
def test_the_year_of_a_recording_is_that_of_its_capture_in_china(start: str, year: str) -> None:
    assert names(recording(start))[1] == f"{year}/recording/BWC-310/a.mp4"


@pytest.mark.parametrize(
    ("draft", "name"),
    [
        (opening(), "register/ledger"),
        (registration(1, STATION, "station"), "register/key/station-07.example"),
        (agency(1, "苏〔{year}〕{number}号"), "register/agency/agency-01"),
        (said("custody", about=f"case/{CASE}", action="read", by="x"), f"custody/case/{CASE}"),
        (said("status", what="scrub"), "log"),
    ],
)
def test_other_statements_take_the_year_of_their_log(draft: Draft, name: str) -> None:
    assert names(draft, "2026") == (f"2026/{name}",)
    assert names(draft, "2027-2") == (f"2027/{name}",)


def test_the_last_word_of_a_log_has_a_tag_of_its_own() -> None:
    assert names(said("status", what="log_ends"), "2027-2") == ("2027/log", "2027/log-ends")


def test_a_correction_belongs_to_its_case_or_else_to_its_agency() -> None:
    draft = correction("c", 1, decision("d", 2))
    assert names(draft) == (f"2026/case/{CASE}",)
    del draft.predicate["case"]
    assert names(draft) == ("2026/correction/agency-01",)


def test_a_case_of_a_year_before_the_first_log_counts_as_of_that() -> None:
    assert names(decision("d", 1, case="苏〔1999〕1号")) == ("2026/case/苏〔1999〕1号",)
    assert case_series("苏〔1999〕1号", 2026) == "2026/case/苏〔1999〕1号"


@pytest.mark.parametrize(("year", "may"), [("2026", True), ("2027", True), ("2028", False)])
def test_a_case_of_the_year_after_next_is_refused(year: str, may: bool) -> None:
    draft = decision("d", 1, case=f"苏〔{year}〕1号")
    if may:
        assert series_year(names(draft)[0]) == year
        return
    with pytest.raises(Malformed, match="2028"):
        names(draft)


@pytest.mark.parametrize("uuid", ["ffffffff-ffff-7fff-bfff-ffffffffffff", uuid7(1, 2**43)])
def test_a_provisional_case_of_a_far_year_is_refused(uuid: str) -> None:
    draft = decision("d", 1, provisional=uuid)
    with pytest.raises(Malformed):
        names(draft)


@pytest.mark.parametrize("origin", ["a/2026", "a/b/2026-2", "a/1999-9999"])
def test_the_label_of_a_log_is_the_last_element_of_its_origin(origin: str) -> None:
    assert log_label(origin) == origin.rpartition("/")[2]


@pytest.mark.parametrize(
    "origin", ["a", "a/", "a/26", "a/2026-0", "a/2026-01", "a/2026/x", "a/３０２６"]
)
def test_an_origin_that_does_not_end_in_a_year_has_none(origin: str) -> None:
    with pytest.raises(Malformed, match="year"):
        log_label(origin)


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        (session("s", 1, id=UUID, officers=["320500-0001"]), "2026/device/BWC-310/11"),
        (session("s", 1, gaps=[], session=UUID), "2026/device/BWC-310/11"),
        (session("s", 1, gap="1", cause="battery", session=UUID), "2026/device/BWC-310/11"),
        (session("s", 1, id=uuid7(1, 1_798_732_800_000), gaps=[]), "2027/device/BWC-310/01"),
        (session("s", 1, id=uuid7(1, 1_000), gaps=[]), "2026/device/BWC-310/01"),
        (session("s", 1, id=uuid7(1, 4_102_444_800_000), gaps=[]), "2026/device/BWC-310/01"),
    ],
    ids=["check-out", "dock", "explanation", "new year in China", "before the log", "far ahead"],
)
def test_a_session_belongs_to_its_device_and_the_month_it_began(
    draft: Draft, expected: str
) -> None:
    assert names(draft) == (expected,)
