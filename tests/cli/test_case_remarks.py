"""A name or a word that no rule looks at is told at once to whoever files the act."""

from collections.abc import Iterator, Mapping

import pytest

from cli.case.remarks import remarks
from cli.language import choose


@pytest.fixture(autouse=True)
def in_chinese() -> Iterator[None]:
    choose(["--lang", "zh"], {})
    yield
    choose(["--lang", "en"], {})


def told(act: str, facts: Mapping[str, str], procedure: str = "ordinary") -> list[str]:
    return list(remarks(procedure, act, facts))


def test_a_slip_in_an_act_is_told_with_the_name_that_may_be_meant() -> None:
    (said,) = told("case_fileing", {})
    assert "没有行为 case_fileing" in said and "case_filing（立案审批表）" in said
    assert told("site_photo", {}) == []  # of a pack of one's own


def test_a_slip_in_a_fact_s_name_is_told_before_it_switches_a_review_off() -> None:
    (said,) = told("case_filing", {"majr": "yes"})
    assert "不使用事实 majr" in said and "major（是否重大案件）" in said


def test_a_word_of_no_choice_an_amount_in_words_and_a_day_that_is_none_are_told() -> None:
    (said,) = told("case_filing", {"major": "是"})
    assert "“是否重大案件”载明为“是”，应为下列之一：yes（是）、no（否）" in said
    choose(["--lang", "en"], {})
    (said,) = told("case_filing", {"major": "是"})
    assert (
        said
        == "It states whether the case is major: 是; wanted is one of yes, no. File the act anew"
    )
    choose(["--lang", "zh"], {})
    (said,) = told("penalty_decision", {"amount": "三百元"})
    assert "以元为单位的数额" in said
    (said,) = told("case_filing", {"violation_ended": "2026-13-01"})
    assert "日期，如 2026-03-02" in said


def test_nothing_is_told_of_what_is_right_of_catalogues_and_of_packs_of_one_s_own() -> None:
    right = {"major": "no", "reporter_named": "yes", "violation_ended": "2026-03-02"}
    assert told("case_filing", right) == []
    assert told("penalty_decision", {"party": "person", "grave": "yes"}) == []
    assert told("case_fileing", {"majr": "是"}, "mine") == []


def test_a_slip_in_a_procedure_is_told_before_nobody_judges_the_act() -> None:
    (said,) = told("case_filing", {}, "ordinry")
    assert "没有附带的规则包 ordinry" in said and "ordinary（行政处罚普通程序）" in said
    assert told("case_filing", {}, "mine") == told("case_filing", {}, "after") == []
