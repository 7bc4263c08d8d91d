"""Where an entry stands: `2026-17` is entry 17 of the log labelled 2026."""

import re
from dataclasses import dataclass
from typing import Self

from ledger.encoding import clip, parse_decimal
from ledger.errors import Malformed

PLACE = r"(?P<log>[12]\d{3}(?:-[1-9]\d{0,3})?)-(?P<index>0|[1-9]\d{0,18})"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    log: str
    index: int

    def to_text(self) -> str:
        return f"{self.log}-{self.index}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        match = re.fullmatch(PLACE, text, re.ASCII)
        if match is None:
            raise Malformed(f"want a place such as 2026-17, got {clip(text)!r}")
        return cls(match["log"], parse_decimal(match["index"]))
