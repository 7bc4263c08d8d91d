"""What a packet carries beside the evidence, and what its maker withholds."""

from collections.abc import Iterable, Mapping
from datetime import date

import pytest

from ledger.errors import Rejected, Unknown
from ledger.evidence.due import Due, Procedure
from ledger.evidence.entry import Entry
from ledger.evidence.packet import Index, SeriesFile
from ledger.evidence.place import Place
from ledger.evidence.statement import Statement
from ledger.evidence.withheld import STATEMENT, Reason, Withheld
from ledger.packing import LOOK_BACK, Plan, plan_packet
from ledger.process.favourable import favourable
from ledger.report import Finding, Outcome, Report
from ledger.verify import verify_packet
from ledger.withholding import withhold
from testkit import case as kit
from testkit.case import CASE, LEDGER, MemoryLog, MemoryPacket, seal_bag
from testkit.ledgers_word import read, state
from testkit.notarial import issued, registrations, revoked
from testkit.world import World

OTHER = "苏城管罚〔2026〕418号"
KNOWN = {kit.digest_item(data).sha256: data for data in (b"moving", b"still", b"third")}


@pytest.fixture
def world() -> World:
    """A ledger whose own key is registered, and three items of the case."""
    world = World()
    world.file(kit.registration(40, LEDGER, "ledger").to_envelope())
    world.file(world.evidence(1, b"moving"), world.evidence(2, b"still"))
    world.file(world.evidence(3, b"third"))
    world.step()
    return world


def place(world: World, n: int) -> str:
    """Of the n-th statement of the case."""
    return world.log.place_of(world.log.places(f"2026/case/{CASE}")[n - 1]).to_text()


def packed(world: World, asked: Mapping[str, Reason] | None = None) -> Plan:
    return plan_packet(world.log, CASE, 2026, asked=asked or {})


def verified(world: World, plan: Plan) -> Report:
    log = MemoryLog()
    for path, data in world.public.files.items():
        log.files[world.log.label, path] = data
    items = {path: KNOWN[wanted.digest.sha256] for path, wanted in plan.items.items()}
    return verify_packet(MemoryPacket(seal_bag({**plan.files, **items})), world.trust, log=log)


def series_files(plan: Plan) -> list[bytes]:
    return [data for path, data in plan.files.items() if path.startswith("data/series/")]


def complete(report: Report) -> list[Finding]:
    return [f for f in report.findings if f.step == "complete"]


def rows(plan: Plan) -> tuple[Withheld, ...]:
    return Index.from_bytes(plan.files["data/packet.json"]).withheld


def sha(data: bytes) -> str:
    return kit.digest_item(data).sha256.hex()


# --- custody -------------------------------------------------------------------------------------


def test_who_read_the_case_is_in_its_packet_and_that_series_is_complete(world: World) -> None:
    world.file(read(50).to_envelope(), read(51, action="refused").to_envelope())
    world.step()
    report = verified(world, packed(world))
    assert [row["action"] for row in report.facts.custody] == ["read", "refused"]
    (found,) = complete(report)
    assert found.outcome is Outcome.PASSED and "series recounted" in found.detail


def test_who_reads_while_it_is_packed_leaves_it_as_complete_as_it_was(world: World) -> None:
    world.file(read(50).to_envelope())
    world.step()
    plan = packed(world)
    world.file(read(51).to_envelope(), read(52, action="exported").to_envelope())
    world.step()
    assert [row["action"] for row in verified(world, plan).facts.custody] == ["read"]
    assert [f.outcome for f in complete(verified(world, plan))] == [Outcome.PASSED]


def test_nobody_reads_a_case_until_it_cannot_be_packed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.file(*(read(50 + n).to_envelope() for n in range(3)))
    world.step()
    monkeypatch.setattr("ledger.packing.MAX_CUSTODY", 3)
    assert len(verified(world, packed(world)).facts.custody) == 3
    monkeypatch.setattr("ledger.packing.MAX_CUSTODY", 2)
    report = verified(world, packed(world))
    assert report.facts.custody == () and report.outcome is Outcome.PASSED


def test_who_read_another_case_is_not_in_it(world: World) -> None:
    world.file(world.evidence(9, b"moving", case=OTHER))
    world.file(read(50, about=f"case/{OTHER}").to_envelope())
    world.step()
    plan = packed(world)
    assert verified(world, plan).facts.custody == ()
    assert not any(OTHER.encode() in data for data in plan.files.values())


