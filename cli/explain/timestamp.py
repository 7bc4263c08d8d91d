"""RFC 3161: requests (.tsq), responses (.tsr) and bare tokens, in DER or PEM.

Values are read by `cryptography`'s declared ASN.1, which takes a SET in any order and
shows why a request was refused. `rfc3161-client`, which takes strict DER only, then reads
the same response: whether it does is said, since other programs will refuse the token too.
What is cut short or in BER is explained as far as it goes.
"""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cli.explain import oids
from cli.explain.lenient import utc
from cli.explain.value import MAX_LISTED, Explained, Field, File, almost, fields
from ledger.encoding import CHINA, clip

MAX_TOKEN = 4_194_304

SIGNED_DATA = "1.2.840.113549.1.7.2"
TST_INFO = "1.2.840.113549.1.9.16.1.4"
_TST_INFO_DER = bytes.fromhex("060b2a864886f70d0109100104")

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END \1-----", re.DOTALL)
_TIME = re.compile(r"(\d{14})(?:[.,](\d{1,9}))?Z", re.ASCII)


def explain_timestamp(file: File) -> Explained | None:
    data = _der(file.data)
    if data is None:
        return None
    for read in (_response, _refusal, _token, _request):
        try:
            found = read(data)
        except (ValueError, TypeError, OverflowError):
            continue
        if found is not None:
            return found
    return _remains(data)


def _der(data: bytes) -> bytes | None:
    """The DER, out of PEM if need be; None unless it can be a SEQUENCE that begins here."""
    if data[:11] == b"-----BEGIN ":
        found = _PEM.search(data)
        if found is None or b"PRIVATE" in found[1]:
            return None
        try:
            data = base64.b64decode(found[2])
        except (binascii.Error, ValueError):
            return None
    if data[:1] != b"\x30" or not 2 < len(data) <= MAX_TOKEN:
        return None
    # Text may begin with the digit 0, too.
    return data if data[1] & 0x80 or data[1] + 2 == len(data) else None


def _response(data: bytes) -> Explained | None:
    from ledger import asn1

    response = asn1.decode_der(asn1.Response, data)
    token = asn1.whole(response.token)
    found = (*_status(response.status), *_token_fields(token))
    return Explained("timestamp_response", (*found, *_second(data, found)))


def _refusal(data: bytes) -> Explained | None:
    from ledger import asn1

    return Explained("timestamp_refusal", _status(asn1.decode_der(asn1.Refusal, data).status))


def _token(data: bytes) -> Explained | None:
    from ledger import asn1

    found = _token_fields(data)
    # The second reader knows responses only: one that says "granted" and nothing else.
    response = asn1.wrap(b"\x30", bytes.fromhex("3003020100") + data)
    return Explained("timestamp_token", (*found, *_second(response, found)))


def _request(data: bytes) -> Explained | None:
    from ledger import asn1

    request = asn1.decode_der(asn1.Request, data)
    return Explained(
        "timestamp_request",
        (
            *_imprint(request.imprint),
            *fields(("policy", _oid(request.policy)), ("nonce", request.nonce)),
            *fields(("cert_req", "yes" if request.cert_req else "no")),
            *_extensions(request.extensions),
        ),
    )


def _second(response: bytes, found: tuple[Field, ...]) -> tuple[Field, ...]:
    from rfc3161_client import decode_timestamp_response

    try:
        info = decode_timestamp_response(response).tst_info
    except ValueError as error:
        return fields(("strict_reader", "no"), ("strict_reason", clip(str(error), 200)))
    same = {
        Field("serial", str(info.serial_number)),
        Field("imprint", info.message_imprint.message.hex()),
        Field("time_utc", utc(info.gen_time)),
    }
    return fields(("strict_reader", "yes" if same <= set(found) else "other"))


# --- parts -----------------------------------------------------------------------------------


def _status(status: Any) -> tuple[Field, ...]:
    texts = status.texts or []
    bits = _bits(status.failure) if status.failure is not None else []
    return (
        *fields(("status", status.status)),
        *(Field("status_text", clip(text, 300)) for text in texts[:MAX_LISTED]),
        *(Field("failure", str(bit)) for bit in bits),
    )


