"""Notarial certificates: not registered, revoked, revoked since, and whose revocation counts."""

from dataclasses import replace
from pathlib import Path

import pytest

from cli.main import main
from ledger.errors import Unavailable
from ledger.evidence.chunks import digest_item
from ledger.report import Finding, Group, Outcome, Report
from ledger.tlog.note import VerifierKey
from ledger.verify import verify_packet
from testkit.case import (
    HANDLER,
    STATION,
    Built,
    Case,
    Draft,
    MemoryPacket,
    key,
    make_case,
    registration,
)
from testkit.mirrors import MIRROR, add_statements, trust_mirrors
from testkit.notarial import LI, PDF, WANG, issued, registrations, revoked
from testkit.tampering import path_of

STRICT = frozenset({Group.COMPLETE, Group.ORDER})


@pytest.fixture(autouse=True)
def few_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.evidence.series.LOOKAHEAD", 64)


def case_with(*more: Draft) -> Case:
    made = make_case()
    made.drafts[4:4] = registrations()
    made.drafts += more
    return made


def built_with(*more: Draft, pdf: bytes | None = PDF) -> Built:
    built = case_with(*more).build()
    if pdf is not None:
        built.files["data/certificates/01.pdf"] = pdf
    return built


def of(report: Report, step: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.step == step]


def test_a_certificate_that_two_notaries_logged_passes() -> None:
    photo = make_case().draft("photo")
    report = built_with(issued(about=[photo])).verify()
    assert report.outcome is Outcome.PASSED, report.findings
    (finding,) = of(report, "certificate")
    assert "苏姑证字第417号" in finding.detail and WANG.name in finding.detail
    assert LI.name in finding.detail
    (finding,) = of(report, "revoked")
    assert finding.outcome is Outcome.PASSED and "not revoked as of" in finding.detail


