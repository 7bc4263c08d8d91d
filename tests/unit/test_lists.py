from collections.abc import Callable
from typing import Any

import pytest

from ledger.errors import Malformed
from ledger.evidence.procedural import LISTS
from ledger.process import contents
from ledger.process.registers.lists import (
    Clause,
    majors,
    named_powers,
    parse_auxiliary_forbidden,
    parse_benchmarks,
    parse_major_decisions,
    parse_powers,
)
from ledger.process.tables import read_toml, yuan
from testkit.lists import BENCHMARKS, FORBIDDEN, MAJOR, POWERS


def test_a_band_has_both_its_ends() -> None:
    low, high = parse_benchmarks(BENCHMARKS)
    assert high == Clause("CG-14-2", "占道一平方米以上", 20_000, 100_050, "擅自占道")
    assert [high.holds(fen) for fen in (19_999, 20_000, 100_050, 100_051)] == [
        False,
        True,
        True,
        False,
    ]
    assert low.holds(0)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"party": "person", "amount": "10000"}, ["ZD-1"]),
        ({"party": "person", "amount": "9999.99"}, []),
        ({"party": "company", "amount": "10000"}, []),
        ({"party": "person", "amount": "一万元"}, ["ZD-1"]),
        ({"party": "person"}, []),
        ({"penalty": "revocation"}, ["ZD-2"]),
        ({"penalty": "revocation", "party": "person", "amount": "20000"}, ["ZD-1", "ZD-2"]),
        ({}, []),
    ],
)
def test_the_catalogue_decides_what_is_major(facts: dict[str, str], expected: list[str]) -> None:
    assert [row.id for row in majors(parse_major_decisions(MAJOR), facts)] == expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("市容巡查、劝导", []),
        ("代为实施对擅自占用道路的处罚", ["3205-0417"]),
        ("代收 占 道 罚 款", ["3205-0417"]),
        ("协助扣押“经营工具”", ["3205-0500"]),
        ("事项 ３２０５－０５００", ["3205-0500"]),
        ("", []),
    ],
)
def test_a_contract_is_matched_with_the_powers_by_name_number_and_other_words(
    scope: str, expected: list[str]
) -> None:
    assert [power.id for power in named_powers(scope, parse_powers(POWERS))] == expected


def test_a_forbidden_item_names_the_acts() -> None:
    assert parse_auxiliary_forbidden(FORBIDDEN)[0].acts == ("questioning",)


FAULTS: list[tuple[Callable[[str], Any], str, str, str, str]] = [
    (parse_benchmarks, BENCHMARKS, 'list = "benchmarks"', 'list = "powers"', "list"),
    (parse_benchmarks, BENCHMARKS, "[[clause]]", "[[clauses]]", "clauses"),
    (parse_benchmarks, BENCHMARKS, "to = 200", "to = -1", "clause[1].to"),
    (parse_benchmarks, BENCHMARKS, "to = 200", "to = 1.5", "clause[1].to"),
    (parse_benchmarks, BENCHMARKS, "to = 200", "to = true", "clause[1].to"),
    (parse_benchmarks, BENCHMARKS, "from = 200", "from = 2000", "clause[2].to"),
    (parse_benchmarks, BENCHMARKS, "from = 200", "", "clause[2].from"),
    (parse_benchmarks, BENCHMARKS, "from = 200", "von = 200\nfrom = 1", "clause[2].von"),
    (parse_benchmarks, BENCHMARKS, "CG-14-2", "CG-14-1", "clause[2].id"),
    (parse_benchmarks, BENCHMARKS, "CG-14-2", "——", "clause[2].id"),
    (parse_benchmarks, BENCHMARKS, '"CG-14-2"', "7", "clause[2].id"),
    (parse_powers, POWERS, '"coercion"', '"force"', "power[2].kind"),
    (parse_powers, POWERS, '["占道罚款"]', '["，"]', "power[1].words[1]"),
    (parse_powers, POWERS, '["占道罚款"]', "[]", "power[1].words"),
    (parse_major_decisions, MAJOR, ', is = "person"', "", "decision[1].when[1]"),
    (
        parse_major_decisions,
        MAJOR,
        'is = "person"',
        'is = "x", at_least = 1',
        "decision[1].when[1]",
    ),
    (parse_auxiliary_forbidden, FORBIDDEN, 'acts = ["questioning"]', "", "item[1].acts"),
    (parse_auxiliary_forbidden, FORBIDDEN, "questioning", "Q", "item[1].acts[1]"),
]


@pytest.mark.parametrize(("parse", "text", "old", "new", "path"), FAULTS)
def test_a_fault_is_told_with_its_place(
    parse: Callable[[str], Any], text: str, old: str, new: str, path: str
) -> None:
    parse(text)
    assert old in text
    with pytest.raises(Malformed) as refused:
        parse(text.replace(old, new))
    assert refused.value.path == path


@pytest.mark.parametrize(
    "text",
    ["a =", "a = 1\na = 2", "a = " + "[" * 10_000, "a = " + "9" * 5_000, "a" * 300_000, "a = '\0'"],
)
def test_what_is_no_toml_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        read_toml(text)


def test_amounts_are_read_to_the_fen() -> None:
    assert [yuan(text) for text in (5, "5", "5.1", "5.10", "0", "0.01")] == [
        500,
        500,
        510,
        510,
        0,
        1,
    ]
    for bad in ("5,000", "05", "5.", ".5", "-1", "1e3", "５", "", 1.5, None, True):
        with pytest.raises(Malformed):
            yuan(bad)


def test_every_list_has_its_reader() -> None:
    assert set(contents.READERS) == LISTS
