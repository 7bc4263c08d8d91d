from datetime import date

import pytest

from ledger.evidence.procedural import Registered
from ledger.process.registers.registry import Registry, Version
from testkit.registers import announced, listed, officer, registered, registry

OFFICER, POWERS = Registered.OFFICER, Registered.POWERS
MARCH, APRIL = date(2026, 3, 15), date(2026, 4, 15)


def test_what_is_logged_later_changes_nothing_for_an_act_before_it() -> None:
    made = registry(officer("A-1"), officer("A-1", "2025-01-01", "2025-12-31"))
    before, after = made.at(OFFICER, "A-1", 1, MARCH), made.at(OFFICER, "A-1", 2, MARCH)
    assert before is not None and before.covers(MARCH)
    assert after is not None and not after.covers(MARCH)


def test_an_entry_does_not_hold_for_its_own_place() -> None:
    made = registry(officer("A-1"))
    assert made.at(OFFICER, "A-1", 0, MARCH) is None
    assert made.at(OFFICER, "A-1", 1, MARCH) is not None


def test_a_withdrawal_ends_on_its_last_day() -> None:
    made = registry(officer("A-1"), officer("A-1", "2026-01-01", "2026-03-15"))
    valid = {
        day: version.covers(day)
        for day in (date(2026, 3, 14), MARCH, date(2026, 3, 16))
        if (version := made.at(OFFICER, "A-1", 9, day))
    }
    assert valid == {date(2026, 3, 14): True, MARCH: True, date(2026, 3, 16): False}


def test_a_version_for_later_days_does_not_govern_earlier_ones() -> None:
    made = registry(officer("A-1", person="one"), officer("A-1", "2026-04-01", person="two"))
    assert [version.says("person") for day in (MARCH, APRIL) for version in _at(made, day)] == [
        "one",
        "two",
    ]


def _at(made: Registry, day: date) -> list[Version]:
    return [version] if (version := made.at(OFFICER, "A-1", 9, day)) else []


def test_a_day_before_every_version_has_none() -> None:
    assert registry(officer("A-1")).at(OFFICER, "A-1", 9, date(2025, 12, 31)) is None


def test_an_officer_who_moves_is_the_new_agency_s() -> None:
    made = registry(officer("A-1", agency="one"), officer("A-1", "2026-04-01", agency="two"))
    assert [v.agency for v in made.all_at(OFFICER, 9, MARCH)] == ["one"]
    assert [v.agency for v in made.all_at(OFFICER, 9, APRIL)] == ["two"]
    assert made.all_at(OFFICER, 9, APRIL, "one") == []


def test_two_agencies_have_each_their_own_list_of_one_name() -> None:
    made = registry(
        listed("powers", "powers", "one", agency="one"),
        listed("powers", "powers", "two", agency="two"),
    )
    assert [v.content for v in made.all_at(POWERS, 9, MARCH)] == ["one", "two"]
    found = [made.at(POWERS, "powers", 9, MARCH, agency) for agency in ("one", "two", "three")]
    assert [version and version.content for version in found] == ["one", "two", None]


def test_what_is_not_valid_on_the_day_is_not_among_all() -> None:
    made = registry(officer("A-1", until="2026-03-31"), officer("A-2"))
    assert [v.subject for v in made.all_at(OFFICER, 9, APRIL)] == ["A-2"]


TREE = (
    announced("city", level="city"),
    announced("county", parent="city"),
    announced("street", parent="county", level="street"),
    announced("elsewhere", parent="city"),
)


def test_an_agency_sees_upwards_through_its_parents_and_downwards_to_their_ends() -> None:
    made = registry(*TREE)
    assert made.above("street", 9, MARCH) == ["street", "county", "city"]
    assert made.below("county", 9, MARCH) == {"county", "street"}
    assert made.below("city", 9, MARCH) == {"city", "county", "street", "elsewhere"}
    assert made.below("street", 9, MARCH) == {"street"}


def test_parents_in_a_ring_end() -> None:
    made = registry(announced("a", parent="b"), announced("b", parent="a"))
    assert made.above("a", 9, MARCH) == ["a", "b"]
    assert made.below("a", 9, MARCH) == {"a", "b"}


def test_an_agency_s_own_list_comes_before_the_one_from_above() -> None:
    made = registry(
        *TREE,
        listed("powers", "powers", "city", agency="city"),
        listed("powers", "powers", "county", "2026-04-01", agency="county"),
    )

    def content(agency: str, day: date) -> str | None:
        found = made.listed(POWERS, "powers", agency, 99, day)
        return found and found.content

    assert content("street", MARCH) == "city"
    assert content("street", APRIL) == "county"
    assert content("elsewhere", APRIL) == "city"
    assert content("unknown", APRIL) is None


def test_an_own_list_that_ended_gives_way_to_the_one_from_above() -> None:
    made = registry(
        *TREE,
        listed("powers", "powers", "city", agency="city"),
        listed("powers", "powers", "county", until="2026-03-31", agency="county"),
    )
    found = made.listed(POWERS, "powers", "county", 99, APRIL)
    assert found is not None and found.content == "city"


def test_entries_out_of_order_are_a_fault_of_the_caller() -> None:
    made = registry(officer("A-1"))
    with pytest.raises(ValueError, match="order of the log"):
        made.add(0, officer("A-1"))


def test_other_statements_pass_by() -> None:
    made = registry(registered("device", "BWC-1", "2026-01-01", kind="recorder"))
    assert made.versions(OFFICER, "A-1") == ()
    assert [v.says("kind") for v in made.all_at(Registered.DEVICE, 9, MARCH)] == ["recorder"]
