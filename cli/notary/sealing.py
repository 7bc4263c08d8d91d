"""Sealing a certificate: PAdES B-LTA by pyHanko, with time stamps of an RFC 3161 authority.

Signed with SHA-256 by a P-256 or RSA key out of a PKCS #12 file or a token, as a certification
that permits no change; then chain and revocation data are put in, and a document time stamp over
all of it. What was made is checked as a court would, before anyone is given it.
"""

import io
from collections.abc import Sequence
from typing import Any

import httpx2

from api.clients.address import without_password
from api.clients.http import fetch, new_client
from cli.notary.attached import need_pyhanko, open_pdf
from cli.notary.seal_check import SealReport, open_seal, quiet, read_certificate
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.report import Outcome
from storage.wrap_pkcs11 import Pkcs11Token

__all__ = ["SealReport", "open_pkcs12", "open_seal", "open_token_key", "seal"]

FIELD = "Notary"
WITHIN_S = 20.0
MAX_REPLY = 256 << 10  # bytes of a time stamp, with its chain
MIN_RSA = 2048


def open_pkcs12(data: bytes, passphrase: bytes) -> Any:
    """The signer in a .p12 file."""
    need_pyhanko()
    from pyhanko.sign.signers import SimpleSigner

    try:
        signer = SimpleSigner.load_pkcs12_data(data, [], passphrase)
    except (ValueError, TypeError):
        raise Rejected("this is no PKCS #12 file, or the passphrase is not its own") from None
    _check_key(signer)
    return signer


def open_token_key(
    token: Pkcs11Token, label: str, certificate: bytes, chain: Sequence[bytes] = ()
) -> Any:
    """The signer whose private key `label` is in the token; the certificate comes as a file."""
    need_pyhanko()
    from pyhanko.sign.pkcs11 import PKCS11Signer

    signer = PKCS11Signer(
        token.session,
        signing_cert=read_certificate(certificate),
        ca_chain=[read_certificate(one) for one in chain],
        key_label=label,
        use_raw_mechanism=True,  # hashed here: tokens do not all know how
    )
    with token.refusals(f"find the key {label!r}"):
        _check_key(signer)
    return signer


def _check_key(signer: Any) -> None:
    """Programs that show a PDF's signatures know these two."""
    key = signer.signing_cert.public_key
    if key.algorithm == "rsa" and key.bit_size >= MIN_RSA:
        return
    if key.algorithm == "ec" and key.curve == ("named", "secp256r1"):
        return
    raise Rejected(f"want a key of P-256, or of RSA with {MIN_RSA} bits, got {key.algorithm}")


def seal(
    pdf: bytes,
    signer: Any,
    tsa: str,
    roots: Sequence[bytes],
    *,
    tsa_roots: Sequence[bytes] = (),
    crls: Sequence[bytes] = (),
    ocsps: Sequence[bytes] = (),
    fetch: bool = False,
) -> bytes:
    """The sealed PDF. `tsa` is the URL of the authority.

    Revocation data must be there for every certificate below a root: in `crls` and `ocsps`, or,
    with `fetch`, where the certificates say. Raises `Rejected` where the seal would not stand.
    """
    if open_pdf(pdf).embedded_signatures:
        raise Malformed("want a PDF without signatures: a certificate is sealed once")
    with quiet(), new_client(WITHIN_S) as client:
        sealed = _sign(pdf, signer, _stamper(tsa, client), (*roots, *tsa_roots), crls, ocsps, fetch)
    report = open_seal(sealed, roots, tsa_roots=tsa_roots)
    if report.outcome is not Outcome.PASSED or not report.revocation_embedded:
        raise Rejected(f"the seal would not stand: {report.finding}: {report.detail}")
    return sealed


def _sign(
    pdf: bytes,
    signer: Any,
    stamper: Any,
    roots: Sequence[bytes],
    crls: Sequence[bytes],
    ocsps: Sequence[bytes],
    fetch: bool,
) -> bytes:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers
    from pyhanko.sign.general import SigningError
    from pyhanko.sign.timestamps.common_utils import TimestampRequestError
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko_certvalidator import ValidationContext
    from pyhanko_certvalidator.errors import PathError, ValidationError

    context = ValidationContext(
        trust_roots=[read_certificate(root) for root in roots],
        other_certs=list(signer.cert_registry),
        crls=list(crls),
        ocsps=list(ocsps),
        allow_fetching=fetch,
        revocation_mode="require",
    )
    making = signers.PdfSigner(
        _how(context), signer, timestamper=stamper, new_field_spec=fields.SigFieldSpec(FIELD)
    )
    try:
        out = making.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)))
    except TimestampRequestError as error:
        raise Unavailable(f"no time stamp: {error}", hints=("try again later",)) from None
    except RuntimeError as error:  # the base of what python-pkcs11 raises
        raise Unavailable(f"the token did not sign: {type(error).__name__}") from None
    except (SigningError, SignatureValidationError, ValidationError, PathError) as error:
        raise Rejected(
            f"cannot seal: {_why(error)}",
            hints=("its chain and revocation lists must be at hand, and valid today",),
        ) from None
    return bytes(out.getbuffer())


def _how(context: Any) -> Any:
    """As PAdES has it: certified, with all that a verifier wants in it, and stamped at the end."""
    from pyhanko.sign import fields, signers
    from pyhanko.sign.signers import pdf_signer

    return signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=fields.SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        embed_validation_info=True,
        use_pades_lta=True,
        validation_context=context,
        # All of it before the document time stamp, which so covers it and ends the file.
        dss_settings=pdf_signer.DSSContentSettings(
            include_vri=False,
            next_ts_settings=pdf_signer.TimestampDSSContentSettings(
                include_vri=False, update_before_ts=True
            ),
        ),
    )


def _check_answer(asked: Any, answered: Any) -> None:
    """Only that it answers this request; who signed it is judged with the seal."""
    token = answered["time_stamp_token"]["content"]
    info = token["encap_content_info"]["content"].parsed
    for name in ("message_imprint", "nonce"):
        if info[name].dump() != asked[name].dump():
            raise Rejected(f"the time stamp is not the one that was asked for: another {name}")


def _why(error: BaseException) -> str:
    """pyHanko's own sentence, and what was behind it."""
    return f"{error}: {error.__cause__}" if error.__cause__ else str(error)


def _stamper(url: str, client: httpx2.Client) -> Any:
    """pyHanko's client, over our HTTP: it takes no redirect and no endless answer."""
    from asn1crypto import tsp  # type: ignore[import-untyped]
    from pyhanko.sign.timestamps import TimeStamper

    class Stamper(TimeStamper):
        async def async_request_tsa_response(self, req: Any) -> Any:
            headers = {"Content-Type": "application/timestamp-query"}
            status, body = fetch(
                client, "POST", url, MAX_REPLY, within_s=WITHIN_S,
                content=req.dump(), headers=headers,
            )  # fmt: skip
            if status != 200:
                shown = without_password(url)
                raise Unavailable(f"want a time stamp from {shown}, got the status {status}")
            try:
                answered = tsp.TimeStampResp.load(body, strict=True)
                answered["status"].native  # noqa: B018  asn1crypto parses when asked
            except (ValueError, TypeError) as error:
                raise Malformed(f"want a time stamp, got a refusal or worse: {error}") from None
            _check_answer(req, answered)
            return answered

    return Stamper()  # type: ignore[no-untyped-call]
