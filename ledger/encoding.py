"""The only place that reads numbers, base64, hex, JSON and times: one spelling per value.

Whatever a `parse_*` here accepts, its `format_*` writes back byte for byte; only a
time, which people write in their own zone, has several spellings.
JSON is RFC 8785 (JCS) of objects, arrays, strings and integers, nothing else:

    {"at":1795430400000,"commitment":"…","v":1}
"""

import base64
import binascii
import json
import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, NoReturn

import rfc8785

from ledger.errors import Malformed

Json = dict[str, Any] | list[Any] | str | int

MAX_INTEGER = 2**53 - 1  # the largest that every JSON reader keeps exact (RFC 7493, 2.2)
MAX_DECIMAL = 2**63 - 1  # Go readers of C2SP formats parse int64
MAX_JSON_DEPTH = 16  # the deepest format of ours has six levels

MAX_TIME = 253_402_271_999_999  # 9999-12-31 ends in China; `datetime` knows no later year

CHINA = timezone(timedelta(hours=8))  # statutory days end here, whatever the verifier's zone

# Of strings and integers under ASCII keys this writes what RFC 8785 does, ten times as
# fast as `rfc8785`; other keys RFC 8785 sorts by their UTF-16, which `json` does not.
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-f]{2})*", re.ASCII)
_TIME = re.compile(
    # Spelled out, as Pythons differ: some take the hour 24, some the offset +08:99.
    r"\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?"
    r"(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_LATER_FORMAT = re.compile("[\U00013439-\U0001343f]")  # of Egyptian hieroglyphs
_UUID7 = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
)


def parse_decimal(text: str) -> int:
    """A number from 0 to 2^63-1 without sign, space or leading zero."""
    # int() alone would take "+7", " 7", "1_000" and Arabic digits.
    if not _DECIMAL.fullmatch(text):
        raise Malformed(f"want a decimal number, got {clip(text)!r}")
    number = int(text)
    if number > MAX_DECIMAL:
        raise Malformed(f"want at most {MAX_DECIMAL}, got {text}")
    return number


