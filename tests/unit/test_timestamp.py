"""Tokens of a real authority, opened here and by openssl; and all that must be refused."""

import dataclasses
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, crl, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import TimestampRequestBuilder, decode_timestamp_response

from ledger.errors import LedgerError, Malformed, Rejected
from ledger.timestamp import MAX_TOKEN, Authority, Timestamp, crl_addresses, open_token
from testkit.tsa import POLICY, Tsa, make_authority, openssl_accepts

BODY = b"ledger.example/enforcement/2026\n9\ndz0ATJFULoAp5vdCqkHg7AcA/SQ1fYSsMEMfEwADi44=\n"
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    return make_authority(tmp_path_factory.mktemp("tsa"), crl_address="http://127.0.0.1:1/ca.crl")


@pytest.fixture(scope="module")
def token(tsa: Tsa) -> bytes:
    return tsa.stamp(BODY)


def believed(tsa: Tsa, accept: bytes = b"", crl: bytes = b"") -> Authority:
    return Authority.from_files("lab", tsa.pem, accept or tsa.accept, crl)


def opened(tsa: Tsa, token: bytes, crl: bytes = b"") -> Timestamp:
    return open_token(token, BODY, believed(tsa), crl=crl)


@pytest.mark.parametrize("hash_", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("rsa_signer", [True, False])
@pytest.mark.parametrize("intermediate", [True, False])
def test_a_token_says_when_the_text_existed_at_the_latest(
    tmp_path: Path, intermediate: bool, rsa_signer: bool, hash_: str
) -> None:
    """With the issuer's certificate beside it the set is as openssl writes it: not sorted."""
    tsa = make_authority(
        tmp_path, intermediate=intermediate, rsa_signer=rsa_signer, digest=hash_, ess=hash_
    )
    token = tsa.stamp(BODY, hash_=hash_)
    found = opened(tsa, token)
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    assert now_ms - 60_000 < found.at_ms <= now_ms
    assert (found.latest_ms - found.at_ms, found.policy) == (1000, POLICY)
    assert found.key.hex() == tsa.key_print
    assert found.ends_ms == int(tsa.signer.not_valid_after_utc.timestamp()) * 1000
    # By SHA-1 the older attribute of RFC 2634 names the signer's certificate.
    assert ("sha1" in found.relies_on) is (bytes.fromhex("060b2a864886f70d010910020c") in token)
    assert {hash_, "rsa" if rsa_signer else "ecdsa", "ecdsa"} <= found.relies_on
    assert openssl_accepts(token, BODY, tsa.pem)


@pytest.mark.parametrize("hash_", ["sha256", "sha384", "sha512"])
def test_an_authority_of_other_people_and_another_decade_is_opened_as_well(
    tmp_path: Path, hash_: str
) -> None:
    moment = datetime(2041, 6, 1, 3, 4, 5, 678_000, tzinfo=UTC)
    begins = datetime(2040, 1, 1, tzinfo=UTC)
    tsa = make_authority(tmp_path, intermediate=True, begins=begins)
    token = tsa.stamp_at(BODY, moment, hash_=hash_)
    found = open_token(token, BODY, believed(tsa, b"policy 1.3.6.1.4.1.4146.2.2\n"))
    assert (found.at_ms, found.latest_ms - found.at_ms) == (moment.timestamp() * 1000, 1000)
    # rfc3161-client (1.0.9) drops the fraction of a second.
    second = decode_timestamp_response(token).tst_info.gen_time
    assert second == moment.replace(microsecond=0)


def test_an_old_authority_binds_its_certificate_by_sha_1(tmp_path: Path) -> None:
    tsa = make_authority(tmp_path, ess="sha1")
    token = tsa.stamp(BODY)
    assert opened(tsa, token).policy == POLICY
    assert openssl_accepts(token, BODY, tsa.pem)


def test_a_token_of_another_text_is_none_of_this(tsa: Tsa, token: bytes) -> None:
    for body in (BODY + b"\n", BODY[:-1], b""):
        with pytest.raises(Rejected, match="timestamp of something else"):
            open_token(token, body, believed(tsa))
        assert not openssl_accepts(token, body, tsa.pem)


def test_a_root_alone_makes_nobody_an_authority(tsa: Tsa, token: bytes) -> None:
    assert open_token(token, BODY, believed(tsa, b"policy 1.2.3.4.1\n")).policy == POLICY
    others = b"policy 1.2.3.4.5\nkey %s\n" % (b"0" * 64)
    with pytest.raises(Rejected, match=r"neither its key [0-9a-f]{64} nor policy"):
        open_token(token, BODY, believed(tsa, others))


def test_another_authority_of_the_same_name_is_another(
    tsa: Tsa, token: bytes, tmp_path: Path
) -> None:
    other = make_authority(tmp_path)
    accept = tsa.accept + other.accept
    with pytest.raises(Rejected, match="no chain to one of its certificates"):
        open_token(token, BODY, Authority.from_files("lab", other.pem, accept))
    assert not openssl_accepts(token, BODY, other.pem)


def test_a_certificate_that_had_ended_or_not_begun_is_no_chain(tmp_path: Path) -> None:
    ended = make_authority(tmp_path / "a", begins=NOW - timedelta(3), ends=NOW - timedelta(1))
    later = make_authority(tmp_path / "b", begins=NOW + timedelta(1), ends=NOW + timedelta(3))
    for tsa in (ended, later):
        with pytest.raises(Rejected, match="not valid at validation time"):
            opened(tsa, tsa.stamp(BODY))


def test_a_token_is_opened_at_its_own_time_whatever_the_time_is_now(tsa: Tsa, token: bytes) -> None:
    """There is no clock to hand in: what ended since is for the renewals."""
    assert opened(tsa, token) == opened(tsa, token)


@pytest.mark.parametrize(
    ("habits", "why"),
    [
        ({"usages": ()}, "missing required extension"),
        ({"usages": (ExtendedKeyUsageOID.CODE_SIGNING,)}, "for other uses too"),
        (
            {"usages": (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING)},
            "for other uses too",
        ),
        ({"critical": False}, "critical"),
    ],
)
def test_a_certificate_that_is_not_for_timestamps_alone_is_refused(
    tsa: Tsa, tmp_path: Path, habits: dict[str, object], why: str
) -> None:
    other = make_authority(tmp_path, **habits)  # type: ignore[arg-type]
    # openssl would not sign with it; so the certificate is put into a good token's place.
    with pytest.raises((Rejected, Malformed)) as refused:
        _chain_of(other)
    assert why in str(refused.value)


def _chain_of(tsa: Tsa) -> None:
    from ledger.timestamp import _chain

    _chain(tsa.signer, (), believed(tsa), int(datetime.now(UTC).timestamp() * 1000))


def test_a_nonce_ties_the_answer_to_its_question(tsa: Tsa, token: bytes) -> None:
    request = TimestampRequestBuilder().data(BODY).nonce(nonce=True).build()
    response = tsa.reply(request.as_bytes())
    assert open_token(response, BODY, believed(tsa), nonce=request.nonce)
    with pytest.raises(Rejected, match="answers another request"):
        open_token(token, BODY, believed(tsa), nonce=request.nonce)


def test_a_refusal_and_what_is_no_response_are_refused(tsa: Tsa, own_vectors: Path) -> None:
    refused = (own_vectors / "timestamps" / "refused.tsr").read_bytes()
    for data in (refused, b"", b"\x30", b"\x30\x80" * 500, b"no token" * 100):
        with pytest.raises(Malformed):
            opened(tsa, data)
    with pytest.raises(Malformed, match=f"at most {MAX_TOKEN} bytes"):
        opened(tsa, bytes(MAX_TOKEN + 1))


def test_a_token_with_any_bit_changed_is_refused_or_says_the_same(tmp_path: Path) -> None:
    tsa = make_authority(tmp_path, rsa_signer=False)
    token = tsa.stamp(BODY)
    authority = believed(tsa)
    good = open_token(token, BODY, authority)
    refused = 0
    for at in range(len(token)):
        changed = bytearray(token)
        changed[at] ^= 1 << (at % 8)
        try:
            assert open_token(bytes(changed), BODY, authority) == good
        except LedgerError:
            refused += 1
    # What nobody signed is the frame's version numbers and the issuer's own certificate.
    assert refused > 0.6 * len(token)


def test_a_signer_is_named_by_his_own_certificate_and_by_no_other(tmp_path: Path) -> None:
    """Nobody signs the name; other programs find the signer by it, and would find another."""
    tsa = make_authority(tmp_path)
    response = tsp.TimeStampResp.load(tsa.stamp(BODY))
    signed = response["time_stamp_token"]["content"]
    (info,) = signed["signer_infos"]
    info["sid"].chosen["serial_number"] = info["sid"].chosen["serial_number"].native + 1
    with pytest.raises(Rejected, match="named by another certificate"):
        opened(tsa, response.dump(force=True))


def test_a_token_cut_anywhere_is_refused(tsa: Tsa, token: bytes) -> None:
    for size in range(0, len(token), 11):
        with pytest.raises(LedgerError):
            opened(tsa, token[:size])


# --- revocation ------------------------------------------------------------------------------

BEFORE, AFTER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)


