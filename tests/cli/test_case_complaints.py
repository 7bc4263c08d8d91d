"""The bulletin of complaints, from a real server: a screen, JSON, and each kind of file."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from testkit.complaints import complain, days_ago
from testkit.county import COUNTY, STREET, STREET_HANDLER, act, open_county
from testkit.server import CASE, Ledger, serving
from testkit.terminal import Ended, Run

NOW = datetime.now(timezone(timedelta(hours=8)))
MONTH = f"{NOW:%Y-%m}"


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
        return self.command("case", "complaints", "--span", MONTH, *usual, *more)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    folder = tmp_path_factory.mktemp("complaints") / "ledger"
    with open_county(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        accepted = {"complaint": complain(ledger, 90)}
        act(ledger, "complaint_acceptance", facts=accepted, occurred=days_ago(89))
        complain(ledger, 90, case=CASE)
        complain(ledger)
        complain(ledger, 90, by=STREET_HANDLER, agency=STREET)
        yield ledger, address


@pytest.fixture
def desk(served: tuple[Ledger, str], tmp_path: Path, run: Run) -> Desk:
    return Desk(*served, tmp_path, run)


def test_a_line_for_each_agency_below(desk: Desk) -> None:
    ended = desk("--below", "--lang", "zh")
    assert ended.code == 0, ended.err
    assert f"投诉举报情况通报（{NOW:%Y} 年 {NOW.month} 月）" in ended.out
    lines = {line.split()[0]: line.split()[1:] for line in ended.out.splitlines() if line}
    # Received, decided in time, late, waiting, overdue.
    assert lines[COUNTY][:5] == ["3", "1", "0", "1", "1"]
    assert lines[STREET][:5] == ["1", "0", "0", "0", "1"]
    assert "收到：4" in ended.out and "逾期：2" in ended.out


def test_a_line_for_each_complaint(desk: Desk) -> None:
    ended = desk("--each", "--lang", "zh")
    assert ended.code == 0, ended.err
    rows = [line for line in ended.out.splitlines() if f" {COUNTY} " in f" {line} "]
    accepted, overdue, waiting = rows[-3:]
    assert "按期完成，补录" in accepted and "投诉受理决定" in accepted
    assert "逾期" in overdue and CASE in overdue and "进行中" in waiting


def test_as_json_and_in_files(desk: Desk) -> None:
    ended = desk("--json")
    assert ended.code == 0, ended.err
    (line,) = json.loads(ended.out)["bulletin"]
    assert (line["received"], line["on_their_word"]) == ("3", "1")
    pytest.importorskip("xlsxwriter")
    pytest.importorskip("typst")
    for ending in ("csv", "xlsx", "pdf"):
        ended = desk("-o", desk.folder / f"b.{ending}")
        assert ended.code == 0, ended.err
    (head, row) = csv.reader(io.StringIO((desk.folder / "b.csv").read_text("utf-8-sig")))
    assert dict(zip(head, row, strict=True))["received"] == "3"
    assert (desk.folder / "b.xlsx").read_bytes().startswith(b"PK")
    assert (desk.folder / "b.pdf").read_bytes().startswith(b"%PDF")


def test_no_other_agency_is_told(desk: Desk) -> None:
    ended = desk(agency="county-02")
    assert (ended.code, ended.out) == (1, "")
