"""What went well at an agency, from a real server: rows, a screen, a file."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.views import own_cases
from ledger.encoding import CHINA, in_china
from testkit.case import uuid7
from testkit.county import COUNTY, ELSEWHERE, STREET, STREET_HANDLER, act, open_county, signed
from testkit.registers import listed
from testkit.rulepacks import SMALL
from testkit.server import HANDLER, Ledger, serving
from testkit.terminal import Ended, Run

WHOLE, LACKS, LATE, STREETS = (
    "苏城管罚〔2026〕821号",
    "苏城管罚〔2026〕822号",
    "苏城管罚〔2026〕823号",
    "苏街罚〔2026〕8号",
)


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
        return self.command("case", "merits", *usual, *more)

    def rows(self, *more: str, year: str = "2026", of: str = COUNTY) -> dict[str, dict[str, str]]:
        ended = self("--json", "--year", year, *more, of=of)
        assert ended.code == 0, ended.err
        return {row["agency"]: row for row in json.loads(ended.out)["merits"]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, str]]:
    folder = tmp_path_factory.mktemp("merits") / "ledger"
    with open_county(folder) as ledger, serving(ledger.http.app) as address:  # type: ignore[arg-type]
        ledger.accept(signed(listed("rule_pack", "small", SMALL, agency=COUNTY)))
        now = in_china(ledger.services.clock.now_ms()).astimezone(CHINA).isoformat("T", "seconds")
        today = {"occurred": {"from": now, "to": now}, "procedure": "small"}
        act(ledger, "filing", case=WHOLE, stage="start", **today)
        act(ledger, "filing", case=LACKS, stage="start", **today)
        act(ledger, "juggling", case=LACKS, stage="start", **today)
        act(ledger, "filing", case=LATE, stage="start", procedure="small")
        street = {"by": STREET_HANDLER, "agency": STREET, "case": STREETS}
        act(ledger, "filing", stage="start", **street, **today)
        yield ledger, address


@pytest.fixture
def desk(served: tuple[Ledger, str], tmp_path: Path, run: Run) -> Desk:
    return Desk(*served, tmp_path, run)


def test_what_was_in_time_and_whole_is_counted(desk: Desk) -> None:
    # Two cases of the county were opened under no pack, with three acts of long ago.
    (row,) = desk.rows().values()
    assert row == {
        "agency": COUNTY,
        "cases": "5",
        "conduct": "0",
        "guidance": "0",
        "in_time": "3",
        "in_time_percent": "42.8",
        "judged": "3",
        "procedure": "2",
        "subject": "0",
        "uploads": "7",
        "warning_talk": "0",
        "whole": "1",
        "whole_percent": "33.3",
    }


def test_guidance_and_talks_of_warning_are_counted_for_who_gave_them(tmp_path: Path) -> None:
    with open_county(tmp_path / "ledger") as made:
        act(made, "guidance", stage="start")
        act(made, "guidance", stage="start", case=None, provisional=uuid7(77))
        act(made, "warning_talk", stage="start")
        act(made, "guidance", by=STREET_HANDLER, agency=STREET, case=STREETS)
        path = f"/v1/agencies/{COUNTY}/merits?year={{}}&below=yes"
        bearer = made.bearer("supervisor")
        counted = {
            year: {
                row["agency"]: (row["guidance"], row["warning_talk"])
                for row in made.http.get(path.format(year), headers=bearer).json()["merits"]
            }
            for year in ("2026", "2025")
        }
    assert counted["2026"] == {COUNTY: ("2", "1"), STREET: ("1", "0")}
    assert counted["2025"] == {COUNTY: ("0", "0"), STREET: ("0", "0")}


def test_each_agency_below_has_its_line(desk: Desk) -> None:
    rows = desk.rows("--below", of="city")
    assert set(rows) == {"city", COUNTY, STREET, ELSEWHERE}
    assert rows["city"]["cases"] == "0" and rows["city"]["whole_percent"] == ""
    assert (rows[STREET]["judged"], rows[STREET]["whole_percent"]) == ("1", "100.0")


def test_of_a_year_without_acts_there_is_no_share(desk: Desk) -> None:
    (row,) = desk.rows(year="2025").values()
    assert (row["cases"], row["in_time_percent"], row["whole_percent"]) == ("0", "", "")
    assert desk("--year", "26").code == 1


def test_on_a_screen_and_in_a_file(desk: Desk) -> None:
    ended = desk("--year", "2026", "--lang", "zh")
    assert ended.code == 0, ended.err
    assert "零缺项率" in ended.out and "33.3" in ended.out
    assert desk("--year", "2026", "-o", desk.folder / "m.csv").code == 0
    text = (desk.folder / "m.csv").read_text("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(text)))) == 2


def test_a_case_that_got_its_number_by_its_evidence_is_judged_whole(tmp_path: Path) -> None:
    """As one that got it in the next year: its acts of this one do not stand alone."""
    slot = uuid7(1)
    with open_county(tmp_path / "ledger") as ledger:
        act(ledger, "source", case=None, provisional=slot)
        assert slot in own_cases(ledger.services, COUNTY, "2026")
        given = {"agency": COUNTY, "by": HANDLER, "case": WHOLE, "provisional": slot}
        ledger.accept(ledger.evidence(b"photo", **given))
        cases = own_cases(ledger.services, COUNTY, "2026")
        assert WHOLE in cases and slot not in cases


def test_another_agency_s_are_not_there(desk: Desk) -> None:
    ended = desk("--year", "2026", agency=ELSEWHERE)
    assert (ended.code, ended.out) == (1, "")


def test_each_look_is_logged(desk: Desk) -> None:
    desk.rows()
    (*_, said) = [one for one in desk.ledger.custody("read") if "merits" in one.get("note", "")]
    assert said["about"] == f"acts/{COUNTY}"
