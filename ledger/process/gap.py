"""A gap or a defect: which rule of which pack, where, how grave, and what would cure it.

Gaps are facts; what a person reads of them is worded at the edge.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ledger.evidence.statement import Stage
from ledger.process.casefile import Filed
from ledger.process.crew import CrewFinding
from ledger.process.judged import Judged
from ledger.process.rulepack import ActRule, Check, Level, Record, Sickness

FULL_RECORD = ("市级实施意见", "三(四)")  # the whole process is recorded


class GapKind(StrEnum):
    """缺失 补录 顺序错误 瑕疵."""

    MISSING = "missing"
    LATE = "late"
    WRONG_ORDER = "wrong_order"
    DEFECT = "defect"


@dataclass(frozen=True, slots=True)
class Gap:
    """`what` says more of the kind; `place` is the number of the act in the log.

    Not `due` is what is missing and may still come in its time."""

    rule: str
    pack: str
    version: str
    kind: GapKind
    what: str
    name: str
    name_en: str
    stage: Stage
    level: Level
    sickness: Sickness
    source: str
    article: str
    memory: bool = False
    cure: str = ""
    cure_en: str = ""
    place: int | None = None
    due: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "article": self.article,
            "class": str(self.sickness),
            "cure": self.cure,
            "cure_en": self.cure_en,
            "due": self.due,
            "facts": dict(self.facts),
            "kind": str(self.kind),
            "level": str(self.level),
            "memory": self.memory,
            "name": self.name,
            "name_en": self.name_en,
            "pack": self.pack,
            "place": None if self.place is None else str(self.place),
            "rule": self.rule,
            "source": self.source,
            "stage": str(self.stage),
            "version": self.version,
            "what": self.what,
        }


def rule_gap(
    case: Judged,
    rule: Record | Check,
    kind: GapKind,
    what: str,
    place: int | None,
    facts: Mapping[str, str],
    due: bool = True,
) -> Gap:
    """Of a rule of the pack, in the stage of the first act which it is about."""
    return Gap(
        rule.id,
        case.pack.pack,
        case.pack.version,
        kind,
        what,
        rule.name,
        rule.name_en,
        stage_of(case, rule),
        rule.level,
        rule.sickness,
        rule.source,
        rule.article,
        rule.memory,
        rule.cure,
        rule.cure_en,
        place,
        due,
        facts,
    )


def crew_gap(case: Judged, rule: ActRule, one: Filed, finding: CrewFinding) -> Gap:
    return Gap(
        str(finding.rule),
        case.pack.pack,
        case.pack.version,
        GapKind.DEFECT,
        "crew",
        rule.name,
        rule.name_en,
        rule.stage,
        Level(finding.level),
        Sickness(finding.sickness),
        finding.source,
        finding.article,
        place=one.number,
        facts={"act": one.act, **finding.facts},
    )


def act_gap(
    case: Judged,
    rule: ActRule,
    one: Filed,
    what: str,
    facts: Mapping[str, str],
    level: Level = Level.NOTICE,
    kind: GapKind = GapKind.DEFECT,
) -> Gap:
    """Of an act itself, under no rule of the pack: what was found is the rule."""
    return Gap(
        what,
        case.pack.pack,
        case.pack.version,
        kind,
        what,
        rule.name,
        rule.name_en,
        rule.stage,
        level,
        Sickness.PROCEDURE,
        *FULL_RECORD,
        place=one.number,
        facts={"act": one.act, **facts},
    )


def stage_of(case: Judged, rule: Record | Check) -> Stage:
    """That of the first act which it is about."""
    if isinstance(rule, Record):
        name = rule.acts[0]
    else:
        name = rule.given["act"] if "act" in rule.given else rule.given["acts"][0]
    act = case.pack.act(name)
    assert act is not None  # the pack was read: it names no act that it has not
    return act.stage
