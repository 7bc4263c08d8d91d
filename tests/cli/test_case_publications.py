"""The publication of decisions at an agency, from a real server: rows, a screen, a file."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testkit.county import COUNTY, ELSEWHERE, STREET, STREET_HANDLER, act, open_county
from testkit.server import CASE, Ledger, serving
from testkit.terminal import Ended, Run

TIMELY, LATE, OVERTURNED, STREETS = (
    "苏城管罚〔2026〕811号",
    "苏城管罚〔2026〕812号",
    "苏城管罚〔2026〕813号",
    "苏街罚〔2026〕9号",
)


def on(day: str) -> dict[str, Any]:
    moment = f"{day}T10:00:00+08:00"
    return {"occurred": {"from": moment, "to": moment}}


@dataclass
class Desk:
    ledger: Ledger
    address: str
    folder: Path
    command: Run

    def __call__(self, *more: str | Path, of: str = COUNTY, **limits: Any) -> Ended:
        token = self.folder / "token"
        token.write_text(self.ledger.token("supervisor", **limits) + "\n")
        usual = ("--agency", of, "--server", self.address, "--token-file", token)
        return self.command("case", "publications", *usual, *more)

    def rows(self, *more: str) -> dict[str, dict[str, str]]:
        ended = self("--json", *more)
        assert ended.code == 0, ended.err
        return {row["case"]: row for row in json.loads(ended.out)["publications"]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    folder = tmp_path_factory.mktemp("publications") / "ledger"
    with open_county(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        for case, published in (
            (TIMELY, "2026-03-10"),
            (LATE, "2026-05-06"),
            (OVERTURNED, "2026-03-10"),
        ):
            act(ledger, "penalty_decision", case=case, stage="decide", **on("2026-03-02"))
            act(ledger, "publication", case=case, facts={"term": "3_years"}, **on(published))
        act(ledger, "decision_overturned", case=OVERTURNED, **on("2026-06-01"))
        act(ledger, "publication_withdrawal", case=OVERTURNED, **on("2026-06-08"))
        street = {"by": STREET_HANDLER, "agency": STREET, "case": STREETS}
        impact = {"social_impact": "yes"}
        act(ledger, "penalty_decision", stage="decide", facts=impact, **street, **on("2026-03-02"))
        yield ledger, address


@pytest.fixture
def desk(served: tuple[Ledger, str], tmp_path: Path, run: Run) -> Desk:
    return Desk(*served, tmp_path, run)


def test_each_decision_has_its_line(desk: Desk) -> None:
    rows = desk.rows()
    assert set(rows) == {CASE, TIMELY, LATE, OVERTURNED}
    timely, late = rows[TIMELY], rows[LATE]
    # Twenty working days by weekends alone: four weeks to the day.
    assert (timely["publish_by"], timely["publish_state"]) == ("2026-03-30", "met")
    assert (timely["decided"], timely["publish_done"]) == ("2026-03-02", "2026-03-10")
    assert (late["publish_state"], late["late"], late["overdue"]) == ("late", "yes", "no")
    assert timely["end_by"] == "2029-03-10"


def test_what_was_overturned_was_withdrawn_too_late(desk: Desk) -> None:
    row = desk.rows()[OVERTURNED]
    assert (row["withdraw_by"], row["withdraw_done"]) == ("2026-06-04", "2026-06-08")
    assert (row["withdraw_state"], row["late"]) == ("late", "yes")


def test_what_was_never_published_stands_first(desk: Desk) -> None:
    first = next(iter(desk.rows("--below").values()))
    assert (first["case"], first["overdue"], first["publish_done"]) == (CASE, "yes", "")
    assert set(desk.rows("--below")) == {CASE, TIMELY, LATE, OVERTURNED, STREETS}


def test_on_a_screen_and_in_a_file(desk: Desk) -> None:
    ended = desk("--lang", "zh")
    assert ended.code == 0, ended.err
    (line,) = [line for line in ended.out.splitlines() if line.startswith(LATE)]
    assert "逾期完成" in line and "2026-05-06" in line
    assert line.rpartition("2029-05-06")[2].split()[0] == "进行中"  # its end is not yet due
    assert "逾期：1" in ended.out
    assert desk("-o", desk.folder / "p.csv").code == 0
    text = (desk.folder / "p.csv").read_text("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(text)))) == 5


def test_another_agency_s_are_not_there(desk: Desk) -> None:
    ended = desk(agency=ELSEWHERE)
    assert (ended.code, ended.out) == (1, "")
