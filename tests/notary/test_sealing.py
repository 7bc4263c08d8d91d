"""The seal: PAdES B-LTA over a certificate, and what its check says of altered ones."""

import io
import random
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from pyhanko.pdf_utils.generic import pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.timestamps import HTTPTimeStamper

from cli.main import main
from cli.notary import seal_check, sealing
from cli.notary.attached import open_pdf, read_attachments
from cli.notary.seal_check import FINDINGS, SealFinding
from cli.notary.sealing import open_pkcs12, open_seal, open_token_key, seal
from cli.notary.typesetting import SHEET, typeset
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable
from ledger.report import Outcome
from storage.wrap_pkcs11 import Pkcs11Token
from testkit.certificate_pages import make_page
from testkit.pkcs12 import to_pkcs12
from testkit.softhsm import LABEL, MODULE, need_token
from testkit.tsa_process import Issued, Tsa, Wrong, leaf, open_tsa, root, write_crl

PROOFS = {"proof.json": b'{"a":1}'}
PASSPHRASE = b"correct horse"
DAY_MS = 86_400_000


@dataclass
class Office:
    """A notary office with a key, the authorities it lives under, and what it has sealed."""

    tsa: Tsa
    issued: Issued
    signer: Any
    unsealed: bytes
    sealed: bytes

    @property
    def roots(self) -> list[bytes]:
        return [self.tsa.root]

    @property
    def crl_url(self) -> str:
        return f"http://127.0.0.1:{self.tsa.port}/1.crl"

    @property
    def crls(self) -> list[bytes]:
        return [self.tsa.crl(0), self.tsa.crl(1)]

    def seal(self, **changed: Any) -> bytes:
        how = {"crls": self.crls, "roots": self.roots, "signer": self.signer} | changed
        return seal(self.unsealed, tsa=self.tsa.url, **how)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_tsa(tmp_path_factory.mktemp("tsa") / "tsa", intermediate=True) as tsa:
        issued = tsa.issue("姑苏公证处", ec_key=True)
        signer = open_pkcs12(to_pkcs12(issued, tsa, PASSPHRASE), PASSPHRASE)
        unsealed = typeset(make_page(), PROOFS)
        office = Office(tsa, issued, signer, unsealed, b"")
        office.sealed = office.seal()
        yield office


@pytest.fixture
def office(made: Office) -> Iterator[Office]:
    yield made
    made.tsa.misbehave, made.tsa.clock_s = None, 0
    for number, issuer in enumerate(made.tsa.ca):
        write_crl(made.tsa.folder / f"{number}.crl", issuer)


def test_a_sealed_certificate_says_who_and_when(office: Office) -> None:
    report = open_seal(office.sealed, office.roots)
    assert report.outcome is Outcome.PASSED
    assert report.intact
    assert report.revocation_embedded
    assert "姑苏公证处" in report.signer
    assert report.sealed_at_ms is not None
    assert report.archived_at_ms is not None
    assert abs(report.sealed_at_ms - time.time() * 1000) < 600_000
    assert report.sealed_at_ms <= report.archived_at_ms == report.judged_at_ms


def test_the_sealed_file_begins_with_the_unsealed_one_and_keeps_what_is_in_it(
    office: Office,
) -> None:
    assert office.sealed.startswith(office.unsealed)
    assert read_attachments(office.sealed) == PROOFS | {SHEET: make_page().to_bytes()}
    metadata = open_pdf(office.sealed).root["/Metadata"].data.decode()
    assert 'pdfaid:part="3"' in metadata
    assert 'pdfaid:conformance="B"' in metadata


def test_an_rsa_key_seals_too(office: Office) -> None:
    signer = open_pkcs12(to_pkcs12(office.tsa.issue("RSA"), office.tsa, PASSPHRASE), PASSPHRASE)
    report = open_seal(office.seal(signer=signer), office.roots)
    assert report.finding is SealFinding.SEALED


