"""The packet of a case over two logs: what it holds, and what an operator cannot do with it."""

from collections.abc import Callable

import pytest

from ledger.evidence.packet import SeriesFile
from ledger.evidence.statement import Kind
from ledger.log import Accepted
from ledger.packing import plan_packet
from ledger.report import Finding, Group, Outcome, Report
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.verify import verify_packet
from testkit import case as kit
from testkit.case import CASE, THIEF, MemoryPacket, seal_bag
from testkit.notarial import OFFICE, PDF, issued, registrations
from testkit.world import World

STRICT = frozenset({Group.COMPLETE, Group.ORDER})
RECORDING = {"device": "BWC-310", "file": "BWC_0088.MP4"}
Files = dict[str, bytes]


@pytest.fixture(autouse=True)
def short_lookahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is hidden far ahead in the numbers: `tests/tamper` does that."""
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 256)


def worked(*, decided_later: bool = True) -> World:
    """A recording in the first log, a photo in the second; the decision in either."""
    world = World()
    decision = kit.decision("决定", 9)
    world.hold(decision.items[0])
    world.file(world.evidence(1, b"moving", **RECORDING))
    world.step()
    world.clock.advance((kit.DECIDED - kit.FILED) * 1000)
    if not decided_later:
        world.file(decision.to_envelope())
        world.step()
    world.begin_next()
    world.file(world.evidence(2, b"still", after=world.after()))
    world.step()
    if decided_later:
        world.clock.advance(60_000)
        world.file(decision.to_envelope())
        world.step()
    return world


def contents(world: World) -> Files:
    plan = plan_packet(world.log, CASE, 2026)
    datas = (b"moving", b"still", *kit.decision("决定", 9).items)
    known = {kit.digest_item(data).sha256: data for data in datas}
    return {
        **plan.files,
        **{path: known[item.digest.sha256] for path, item in plan.items.items()},
    }


def verify(world: World, files: Files, *, log: bool = False) -> Report:
    """With the log, which takes a moment, where completeness matters."""
    return verify_packet(
        MemoryPacket(seal_bag(files)),
        world.trust,
        log=world.public_log() if log else None,
        require=STRICT if log else frozenset({Group.ORDER}),
    )


def failed(report: Report) -> list[Finding]:
    return [f for f in report.findings if f.outcome is Outcome.FAILED]


def test_a_case_over_two_logs_verifies_complete_and_in_order() -> None:
    world = worked()
    report = verify(world, contents(world), log=True)
    assert report.outcome is Outcome.PASSED, report.findings
    passed = [f.about for f in report.findings if f.detail.startswith("this log ended with 6")]
    assert passed == ["data/checkpoints/2026.note"]
    assert [c["size"] for c in report.facts.checkpoints] == ["6", "4"]
    assert {item.order for item in report.facts.items} == {"before", ""}


def test_it_holds_the_opening_and_nothing_else_of_the_ledgers_own() -> None:
    world = worked()
    files = contents(world)
    assert {"data/statements/2027-0.dsse.json", "data/statements/2027-0.salt"} <= files.keys()
    names = [SeriesFile.from_bytes(data).name for path, data in files.items() if "/series/" in path]
    assert not any(name.endswith("/log") for name in names)
    (case,) = (
        SeriesFile.from_bytes(data)
        for path, data in files.items()
        if "/series/" in path and SeriesFile.from_bytes(data).name == f"2026/case/{CASE}"
    )
    assert [place.to_text() for place in case.places] == ["2026-4", "2027-2", "2027-3"]


def test_a_decision_in_the_first_log_stands_before_what_came_in_the_second() -> None:
    world = worked(decided_later=False)
    orders = {i.place: i.order for i in verify(world, contents(world)).facts.items if i.order}
    assert orders == {"2026-4": "before", "2027-2": "after"}


def test_it_verifies_under_the_logs_that_were_known_before_as_undecided_only() -> None:
    """A packet made before the closing says nothing of where its log ended."""
    world = World()
    world.file(world.evidence(1, b"moving", **RECORDING))
    world.step()
    files = contents(world)
    assert verify(world, files).groups[Group.INTEGRITY] is Outcome.PASSED
    world.begin_next()
    report = verify(world, files)
    assert report.groups[Group.INTEGRITY] is Outcome.UNDECIDED
    assert any("where this one ended is not shown" in f.detail for f in report.findings)


def test_a_third_log_tells_where_the_second_ended() -> None:
    world = worked()
    world.begin_next("2027-2")
    world.file(world.evidence(3, b"still"))
    world.step()
    report = verify(world, contents(world))
    ends = [f.detail for f in report.findings if f.detail.startswith("this log ended")]
    assert ends == [
        "this log ended with 6 entries, as 2027-0 says",
        "this log ended with 4 entries, as 2027-2-0 says",
    ]
    assert not failed(report)


# --- what the operator may try ---------------------------------------------------------------


def without_the_opening(world: World, files: Files) -> None:
    for path in [path for path in files if "/2027-0." in path and "/statements/" in path]:
        del files[path]


def without_its_entry(world: World, files: Files) -> None:
    for path in [path for path in files if "/2027-0" in path]:
        del files[path]


def with_an_older_end(world: World, files: Files) -> None:
    """All that he shows of the closed log is proved to a smaller tree."""
    log = world.log.derived[0]
    older = log.first_note(5)
    assert older is not None
    size = Checkpoint.from_text(SignedNote.from_text(older).text).size
    assert size < 6
    files["data/checkpoints/2026.note"] = older.encode()
    for path in [path for path in files if "/proofs/2026-" in path]:
        del files[path]
    for index in range(size):
        if f"data/entries/2026-{index}.json" in files:
            proof = log.receipt(index, older).to_bytes()
            files[f"data/proofs/2026-{index}@{size}.tlog-proof"] = proof


@pytest.mark.parametrize(
    "alter", [without_the_opening, without_its_entry, with_an_older_end], ids=lambda f: f.__name__
)
def test_where_the_first_log_ended_cannot_be_left_open(
    alter: Callable[[World, Files], None],
) -> None:
    world = worked()
    files = contents(world)
    alter(world, files)
    report = verify(world, files)
    assert report.groups[Group.INTEGRITY] is not Outcome.PASSED
    assert not any(f.detail.startswith("this log ended") for f in report.findings)


def go_on_signing(world: World) -> Files:
    """He kept the old key, and so did two cosigners: another entry in the closed log."""
    closed = world.closed[0]
    older = world.fork()
    older.closed, older.log_key, older.policy = (), closed.key, closed.policy
    older.public, older.cosigners = closed.public, dict(closed.cosigners)
    store = older.store.target
    store._heads = store._heads[:1]
    store._rows = store._rows[:6]
    store._by_id = {row.statement_id: row for row in store._rows}
    store._places = {name: [n for n in numbers if n < 6] for name, numbers in store._places.items()}
    store._places = {name: numbers for name, numbers in store._places.items() if numbers}
    store._series = {
        name: (signature, len(store._places[name]))
        for name, (signature, _) in store._series.items()
        if name in store._places
    }
    older.reopen()
    older.acknowledged = {}
    older.file(older.evidence(2, b"still"))
    older.step()
    files = contents(older)
    # The ledger's own key, which signs the opening of the next log, was registered here.
    place, note = "2026-5", older.log.best_note(7)
    assert note is not None
    registered = older.log.row(5)
    files[f"data/entries/{place}.json"] = registered.entry
    files[f"data/statements/{place}.dsse.json"] = registered.envelope
    files[f"data/statements/{place}.salt"] = registered.salt
    files[f"data/proofs/{place}@7.tlog-proof"] = older.log.receipt(5, note).to_bytes()
    ((name, _),) = registered.places
    series = SeriesFile(name, older.log.series_signature(name), (kit.Place("2026", 5),))
    return files | {"data/series/90.json": series.to_bytes()}


def test_an_entry_beyond_the_end_of_a_closed_log_is_failed() -> None:
    world = worked()
    files = go_on_signing(world)
    # With the opening of the next log, as every packet must have it ...
    for path, data in contents(world).items():
        if "/2027-0" in path or path.endswith("/2027.note"):
            files[path] = data
    index = kit.Index.from_bytes(files["data/packet.json"])
    named = kit.Index(index.case, ("2026.note", "2027.note"), index.items)
    files["data/packet.json"] = named.to_bytes()
    details = [f.detail for f in failed(verify(world, files))]
    assert "a checkpoint of 7 entries of a log that ended with 6" in details


def test_a_copy_that_goes_beyond_the_end_of_a_closed_log_shows_no_certificate_unrevoked() -> None:
    world = World()
    world.hold(PDF, OFFICE)
    for draft in (*registrations(), issued()):
        (result,) = world.file(draft.to_envelope())
        assert isinstance(result, Accepted), result
    world.step()
    forged = world.fork()  # he goes on with the first log, and two cosigners with him
    world.begin_next()
    for draft in (kit.registration(800, kit.LEDGER, "ledger"), kit.registration(83, THIEF, "log")):
        forged.file(draft.to_envelope())
        forged.step()
    files = {**plan_packet(world.log, CASE, 2026).files, "data/certificates/01.pdf": PDF}
    copy = world.public_log()
    copy.files |= forged.public_log().files
    report = verify_packet(MemoryPacket(seal_bag(files)), world.trust, log=copy)
    (found,) = (f for f in report.findings if f.step == "revoked")
    assert found.outcome is Outcome.FAILED
    assert "entries of a log that ended with" in found.detail


def test_without_the_opening_such_an_entry_convinces_nobody_who_knows_the_next_log() -> None:
    world = worked()
    report = verify(world, go_on_signing(world))
    assert report.groups[Group.INTEGRITY] is Outcome.UNDECIDED


def test_a_renewal_that_closes_at_another_size_is_not_that_of_the_log() -> None:
    """Two cosigners collude with him, and the next log begins with another end."""
    world = World()
    world.file(world.evidence(1, b"moving", **RECORDING))
    world.step()
    shorter = world.log.first_note(4)
    assert shorter is not None
    _, opening = world.prepare_next()
    world.log._check_closing = lambda closing: None  # type: ignore[method-assign]
    world.file(kit.renewal(870, shorter).to_envelope(), opening)
    world.step()
    world.file(world.evidence(2, b"still"))
    world.step()
    details = [f.detail for f in failed(verify(world, contents(world)))]
    assert any("of a log that ended with" in detail for detail in details)


def test_who_follows_a_tree_beyond_the_end_is_not_believed() -> None:
    world = worked()
    after = world.after() | {"origin": kit.ORIGIN, "size": "99"}
    world.log._check_after = lambda statement: None  # type: ignore[method-assign]
    world.file(world.evidence(5, b"still", after=after))
    world.step()
    details = [f.detail for f in failed(verify(world, contents(world)))]
    assert "claims to follow a tree of 99 entries of 2026, which had ended" in details


def test_an_opening_is_no_statement_of_a_case() -> None:
    """He gives entry 0 the case's next tag, so that a number has no statement of its own."""
    world = World()
    world.file(world.evidence(1, b"moving", **RECORDING))
    renewal, opening = world.prepare_next()
    names = world.log._names
    world.log._names = lambda said: (  # type: ignore[method-assign]
        (*names(said), f"2026/case/{CASE}") if said.kind is Kind.RENEWAL else names(said)
    )
    world.file(renewal, opening)
    world.step()
    details = [f.detail for f in failed(verify(world, contents(world)))]
    assert details == [f"what the ledger says of itself is no statement of '2026/case/{CASE}'"]


