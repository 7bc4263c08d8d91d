"""Yearly files: what an agency did in a year, with every act it was counted from.

    {"agency":"agency-01","numbers":{…},"signature":"…","sizes":{"2026":"73894"},"v":1,
     "year":"2026"}
    {"envelope":"<base64>","salt":"<base64>"}
    {"gone":"destroyed"}

Lines of JSON. The first says what the file is of, with its numbers and the sizes of the logs as
of which it was made; each further one is an act of the series `2026/acts/agency-01`, in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from ledger.encoding import format_base64, format_json, parse_base64, parse_decimal, parse_json
from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.entry import SALT_SIZE
from ledger.evidence.membership import acts_series, log_label
from ledger.evidence.series import MODULUS_SIZE
from ledger.process.reports.statistics import Statistics

MAX_LINE = 2 << 20
MAX_NUMBERS = 1 << 28  # bytes of the first line: it grows with what was done in the year
MAX_LOGS = 64


@dataclass(frozen=True, slots=True)
class Yearly:
    """The first line of a yearly file."""

    agency: str
    year: str
    numbers: Statistics
    signature: bytes
    sizes: Mapping[str, int]

    @property
    def series(self) -> str:
        return acts_series(self.year, self.agency)

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "agency": self.agency,
                "numbers": self.numbers.to_json(),
                "signature": format_base64(self.signature),
                "sizes": {label: str(size) for label, size in self.sizes.items()},
                "v": 1,
                "year": self.year,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_NUMBERS):
            case {
                "agency": str(agency),
                "numbers": dict(numbers),
                "signature": str(signature),
                "sizes": dict(sizes),
                "v": 1,
                "year": str(year),
                **more,
            } if not more and len(year) == 4 and year.isascii() and year.isdigit():
                pass
            case _:
                raise Malformed("want agency, numbers, signature, sizes, year and v = 1")
        return cls(
            phrase.name(agency),
            year,
            Statistics.from_json(numbers),
            parse_base64(signature, MODULUS_SIZE),
            _sizes(sizes, year),
        )


class Gone(StrEnum):
    """Why an act of the series is not shown: the log still has its place."""

    DESTROYED = "destroyed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Shown:
    """An act of the file, with the salt of its commitment; or why it is no more there."""

    envelope: bytes
    salt: bytes
    gone: Gone | None = None

    def to_bytes(self) -> bytes:
        if self.gone is not None:
            return format_json({"gone": str(self.gone)})
        row = {"envelope": format_base64(self.envelope), "salt": format_base64(self.salt)}
        return format_json(row)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_LINE):
            case {"envelope": str(envelope), "salt": str(salt), **more} if not more:
                return cls(parse_base64(envelope), parse_base64(salt, SALT_SIZE))
            case {"gone": str(gone), **more} if not more and gone in set(Gone):
                return cls(b"", b"", Gone(gone))
        raise Malformed("want envelope and salt, or why the act is gone")


def _sizes(value: Mapping[str, Any], year: str) -> dict[str, int]:
    if not 0 < len(value) <= MAX_LOGS:
        raise Malformed(f"want the sizes of 1 to {MAX_LOGS} logs")
    for label in value:
        if log_label(f"/{label}")[:4] != year:
            raise Malformed(f"want logs of {year}, got {label!r}", path="sizes")
    return {label: parse_decimal(phrase.string(size, 19)) for label, size in value.items()}
