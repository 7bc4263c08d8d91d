"""A certificate of the first log: compared, issued, and taken back once the second is open."""

from dataclasses import replace

import pytest

from ledger.evidence.chunks import digest_item
from ledger.evidence.envelope import Envelope
from ledger.evidence.packet import INDEX, Index, SeriesFile
from ledger.evidence.signing import seal
from ledger.log import Accepted
from ledger.packing import plan_packet
from ledger.report import Finding, Outcome, Report
from ledger.tlog.note import SignedNote
from ledger.verify import verify_packet
from testkit.case import CASE, Draft, MemoryPacket, seal_bag
from testkit.mirrors import MIRROR, look, tags_of
from testkit.notarial import OFFICE, PDF, issued, registrations, revoked
from testkit.world import World

Files = dict[str, bytes]
CERTIFICATE = {"certificate.pdf": digest_item(PDF)}


@pytest.fixture(autouse=True)
def few_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


def logged(world: World, *drafts: Draft) -> None:
    for draft in drafts:
        (result,) = world.file(draft.to_envelope())
        assert isinstance(result, Accepted), result
    world.step()


@pytest.fixture
def world() -> World:
    """With a certificate in the first log, which is closed."""
    world = World()
    world.hold(PDF, OFFICE)
    world.file(world.evidence(1, b"photo"))
    logged(world, *registrations(), issued())
    world.begin_next()
    return world


def taken_back(world: World) -> Draft:
    certificate = issued()
    said = world.acknowledged[certificate.predicate["id"]]
    return revoked(replace(certificate, salt=said.salt))


def files(world: World) -> Files:
    plan = plan_packet(world.log, CASE, 2026)
    items = {path: b"photo" for path in plan.items if "/items/" in path}
    return {**plan.files, **items}


def heard(world: World, packet: Files) -> Files:
    """With the word of a mirror about every series in each of its logs."""
    number = 0
    for path in [path for path in packet if path.startswith("data/series/")]:
        for log in world.trust.logs:
            if f"data/checkpoints/{log.label}.note" not in packet:
                continue
            number += 1
            said = look(entries(world, log.label), log.origin, tags_of_file(packet[path]))
            name = f"data/absence/{number:02d}.dsse.json"
            packet[name] = seal(said.to_bytes(), [MIRROR]).to_bytes()
    return packet


def tags_of_file(data: bytes) -> list[bytes]:
    return tags_of(SeriesFile.from_bytes(data))


def entries(world: World, label: str) -> list[bytes]:
    labels = [derived.label for derived in world.log.derived]
    rows = world.store.rows(0, world.store.heads()[-1].end)
    return [row.entry for row in rows if row.log == labels.index(label)]


def verify(world: World, packet: Files, *, log: bool = False) -> Report:
    return verify_packet(
        MemoryPacket(seal_bag(packet)),
        replace(world.trust, mirrors=(MIRROR.verifier,)),
        log=world.public_log() if log else None,
        certificates=CERTIFICATE,
    )


def of(report: Report, step: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.step == step]


def test_a_certificate_of_a_closed_log_stands_as_of_the_last_log(world: World) -> None:
    report = verify(world, files(world), log=True)
    assert report.outcome is Outcome.PASSED, report.findings
    (finding,) = of(report, "revoked")
    assert (finding.outcome, finding.about) == (Outcome.PASSED, "certificate.pdf")


def test_it_stands_on_the_word_of_a_mirror_about_both_logs(world: World) -> None:
    packet = heard(world, files(world))
    report = verify(world, packet)
    (finding,) = of(report, "revoked")
    assert report.outcome is Outcome.PASSED and finding.outcome is Outcome.PASSED, report.findings
    silent = {
        path: data
        for path, data in packet.items()
        if not path.startswith("data/absence/") or b"enforcement/2027" not in body(data)
    }
    assert silent.keys() != packet.keys()
    (finding,) = of(verify(world, silent), "revoked")
    assert finding.outcome is Outcome.UNDECIDED


def body(data: bytes) -> bytes:
    return Envelope.from_bytes(data).payload


def test_what_took_it_back_in_the_second_log_fails_it(world: World) -> None:
    before = files(world)
    logged(world, taken_back(world))
    report = verify(world, before, log=True)
    assert [f.outcome for f in of(report, "revoked")] == [Outcome.FAILED]
    assert "of log 2027 is about this certificate" in of(report, "revoked")[0].detail
    report = verify(world, files(world))
    assert [f.outcome for f in of(report, "certificate")] == [Outcome.FAILED]


def shown(packet: Files, *labels: str) -> Files:
    """With an index of the checkpoints that are in it."""
    notes = [f"{label}.note" for label in labels]
    index = Index.from_bytes(packet[INDEX])
    return packet | {INDEX: replace(index, checkpoints=tuple(notes)).to_bytes()}


def test_a_later_log_that_the_packet_leaves_out_lets_no_certificate_stand(world: World) -> None:
    """Its first log may be cosigned again once it was taken back in the second."""
    packet = {path: data for path, data in files(world).items() if "2027" not in path}
    logged(world, taken_back(world))
    (finding,) = of(verify(world, heard(world, shown(packet, "2026"))), "revoked")
    assert finding.outcome is Outcome.UNDECIDED, finding


def test_a_log_between_that_the_packet_leaves_out_lets_no_certificate_stand(world: World) -> None:
    """It was taken back in the second log, and the packet shows the first and the third."""
    before = files(world)
    logged(world, taken_back(world))
    world.begin_next("2027-2")
    now = files(world)
    packet = {path: data for path, data in before.items() if "2027" not in path}
    packet |= {path: data for path, data in now.items() if "2027-2" in path}
    (finding,) = of(verify(world, heard(world, shown(packet, "2026", "2027-2"))), "revoked")
    assert finding.outcome is Outcome.UNDECIDED, finding


def test_a_checkpoint_without_a_quorum_dates_nothing(world: World) -> None:
    packet = files(world)
    path = "data/checkpoints/2027.note"
    note = SignedNote.from_bytes(packet[path])
    packet[path] = replace(note, signatures=note.signatures[:1]).to_bytes()
    (finding,) = of(verify(world, heard(world, packet)), "revoked")
    assert finding.outcome is Outcome.UNDECIDED, finding
