"""Files that a manifest names and no evidence answers, from statements alone."""

from collections.abc import Sequence

from ledger.encoding import format_uuid7
from ledger.evidence.chunks import ItemDigest, digest_item
from ledger.evidence.delivery import Absent, Said, find_missing, find_undelivered
from ledger.evidence.session import FoundFile, Manifest
from ledger.evidence.statement import FileSubject, Kind, Statement

DAY = 1_795_400_000_000
SESSION = format_uuid7(DAY, bytes(10))
OTHER = format_uuid7(DAY + 1, bytes(10))
WHEN = {"from": "2026-11-23T14:00:00+08:00", "to": "2026-11-23T14:00:00+08:00"}


def file(path: str, size: int = 5, at_ms: int = DAY) -> FoundFile:
    return FoundFile(path, size, at_ms)


def dock(
    index: int, *files: FoundFile, session: str = SESSION, gaps: Sequence[tuple[str, str]] = ()
) -> Said:
    manifest = Manifest.of("BWC-310", "A1", DAY + index, files, None)
    predicate = {
        "agency": "agency-01",
        "device": "BWC-310",
        "gaps": [{"kind": kind, "note": note} for kind, note in gaps],
        "id": format_uuid7(DAY + 100 + index, bytes(10)),
        "occurred": WHEN,
        "session": session,
    }
    subject = FileSubject("manifest.json", digest_item(manifest.to_bytes()))
    said = Statement(Kind.SESSION, (subject,), predicate)
    return Said(index=index, at_ms=DAY, keyid="k", statement=said, manifest=manifest)


def explanation(index: int, of: Said, gap: int) -> Said:
    assert of.statement is not None
    predicate = {
        "agency": "agency-01",
        "cause": "battery",
        "device": "BWC-310",
        "gap": str(gap),
        "id": format_uuid7(DAY + 200 + index, bytes(10)),
        "session": of.session,
    }
    said = Statement(Kind.SESSION, of.statement.subjects, predicate)
    return Said(index=index, at_ms=DAY, keyid="h", statement=said)


def deposit(index: int, name: str, size: int = 5, session: str = SESSION) -> Said:
    digest = ItemDigest(size=size, sha256=bytes([index]) * 32, chunks=bytes(32))
    predicate = {
        "agency": "agency-01",
        "device": "BWC-310",
        "file": name,
        "id": format_uuid7(DAY + 300 + index, bytes(10)),
        "occurred": WHEN,
        "provisional": session,
        "session": session,
    }
    said = Statement(Kind.EVIDENCE, (FileSubject(name, digest),), predicate)
    return Said(index=index, at_ms=DAY, keyid="k", statement=said)


def left(sessions: Sequence[Said], *evidence: Said) -> list[str]:
    return [one.file.path for one in find_undelivered(sessions, evidence)]


def test_what_is_deposited_under_its_session_is_delivered() -> None:
    assert left([dock(1, file("D/A.MP4"), file("D/B.MP4"))], deposit(2, "A.MP4")) == ["D/B.MP4"]


def test_another_size_or_session_answers_for_nothing() -> None:
    docked = [dock(1, file("A.MP4"))]
    assert left(docked, deposit(2, "A.MP4", 6), deposit(3, "A.MP4", session=OTHER)) == ["A.MP4"]


def test_a_file_that_stays_on_the_card_is_answered_by_its_first_session() -> None:
    later = file("A.MP4", at_ms=DAY + 8 * 3_600_000)  # the same, on a machine of another zone
    docked = [dock(1, file("A.MP4")), dock(3, later, file("B.MP4"), session=OTHER)]
    assert left(docked, deposit(2, "A.MP4")) == ["B.MP4"]


def test_a_number_that_is_given_again_is_another_file() -> None:
    docked = [dock(1, file("A.MP4")), dock(3, file("A.MP4", at_ms=DAY + 123_456), session=OTHER)]
    (missing,) = find_undelivered(docked, [deposit(2, "A.MP4")])
    assert missing.session == OTHER


def test_of_two_that_cannot_be_told_apart_both_are_listed() -> None:
    docked = [dock(1, file("100/A.MP4"), file("101/A.MP4"))]
    assert left(docked, deposit(2, "A.MP4")) == ["100/A.MP4", "101/A.MP4"]
    assert left(docked, deposit(2, "A.MP4"), deposit(3, "A.MP4")) == []


def test_a_cause_counts_only_for_the_gap_it_names() -> None:
    gaps = [("unpaired", "BWC-310"), ("file_gone", "A.MP4")]
    docked = dock(1, file("A.MP4"), gaps=gaps)
    (first,) = find_undelivered([docked, explanation(2, docked, 1)], [])
    (second,) = find_undelivered([docked, explanation(2, docked, 2)], [])
    assert (first.told, first.cause, second.cause) == ("file_gone", "", "battery")


def test_a_cause_that_was_signed_before_its_gap_counts_for_nothing() -> None:
    docked = dock(2, file("A.MP4"), gaps=[("file_gone", "A.MP4")])
    (missing,) = find_undelivered([explanation(1, docked, 1), docked], [])
    assert missing.cause == ""


def test_a_lost_statement_is_said() -> None:
    lost = Said(index=4, at_ms=DAY, keyid="", statement=None)
    assert [(one.what, one.index) for one in find_missing([dock(1), lost], [])] == [
        (Absent.STATEMENT, 4)
    ]


def test_evidence_of_no_docked_session_is_said_once() -> None:
    evidence = [deposit(2, "A.MP4", session=OTHER), deposit(3, "B.MP4", session=OTHER)]
    (missing,) = find_missing([dock(1)], evidence)
    assert (missing.what, missing.session, missing.index) == (Absent.DOCK, OTHER, 2)
