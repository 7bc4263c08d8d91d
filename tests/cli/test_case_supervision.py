"""`tiezheng case supervision`: on a screen, as JSON and as files, in both languages."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ledger.encoding import CHINA
from ledger.evidence.statement import Role
from testkit.county import COUNTY, ELSEWHERE, act, open_county
from testkit.keys import key
from testkit.server import Ledger, register, serving
from testkit.terminal import Ended, Run

CITY_HANDLER = key("inspector.city.example")
INSPECTION = "苏督〔2026〕3号"
SOON = (datetime.now(CHINA).date() + timedelta(30)).isoformat()


@dataclass
class Desk:
    ledger: Ledger
    address: str
    folder: Path
    command: Run

    def __call__(self, *more: str | Path, of: str = COUNTY, as_: str = COUNTY) -> Ended:
        token = self.folder / "token"
        token.write_text(self.ledger.token("handler", agency=as_) + "\n")
        usual = ("--agency", of, "--server", self.address, "--token-file", token)
        return self.command("case", "supervision", *usual, *more)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    folder = tmp_path_factory.mktemp("supervision") / "ledger"
    with open_county(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        ledger.accept(register(CITY_HANDLER, Role.HANDLER, "city"))
        steps = {
            "supervision_plan": {"scope": "机密方案", "unannounced": "yes"},
            "supervision_finding": {"inspected": COUNTY, "what": "未亮证"},
            "rectification_demand": {
                "inspected": COUNTY,
                "what": "=cmd|' /C calc'!A0\n第二行",
                "until": SOON,
            },
        }
        for name, facts in steps.items():
            act(
                *(ledger, name),
                by=CITY_HANDLER,
                agency="city",
                case=INSPECTION,
                procedure="supervision",
                facts=facts,
            )
        yield ledger, address


@pytest.fixture
def desk(served: tuple[Ledger, str], tmp_path: Path, run: Run) -> Desk:
    return Desk(*served, tmp_path, run)


def test_the_screen_has_the_inspection_and_its_terms_in_both_languages(desk: Desk) -> None:
    out = desk().out
    assert INSPECTION in out and "Rectify, and report it" in out and SOON in out
    chinese = desk("--lang", "zh").out
    assert "整改并提交报告" in chinese and "被督察机关" in chinese and "期限内" in chinese
    assert "机密方案" not in out + chinese


def test_what_was_typed_writes_no_line_of_its_own(desk: Desk) -> None:
    assert not [line for line in desk().out.splitlines() if line.startswith("第二行")]


def test_json_is_the_ledgers_answer(desk: Desk) -> None:
    answer = json.loads(desk("--json").out)
    assert [row["inspection"] for row in answer["inspections"]] == [INSPECTION]
    assert [(row["state"], row["until"]) for row in answer["terms"]] == [("running", SOON)]


@pytest.mark.parametrize("ending", ["csv", "xlsx", "pdf"])
def test_it_is_written_as_a_file(desk: Desk, ending: str) -> None:
    target = desk.folder / f"督察.{ending}"
    ended = desk("-o", target)
    assert ended.code == 0, ended.err
    assert target.stat().st_size > 100
    if ending == "csv":
        assert INSPECTION in target.read_text("utf-8-sig")


def test_with_those_below_who_inspects_sees_it_once(desk: Desk) -> None:
    found = json.loads(desk("--below", "--json", of="city", as_="city").out)["inspections"]
    assert [(row["inspected"], row["acts"]) for row in found] == [(COUNTY, "3")]


def test_of_an_agency_that_is_not_his_he_is_told_that_it_is_not_there(desk: Desk) -> None:
    ended = desk(as_=ELSEWHERE)
    assert (ended.code, ended.out) == (1, "") and "no agency" in ended.err


def test_what_is_due_has_it_too(desk: Desk) -> None:
    token = desk.folder / "token"
    token.write_text(desk.ledger.token("handler", agency=COUNTY) + "\n")
    ended = desk.command(
        *("case", "due", "--agency", COUNTY, "--clock", "rectification"),
        *("--server", desk.address, "--token-file", token),
    )
    assert ended.code == 0 and INSPECTION in ended.out and SOON in ended.out
