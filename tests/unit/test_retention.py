"""How long what is kept: the list as it is published, to the day."""

from datetime import date
from pathlib import Path

import pytest

from ledger.errors import LedgerError, Malformed, Rejected
from ledger.process.keeping import retention
from ledger.process.keeping.retention import RetentionList
from ledger.process.rules.rulepack import RulePack
from testkit.rulepacks import PACKS

DEFAULT = (Path(retention.__file__).parents[1] / "retention_lists" / "default.toml").read_text(
    "utf-8"
)
HEAD = """
list = "retention"
version = "1"
title = "表"
title_en = "List"
closing = ["case_closing"]
"""
CLASS = """
[[class]]
id = "short"
name = "短"
name_en = "Short"
of = "case"
days = 30
"""


def of(length: str, kind: str = "case") -> RetentionList:
    rest = CLASS if kind == "record" else ""
    rows = CLASS.replace("days = 30", length).replace('"case"', f'"{kind}"', 1)
    return RetentionList.from_text(HEAD + rows.replace("short", "other") + rest)


def test_the_shipped_list_names_acts_that_shipped_packs_have() -> None:
    """A word that no pack uses would leave its cases to the shorter period."""
    packs = [RulePack.from_text(text) for text in PACKS.values()]
    known = {act.id for pack in packs for act in pack.acts}
    for one in RetentionList.from_text(DEFAULT).classes.values():
        assert {*one.acts} - {"permanent_retention"} <= known, one.id


@pytest.mark.parametrize(
    ("length", "kind", "since", "until"),
    [
        ("years = 10", "case", "2026-03-01", "2036-12-31"),
        ("years = 10", "case", "2026-12-31", "2036-12-31"),
        ("years = 10", "case", "2027-01-01", "2037-12-31"),
        ("years = 1", "record", "2024-02-29", "2025-02-28"),
        ("months = 6", "record", "2026-08-31", "2027-02-28"),
        ("months = 6", "case", "2027-08-31", "2028-02-29"),
        ("days = 30", "case", "2026-12-31", "2027-01-30"),
        ("days = 0", "case", "2026-12-31", "2026-12-30"),
        ("years = 1000", "record", "9999-01-01", "9999-12-31"),
        ("forever = true", "case", "2026-01-01", "9999-12-31"),
    ],
)
def test_until_when_is_counted_to_the_day(length: str, kind: str, since: str, until: str) -> None:
    one = of(length, kind).classes["other"]
    assert one.until(date.fromisoformat(since)).isoformat() == until


def test_on_its_last_day_it_is_kept_and_on_the_next_it_may_go() -> None:
    found = of("days = 30")
    closed = date(2026, 12, 1)
    with pytest.raises(Rejected, match="until 2026-12-31"):
        found.check_over("other", closed, closed, date(2026, 12, 31))
    found.check_over("other", closed, closed, date(2027, 1, 1))


def test_the_published_example_is_read_and_asks_more_of_a_hearing() -> None:
    found = RetentionList.from_text(DEFAULT)
    closed = date(2026, 5, 1)
    assert found.needed((), (), closed).id == "years_10"
    assert found.needed({"hearing"}, (), closed).id == "years_30"
    assert found.needed({"hearing", "permanent_retention"}, (), closed).id == "permanent"
    with pytest.raises(Rejected, match="want the retention class 'years_30'"):
        found.check_over("years_10", closed, closed, date(2099, 1, 1), {"hearing"})
    with pytest.raises(Rejected, match="for ever"):
        found.check_over("permanent", closed, closed, date(9999, 1, 1))
    with pytest.raises(Rejected, match="is for records"):
        found.check_over("recording", closed, closed, date(2099, 1, 1))
    with pytest.raises(Rejected, match="is for a case"):
        found.check_over("years_10", None, closed, date(2099, 1, 1))
    found.check_over("recording", None, date(2026, 1, 31), date(2026, 8, 1))


def test_of_records_too_the_longest_class_that_fits_is_wanted() -> None:
    rows = [("short", "days = 1", ""), ("long", "days = 90", 'acts = ["use_of_force"]')]
    text = HEAD + CLASS
    for name, length, acts in rows:
        row = CLASS.replace("short", f"record_{name}").replace("days = 30", f"{length}\n{acts}")
        text += row.replace('"case"', '"record"')
    found = RetentionList.from_text(text)
    logged, day = date(2026, 1, 1), date(2026, 2, 1)
    found.check_over("record_short", None, logged, day)
    with pytest.raises(Rejected, match="want the retention class 'record_long'"):
        found.check_over("record_short", None, logged, day, {"use_of_force"})
    with pytest.raises(Rejected, match="until 2026-04-01"):
        found.check_over("record_long", None, logged, day, {"use_of_force"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "list = ",
        HEAD,
        HEAD + CLASS.replace("days = 30", ""),
        HEAD + CLASS.replace("days = 30", "days = 30\nmonths = 1"),
        HEAD + CLASS.replace("days = 30", "days = -1"),
        HEAD + CLASS.replace("days = 30", "days = true"),
        HEAD + CLASS.replace("days = 30", "forever = false"),
        HEAD + CLASS.replace("days = 30", "days = 400000"),
        HEAD + CLASS.replace('"case"', '"file"'),
        HEAD + CLASS.replace('"case"', '"record"'),
        HEAD + CLASS + CLASS,
        HEAD + CLASS + "colour = 1",
        HEAD + CLASS + 'acts = ["hearing"]',
        HEAD.replace("retention", "powers") + CLASS,
        HEAD.replace('["case_closing"]', "[]") + CLASS,
        HEAD.replace("version", "edition") + CLASS,
        "x = " + "[" * 5000,
    ],
)
def test_what_is_not_in_the_format_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        RetentionList.from_text(text)


def test_a_class_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(LedgerError, match="no class 'nothing'") as caught:
        RetentionList.from_text(DEFAULT).named("nothing")
    assert "years_10" in caught.value.hints[0]