def test_a_list_that_does_not_name_it_is_looked_up(tsa: Tsa, token: bytes) -> None:
    assert opened(tsa, token).revocation == "no revocation list of its issuer"
    assert opened(tsa, token, tsa.crl()).revocation == ""
    in_force = tsa.crl(made=NOW - timedelta(days=2))
    assert opened(tsa, token, in_force).revocation == ""
    old = tsa.crl(made=NOW - timedelta(days=32))
    assert opened(tsa, token, old).revocation == (
        "the revocation list had ended before the token was made"
    )


def test_a_list_that_names_no_end_is_of_its_own_day(tsa: Tsa, token: bytes) -> None:
    """RFC 5280 wants the end named; without it nobody knows how long a list says something."""
    for made, said in (
        (AFTER, ""),
        (BEFORE, "the revocation list had ended before the token was made"),
    ):
        assert opened(tsa, token, without_end(tsa, tsa.crl(made=made))).revocation == said


def without_end(tsa: Tsa, data: bytes) -> bytes:
    found = crl.CertificateList.load(data)
    kept = ("version", "signature", "issuer", "this_update")
    told = crl.TbsCertList({name: found["tbs_cert_list"][name] for name in kept})
    assert isinstance(tsa.issuer_key, ec.EllipticCurvePrivateKey)
    return bytes(
        crl.CertificateList(
            {
                "tbs_cert_list": told,
                "signature_algorithm": found["signature_algorithm"],
                "signature": tsa.issuer_key.sign(told.dump(), ec.ECDSA(hashes.SHA256())),
            }
        ).dump()
    )


