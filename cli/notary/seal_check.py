"""Checking the seal of a certificate, offline: PAdES B-LTA, by pyHanko (ETSI EN 319 102-1).

    certificate ‖ signature with time stamp ‖ chain, CRLs, OCSP ‖ document time stamp
    └────────────────────── covered by the document time stamp ─────────────────────┘

pyHanko judges signatures, chains and revocation from what is embedded and handed in; nothing is
fetched. Beyond it we want one seal, certified against any change, a document time stamp that
ends the file, and no second spelling of that stamp's bytes, which nothing else covers.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from cli.notary.attached import need_pyhanko, open_pdf
from ledger.errors import LedgerError, Malformed
from ledger.report import Bilingual, Outcome

TOLERANCE = timedelta(seconds=1)


class SealFinding(StrEnum):
    SEALED = "sealed"
    UNREADABLE = "unreadable"
    NONE = "none"
    ALTERED = "altered"
    APPENDED = "appended"
    REVOKED = "revoked"
    NOT_VALID_THEN = "not_valid_then"
    UNTRUSTED = "untrusted"
    NOT_ARCHIVED = "not_archived"
    UNDECIDED = "undecided"


FINDINGS: dict[SealFinding, Bilingual] = {
    SealFinding.SEALED: {
        "en": "sealed, time-stamped and unaltered since",
        "zh": "已签名并加盖时间戳，此后未被改动",
    },
    SealFinding.UNREADABLE: {"en": "no PDF that can be read", "zh": "不是可读的 PDF"},
    SealFinding.NONE: {"en": "not sealed, or not once", "zh": "没有签名，或签名不止一个"},
    SealFinding.ALTERED: {"en": "altered since it was sealed", "zh": "签名之后被改动"},
    SealFinding.APPENDED: {
        "en": "something was appended to the sealed file",
        "zh": "签名后的文件被追加了内容",
    },
    SealFinding.REVOKED: {
        "en": "the signer's certificate had been revoked",
        "zh": "签名人的数字证书当时已被吊销",
    },
    SealFinding.NOT_VALID_THEN: {
        "en": "a certificate was not valid at the time",
        "zh": "数字证书在当时不在有效期内",
    },
    SealFinding.UNTRUSTED: {
        "en": "no chain to a trusted root",
        "zh": "不能追溯到受信任的根证书",
    },
    SealFinding.NOT_ARCHIVED: {
        "en": "no document time stamp ends the file",
        "zh": "文件末尾没有文档时间戳",
    },
    SealFinding.UNDECIDED: {
        "en": "cannot be decided with what is embedded and at hand",
        "zh": "依据文件内和手头的资料不能判定",
    },
}

_FAILED = {
    SealFinding.UNREADABLE,
    SealFinding.NONE,
    SealFinding.ALTERED,
    SealFinding.APPENDED,
    SealFinding.REVOKED,
    SealFinding.NOT_VALID_THEN,
}
_BY_INDICATION = {
    "OK": SealFinding.SEALED,
    "FORMAT_FAILURE": SealFinding.ALTERED,
    "HASH_FAILURE": SealFinding.ALTERED,
    "SIG_CRYPTO_FAILURE": SealFinding.ALTERED,
    "REVOKED": SealFinding.REVOKED,
    "REVOKED_NO_POE": SealFinding.REVOKED,
    "REVOKED_CA_NO_POE": SealFinding.REVOKED,
    "NOT_YET_VALID": SealFinding.NOT_VALID_THEN,
    "EXPIRED": SealFinding.NOT_VALID_THEN,
    "NO_CERTIFICATE_CHAIN_FOUND": SealFinding.UNTRUSTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SealReport:
    """`signer` (its `certificate` in DER) and `detail` are text from outside.

    Times are those of the time stamps; `judged_at_ms` is the one at which chains and revocation
    were judged.
    """

    finding: SealFinding
    detail: str = ""
    signer: str = ""
    certificate: bytes = field(default=b"", repr=False)
    sealed_at_ms: int | None = None
    archived_at_ms: int | None = None
    judged_at_ms: int | None = None
    revocation_embedded: bool = False

    @property
    def outcome(self) -> Outcome:
        if self.finding is SealFinding.SEALED:
            return Outcome.PASSED
        return Outcome.FAILED if self.finding in _FAILED else Outcome.UNDECIDED

    @property
    def intact(self) -> bool:
        """The bytes are those that were sealed, whatever their signer is worth."""
        return self.finding not in (
            SealFinding.UNREADABLE,
            SealFinding.NONE,
            SealFinding.ALTERED,
            SealFinding.APPENDED,
        )


def open_seal(
    pdf: bytes,
    roots: Sequence[bytes],
    at_ms: int | None = None,
    *,
    tsa_roots: Sequence[bytes] = (),
    crls: Sequence[bytes] = (),
) -> SealReport:
    """Roots in PEM or DER; those of the time stamps are the same unless `tsa_roots` has any.

    Judged at `at_ms`, by default at the document time stamp's own time. Whoever can show that the
    file existed by some time, as the log can by the entry of its statement, passes that time.
    `crls` are newer lists: one that says the signer was revoked before he signed fails the seal.
    """
    need_pyhanko()
    trusted = [[read_certificate(root) for root in some] for some in (roots, tsa_roots or roots)]
    lists = [read_crl(crl) for crl in crls]
    with quiet():
        try:
            return _judge(pdf, trusted[0], trusted[1], lists, at_ms)
        except LedgerError as error:
            return SealReport(finding=SealFinding.UNREADABLE, detail=str(error))
        except (
            Exception
        ) as error:  # whatever makes a parser raise: that it was altered is not known
            detail = f"{type(error).__name__} {error}"
            return SealReport(finding=SealFinding.UNREADABLE, detail=detail)


def _judge(
    pdf: bytes, roots: list[Any], tsa_roots: list[Any], crls: list[Any], at_ms: int | None
) -> SealReport:
    reader = open_pdf(pdf)
    seals, stamps = reader.embedded_regular_signatures, reader.embedded_timestamp_signatures
    if len(seals) != 1:
        return SealReport(finding=SealFinding.NONE, detail=f"{len(seals)} signatures")
    (seal,) = seals
    signer = seal.signer_cert.subject.human_friendly
    about = {"signer": signer, "certificate": seal.signer_cert.dump()}
    if not stamps:
        return SealReport(finding=SealFinding.NOT_ARCHIVED, **about)
    last = stamps[-1]
    if not _ends_the_file(pdf, last):
        return SealReport(finding=SealFinding.APPENDED, **about)
    if not (_is_certified(seal) and _has_one_spelling(pdf, last) and _is_bound(reader, last)):
        return SealReport(finding=SealFinding.ALTERED, **about)
    if not _was_valid(seal):
        return SealReport(finding=SealFinding.NOT_VALID_THEN, **about)
    own = _time_in(last.signed_data)
    at = own if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)
    if not all(asyncio.run(_holds(stamp)) for stamp in stamps):
        return SealReport(finding=SealFinding.ALTERED, detail="a document time stamp", **about)
    result = asyncio.run(_validate(seal, roots, tsa_roots, crls, at))
    status, indication = result.api_status, result.ades_subindic
    if indication.standard_name == "REVOKED_NO_POE" and crls:
        # pyHanko does not get from a list of afterwards back to the seal's own time.
        then = asyncio.run(_validate(seal, roots, tsa_roots, [], own))
        since = _revoked_since(seal.signer_cert, crls)
        stood = then.ades_subindic.standard_name == "OK"
        if stood and since is not None and then.best_signature_time < since:
            result, status, indication = then, then.api_status, then.ades_subindic
    finding = _BY_INDICATION.get(indication.standard_name, SealFinding.UNDECIDED)
    if finding is SealFinding.SEALED and not _is_whole(status, result):
        finding = SealFinding.ALTERED
    return SealReport(
        finding=finding,
        detail="" if finding is SealFinding.SEALED else str(result.failure_msg or indication),
        sealed_at_ms=_ms(result.best_signature_time) if finding is SealFinding.SEALED else None,
        archived_at_ms=_ms(own),
        judged_at_ms=_ms(at),
        revocation_embedded=_has_revocation(reader),
        **about,
    )


async def _holds(stamp: Any) -> bool:
    """Whether it is of these bytes; whom its signer is worth, `_validate` says."""
    from pyhanko.sign.validation import async_validate_pdf_timestamp
    from pyhanko_certvalidator import ValidationContext

    nobody = ValidationContext(trust_roots=[], allow_fetching=False)
    status = await async_validate_pdf_timestamp(stamp, nobody, skip_diff=True)
    return bool(status.intact and status.valid)


async def _validate(
    seal: Any, roots: list[Any], tsa_roots: list[Any], crls: list[Any], at: datetime
) -> Any:
    from pyhanko.sign.validation import policy_decl as policy
    from pyhanko.sign.validation.ades import ades_lta_validation
    from pyhanko_certvalidator.context import CertValidationPolicySpec
    from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
    from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
    from pyhanko_certvalidator.registry import SimpleTrustManager

    def of(trusted: list[Any]) -> Any:
        # Newer lists than the time of judgement are taken: they tell of earlier revocations.
        return CertValidationPolicySpec(
            trust_manager=SimpleTrustManager.build(trusted),
            revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO, retroactive_revinfo=True),
            time_tolerance=TOLERANCE,
        )

    spec = policy.SignatureValidationSpec(
        cert_validation_policy=of(roots),
        ts_cert_validation_policy=of(tsa_roots),
        revinfo_gathering_policy=policy.RevocationInfoGatheringSpec(
            online_fetching_rule=policy.RevinfoOnlineFetchingRule.LOCAL_ONLY
        ),
        local_knowledge=policy.LocalKnowledge(known_crls=crls),
    )
    timing = ValidationTimingInfo(
        validation_time=at, best_signature_time=at, point_in_time_validation=False
    )
    return await ades_lta_validation(
        seal, policy.PdfSignatureValidationSpec(spec), timing_info=timing
    )


def _revoked_since(certificate: Any, crls: list[Any]) -> datetime | None:
    """The earliest that any list says, also as the time from which the key was not safe."""
    times: list[datetime] = []
    for one in crls:
        listed = one.crl_data["tbs_cert_list"]
        if listed["issuer"] != certificate.issuer:
            continue
        for entry in listed["revoked_certificates"] or ():
            if entry["user_certificate"].native == certificate.serial_number:
                unsafe = entry.invalidity_date_value
                times.append(entry["revocation_date"].native)
                times += [] if unsafe is None else [unsafe.native]
    return min(times, default=None)


def _was_valid(seal: Any) -> bool:
    """By the signature's own time stamp, whoever made that; pyHanko leaves it undecided."""
    from pyhanko.sign.validation.generic_cms import extract_tst_data_iter

    stamps = extract_tst_data_iter(seal.signer_info, signed=False)
    validity = seal.signer_cert["tbs_certificate"]["validity"]
    start, end = validity["not_before"].native, validity["not_after"].native
    return all(start <= _time_in(stamp) <= end for stamp in stamps)


