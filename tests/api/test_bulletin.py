"""The bulletin of complaints, over a real server: what became of each; and no names."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.own_cases import filed_at
from api.services import Services
from ledger.process.casefile import Filed
from ledger.sequencer import LOST, Row
from testkit.complaints import CHINA, WORDS, complain, days_ago
from testkit.county import COUNTY, ELSEWHERE, STREET, STREET_HANDLER, act, open_county
from testkit.disposals import file
from testkit.server import CASE, Ledger


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Of the county: one accepted, one long overdue and in a case, one just come, one refused in
    time by its act's word; and one of the street."""
    with open_county(tmp_path_factory.mktemp("bulletin") / "ledger") as made:
        seen = {"from": "2026-03-02T15:00:00+08:00", "to": "2026-03-02T15:10:00+08:00"}
        file(made, b"recorded then", occurred=seen)
        accepted = {"complaint": complain(made, received=1)}
        act(made, "complaint_acceptance", stage="start", facts=accepted, occurred=days_ago())
        complain(made, received=90, case=CASE)
        complain(made)
        refused = {"complaint": complain(made, received=90)}
        act(made, "complaint_refusal", stage="start", facts=refused, occurred=days_ago(89))
        complain(made, received=90, by=STREET_HANDLER, agency=STREET)
        yield made


def ask(ledger: Ledger, span: str = "", of: str = COUNTY, more: str = "", **limits: Any) -> Any:
    span = span or datetime.now(CHINA).strftime("%Y-%m")
    path = f"/v1/agencies/{of}/complaints?span={span}{more}"
    return ledger.http.get(path, headers=ledger.bearer("supervisor", **limits))


def test_each_complaint_has_its_line(ledger: Ledger) -> None:
    rows = ask(ledger).json()["complaints"]
    states = [(row["outcome"], row["accept_state"], row["case"]) for row in rows]
    assert states == [
        ("complaint_acceptance", "met", ""),
        ("", "overdue", CASE),
        ("", "running", ""),
        ("complaint_refusal", "met", ""),
    ]
    assert [row["accept_logged"] for row in rows] == ["yes", "", "", "no"]
    ids = [row["id"] for row in ledger.said("complaint") if row["agency"] == COUNTY]
    assert [row["id"] for row in rows] == ids
    index = rows[0]["place"].partition("-")[2]
    assert ledger.services.log.row(int(index)).statement_id == ids[0]


def test_the_bulletin_counts_its_lines(ledger: Ledger) -> None:
    (line,) = ask(ledger).json()["bulletin"]
    counted = {name: line[name] for name in ("received", "accepted", "waiting", "overdue_accept")}
    assert counted == {"received": "4", "accepted": "2", "waiting": "1", "overdue_accept": "1"}
    assert (line["on_their_word"], line["refused"], line["lost"]) == ("1", "1", "0")
    # One recording, held for each of the four.
    assert (line["held"], line["ever"]) == ("4", "4")


def test_who_complained_where_and_of_what_stands_in_none_of_it(ledger: Ledger) -> None:
    text = ask(ledger, more="&below=yes").text
    assert not [word for word in WORDS if word in text]


def test_those_below_have_a_line_of_their_own(ledger: Ledger) -> None:
    answer = ask(ledger, more="&below=yes").json()
    assert {row["agency"]: row["received"] for row in answer["bulletin"]} == {
        COUNTY: "4", STREET: "1"
    }  # fmt: skip
    city = ask(ledger, of="city", more="&below=yes").json()
    assert [row["agency"] for row in city["bulletin"]] == [COUNTY, "city", ELSEWHERE, STREET]
    assert len(city["complaints"]) == 5


def test_a_complaint_is_of_the_day_on_which_it_was_logged(ledger: Ledger) -> None:
    """Who dates it back takes it out of no bulletin."""
    now = datetime.now(CHINA)
    before = (now.replace(day=1) - timedelta(days=60)).strftime("%Y-%m")
    assert ask(ledger, before).json()["complaints"] == []
    for span in (now.strftime("%Y"), f"{now.year}-Q{(now.month + 2) // 3}"):
        assert len(ask(ledger, span).json()["complaints"]) == 4


def test_of_a_time_that_has_not_begun_no_zeros_are_told(ledger: Ledger) -> None:
    now = datetime.now(CHINA)
    later = [str(now.year + 1), f"{now.year + 1}-Q1", f"{now.year + 1}-01", "2999-12"]
    refused = ask(ledger, later[0])
    assert (refused.status_code, refused.json()["code"]) == (422, "rejected")
    assert f"{later[0]} has not begun: today is {now:%Y-%m-%d}" in refused.text
    assert {ask(ledger, span).status_code for span in later} == {422}
    assert ask(ledger, f"{now:%Y}").status_code == 200, "a year that runs is told as far as it is"


@pytest.mark.parametrize("span", ["x", "2026-13", "2026-Q5", "1970", "2026-03-01", "%EF%BC%92026"])
def test_what_is_no_span_is_refused(ledger: Ledger, span: str) -> None:
    answer = ask(ledger, span)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_a_complaint_that_was_lost_is_told(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    log, store = ledger.services.log, ledger.services.store
    first = log.places(f"{log.label}/complaint/{COUNTY}")[0]
    row, rows_at = log.row, store.rows_at

    def without(row: Row) -> Row:
        return replace(row, kind=LOST, envelope=b"", salt=b"") if row.number == first else row

    monkeypatch.setattr(log, "row", lambda number: without(row(number)))
    monkeypatch.setattr(store, "rows_at", lambda numbers: map(without, rows_at(numbers)))
    (line,) = ask(ledger).json()["bulletin"]
    assert (line["received"], line["lost"]) == ("3", "1")
    (line,) = ask(ledger, "2025").json()["bulletin"]
    assert line["lost"] == "0"


def test_of_a_case_the_complaints_of_the_span_alone_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_county(tmp_path / "ledger") as made:
        first, second = complain(made, case=CASE), complain(made, case=CASE)
        logged = filed_at

        def a_year_before(s: Services, numbers: Sequence[int]) -> Iterator[Filed]:
            for one in logged(s, numbers):
                early = one.statement.id == first
                yield replace(one, at_ms=one.at_ms - 366 * 86_400_000) if early else one

        monkeypatch.setattr("api.bulletin.filed_at", a_year_before)
        answer = ask(made, datetime.now(CHINA).strftime("%Y")).json()
    assert [row["id"] for row in answer["complaints"]] == [second]
