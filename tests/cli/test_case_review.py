"""`tiezheng case-review`: fixed, drawn, drawn again by hand; what was changed shows."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from cli.score_sheet import _missed, _told
from ledger.process.reports.drawing import Opened, ReviewList, make_list
from ledger.tlog.receipt import Receipt
from testkit.county import (
    COUNTY,
    ELSEWHERE,
    ELSEWHERE_CASE,
    STREET,
    STREET_CASE,
    STREET_HANDLER,
    act,
    open_county,
    open_provisional,
    signed,
)
from testkit.pdf import pages_of
from testkit.registers import listed
from testkit.server import CASE, HANDLER, OTHER_CASE, Ledger, await_that, serving
from testkit.terminal import Ended, Run
from testkit.workbook import sheet

PAGE = Path(__file__).parents[2] / "docs" / "case-review.md"
PACK = (PAGE.parents[1] / "ledger" / "process" / "packs" / "ordinary.toml").read_text("utf-8")
NOW = {"from": "2026-03-02T09:00:00+08:00", "to": "2026-03-02T10:00:00+08:00"}
CASES = [CASE, OTHER_CASE, *(f"苏城管罚〔2026〕{n}号" for n in range(500, 508))]


@dataclass
class Desk:
    """`review` is the folder; `listing` are the options of `list` but for the sample."""

    ledger: Ledger
    address: str
    review: Path
    listing: tuple[str | Path, ...]
    usual: tuple[str | Path, ...]
    trust: Path
    run: Run

    def list_(self, folder: Path | None = None, sample: str = "3") -> Ended:
        indexed = self.ledger.services.catalog.indexed_to
        await_that(lambda: indexed() == self.ledger.services.log.number, "the catalog")
        where = self.review if folder is None else folder
        return self.run("case-review", "list", where, "--sample", sample, *self.listing, "--json")

    def receipt(self, id_: str, folder: Path | None = None) -> None:
        self.ledger.await_quorum()
        where = self.review if folder is None else folder
        asked = ("--server", self.address, "--wait", "10", "-o", where / "list.tlog-proof")
        assert self.run("receipt", id_, *asked).code == 0

    def draw(self, folder: Path | None = None) -> Ended:
        where = self.review if folder is None else folder
        return self.run("case-review", "draw", where, "--trust", self.trust, "--json")

    def compare(self) -> Ended:
        indexed = self.ledger.services.catalog.indexed_to
        await_that(lambda: indexed() == self.ledger.services.log.number, "the catalog")
        trust = ("--trust", self.trust)
        return self.run("case-review", "compare", self.review, *trust, *self.usual, "--json")

    def acts(self, of: str = COUNTY, name: str = "acts") -> Path:
        """All acts of the year, as the ledger gives them now."""
        self.ledger.await_quorum()
        file = self.review.parent / name
        asked = ("--agency", of, "--year", "2026", "--acts", file, *self.usual)
        ended = self.run("statistics", *asked)
        assert ended.code == 0, ended.err
        return file

    def prove(self, acts: Path, *more: str | Path) -> Ended:
        copy = self.ledger.folder / "public"
        asked = ("--trust", self.trust, "--acts", acts, "--log", copy)
        return self.run("case-review", "compare", self.review, *asked, *more)


@pytest.fixture(autouse=True)
def short_lookahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


@pytest.fixture
def desk(tmp_path: Path, run: Run) -> Iterator[Desk]:
    with open_county(tmp_path / "ledger") as ledger, serving(ledger.http.app) as url:  # type: ignore[arg-type]
        # Before the cases that it judges; the first two were opened without any pack.
        ledger.accept(signed(listed("rule_pack", "ordinary", PACK, agency=COUNTY)))
        for case in CASES[2:]:
            act(ledger, "case_filing", stage="start", case=case)
        token, key, secret = (tmp_path / name for name in ("token", "handler.key", "secret"))
        token.write_text(ledger.token("supervisor", agency=COUNTY))
        key.write_text(HANDLER.to_text())
        made = run("case-review", "secret", secret)
        usual = ("--server", url, "--token-file", token)
        listing = (
            *("--agency", COUNTY, "--year", "2026", "--reviewer", made.out.strip()),
            *("--key", key, *usual),
        )
        yield Desk(ledger, url, tmp_path / "review", listing, usual, ledger.folder / "trust", run)


@pytest.fixture
def drawn(desk: Desk) -> Desk:
    """Listed, with its receipt, and the secret shown."""
    listed = desk.list_()
    assert listed.code == 0, listed.err
    desk.receipt(json.loads(listed.out)["id"])
    shutil.copy(desk.review.parent / "secret", desk.review / "secret")
    return desk


def shell(review: Path) -> list[str]:
    """What the page's own script prints."""
    (script,) = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return subprocess.run(
        ["/bin/bash", "-eu", "-c", script],
        cwd=review,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.splitlines()


def test_three_of_ten_are_drawn_and_a_shell_draws_the_same(drawn: Desk) -> None:
    ended = drawn.draw()
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["cases"] == "10"
    assert len({row["case"] for row in told["drawn"]} & set(CASES)) == 3
    by_hand = shell(drawn.review)
    assert by_hand[:4] == ["OK"] * 4
    assert [line.split()[1] for line in by_hand[4:]] == [row["place"] for row in told["drawn"]]
    # Without the openings the same places are told by their commitments.
    (drawn.review / "openings").unlink()
    names = [row["case"] for row in json.loads(drawn.draw().out)["drawn"]]
    assert names == [line.split()[2] for line in by_hand[4:]]


def test_the_list_is_the_register_of_that_moment(drawn: Desk) -> None:
    assert drawn.compare().code == 0
    act(drawn.ledger, "case_filing", stage="start", case="苏城管罚〔2026〕900号")
    assert json.loads(drawn.compare().out) == {"elsewhere": [], "left_out": [], "unknown": []}


def test_who_makes_the_list_is_told_what_the_folder_still_needs(desk: Desk) -> None:
    indexed = desk.ledger.services.catalog.indexed_to
    await_that(lambda: indexed() == desk.ledger.services.log.number, "the catalog")
    args = ("case-review", "list", desk.review, "--sample", "3", *desk.listing, "--lang", "zh")
    ended = desk.run(*args)
    id_ = ended.out.split()[1]
    assert f"下一步：tiezheng receipt {id_} -o {desk.review / 'list.tlog-proof'}" in ended.err


def test_a_case_that_got_its_number_after_the_list_was_not_left_out(desk: Desk) -> None:
    slot = open_provisional(desk.ledger)
    desk.receipt(json.loads(desk.list_().out)["id"])
    assert json.loads(desk.compare().out) == {"elsewhere": [], "left_out": [], "unknown": []}
    late = {"case": "苏城管罚〔2026〕901号", "provisional": slot}
    act(desk.ledger, "case_filing", stage="start", **late)
    assert json.loads(desk.compare().out) == {"elsewhere": [], "left_out": [], "unknown": []}


def test_a_case_that_was_left_out_or_made_up_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(*given: object) -> tuple[ReviewList, bytes]:
        *head, cases = given
        assert isinstance(cases, list)
        made_up = Opened(bytes(32), "苏城管罚〔2026〕1号")
        fewer = [opened for opened in cases if opened.case != OTHER_CASE]
        return make_list(*head, [*fewer, made_up])  # type: ignore[arg-type]

    monkeypatch.setattr("cli.case_review.make_list", other)
    desk.receipt(json.loads(desk.list_().out)["id"])
    ended = desk.compare()
    assert ended.code == 1
    told = {"elsewhere": [], "left_out": [OTHER_CASE], "unknown": ["苏城管罚〔2026〕1号"]}
    assert json.loads(ended.out) == told
    # Without the ledger's word the same.
    ended = desk.prove(desk.acts(), "--json")
    assert (ended.code, json.loads(ended.out)) == (1, {**told, "acts": "passed"})


def test_all_cases_of_the_year_s_acts_are_in_the_list_or_came_later(drawn: Desk) -> None:
    assert drawn.prove(drawn.acts()).code == 0
    act(drawn.ledger, "case_filing", stage="start", case="苏城管罚〔2026〕900号")
    acts = drawn.acts()
    ended = drawn.prove(acts, "--json")
    assert (ended.code, json.loads(ended.out)["left_out"]) == (0, [])
    # A ledger that leaves a case out of what it tells is found out, and so is one that is behind.
    lines = acts.read_bytes().splitlines(keepends=True)
    acts.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    ended = drawn.prove(acts, "--lang", "zh")
    assert ended.code == 1
    assert "不符" in ended.out
    # What the file lacks is no fault of the list.
    assert "不属该年度" not in ended.out and "漏列" not in ended.out
    acts = drawn.acts()
    act(drawn.ledger, "case_filing", stage="start", case="苏城管罚〔2026〕901号")
    # The copy of the log has it a moment after the log.
    await_that(lambda: drawn.prove(acts).code == 3, "the copy")


def test_another_agency_s_case_is_in_no_list_and_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The street has acted in a case of another county's as well."""
    act(desk.ledger, "inquiry_record", by=STREET_HANDLER, agency=STREET, case=ELSEWHERE_CASE)
    key = desk.review.parent / "street.key"
    key.write_text(STREET_HANDLER.to_text())
    digest = desk.listing[desk.listing.index("--reviewer") + 1]
    desk.listing = (
        *("--agency", STREET, "--year", "2026", "--reviewer", digest, "--key", key),
        *desk.usual,
    )
    desk.receipt(json.loads(desk.list_(sample="1").out)["id"])
    _, opened = (desk.review / "openings").read_text(encoding="utf-8").split()
    assert opened == STREET_CASE
    told = {
        "elsewhere": [{"case": ELSEWHERE_CASE, "owner": ELSEWHERE}],
        "left_out": [],
        "unknown": [],
    }
    ended = desk.compare()
    assert (ended.code, json.loads(ended.out)) == (3, told), "it could stand in neither list"
    # The agency's own acts do not show whose it is: with the ledger's word, which is only that.
    acts = desk.acts(of=STREET)
    ended = desk.prove(acts, *desk.usual, "--json")
    assert (ended.code, json.loads(ended.out)) == (3, told | {"acts": "passed"})
    ended = desk.prove(acts, *desk.usual, "--lang", "zh")
    assert f"据账本所答属其他机关：{ELSEWHERE_CASE}（{ELSEWHERE}）" in ended.out
    ended = desk.prove(acts, "--json")
    assert (ended.code, json.loads(ended.out)["left_out"]) == (1, [ELSEWHERE_CASE])

    # A list that is padded with it is told.
    def padded(*given: object) -> tuple[ReviewList, bytes]:
        *head, cases = given
        assert isinstance(cases, list)
        return make_list(*head, [*cases, Opened(bytes(32), ELSEWHERE_CASE)])  # type: ignore[arg-type]

    monkeypatch.setattr("cli.case_review.make_list", padded)
    desk.review = desk.review.parent / "padded"
    desk.receipt(json.loads(desk.list_(sample="1").out)["id"])
    for ended in (desk.compare(), desk.prove(desk.acts(of=STREET), *desk.usual, "--json")):
        found = json.loads(ended.out)
        assert (ended.code, found["unknown"], found["elsewhere"]) == (1, [ELSEWHERE_CASE], [])


def test_acts_of_before_the_list_or_of_another_agency_show_nothing(desk: Desk) -> None:
    early = desk.acts()
    desk.receipt(json.loads(desk.list_().out)["id"])
    ended = desk.prove(early)
    assert ended.code == 1 and "before the list was fixed" in ended.err
    ended = desk.prove(desk.acts(of=STREET, name="other"))
    assert ended.code == 1 and "want the acts of" in ended.err
    asked = ("case-review", "compare", desk.review, "--trust", desk.trust)
    assert desk.run(*asked).code == 2
    assert desk.run(*asked, "--acts", early).code == 2


@pytest.mark.parametrize("change", ["withdraw", "add", "sample", "statement", "salt", "secret"])
def test_what_is_changed_afterwards_shows(drawn: Desk, change: str) -> None:
    review = drawn.review
    lines = (review / "list").read_text().splitlines(keepends=True)
    match change:
        case "withdraw":
            lines[5] = "cases 9\n"
            (review / "list").write_text("".join([*lines[:8], *lines[9:]]))
        case "add":
            lines[5] = "cases 11\n"
            (review / "list").write_text("".join([*lines, "ff" * 32 + "\n"]))
        case "sample":
            lines[4] = "sample 4\n"
            (review / "list").write_text("".join(lines))
        case "statement":
            # Another list, fixed later: its statement is not the one of this receipt.
            other = review.parent / "other"
            assert drawn.list_(other).code == 0
            for name in ("list", "openings", "statement.dsse.json"):
                shutil.copy(other / name, review / name)
        case "salt":
            (review / "salt").write_bytes(bytes(32))
        case "secret":
            (review / "secret").write_text("00" * 32 + "\n")
    ended = drawn.draw()
    assert ended.code == 1, ended.out


@pytest.mark.parametrize(
    "name",
    ["list", "statement.dsse.json", "entry", "list.tlog-proof", "secret", "openings"],
)
def test_of_seven_files_the_one_that_cannot_be_read_is_named(drawn: Desk, name: str) -> None:
    (drawn.review / name).write_text("x\n")
    shown = f"{drawn.review / name}"
    ended = drawn.run("case-review", "draw", drawn.review, "--trust", drawn.trust, "--lang", "zh")
    assert (ended.code, shown in ended.err) == (1, True), ended.err
    if name != "secret":
        assert f"{shown}: " in drawn.compare().err


def test_a_receipt_over_a_later_checkpoint_draws_the_same(drawn: Desk) -> None:
    first, by_hand = json.loads(drawn.draw().out), shell(drawn.review)
    for n in range(900, 903):
        act(drawn.ledger, "case_filing", stage="start", case=f"苏城管罚〔2026〕{n}号")
    drawn.ledger.await_quorum()
    log = drawn.ledger.services.log
    receipt = Receipt.from_bytes((drawn.review / "list.tlog-proof").read_bytes())
    note = log.first_note(log.size)
    assert note is not None
    later = log.receipt(receipt.index, note).to_bytes()
    assert later != receipt.to_bytes()
    (drawn.review / "list.tlog-proof").write_bytes(later)
    assert json.loads(drawn.draw().out) | {"quorum_time": first["quorum_time"]} == first
    assert shell(drawn.review) == by_hand


@pytest.mark.parametrize("change", ["index", "note"])
def test_a_list_is_compared_as_of_its_checked_place_and_no_other(drawn: Desk, change: str) -> None:
    """A receipt that says the list stood earlier would hide the cases that lack in it."""
    receipt = Receipt.from_bytes((drawn.review / "list.tlog-proof").read_bytes())
    forged = {
        "index": replace(receipt, index=1),
        "note": replace(receipt, note=receipt.note.replace("/2026\n", "/2025\n", 1)),
    }[change]
    (drawn.review / "list.tlog-proof").write_bytes(forged.to_bytes())
    assert drawn.compare().code == 1
    assert "left_out" not in drawn.compare().out


def test_a_second_list_draws_another_sample_and_has_a_number(drawn: Desk) -> None:
    first = json.loads(drawn.draw().out)
    other = drawn.review.parent / "other"
    answer = json.loads(drawn.list_(other).out)
    drawn.receipt(answer["id"], other)
    shutil.copy(drawn.review / "secret", other / "secret")
    second = json.loads(drawn.draw(other).out)
    assert second["seed"] != first["seed"]
    assert len(drawn.ledger.services.log.places(f"2026/open/{COUNTY}")) == 2


def test_a_list_that_was_made_is_filed_again_and_not_made_anew(desk: Desk) -> None:
    first = json.loads(desk.list_().out)
    made = (desk.review / "list").read_bytes()
    (desk.review / "salt").unlink()
    act(desk.ledger, "case_filing", stage="start", case="苏城管罚〔2026〕900号")
    assert json.loads(desk.list_().out) == first
    assert (desk.review / "list").read_bytes() == made
    assert len((desk.review / "salt").read_bytes()) == 32
    assert desk.list_(sample="4").code == 1  # that is another review


def test_before_a_quorum_nothing_is_drawn(desk: Desk) -> None:
    for office in desk.ledger.offices:
        office.away = True
    id_ = json.loads(desk.list_().out)["id"]
    asked = ("--server", desk.address, "-o", desk.review / "list.tlog-proof")
    await_that(lambda: desk.run("receipt", id_, *asked).code == 3, "an answer")
    shutil.copy(desk.review.parent / "secret", desk.review / "secret")
    assert desk.draw().code == 3


def test_the_score_sheet_is_filled_by_what_the_checker_finds_and_no_further(drawn: Desk) -> None:
    file = drawn.review.parent / "评分表.csv"
    asked = ("--trust", drawn.trust, *drawn.usual, "-o", file, "--json")
    ended = drawn.run("case-review", "sheet", drawn.review, *asked)
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert int(told["filled_percent"]) >= 60
    sample = [row["case"] for row in json.loads(drawn.draw().out)["drawn"]]
    assert [row["case"] for row in told["cases"]] == sample
    for row in told["cases"]:
        found = {item["id"]: item for item in row["items"]}
        judged = row["case"] not in (CASE, OTHER_CASE)
        filled = [item for item in row["items"] if item["score"]]
        assert (len(filled) >= 0.6 * len(found)) == judged
        assert found["facts_clear"]["score"] == ""
        if judged:
            # Nothing but a filing is logged of it: what the gaps say is what takes points off.
            gaps = json.loads(drawn.run("case", "gaps", row["case"], *drawn.usual, "--json").out)[
                "gaps"
            ]
            rules = [gap["rule"] for gap in gaps if gap["due"]]
            assert rules
            # Filed in March, and ninety days later not decided: the gap says it, no clock again.
            assert "penalty_decision" in rules
            off = sorted(rule for item in row["items"] for rule in item["rules"])
            assert off == sorted(rules)
            assert "decision" not in found["timeliness"]["rules"]
    rows = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"))))
    # In English: no cell but a case's number and its remarks has a word of Chinese.
    assert all(cell.isascii() for row in rows[1:] for cell in row[1:5])
    totals = [row for row in rows if row[4] == "" and row[0] in sample]
    assert len(rows) == 1 + 3 * 14 + len(totals)
    assert {row[0] for row in totals} == set(sample) - {CASE, OTHER_CASE}
    for case, _, points, score, *_ in totals:
        filled = [row for row in rows if row[0] == case and row[4] == "program"]
        assert int(points) == sum(int(row[2]) for row in filled)
        assert Decimal(score) == sum(Decimal(row[3]) for row in filled) < int(points)


def test_the_score_sheet_is_a_workbook_and_a_page_as_well(drawn: Desk) -> None:
    """Six of ten items of a judged case are filled by the program, counted on the sheet itself."""
    sample = [row["case"] for row in json.loads(drawn.draw().out)["drawn"]]
    judged = [case for case in sample if case not in (CASE, OTHER_CASE)]
    files = [drawn.review.parent / f"评分表{ending}" for ending in (".xlsx", ".pdf")]
    for file in files:
        asked = ("--trust", drawn.trust, *drawn.usual, "-o", file, "--lang", "zh")
        ended = drawn.run("case-review", "sheet", drawn.review, *asked)
        assert ended.code == 0, ended.err
    _, rows = sheet(files[0].read_bytes())
    items = [row for row in rows if row[0] in sample and "程序填写部分小计" not in row]
    assert len(items) == 3 * 14
    assert {row[0] for row in items} == set(sample)
    for case in judged:
        filled = [row[4] for row in items if row[0] == case].count("程序")
        assert filled >= 0.6 * 14
    text = "".join(pages_of(files[1].read_bytes(), drawn.review.parent))
    assert all(text.count(case) == 14 + (case in judged) for case in sample)
    assert text.count("评查人") >= 5 * 3


def test_without_openings_or_with_a_faulty_table_there_is_no_sheet(drawn: Desk) -> None:
    asked = ("--trust", drawn.trust, *drawn.usual)
    table = drawn.review.parent / "items.toml"
    table.write_text("version = '1'\n")
    assert drawn.run("case-review", "sheet", drawn.review, *asked, "--items", table).code == 1
    (drawn.review / "openings").unlink()
    assert drawn.run("case-review", "sheet", drawn.review, *asked).code == 1


def test_a_secret_takes_no_files_place(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    assert run("case-review", "secret", file).code == 0
    before = file.read_bytes()
    assert run("case-review", "secret", file).code == 1
    assert file.read_bytes() == before


def test_on_the_sheet_what_takes_points_off_is_called_by_its_name(drawn: Desk) -> None:
    sheet = drawn.review.parent / "评分表.csv"
    asked = ("--trust", drawn.trust, *drawn.usual, "-o", sheet, "--lang", "zh")
    assert drawn.run("case-review", "sheet", drawn.review, *asked).code == 0
    remarks = [row[5] for row in csv.reader(io.StringIO(sheet.read_text("utf-8-sig")))]
    assert any("补录 立案审批表（处罚法 54）" in remark for remark in remarks), remarks
    assert not any(re.search("[a-z]", remark) for remark in remarks)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"state": "late"}, True),
        ({"state": "running"}, False),
        ({"state": "met"}, False),
        ({"meaning": "right", "state": "late"}, False),  # the party asked too late
        ({"additional_fine_at_most": "6.00", "state": "late"}, False),  # the party paid late
        ({"pack": "after"}, False),  # of no pack that judges the case
    ],
)
def test_only_what_the_agency_did_not_do_in_time_takes_points_off(
    change: dict[str, str], counts: bool
) -> None:
    row = {"clock": "service", "meaning": "duty", "name": "送达期限", "name_en": "Service"}
    row |= {"pack": "ordinary", "state": "overdue", "statute": "处罚法", "article": "61"}
    found = list(_missed({"clocks": [row | change], "packs": [{"pack": "ordinary"}]}, set()))
    assert [one.rule for one in found] == ["service"] * counts


def test_a_clock_that_ran_out_over_what_a_gap_tells_takes_points_off_once() -> None:
    due = {"clock": "service", "pack": "ordinary"}
    row = {"meaning": "duty", "name": "送达期限", "name_en": "Service", "state": "overdue"}
    row |= due | {"due": "2026-03-11T23:59:59.999+08:00", "statute": "处罚法", "article": "61"}
    facts = {"clock": "service", "was_due": row["due"]}
    answer = {"clocks": [row], "packs": [{"pack": "ordinary"}]}
    assert list(_missed(answer, _told([{"pack": "ordinary", "facts": facts}]))) == []
    for other in ({"clock": "decision"}, {"was_due": "2026-03-12T23:59:59.999+08:00"}):
        assert list(_missed(answer, _told([{"pack": "ordinary", "facts": facts | other}])))
    assert list(_missed(answer, _told([{"pack": "hearing", "facts": facts}, {"pack": "x"}])))
