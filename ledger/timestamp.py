"""Trusted time: RFC 3161 tokens over the text of a checkpoint, opened without a network.

A token is believed at its own time: its signature held then, under a certificate that one of
the verifier's own roots stood for then, made for nothing but timestamps, and accepted by the
verifier by its key or its policy. It says that the text existed then, and nothing else.
`openssl ts -verify -in X.tsr -data X.body -CAfile NAME.pem` asks the same, without the pins.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from ledger import asn1, suite
from ledger.cms import HASHES, ODD, key_name, open_signed
from ledger.encoding import MAX_TIME, clip, parse_hex, parse_utf8
from ledger.errors import Malformed, Rejected, Unknown

MAX_TOKEN = 65_536
MAX_CERTIFICATES = 16
MAX_ACCEPTED = 64

_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_GRANTED = (0, 1)  # granted, granted with modifications
_TIME = re.compile(r"(\d{14})(?:\.(\d{1,9}))?Z", re.ASCII)
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d{0,18})){1,15}", re.ASCII)
MAX_ISSUERS = 3  # between a signer and a root; a loop of them costs a signature a step
_DEFAULT_ACCURACY_MS = 1000  # of a token that names none: RFC 3161 writes whole seconds


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority as its believer knows it: its certificates, and what of theirs he accepts.

    `keys` are SHA-256 of signers' public keys (SubjectPublicKeyInfo), `policies` object
    identifiers. `revoked` are lists of its issuers, where the believer has any.
    """

    name: str
    certificates: tuple[x509.Certificate, ...]
    keys: frozenset[bytes]
    policies: frozenset[str]
    revoked: tuple[x509.CertificateRevocationList, ...] = ()

    @classmethod
    def from_files(cls, name: str, pem: bytes, accept: bytes, crl: bytes = b"") -> Self:
        """`tsa/NAME.pem`, `tsa/NAME.accept` and `tsa/NAME.crl` of a trust folder.

        `accept` has one line or more, each `key <sha256, hex>` or `policy <oid>`: a root
        stands for many authorities, and most of them are not meant.
        """
        certificates = _load_certificates(pem)
        if not any(_is_ca(certificate) for certificate in certificates):
            raise Malformed("want a certificate that may issue others")
        keys, policies = set(), set()
        lines = parse_utf8(accept).splitlines()
        if not 0 < len(lines) <= MAX_ACCEPTED:
            raise Malformed(f"want 1 to {MAX_ACCEPTED} lines 'key SHA256' or 'policy OID'")
        for line in lines:
            match line.split(" "):
                case ["key", print_]:
                    keys.add(parse_hex(print_, suite.DIGEST_SIZE))
                case ["policy", oid] if _OID.fullmatch(oid):
                    policies.add(oid)
                case _:
                    raise Malformed(f"want 'key SHA256' or 'policy OID', got {clip(line)!r}")
        revoked = (_load_revoked(crl),) if crl else ()
        return cls(name, certificates, frozenset(keys), frozenset(policies), revoked)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A token that held at its own time.

    `at_ms` is what it says, `latest_ms` with its accuracy added: the text existed by then.
    `ends_ms` is when the first of its certificates ends; `relies_on` names algorithms.
    """

    authority: str
    at_ms: int
    latest_ms: int
    ends_ms: int
    serial: int
    policy: str
    key: bytes
    relies_on: frozenset[str]
    revocation: str = field(default="")  # empty: the signer's looked up, good; else why not


def open_token(
    response: bytes,
    body: bytes,
    authority: Authority,
    *,
    crl: bytes = b"",
    nonce: int | None = None,
) -> Timestamp:
    """A response (RFC 3161, 2.4.2) over exactly `body`, checked against one authority.

    `crl` is a list that came with it, signed by the issuer of the token's certificate; `nonce`
    that of the request, where it is known. Raises `Malformed` or `Rejected`, and `Unknown` if
    it is of somebody else.
    """
    if len(response) > MAX_TOKEN:
        raise Malformed(f"want a token of at most {MAX_TOKEN} bytes, got {len(response)}")
    signed = open_signed(_token(response), _TST_INFO, authority.certificates)
    try:
        info = asn1.decode_der(asn1.TstInfo, signed.content)
        used = _check_info(info, body, nonce)
        at_ms, latest_ms = _times(info)
    except ODD as error:
        raise Malformed(f"want a timestamp as RFC 3161 writes it: {error}") from None
    key = _key(signed.signer)
    policy = info.policy.dotted_string
    if key not in authority.keys and policy not in authority.policies:
        raise Unknown(f"{authority.name}: neither its key {key.hex()} nor policy {policy} counts")
    try:
        chain = _chain(signed.signer, signed.certificates, authority, at_ms)
    except Rejected as error:
        # Others may use the same policy; a key is one authority's own.
        raise error if key in authority.keys else Unknown(str(error)) from None
    try:
        revocation = _check_revoked(chain, authority, crl, at_ms)
    except ODD as error:
        raise Malformed(f"want a revocation list as RFC 5280 writes it: {error}") from None
    return Timestamp(
        authority=authority.name,
        at_ms=at_ms,
        latest_ms=latest_ms,
        ends_ms=min(_ms(certificate.not_valid_after_utc) for certificate in chain),
        serial=info.serial,
        policy=policy,
        key=key,
        relies_on=frozenset({*signed.relies_on, used, *_algorithms(chain)}),
        revocation=revocation,
    )


def crl_addresses(response: bytes, authority: Authority) -> tuple[str, ...]:
    """Where the certificates in a token say that their revocation lists are."""
    found: list[str] = []
    for certificate in open_signed(
        _token(response), _TST_INFO, authority.certificates
    ).certificates:
        try:
            points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints)
        except ODD:
            continue
        names = (name for point in points.value for name in point.full_name or ())
        found += (n.value for n in names if isinstance(n, x509.UniformResourceIdentifier))
    return tuple(dict.fromkeys(found))


def _token(response: bytes) -> bytes:
    """The token of a response that grants one."""
    try:
        found = asn1.decode_der(asn1.Response, response)
    except ODD:
        raise Malformed("want a response with a timestamp token in it") from None
    if found.status.status not in _GRANTED:
        raise Rejected(f"the authority refused: status {found.status.status}")
    return asn1.whole(found.token)


def _check_info(info: asn1.TstInfo, body: bytes, nonce: int | None) -> str:
    """That it is about `body`; the name of the hash that says so."""
    if info.version != 1:
        raise Malformed(f"want version 1, got {info.version}")
    for extension in info.extensions or ():
        if any(part.tag_bytes == b"\x01" for part in asn1.parts(extension.data)):
            raise Rejected("it has an extension that nobody may overlook")
    oid = asn1.first_oid(info.imprint.algorithm)
    if oid not in HASHES:
        raise Rejected(f"want a SHA-256, SHA-384 or SHA-512 imprint, got {oid}")
    hasher = hashes.Hash(HASHES[oid])
    hasher.update(body)
    if hasher.finalize() != info.imprint.digest:
        raise Rejected("it is a timestamp of something else")
    if nonce is not None and info.nonce != nonce:
        raise Rejected("it answers another request: the nonce is not the one sent")
    return HASHES[oid].name


def _times(info: asn1.TstInfo) -> tuple[int, int]:
    text = bytes(info.at.data).decode("ascii", "replace")
    found = _TIME.fullmatch(text)
    if info.at.tag_bytes != b"\x18" or found is None:
        raise Malformed(f"want a time such as 20261123102000Z, got {clip(text)!r}")
    moment = datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    fraction = (found[2] or "0").ljust(9, "0")
    # Up to the next millisecond: a bound may be too late, never too early.
    at_ms = _ms(moment) + -(-int(fraction) // 1_000_000)
    accuracy_ms = _DEFAULT_ACCURACY_MS
    if (given := info.accuracy) is not None:
        micros = given.micros or 0
        accuracy_ms = 1000 * (given.seconds or 0) + (given.millis or 0) + -(-micros // 1000)
    if not 0 <= at_ms <= at_ms + accuracy_ms <= MAX_TIME:
        raise Malformed(f"no such time: {clip(text)!r}")
    return at_ms, at_ms + accuracy_ms


# --- certificates ----------------------------------------------------------------------------


def _chain(
    signer: x509.Certificate,
    carried: Sequence[x509.Certificate],
    authority: Authority,
    at_ms: int,
) -> list[x509.Certificate]:
    """From the signer to a root of the authority, all of them valid at `at_ms`.

    RFC 5280's path validation, with RFC 3161 2.3's demand on the signer: made for timestamps
    alone, and critically so.
    """
    roots = [certificate for certificate in authority.certificates if _is_ca(certificate)]
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    policy = (
        verification.PolicyBuilder()
        .store(verification.Store(roots))
        .time(moment)
        .max_chain_depth(MAX_ISSUERS)
        .extension_policies(ca_policy=_ISSUER, ee_policy=_SIGNER)
        .build_client_verifier()
    )
    try:
        return list(policy.verify(signer, _apart(carried)).chain)
    except verification.VerificationError as error:
        why = clip(str(error).partition(" (encountered")[0], 200)
        raise Rejected(f"{authority.name}: no chain to one of its certificates: {why}") from None


def _apart(carried: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """One of each name, key and issuer: those that issue each other are tried in every order."""
    found: dict[tuple[x509.Name, bytes, x509.Name], x509.Certificate] = {}
    for one in carried:
        try:
            found.setdefault((one.subject, _key(one), one.issuer), one)
        except ODD:
            continue  # no path leads through what cannot be read
    return list(found.values())


def _for_timestamps(
    policy: verification.Policy, certificate: x509.Certificate, usage: x509.ExtendedKeyUsage
) -> None:
    if list(usage) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise ValueError("its certificate is for other uses too")


def _may_issue(
    policy: verification.Policy, certificate: x509.Certificate, basic: x509.BasicConstraints
) -> None:
    if not basic.ca:
        raise ValueError("it may not issue certificates")


def _may_sign_certificates(
    policy: verification.Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("it may not sign certificates")


def _may_sign(
    policy: verification.Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise ValueError("it may not sign")


_ANY = verification.Criticality.AGNOSTIC
_SIGNER = (
    verification.ExtensionPolicy.permit_all()
    .require_present(x509.ExtendedKeyUsage, verification.Criticality.CRITICAL, _for_timestamps)
    .may_be_present(x509.KeyUsage, _ANY, _may_sign)
)
_ISSUER = (
    verification.ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, _ANY, _may_issue)
    .may_be_present(x509.KeyUsage, _ANY, _may_sign_certificates)
)


def _check_revoked(
    chain: Sequence[x509.Certificate], authority: Authority, crl: bytes, at_ms: int
) -> str:
    """Raises `Rejected` if the signer's certificate was revoked in a way that reaches the token.

    RFC 3161 section 4: a key that was compromised speaks for nothing any more; a certificate
    that ended otherwise speaks for what came before. Returns why nothing could be looked up.
    """
    if len(chain) < 2:
        return "the certificate is one of your own"
    lists = [*authority.revoked, *([_load_revoked(crl)] if crl else [])]
    for certificate, issuer in pairwise(chain):
        for one in (one for one in lists if one.issuer == issuer.subject):
            _check_list(one, certificate, issuer, at_ms)
    own = [one for one in lists if one.issuer == chain[1].subject and _is_whole(one, chain[0])]
    if not own:
        return "no revocation list of its issuer"
    # Later lists need not name what had ended (RFC 5280, 3.3).
    told = [one for one in own if one.last_update_utc <= chain[0].not_valid_after_utc]
    if not told:
        return "the revocation list was made after the certificate had ended"
    if any(_covers(one, at_ms) for one in told):
        return ""
    return "the revocation list had ended before the token was made"


def _is_whole(revoked: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    """Not of changes, some reasons or other certificates only: such a list clears nobody."""
    for extension in revoked.extensions:
        point = extension.value
        if isinstance(point, x509.IssuingDistributionPoint):
            others = point.only_contains_ca_certs or point.only_contains_attribute_certs
            if others or point.only_some_reasons or point.indirect_crl:
                return False
            if not _is_point_of(point, certificate):
                return False
        elif extension.critical:
            return False
    return True


def _is_point_of(point: x509.IssuingDistributionPoint, certificate: x509.Certificate) -> bool:
    """One of those that the certificate names (RFC 5280, 6.3.3); without any, its issuer's."""
    if point.full_name is None and point.relative_name is None:
        return True
    try:
        own = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return x509.DirectoryName(certificate.issuer) in (point.full_name or ())
    return any(
        {*(each.full_name or ())} & {*(point.full_name or ())}
        or (point.relative_name is not None and each.relative_name == point.relative_name)
        for each in own
    )