def _time_in(token: Any) -> datetime:
    moment: datetime = token["encap_content_info"]["content"].parsed["gen_time"].native
    return moment


def _is_certified(seal: Any) -> bool:
    from pyhanko.sign.fields import MDPPerm

    return bool(seal.docmdp_level == MDPPerm.NO_CHANGES)


def _is_whole(status: Any, result: Any) -> bool:
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    stamp = result.signature_timestamp_status
    return bool(
        status.bottom_line
        and status.coverage >= SignatureCoverageLevel.ENTIRE_REVISION
        and status.modification_level <= ModificationLevel.LTA_UPDATES
        and stamp is not None
        and stamp.ades_subindic.standard_name == "OK"
        and result.oldest_evidence_record_timestamp is not None
    )


def _ends_the_file(pdf: bytes, stamp: Any) -> bool:
    start, first, second, length = (int(number) for number in stamp.byte_range)
    return start == 0 and first < second and second + length == len(pdf)


def _has_one_spelling(pdf: bytes, stamp: Any) -> bool:
    """The gap that no digest covers holds the token, in upper-case hex, and noughts behind it."""
    _, first, second, _ = (int(number) for number in stamp.byte_range)
    content = stamp.pkcs7_content
    token = _token_of(content)
    padding = content[len(token) :]
    return pdf[first:second] == b"<" + content.hex().upper().encode() + b">" and not any(padding)