@pytest.mark.parametrize(
    ("reason", "since", "stands"),
    [
        (x509.ReasonFlags.superseded, AFTER, True),
        (x509.ReasonFlags.cessation_of_operation, AFTER, True),
        (x509.ReasonFlags.superseded, BEFORE, False),
        (x509.ReasonFlags.key_compromise, AFTER, False),
        (x509.ReasonFlags.ca_compromise, AFTER, False),
        (x509.ReasonFlags.unspecified, AFTER, False),
    ],
)
def test_a_key_that_was_compromised_speaks_for_nothing_any_more(
    tsa: Tsa, token: bytes, reason: x509.ReasonFlags, since: datetime, stands: bool
) -> None:
    crl = tsa.crl(reason, since=since)
    for given, own in ((crl, b""), (b"", crl)):
        if stands:
            assert open_token(token, BODY, believed(tsa, crl=own), crl=given).revocation == ""
        else:
            with pytest.raises(Rejected, match=f"was revoked on .*: {reason.value}"):
                open_token(token, BODY, believed(tsa, crl=own), crl=given)


def test_a_list_signed_by_another_is_no_list_of_the_issuer(tsa: Tsa, token: bytes) -> None:
    forged = tsa.crl(key=ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(Rejected, match="not signed by the certificate's issuer"):
        opened(tsa, token, forged)
    with pytest.raises(Malformed, match="revocation list in DER"):
        opened(tsa, token, b"\x30\x00")


def _only(**what: object) -> x509.IssuingDistributionPoint:
    usual = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**usual | what)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "partial",
    [
        x509.DeltaCRLIndicator(1),
        _only(only_some_reasons=frozenset({x509.ReasonFlags.superseded})),
        _only(only_contains_ca_certs=True),
        _only(indirect_crl=True),
    ],
)
def test_a_list_of_a_part_clears_nobody_and_still_names_who_is_on_it(
    tsa: Tsa, token: bytes, partial: x509.ExtensionType
) -> None:
    clean = tsa.crl(partial=partial)
    assert opened(tsa, token, clean).revocation == "no revocation list of its issuer"
    with pytest.raises(Rejected, match="was revoked on"):
        opened(tsa, token, tsa.crl(x509.ReasonFlags.key_compromise, partial=partial))


