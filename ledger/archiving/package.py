"""Transfer packages: what an archive receives. A BagIt bag (RFC 8493) around court packets.

    bagit.txt  bag-info.txt  manifest-sha256.txt  tagmanifest-sha256.txt
    data/package.json                 who hands over which packets, as of when
    data/packets/<nn>.zip             court packets, byte for byte
    data/trust/…                      the trust folder that they were checked with
    data/metadata/items.jsonl         a line for each item
    data/metadata/events.jsonl        a line for each event
    data/metadata/formats.json        the formats that occur
    data/metadata/elements.json       what each field of the others means
    data/pages/<name>.md              the public pages on the formats
    data/reader/tiezheng-verify.pyz   the verifier; it checks and restores this package too
    data/report/<nn>.…                the four-property test, as it was before the report was added

Its fingerprint is the SHA-256 of `tagmanifest-sha256.txt`, which stands on a printed page: it
covers every file. The metadata follow from the packets, so that whoever checks makes them anew.
"""

import re
from dataclasses import dataclass
from typing import Any, Self

from ledger.encoding import (
    format_json,
    format_time,
    parse_decimal,
    parse_hex,
    parse_json,
    parse_time,
)
from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.case_number import parse_case

CONTENTS = "data/package.json"
PACKETS = "data/packets/"
TRUST = "data/trust/"
PAGES = "data/pages/"
REPORT = "data/report/"
READER = "data/reader/tiezheng-verify.pyz"
ITEMS = "data/metadata/items.jsonl"
EVENTS = "data/metadata/events.jsonl"
FORMATS = "data/metadata/formats.json"
ELEMENTS = "data/metadata/elements.json"
METADATA = (ITEMS, EVENTS, FORMATS, ELEMENTS)

MAX_PACKETS = 50_000
MAX_CONTENTS = 33_554_432
_PACKET = re.compile(r"(?:\d{2}|[1-9]\d{2,4})\.zip", re.ASCII)


@dataclass(frozen=True, slots=True)
class Packed:
    """A packet: its file, its case, and `tags`, the SHA-256 of its own tag manifest."""

    name: str
    case: str
    size: int
    sha256: bytes
    tags: bytes

    @property
    def path(self) -> str:
        return PACKETS + self.name

    def to_json(self) -> dict[str, str]:
        return {
            "case": self.case,
            "name": self.name,
            "sha256": self.sha256.hex(),
            "size": str(self.size),
            "tags": self.tags.hex(),
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        match value:
            case {
                "case": str(case),
                "name": str(name),
                "sha256": str(sha256),
                "size": str(size),
                "tags": str(tags),
                **more,
            } if not more and _PACKET.fullmatch(name):
                pass
            case _:
                raise Malformed("want case, name, sha256, size and tags of each packet")
        # A packet that cannot be read is handed over all the same, and has no case.
        case = parse_case(case) if case else ""
        return cls(name, case, parse_decimal(size), parse_hex(sha256, 32), parse_hex(tags, 32))


@dataclass(frozen=True, slots=True)
class Contents:
    """`package.json`. `trust` is the trust folder's hash, 64 hex digits; `at_ms` whole seconds."""

    archive: str
    by: str
    at_ms: int
    software: str
    trust: str
    packets: tuple[Packed, ...]

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "archive": self.archive,
                "at": format_time(self.at_ms),
                "by": self.by,
                "packets": [packed.to_json() for packed in self.packets],
                "software": self.software,
                "trust": self.trust,
                "v": 1,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_CONTENTS):
            case {
                "archive": str(archive),
                "at": str(at),
                "by": str(by),
                "packets": list(rows),
                "software": str(software),
                "trust": str(trust),
                "v": 1,
                **more,
            } if not more:
                pass
            case _:
                raise Malformed("want archive, at, by, packets, software, trust and v = 1")
        if not 0 < len(rows) <= MAX_PACKETS:
            raise Malformed(f"want 1 to {MAX_PACKETS} packets, got {len(rows)}", path="packets")
        packets = tuple(Packed.from_json(row) for row in rows)
        if [packed.name for packed in packets] != [packet_name(n) for n in range(1, len(rows) + 1)]:
            raise Malformed("want the packets numbered from 01 on", path="packets")
        parse_hex(trust, 32)
        found = cls(
            phrase.line(archive),
            phrase.line(by),
            parse_time(at),
            phrase.line(software),
            trust,
            packets,
        )
        if found.to_bytes() != data:
            raise Malformed("want the one spelling of this list")
        return found


def packet_name(number: int) -> str:
    return f"{number:02d}.zip"


def parse_fingerprint(text: str) -> bytes:
    """A fingerprint as typed from paper: 64 hex digits, in any case and any groups."""
    digits = re.sub(r"[\s:-]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits, re.ASCII):
        raise Malformed(f"want the 64 digits 0-9 a-f of the printed page, got {len(digits)}")
    return bytes.fromhex(digits)


def format_fingerprint(digest: bytes) -> str:
    """In groups of four, so that it can be typed."""
    digits = digest.hex()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
