"""The one form in which a packet is a zip: every byte follows from names, sizes, CRCs and contents.

Stored, UTF-8 flag, time and attributes fixed, sorted by path below `packet/`, no
comment, no extra field but ZIP64 where a size or offset needs it, local headers
equal to the directory, entries back to back, nothing before, between or after.
A reader writes the headers anew and compares: nothing else can hide in the file,
and no two zip programs can see two different packets in it.
PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

PREFIX = "packet/"  # RFC 8493 section 4: a serialised bag unpacks into one folder

_UTF8 = 0x0800
_DAY_ONE = (1 << 5) | 1  # 1980-01-01, the zero of MS-DOS dates
_UNIX = 3 << 8
_FILE_0644 = 0o100644 << 16
_PLAIN, _ZIP64 = 20, 45
_MAX32, _MAX16 = 0xFFFFFFFF, 0xFFFF

END_SIZE = 22
END64_SIZE = 56 + 20


@dataclass(frozen=True, slots=True)
class Member:
    """A stored file; `path` without the prefix."""

    path: str
    size: int
    crc: int

    @property
    def name(self) -> bytes:
        return (PREFIX + self.path).encode()

    @property
    def big(self) -> bool:
        return self.size >= _MAX32


def local_header(member: Member) -> bytes:
    extra = struct.pack("<HHQQ", 1, 16, member.size, member.size) if member.big else b""
    size = _MAX32 if member.big else member.size
    version = _ZIP64 if member.big else _PLAIN
    return (
        struct.pack(
            "<4sHHHHHIIIHH",
            b"PK\x03\x04",
            version,
            _UTF8,
            0,
            0,
            _DAY_ONE,
            member.crc,
            size,
            size,
            len(member.name),
            len(extra),
        )
        + member.name
        + extra
    )


def central_header(member: Member, offset: int) -> bytes:
    wide = ([member.size, member.size] if member.big else []) + (
        [offset] if offset >= _MAX32 else []
    )
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    size = _MAX32 if member.big else member.size
    version = _ZIP64 if wide else _PLAIN
    return (
        struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            b"PK\x01\x02",
            _UNIX | version,
            version,
            _UTF8,
            0,
            0,
            _DAY_ONE,
            member.crc,
            size,
            size,
            len(member.name),
            len(extra),
            0,
            0,
            0,
            _FILE_0644,
            min(offset, _MAX32),
        )
        + member.name
        + extra
    )


def directory(members: Sequence[Member]) -> bytes:
    """Everything after the last file: the central directory and its end records."""
    parts, offset = [], 0
    for member in members:
        parts.append(central_header(member, offset))
        offset += len(local_header(member)) + member.size
    central = b"".join(parts)
    return central + end_records(len(members), len(central), offset)


def end_records(count: int, size: int, offset: int) -> bytes:
    wide = count >= _MAX16 or size >= _MAX32 or offset >= _MAX32
    end64 = (
        struct.pack(
            "<4sQHHIIQQQQ4sIQI",
            b"PK\x06\x06",
            44,
            _UNIX | _ZIP64,
            _ZIP64,
            0,
            0,
            count,
            count,
            size,
            offset,
            b"PK\x06\x07",
            0,
            offset + size,
            1,
        )
        if wide
        else b""
    )
    return end64 + struct.pack(
        "<4sHHHHIIH",
        b"PK\x05\x06",
        0,
        0,
        min(count, _MAX16),
        min(count, _MAX16),
        min(size, _MAX32),
        min(offset, _MAX32),
        0,
    )