def test_revocation_lists_may_be_fetched_where_the_certificates_say(office: Office) -> None:
    sealed = office.seal(crls=(), fetch=True)
    assert open_seal(sealed, office.roots).finding is SealFinding.SEALED


def flips(pdf: bytes, count: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Half of them in the last time stamp's gap, which no digest covers."""
    dice = random.Random(seed)
    _, start, end, _ = map(int, open_pdf(pdf).embedded_timestamp_signatures[-1].byte_range)
    for n in range(count):
        at = dice.randrange(start, end) if n % 2 else dice.randrange(len(pdf))
        yield at, pdf[:at] + bytes([pdf[at] ^ 1 << dice.randrange(8)]) + pdf[at + 1 :]


@pytest.mark.parametrize(("count", "seed"), [(24, 1), pytest.param(500, 2, marks=pytest.mark.slow)])
def test_a_flipped_bit_anywhere_is_altered(office: Office, count: int, seed: int) -> None:
    for at, altered in flips(office.sealed, count, seed):
        report = open_seal(altered, office.roots)
        assert (at, report.outcome, report.intact) == (at, Outcome.FAILED, False)


def rewritten(pdf: bytes) -> bytes:
    """The file with another title, as an incremental update."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    writer.root["/Lang"] = pdf_string("fr")
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize("tail", [b"\n", b"%", b"\n%%EOF\n"])
def test_whatever_is_appended_is_flagged(office: Office, tail: bytes) -> None:
    assert open_seal(office.sealed + tail, office.roots).finding in (
        SealFinding.APPENDED,
        SealFinding.ALTERED,
        SealFinding.UNREADABLE,  # the trailer is no longer where a strict reader looks
    )


def test_an_appended_update_is_flagged(office: Office) -> None:
    report = open_seal(rewritten(office.sealed), office.roots)
    assert (report.finding, report.intact) == (SealFinding.APPENDED, False)


def stamped_again(pdf: bytes, office: Office) -> bytes:
    stamper = PdfTimeStamper(HTTPTimeStamper(office.tsa.url))
    out = stamper.timestamp_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), "sha256")
    return bytes(out.getbuffer())


def test_an_update_with_a_time_stamp_of_its_own_is_no_better(office: Office) -> None:
    report = open_seal(stamped_again(rewritten(office.sealed), office), office.roots)
    assert (report.finding, report.intact) == (SealFinding.ALTERED, False)


def test_one_more_time_stamp_renews_the_seal(office: Office) -> None:
    assert open_seal(stamped_again(office.sealed, office), office.roots).finding is (
        SealFinding.SEALED
    )


def test_a_seal_without_its_document_time_stamp_is_undecided(office: Office) -> None:
    (stamp,) = open_pdf(office.sealed).embedded_timestamp_signatures
    (signature,) = open_pdf(office.sealed).embedded_regular_signatures
    _, _, second, length = map(int, signature.byte_range)
    report = open_seal(office.sealed[: second + length], office.roots)
    assert stamp
    assert (report.finding, report.outcome) == (SealFinding.NOT_ARCHIVED, Outcome.UNDECIDED)


def test_an_unsealed_certificate_is_not_sealed(office: Office) -> None:
    report = open_seal(office.unsealed, office.roots)
    assert (report.finding, report.outcome) == (SealFinding.NONE, Outcome.FAILED)


def test_a_chain_to_nobody_we_trust_is_undecided(office: Office) -> None:
    other = [root("Other Root").pem]
    for roots, tsa_roots in ((other, office.roots), (office.roots, other)):
        report = open_seal(office.sealed, roots, tsa_roots=tsa_roots)
        assert report.outcome is Outcome.UNDECIDED
        assert report.intact


def test_a_key_revoked_before_it_sealed_fails_by_a_newer_list(office: Office) -> None:
    office.tsa.revoke(office.issued, datetime.now(UTC) - timedelta(hours=2))
    report = open_seal(office.sealed, office.roots, crls=office.crls)
    assert (report.finding, report.outcome) == (SealFinding.REVOKED, Outcome.FAILED)
    assert report.intact


def test_a_key_revoked_afterwards_leaves_the_seal_as_it_was(office: Office) -> None:
    office.tsa.revoke(office.issued, datetime.now(UTC) + timedelta(hours=2))
    later = int(time.time() * 1000) + DAY_MS // 4
    for at_ms in (None, later):
        report = open_seal(office.sealed, office.roots, at_ms, crls=office.crls)
        assert report.outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("unsafe_s", "finding"),
    [(None, SealFinding.SEALED), (1, SealFinding.SEALED), (-3600, SealFinding.REVOKED)],
)
def test_a_list_of_afterwards_says_since_when_the_key_was_not_the_offices(
    office: Office, unsafe_s: int | None, finding: SealFinding
) -> None:
    """The list is made after the revocation, as lists are, and that after the seal."""
    sealed_at = datetime.fromtimestamp(report_ms(office) / 1000, UTC)
    after, listed = sealed_at + timedelta(seconds=2), sealed_at + timedelta(seconds=3)
    time.sleep(max(0.0, (listed - datetime.now(UTC)).total_seconds()))  # none is of the future
    unsafe = None if unsafe_s is None else sealed_at + timedelta(seconds=unsafe_s)
    office.tsa.revoke(office.issued, after, listed=listed, unsafe=unsafe)
    report = open_seal(office.sealed, office.roots, crls=office.crls)
    assert (report.finding, report.intact) == (finding, True)
    # Another authority's list says nothing of this key, whatever numbers it names.
    assert open_seal(office.sealed, office.roots, crls=office.crls[:1]).finding is (
        SealFinding.SEALED
    )


def report_ms(office: Office) -> int:
    at_ms = open_seal(office.sealed, office.roots).sealed_at_ms
    assert at_ms is not None
    return at_ms


def test_long_after_it_stands_at_its_own_time_and_is_undecided_at_a_later_one(
    office: Office,
) -> None:
    """Lists and certificates of the test's authorities last thirty days."""
    later = int(time.time() * 1000) + 60 * DAY_MS
    assert open_seal(office.sealed, office.roots, later).outcome is Outcome.UNDECIDED
    assert open_seal(office.sealed, office.roots).outcome is Outcome.PASSED


# --- what is not sealed -----------------------------------------------------------------------


def test_a_revoked_key_does_not_seal(office: Office) -> None:
    office.tsa.revoke(office.issued, datetime.now(UTC) - timedelta(hours=2))
    with pytest.raises(Rejected, match=r"cannot seal: .* was revoked"):
        office.seal()


def test_an_expired_certificate_does_not_seal(office: Office) -> None:
    key = office.issued.key
    old = leaf("Old", key, office.tsa.ca[-1], (), valid_days=(-20, -1))
    signer = open_pkcs12(to_pkcs12(Issued(old, key), office.tsa, PASSPHRASE), PASSPHRASE)
    with pytest.raises(Rejected, match=r"cannot seal: .* expired"):
        office.seal(signer=signer)


def short_lived(office: Office) -> Any:
    """A signer whose certificate ends tomorrow, well before those of the authorities."""
    key, crl = office.issued.key, f"http://127.0.0.1:{office.tsa.port}/1.crl"
    certificate = leaf("Short", key, office.tsa.ca[-1], (), valid_days=(-1, 1), crl=crl)
    return open_pkcs12(to_pkcs12(Issued(certificate, key), office.tsa, PASSPHRASE), PASSPHRASE)


def test_a_certificate_that_expires_later_leaves_the_seal_as_it_was(office: Office) -> None:
    sealed = office.seal(signer=short_lived(office))
    later = int(time.time() * 1000) + 9 * DAY_MS
    assert open_seal(sealed, office.roots, later).finding is SealFinding.SEALED


@pytest.mark.parametrize("days", [10, -10])
def test_outside_its_validity_by_the_time_stamp_a_certificate_does_not_seal(
    office: Office, days: int
) -> None:
    office.tsa.clock_s = days * 86400
    with pytest.raises(Rejected, match="the seal would not stand: not_valid_then"):
        office.seal(signer=short_lived(office))


def test_without_revocation_data_nothing_is_sealed(office: Office) -> None:
    with pytest.raises(Rejected, match=r"cannot seal: .* no revocation information"):
        office.seal(crls=[office.tsa.crl(0)])


def test_under_a_root_that_is_not_ours_nothing_is_sealed(office: Office) -> None:
    with pytest.raises(Rejected, match=r"^cannot seal"):
        office.seal(roots=[root("Other Root").pem])


def test_a_sealed_certificate_is_not_sealed_again(office: Office) -> None:
    with pytest.raises(Malformed, match="sealed once"):
        seal(office.sealed, office.signer, office.tsa.url, office.roots, crls=office.crls)


@pytest.mark.parametrize(
    "wrong",
    [Wrong.REFUSES, Wrong.GARBAGE, Wrong.ERROR, Wrong.REDIRECT, Wrong.ENDLESS, Wrong.NONCE,
     Wrong.IMPRINT],
)  # fmt: skip
def test_an_authority_that_does_wrong_is_refused_by_name(office: Office, wrong: Wrong) -> None:
    office.tsa.misbehave = wrong
    with pytest.raises(LedgerError, match=r"time stamp|want at most \d+ bytes"):
        office.seal()


def test_an_authority_that_hangs_is_not_waited_for(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "WITHIN_S", 0.2)
    office.tsa.misbehave = Wrong.SLOW
    with pytest.raises(Unavailable, match="no answer from"):
        office.seal()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "no url", "ftp://127.0.0.1/"])
