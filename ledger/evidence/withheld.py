"""What a packet names as withheld, and why, in the word of whoever made it.

    {"place":"2026-6","reason":"privacy","what":"statement"}
    {"place":"2026-7","reason":"minor","what":"56dd…"}    the file with that SHA-256

A reason excuses nothing by itself: a court sees that something is there, where it stands in
the log, and what is said about why it is not shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from ledger import suite
from ledger.encoding import clip, parse_hex
from ledger.errors import Malformed
from ledger.evidence.place import Place

STATEMENT = "statement"


class Reason(StrEnum):
    """国家秘密 商业秘密 个人隐私 未成年人 举报人 已销毁 已届期 已灭失 另案."""

    STATE_SECRET = "state_secret"
    TRADE_SECRET = "trade_secret"
    PRIVACY = "privacy"
    MINOR = "minor"
    INFORMANT = "informant"
    DESTROYED = "destroyed"
    EXPIRED = "expired"
    LOST = "lost"
    OTHER_CASE = "other_case"


# What only a ledger says, of its own accord: nobody asks it to.
LEDGERS_OWN = frozenset({Reason.LOST, Reason.OTHER_CASE})
GONE = frozenset({Reason.DESTROYED, Reason.EXPIRED})  # such a thing is not there any more


@dataclass(frozen=True, slots=True, order=True)
class Withheld:
    """`what` is `statement`, or the SHA-256 of a file of a statement that is shown."""

    place: Place
    what: str
    reason: Reason

    def to_json(self) -> dict[str, str]:
        return {"place": self.place.to_text(), "reason": str(self.reason), "what": self.what}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        match value:
            case {"place": str(place), "reason": str(reason), "what": str(what), **more} if (
                not more
            ):
                pass
            case _:
                raise Malformed("want place, reason and what of each that is withheld")
        if what != STATEMENT:
            parse_hex(what, suite.DIGEST_SIZE)
        return cls(Place.from_text(place), what, parse_reason(reason))


def parse_reason(text: str) -> Reason:
    try:
        return Reason(text)
    except ValueError:
        raise Malformed(f"want one of {', '.join(Reason)}, got {clip(text)!r}") from None


def check_rows(rows: Sequence[Withheld]) -> None:
    """Sorted by place and what, each once."""
    keys = [(row.place, row.what) for row in rows]
    if keys != sorted(set(keys)):
        raise Malformed("want what is withheld sorted by place and what, each once")
