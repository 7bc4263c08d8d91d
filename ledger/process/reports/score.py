"""The score sheet of a case-file review: what the checker found fills it, the rest a person does.

    [[item]]
    id = "serve"
    name = "送达"
    points = 6
    stages = ["serve"]

Items, points and what a finding takes off are data. A finding belongs to the first item that it
fits; an item `by = "reviewer"` fits none and stays open.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ledger.encoding import parse_utf8
from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.statement import Stage
from ledger.process.judging.gap import GapKind
from ledger.process.rules.rulepack import Level, Sickness
from ledger.process.tables import check_distinct, one_of, read_table, read_toml, rows, whole

HUNDRED = 100
OVERDUE = "overdue"  # a clock that ran out, beside the kinds of gaps


@dataclass(frozen=True, slots=True)
class Finding:
    """A gap or a clock, as far as it decides about a score; `rule`, by its `name`, and `article`
    are the remark."""

    kind: str
    stage: str
    level: str
    sickness: str
    rule: str = ""
    article: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    name: str
    points: int
    stages: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    by: str = "checker"
    name_en: str = ""

    @property
    def open(self) -> bool:
        return self.by == "reviewer"

    def fits(self, finding: Finding) -> bool:
        asked = (
            (self.stages, finding.stage),
            (self.classes, finding.sickness),
            (self.kinds, finding.kind),
        )
        return not self.open and all(not words or word in words for words, word in asked)


@dataclass(frozen=True, slots=True)
class Scored:
    """`hundredths` of a point, or None where a person decides."""

    item: Item
    hundredths: int | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ScoreSheet:
    version: str
    items: tuple[Item, ...]
    deduct: dict[str, int]

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        found = read_table(
            read_toml(parse_utf8(data)),
            need={"version": phrase.line, "deduct": _deduct, "item": rows(_item)},
        )
        items = found["item"]
        check_distinct([item.id for item in items], "item")
        if sum(item.points for item in items) != HUNDRED:
            raise Malformed(f"want {HUNDRED} points in all", path="item")
        return cls(found["version"], items, found["deduct"])

    @property
    def filled_percent(self) -> int:
        """How many of a hundred items the checker fills, rounded down."""
        return HUNDRED * sum(not item.open for item in self.items) // len(self.items)

    @property
    def asks_for_time(self) -> bool:
        """Whether clocks are scored: an older table has no item for them."""
        return any(OVERDUE in item.kinds for item in self.items)

    def item_of(self, finding: Finding) -> Item:
        for item in self.items:
            if item.fits(finding):
                return item
        raise Malformed(f"the score sheet has no item for {finding.rule or finding.stage!r}")

    def score(self, findings: Iterable[Finding]) -> list[Scored]:
        by_item: dict[str, list[Finding]] = {item.id: [] for item in self.items}
        for finding in findings:
            by_item[self.item_of(finding).id].append(finding)
        return [self._scored(item, by_item[item.id]) for item in self.items]

    def _scored(self, item: Item, findings: Sequence[Finding]) -> Scored:
        off = sum(self.deduct[finding.level] for finding in findings)
        left = None if item.open else item.points * max(0, HUNDRED - off)
        return Scored(item, left, tuple(findings))


def _deduct(value: Any) -> dict[str, int]:
    found: dict[str, int] = read_table(value, dict.fromkeys(Level, whole))
    if any(share > HUNDRED for share in found.values()):
        raise Malformed("want at most 100 of a hundred")
    return found


def _item(value: Any) -> Item:
    need = {"id": phrase.word, "name": phrase.line, "points": whole}
    may = {
        "stages": rows(one_of(*Stage)),
        "classes": rows(one_of(*Sickness)),
        "kinds": rows(one_of(*GapKind, OVERDUE)),
        "by": one_of("reviewer"),
        "name_en": phrase.line,
    }
    found = read_table(value, need, may)
    if ("by" in found) == bool(found.keys() & {"stages", "classes", "kinds"}):
        raise Malformed("want stages, classes or kinds, or by = 'reviewer'")
    return Item(**found)
