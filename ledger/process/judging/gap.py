"""A gap or a defect: which rule of which pack, where, how grave, and what would cure it.

Gaps are facts; what a person reads of them is worded at the edge.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ledger.evidence.statement import Stage
from ledger.process.casefile import Filed
from ledger.process.judging.gap_names import NAMES, named
from ledger.process.judging.judged import Judged
from ledger.process.registers.crew import CrewFinding
from ledger.process.rules.rulepack import ActRule, Check, Level, Record, Sickness

LEVELS = tuple(Level)
FULL_RECORD = ("市级实施意见", "三(四)")  # the whole process is recorded


class GapKind(StrEnum):
    """缺失 补录 顺序错误 瑕疵."""

    MISSING = "missing"
    LATE = "late"
    WRONG_ORDER = "wrong_order"
    DEFECT = "defect"


@dataclass(frozen=True, slots=True)
class Finding:
    """What no rule of a pack asks for, and the law does: `what` is its rule."""

    what: str
    name: str
    name_en: str
    stage: Stage
    source: str
    article: str
    memory: bool = False


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
        named(case.pack, _acts_of(rule), facts),
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
        facts={"act": one.act, **named(case.pack, [one.act], facts)},
    )


def found_gap(
    case: Judged,
    finding: Finding,
    place: int,
    facts: Mapping[str, str],
    level: Level = Level.NOTICE,
    kind: GapKind = GapKind.DEFECT,
    due: bool = True,
) -> Gap:
    return Gap(
        finding.what,
        case.pack.pack,
        case.pack.version,
        kind,
        finding.what,
        finding.name,
        finding.name_en,
        finding.stage,
        level,
        Sickness.PROCEDURE,
        finding.source,
        finding.article,
        finding.memory,
        place=place,
        due=due,
        facts=named(case.pack, (), facts),
    )


def told_once(found: Iterable[Gap]) -> list[Gap]:
    """What packs that judge together find by one article of one act, where each has the rule:
    the graver of them. What only one of them has stays, and so does what they find otherwise."""
    kept: dict[object, Gap] = {}
    seen: Counter[object] = Counter()
    for gap in found:
        facts = frozenset(one for one in gap.facts.items() if not one[0].endswith(NAMES))
        finding = (gap.rule, gap.source, gap.article, gap.kind, gap.what, gap.place, facts)
        # Whatever one pack finds twice stays twice.
        nth = seen[gap.pack, finding]
        seen[gap.pack, finding] += 1
        known = kept.setdefault((finding, nth), gap)
        kept[finding, nth] = min(known, gap, key=lambda one: (LEVELS.index(one.level), not one.due))
    return list(kept.values())


def stage_of(case: Judged, rule: Record | Check) -> Stage:
    """That of the first act which it is about."""
    act = case.pack.act(_acts_of(rule)[0])
    assert act is not None  # the pack was read: it names no act that it has not
    return act.stage


def _acts_of(rule: Record | Check) -> tuple[str, ...]:
    """Those which it is about: what it looks at, not what that is compared with."""
    if isinstance(rule, Record):
        return rule.acts
    return (rule.given["act"],) if "act" in rule.given else tuple(rule.given["acts"])
