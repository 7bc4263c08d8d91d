"""Which acts are conclusions, and what it costs to find that out."""

from typing import Any

import pytest

from ledger.encoding import parse_time
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.process.casefile import CaseFile, Filed
from ledger.process.judging.door import check_conclusion
from ledger.process.judging.gated import Closed, Gated
from ledger.process.registers.registry import Registry
from ledger.process.rules.rulepack import RulePack
from testkit import gating
from testkit.rulepacks import PACKS

AT = parse_time("2026-11-26T09:00:00+08:00")


def said(envelope: bytes) -> Statement:
    return Statement.from_bytes(Envelope.from_bytes(envelope).payload)


def act(name: str, number: int = 1000, **more: Any) -> Filed:
    return Filed(number, said(gating.envelope(name, b"x", **more)), AT)


def registry(*entries: bytes) -> Registry:
    made = Registry()
    for number, entry in enumerate(entries, start=1):
        made.add(number, said(entry), AT)
    return made


def reason(proposed: Filed, made: Registry, *filed: Filed) -> Closed | None:
    agency = filed[0].statement.agency if filed else ""
    case = CaseFile(gating.CASE, agency, filed)
    try:
        check_conclusion(proposed, lambda statement: case, made)
    except Gated as error:
        return error.reason
    return None


def unread(statement: Statement) -> CaseFile:
    raise AssertionError("the case was read")


@pytest.mark.parametrize("name", ["site_inspection", "case_filing"])
def test_of_what_no_gate_names_the_case_is_not_read(name: str) -> None:
    check_conclusion(act(name), unread, registry(gating.published()))


def test_without_any_pack_no_case_is_read() -> None:
    check_conclusion(act("penalty_decision"), unread, registry())


def test_the_pack_of_an_agency_above_gates_those_below_and_nobody_beside_them() -> None:
    street = gating.entry("agency", "agency-01", facts={"name": "街道", "parent": "city"})
    pack = gating.published(agency="city")
    decision = act("penalty_decision")
    assert reason(decision, registry(street, pack)) is Closed.RECORDS
    assert reason(decision, registry(pack)) is None


def test_a_pack_that_is_logged_later_gates_nothing_before_it() -> None:
    packs = registry(gating.published())
    assert reason(act("penalty_decision", number=1), packs) is None
    assert reason(act("penalty_decision", number=2), packs) is Closed.RECORDS


def test_a_pack_whose_time_is_over_gates_no_new_case_and_still_an_old_one() -> None:
    packs = registry(gating.published())
    opening = Filed(2, said(gating.envelope("case_filing", b"x")), AT)
    over = {"from": "2026-01-01", "to": "2026-06-30"}
    packs.add(3, said(gating.published(in_force=over)), AT)
    assert reason(act("penalty_decision"), packs) is None
    assert reason(act("penalty_decision"), packs, opening) is Closed.RECORDS
    assert reason(act("penalty_decision", without=("procedure",)), packs, opening) is (
        Closed.PROCEDURE
    )


def test_each_pack_is_read_once_however_often_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All packs are asked of each act; to read one takes long."""
    read: list[str] = []
    from_text = RulePack.from_text

    def counted(text: str) -> RulePack:
        read.append(text)
        return from_text(text)

    monkeypatch.setattr(RulePack, "from_text", counted)
    own = gating.SMALL.replace("2026.1", "2026.9")  # known to no other test
    packs = registry(*(gating.published(own, agency=f"agency-{n:02}") for n in range(20)))
    for _ in range(3):
        check_conclusion(act("site_inspection"), unread, packs)
    assert read == [own]


@pytest.mark.parametrize("most", ["0x" + "f" * 5000, "0o" + "7" * 9000, "1e999", "nan"])
def test_a_number_that_nobody_can_write_makes_a_pack_unreadable_and_stops_nobody_else(
    most: str,
) -> None:
    """One registered text would else stop every act of every agency."""
    broken = PACKS["summary"].replace("most = 200", f"most = {most}")
    assert broken != PACKS["summary"]
    packs = registry(gating.published(), gating.published(broken, agency="agency-09"))
    check_conclusion(act("site_inspection"), unread, packs)
    assert reason(act("penalty_decision"), packs) is Closed.RECORDS
