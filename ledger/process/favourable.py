"""What speaks for the party: evidence that its filer, or a later correction, says is favourable.

行政处罚法 art. 54 wants evidence collected in full, and 行诉解释 art. 46 holds against an agency
what it keeps back. Who said it once does not take it back: a correction may add such a word, and
none can blank it. Nobody can say it of another agency's evidence.
"""

from collections.abc import Iterable

from ledger.evidence.statement import Kind, Statement, StatementSubject

FIELD = "favourable_to_party"


def favourable(statements: Iterable[Statement]) -> dict[str, str]:
    """By id of the evidence among these, in what it speaks for the party; they are in log order."""
    found: dict[str, str] = {}
    agencies: dict[str, str] = {}
    for statement in statements:
        match statement.kind:
            case Kind.EVIDENCE:
                agencies[statement.id] = statement.agency
                _note(found, statement.id, statement.predicate.get(FIELD, ""))
            case Kind.CORRECTION:
                text = statement.predicate["changes"].get(FIELD, "")
                for subject in statement.subjects:
                    about = subject.id if isinstance(subject, StatementSubject) else ""
                    if agencies.get(about) == statement.agency:
                        _note(found, about, text)
    return found


def _note(found: dict[str, str], id_: str, text: str) -> None:
    if text.strip():
        found[id_] = text