def format_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def parse_base64(text: str, length: int | None = None) -> bytes:
    """RFC 4648 section 4 with padding and zero trailing bits; `length` in bytes, if fixed."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"want base64, got {clip(text)!r}") from None
    # b64decode takes "AAB=", whose last bits say nothing, and some line ends.
    if format_base64(data) != text:
        raise Malformed(f"want the one base64 spelling of these bytes, got {clip(text)!r}")
    if length is not None and len(data) != length:
        raise Malformed(f"want {length} bytes of base64, got {len(data)}")
    return data


def parse_hex(text: str, length: int | None = None) -> bytes:
    """Lower-case hex, two digits a byte; `length` in bytes, if fixed."""
    if not _HEX.fullmatch(text):
        raise Malformed(f"want lower-case hex, got {clip(text)!r}")
    if length is not None and len(text) != 2 * length:
        raise Malformed(f"want {length} bytes of hex, got {len(text) / 2:g}")
    return bytes.fromhex(text)


def parse_utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"want UTF-8, got byte {data[error.start]:#04x} at {error.start}") from None


def format_json(value: Json) -> bytes:
    """RFC 8785. Raises `Malformed` on a float, a boolean, null or a number beyond 2^53-1."""
    try:
        if _check_json(value, 0):
            return _ENCODER.encode(value).encode()
        return rfc8785.dumps(value)
    except UnicodeEncodeError:
        # It has no UTF-8, so no bytes to hash.
        raise Malformed("want Unicode text, got a lone surrogate") from None
    except rfc8785.CanonicalizationError as error:
        raise Malformed(f"not expressible in canonical JSON: {error}") from None


def parse_json(data: bytes, *, limit: int) -> Json:
    """Exactly what `format_json` writes, at most `limit` bytes; anything else is `Malformed`."""
    if len(data) > limit:
        raise Malformed(f"want at most {limit} bytes of JSON, got {len(data)}")
    text = parse_utf8(data)
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise Malformed("JSON nested too deeply") from None
    except ValueError as error:  # includes json.JSONDecodeError and oversized integers
        raise Malformed(f"want JSON: {clip(str(error))}") from None
    if format_json(value) != data:
        raise Malformed("want canonical JSON (RFC 8785), got another spelling of the same value")
    return value  # type: ignore[no-any-return]


def parse_time(text: str) -> int:
    """RFC 3339 with a zone, seconds or milliseconds; returns milliseconds since the Unix epoch."""
    if not _TIME.fullmatch(text):
        raise Malformed(f"want a time such as 2026-11-23T14:00:00+08:00, got {clip(text)!r}")
    try:
        moment = datetime.fromisoformat(text)
        at_ms = round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Malformed(f"no such time: {text!r}") from None
    if not 0 <= at_ms <= MAX_TIME:
        raise Malformed(f"want a time from 1970 to 9999, got {text!r}")
    return at_ms


def parse_day(text: str) -> date:
    """A day such as 2026-11-23; `date.isoformat` writes it back."""
    # fromisoformat() alone would take 20261123 and 2026-W48-1.
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise Malformed(f"want a day such as 2026-11-23, got {clip(text)!r}")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed(f"no such day: {text!r}") from None


def format_time(at_ms: int) -> str:
    """For people and reports: `2026-11-23T14:00:00+08:00`."""
    return in_china(at_ms).isoformat(timespec="seconds")


def in_china(at_ms: int) -> datetime:
    """The wall clock in Asia/Shanghai, which has had no summer time since 1991."""
    if not 0 <= at_ms <= MAX_TIME:
        raise Malformed(f"no such time: {at_ms} ms")
    # Not fromtimestamp(), which on some systems ends with the year 3000.
    return (_EPOCH + timedelta(seconds=at_ms // 1000)).astimezone(CHINA)


def parse_uuid7(text: str) -> str:
    if not _UUID7.fullmatch(text):
        raise Malformed(f"want a UUIDv7 in lower case, got {clip(text)!r}")
    return text


def format_uuid7(at_ms: int, random: bytes) -> str:
    """RFC 9562 section 5.7: 48 bits of time, the rest from ten random bytes."""
    tail = bytearray(random[:10])
    tail[0] = 0x70 | tail[0] & 0x0F
    tail[2] = 0x80 | tail[2] & 0x3F
    digits = f"{at_ms:012x}{tail.hex()}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def clip(text: str, limit: int = 60) -> str:
    """Input as it may stand in a message: no more than a line of it."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def printable(text: str) -> str:
    """Text from outside as a terminal or report may show it.

    Control characters, bidirectional overrides and other invisible characters
    become escapes: a file name may not move the cursor or reverse a sentence.
    """
    return "".join(c if is_visible(c) else c.encode("unicode_escape").decode() for c in text)


def is_visible(c: str) -> bool:
    """Neither a control or format character nor a space other than U+0020.

    Characters that this Python's Unicode tables do not know yet are visible: rare
    names are written in them, and a verdict must not depend on the tables' age. So format
    characters that came with Unicode 15 are named here.
    """
    if _LATER_FORMAT.fullmatch(c):
        return False
    return c == " " or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")


def all_visible(text: str) -> bool:
    # What Python calls printable is stricter, and is asked in one call.
    return text.isprintable() or all(map(is_visible, text))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key occurs twice")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"want integers only, got {clip(text)}")


# Made once: `json.loads` makes one a call where it is given hooks.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_float=_no_number, parse_constant=_no_number
)


def _check_json(value: object, depth: int) -> bool:
    """Raises on what our JSON does not have; says whether all keys are ASCII."""
    parts: Collection[object] = ()
    ascii_keys = True
    match value:
        case str():
            return True
        case bool() | None:
            raise Malformed("want strings and integers only, got a boolean or null")
        case int():
            if abs(value) > MAX_INTEGER:
                # Python itself refuses to print the very long ones.
                bits = value.bit_length()
                raise Malformed(f"want an integer within ±{MAX_INTEGER}, got one of {bits} bits")
        case list():
            parts = value
        case dict():
            for key in value:
                if not isinstance(key, str):
                    raise Malformed(f"want string keys, got {key!r}")
                ascii_keys = ascii_keys and key.isascii()
            parts = value.values()
        case _:
            raise Malformed(f"want strings and integers only, got {type(value).__name__}")
    if parts and depth == MAX_JSON_DEPTH:
        raise Malformed("JSON nested too deeply")
    for part in parts:
        # Most parts are text, which needs no look of its own.
        if type(part) is not str and not _check_json(part, depth + 1):
            ascii_keys = False
    return ascii_keys
