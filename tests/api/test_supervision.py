"""Inspections by an agency above: who sees what of them, and how their terms stand."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.supervising import Supervising
from ledger.encoding import CHINA
from ledger.errors import Unavailable
from ledger.evidence.statement import Role
from ledger.process.casefile import Filed
from ledger.sequencer import Row
from testkit.county import (
    COUNTY,
    ELSEWHERE,
    ELSEWHERE_HANDLER,
    STREET,
    STREET_HANDLER,
    act,
    open_county,
    signed,
)
from testkit.keys import key
from testkit.registers import listed, registered
from testkit.server import HANDLER, Ledger, register

CITY = "city"
CITY_HANDLER = key("inspector.city.example")
INSPECTION, OWN = "苏督〔2026〕3号", "苏城管罚〔2026〕9001号"
PACK = Path(__file__).parents[2] / "ledger" / "process" / "packs" / "supervision.toml"
SOON = (datetime.now(CHINA).date() + timedelta(30)).isoformat()
STAGES = {
    "supervision_plan": "start",
    "supervision_notice": "start",
    "supervision_check": "investigate",
    "supervision_finding": "review",
    "rectification_demand": "decide",
}


def today() -> str:
    """Asked when it is needed: a run may be longer than the day on which it was begun."""
    return datetime.now(CHINA).date().isoformat()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_county(tmp_path / "ledger") as made:
        made.accept(register(CITY_HANDLER, Role.HANDLER, CITY))
        yield made


def city(ledger: Ledger, name: str, **facts: str) -> str:
    """An act of the inspection, to the county unless it says otherwise; its id."""
    given = ({} if name == "supervision_plan" else {"inspected": COUNTY}) | facts
    more: dict[str, Any] = {"facts": given} if given else {}
    return str(
        act(
            *(ledger, name),
            by=CITY_HANDLER,
            agency=CITY,
            case=INSPECTION,
            procedure="supervision",
            stage=STAGES.get(name, "enforce"),
            **more,
        )["id"]
    )


def answer(ledger: Ledger, name: str, id_: str, **more: Any) -> None:
    usual = {"case": OWN, "procedure": "supervision", "stage": "enforce"}
    act(ledger, name, facts={"answers": id_}, **(usual | more))


def ask(
    ledger: Ledger, agency: str, *, role: str = "handler", of: str = "", below: str = "no"
) -> Any:
    bearer = ledger.bearer(role, agency=of or agency)
    path = f"/v1/agencies/{agency}/supervision?below={below}"
    return ledger.http.get(path, headers=bearer)


def rows(ledger: Ledger, agency: str, **more: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = ask(ledger, agency, **more).json()["inspections"]
    return found


def terms(ledger: Ledger, agency: str = COUNTY) -> list[dict[str, str]]:
    found: list[dict[str, str]] = ask(ledger, agency).json()["terms"]
    return found


def due(ledger: Ledger, agency: str = COUNTY) -> list[tuple[str, str]]:
    bearer = ledger.bearer("handler", agency=agency)
    answer = ledger.http.get(f"/v1/agencies/{agency}/due", headers=bearer).json()
    ours = {"self_check", "rectification"}
    assert ours <= set(answer["clocks"])
    return [(row["clock"], row["state"]) for row in answer["due"] if row["clock"] in ours]


def test_of_an_unannounced_inspection_the_agency_sees_nothing_until_it_is_told(
    ledger: Ledger,
) -> None:
    before = ask(ledger, COUNTY).json()
    city(ledger, "supervision_plan", scope="占道", unannounced="yes")
    city(ledger, "supervision_check")
    after = ask(ledger, COUNTY).json()
    assert (after["inspections"], after["terms"]) == (before["inspections"], []) == ([], [])
    assert due(ledger) == []
    (row,) = rows(ledger, CITY)
    assert (row["inspected"], row["told"], row["acts"]) == (COUNTY, "", "2")
    city(ledger, "supervision_finding", what="未亮证")
    (row,) = rows(ledger, COUNTY)
    assert (row["inspection"], row["by"], row["findings"], row["acts"]) == (
        *(INSPECTION, CITY, "1", "1"),
    )


def test_no_place_or_day_of_what_was_not_told_stands_in_what_the_agency_sees(
    ledger: Ledger,
) -> None:
    plan = city(ledger, "supervision_plan", scope="占道", unannounced="yes")
    told = city(ledger, "supervision_notice")
    (row,) = rows(ledger, COUNTY)
    index = {id_: ledger.services.log.known(id_).row.index for id_ in (plan, told)}  # type: ignore[union-attr]
    assert row["first"] == row["last"] == f"2026-{index[told]}"
    (held,) = rows(ledger, CITY)
    assert (held["first"], held["last"]) == (f"2026-{index[plan]}", f"2026-{index[told]}")


@pytest.mark.parametrize("role", ["handler", "supervisor", "auditor"])
def test_of_its_own_view_whoever_asks_sees_the_same(ledger: Ledger, role: str) -> None:
    city(ledger, "supervision_plan", scope="占道", unannounced="yes")
    city(ledger, "supervision_notice")
    (row,) = ask(ledger, COUNTY, role=role).json()["inspections"]
    assert row["acts"] == "1"


@pytest.mark.parametrize(
    ("agency", "role", "of", "status"),
    [
        (COUNTY, "handler", COUNTY, 200),
        (COUNTY, "supervisor", CITY, 200),
        (CITY, "handler", CITY, 200),
        (CITY, "handler", COUNTY, 404),
        (CITY, "supervisor", COUNTY, 404),
        (COUNTY, "handler", ELSEWHERE, 404),
        (COUNTY, "supervisor", STREET, 404),
        (COUNTY, "court", COUNTY, 404),
    ],
)
def test_who_sees_inspections(ledger: Ledger, agency: str, role: str, of: str, status: int) -> None:
    city(ledger, "supervision_notice")
    assert ask(ledger, agency, role=role, of=of).status_code == status


def test_the_agency_beside_it_and_the_street_below_it_are_told_nothing(ledger: Ledger) -> None:
    city(ledger, "rectification_demand", what="整改", until=SOON)
    assert rows(ledger, ELSEWHERE) == rows(ledger, STREET) == []
    assert due(ledger, ELSEWHERE) == due(ledger, STREET) == []


def test_with_those_below_each_inspection_stands_once_and_whole(ledger: Ledger) -> None:
    city(ledger, "supervision_plan", scope="占道", unannounced="no")
    city(ledger, "supervision_notice")
    city(ledger, "supervision_notice", inspected=ELSEWHERE)
    found = rows(ledger, CITY, role="supervisor", below="yes")
    assert [(row["inspected"], row["acts"]) for row in found] == [(COUNTY, "2"), (ELSEWHERE, "2")]
    (row,) = rows(ledger, ELSEWHERE)
    assert (row["inspected"], row["acts"]) == (ELSEWHERE, "1")


def test_a_demand_is_due_at_the_agency_until_its_own_answer_is_logged(ledger: Ledger) -> None:
    begun = today()
    assert due(ledger) == []
    demand = city(ledger, "rectification_demand", what="补齐培训记录", until=SOON)
    assert due(ledger) == [("rectification", "running")]
    (term,) = terms(ledger)
    assert (term["id"], term["until"], term["what"], term["answered"]) == (
        *(demand, SOON, "补齐培训记录", ""),
    )
    answer(ledger, "rectification_report", demand)
    assert due(ledger) == []
    (term,) = terms(ledger)
    assert term["state"] == "met" and begun <= term["answered"] <= today()


def test_a_self_check_is_due_until_it_is_reported(ledger: Ledger) -> None:
    notice = city(ledger, "supervision_notice", until=SOON)
    assert due(ledger) == [("self_check", "running")]
    answer(ledger, "self_check", notice)
    assert due(ledger) == []


def test_what_is_late_is_overdue_in_the_list_and_in_the_calendar(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    city(ledger, "rectification_demand", what="整改", until=SOON)
    later_ms = time.time_ns() // 1_000_000 + 31 * 86_400_000
    monkeypatch.setattr(ledger.services.clock, "now_ms", lambda: later_ms)
    bearer = ledger.bearer("handler", agency=COUNTY)
    found = ledger.http.get(f"/v1/agencies/{COUNTY}/due.ics", headers=bearer).text
    assert "整改并提交报告" in found.replace("\r\n ", "")
    assert due(ledger) == [("rectification", "overdue")]
    assert rows(ledger, COUNTY)[0]["overdue"] == rows(ledger, CITY)[0]["overdue"] == "1"


def test_what_answers_something_else_or_is_somebody_elses_meets_nothing(ledger: Ledger) -> None:
    early = city(ledger, "rectification_demand", what="一", until=SOON)
    notice = city(ledger, "supervision_notice")
    answer(ledger, "rectification_report", notice)
    answer(ledger, "self_check", early)
    answer(ledger, "rectification_report", early, procedure="ordinary")
    answer(
        *(ledger, "rectification_report", early),
        by=STREET_HANDLER,
        agency=STREET,
        case="苏街督〔2026〕1号",
    )
    city(ledger, "rectification_report", answers=early)
    assert due(ledger) == [("rectification", "running")]


def test_who_is_not_above_it_tells_an_agency_nothing(ledger: Ledger) -> None:
    act(
        *(ledger, "rectification_demand"),
        by=ELSEWHERE_HANDLER,
        agency=ELSEWHERE,
        case="苏乙督〔2026〕1号",
        procedure="supervision",
        stage="decide",
        facts={"inspected": COUNTY, "until": SOON, "what": "整改"},
    )
    assert rows(ledger, COUNTY) == due(ledger) == []
    (row,) = rows(ledger, ELSEWHERE)
    assert (row["unentitled"], row["told"], row["running"]) == ("1", "", "0")


def test_an_agency_is_not_above_itself(ledger: Ledger) -> None:
    act(
        *(ledger, "rectification_demand"),
        by=HANDLER,
        case=OWN,
        procedure="supervision",
        facts={"inspected": COUNTY, "until": SOON, "what": "整改"},
    )
    assert due(ledger) == []
    (row,) = rows(ledger, COUNTY)
    assert (row["unentitled"], row["running"]) == ("1", "0")


def test_what_an_agency_was_told_stays_due_when_it_gets_another_above_it(ledger: Ledger) -> None:
    city(ledger, "rectification_demand", what="整改", until=SOON)
    later = signed(registered("agency", COUNTY, today(), agency=COUNTY, parent="province"))
    ledger.accept(later)
    city(ledger, "rectification_demand", what="又", until=SOON)
    assert due(ledger) == [("rectification", "running")]
    (row,) = rows(ledger, CITY)
    assert (row["demands"], row["unentitled"]) == ("2", "1")


@pytest.mark.parametrize("until", ["", "30日内", "2026-02-30", "2026-03-02", "9999-12-31"])
def test_what_is_no_day_or_was_over_when_it_was_told_is_no_term(ledger: Ledger, until: str) -> None:
    city(ledger, "rectification_demand", what="整改", **({"until": until} if until else {}))
    assert due(ledger) == []
    (term,) = terms(ledger)
    assert (term["state"], term["until"]) == ("not_started", "")


def test_a_review_is_told_with_its_demand(ledger: Ledger) -> None:
    demand = city(ledger, "rectification_demand", what="整改", until=SOON)
    answer(ledger, "rectification_report", demand)
    city(ledger, "rectification_review", answers=demand, result="fail")
    assert [term["result"] for term in terms(ledger)] == ["fail"]
    city(ledger, "rectification_review", answers=demand, result="pass")
    assert [term["result"] for term in terms(ledger, CITY)] == ["pass"]


def test_that_it_was_closed_is_told_to_who_was_told_of_it(ledger: Ledger) -> None:
    begun = today()
    city(ledger, "supervision_check")
    act(
        *(ledger, "supervision_closing"),
        by=CITY_HANDLER,
        agency=CITY,
        case=INSPECTION,
        procedure="supervision",
    )
    assert rows(ledger, COUNTY) == []
    assert begun <= rows(ledger, CITY)[0]["closed"] <= today()


@pytest.mark.parametrize("view", ["supervision", "due"])
def test_more_acts_than_one_question_reads_are_refused_before_they_are_read(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    told = [city(ledger, "supervision_finding", what=f"{n}") for n in range(5)]
    assert len(told) == 5
    monkeypatch.setattr("api.views.MAX_READ", 4)
    monkeypatch.setattr("api.supervising.Supervising._acts", None)
    answered = ledger.http.get(
        f"/v1/agencies/{COUNTY}/{view}", headers=ledger.bearer("handler", agency=COUNTY)
    )
    assert (answered.status_code, answered.json()["code"]) == (422, "rejected")


@pytest.mark.parametrize("view", ["supervision", "due", "due.ics"])
def test_the_first_who_ask_look_through_so_many_acts_and_no_more(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    """Of the city, which stands above: what an agency asks of itself may be little."""
    for number in range(5):
        city(ledger, "supervision_finding", what=f"{number}")
    monkeypatch.setattr("api.supervising.MAX_UNREAD", 3)
    seen: list[int] = []
    rows_at = ledger.services.supervising._store.rows_at

    def counted(numbers: Sequence[int]) -> Iterator[Row]:
        seen[-1] += len(numbers)
        return rows_at(numbers)

    monkeypatch.setattr(ledger.services.supervising._store, "rows_at", counted)
    bearer = ledger.bearer("handler", agency=COUNTY)
    told = []
    for _ in range(4):
        seen.append(0)
        answered = ledger.http.get(f"/v1/agencies/{COUNTY}/{view}", headers=bearer)
        told.append(answered.status_code)
        if answered.status_code == 503:
            assert seen[-1] <= 3
            assert "acts are still to be looked through" in answered.json()["detail"]
            assert answered.json()["hints"] == ["ask again: each question looks through 3 more"]
    assert told == [503, 503, 200, 200]
    monkeypatch.undo()
    assert len(rows(ledger, COUNTY)) == 1


def test_a_row_that_cannot_be_read_is_looked_at_again_and_counted_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        city(ledger, "supervision_finding", what=f"{number}")
    supervising = ledger.services.supervising
    rows_at = supervising._store.rows_at

    def broken(numbers: Sequence[int]) -> Iterator[Row]:
        yield next(iter(rows_at(numbers)))
        raise Unavailable("the disk")

    with monkeypatch.context() as patch, pytest.raises(Unavailable):
        patch.setattr(supervising._store, "rows_at", broken)
        supervising.logged(CITY)
    assert supervising.logged(CITY) == 2


def test_each_agency_s_acts_are_read_once_for_a_question_however_many_inspections(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        city(ledger, "supervision_finding", what=f"{number}")
        city(ledger, "supervision_finding", inspected=STREET, what=f"{number}")
    read: list[str] = []
    real = Supervising._acts

    def acts(self: Supervising, agency: str) -> list[Filed]:
        read.append(agency)
        return real(self, agency)

    monkeypatch.setattr(Supervising, "_acts", acts)
    supervising = ledger.services.supervising
    told = supervising.of([COUNTY, STREET])
    assert {one.inspected for one in told} == {COUNTY, STREET}
    assert len(read) == len(set(read))
    assert {one.inspected for one in supervising.of([STREET])} == {STREET}


def test_every_look_is_a_line_in_the_log(ledger: Ledger) -> None:
    ask(ledger, COUNTY)
    said = ledger.custody("read")[-1]
    assert (said["about"], said["note"]) == (f"acts/{COUNTY}", "supervision")


def test_under_its_pack_a_demand_waits_for_what_it_rests_on(ledger: Ledger) -> None:
    begun = today()
    ledger.accept(signed(listed("rule_pack", "supervision", PACK.read_text("utf-8"), agency=CITY)))
    with pytest.raises(AssertionError, match="supervision_plan"):
        city(ledger, "rectification_demand", what="整改", until=SOON)
    city(ledger, "supervision_plan", scope="占道", unannounced="yes")
    with pytest.raises(AssertionError, match="督察反馈意见"):
        city(ledger, "rectification_demand", what="整改", until=SOON)
    city(ledger, "supervision_finding", what="未亮证")
    with pytest.raises(AssertionError, match="until"):
        city(ledger, "rectification_demand", what="整改")
    demand = city(ledger, "rectification_demand", what="整改", until=SOON)
    with pytest.raises(AssertionError, match="整改核查意见"):
        city(ledger, "supervision_closing")
    city(ledger, "rectification_review", answers=demand, result="fail")
    with pytest.raises(AssertionError, match="整改到位"):
        city(ledger, "supervision_closing")
    city(ledger, "rectification_review", answers=demand, result="pass")
    city(ledger, "supervision_closing")
    assert begun <= rows(ledger, COUNTY)[0]["closed"] <= today()
