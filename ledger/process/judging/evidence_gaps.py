"""What is told of the evidence of a case as a whole: without a kind, or after a remedy was sought.

It stays evidence, and is never refused. What came after the decision supports none anyway
(`ledger.process.fence`); that an agency went on collecting while it was sued is told besides.
"""

from collections.abc import Iterator, Mapping

from ledger.evidence.statement import EvidenceType, Stage, Statement
from ledger.process.casefile import Filed
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
        if case.file.first(act) is None:
            continue
        sought = ((one, _sought(case, act, ended_by, one.number)) for one in case.file.evidence)
        later = [(one, notice) for one, notice in sought if notice is not None]
        if later:
            first, notice = later[0]
            facts = {"count": str(len(later)), "notice": str(notice.number)}
            yield found_gap(case, finding, first.number, facts)


def _sought(case: Judged, act: str, ended_by: str, number: int) -> Filed | None:
    """The notice of a remedy that had no result yet; one may be sought again after the first."""
    notices, ends = (case.file.acts_upto(number, name) for name in (act, ended_by))
    if not notices or (ends and ends[-1].number > notices[-1].number):
        return None
    return notices[-1]
