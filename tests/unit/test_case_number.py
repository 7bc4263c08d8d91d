import pytest

from ledger.errors import Malformed, Rejected
from ledger.evidence.case_number import (
    case_year,
    check_spelling,
    is_plain,
    parse_case,
    parse_template,
)

TEMPLATE = "苏城管罚〔{year}〕{number}号"


@pytest.mark.parametrize(
    "text", ["苏城管罚〔2026〕417号", "(苏)城管〔1999〕1号", "〔2026〕", "苏A-7〔2026〕第3-1号"]
)
def test_a_case_number_has_one_year_between_its_brackets(text: str) -> None:
    assert parse_case(text) == text
    assert case_year(text) == text.partition("〔")[2][:4]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "苏城管罚417号",
        "苏城管罚[2026]417号",
        "苏城管罚(2026)417号",
        "苏城管罚【2026】417号",
        "苏城管罚〔２０２６〕417号",
        "苏城管罚〔0026〕417号",
        "苏城管罚〔20260〕417号",
        "苏城管罚〔2026〕〔2027〕417号",
        "苏城管罚〔2026〕〕417号",
        "苏城管罚〔2026〕 417号",
        "苏城管罚〔2026〕417号\n",
        "苏城管罚〔2026〕417号\u200b",
        "苏城管罚〔2026〕417/1号",
        "e\u0301〔2026〕417号",
        "x" * 60 + "〔2026〕",
    ],
)
def test_anything_else_is_no_case_number(text: str) -> None:
    with pytest.raises(Malformed):
        parse_case(text)


@pytest.mark.parametrize("number", ["1", "417", "999999999"])
def test_the_registered_spelling_is_accepted(number: str) -> None:
    check_spelling(f"苏城管罚〔2026〕{number}号", ("别的〔{year}〕{number}号", TEMPLATE))


@pytest.mark.parametrize(
    "text",
    [
        "苏城管罚〔2026〕0417号",
        "苏城管罚〔2026〕0号",
        "苏城管罚〔2026〕４１７号",
        "苏城管罚〔2026〕四百一十七号",
        "苏城管罚〔2026〕417",
        "蘇城管罚〔2026〕417号",
        "苏城管罚〔2026〕417号之一",
        "苏城管罚〔2026〕1234567890号",
    ],
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(Rejected, match="not spelled"):
        check_spelling(text, (TEMPLATE,))


def test_a_template_is_taken_literally() -> None:
    with pytest.raises(Rejected):
        check_spelling("苏X〔2026〕1号", ("苏.〔{year}〕{number}号",))


@pytest.mark.parametrize(
    "text",
    ["苏〔{year}〕号", "苏{number}号", "苏〔{year}〕{number}{number}号", "〔{number}〕{year}号"],
)
def test_a_template_has_year_and_number_once(text: str) -> None:
    with pytest.raises(Malformed):
        parse_template(text)


@pytest.mark.parametrize("text", ["苏城管罚〔2026〕417号", "苏城管罚字〔2026〕第1号"])
def test_a_number_of_ideographs_and_digits_is_plain(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize(
    "text", ["苏城管罚〔2026〕４号", "⼟地罚〔2026〕4号", "苏城管罚〔2026〕04号", "A〔2026〕4号"]
)
def test_what_may_only_look_like_another_number_is_not_plain(text: str) -> None:
    assert not is_plain(text)
