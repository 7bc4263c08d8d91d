"""Whose case it is: by the registered spelling of its number, or else by who spoke first."""

from collections.abc import Iterator
from typing import Any

from ledger.evidence.chunks import digest_item
from ledger.evidence.owner import Spellings
from ledger.evidence.statement import FileSubject, Kind, Statement
from testkit.case import uuid7

CASE = "园综执罚〔2026〕3号"
OWN = "园综执罚〔{year}〕{number}号"
WHEN = {"from": "2026-03-02T09:00:00+08:00", "to": "2026-03-02T09:00:00+08:00"}


def said(agency: str, kind: Kind = Kind.EVIDENCE, **more: Any) -> Statement:
    predicate = {"agency": agency, "case": CASE, "id": uuid7(1), "occurred": WHEN} | more
    return Statement(kind, (FileSubject("a.txt", digest_item(b"a")),), predicate)


def complaint(agency: str) -> Statement:
    return said(agency, Kind.COMPLAINT, place="东门", seen=WHEN)


def spellings(**registered: str) -> Spellings:
    made = Spellings()
    for agency, template in registered.items():
        made.add(agency, [template])
    return made


def test_who_speaks_first_has_it_where_nobody_registered_its_spelling() -> None:
    assert Spellings().owner(CASE, [said("b"), said("a")]) == "b"
    assert spellings(a="苏城管罚〔{year}〕{number}号").owner(CASE, [said("b"), said("a")]) == "b"
    assert Spellings().owner(CASE, []) == ""


def test_a_registered_spelling_goes_before_who_spoke_first() -> None:
    made = spellings(a=OWN)
    assert made.owner(CASE, [said("b"), said("c"), said("a")]) == "a"
    assert made.owner(CASE, [said("b"), said("c")]) == "b", "its own agency has said nothing yet"


def test_whose_spelling_nobody_else_has_is_the_owner_as_soon_as_it_speaks() -> None:
    made = spellings(a=OWN, c="苏城管罚〔{year}〕{number}号")
    assert made.alone(CASE, "a") and made.owner(CASE, [said("b"), said("a")]) == "a"
    assert not made.alone(CASE, "b") and not made.alone(CASE, "c")
    made.add("b", [OWN])
    assert not made.alone(CASE, "a"), "who of the two speaks first is to be read"
    assert not Spellings().alone(CASE, "a")


def test_a_spelling_that_moves_to_another_agency_takes_no_old_case_along() -> None:
    made = spellings(a=OWN)
    made.add("a", ["园综执罚新〔{year}〕{number}号"])
    made.add("b", [OWN])
    assert made.owner(CASE, [said("a"), said("b")]) == "a"
    assert made.owner(CASE, [said("b"), said("a")]) == "b"


def test_a_complaint_makes_a_case_nobodys_own() -> None:
    assert Spellings().owner(CASE, [complaint("b"), said("a")]) == "a"
    assert Spellings().owner(CASE, [complaint("b")]) == "b"
    assert spellings(a=OWN).owner(CASE, [complaint("b"), said("c"), said("a")]) == "a"


def test_no_more_is_read_than_tells() -> None:
    def endless() -> Iterator[Statement]:
        yield complaint("b")
        yield said("a")
        raise AssertionError("it was read on")

    assert Spellings().owner(CASE, endless()) == "a"
    assert spellings(a=OWN).owner(CASE, endless()) == "a"
