"""Case files and registers as they are read from the store, once each row."""

from datetime import date

import pytest

from api import casefiles
from api.casefiles import CaseFiles
from api.registers import Registers
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Role
from testkit.gating import Handlers, entry
from testkit.keys import key
from testkit.server import CASE, OTHER_AGENCY, Ledger, register

OTHER_HANDLER = key("handler-01.other.example")
DAY = date(2026, 11, 26)


def files_of(ledger: Ledger) -> CaseFiles:
    return CaseFiles(
        ledger.services.store, ledger.services.first_year, Registers(ledger.services.store)
    )


def test_a_case_file_has_what_is_logged_in_order_and_is_caught_up(ledger: Ledger) -> None:
    files = files_of(ledger)
    assert files.of_case(CASE).filed == ()
    ledger.accept(ledger.evidence(b"x"))
    first = files.of_case(CASE)
    assert first.agency == "agency-01"
    ledger.accept(Handlers(ledger).act("legal_review"))
    both = files.of_case(CASE)
    assert [one.number for one in both.filed] == [8, 9]
    assert both.filed[0] is first.filed[0], "it was read again"
    entry_at = ledger.services.log.head
    assert entry_at is not None and both.filed[1].at_ms == entry_at.at_ms


def test_below_a_place_nothing_later_is_seen(ledger: Ledger) -> None:
    files = files_of(ledger)
    ledger.accept(ledger.evidence(b"x"), ledger.evidence(b"y"))
    assert [one.number for one in files.of_case(CASE, below=9).filed] == [8]


def test_a_case_brings_the_provisional_one_that_its_own_agency_opened(ledger: Ledger) -> None:
    ledger.accept(register(OTHER_HANDLER, Role.HANDLER, OTHER_AGENCY))
    desk = Handlers(ledger)
    opened, others = ledger.accept(
        desk.act("provisional_opening", without=("case", "procedure")),
        desk.act(
            *("provisional_opening",),
            without=("case", "procedure"),
            by=OTHER_HANDLER,
            agency=OTHER_AGENCY,
        ),
    )
    for row in (opened, others):
        ledger.accept(desk.act("site_inspection", provisional=row["id"]))
    files = files_of(ledger)
    whole = files.of_case(CASE)
    assert opened["id"] not in {one.statement.id for one in whole.filed}
    inner = {one.statement.id for one in files.of_provisional(opened["id"]).filed}
    assert inner <= {one.statement.id for one in whole.filed}
    assert {one.statement.agency for one in whole.filed} == {"agency-01"}


def test_only_so_much_is_kept(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(casefiles, "KEPT", 1)
    files = files_of(ledger)
    ledger.accept(ledger.evidence(b"x"), ledger.evidence(b"y"))
    first = files.of_case(CASE)
    files.of_case("苏城管罚〔2026〕418号")
    again = files.of_case(CASE)
    assert again.filed[0] is not first.filed[0]
    assert again.filed == first.filed


def test_a_row_that_was_lost_is_passed_over(ledger: Ledger) -> None:
    files = files_of(ledger)
    ledger.accept(ledger.evidence(b"x"), ledger.evidence(b"y"))
    with ledger.services.store._file.write() as db:
        db.execute("DROP TRIGGER statement_delete")
        db.execute("DELETE FROM statement WHERE idx = 8")
    assert [one.number for one in files.of_case(CASE).filed] == [9]


def test_registers_are_caught_up_row_by_row(ledger: Ledger) -> None:
    registers = Registers(ledger.services.store)
    assert registers.registry().all_at(Registered.OFFICER, 100, DAY) == []
    ledger.accept(entry("officer", "320501-0417", facts={"certified": "yes"}))
    number = ledger.services.log.number
    (version,) = registers.registry().all_at(Registered.OFFICER, number, DAY)
    assert (version.subject, version.number) == ("320501-0417", number - 1)
    ledger.accept(entry("officer", "320501-0417", facts={"certified": "no"}))
    versions = registers.registry().versions(Registered.OFFICER, "320501-0417")
    assert [version.says("certified") for version in versions] == ["yes", "no"]


def test_what_is_forgotten_is_read_again(ledger: Ledger) -> None:
    files = files_of(ledger)
    ledger.accept(ledger.evidence(b"x"))
    first = files.of_case(CASE)
    files.forget()
    again = files.of_case(CASE)
    assert again.filed == first.filed and again.filed[0] is not first.filed[0]
