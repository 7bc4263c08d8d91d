"""Folders and packets written by format 1: every later version must open and verify them."""

import shutil
from pathlib import Path

import pytest

from api.services import open_services
from api.settings import Settings
from ledger.audit import audit_log, compare_end
from ledger.report import Group, Outcome
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.verify import verify_packet
from storage.packets import open_packet
from storage.public_copy import DirectoryLog
from storage.trust_directory import read_trust

GOLDEN = Path(__file__).parent / "v1"
CASE = "苏城管罚〔2026〕417号"


def test_the_golden_packet_is_verified_in_every_group() -> None:
    report = verify_packet(
        open_packet(GOLDEN / "packet.zip"),
        read_trust(GOLDEN / "trust"),
        log=DirectoryLog(GOLDEN / "public"),
        require=frozenset(Group) - {Group.FORM},
    )
    assert report.outcome is Outcome.PASSED, report.findings
    assert report.facts.case == CASE
    assert [item.name for item in report.facts.items] == [
        "BWC_0088.MP4",
        "空.txt",
        "现场照片.jpg",
        "决定书.txt",
    ]
    assert all(
        item.signed_by.startswith(("station-07.example (station, key ", "handler-12.example ("))
        for item in report.facts.items
    )
    assert [item.order for item in report.facts.items] == ["before", "before", "before", ""]


def test_the_golden_log_is_audited() -> None:
    trust = read_trust(GOLDEN / "trust")
    audit = audit_log(DirectoryLog(GOLDEN / "public"), trust.logs[0])
    assert audit.outcome is Outcome.PASSED, audit.findings


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Git keeps no empty folders and no private modes: neither may matter."""
    target = tmp_path / "ledger"
    shutil.copytree(GOLDEN / "ledger", target)
    return target


def test_the_golden_ledger_folder_is_opened_and_goes_on(copied: Path) -> None:
    services = open_services(copied, Settings())
    try:
        services.start()
        services.custody.status("started", {"entries": services.log.size})
        public = (GOLDEN / "public" / "2026" / "checkpoint").read_bytes()
        golden = Checkpoint.from_text(SignedNote.from_bytes(public).text)
        assert services.log.size == golden.size + 1
        assert len(services.catalog.case(CASE)) == 4
    finally:
        services.close()
    published = services.log.published()
    assert published is not None
    assert published.size == golden.size + 1


def test_the_golden_catalog_is_that_of_its_log(copied: Path) -> None:
    services = open_services(copied, Settings())
    kept = services.catalog.case(CASE)
    services.catalog.rebuild(services.store)
    assert services.catalog.case(CASE) == kept
    services.close()


# --- two logs, one after the other ---------------------------------------------------------------

SEQUENCE = Path(__file__).parent / "sequence"


def test_the_golden_packet_over_two_logs_is_verified_in_every_group() -> None:
    report = verify_packet(
        open_packet(SEQUENCE / "packet.zip"),
        read_trust(SEQUENCE / "trust"),
        log=DirectoryLog(SEQUENCE / "public"),
        require=frozenset(Group) - {Group.FORM},
    )
    assert report.outcome is Outcome.PASSED, report.findings
    assert [(item.place, item.name, item.order) for item in report.facts.items] == [
        ("2026-5", "BWC_0088.MP4", "before"),
        ("2026-5", "空.txt", "before"),
        ("2026-6", "现场照片.jpg", "before"),
        ("2027-2", "BWC_0088.MP4", "before"),
        ("2027-3", "决定书.txt", ""),
    ]
    assert "this log ended with 9 entries, as 2027-0 says" in [f.detail for f in report.findings]


def test_the_golden_logs_are_audited_and_the_first_has_ended() -> None:
    log = DirectoryLog(SEQUENCE / "public")
    first, second = read_trust(SEQUENCE / "trust").logs
    audits = [audit_log(log, one) for one in (first, second)]
    assert [audit.outcome for audit in audits] == [Outcome.PASSED] * 2, audits
    assert compare_end(log, audits[0], second).outcome is Outcome.PASSED


def test_the_golden_ledger_of_two_logs_goes_on_in_the_second(tmp_path: Path) -> None:
    shutil.copytree(SEQUENCE / "ledger", tmp_path / "ledger")
    # An empty folder, by which the ledger knows its items' disk again: git keeps none.
    (tmp_path / "ledger" / "items" / "incoming").mkdir(exist_ok=True)
    services = open_services(tmp_path / "ledger", Settings())
    try:
        services.start()
        before = [head.edge.size for head in services.store.heads()]
        services.custody.status("started", {"entries": services.log.size})
        assert (services.log.label, before[0]) == ("2027", 9)
        assert services.log.size == before[1] + 1
        assert len(services.catalog.case(CASE)) == 4
        kept = services.catalog.case(CASE)
        services.indexer.stop()
        services.catalog.rebuild(services.store)
        assert services.catalog.case(CASE) == kept
    finally:
        services.close()