def _bits(value: Any) -> list[int]:
    data = value.as_bytes()
    return [i for i in range(8 * len(data)) if data[i // 8] & 0x80 >> i % 8]


def _token_fields(data: bytes) -> tuple[Field, ...]:
    """Raises `ValueError` unless it is CMS SignedData with a TSTInfo in it."""
    from ledger import asn1

    token = asn1.decode_der(asn1.Token, data)
    if token.kind.dotted_string != SIGNED_DATA:
        raise ValueError("no SignedData")
    signed = token.content.parse(asn1.SignedData)
    if signed.content.kind.dotted_string != TST_INFO or signed.content.content is None:
        raise ValueError("no TSTInfo")
    return (*_info(signed.content.content), *_certificates(signed.certificates or []))


def _info(data: bytes) -> tuple[Field, ...]:
    from ledger import asn1

    info = asn1.decode_der(asn1.TstInfo, data)
    return (
        *_time(bytes(info.at.data).decode("ascii", "replace")),
        *_accuracy(info.accuracy),
        *_imprint(info.imprint),
        *fields(("policy", _oid(info.policy)), ("serial", info.serial)),
        *fields(("serial_hex", f"{info.serial:x}"), ("nonce", info.nonce)),
        *fields(("ordering", "yes" if info.ordering else "no")),
        *fields(("tsa", _general_name(info.tsa[0]) if info.tsa else None)),
        *_extensions(info.extensions),
    )


def _time(text: str) -> tuple[Field, ...]:
    """Both clocks, with the fraction of a second if there is one; else what is written."""
    found = _TIME.fullmatch(text)
    try:
        moment = datetime.strptime(found[1], "%Y%m%d%H%M%S") if found else None
    except ValueError:
        moment = None
    if found is None or moment is None:
        return fields(("time_unread", clip(text)))
    fraction = (found[2] or "")[:6].ljust(6, "0") if found[2] else "0"
    moment = moment.replace(tzinfo=UTC, microsecond=int(fraction))
    try:
        china = moment.astimezone(CHINA).isoformat(timespec="seconds")
    except OverflowError:
        china = None
    return fields(("time", china), ("time_utc", utc(moment)))


def _accuracy(accuracy: Any) -> tuple[Field, ...]:
    if accuracy is None:
        return fields(("accuracy", "none"))
    micros = (
        1_000_000 * (accuracy.seconds or 0) + 1000 * (accuracy.millis or 0) + (accuracy.micros or 0)
    )
    return fields(("accuracy_seconds", f"{micros / 1_000_000:f}".rstrip("0").rstrip(".")))


def _imprint(imprint: Any) -> tuple[Field, ...]:
    from ledger import asn1

    algorithm = _named(asn1.first_oid(imprint.algorithm))
    return fields(("hash_algorithm", algorithm), ("imprint", imprint.digest.hex()))


def _oid(oid: Any) -> str | None:
    return None if oid is None else _named(oid.dotted_string)


def _named(oid: str) -> str:
    name = oids.NAMES.get(oid)
    return f"{oid} {name}" if name else oid


def _extensions(extensions: Any) -> tuple[Field, ...]:
    from ledger import asn1

    found = (asn1.first_oid(extension) for extension in (extensions or [])[:MAX_LISTED])
    return tuple(Field("extension_oid", _named(oid)) for oid in found)


def _general_name(name: Any) -> str:
    """RFC 5280: a directory name under [4], a mail address [1], a host [2] or a URI [6]."""
    from ledger import asn1

    if name.tag_bytes == b"\xa4":
        (directory,) = asn1.parts(name.data)
        return _directory(directory)
    if name.tag_bytes in (b"\x81", b"\x82", b"\x86"):
        return bytes(name.data).decode("ascii", "replace")
    return clip(bytes(name.data).hex(), 200)


def _directory(name: Any) -> str:
    from ledger import asn1

    found = []
    for relative in asn1.parts(name.data):
        for attribute in asn1.parts(relative.data):
            pair = attribute.parse(asn1.Attribute)
            label = oids.ATTRIBUTES.get(pair.oid.dotted_string, pair.oid.dotted_string)
            wide = pair.value.tag_bytes == b"\x1e"
            text = bytes(pair.value.data).decode("utf-16-be" if wide else "utf-8", "replace")
            found.append(f"{label}={text}")
    return clip(", ".join(found), 300)


def _certificates(certificates: list[Any]) -> tuple[Field, ...]:
    each = [_certificate(certificate) for certificate in certificates[:MAX_LISTED]]
    return (*fields(("certificates", len(certificates))), *each)


def _certificate(tlv: Any) -> Field:
    from cryptography import x509

    from ledger import asn1

    try:
        certificate = x509.load_der_x509_certificate(asn1.whole(tlv))
        return Field(
            "certificate",
            clip(certificate.subject.rfc4514_string(), 300),
            fields(
                ("issuer", clip(certificate.issuer.rfc4514_string(), 300)),
                ("serial", certificate.serial_number),
                ("valid_from", _in_china(certificate.not_valid_before_utc)),
                ("valid_to", _in_china(certificate.not_valid_after_utc)),
            ),
        )
    except (ValueError, TypeError, OverflowError):
        return Field("certificate", "", fields(("unread", "certificate")))


def _in_china(moment: datetime) -> str:
    return moment.astimezone(CHINA).isoformat(timespec="seconds")


# --- what cannot be read whole ---------------------------------------------------------------


def _remains(data: bytes) -> Explained | None:
    """A token in BER or cut short: its TSTInfo is DER all the same, if it is still there."""
    at = data.find(_TST_INFO_DER)
    if at < 0:
        return None
    why = fields(("unread_whole", _reason(lambda: _token_fields(data))))
    for start in range(at + len(_TST_INFO_DER), min(len(data), at + 64)):
        if data[start : start + 1] != b"\x30":
            continue
        try:
            return Explained("timestamp_token", (*_info(_cut(data[start:])), *why))
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    raise almost("timestamp_token", "it is cut short or damaged")


def _cut(data: bytes) -> bytes:
    """The SEQUENCE that begins here, without what follows it."""
    if not data[1] & 0x80:
        return data[: 2 + data[1]]
    head = 2 + (data[1] & 0x7F)
    return data[: head + int.from_bytes(data[2:head], "big")]


def _reason(call: Callable[[], object]) -> str:
    try:
        call()
    except (ValueError, TypeError, OverflowError) as error:
        return clip(str(error), 200)
    return "the frame around the token"
