import zlib

import pytest

from ledger.errors import Unavailable, Unknown
from ledger.evidence.packet import SeriesFile
from ledger.log import Accepted
from ledger.packing import Plan, extension, plan_packet
from ledger.report import Group, Outcome, Report
from ledger.tlog.note import SignedNote
from ledger.verify import verify_packet
from storage.packets import Bytes, open_packet, zip_pieces
from testkit import case as kit
from testkit import procedural
from testkit.case import CASE, MemoryLog, MemoryPacket, seal_bag
from testkit.world import World

OTHER = "苏城管罚〔2026〕418号"
RECORDING = {"device": "BWC-310", "file": "BWC_0088.MP4"}


def worked(world: World, *, shared: bool = False) -> None:
    """A recording, a photo and a decision; another case may use the recording too."""
    world.file(world.evidence(1, b"moving", **RECORDING))
    world.step()
    world.clock.advance(60_000)
    world.file(world.evidence(2, b"still"))
    if shared:
        world.file(world.evidence(3, b"moving", case=OTHER, **RECORDING))
    world.step()
    decision = kit.decision("决定", 9)
    world.clock.advance((kit.DECIDED - kit.FILED) * 1000)
    world.hold(decision.items[0])
    world.file(decision.to_envelope())
    world.step()


def contents(plan: Plan) -> dict[str, bytes]:
    known = {kit.digest_item(data).sha256: data for data in (b"moving", b"still")}
    known |= {kit.digest_item(data).sha256: data for data in kit.decision("决定", 9).items}
    items = {path: known[subject.digest.sha256] for path, subject in plan.items.items()}
    return seal_bag({**plan.files, **items})


def verified(world: World, plan: Plan) -> Report:
    log = MemoryLog()
    for path, data in world.public.files.items():
        log.files[world.log.label, path] = data
    require = frozenset({Group.COMPLETE, Group.ORDER})
    return verify_packet(MemoryPacket(contents(plan)), world.trust, log=log, require=require)


def test_the_packet_of_a_case_verifies_complete_and_in_order() -> None:
    world = World()
    worked(world)
    report = verified(world, plan_packet(world.log, CASE, 2026))
    assert report.outcome is Outcome.PASSED, report.findings


def test_it_verifies_as_a_zip_file(tmp_path: object) -> None:
    world = World()
    worked(world)
    files = contents(plan_packet(world.log, CASE, 2026))
    sums = {path: zlib.crc32(data) for path, data in files.items()}
    target = tmp_path / "packet.zip"  # type: ignore[operator]
    pieces = zip_pieces({path: Bytes(data) for path, data in files.items()}, sums)
    target.write_bytes(b"".join(pieces))
    report = verify_packet(open_packet(target), world.trust)
    assert report.outcome is Outcome.PASSED, report.findings


def test_what_another_case_says_of_a_shared_recording_is_withheld() -> None:
    world = World()
    worked(world, shared=True)
    plan = plan_packet(world.log, CASE, 2026)
    (theirs,) = world.log.places(f"2026/case/{OTHER}")
    assert f"data/entries/2026-{theirs}.json" in plan.files
    assert f"data/statements/2026-{theirs}.dsse.json" not in plan.files
    assert f"data/statements/2026-{theirs}.salt" not in plan.files
    assert not any(OTHER.encode() in data for data in plan.files.values())
    findings = [f for f in verified(world, plan).findings if f.step == "complete"]
    (open_point,) = [f for f in findings if f.outcome is Outcome.UNDECIDED]
    assert open_point.detail == f"statement 2 of 2, entry 2026-{theirs}, is withheld: other_case"
    names = {
        SeriesFile.from_bytes(data).name: len(SeriesFile.from_bytes(data).places)
        for path, data in plan.files.items()
        if path.startswith("data/series/")
    }
    assert names["2026/recording/BWC-310/BWC_0088.MP4"] == 2
    assert f"2026/case/{OTHER}" not in names


def test_both_cases_get_the_shared_recording() -> None:
    world = World()
    worked(world, shared=True)
    report = verified(world, plan_packet(world.log, OTHER, 2026))
    assert report.outcome is not Outcome.FAILED, report.findings


def test_what_was_filed_before_the_case_had_a_number_is_in_its_packet() -> None:
    world = World()
    opened = kit.uuid7(900)
    early = kit.evidence("e", 901, {"a.jpg": b"still"}, provisional=opened)
    del early.predicate["case"]
    world.hold(b"still")
    world.file(early.to_envelope(), world.evidence(902, b"moving", provisional=opened))
    world.step()
    plan = plan_packet(world.log, CASE, 2026)
    assert len(plan.items) == 2
    findings = verified(world, plan).findings
    assert [
        f
        for f in findings
        if f.step not in ("fence", "particulars") and f.outcome is not Outcome.PASSED
    ] == []


def test_a_case_tied_to_another_agencys_provisional_case_opens_nothing_of_it() -> None:
    world = World()
    opened = kit.uuid7(900)
    early = kit.evidence("e", 901, {"a.jpg": b"still"}, provisional=opened)
    del early.predicate["case"]
    world.hold(b"still")
    stranger = kit.key("stranger.example")
    enrolled = kit.registration(902, stranger, "handler", agency="agency-02")
    own = "锡城管罚〔2026〕1号"
    tie = kit.decision("tie", 903, agency="agency-02", case=own, provisional=opened)
    tie.subject = kit.correction("c", 904, early).subject
    tie.signers = (stranger,)
    (_, theirs, tied) = world.file(enrolled.to_envelope(), early.to_envelope(), tie.to_envelope())
    assert isinstance(theirs, Accepted) and isinstance(tied, Accepted)
    world.step()
    plan = plan_packet(world.log, own, 2026)
    assert plan.items == {}
    assert f"data/entries/2026-{theirs.row.index}.json" in plan.files
    assert f"data/statements/2026-{theirs.row.index}.dsse.json" not in plan.files


