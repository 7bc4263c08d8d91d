"""When a case was closed: by an act that a gate stands before, and that nothing came after."""

from datetime import date

import pytest

from ledger.errors import Rejected
from ledger.evidence.chunks import digest_item
from ledger.evidence.statement import FileSubject, Kind, Statement, register_subject
from ledger.process.casefile import Filed
from ledger.process.keeping.closing import last_closing
from ledger.process.keeping.retention import RetentionList
from ledger.process.registers.registry import Registry
from testkit.disposals import PACK

DAY_MS = 86_400_000
LIST = RetentionList.from_text(
    """
list = "retention"
version = "1"
title = "表"
title_en = "List"
closing = ["case_closing", "tea_was_served"]

[[class]]
id = "short"
name = "短"
name_en = "Short"
of = "case"
days = 30
"""
)
AGENCY = "agency-01"


def act(day: int, name: str, stage: str = "enforce") -> Filed:
    number = day * 10
    predicate = {
        "act": name,
        "agency": AGENCY,
        "case": "苏城管罚〔2026〕417号",
        "id": f"01980000-0000-7000-8000-{number:012x}",
        "occurred": {"from": "2020-01-01T00:00:00+08:00", "to": "2020-01-01T00:00:00+08:00"},
        "stage": stage,
    }
    said = Statement(Kind.ACT, (FileSubject("a", digest_item(b"a")),), predicate)
    return Filed(number, said, day * DAY_MS)


def packs(number: int) -> Registry:
    predicate = {
        "agency": AGENCY,
        "content": PACK,
        "id": "01980000-0000-7000-8000-00000000ffff",
        "in_force": {"from": "1970-01-01"},
        "register": "rule_pack",
        "subject": "ordinary",
        "version": "1",
    }
    registry = Registry()
    registry.add(number, Statement(Kind.REGISTER, (register_subject(predicate),), predicate))
    return registry


def closed(*filed: Filed, registry: Registry | None = None) -> int:
    return last_closing(LIST, filed, registry or Registry()).number


def test_of_several_closings_the_last_counts_and_not_the_day_that_one_claims() -> None:
    one, other = act(2, "case_closing"), act(9, "case_closing")
    assert closed(act(1, "case_filing", "start"), one, act(5, "payment"), other) == other.number


@pytest.mark.parametrize("stage", ["start", "decide"])
def test_what_begins_or_is_decided_after_a_closing_opens_the_case_again(stage: str) -> None:
    filed = [act(1, "case_filing", "start"), act(2, "case_closing"), act(3, "anything", stage)]
    with pytest.raises(Rejected, match="the case is open"):
        closed(*filed)
    assert closed(*filed, act(4, "case_closing")) == 40


def test_where_rule_packs_are_in_force_an_act_that_no_gate_names_closes_nothing() -> None:
    filed = act(1, "case_filing", "start"), act(2, "tea_was_served")
    assert closed(*filed) == 20  # nobody has packs: the list alone says it
    with pytest.raises(Rejected, match="the case is open") as caught:
        closed(*filed, registry=packs(5))
    assert any("tea_was_served" in hint for hint in caught.value.hints)
    assert closed(*filed, act(3, "case_closing"), registry=packs(5)) == 30


def test_packs_that_came_after_the_closing_open_no_case() -> None:
    filed = act(1, "case_filing", "start"), act(2, "tea_was_served")
    assert closed(*filed, registry=packs(25)) == 20


def test_what_was_filed_late_in_a_closed_case_has_its_time_too() -> None:
    day = date(2026, 12, 1)
    late = date(2027, 1, 15)
    with pytest.raises(Rejected, match="until 2027-02-14"):
        LIST.check_over("short", day, late, date(2027, 2, 14))
    LIST.check_over("short", day, late, date(2027, 2, 15))