@pytest.mark.usefixtures("alone")
def test_where_signatures_cannot_be_checked_nothing_is_said_of_who_issued_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such as SM2 on a machine without the library for it."""
    built = built_with(issued())
    names, verify = {WANG.name, LI.name, HANDLER.name}, VerifierKey.verify

    def unable(self: VerifierKey, message: bytes, signature: bytes) -> None:
        if message.startswith(b"DSSEv1") and self.name in names:
            raise Unavailable("no library for this key")
        verify(self, message, signature)

    monkeypatch.setattr(VerifierKey, "verify", unable)
    report = built.verify(require=frozenset())
    assert report.outcome is Outcome.UNDECIDED
    (finding,) = of(report, "certificate")
    assert finding.outcome is Outcome.UNDECIDED and "was not checked" in finding.detail
    # Nor is anything shown to be before a decision that may be nobody's.
    assert {f.outcome for f in of(report, "fence")} == {Outcome.UNDECIDED}
    assert report.facts.decisions == ()


@pytest.mark.usefixtures("alone")
def test_an_item_whose_signature_cannot_be_checked_is_before_no_decision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built, verify = make_case().build(), VerifierKey.verify

    def unable(self: VerifierKey, message: bytes, signature: bytes) -> None:
        if message.startswith(b"DSSEv1") and self.name == STATION.name:
            raise Unavailable("no library for this key")
        verify(self, message, signature)

    monkeypatch.setattr(VerifierKey, "verify", unable)
    report = built.verify(require=frozenset())
    assert report.facts.decisions  # a handler's, whose key could be checked
    (finding,) = [f for f in of(report, "fence") if f.about == built.place("video").to_text()]
    assert finding.outcome is Outcome.UNDECIDED and "was not checked" in finding.detail


def test_a_certificate_without_a_statement_is_not_registered() -> None:
    for report in (built_with().verify(), built_with(issued(), pdf=PDF + b"x").verify()):
        assert report.outcome is Outcome.FAILED
        (finding,) = of(report, "certificate")
        assert finding.detail.startswith("not registered")


def test_a_certificate_that_one_notary_signed_is_not_registered() -> None:
    report = built_with(replace(issued(), signers=(WANG,))).verify()
    assert report.outcome is Outcome.FAILED
    assert of(report, "certificate")[0].detail.startswith("not registered")
    assert any("want 2 persons" in f.detail for f in of(report, "signature"))


def test_a_revoked_certificate_fails_wherever_it_is_presented() -> None:
    certificate = issued()
    built = built_with(certificate, revoked(certificate))
    report = built.verify(log=False, require=frozenset())
    assert report.outcome is Outcome.FAILED
    assert "was revoked, seen by the quorum at 2026" in of(report, "certificate")[0].detail
    # Left out of the packet and presented beside it: the same.
    del built.files["data/certificates/01.pdf"]
    beside = verify_packet(
        MemoryPacket(built.sealed()), built.trust, certificates={"c.pdf": digest_item(PDF)}
    )
    assert [f.about for f in of(beside, "certificate")] == ["c.pdf"]
    assert beside.outcome is Outcome.FAILED


def test_what_is_revoked_and_not_presented_fails_no_evidence() -> None:
    certificate = issued()
    report = built_with(certificate, revoked(certificate), pdf=None).verify()
    assert report.outcome is Outcome.PASSED, report.findings
    assert "was revoked, and is not presented" in of(report, "certificate")[0].detail


def test_a_packet_of_before_the_revocation_fails_by_the_log_of_today() -> None:
    certificate = issued()
    old = built_with(certificate)
    today = built_with(certificate, revoked(certificate))
    report = verify_packet(MemoryPacket(old.sealed()), old.trust, log=today.log)
    assert report.outcome is Outcome.FAILED
    (finding,) = of(report, "revoked")
    index = today.row("revoked").index
    assert finding.detail == f"entry {index} of log 2026 is about this certificate: it was revoked"
    # Without a log nobody can know: said so, and not passed.
    report = verify_packet(MemoryPacket(old.sealed()), old.trust)
    assert [f.outcome for f in of(report, "revoked")] == [Outcome.UNDECIDED]


def test_a_copy_older_than_the_packet_decides_nothing() -> None:
    old, today = built_with(), built_with(issued())
    report = verify_packet(MemoryPacket(today.sealed()), today.trust, log=old.log)
    (finding,) = of(report, "revoked")
    assert finding.outcome is Outcome.UNDECIDED and "ends before the packet" in finding.detail


def test_a_copy_whose_entries_are_not_those_of_its_checkpoint_decides_nothing_good() -> None:
    built = built_with(issued())
    paths = [path for path in built.log.files if "entries" in path[1]]
    built.log.files[paths[0]] = built.log.files[paths[0]].replace(b'"v":1', b'"v":2', 1)
    (finding,) = of(built.verify(), "revoked")
    assert finding.outcome is Outcome.FAILED


def test_a_copy_of_the_packets_size_with_another_root_is_a_second_history() -> None:
    """Two cosigners collude with the operator, who shows a log without the revocation."""
    certificate = issued()
    built = built_with(certificate)
    other = case_with(certificate)
    other.draft("photo").predicate["purpose"] = "another"
    report = verify_packet(MemoryPacket(built.sealed()), built.trust, log=other.build().log)
    (finding,) = of(report, "revoked")
    size = len(built.rows)
    assert finding.detail == f"two checkpoints of size {size} differ: the log has two histories"
    assert finding.outcome is Outcome.FAILED


def test_the_revocation_by_another_office_takes_nothing_back() -> None:
    zhao = key("zhao.other.example")
    certificate = issued()
    theirs = replace(revoked(certificate, agency="notary-02"), signers=(zhao,))
    made = case_with(certificate, theirs)
    made.drafts.insert(4, registration(69, zhao, "notary", agency="notary-02"))
    built = made.build()
    built.files["data/certificates/01.pdf"] = PDF
    (finding,) = of(built.verify(log=False), "certificate")
    assert finding.outcome is Outcome.PASSED


def test_a_certificate_after_the_decision_leaves_the_fence_alone() -> None:
    report = built_with(issued()).verify()
    assert all("certificate" not in f.about for f in of(report, "fence"))
    assert len(of(report, "fence")) == len(of(make_case().build().verify(), "fence"))
    assert all(item.name != "certificate.pdf" for item in report.facts.items)


def test_no_other_file_may_stand_with_the_certificates(tmp_path: Path) -> None:
    built = built_with(issued())
    built.files["data/certificates/01.html"] = b"x"
    assert built.verify().outcome is Outcome.FAILED


def test_the_command_takes_a_certificate_beside_its_packet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = issued()
    built = built_with(certificate, revoked(certificate), pdf=None)
    packet = built.write_folder(tmp_path / "packet")
    trust = tmp_path / "trust"
    for name, data in built.trust_files.items():
        (trust / name).parent.mkdir(parents=True, exist_ok=True)
        (trust / name).write_bytes(data)
    pdf = tmp_path / "c.pdf"
    pdf.write_bytes(PDF)
    usual = ["verify", str(packet), "--trust", str(trust)]
    assert main(usual) == 0
    for lang, words in (("en", "was revoked"), ("zh", "已撤销，达到法定人数的时间")):
        assert main([*usual, "--certificate", str(pdf), "--lang", lang]) == 1
        assert words in capsys.readouterr().out
    assert main(["verify", str(pdf), "--trust", str(trust)]) == 2
    assert "--certificate" in capsys.readouterr().err


def leave_revocation_out(built: Built) -> Built:
    """Its entry stays and is numbered, as when its maker names it as withheld."""
    for kind in ("salt", "envelope"):
        del built.files[path_of(built, "revoked", kind)]
    return built


def test_a_revocation_that_is_withheld_is_seen_by_its_number() -> None:
    certificate = issued()
    built = leave_revocation_out(built_with(certificate, revoked(certificate)))
    index = built.row("revoked").index
    for log in (False, True):
        report = built.verify(log=log, require=frozenset())
        (finding,) = of(report, "revoked")
        assert finding.outcome is Outcome.FAILED
        assert finding.detail == (
            f"entry {index} of log 2026 is about this certificate: it was revoked"
        )


def test_no_mirror_vouches_for_a_certificate_whose_revocation_is_withheld() -> None:
    certificate = issued()
    built = leave_revocation_out(built_with(certificate, revoked(certificate)))
    report = add_statements(trust_mirrors(built, MIRROR)).verify(log=False)
    assert [f.outcome for f in of(report, "revoked")] == [Outcome.FAILED]
