"""The score sheet: every finding has its item, and most items are filled without a person."""

from importlib.resources import files
from itertools import product

import pytest

from ledger import process
from ledger.errors import Malformed
from ledger.evidence.statement import Stage
from ledger.process.judging.gap import GapKind
from ledger.process.reports.score import OVERDUE, Finding, ScoreSheet
from ledger.process.rules.rulepack import Level, Sickness

DATA = files(process).joinpath("score.toml").read_bytes()
SHEET = ScoreSheet.from_bytes(DATA)


def test_at_least_six_of_ten_items_and_points_are_filled_by_the_checker() -> None:
    assert SHEET.filled_percent >= 60
    assert sum(item.points for item in SHEET.items if not item.open) >= 60


def test_whatever_the_checker_can_find_has_one_item() -> None:
    for kind, stage, level, sickness in product(GapKind, Stage, Level, Sickness):
        assert not SHEET.item_of(Finding(kind, stage, level, sickness)).open
    assert SHEET.item_of(Finding(OVERDUE, "", "ordinary", "procedure")).id == "timeliness"


def test_a_table_without_an_item_for_clocks_scores_none() -> None:
    older = DATA.replace(b'["overdue", "late", "wrong_order"]', b'["late", "wrong_order"]')
    assert SHEET.asks_for_time and not ScoreSheet.from_bytes(older).asks_for_time


def test_a_case_without_a_gap_has_all_points_of_the_checker_and_open_items_stay_open() -> None:
    scored = SHEET.score([])
    assert sum(one.hundredths or 0 for one in scored) == 7500
    assert [one.item.id for one in scored if one.hundredths is None] == [
        *("facts_clear", "evidence_enough", "law_applied", "reasoning", "drafting")
    ]


def test_a_finding_takes_off_what_the_table_says_and_no_item_goes_below_nothing() -> None:
    ordinary = Finding("missing", "serve", "ordinary", "procedure")
    by_id = {one.item.id: one.hundredths for one in SHEET.score([ordinary])}
    assert by_id["serve"] == 300
    by_id = {one.item.id: one.hundredths for one in SHEET.score([ordinary] * 3)}
    assert by_id["serve"] == 0
    by_id = {
        one.item.id: one.hundredths
        for one in SHEET.score([Finding("late", "serve", "notice", "procedure")])
    }
    assert (by_id["serve"], by_id["timeliness"]) == (600, 450)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *((b"points = 10", b"points = 11"), (b"points = 10", b"points = -1")),
        *((b'id = "serve"', b'id = "start"'), (b'by = "reviewer"', b'by = "nobody"')),
        *((b'stages = ["serve"]', b'stages = ["post"]'), (b"serious = 100", b"serious = 101")),
        (b"serious = 100\n", b""),
        (b'stages = ["serve"]', b'stages = ["serve"]\nby = "reviewer"'),
        (b'stages = ["serve"]\n', b""),
    ],
)
def test_a_faulty_sheet_is_refused(old: bytes, new: bytes) -> None:
    assert old in DATA
    with pytest.raises(Malformed):
        ScoreSheet.from_bytes(DATA.replace(old, new))
