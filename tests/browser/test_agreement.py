"""Two verifiers, one verdict: on what the tamper suite, whose packets are small, does not reach."""

from pathlib import Path
from typing import Any

import pytest

from ledger.errors import Malformed
from ledger.evidence.chunks import CHUNK_SIZE
from ledger.report import Outcome, Report
from ledger.tlog.checkpoint import Checkpoint
from ledger.verify import verify_packet
from storage.packets import open_packet
from storage.public_copy import DirectoryLog
from storage.trust_directory import read_trust
from testkit.case import (
    LOG,
    NOTARY,
    ORIGIN,
    STRICT,
    Built,
    MemoryPacket,
    evidence,
    make_case,
    sign_all,
    zip_bytes,
)
from testkit.second_verifier import (
    compare,
    compare_refusal,
    remember_trusts,
    second_verifier,
    verdict_of,
)

GOLDEN = Path(__file__).parents[1] / "golden"

remember_trusts()


@pytest.fixture
def short_lookahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


def _both(built: Built) -> Report:
    files, trust = built.sealed(), built.trust
    report = verify_packet(MemoryPacket(files), trust, log=built.log, require=STRICT)
    answer = verdict_of(MemoryPacket(files), trust, log=built.log, require=STRICT)
    compare(report.to_json(), answer)
    return report


