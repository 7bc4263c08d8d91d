"""RFC 3161 and CMS as far as they are read here, in `cryptography`'s words for ASN.1.

The rules for DER say that a SET stands sorted. Some authorities do not sort the certificates
of a token; so a SET is read here as a list where its tag allows, and as a whole elsewhere.
"""

from typing import Annotated

from cryptography.hazmat.asn1 import (
    TLV,
    BitString,
    Default,
    Explicit,
    Implicit,
    decode_der,
    encode_der,
    sequence,
)
from cryptography.x509 import ObjectIdentifier

__all__ = ["TLV", "decode_der", "encode_der", "parts", "whole", "wrap"]


@sequence
class Imprint:
    algorithm: TLV
    digest: bytes


@sequence
class Request:
    version: int
    imprint: Imprint
    policy: ObjectIdentifier | None
    nonce: int | None
    cert_req: Annotated[bool, Default(False)]
    extensions: Annotated[list[TLV] | None, Implicit(0)]


@sequence
class Status:
    status: int
    texts: list[str] | None
    failure: BitString | None


@sequence
class Refusal:
    """A response without a token."""

    status: Status


@sequence
class Response:
    status: Status
    token: TLV


@sequence
class Token:
    """CMS ContentInfo."""

    kind: ObjectIdentifier
    content: Annotated[TLV, Explicit(0)]


@sequence
class Content:
    kind: ObjectIdentifier
    content: Annotated[bytes | None, Explicit(0)]


@sequence
class SignedData:
    version: int
    digests: TLV
    content: Content
    certificates: Annotated[list[TLV] | None, Implicit(0)]
    revocations: Annotated[list[TLV] | None, Implicit(1)]
    signers: TLV


@sequence
class SignerInfo:
    """`signer` and `attributes` keep their bytes: what is signed is what was written."""

    version: int
    signer: TLV
    digest: TLV
    attributes: Annotated[list[TLV], Implicit(0)]
    algorithm: TLV
    signature: bytes
    unsigned: Annotated[list[TLV] | None, Implicit(1)]


@sequence
class SignedAttribute:
    kind: ObjectIdentifier
    values: TLV


@sequence
class Accuracy:
    seconds: int | None
    millis: Annotated[int | None, Implicit(0)]
    micros: Annotated[int | None, Implicit(1)]


@sequence
class TstInfo:
    """`at` is read as it stands: some write fractions that end in zero, which DER forbids."""

    version: int
    policy: ObjectIdentifier
    imprint: Imprint
    serial: int
    at: TLV
    accuracy: Accuracy | None
    ordering: Annotated[bool, Default(False)]
    nonce: int | None
    tsa: Annotated[list[TLV] | None, Implicit(0)]
    extensions: Annotated[list[TLV] | None, Implicit(1)]


@sequence
class Attribute:
    """Of a name: AttributeTypeAndValue."""

    oid: ObjectIdentifier
    value: TLV


@sequence
class _Parts:
    parts: Annotated[list[TLV], Implicit(0)]


def parts(content: bytes | memoryview) -> list[TLV]:
    """What stands one behind the other inside a SEQUENCE or SET, in any order."""
    return decode_der(_Parts, wrap(b"\x30", wrap(b"\xa0", content))).parts


def wrap(tag: bytes, content: bytes | memoryview) -> bytes:
    size = len(content)
    if size < 0x80:
        return tag + bytes([size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return tag + bytes([0x80 | len(length)]) + length + content


def whole(tlv: TLV) -> bytes:
    """The bytes of a part with its tag and length."""
    return wrap(tlv.tag_bytes, tlv.data)


def first_oid(tlv: TLV) -> str:
    """What an AlgorithmIdentifier or an Extension begins with."""
    oid: ObjectIdentifier = parts(tlv.data)[0].parse(ObjectIdentifier)
    return oid.dotted_string