def test_an_authority_that_is_not_there_is_unavailable(office: Office, url: str) -> None:
    with pytest.raises(Unavailable, match="no answer from"):
        seal(office.unsealed, office.signer, url, office.roots, crls=office.crls)


# --- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"no p12", bytes(100)])
def test_what_is_no_pkcs12_file_is_refused(data: bytes) -> None:
    with pytest.raises(Rejected, match="no PKCS #12 file"):
        open_pkcs12(data, PASSPHRASE)


def test_a_wrong_passphrase_is_refused_and_not_repeated(office: Office) -> None:
    with pytest.raises(Rejected, match="the passphrase is not its own") as caught:
        open_pkcs12(to_pkcs12(office.issued, office.tsa, PASSPHRASE), b"hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_key_that_no_viewer_knows_is_refused(office: Office) -> None:
    key: Any = ed25519.Ed25519PrivateKey.generate()
    issued = Issued(leaf("Ed", key, office.tsa.ca[-1], ()), key)
    with pytest.raises(Rejected, match="want a key of P-256, or of RSA"):
        open_pkcs12(to_pkcs12(issued, office.tsa, PASSPHRASE), PASSPHRASE)


def make_pair(token: Pkcs11Token, label: str) -> Any:
    """A P-256 pair for this session; what a certificate needs of it."""
    pkcs11 = token.library
    from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

    named = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
    curve = token.session.create_domain_parameters(pkcs11.KeyType.EC, named, local=True)
    public, _ = curve.generate_keypair(label=label, store=False)
    return SimpleNamespace(
        public_key=lambda: serialization.load_der_public_key(encode_ec_public_key(public))
    )


def test_a_key_in_a_token_seals(office: Office) -> None:
    pin_file = need_token().pin_file
    opened = Pkcs11Token(MODULE, LABEL, pin_file)
    key = make_pair(opened, "sealing")
    issued = Issued(leaf("Token", key, office.tsa.ca[-1], (), crl=office.crl_url), key)
    chain = [each.pem for each in office.tsa.ca]
    try:
        sealed = office.seal(signer=open_token_key(opened, "sealing", issued.pem, chain))
        with pytest.raises(LedgerError, match="'another'"):
            office.seal(signer=open_token_key(opened, "another", issued.pem, chain))
    finally:
        opened.close()
    report = open_seal(sealed, office.roots)
    assert report.finding is SealFinding.SEALED
    assert "Token" in report.signer


def test_the_command_seals_with_a_key_in_a_token(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pin_file = need_token().pin_file
    with closing(Pkcs11Token(MODULE, LABEL, pin_file)) as opened:
        key = stored_pair(opened, "office-seal")
    own = Issued(leaf("Token", key, office.tsa.ca[-1], (), crl=office.crl_url), key)
    names = ("own", "above", "root", "draft.pdf")
    data = (own.pem, office.tsa.ca[-1].pem, office.tsa.root, office.unsealed)
    own_file, above, root_file, draft = (tmp_path / name for name in names)
    for name, each in zip(names, data, strict=True):
        (tmp_path / name).write_bytes(each)
    sealed = tmp_path / "sealed.pdf"
    command: list[str | Path] = ["notary", "seal", draft, "-o", sealed, "--tsa", office.tsa.url]
    command += ["--root", root_file, "--fetch", "--seal-key", f"pkcs11:{LABEL}/office-seal"]
    token = ["--token-module", MODULE, "--token-pin", pin_file]
    chain = ["--certificate", own_file, "--certificate", above]
    for missing, said in (([], "want --certificate"), (chain, "want --token-module")):
        assert main([str(part) for part in (*command, *missing)]) == 2
        assert said in capsys.readouterr().err
    above_first = ["--certificate", above, "--certificate", own_file]
    assert main([str(part) for part in (*command, *above_first, *token)]) == 1
    assert not sealed.exists()
    capsys.readouterr()
    assert main([str(part) for part in (*command, *chain, *token)]) == 0
    assert "not issued yet" in capsys.readouterr().out
    assert open_seal(sealed.read_bytes(), office.roots).finding is SealFinding.SEALED


def stored_pair(token: Pkcs11Token, label: str) -> Any:
    from pkcs11.util.ec import encode_ec_public_key

    kind = token.library.ObjectClass.PUBLIC_KEY
    public = encode_ec_public_key(token.session.get_key(object_class=kind, label=label))
    return SimpleNamespace(public_key=lambda: serialization.load_der_public_key(public))


# --- what a check is handed -------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"text", b"%PDF-1.7\n%%EOF", bytes(1000)])
def test_what_is_no_pdf_is_not_intact(office: Office, data: bytes) -> None:
    report = open_seal(data, office.roots)
    assert (report.finding, report.outcome) == (SealFinding.UNREADABLE, Outcome.FAILED)
    assert not report.intact


@pytest.mark.parametrize("data", [b"", b"text", b"-----BEGIN CERTIFICATE-----\n\n", bytes(50)])
def test_what_is_no_root_and_no_list_is_malformed(office: Office, data: bytes) -> None:
    with pytest.raises(Malformed, match="want a certificate"):
        open_seal(office.sealed, [data])
    with pytest.raises(Malformed, match="want a list"):
        open_seal(office.sealed, office.roots, crls=[data])


def test_every_finding_has_words_in_both_languages() -> None:
    assert set(FINDINGS) == set(SealFinding)
    assert all(words["zh"] and words["en"] for words in FINDINGS.values())


def test_a_check_asks_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was connected")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert open_seal(office.sealed, office.roots).outcome is Outcome.PASSED


def test_the_check_leaves_other_peoples_logging_alone(office: Office, tmp_path: Path) -> None:
    import logging

    logger = logging.getLogger("pyhanko")
    logger.setLevel(logging.INFO)
    open_seal(office.sealed, [root("Other Root").pem])
    assert logger.level == logging.INFO
    assert timedelta(minutes=1) > seal_check.TOLERANCE