def test_who_read_anothers_provisional_case_is_not_in_it(world: World) -> None:
    """Anyone may say that his case grew from another's: that opens nothing of the other's."""
    opened = kit.uuid7(900)
    early = kit.evidence("e", 901, {"a.jpg": b"still"}, provisional=opened)
    del early.predicate["case"]
    stranger = kit.key("stranger.example")
    enrolled = kit.registration(902, stranger, "handler", agency="agency-02")
    own = "锡城管罚〔2026〕1号"
    tie = kit.decision("tie", 903, agency="agency-02", case=own, provisional=opened)
    tie.subject = kit.correction("c", 904, early).subject
    tie.signers = (stranger,)
    world.file(enrolled.to_envelope(), early.to_envelope(), tie.to_envelope())
    world.file(
        read(50, about=f"case/{opened}").to_envelope(), read(51, about=f"case/{own}").to_envelope()
    )
    world.step()
    plan = plan_packet(world.log, own, 2026)
    names = {SeriesFile.from_bytes(data).name for data in series_files(plan)}
    assert f"2026/custody/case/{own}" in names
    assert f"2026/custody/case/{opened}" not in names


# --- how the ledger stood ------------------------------------------------------------------------


def test_the_newest_that_the_ledger_says_of_itself_is_in_it_and_its_series_is_not(
    world: World,
) -> None:
    world.file(state().to_envelope(), state("scrubbed", 61).to_envelope())
    world.file(state(number=62, note="newer").to_envelope())
    world.step()
    plan = packed(world)
    (found,) = verified(world, plan).facts.state
    assert found["note"] == "newer"
    assert not any(b'"2026/log"' in data for data in plan.files.values())
    assert all(f.outcome is Outcome.PASSED for f in complete(verified(world, plan)))


def test_what_it_said_long_ago_is_not_looked_for(world: World) -> None:
    world.file(state().to_envelope())
    world.file(*(state("scrubbed", 100 + n).to_envelope() for n in range(LOOK_BACK)))
    world.step()
    assert verified(world, packed(world)).facts.state == ()


# --- withheld ------------------------------------------------------------------------------------


def test_a_statement_is_withheld_with_its_files_and_its_entry_stays(world: World) -> None:
    at = place(world, 2)
    plan = packed(world, {at: Reason.PRIVACY})
    assert f"data/entries/{at}.json" in plan.files
    assert f"data/statements/{at}.dsse.json" not in plan.files
    assert f"data/statements/{at}.salt" not in plan.files
    assert sha(b"still") not in {w.digest.sha256.hex() for w in plan.items.values()}
    assert rows(plan) == (Withheld(Place.from_text(at), STATEMENT, Reason.PRIVACY),)
    report = verified(world, plan)
    assert report.outcome is Outcome.PASSED, report.findings
    assert complete(report)[0].detail == f"statement 2 of 3, entry {at}, is withheld: privacy"


def test_it_may_be_named_by_its_id(world: World) -> None:
    plan = packed(world, {kit.uuid7(1002): Reason.PRIVACY})
    assert [row.place.to_text() for row in rows(plan)] == [place(world, 2)]


def test_a_file_is_withheld_and_its_statement_stays(world: World) -> None:
    at = place(world, 2)
    plan = packed(world, {sha(b"still"): Reason.MINOR})
    assert f"data/statements/{at}.dsse.json" in plan.files
    assert rows(plan) == (Withheld(Place.from_text(at), sha(b"still"), Reason.MINOR),)
    assert [w.digest.sha256.hex() for w in plan.withheld] == [sha(b"still")]
    report = verified(world, plan)
    assert report.outcome is Outcome.PASSED, report.findings
    (first, _) = complete(report)
    assert (first.about, first.detail.endswith(" is withheld: minor")) == (at, True)


def test_a_file_of_two_statements_is_named_at_both(world: World) -> None:
    world.file(world.evidence(4, b"still"))
    world.step()
    plan = packed(world, {sha(b"still"): Reason.MINOR})
    assert [row.place.to_text() for row in rows(plan)] == [place(world, 2), place(world, 4)]
    assert verified(world, plan).outcome is Outcome.PASSED


def test_who_withholds_a_statement_and_its_file_has_said_one_thing(world: World) -> None:
    at = place(world, 2)
    plan = packed(world, {at: Reason.PRIVACY, sha(b"still"): Reason.MINOR})
    assert rows(plan) == (Withheld(Place.from_text(at), STATEMENT, Reason.PRIVACY),)
    assert verified(world, plan).outcome is Outcome.PASSED


@pytest.mark.parametrize("name", ["2026-999", "2026-0", "x", "", "5a" * 32, kit.uuid7(77)])
def test_what_is_no_statement_of_the_case_cannot_be_withheld(world: World, name: str) -> None:
    with pytest.raises(Unknown, match="no statement of the case"):
        packed(world, {name: Reason.PRIVACY})


@pytest.mark.parametrize("reason", [Reason.LOST, Reason.OTHER_CASE])
def test_what_a_ledger_alone_says_nobody_asks_it_to(world: World, reason: Reason) -> None:
    with pytest.raises(Rejected, match="by a ledger alone"):
        packed(world, {place(world, 2): reason})


