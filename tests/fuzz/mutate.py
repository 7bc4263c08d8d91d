"""Changes a valid document the way its enemies would: bytes, lines, JSON, what stands in base64.

Plain random bytes end at the first check of a strict reader. These changes keep what
is around them in form, so that the reader goes on to the next check.
"""

import copy
import json
import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from ledger.encoding import format_json
from ledger.errors import Malformed

# What some reader takes for a digit, a space, a line end, the end of a thing, or nothing.
PIECES: tuple[bytes, ...] = (
    *(
        c.encode()
        for c in "\n\r\t\v\f +-/=0179aAfFxZ._,:;'\"#—〔〕é书\0\x1b\x7f\x85\xa0\u2028\u3000"
    ),
    *(c.encode() for c in "\ufeff\u202e\u0661\uff17\u0315\u0300\U0001f600\u2fc2\u5fc3"),
    *(
        b"\n\n",
        b"\xff",
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
        b"AAAA",
        b"../",
        b"x001/",
        b"%00",
    ),
    *(b"extra AAAA\n", b"quorum none\n", b"[[[[[[[[", b'{"v":1}', b"null", b"true", b"1.5", b"-0"),
    *(b"1e5", b"\\ud800", b"\\u0000", b"{number}", b"{year}", b"PK\x01\x02", b"PK\x05\x06"),
    *(b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"PRIVATE+KEY+", b"-----BEGIN ", b"tile/0/000"),
)
NUMBERS = (0, 1, -1, 255, 256, 65_535, 65_536, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63)
VALUES: tuple[Any, ...] = (None, True, False, 1.5, "", "0", "\0", [], {}, *NUMBERS)

_NUMBER = re.compile(rb"\d+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{12,}={0,2}")


def mutate(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """One change. `others` are documents of the same kind, to take parts from."""
    change = random.choice(_CHANGES)
    return change(data, random, others)


def _bytes(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    end = min(len(data), at + random.choice((0, 1, 1, 2, 4, 44)))
    match random.randrange(6):
        case 0:
            return data[:at] + data[end:]
        case 1:
            return data[:at] + random.choice(PIECES) + data[at:]
        case 2:
            return data[:at] + random.choice(PIECES) + data[end:]
        case 3:
            return data[:end] + data[at:]
        case 4 if at < len(data):
            return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
        case _:
            other = random.choice(others) if others else data
            return data[:at] + other[random.randrange(len(other) + 1) :]


def _lines(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    a, b = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(3):
        case 0:
            lines[a], lines[b] = lines[b], lines[a]
        case 1:
            lines.insert(a, lines[b])
        case _:
            del lines[a]
    return b"\n".join(lines)


def _number(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return _bytes(data, random, others)
    match = random.choice(found)
    number = random.choice((*NUMBERS, int(match[0][:19]) + random.choice((-1, 1))))
    return data[: match.start()] + str(number).encode() + data[match.end() :]


def _inside_base64(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    found = list(_BASE64.finditer(data))
    if not found:
        return _bytes(data, random, others)
    match = random.choice(found)
    try:
        inside = b64decode(match[0], validate=True)
    except Error:
        return _bytes(data, random, others)
    # Not `others` again: a document within itself would grow without end.
    changed = random.choice((_bytes, _lines, _number, _json))(inside, random, ())
    return data[: match.start()] + b64encode(changed) + data[match.end() :]


def _json(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    try:
        value = json.loads(data)
        places = list(_places(value))
        if places:
            _change(places, random)
            return _write(value, random)
    except (ValueError, RecursionError):  # no JSON, or nested as deep as Python goes
        pass
    return _bytes(data, random, others)


def _change(places: list[tuple[Any, Any]], random: Random) -> None:
    holder, key = random.choice(places)
    match random.randrange(5):
        case 0:
            del holder[key]
        case 1:
            holder[key] = copy.deepcopy(random.choice(VALUES))
        case 2 if isinstance(holder[key], str):
            text = _bytes(holder[key].encode("utf-8", "replace"), random, ())
            holder[key] = text.decode("utf-8", "replace")
        case 3:
            other, name = random.choice(places)
            holder[key] = copy.deepcopy(other[name])
        case _ if isinstance(holder, dict):
            holder[random.choice(("v", "note", "case", "key", "sm3", "x"))] = holder[key]
        case _:
            holder.insert(key, holder[key])


def _write(value: Any, random: Random) -> bytes:
    if random.random() < 0.8:
        try:
            return format_json(value)
        except Malformed:
            pass
    return json.dumps(value, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every part of a document, as the container and the key under which it stands there."""
    if isinstance(value, str | int | float | None):
        return
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        yield from _places(part)


Change = Callable[[bytes, Random, Sequence[bytes]], bytes]
_CHANGES: tuple[Change, ...] = (_bytes, _bytes, _lines, _number, _inside_base64, _json, _json)
