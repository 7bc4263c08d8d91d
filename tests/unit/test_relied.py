"""What of the registers goes into a packet: what its case rests on, and nobody else's."""

from typing import Any

from ledger.evidence.statement import Kind, Statement, register_subject
from ledger.process.registers.relied import Relied
from testkit import procedural
from testkit.case import uuid7


def said(draft: Any) -> Statement:
    return Statement.from_bytes(draft.to_payload())


def entry(register: str, subject: str, agency: str = "agency-01", **facts: str) -> Statement:
    lists = {"content": "x = 1\n", "version": "1"}
    predicate = {
        "agency": agency,
        "id": uuid7(1),
        "in_force": {"from": "2026-01-01"},
        "register": register,
        "subject": subject,
    } | ({"facts": facts} if facts else lists)
    return Statement(Kind.REGISTER, (register_subject(predicate),), predicate)


ACT = said(procedural.act(1, officers=["320501-0417"], auxiliaries=["F-07"]))


def among(*entries: Statement) -> list[str]:
    found = Relied([ACT]).among(dict(enumerate(entries)))
    return [entries[n].predicate["subject"] for n in sorted(found)]


def test_people_are_those_that_the_case_names() -> None:
    assert among(
        entry("officer", "320501-0417", person="王某"),
        entry("officer", "320501-0999", person="李某"),
        entry("auxiliary", "320501-0417", person="王某"),
        entry("auxiliary", "F-07", person="赵某"),
        entry("device", "BWC-310", model="x"),
    ) == ["320501-0417", "320501-0417", "F-07"]


def test_lists_are_those_of_its_agency_and_of_all_above_it() -> None:
    city = entry("agency", "agency-01", "city", parent="city")
    country = entry("agency", "city", "city", parent="province")
    ring = entry("agency", "province", "city", parent="agency-01")
    assert among(
        city,
        country,
        ring,
        entry("agency", "elsewhere", "city", parent="city"),
        entry("rule_pack", "ordinary", "province"),
        entry("benchmarks", "own"),
        entry("benchmarks", "others", "agency-02"),
    ) == ["agency-01", "city", "province", "ordinary", "own"]


def test_delegations_are_those_to_it_and_from_it() -> None:
    assert among(
        entry("delegation", "to", "city", **{"from": "city", "to": "agency-01"}),
        entry("delegation", "from", "city", **{"from": "agency-01", "to": "street"}),
        entry("delegation", "else", "city", **{"from": "city", "to": "street"}),
        entry("legal_reviewer", "own", officer="320501-0003"),
    ) == ["to", "from", "own"]


def test_what_cannot_be_any_is_not_even_read() -> None:
    relied = Relied([ACT])
    may = ["officer/320501-0417", "rule_pack/ordinary", "agency/x", "delegation/x"]
    not_ = ["officer/320501-0999", "key/handler-12.example", "ledger", "device/BWC-310"]
    assert all(relied.may_be(f"2026/register/{name}") for name in may)
    assert not any(relied.may_be(f"2026/register/{name}") for name in not_)
    assert not relied.may_be("2026/case/officer")
