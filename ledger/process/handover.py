"""To whom a packet goes, by the word of whoever fetches it; and what one for abroad wants.

    {"approval":"0198…","foreign":"yes","purpose":"…","recipient":"…"}

Without the approval of the competent authority nothing that is stored in China is given to a
judicial or enforcement body abroad (数据安全法 36). The approval is an act of the case, by the
agency whose case it is, with the paper attached. Nobody here can tell who a recipient is: this
stops who is careless, and what was said stays in the log against who was not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Self

from ledger.encoding import clip, parse_day, parse_uuid7
from ledger.errors import Malformed, Rejected
from ledger.evidence import phrase
from ledger.evidence.statement import Statement

APPROVAL = "foreign_handover_approval"
UNNAMED = "recipient not stated"
UNASKED = "abroad, and this ledger is set to ask for no approval"


class Unapproved(StrEnum):
    """Why an approval does not carry this handover."""

    UNNAMED = "unnamed"  # none was named
    NOT_HERE = "not_here"  # no such act of the agency stands in the case
    PAPER = "paper"  # it has no document
    AUTHORITY = "authority"  # it does not say who approved
    RECIPIENT = "recipient"  # it is for somebody else
    OVER = "over"  # its time is over, or cannot be read


MESSAGES = {
    Unapproved.UNNAMED: "no approval was named",
    Unapproved.NOT_HERE: f"the case has no act {APPROVAL!r} of its own agency with that id",
    Unapproved.PAPER: "the approval has no document",
    Unapproved.AUTHORITY: "the approval does not state its 'authority'",
    Unapproved.RECIPIENT: "the approval is not for this recipient",
    Unapproved.OVER: "the approval's day 'until' is over, or is no day",
}


HINT = (
    f"file the approval as the act {APPROVAL!r} of the case, with its document and the facts "
    "recipient and authority; then ask again and name its id"
)


class NotApproved(Rejected):
    """A packet for abroad stays here."""

    code = "not_approved"

    def __init__(
        self, why: Unapproved, message: str = "", hints: tuple[str, ...] = (HINT,)
    ) -> None:
        wanted = "a packet for a foreign body wants an approval (数据安全法 36): "
        super().__init__(message or wanted + MESSAGES[why], hints=hints)
        self.why = why


@dataclass(frozen=True, slots=True)
class Handover:
    """`approval` is the id of an act, or empty."""

    recipient: str
    purpose: str = ""
    foreign: bool = False
    approval: str = ""

    def to_json(self) -> dict[str, str]:
        texts = {"approval": self.approval, "purpose": self.purpose, "recipient": self.recipient}
        row = {name: text for name, text in texts.items() if text}
        return row | ({"foreign": "yes"} if self.foreign else {})

    @classmethod
    def from_json(cls, value: Any) -> Self:
        match value:
            case {"recipient": recipient, **more} if more.keys() <= {
                *("approval", "foreign", "purpose"),
            }:
                pass
            case _:
                raise Malformed("want recipient, perhaps approval, foreign and purpose")
        if (foreign := more.get("foreign", "yes")) != "yes":
            raise Malformed(f"want 'yes' or nothing, got {clip(str(foreign))!r}", path="foreign")
        if "approval" in more and "foreign" not in more:
            raise Malformed("want foreign where an approval is named")
        return cls(
            phrase.line(recipient),
            phrase.line(more["purpose"]) if "purpose" in more else "",
            "foreign" in more,
            parse_uuid7(phrase.string(more["approval"], 36)) if "approval" in more else "",
        )

    def note(self, asked: bool) -> str:
        """For the custody line. What somebody typed comes last, so that it passes for nothing
        else; `asked` is whether this ledger wants an approval."""
        abroad = f"abroad, by the approval {self.approval}" if asked else UNASKED
        said = f"to {self.recipient}" + (f": {self.purpose}" if self.purpose else "")
        return f"{abroad}; {said}" if self.foreign else said


def check_approved(
    handover: Handover, statements: Sequence[Statement], agency: str, today: date
) -> None:
    """Raises `NotApproved` unless an act among these of the case lets a packet go abroad.

    `agency` is whose case it is: of another one's word it does not depend.
    """
    if not handover.approval:
        raise NotApproved(Unapproved.UNNAMED)
    named = (one for one in statements if one.id == handover.approval)
    act = next((one for one in named if _is_approval(one) and one.agency == agency), None)
    if act is None:
        raise NotApproved(Unapproved.NOT_HERE)
    facts = act.predicate.get("facts", {})
    if not any(file.digest.size for file in act.files):
        raise NotApproved(Unapproved.PAPER)
    if facts.get("authority", "").strip() in ("", "no", "否"):
        raise NotApproved(Unapproved.AUTHORITY)
    if facts.get("recipient") != handover.recipient:
        raise NotApproved(Unapproved.RECIPIENT)
    if "until" in facts and not _lasts(facts["until"], today):
        raise NotApproved(Unapproved.OVER)


def _is_approval(statement: Statement) -> bool:
    said = statement.predicate
    return "procedure" in said and said.get("act") == APPROVAL


def _lasts(until: str, today: date) -> bool:
    try:
        return today <= parse_day(until)
    except Malformed:
        return False
