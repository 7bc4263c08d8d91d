"""What is not shown: each statement by its number in its series, each file by its name.

A reason is the word of whoever made the packet. It is told, and decides nothing: what is
named stays as undecided as what is not. A row that names something shown is a lie.
"""

from collections.abc import Iterator

from ledger.encoding import printable
from ledger.evidence.membership import case_series
from ledger.evidence.place import Place
from ledger.evidence.statement import Kind, StatementSubject
from ledger.evidence.withheld import GONE, LEDGERS_OWN, STATEMENT, Reason, Withheld
from ledger.report import Finding, Outcome
from ledger.verdict.examination import Examination


def not_shown(ex: Examination) -> Iterator[Finding]:
    reasons = {(row.place, row.what): row.reason for row in ex.index.withheld}
    for name, found in sorted(ex.series.items()):
        count = len(found.numbers)
        for place, n in found.numbers.items():
            if ex.views[place].statement is not None:
                continue
            at = place.to_text()
            detail = f"statement {n} of {count}, entry {at}, is not shown"
            if reason := reasons.get((place, STATEMENT)):
                detail = f"statement {n} of {count}, entry {at}, is withheld: {reason}"
            yield Finding("complete", Outcome.UNDECIDED, name, detail)
    for view, statement in ex.shown():
        for subject in statement.items:
            if subject in ex.item_of:
                continue
            detail = f"{printable(subject.name)} is not in the packet"
            if reason := reasons.get((view.place, subject.digest.sha256.hex())):
                detail = f"{printable(subject.name)} is withheld: {reason}"
            yield Finding("complete", Outcome.UNDECIDED, view.place.to_text(), detail)
    for row in ex.index.withheld:
        if wrong := _wrong(ex, row):
            yield Finding("complete", Outcome.FAILED, row.place.to_text(), wrong)


def _wrong(ex: Examination, row: Withheld) -> str:
    if row.place not in ex.layout.entries:
        return "named as withheld, and has no entry here"
    if row.what == STATEMENT:
        if row.place in ex.layout.envelopes:
            return "named as withheld, and its statement is shown"
        return _untrue(ex, row)
    if row.reason in LEDGERS_OWN:
        return f"a file is named as {row.reason}, which is said of a statement alone"
    view = ex.views.get(row.place)
    items = () if view is None or view.statement is None else view.statement.items
    subjects = [item for item in items if item.digest.sha256.hex() == row.what]
    if not subjects:
        return f"no statement shown here speaks of the file {row.what} named as withheld"
    if any(subject in ex.item_of for subject in subjects):
        return f"{printable(subjects[0].name)} is named as withheld, and is shown"
    return ""


def _destroyed(ex: Examination) -> Iterator[Place]:
    """Entries that the disposals shown here name, by what they commit to."""
    named = {
        subject.commitment
        for _, statement in ex.shown()
        if statement.kind is Kind.DISPOSAL
        for subject in statement.subjects
        if isinstance(subject, StatementSubject)
    }
    yield from (view.place for view in ex.views.values() if view.entry.commitment in named)


def _untrue(ex: Examination, row: Withheld) -> str:
    """A reason that the packet itself contradicts; of any other nobody here can tell."""
    if row.reason is Reason.DESTROYED:
        shown = any(row.place == place for place in _destroyed(ex))
        return "" if shown else "named as destroyed, and no disposal shown here names it"
    if row.reason in GONE:
        return f"a statement is named as {row.reason}, which is said of a file alone"
    own = ex.series.get(case_series(ex.index.case, ex.trust.first_year))
    if row.reason is Reason.OTHER_CASE and own is not None and row.place in own.numbers:
        return "named as said in another case, and stands in the series of this one"
    return ""
