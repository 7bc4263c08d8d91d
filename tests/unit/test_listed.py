from datetime import date

import pytest

from ledger.errors import Malformed
from ledger.evidence.statement import Statement
from ledger.process.registers.listed import Seen
from ledger.process.registers.lists import Clause
from testkit.case import AGENCY
from testkit.lists import BENCHMARKS, DELEGATED, FORBIDDEN, LENIENT, MAJOR, POWERS
from testkit.registers import announced, listed, registry

MARCH = date(2026, 3, 15)
CITY = (announced("city"), announced(parent="city"))


def seen(*statements: Statement, agency: str = AGENCY, day: date = MARCH, number: int = 99) -> Seen:
    return Seen(registry(*CITY, *statements), agency, number, day)


def ids(rows: list[Clause] | list[object]) -> list[str]:
    return [str(getattr(row, "id", "")) for row in rows]


def test_a_clause_is_found_in_the_version_in_force() -> None:
    made = seen(listed("benchmarks", "b", BENCHMARKS, version="2026.1", agency="city"))
    clause = made.benchmark("CG-14-2", "2026.1")
    assert clause is not None and clause.high == 100_050
    assert made.benchmark("CG-14-2", "2025.1") is None
    assert made.benchmark("CG-99", "2026.1") is None


def test_a_version_that_is_not_in_force_is_known_all_the_same() -> None:
    made = seen(
        listed("benchmarks", "b", BENCHMARKS, "2025-01-01", "2025-12-31", version="2025.1"),
        listed("benchmarks", "b", BENCHMARKS, version="2026.1"),
    )
    assert made.benchmark("CG-14-2", "2025.1") is None
    assert made.benchmark_ever("CG-14-2", "2025.1") is not None
    assert made.benchmark_ever("CG-14-2", "2024.1") is None


def test_what_is_logged_after_the_act_was_never_known() -> None:
    made = seen(listed("benchmarks", "b", BENCHMARKS, "2025-01-01", version="1"), number=2)
    assert made.benchmark("CG-14-2", "1") is None
    assert made.benchmark_ever("CG-14-2", "1") is None


def test_of_two_lists_of_one_name_the_nearer_counts() -> None:
    made = seen(
        listed("benchmarks", "b", BENCHMARKS.replace("1000.50", "500"), version="2026.1"),
        listed("benchmarks", "b", BENCHMARKS, version="2026.1", agency="city"),
        listed("benchmarks", "c", BENCHMARKS.replace("CG", "XX"), version="2026.1", agency="city"),
    )
    near, far = made.benchmark("CG-14-2", "2026.1"), made.benchmark("XX-14-2", "2026.1")
    assert near is not None and near.high == 50_000
    assert far is not None and far.high == 100_050


def test_what_is_major_follows_from_the_list_of_that_day() -> None:
    facts = {"party": "person", "amount": "12000"}
    catalogue = listed("major_decisions", "m", MAJOR, "2026-03-15")
    assert ids([*seen(catalogue).majors(facts)]) == ["ZD-1"]
    assert seen(catalogue, day=date(2026, 3, 14)).majors(facts) == []


def test_an_act_on_the_negative_list_is_found() -> None:
    made = seen(listed("auxiliary_forbidden", "f", FORBIDDEN))
    assert ids([*made.forbidden("questioning")]) == ["FM-1"]
    assert made.forbidden("site_inspection") == []


def test_delegated_powers_are_those_of_the_agency_they_were_given_to() -> None:
    given = listed("delegated_powers", "d", DELEGATED, agency="city")
    street = announced("street-01", parent="city")
    made = seen(given, street, agency="street-01")
    assert ids([*made.powers()]) == ["3205-0417"]
    assert seen(given, street).powers() == []
    assert len(seen(listed("powers", "p", POWERS)).powers()) == 2


def test_a_lenient_item_is_found_by_its_version() -> None:
    made = seen(listed("lenient", "l", LENIENT, version="3.0"))
    item = made.lenient("MF-1", "3.0")
    assert item is not None and item.effect == "no_penalty"
    assert made.lenient("MF-1", "2.0") is None


def test_nothing_is_judged_by_a_list_that_cannot_be_read() -> None:
    with pytest.raises(Malformed):
        seen(listed("benchmarks", "b", "list = 7")).benchmark("CG-14-2", "1")
