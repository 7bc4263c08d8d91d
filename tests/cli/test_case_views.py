"""`tiezheng case register`, `person`, `standing`: over a real server, on a screen and in files."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from testkit.complaints import CHINA
from testkit.county import COUNTY, ELSEWHERE, STREET_CASE, act, open_county
from testkit.pdf import pages_of
from testkit.server import CASE, OTHER_CASE, Ledger, await_that, serving
from testkit.terminal import Ended, Run

EVIL = "苏城管罚〔2026〕419号"


@dataclass
class Desk:
    ledger: Ledger
    address: str
    folder: Path
    command: Run

    def __call__(self, *args: str | Path, of: str | None = COUNTY, **limits: Any) -> Ended:
        services = self.ledger.services
        await_that(lambda: services.catalog.indexed_to() == services.log.number, "the catalog")
        token = self.folder / "token"
        token.write_text(self.ledger.token("supervisor", **limits) + "\n")
        usual = ("--server", self.address, "--token-file", token)
        return self.command("case", *args, *(("--agency", of) if of else ()), *usual)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    folder = tmp_path_factory.mktemp("views") / "ledger"
    with open_county(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        act(
            ledger,
            "penalty_decision",
            stage="decide",
            case=EVIL,
            facts={"amount": "=cmd|' /C calc'!A0"},
            officers=["@SUM(A1)"],
        )
        yield ledger, address


@pytest.fixture
def desk(served: tuple[Ledger, str], tmp_path: Path, run: Run) -> Desk:
    return Desk(*served, tmp_path, run)


YEAR = ("register", "--year", "2026")


def test_the_register_on_a_screen_names_acts_as_the_packs_do(desk: Desk) -> None:
    ended = desk(*YEAR, "--lang", "zh")
    assert ended.code == 0, ended.err
    (line,) = [line for line in ended.out.splitlines() if line.startswith(CASE)]
    for text in ("2026-03-02", "A-1、A-2", "行政处罚决定书", "500", "决定"):
        assert text in line
    assert f"机关：{COUNTY}" in ended.out
    assert "Penalty decision" in desk(*YEAR, "--lang", "en").out


def test_a_register_as_csv_holds_every_case_and_no_formula(desk: Desk) -> None:
    ended = desk(*YEAR, "--below", "-o", desk.folder / "r.csv")
    assert (ended.code, ended.out) == (0, "")
    text = (desk.folder / "r.csv").read_text(encoding="utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text))
    assert {row[0] for row in rows} == {CASE, OTHER_CASE, STREET_CASE, EVIL}
    cells = dict(zip(head, next(row for row in rows if row[0] == EVIL), strict=True))
    assert cells["amount"] == "'=cmd|' /C calc'!A0"
    assert cells["officers"] == "'@SUM(A1)"


def test_a_register_as_a_workbook_and_on_paper(desk: Desk) -> None:
    pytest.importorskip("xlsxwriter")
    pytest.importorskip("typst")
    assert desk(*YEAR, "-o", desk.folder / "r.xlsx").code == 0
    assert (desk.folder / "r.xlsx").read_bytes().startswith(b"PK")
    assert desk(*YEAR, "-o", desk.folder / "r.pdf", "--lang", "zh").code == 0
    (page,) = pages_of((desk.folder / "r.pdf").read_bytes(), desk.folder)
    assert CASE in page and "2026年度执法台账" in page


def test_the_register_of_documents_on_a_screen_and_in_files(desk: Desk) -> None:
    asked = ("documents", "--span", datetime.now(CHINA).strftime("%Y"))
    ended = desk(*asked, "--lang", "zh")
    assert ended.code == 0, ended.err
    rows = [line for line in ended.out.splitlines() if f" {COUNTY} " in f" {line} "]
    shown = [act for act in ("立案审批表", "行政处罚决定书") for row in rows if act in row]
    assert shown == ["立案审批表"] * 2 + ["行政处罚决定书"] * 2
    answer = json.loads(desk(*asked, "--json").out)["documents"]
    assert len(answer) == 4 and all(row["sha256"] in ended.out for row in answer)
    pytest.importorskip("xlsxwriter")
    pytest.importorskip("typst")
    for ending in ("csv", "xlsx", "pdf"):
        assert desk(*asked, "-o", desk.folder / f"d.{ending}").code == 0
    text = (desk.folder / "d.csv").read_text(encoding="utf-8-sig")
    assert [row[8] for row in csv.reader(io.StringIO(text))][1:] == [
        row["sha256"] for row in answer
    ]
    pages = pages_of((desk.folder / "d.pdf").read_bytes(), desk.folder)
    assert CASE in pages[0] and answer[0]["sha256"] in "".join(pages).replace("\n", "")


def test_with_json_the_answer_is_the_ledger_s_own(desk: Desk) -> None:
    answer = json.loads(desk(*YEAR, "--json").out)
    assert [row["case"] for row in answer["cases"]] == [CASE, OTHER_CASE, EVIL]


def test_a_person_s_doings(desk: Desk) -> None:
    month = ("--from", "2026-03-01", "--to", "2026-03-31")
    ended = desk("person", "--no", "A-2", *month, "--lang", "zh")
    assert ended.code == 0, ended.err
    assert ended.out.count(CASE) == 2
    assert "立案审批表" in ended.out
    assert desk("person", "--no", "A-9", *month).code == 1


def test_the_standing_of_an_agency(desk: Desk) -> None:
    ended = desk("standing", "--day", "2026-03-15", "--lang", "zh")
    assert ended.code == 0, ended.err
    assert "HT-7" in ended.out and "购买行政执法权" in ended.out
    assert f"无一名登记的审核人员：{COUNTY}" in ended.out
    below = desk("standing", "--below", "--json", of="city")
    assert [row["agency"] for row in json.loads(below.out)["reviewers"]] == sorted(
        ["city", COUNTY, ELSEWHERE, "street-01"]
    )


def test_a_case_file_lists_every_statement(desk: Desk) -> None:
    ended = desk("file", "--case", CASE, "--lang", "zh", of=None)
    assert ended.code == 0, ended.err
    lines = [line for line in ended.out.splitlines() if line.startswith("2026-")]
    assert ["立案审批表" in lines[0], "行政处罚决定书" in lines[1], len(lines)] == [True, True, 2]
    assert desk("file", "--case", CASE, "-o", desk.folder / "c.csv", of=None).code == 0
    rows = list(csv.reader(io.StringIO((desk.folder / "c.csv").read_text("utf-8-sig"))))
    assert [row[3] for row in rows] == ["act", "Case filing approval", "Penalty decision"]
    assert rows[0][4:7] == ["agency", "began, as it says", "logged"]
    assert [row[4:6] for row in rows[1:]] == [[COUNTY, "2026-03-02T09:00:00+08:00"]] * 2
    today = datetime.now(CHINA).date().isoformat()
    assert {row[6][:10] for row in rows[1:]} == {today}
    assert desk("file", "--case", CASE, of=None, agency=ELSEWHERE).code == 1


def test_what_is_registered(desk: Desk) -> None:
    ended = desk("registered", "--register", "officer", "-o", desk.folder / "officers.csv")
    assert (ended.code, ended.out) == (0, "")
    text = (desk.folder / "officers.csv").read_text(encoding="utf-8-sig")
    assert [row[0] for row in csv.reader(io.StringIO(text))] == ["subject", "A-1", "A-2"]
    assert "HT-7" in desk("registered", "--register", "service_contract", "--lang", "zh").out


@pytest.mark.parametrize(
    ("args", "limits", "code"),
    [
        (YEAR, {"agency": ELSEWHERE}, 1),
        (("register", "--year", "26"), {}, 1),
        (("register",), {}, 2),
        (("registered", "--register", "mayor"), {}, 2),
        ((*YEAR, "-o", "table.doc"), {}, 1),
        (("person", "--no", "A-2", "--from", "2026-03-01"), {}, 2),
        (("person", "--no", "A/2", "--from", "2026-03-01", "--to", "2026-03-31"), {}, 1),
    ],
)
def test_bad_questions_are_refused(
    desk: Desk, args: tuple[str, ...], limits: dict[str, Any], code: int
) -> None:
    ended = desk(*args, **limits)
    assert (ended.code, ended.out) == (code, "")
