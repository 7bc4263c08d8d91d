"""Signed content of CMS (RFC 5652 section 5) with one signer, as a timestamp token is.

Read and checked here: the signer's attributes, the digest of the content in them, the binding
to one certificate (RFC 5035), the signature. Whether that certificate is to be believed is
for the caller. Only what authorities write today: SHA-2, RSA, ECDSA, Ed25519.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from ledger import asn1
from ledger.errors import Malformed, Rejected

MAX_CERTIFICATES = 8  # the loops that more could make take as many signatures
MAX_ATTRIBUTES = 32
MIN_RSA = 2048

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"

HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
# With which hash, where the algorithm says so itself; else the signer's `digest` does.
_RSA: Mapping[str, hashes.HashAlgorithm | None] = {
    "1.2.840.113549.1.1.1": None,
    "1.2.840.113549.1.1.11": hashes.SHA256(),
    "1.2.840.113549.1.1.12": hashes.SHA384(),
    "1.2.840.113549.1.1.13": hashes.SHA512(),
}
_ECDSA: Mapping[str, hashes.HashAlgorithm] = {
    "1.2.840.10045.4.3.2": hashes.SHA256(),
    "1.2.840.10045.4.3.3": hashes.SHA384(),
    "1.2.840.10045.4.3.4": hashes.SHA512(),
}
_ED25519 = "1.3.101.112"

# What readers of ASN.1 and X.509 raise over bytes that are none; those of x509 are no
# ValueError, nor is what a key on a curve that is not known here raises (SM2's, for one).
ODD = (
    *(ValueError, TypeError, OverflowError, IndexError, UnsupportedAlgorithm),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
    x509.ExtensionNotFound,
)


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed, by the key of which certificate. `relies_on` names the algorithms."""

    content: bytes
    signer: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    relies_on: frozenset[str]


def open_signed(data: bytes, kind: str, more: Iterable[x509.Certificate] = ()) -> Signed:
    """Checks a ContentInfo whose content is of `kind`, an object identifier.

    `more` are certificates that the caller has; the signer's may be among them. Raises
    `Malformed`, or `Rejected` if the signature does not hold.
    """
    try:
        return _open(data, kind, tuple(more))
    except ODD as error:
        raise Malformed(f"want signed content as RFC 5652 writes it: {error}") from None


def _open(data: bytes, kind: str, more: tuple[x509.Certificate, ...]) -> Signed:
    frame = asn1.decode_der(asn1.Token, data)
    if frame.kind.dotted_string != _SIGNED_DATA:
        raise Malformed("want signed content, got content of another kind")
    signed = frame.content.parse(asn1.SignedData)
    content = signed.content.content
    if signed.content.kind.dotted_string != kind or content is None:
        raise Malformed("want the content inside, and of the kind wanted")
    signers = asn1.parts(signed.signers.data)
    if len(signers) != 1:
        raise Malformed(f"want one signer, got {len(signers)}")
    signer = signers[0].parse(asn1.SignerInfo)
    attributes = _attributes(signer.attributes)
    hash_ = _hash(signer.digest)
    if _value(attributes, _CONTENT_TYPE) != asn1.encode_der(x509.ObjectIdentifier(kind)):
        raise Rejected("the signer signed content of another kind")
    if _value(attributes, _MESSAGE_DIGEST) != asn1.wrap(b"\x04", _digest(hash_, content)):
        raise Rejected("the signer signed other content")
    carried = _certificates(signed.certificates or [])
    certificate, bound_by = _bound(attributes, (*carried, *more))
    _check_named(signer.signer, certificate)
    # RFC 5652, 5.4: what is signed is the same list under the tag of a SET.
    message = asn1.wrap(b"\x31", b"".join(asn1.whole(part) for part in signer.attributes))
    used = _verify(certificate, signer, message, hash_)
    return Signed(content, certificate, carried, frozenset({hash_.name, bound_by, *used}))


def _attributes(parts: list[asn1.TLV]) -> dict[str, asn1.TLV]:
    if len(parts) > MAX_ATTRIBUTES:
        raise Malformed(f"want at most {MAX_ATTRIBUTES} signed attributes, got {len(parts)}")
    found: dict[str, asn1.TLV] = {}
    for part in parts:
        attribute = part.parse(asn1.SignedAttribute)
        if found.setdefault(attribute.kind.dotted_string, attribute.values) is not attribute.values:
            raise Malformed("a signed attribute stands twice")
    return found