def test_a_statement_left_out_of_either_log_is_missed() -> None:
    world = worked()
    for place in ("2026-4", "2027-2"):
        files = contents(world)
        for path in [path for path in files if f"/{place}" in path]:
            del files[path]
        numbers = {path: data for path, data in files.items() if "/series/" in path}
        for path, data in numbers.items():
            file = SeriesFile.from_bytes(data)
            kept = tuple(p for p in file.places if p.to_text() != place)
            if len(kept) < len(file.places):
                files[path] = (
                    SeriesFile(file.name, file.signature, kept).to_bytes() if kept else b""
                )
                if not kept:
                    del files[path]
        assert failed(verify(world, files, log=True)), place


def test_the_end_of_a_log_that_only_stolen_keys_saw_was_seen_by_no_quorum() -> None:
    world = worked()
    stolen = kit.registration(
        890, kit.NOTARY, "cosigner", revoked="被盗", compromised_since="2026-11-01T00:00:00+08:00"
    )
    assert isinstance(world.file(stolen.to_envelope())[0], Accepted)
    world.step(("court", "archive"))
    report = verify(world, contents(world))
    about = "data/checkpoints/2026.note"
    found = [(f.outcome, f.detail) for f in report.findings if f.about == about]
    assert (Outcome.UNDECIDED, "no quorum has seen where this log ended") in found, found
