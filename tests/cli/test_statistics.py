"""`tiezheng statistics`: over a real server; then offline, an honest file and dishonest ones."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledger.encoding import format_json, parse_json
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.process.reports.yearly import Shown
from testkit.county import COUNTY, ELSEWHERE, STREET, act, open_county
from testkit.server import CASE, OTHER_CASE, Ledger, serving
from testkit.terminal import Ended, Run


@dataclass
class Desk:
    ledger: Ledger
    address: str
    trust: Path
    folder: Path
    command: Run

    def fetch(
        self, *more: str | Path, of: str = COUNTY, year: str = "2026", **limits: Any
    ) -> Ended:
        token = self.folder / "token"
        token.write_text(self.ledger.token("supervisor", **limits) + "\n")
        usual = ("--agency", of, "--year", year, "--server", self.address, "--token-file", token)
        return self.command("statistics", *usual, *more)

    def check(self, file: Path, *more: str) -> Ended:
        copy = self.ledger.folder / "public"
        # That they were fetched is an entry: until its quorum the copy may show the log's
        # signature alone, and nothing is counted by that.
        self.ledger.await_quorum()
        usual = ("--check", file, "--log", copy, "--trust", self.trust)
        return self.command("statistics", *usual, *more)

    def acts(self) -> list[bytes]:
        file = self.folder / "acts"
        ended = self.fetch("--acts", file)
        assert ended.code == 0, ended.err
        return file.read_bytes().splitlines()

    def judged(self, lines: list[bytes], *more: str) -> Ended:
        file = self.folder / "changed"
        file.write_bytes(b"".join(line + b"\n" for line in lines))
        return self.check(file, *more)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str, Path]]:
    folder = tmp_path_factory.mktemp("year") / "ledger"
    with open_county(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        act(ledger, "penalty_decision", case=OTHER_CASE, facts={"amount": "1000.50"})
        ledger.await_quorum()
        yield ledger, address, ledger.folder / "trust"


@pytest.fixture
def desk(
    served: tuple[Ledger, str, Path], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)
    return Desk(*served, tmp_path, run)


def test_the_numbers_are_those_of_what_was_filed(desk: Desk) -> None:
    ended = desk.fetch("--json")
    assert ended.code == 0, ended.err
    numbers = json.loads(ended.out)
    assert (numbers["acts"], numbers["cases"]) == ("4", "2")
    (ordinary,) = numbers["procedures"]
    counted = {row["act"]: (row["acts"], row["amount"]) for row in ordinary["acts"]}
    assert counted == {"case_filing": ("2", "0.00"), "penalty_decision": ("2", "1500.50")}


def test_they_are_a_table_on_a_screen_and_in_a_file(desk: Desk) -> None:
    shown = desk.fetch("--lang", "zh").out
    (line,) = [line for line in shown.splitlines() if "行政处罚决定书" in line]
    assert "1500.50" in line and "行政处罚普通程序" in line
    file = desk.folder / "2026.csv"
    assert desk.fetch("-o", file).code == 0
    rows = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"))))
    assert [row[3] for row in rows[2:]] == ["2", "2"]


def test_anybody_with_a_copy_of_the_log_counts_them_again(desk: Desk) -> None:
    file = desk.folder / "acts"
    assert desk.fetch("--acts", file).code == 0
    ended = desk.check(file, "--lang", "zh")
    assert ended.code == 0, ended.out + ended.err
    assert "2 案 4 条行为，各项数字一致" in ended.out
    assert not re.search(r"：[a-z]+ [a-z]+", ended.out), "a sentence without its Chinese"
    assert json.loads(desk.check(file, "--json").out)["outcome"] == "passed"


def test_a_case_that_somebody_left_out_is_missed(desk: Desk) -> None:
    first, *acts = desk.acts()
    told = parse_json(first, limit=1 << 20)
    told["numbers"]["acts"], told["numbers"]["cases"] = "2", "1"  # type: ignore[index, call-overload]
    ended = desk.judged([format_json(told), *acts[:2]], "--lang", "zh")
    assert ended.code == 1
    assert "序列中第 3 条行为在日志中，文件中没有" in ended.out
    assert not re.search(r"：[a-z]+ [a-z]+", ended.out), "a sentence without its Chinese"


def test_a_number_that_somebody_changed_is_named(desk: Desk) -> None:
    first, *acts = desk.acts()
    ended = desk.judged([first.replace(b"1500.50", b"2500.50"), *acts], "--lang", "en")
    assert ended.code == 1
    assert "told 2500.50, counted 1500.50" in ended.out


def test_who_may_not_see_an_agency_learns_nothing_of_its_year(desk: Desk) -> None:
    assert desk.fetch(agency=STREET).code == 1
    assert desk.fetch(agency=COUNTY, of=ELSEWHERE).code == 1
    ended = desk.fetch(of="agency-77")
    assert (ended.code, "no agency" in ended.err) == (1, True)
    assert desk.fetch(agency=COUNTY, of=STREET).code == 0


def test_that_the_acts_were_read_is_logged_before_they_are_given(desk: Desk) -> None:
    desk.fetch()
    notes = [said for said in desk.ledger.custody("read") if said.get("note") == "acts of 2026"]
    assert notes[-1]["about"] == f"acts/{COUNTY}"


@pytest.mark.parametrize(
    ("year", "says"), [("2025", "no act of"), ("twenty", "want a year"), ("٢٠٢٦", "want a year")]
)
def test_another_year_is_refused_and_leaves_no_file(desk: Desk, year: str, says: str) -> None:
    file = desk.folder / "acts"
    ended = desk.fetch("--acts", file, year=year)
    assert ended.code == 1 and says in ended.err
    assert not file.exists()


@pytest.mark.parametrize("data", [b"", b"{}\n", b"\n", b"\x00" * 9, b"[" * 100_000])
def test_what_is_no_yearly_file_is_refused(desk: Desk, data: bytes) -> None:
    file = desk.folder / "acts"
    file.write_bytes(data)
    assert desk.check(file).code == 4  # not readable, as its help has it
    assert desk.check(desk.folder / "not-there").code == 4


def test_half_of_the_options_is_wrong_usage(desk: Desk) -> None:
    for options in (
        (),
        ("--check", "x"),
        ("--agency", "a", "--year", "2026"),
        ("--check", "x", "--log", "y", "--trust", "z", "--year", "2026"),
    ):
        assert desk.command("statistics", *options).code == 2


def test_a_file_holds_the_acts_of_its_agency_alone(desk: Desk) -> None:
    shown = [Shown.from_bytes(line).envelope for line in desk.acts()[1:]]
    said = [Statement.from_bytes(Envelope.from_bytes(envelope).payload) for envelope in shown]
    assert {(one.agency, one.case) for one in said} == {(COUNTY, CASE), (COUNTY, OTHER_CASE)}
