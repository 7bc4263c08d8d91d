"""What is told of the evidence of a case as a whole: without a kind, or after a remedy was sought.

It stays evidence, and is never refused. What came after the decision supports none anyway
(`ledger.process.fence`); that an agency went on collecting while it was sued is told besides.
"""

from collections.abc import Iterator, Mapping

from ledger.evidence.statement import EvidenceType, Stage, Statement
from ledger.process.judging.gap import Finding, Gap, found_gap
from ledger.process.judging.judged import Judged
from ledger.process.particulars import corrections

FIELD = "evidence_type"
TYPES = frozenset(map(str, EvidenceType))
UNTYPED = Finding(
    "untyped",
    "证据种类",
    "Kind of evidence",
    Stage.INVESTIGATE,
    "处罚法",
    "46",
)
_AFTER = ("被诉、被申请复议后收集的证据", "Evidence filed after a remedy was sought", Stage.ENFORCE)
# The notice of each remedy, and what ends the time in which its law forbids collecting.
REMEDIES = {
    "litigation_notice": (Finding("post_litigation", *_AFTER, "行政诉讼法", "35"), ""),
    "reconsideration_notice": (
        Finding("post_litigation", *_AFTER, "复议法", "46"),
        "reconsideration_result",
    ),
}


def evidence_gaps(case: Judged) -> Iterator[Gap]:
    yield from _untyped(case)
    yield from _after_remedies(case)


def _untyped(case: Judged) -> Iterator[Gap]:
    """The eight kinds are those of the law of penalties."""
    if case.pack.kind != "penalty":
        return
    said = corrections(one.statement for one in case.file.filed)
    untyped = [one for one in case.file.evidence if _type(one.statement, said) not in TYPES]
    if untyped:
        facts = {"count": str(len(untyped))}
        yield found_gap(case, UNTYPED, untyped[0].number, facts)


def _type(statement: Statement, said: Mapping[tuple[str, str], Mapping[str, str]]) -> str:
    corrected = said.get((statement.agency, statement.id), {})
    return str(corrected.get(FIELD, statement.predicate.get(FIELD, "")))


def _after_remedies(case: Judged) -> Iterator[Gap]:
    for act, (finding, ended_by) in REMEDIES.items():
        if (notice := case.file.first(act)) is None:
            continue
        ends = (one.number for one in case.file.acts(ended_by) if one.number > notice.number)
        end = next(ends, None)
        later = [
            one.number
            for one in case.file.evidence
            if one.number > notice.number and (end is None or one.number < end)
        ]
        if later:
            facts = {"count": str(len(later)), "notice": str(notice.number)}
            yield found_gap(case, finding, later[0], facts)