def test_a_list_of_users_certificates_is_whole_for_a_signer(tsa: Tsa, token: bytes) -> None:
    assert (
        opened(tsa, token, tsa.crl(partial=_only(only_contains_user_certs=True))).revocation == ""
    )


def _point(address: str) -> x509.IssuingDistributionPoint:
    return _only(full_name=[x509.UniformResourceIdentifier(address)])


def test_a_list_of_another_distribution_point_clears_nobody(tsa: Tsa, token: bytes) -> None:
    """An issuer may split its list in parts: a certificate stands in the one that it names."""
    own, other = _point("http://127.0.0.1:1/ca.crl"), _point("http://127.0.0.1:1/ca-2.crl")
    relative = _only(relative_name=tsa.issuer.subject.rdns[0])
    assert opened(tsa, token, tsa.crl(partial=own)).revocation == ""
    for partial in (other, relative):
        clean = tsa.crl(partial=partial)
        assert opened(tsa, token, clean).revocation == "no revocation list of its issuer"
    with pytest.raises(Rejected, match="was revoked on"):
        opened(tsa, token, tsa.crl(x509.ReasonFlags.key_compromise, partial=other))


def test_a_certificate_that_names_no_distribution_point_stands_in_its_issuers(
    tmp_path: Path,
) -> None:
    tsa = make_authority(tmp_path, rsa_signer=False)
    token = tsa.stamp(BODY)
    assert opened(tsa, token, tsa.crl()).revocation == ""
    own = _only(full_name=[x509.DirectoryName(tsa.issuer.subject)])
    assert opened(tsa, token, tsa.crl(partial=own)).revocation == ""
    other = tsa.crl(partial=_point("http://127.0.0.1:1/ca.crl"))
    assert opened(tsa, token, other).revocation == "no revocation list of its issuer"


def test_a_list_made_after_the_certificate_ended_clears_nobody(tsa: Tsa, token: bytes) -> None:
    """An issuer may drop what had ended: silence says nothing any more."""
    ended = tsa.signer.not_valid_after_utc
    last, late = tsa.crl(made=ended), tsa.crl(made=ended + timedelta(seconds=1))
    assert opened(tsa, token, last).revocation == ""
    assert opened(tsa, token, late).revocation == (
        "the revocation list was made after the certificate had ended"
    )
    assert open_token(token, BODY, believed(tsa, crl=late), crl=last).revocation == ""
    with pytest.raises(Rejected, match="was revoked on"):
        opened(tsa, token, tsa.crl(x509.ReasonFlags.key_compromise, made=ended + timedelta(days=1)))


def test_a_key_on_a_curve_that_is_not_known_here_is_refused_in_words(tmp_path: Path) -> None:
    """SM2's, which authorities of this country use."""
    tsa = make_authority(tmp_path, rsa_signer=False)
    response = tsp.TimeStampResp.load(tsa.stamp(BODY))
    signed = response["time_stamp_token"]["content"]
    p256, sm2 = (bytes.fromhex(f"0608{oid}") for oid in ("2a8648ce3d030107", "2a811ccf5501822d"))
    certificate = tsa.signer.public_bytes(serialization.Encoding.DER).replace(p256, sm2)
    signed["certificates"] = [
        cms.CertificateChoices("certificate", cms.Certificate.load(certificate))
    ]
    (signer,) = signed["signer_infos"]
    for attribute in signer["signed_attrs"]:
        if attribute["type"].native == "signing_certificate_v2":
            print_ = hashlib.sha256(certificate).digest()
            attribute["values"] = [tsp.SigningCertificateV2({"certs": [{"cert_hash": print_}]})]
    with pytest.raises(Malformed, match=r"Curve 1\.2\.156\.10197\.1\.301 is not supported"):
        opened(tsa, response.dump())


