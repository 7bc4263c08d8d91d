"""The register of documents: every file of every act, recounted here from what was uploaded."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.ids import new_id
from ledger.encoding import in_china
from ledger.evidence.chunks import digest_item
from ledger.evidence.entry import Entry
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement, StatementSubject, Subject
from ledger.sequencer import DESTROYED, Row
from ledger.suite import digest
from testkit.complaints import days_ago
from testkit.county import COUNTY, STREET_CASE, act, open_county
from testkit.server import CASE, HANDLER, Ledger, await_that

PAPERS = (b"the notice", b"its receipt")
NAME = "张某某处罚决定书.pdf"


def with_subjects(ledger: Ledger, name: str, subjects: tuple[Subject, ...], **more: Any) -> Any:
    predicate = {
        "act": name,
        "agency": COUNTY,
        "case": CASE,
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": days_ago(),
        "procedure": "summary",
    } | more
    said = Statement(Kind.ACT, subjects, {k: v for k, v in predicate.items() if v is not None})
    (answer,) = ledger.accept(seal(said.to_bytes(), [HANDLER]).to_bytes())
    return answer


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Beside the county's acts one with two papers and a number, and one that serves it."""
    with open_county(tmp_path_factory.mktemp("documents") / "ledger") as made:
        for data in PAPERS:
            made.upload(data, by=HANDLER)
        papers = tuple(FileSubject(f"{n}-{NAME}", digest_item(d)) for n, d in enumerate(PAPERS))
        numbered = {"facts": {"number": "当罚〔2026〕7号"}, "stage": "decide"}
        answer = with_subjects(made, "on_the_spot_decision", papers, **numbered)
        commitment = Entry.from_bytes(answer["entry"].encode()).commitment
        served = (StatementSubject(answer["id"], commitment),)
        with_subjects(made, "service_return", served, stage="serve")
        yield made


def filed(ledger: Ledger) -> datetime:
    """When the last act was: its month may be over by the time of the question."""
    log = ledger.services.log
    last = log.places(f"{log.label}/acts/{COUNTY}")[-1]
    return in_china(Entry.from_bytes(log.row(last).entry).at)


def ask(ledger: Ledger, span: str = "", more: str = "", of: str = COUNTY) -> Any:
    span = span or f"{filed(ledger):%Y-%m}"
    path = f"/v1/agencies/{of}/documents?span={span}{more}"
    services = ledger.services
    await_that(lambda: services.catalog.indexed_to() == services.log.number, "the catalog")
    return ledger.http.get(path, headers=ledger.bearer("supervisor"))


def test_each_document_of_each_act_has_its_line(ledger: Ledger) -> None:
    rows = ask(ledger).json()["documents"]
    said = [one for one in ledger.said("act") if one["agency"] == COUNTY]
    assert [row["act"] for row in rows] == [
        *(one["act"] for one in said[:3]),
        *("on_the_spot_decision", "on_the_spot_decision", "service_return"),
    ]
    papers = rows[3:5]
    assert [row["sha256"] for row in papers] == [digest(data).hex() for data in PAPERS]
    assert [row["size"] for row in papers] == [str(len(data)) for data in PAPERS]
    assert {row["number"] for row in papers} == {"当罚〔2026〕7号"}
    assert {(row["case"], row["day"], row["logged"]) for row in papers} == {
        (CASE, said[3]["occurred"]["from"][:10], f"{filed(ledger):%Y-%m-%d}")
    }


def test_an_act_about_a_statement_names_its_place(ledger: Ledger) -> None:
    rows = ask(ledger).json()["documents"]
    assert (rows[-1]["sha256"], rows[-1]["size"]) == ("", "")
    assert rows[-1]["about"] == rows[-2]["place"] != rows[-1]["place"]


def test_no_name_of_a_file_stands_in_it(ledger: Ledger) -> None:
    assert NAME not in ask(ledger).text and "张某某" not in ask(ledger).text


def test_another_span_has_other_documents(ledger: Ledger) -> None:
    before = (filed(ledger).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    assert ask(ledger, before).json()["documents"] == []
    assert len(ask(ledger, f"{filed(ledger):%Y}").json()["documents"]) == 6
    answer = ask(ledger, "2026-Q9")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_those_below_are_there_if_asked(ledger: Ledger) -> None:
    rows = ask(ledger, more="&below=yes").json()["documents"]
    assert [row["case"] for row in rows].count(STREET_CASE) == 1 and len(rows) == 7


def test_what_is_destroyed_is_counted_and_in_no_line(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = ledger.services.log
    last, row = log.places(f"{log.label}/acts/{COUNTY}")[-1], log.row

    def without(number: int) -> Row:
        found = row(number)
        return replace(found, kind=DESTROYED, envelope=b"") if number == last else found

    monkeypatch.setattr(log, "row", without)
    answer = ask(ledger).json()
    assert (answer["lost"], answer["destroyed"]) == ("1", "1")
    assert "service_return" not in {line["act"] for line in answer["documents"]}


def test_too_many_documents_are_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.documents.MOST", 5)  # five acts, six documents
    answer = ask(ledger)
    assert (answer.status_code, answer.json()["code"]) == (422, "rejected")
    monkeypatch.setattr("api.documents.MOST", 6)
    assert ask(ledger).status_code == 200


def test_a_case_without_a_number_goes_by_the_one_that_it_got(tmp_path: Path) -> None:
    slot = new_id(time.time_ns() // 1_000_000)
    with open_county(tmp_path / "ledger") as made:
        act(made, "source", case=None, provisional=slot)
        assert ask(made).json()["documents"][-1]["case"] == slot
        act(made, "case_filing", case="苏城管罚〔2026〕500号", provisional=slot)
        rows = ask(made).json()["documents"][-2:]
    assert [row["case"] for row in rows] == ["苏城管罚〔2026〕500号"] * 2
