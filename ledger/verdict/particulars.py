"""Particulars: what a court wants noted on each item, as far as it is shown.

A group of its own: the bytes are what they were, nothing was left out of the log, and what
lacks may be said in court.
"""

from collections.abc import Iterator

from ledger.evidence.statement import Kind
from ledger.process.particulars import lacking
from ledger.report import Finding, Outcome
from ledger.verdict.examination import Examination


def particulars(ex: Examination) -> Iterator[Finding]:
    shown = ex.shown()
    places = {statement.id: view.place.to_text() for view, statement in shown}
    evidence = sum(statement.kind is Kind.EVIDENCE for _, statement in shown)
    # A correction counts only if it is shown who made it.
    lacks = lacking(s for view, s in shown if s.kind is Kind.EVIDENCE or view.signers)
    for lack in lacks:
        fields = ", ".join(lack.fields)
        detail = f"not noted: {fields}"
        yield Finding("particulars", Outcome.UNDECIDED, places[lack.id], detail)
    if not lacks:
        yield Finding("particulars", Outcome.PASSED, "packet", f"{evidence} items")