def _is_bound(reader: Any, stamp: Any) -> bool:
    """What the token does not sign itself is said in one way, or stands in what it stamps."""
    from pyhanko.sign.validation.dss import DocumentSecurityStore

    store = DocumentSecurityStore.read_dss(reader)
    stored = {bytes(ref.get_object().data) for ref in store.certs.values()}
    token, certificate = stamp.signed_data, stamp.signer_cert
    (signer,) = token["signer_infos"]
    # By issuer and number, and not in other letters that readers take for the same.
    name = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
    return (
        _is_exact(_token_of(stamp.pkcs7_content))
        and signer["version"].native == "v1"
        and signer["sid"].chosen.dump() == type(signer["sid"].chosen)(name).dump()
        and token["version"].native == "v3"
        and [each.dump() for each in token["digest_algorithms"]]
        == [signer["digest_algorithm"].dump()]
        and {each.chosen.dump() for each in token["certificates"]} <= stored
        and not token["crls"]
        and not signer["unsigned_attrs"]
    )


def _is_exact(data: bytes) -> bool:
    """Of DER: each part is filled by those in it, to the byte."""
    from asn1crypto import parser  # type: ignore[import-untyped]

    kind, constructed, tag, _, content, trailer = parser.parse(data, strict=True)
    if trailer or (kind, tag) == (0, 0):
        return False
    while constructed and content:
        size = parser.peek(content)
        if not _is_exact(content[:size]):
            return False
        content = content[size:]
    return True


