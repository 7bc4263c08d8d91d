"""The verdict as a value: findings, an outcome for each group, one for the whole.

Integrity decides the whole: any failed → failed; else any undecided, or nothing
checked → undecided; else passed. Completeness, order, time and form stand beside it:
they never raise it, and a failure among them fails it. `require` moves groups in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ledger.encoding import MAX_TIME, format_time, printable


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


class Group(StrEnum):
    INTEGRITY = "integrity"
    COMPLETE = "complete"
    ORDER = "order"
    TIME = "time"
    FORM = "form"


Bilingual = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found about one thing. `detail` is for the expert, in English."""

    step: str
    outcome: Outcome
    about: str
    detail: str = ""

    def to_json(self) -> dict[str, str]:
        return {
            # Both may quote names that someone else chose.
            "about": printable(self.about),
            "detail": printable(self.detail),
            "outcome": self.outcome,
            "step": self.step,
        }


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the list of items, in the words of the report.

    `favourable` says in what it speaks for the party; such items come first. `part` is the file to
    play of a clip, where only a part is shown. `claimed` is the recorder's
    time, `corrected` the same by its measured clock. `fixed_by` is when a quorum had seen it;
    `not_after` the earliest that quorum or authority shows.
    """

    path: str
    name: str
    place: str
    stage: str
    claimed: str
    corrected: str
    not_before: str
    not_after: str
    fixed_by: str
    order: str
    signed_by: str
    part: str = ""
    favourable: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the report is about, so that it can be compared with the paper and the court's card."""

    case: str = ""
    packet: str = ""
    trust: str = ""
    checkpoints: tuple[Mapping[str, str], ...] = ()
    decisions: tuple[Mapping[str, str], ...] = ()
    items: tuple[Item, ...] = ()
    timestamps: tuple[Mapping[str, str], ...] = ()
    custody: tuple[Mapping[str, str], ...] = ()
    registers: tuple[Mapping[str, str], ...] = ()
    state: tuple[Mapping[str, str], ...] = ()
    # The packet maker's word, as it stands in `packet.json`.
    withheld: tuple[Mapping[str, str], ...] = ()
    due: Mapping[str, str] = field(default_factory=dict)
    at: str = ""  # as of when it was judged


@dataclass(frozen=True, slots=True)
class Report:
    groups: Mapping[Group, Outcome]
    outcome: Outcome
    findings: tuple[Finding, ...]
    facts: Facts

    def to_json(self) -> dict[str, Any]:
        """Deterministic: the same packet, trust folder and log give the same report."""
        return {
            "at": self.facts.at,
            "case": self.facts.case,
            "checkpoints": [dict(c) for c in self.facts.checkpoints],
            "custody": [dict(c) for c in self.facts.custody],
            "decisions": [dict(d) for d in self.facts.decisions],
            "due": dict(self.facts.due),
            "findings": [f.to_json() for f in self.findings],
            "groups": {str(g): str(o) for g, o in self.groups.items()},
            "items": [
                {
                    "claimed": i.claimed,
                    "corrected": i.corrected,
                    "favourable": i.favourable,
                    "fixed_by": i.fixed_by,
                    "name": i.name,
                    "not_after": i.not_after,
                    "not_before": i.not_before,
                    "order": i.order,
                    "part": i.part,
                    "path": i.path,
                    "place": i.place,
                    "signed_by": i.signed_by,
                    "stage": i.stage,
                }
                for i in self.facts.items
            ],
            "outcome": str(self.outcome),
            "packet": self.facts.packet,
            "registers": [dict(r) for r in self.facts.registers],
            "state": [dict(s) for s in self.facts.state],
            "timestamps": [dict(t) for t in self.facts.timestamps],
            "trust": self.facts.trust,
            "v": 1,
            "withheld": [dict(w) for w in self.facts.withheld],
        }


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Failed before undecided before passed; nothing at all is undecided."""
    seen = set(outcomes)
    if Outcome.FAILED in seen:
        return Outcome.FAILED
    if Outcome.UNDECIDED in seen or not seen:
        return Outcome.UNDECIDED
    return Outcome.PASSED


def conclude(
    findings: tuple[Finding, ...],
    group_of: Mapping[str, Group],
    required: frozenset[Group],
    facts: Facts,
) -> Report:
    groups = {
        group: worst(f.outcome for f in findings if group_of[f.step] is group) for group in Group
    }
    deciding = {Group.INTEGRITY} | required
    whole = worst(groups[g] for g in deciding)
    if Outcome.FAILED in groups.values():
        whole = Outcome.FAILED
    return Report(groups, whole, findings, facts)


def seconds_text(seconds: int | None) -> str:
    """Empty for None. A cosigner's clock may name a year that no calendar here knows."""
    if seconds is None:
        return ""
    return milliseconds_text(seconds * 1000)


def milliseconds_text(at_ms: int | None) -> str:
    """As `seconds_text`, up to the next second: a bound is never too early."""
    if at_ms is None:
        return ""
    at_ms = -(-at_ms // 1000) * 1000
    return format_time(at_ms) if at_ms <= MAX_TIME else f"{at_ms // 1000} s"


def clock_text(ms: int) -> str:
    """A length or a moment of a recording, such as 1:02:03.456."""
    seconds, thousandths = divmod(ms, 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"