def _covers(revoked: x509.CertificateRevocationList, at_ms: int) -> bool:
    """Made later, or the one that was in force then; one that names no end is of its own day."""
    ends = revoked.next_update_utc or revoked.last_update_utc
    return _ms(ends) >= at_ms or _ms(revoked.last_update_utc) >= at_ms


def _check_list(
    revoked: x509.CertificateRevocationList,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    at_ms: int,
) -> None:
    if not _signed_by(revoked, issuer):
        raise Rejected("the revocation list is not signed by the certificate's issuer")
    found = revoked.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if found is None:
        return
    since_ms, why = _ms(found.revocation_date_utc), _reason(found)
    if why not in _HARMLESS or since_ms <= at_ms:
        when = found.revocation_date_utc.date().isoformat()
        raise Rejected(f"its certificate was revoked on {when}: {why}")


_HARMLESS = frozenset({"superseded", "affiliationChanged", "cessationOfOperation"})


def _reason(revoked: x509.RevokedCertificate) -> str:
    try:
        return revoked.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        return "unspecified"


def _signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except TypeError:
        return False


def _algorithms(chain: Sequence[x509.Certificate]) -> Iterator[str]:
    """What the signatures below the root rest on: nobody has to believe the root's own."""
    for certificate, issuer in pairwise(chain):
        if (hash_ := certificate.signature_hash_algorithm) is not None:
            yield hash_.name
        yield key_name(issuer)


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return basic.value.ca


def _key(certificate: x509.Certificate) -> bytes:
    public = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return suite.digest(public)


def _load_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    try:
        found = tuple(x509.load_pem_x509_certificates(pem))
        for certificate in found:
            certificate.extensions  # noqa: B018  read whole now, so that nothing fails later
    except ODD:
        raise Malformed("want certificates in PEM") from None
    if not 0 < len(found) <= MAX_CERTIFICATES:
        raise Malformed(f"want 1 to {MAX_CERTIFICATES} certificates, got {len(found)}")
    return found


def _load_revoked(der: bytes) -> x509.CertificateRevocationList:
    try:
        return x509.load_der_x509_crl(der)
    except ODD:
        raise Malformed("want a revocation list in DER") from None


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
