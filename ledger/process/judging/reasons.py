"""Why nothing was recorded, why there is a hole, why a recording came late: as a person says it.

The act `recording_explanation` speaks of the time in its `occurred`. It counts if it names an
officer and a reason of the pack's list, and is about what had passed when it was logged: nobody
excuses tomorrow's holes today. When it was given, its own place in the log shows.
"""

from dataclasses import dataclass

from ledger.encoding import format_time
from ledger.process.casefile import AHEAD_MS, CaseFile, Filed
from ledger.process.rules.facts import FactKind
from ledger.process.rules.rulepack import RulePack
from ledger.process.spans import SLACK_MS

EXPLANATION = "recording_explanation"
REASON, DEVICE = "reason", "device"
OTHER, DETAIL = "other", "detail"  # a reason that is none of the list wants its own words


@dataclass(frozen=True, slots=True)
class Reason:
    filed: Filed
    device: str
    facts: dict[str, str]

    def covers(self, start_ms: int, end_ms: int) -> bool:
        """An act's times are written to the minute."""
        one = self.filed
        return one.start_ms - SLACK_MS <= start_ms and end_ms <= one.end_ms + SLACK_MS


class Reasons:
    """Of a case under a pack, in the order of the log."""

    def __init__(self, file: CaseFile, pack: RulePack) -> None:
        self._all = [_reason(pack, one) for one in file.acts(EXPLANATION) if _counts(pack, one)]
        self._of: dict[str, list[Reason]] = {}
        for reason in self._all:
            self._of.setdefault(reason.device, []).append(reason)

    def closing(self, device: str, start_ms: int, end_ms: int) -> Reason | None:
        """The first that speaks of this recorder and of all that time."""
        of = self._of.get(device, ())
        return next((reason for reason in of if reason.covers(start_ms, end_ms)), None)

    def of_nothing_recorded(self, start_ms: int, end_ms: int) -> dict[str, str]:
        """Where no recorder ran nobody can tell which it would have been."""
        found = (reason for reason in self._all if reason.covers(start_ms, end_ms))
        if (reason := next(found, None)) is None:
            return {}
        return reason.facts | {"reason_delay_ms": str(max(reason.filed.at_ms - end_ms, 0))}


def _counts(pack: RulePack, one: Filed) -> bool:
    rule, said = pack.fact(REASON, EXPLANATION), one.facts.get(REASON, "")
    if rule is None or rule.kind is not FactKind.CHOICE or not rule.takes(said):
        return False
    in_full = said != OTHER or bool(one.facts.get(DETAIL, "").strip())
    return in_full and bool(one.officers) and one.end_ms <= one.at_ms + AHEAD_MS


def _reason(pack: RulePack, one: Filed) -> Reason:
    rule, said = pack.fact(REASON, EXPLANATION), one.facts[REASON]
    assert rule is not None  # or it would not count
    facts = {
        "reason": said,
        "reason_at": format_time(one.at_ms),
        "reason_by": "、".join(one.officers),
        "reason_name": rule.values[said],
        "reason_place": str(one.number),
    }
    return Reason(one, one.facts.get(DEVICE, ""), facts)