# --- whole packets -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "with_log", "ahead"),
    [("v1", True, 65_536), ("v1", False, 64), ("sequence", True, 64), ("sequence", False, 64)],
)
def test_the_golden_packets_get_the_same_report(
    name: str, with_log: bool, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", ahead)
    folder = GOLDEN / name
    packet, trust = open_packet(folder / "packet.zip"), read_trust(folder / "trust")
    log = DirectoryLog(folder / "public") if with_log else None
    report = verify_packet(packet, trust, log=log).to_json()
    assert verdict_of(packet, trust, log=log)["report"] == report


def test_a_trust_folder_on_the_disk_is_read_as_in_memory() -> None:
    folder = GOLDEN / "v1"
    request = {"packet": str(folder / "packet.zip"), "trust": str(folder / "trust")}
    answer = second_verifier().ask({**request, "lookahead": 64})
    assert answer["report"]["outcome"] == "passed"
    assert answer["report"]["trust"] == read_trust(folder / "trust").hash


# --- items of several chunks ---------------------------------------------------------------------

SIZES = (0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 12 * CHUNK_SIZE, 20 * CHUNK_SIZE + 5)


def _large(size: int) -> Built:
    case = make_case()
    data = bytes(i * i % 251 for i in range(65_536)) * (size // 65_536 + 1)
    case.add(evidence("large", 20, {"large.bin": data[:size]}, batch=1), after="record")
    return case.build()


@pytest.mark.usefixtures("short_lookahead")
@pytest.mark.parametrize("size", SIZES)
def test_items_of_any_number_of_chunks(size: int, tmp_path: Path) -> None:
    built = _large(size)
    assert _both(built).outcome is Outcome.PASSED
    path = tmp_path / "packet.zip"
    path.write_bytes(zip_bytes(built.sealed()))
    report = verify_packet(open_packet(path), built.trust, log=built.log)
    compare(report.to_json(), verdict_of(open_packet(path), built.trust, log=built.log))


@pytest.mark.usefixtures("short_lookahead")
@pytest.mark.parametrize("at", [0, 5 * CHUNK_SIZE + 7, 20 * CHUNK_SIZE + 4])
def test_one_byte_of_a_large_item(at: int, tmp_path: Path) -> None:
    built = _large(SIZES[-1])
    path = next(p for p, data in built.files.items() if len(data) == SIZES[-1])
    altered = bytearray(built.files[path])
    altered[at] ^= 1
    built.files[path] = bytes(altered)
    report = _both(built)
    assert [f.step for f in report.findings if f.outcome is Outcome.FAILED] == ["item"]


@pytest.mark.usefixtures("short_lookahead")
def test_a_file_that_is_called_not_checked_here_decides_nothing() -> None:
    case = make_case()
    draft = case.draft("photo")
    draft.subject[0]["name"] = "not checked here: timestamp tokens"
    draft.items = ()
    built = case.build()
    files, trust = built.sealed(), built.trust
    report = verify_packet(MemoryPacket(files), trust, log=built.log)
    assert report.outcome is Outcome.PASSED
    compare(report.to_json(), verdict_of(MemoryPacket(files), trust, log=built.log))


# --- numbers that are not exact as a double ------------------------------------------------------

NUMBERS = (2**53 - 1, 2**53, 2**53 + 1, 2**62 + 1, 2**63 - 1)


@pytest.mark.usefixtures("short_lookahead")
@pytest.mark.parametrize("at", NUMBERS)
def test_a_cosigner_whose_clock_names_a_year_that_is_not_to_come(at: int) -> None:
    case = make_case()
    case.cosign = lambda size, given: [(NOTARY, given), (case.cosigners[1][1], at)]
    assert _both(case.build()).outcome is not Outcome.PASSED


@pytest.mark.usefixtures("short_lookahead")
@pytest.mark.parametrize("size", (*NUMBERS, 2**63))
def test_a_checkpoint_over_more_entries_than_there_can_be(size: int) -> None:
    built = make_case().build()
    checkpoint = Checkpoint(ORIGIN, size, bytes(32))
    note = sign_all(checkpoint, LOG, [(k, 1_795_430_400) for _, k in built.case.cosigners])
    built.files["data/checkpoints/2026.note"] = note.encode()
    assert _both(built).outcome is Outcome.FAILED
    built = make_case().build()
    built.log.files["2026", "checkpoint"] = note.encode()
    _both(built)


# --- what agreement is ---------------------------------------------------------------------------


def _report(*findings: tuple[str, str, str], outcome: str = "passed") -> dict[str, Any]:
    listed = [{"step": s, "outcome": o, "about": "packet", "detail": d} for s, o, d in findings]
    facts = ("case", "checkpoints", "decisions", "groups", "items", "packet", "timestamps", "trust")
    return {**dict.fromkeys(facts, ""), "findings": listed, "outcome": outcome, "v": 1}


PASSED = _report(("item", "passed", "2 items"), ("time", "passed", "9 statements"))
NOT_HERE = ("time", "undecided", "not checked here: timestamp tokens")
SM2 = (
    "certificate",
    "undecided",
    "not checked here: SM2 cannot be computed: no library for it is in use",
)


def test_a_report_agrees_with_itself() -> None:
    compare(PASSED, {"report": PASSED})


@pytest.mark.parametrize(
    "other",
    [
        PASSED | {"outcome": "failed"},
        PASSED | {"outcome": "undecided"},
        PASSED | {"packet": "another"},
        PASSED | {"items": "other"},
        _report(("item", "passed", "3 items"), ("time", "passed", "9 statements")),
        _report(("item", "passed", "2 items")),
        _report(("item", "failed", "2 items"), ("time", "passed", "9 statements")),
        # What is not checked there excuses nothing but itself.
        _report(("item", "undecided", "2 items"), NOT_HERE, outcome="undecided"),
        _report(("item", "passed", "2 items"), NOT_HERE, outcome="failed"),
        _report(("item", "passed", "2 items"), NOT_HERE),
        # Nor is another reason one, and of a step before it nothing rests on it.
        _report(("item", "passed", "2 items"), ("time", "undecided", "not checked here: x")),
        _report(("item", "undecided", "2 items"), SM2, outcome="undecided"),
        # A fault is no verdict, and no excuse.
        _report(("item", "undecided", "not checked here: this program has failed: x")),
    ],
)
def test_every_other_report_does_not_agree(other: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        compare(PASSED, {"report": other})


def test_what_is_not_checked_there_may_be_anything_here() -> None:
    other = _report(("item", "passed", "2 items"), NOT_HERE, outcome="undecided")
    compare(PASSED, {"report": other})
    failed = _report(("item", "passed", "2 items"), ("time", "failed", "x"), outcome="failed")
    compare(failed, {"report": other})
    # But it never passes.
    with pytest.raises(AssertionError):
        compare(failed, {"report": other | {"outcome": "passed"}})


def test_a_refusal_agrees_with_a_refusal_only() -> None:
    compare_refusal(Malformed("x"), {"refused": "Malformed", "message": "y"})
    compare_refusal(None, {"report": None})
    with pytest.raises(AssertionError):
        compare_refusal(Malformed("x"), {"report": None})
    with pytest.raises(AssertionError):
        compare_refusal(None, {"refused": "Malformed", "message": "y"})