def _token_of(content: bytes) -> bytes:
    from asn1crypto import parser

    return content[: parser.peek(content)]


def _has_revocation(reader: Any) -> bool:
    from pyhanko.sign.validation.dss import DocumentSecurityStore

    store = DocumentSecurityStore.read_dss(reader)
    return bool(store.crls or store.ocsps)


def read_certificate(data: bytes) -> Any:
    """PEM or DER."""
    from asn1crypto import pem, x509

    try:
        if pem.detect(data):
            _, _, data = pem.unarmor(data)
        certificate = x509.Certificate.load(data, strict=True)
        certificate.public_key.algorithm  # noqa: B018  asn1crypto parses when asked
    except (ValueError, TypeError, KeyError) as error:
        raise Malformed(f"want a certificate in PEM or DER: {error}") from None
    return certificate


def read_crl(data: bytes) -> Any:
    """PEM or DER."""
    from asn1crypto import crl, pem
    from pyhanko_certvalidator.revinfo.archival import CRLContainer

    try:
        if pem.detect(data):
            _, _, data = pem.unarmor(data)
        lists = crl.CertificateList.load(data, strict=True)
        lists.issuer.native  # noqa: B018  asn1crypto parses when asked
    except (ValueError, TypeError, KeyError) as error:
        raise Malformed(f"want a list of revoked certificates: {error}") from None
    return CRLContainer(lists)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@contextmanager
def quiet() -> Iterator[None]:
    """pyHanko logs a traceback for each chain that does not hold; the report says it once."""
    loggers = [logging.getLogger(name) for name in ("pyhanko", "pyhanko_certvalidator")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
