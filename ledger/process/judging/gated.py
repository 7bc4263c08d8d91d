"""Conclusions that are refused, and why. Evidence never is: no other kind of statement comes here.

A refusal names a `reason`, so that its sentence can be said in any language; where a rule pack
refuses, `found` has a row for each rule that is not met, with statute, article and cure.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from ledger.errors import Rejected

OWNER_HINT = (
    "if the number is yours, have its spelling registered by the registrar: the case is then yours"
)
PACK_HINT = "publish the rule pack of this procedure, then file the act anew that opens the case"

Row = Mapping[str, Any]  # a gap as JSON: docs/formats/http.md


class Closed(StrEnum):
    RECORDS = "records"  # what must stand before it does not
    PROCEDURE = "procedure"  # it names no procedure, and its agency has rule packs
    PACK = "pack"  # no pack of that name is in force for its agency
    UNREADABLE = "unreadable"  # the pack in force is not in the format
    OPENING = "opening"  # the case was never opened under its pack
    ACT = "act"  # the pack has no gate for such a conclusion
    AGENCY = "agency"  # the case is another agency's
    REGISTER = "register"  # what a register says in the store is not what is logged


_EVIDENCE = "file the paper itself as evidence, which is never refused; "
HINTS: Mapping[Closed, str] = {
    reason: _EVIDENCE + then
    for reason, then in {
        Closed.RECORDS: "then what lacks; then this again",
        Closed.PROCEDURE: "then this again, with the procedure that it belongs to",
        Closed.PACK: "then this again by the right name, or have the registrar publish that pack",
        Closed.UNREADABLE: "have the registrar publish a pack that can be read; then this again",
        Closed.OPENING: "then the act that opens the case; then this again",
        Closed.ACT: "then this again, by a name and a procedure that the packs know",
        Closed.REGISTER: "the operator must act; then this again",
        Closed.AGENCY: "have the agency whose case it is conclude, or correct the number",
    }.items()
}


class Gated(Rejected):
    """A conclusion stays outside the log; nothing was stored."""

    code = "gated"

    def __init__(
        self,
        message: str,
        reason: Closed,
        found: Sequence[Row] = (),
        hints: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(message, hints=(HINTS[reason],) if hints is None else hints)
        self.reason = reason
        self.found = tuple(found)
