from datetime import date

import pytest

from ledger.evidence.statement import Statement
from ledger.process.registers.listed import Seen
from ledger.process.registers.standing import ContractFault, Scope, contract_faults, reviewers
from testkit.case import AGENCY
from testkit.lists import POWERS
from testkit.registers import listed, officer, registered, registry

MARCH = date(2026, 3, 15)


def seen(*statements: Statement, day: date = MARCH) -> Seen:
    return Seen(registry(*statements), AGENCY, 999, day)


def contract(**facts: str) -> Statement:
    return registered("service_contract", "HT-7", "2026-01-01", "2026-12-31", **facts)


LIST = listed("powers", "powers", POWERS)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("道路清扫", []),
        (
            "道路清扫\n代为实施对擅自占用道路的处罚",
            [ContractFault("HT-7", Scope.POWER, "3205-0417", "代为实施对擅自占用道路的处罚")],
        ),
        (" \n ", [ContractFault("HT-7", Scope.UNCLEAR)]),
    ],
)
def test_a_power_bought_or_a_scope_left_open_is_found(
    scope: str, expected: list[ContractFault]
) -> None:
    assert list(contract_faults(seen(LIST, contract(provider="x", scope=scope)))) == expected


def test_a_contract_without_scope_is_unclear_and_one_that_ended_is_nothing() -> None:
    bare = contract(provider="x")
    assert [fault.fault for fault in contract_faults(seen(bare))] == [Scope.UNCLEAR]
    assert list(contract_faults(seen(bare, day=date(2027, 1, 1)))) == []


@pytest.mark.parametrize(
    ("officers", "legal", "wanted", "short"),
    [(100, 4, 5, True), (100, 5, 5, False), (21, 1, 2, True), (21, 2, 2, False), (0, 0, 0, False)],
)
def test_reviewers_should_be_five_per_cent_rounded_up(
    officers: int, legal: int, wanted: int, short: bool
) -> None:
    staff = [officer(f"A-{n}") for n in range(officers)]
    people = [
        registered("legal_reviewer", f"L-{n}", "2026-01-01", officer=f"A-{n}", qualified="yes")
        for n in range(legal)
    ]
    ratio = reviewers(seen(*staff, *people))
    assert (ratio.officers, ratio.reviewers) == (officers, legal)
    assert (ratio.wanted, ratio.short) == (wanted, short)


def test_only_officers_in_post_count_and_a_reviewer_once() -> None:
    ratio = reviewers(
        seen(
            officer("A-1"),
            officer("A-2", in_post="no"),
            officer("A-3", until="2026-03-14"),
            officer("A-4", agency="agency-02"),
            registered("legal_reviewer", "L-1", "2026-01-01", officer="A-1", qualified="yes"),
            registered("legal_reviewer", "L-2", "2026-01-01", officer="A-1", qualified="yes"),
        )
    )
    assert (ratio.officers, ratio.reviewers) == (1, 1)


def test_who_reviews_for_the_first_time_has_passed_the_examination() -> None:
    ratio = reviewers(
        seen(
            registered("legal_reviewer", "L-1", "2026-01-01", officer="A-1", qualified="yes"),
            registered("legal_reviewer", "L-2", "2026-01-01", officer="A-2", qualified="no"),
            registered(
                "legal_reviewer",
                "L-3",
                "2026-01-01",
                officer="A-3",
                qualified="no",
                experienced="yes",
            ),
        )
    )
    assert ratio.unexamined == ("L-2",)