@pytest.mark.parametrize("reason", [Reason.DESTROYED, Reason.EXPIRED])
def test_a_statement_that_is_logged_is_not_gone(world: World, reason: Reason) -> None:
    with pytest.raises(Rejected, match="is logged and held"):
        packed(world, {place(world, 2): reason})


def test_a_statement_is_named_once(world: World) -> None:
    with pytest.raises(Rejected, match="twice"):
        packed(world, {place(world, 2): Reason.PRIVACY, kit.uuid7(1002): Reason.MINOR})


def test_many_things_are_withheld_from_many_statements_in_one_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What speaks for the party is looked for once, not for each of 256 names."""
    looked = []

    def counted(statements: Iterable[Statement]) -> dict[str, str]:
        looked.append(1)
        return favourable(statements)

    monkeypatch.setattr("ledger.withholding.favourable", counted)
    drafts = [kit.evidence("e", 100 + n, {"a.jpg": b"x"}) for n in range(12)]
    said = [
        (Place("2026", n), Statement.from_bytes(draft.to_payload()))
        for n, draft in enumerate(drafts)
    ]
    asked = {f"2026-{n}": Reason.PRIVACY for n in range(11)}
    assert [row.place.index for row in withhold(asked, said)] == list(range(11))
    assert len(looked) == 1


def test_something_must_be_left(world: World) -> None:
    with pytest.raises(Rejected, match="nothing of the case would be left"):
        packed(world, {place(world, n): Reason.PRIVACY for n in (1, 2, 3)})


def test_what_ties_a_case_to_its_provisional_one_is_not_withheld(world: World) -> None:
    opened = kit.uuid7(900)
    early = kit.evidence("e", 901, {"a.jpg": b"still"}, provisional=opened)
    del early.predicate["case"]
    world.hold(b"still")
    world.file(early.to_envelope(), world.evidence(902, b"moving", provisional=opened))
    world.step()
    with pytest.raises(Rejected, match="provisional"):
        packed(world, {kit.uuid7(1902): Reason.PRIVACY})
    assert (
        verified(world, packed(world, {kit.uuid7(901): Reason.PRIVACY})).outcome is Outcome.PASSED
    )


def test_what_speaks_for_the_party_is_shown_whatever_the_reason(world: World) -> None:
    marked = kit.evidence("e", 901, {"a.jpg": b"third"}, favourable_to_party="已出示许可")
    other = kit.evidence("o", 902, {"b.jpg": b"still"})
    mark = kit.correction("c", 903, other, batch=1)
    mark.predicate["changes"] = {"favourable_to_party": "无违法所得"}
    world.file(marked.to_envelope(), other.to_envelope())
    world.step()
    row = world.log.row(world.log.places(f"2026/case/{CASE}")[-1])
    mark.subject[0]["digest"]["tiezhengCommitment"] = Entry.from_bytes(row.entry).commitment.hex()
    world.file(mark.to_envelope())
    world.step()
    for number in (901, 902, 903):
        with pytest.raises(Rejected, match="speaks for the party"):
            packed(world, {kit.uuid7(number): Reason.STATE_SECRET})
    plan = packed(world, {sha(b"third"): Reason.STATE_SECRET})
    first = verified(world, plan).facts.items[0]
    assert (first.path, first.favourable) == ("", "已出示许可")


def test_a_decision_is_shown_whatever_the_reason(world: World) -> None:
    """The order of all else is held against it: of two the earlier one could be left out."""
    decision = kit.decision("d", 901)
    world.hold(*decision.items)
    world.file(decision.to_envelope())
    world.step()
    with pytest.raises(Rejected, match="is a decision: its statement is shown"):
        packed(world, {kit.uuid7(901): Reason.STATE_SECRET})


def test_the_revocation_of_a_certificate_is_shown_whatever_the_reason(world: World) -> None:
    certificate = issued()
    world.file(*(draft.to_envelope() for draft in registrations()))
    world.file(certificate.to_envelope())
    world.step()
    row = world.log.row(world.log.places(f"2026/case/{CASE}")[-1])
    takes_back = revoked(certificate)
    commitment = Entry.from_bytes(row.entry).commitment.hex()
    takes_back.subject[0]["digest"]["tiezhengCommitment"] = commitment
    world.file(takes_back.to_envelope())
    world.step()
    with pytest.raises(Rejected, match="revokes a notarial certificate: its statement is shown"):
        packed(world, {kit.uuid7(81): Reason.PRIVACY})


def test_until_when_it_is_due_stands_in_it(world: World) -> None:
    due = Due.of(Procedure.COURT, date(2026, 11, 20))
    plan = plan_packet(world.log, CASE, 2026, due=due)
    assert verified(world, plan).facts.due == {
        "counted": "weekends",
        "for": "court",
        "received": "2026-11-20",
        "until": "2026-12-07",
    }