def _value(attributes: Mapping[str, asn1.TLV], kind: str) -> bytes:
    values = asn1.parts(attributes[kind].data) if kind in attributes else []
    if len(values) != 1:
        raise Malformed(f"want the signed attribute {kind} with one value, got {len(values)}")
    return asn1.whole(values[0])


def _bound(
    attributes: Mapping[str, asn1.TLV], certificates: tuple[x509.Certificate, ...]
) -> tuple[x509.Certificate, str]:
    """The certificate that the signer named by its hash, and which: no other of its key will do."""
    if _CERTIFICATE_V2 in attributes:
        named = _value(attributes, _CERTIFICATE_V2)
    else:
        named = _value(attributes, _CERTIFICATE)
    # SigningCertificate(V2): a list of certificates, the signer's first. Of it a hash, before
    # that in V2 perhaps the algorithm's name, and perhaps issuer and serial behind.
    (certificates_named, *_) = asn1.parts(asn1.parts(named)[0].data)
    fields = asn1.parts(asn1.parts(certificates_named.data)[0].data)
    hash_: hashes.HashAlgorithm = hashes.SHA1()
    if _CERTIFICATE_V2 in attributes:
        hash_ = _hash(fields.pop(0)) if fields[0].tag_bytes == b"\x30" else hashes.SHA256()
    if fields[0].tag_bytes != b"\x04":
        raise Malformed("want the hash of the signer's certificate")
    for certificate in certificates:
        if certificate.fingerprint(hash_) == bytes(fields[0].data):
            return certificate, hash_.name
    raise Rejected("the signer's certificate is neither in the token nor in your trust folder")


def _check_named(signer: asn1.TLV, certificate: x509.Certificate) -> None:
    """Other programs find the signer by this name alone: it must be the same one."""
    if signer.tag_bytes == b"\x80":
        found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        same = found.value.digest == bytes(signer.data)
    else:
        name = certificate.issuer.public_bytes() + asn1.encode_der(certificate.serial_number)
        same = bytes(signer.data) == name
    if not same:
        raise Rejected("the signer is named by another certificate than it signed under")


def _certificates(parts: list[asn1.TLV]) -> tuple[x509.Certificate, ...]:
    if len(parts) > MAX_CERTIFICATES:
        raise Malformed(f"want at most {MAX_CERTIFICATES} certificates, got {len(parts)}")
    return tuple(x509.load_der_x509_certificate(asn1.whole(part)) for part in parts)


def _verify(
    certificate: x509.Certificate,
    signer: asn1.SignerInfo,
    message: bytes,
    hash_: hashes.HashAlgorithm,
) -> tuple[str, ...]:
    """The names of the algorithms that the signature rests on."""
    oid = asn1.first_oid(signer.algorithm)
    key = certificate.public_key()
    try:
        match key:
            case rsa.RSAPublicKey() if oid in _RSA:
                if key.key_size < MIN_RSA:
                    raise Rejected(f"want RSA of {MIN_RSA} bits at least, got {key.key_size}")
                hash_ = _RSA[oid] or hash_
                key.verify(signer.signature, message, padding.PKCS1v15(), hash_)
                return ("rsa", hash_.name)
            case ec.EllipticCurvePublicKey() if oid in _ECDSA:
                key.verify(signer.signature, message, ec.ECDSA(_ECDSA[oid]))
                return ("ecdsa", _ECDSA[oid].name)
            case ed25519.Ed25519PublicKey() if oid == _ED25519:
                key.verify(signer.signature, message)
                return ("ed25519",)
    except (InvalidSignature, UnsupportedAlgorithm):
        raise Rejected("the signature does not match") from None
    raise Rejected(f"want an RSA, ECDSA or Ed25519 signature, got {oid} by another key")


def key_name(certificate: x509.Certificate) -> str:
    match certificate.public_key():
        case rsa.RSAPublicKey():
            return "rsa"
        case ec.EllipticCurvePublicKey():
            return "ecdsa"
        case ed25519.Ed25519PublicKey():
            return "ed25519"
        case _:
            return "another"


def _hash(algorithm: asn1.TLV) -> hashes.HashAlgorithm:
    oid = asn1.first_oid(algorithm)
    if oid not in HASHES:
        raise Rejected(f"want SHA-256, SHA-384 or SHA-512, got the hash {oid}")
    return HASHES[oid]


def _digest(hash_: hashes.HashAlgorithm, data: bytes) -> bytes:
    hasher = hashes.Hash(hash_)
    hasher.update(data)
    return hasher.finalize()
