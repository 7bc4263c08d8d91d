"""What an agency may be recognised for (苏法治办〔2021〕17号 六(三)): in time, and without a gap.
What is lacking is counted by the three sicknesses (一(一)): body, procedure, conduct.

A statement is in time if it was logged within the hours that the first rule pack of its case
allows, of a case without one within a day; when it occurred is its signer's word. A case is whole
if a pack judges it and nothing is lacking that is due. Of a case that no pack judges nothing was
looked at: it stands among the cases, and neither among the whole nor among the judged.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.evidence.statement import Kind
from ledger.process.casefile import CaseFile, Filed
from ledger.process.judging.gap import Gap
from ledger.process.judging.judged import Judged
from ledger.process.judging.records import HOUR_MS
from ledger.process.rules.rulepack import Sickness

HOURS = 24  # without a pack
# What was done instead of a penalty or before one (四(一)): counted, and asked for by no rule.
ADVISED = ("guidance", "warning_talk")
_UPLOADED = frozenset({Kind.ACT, Kind.EVIDENCE})


@dataclass(slots=True)
class Merits:
    cases: int = 0
    judged: int = 0
    whole: int = 0
    uploads: int = 0
    in_time: int = 0
    sick: Counter[Sickness] = field(default_factory=Counter)

    def add(self, file: CaseFile, packs: Sequence[Judged], gaps: Sequence[Gap]) -> None:
        self.cases += 1
        self.judged += bool(packs)
        due = [gap for gap in gaps if gap.due]
        self.whole += bool(packs) and not due
        self.sick.update(gap.sickness for gap in due)
        limit_ms = (packs[0].pack.late_after_hours if packs else HOURS) * HOUR_MS
        for one in file.filed:
            if _is_upload(one, file.agency):
                self.uploads += 1
                self.in_time += one.delay_ms <= limit_ms


def percent(part: int, whole: int) -> str:
    """To a tenth, and rounded down: 100.0 is all of them. Of nothing there is none."""
    if not whole:
        return ""
    tenths = 1000 * part // whole
    return f"{tenths // 10}.{tenths % 10}"


def _is_upload(one: Filed, agency: str) -> bool:
    said = one.statement
    return said.kind in _UPLOADED and said.agency == agency and said.occurred is not None