def test_a_token_says_where_its_lists_are(tsa: Tsa, token: bytes) -> None:
    assert crl_addresses(token, believed(tsa)) == ("http://127.0.0.1:1/ca.crl",)


# --- whom one believes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "why"),
    [
        (b"", "want 1 to 64 lines"),
        (b"policy 1.2.3.4.1\n" * 65, "want 1 to 64 lines"),
        (b"policy\n", "want 'key SHA256' or 'policy OID'"),
        (b"policy 1.2.3.4.1 \n", "want 'key SHA256' or 'policy OID'"),
        (b"policy 1.02\n", "want 'key SHA256' or 'policy OID'"),
        (b"policy 3.1\n", "want 'key SHA256' or 'policy OID'"),
        (b"key 00\n", "want"),
        (b"key " + b"A" * 64 + b"\n", "want"),
        (b"\xff\n", "UTF-8"),
    ],
)
def test_what_is_accepted_of_an_authority_has_one_spelling(
    tsa: Tsa, accept: bytes, why: str
) -> None:
    with pytest.raises(Malformed, match=why):
        Authority.from_files("lab", tsa.pem, accept)


def test_certificates_that_are_none_or_issue_nothing_are_refused(tsa: Tsa) -> None:
    leaf = (tsa.folder / "tsa.pem").read_bytes()
    for pem in (b"", b"x", leaf, tsa.pem * 17):
        with pytest.raises(Malformed):
            Authority.from_files("lab", pem, tsa.accept)
    with pytest.raises(Malformed, match="revocation list"):
        Authority.from_files("lab", tsa.pem, tsa.accept, b"x")


# --- other people's ---------------------------------------------------------------------------

OTHERS = Path(os.environ.get("TIEZHENG_VECTORS", "")) / "timestamps" / "rfc3161-client"


def others(folder: str) -> Authority:
    pem = (OTHERS / folder / "ts_chain.pem").read_bytes()
    policy = b"policy 1.3.6.1.4.1.57264.2\npolicy 1.3.6.1.4.1.57264.4\n"
    return Authority.from_files(folder, pem, policy)


@pytest.mark.skipif("TIEZHENG_VECTORS" not in os.environ, reason="needs TIEZHENG_VECTORS")
@pytest.mark.parametrize(
    ("folder", "file", "why"),
    [
        ("sigstage", "response-sha256", ""),
        ("sigstage", "response-sha384", ""),
        ("sigstage", "response-sha512", ""),
        ("sigstage", "response-no-embedded-cert", ""),
        ("sigstage", "response-invalid-signature", "the signature does not match"),
        ("test_tsa", "response", ""),
        ("test_tsa", "response-injected-certs", ""),
        ("test_tsa", "other_response", "no chain"),
    ],
)
def test_tokens_of_others_are_opened_or_refused_as_their_makers_say(
    folder: str, file: str, why: str
) -> None:
    token = (OTHERS / folder / f"{file}.tsr").read_bytes()
    if not why:
        assert open_token(token, b"hello", others(folder)).authority == folder
        return
    with pytest.raises(Rejected, match=why):
        open_token(token, b"hello", others(folder))


def test_a_timestamp_is_a_value(tsa: Tsa, token: bytes) -> None:
    found = opened(tsa, token)
    assert dataclasses.replace(found) == found


def test_a_token_of_this_day_is_opened_on_every_later_day(own_vectors: Path) -> None:
    """Committed with its certificates, made on 2026-11-26."""
    folder = own_vectors / "timestamps"
    body, pem, crl = ((folder / f"stamped.{n}").read_bytes() for n in ("body", "pem", "crl"))
    authority = Authority.from_files("lab", pem, b"policy 1.2.3.4.1\n")
    found = open_token((folder / "stamped.tsr").read_bytes(), body, authority, crl=crl)
    assert (found.at_ms // 86_400_000, found.revocation) == (20_783, "")
