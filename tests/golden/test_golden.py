"""Folders and packets written by format 1: every later version must open and verify them."""

import shutil
from pathlib import Path

import pytest

from api.services import open_services
from api.settings import Settings
from ledger.audit import audit_log
from ledger.report import Group, Outcome
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.verify import verify_packet
from storage.packets import open_packet
from storage.public_directory import DirectoryLog
from storage.trust_directory import read_trust

GOLDEN = Path(__file__).parent / "v1"
CASE = "苏城管罚〔2026〕417号"


def test_the_golden_packet_is_verified_in_every_group() -> None:
    report = verify_packet(
        open_packet(GOLDEN / "packet.zip"),
        read_trust(GOLDEN / "trust"),
        log=DirectoryLog(GOLDEN / "public"),
        require=frozenset(Group),
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