def test_each_item_is_there_once() -> None:
    world = World()
    world.file(*(world.evidence(n, b"still") for n in range(3)))
    world.step()
    plan = plan_packet(world.log, CASE, 2026)
    assert list(plan.items) == ["data/items/01.jpg"]


def test_every_registration_of_a_signer_is_shown_and_no_stranger_s() -> None:
    world = World()
    stranger = kit.registration(70, kit.key("stranger.example"), "station")
    again = kit.registration(71, kit.STATION, "station", draft="again", note="again")
    world.file(stranger.to_envelope(), again.to_envelope(), world.evidence(1))
    world.step()
    plan = plan_packet(world.log, CASE, 2026)
    shown = {p for p in plan.files if p.startswith("data/statements/") and p.endswith(".json")}
    # Opening, station, agency, station again, evidence; neither handler nor stranger.
    assert shown == {f"data/statements/2026-{n}.dsse.json" for n in (0, 1, 3, 5, 6)}


def test_a_case_without_statements_is_unknown() -> None:
    with pytest.raises(Unknown, match="no statement of case"):
        plan_packet(World().log, CASE, 2026)


def test_a_case_that_no_quorum_has_seen_is_not_packed_yet() -> None:
    world = World()
    world.file(world.evidence(1))
    world.step()
    world.file(world.evidence(2))
    with pytest.raises(Unavailable, match="not yet cosigned"):
        plan_packet(world.log, CASE, 2026)
    world.step(["notary"])
    with pytest.raises(Unavailable, match="not yet cosigned"):
        plan_packet(world.log, CASE, 2026)


def test_what_came_after_the_packet_checkpoint_of_other_series_is_left_out() -> None:
    world = World()
    world.file(world.evidence(1, b"moving", **RECORDING))
    world.step()
    world.file(world.evidence(3, b"moving", case=OTHER, **RECORDING))
    plan = plan_packet(world.log, CASE, 2026)
    assert plan.size == 5 and "data/entries/2026-5.json" not in plan.files
    report = verified(world, plan)
    # The signature of the log alone is no reason to believe more.
    assert report.outcome is not Outcome.FAILED, report.findings


def test_each_entry_has_a_proof_to_the_earliest_tree_and_to_that_of_the_packet() -> None:
    world = World()
    worked(world)
    plan = plan_packet(world.log, CASE, 2026)
    assert {p for p in plan.files if p.startswith("data/proofs/2026-4@")} == {
        "data/proofs/2026-4@5.tlog-proof",
        f"data/proofs/2026-4@{plan.size}.tlog-proof",
    }


def test_a_signature_that_comes_while_it_is_packed_does_not_divide_the_packet() -> None:
    world = World()
    world.file(world.evidence(1))
    note = world.step()
    more = world.cosign(note, "archive")
    first_note = world.log.first_note

    def meanwhile(size: int) -> str | None:
        world.log.first_note = first_note  # type: ignore[method-assign]
        world.log.keep_cosigned(more, world.policy)
        return first_note(size)

    world.log.first_note = meanwhile  # type: ignore[method-assign]
    plan = plan_packet(world.log, CASE, 2026)
    proofs = [data for path, data in plan.files.items() if path.startswith("data/proofs/")]
    assert proofs and all(data.endswith(plan.note.encode()) for data in proofs)
    assert SignedNote.from_text(plan.note) == note


@pytest.mark.parametrize(
    "name, plain",
    [
        ("BWC_0088.MP4", "mp4"),
        ("现场照片.jpg", "jpg"),
        ("archive.tar.gz", "gz"),
        ("README", "bin"),
        ("", "bin"),
        ("trailing.", "bin"),
        (".hidden", "hidden"),
        ("evil.sh/../../x", "bin"),
        ("a.照片", "bin"),
        ("a.ｊｐｇ", "bin"),
        ("a.toolongending", "bin"),
        ("a.exe ", "bin"),
        ("a.j\u200bpg", "bin"),
    ],
)
def test_a_name_leaves_at_most_a_plain_ending_in_the_packet(name: str, plain: str) -> None:
    assert extension(name) == plain


def test_the_packet_of_a_case_shows_nothing_of_its_agencys_acts_in_others() -> None:
    world = World()
    for number, case in ((1, CASE), (2, OTHER), (3, OTHER)):
        draft = procedural.act(number + 20, case=case)
        world.hold(draft.items[0])
        (result,) = world.file(draft.to_envelope())
        assert isinstance(result, Accepted)
    world.step()
    plan = plan_packet(world.log, CASE, 2026)
    names = [SeriesFile.from_bytes(d).name for p, d in plan.files.items() if "/series/" in p]
    assert not [name for name in names if "/acts/" in name]
    shown = [row for row in world.acknowledged.values() if row.envelope in plan.files.values()]
    packed = [row for row in world.acknowledged.values() if row.entry in plan.files.values()]
    assert packed == shown
