"""The register of documents (文书台账): a line for each document of each act, drawn from the log.

A document is a file that an act is about, by its SHA-256; the file's name may hold a party's, and
stands in no line. An act about an earlier statement, such as the service of a decision, has a line
that names that. The number is the one that the act states; a decision goes by that of its case.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ledger.evidence.statement import FileSubject, Statement, StatementSubject
from ledger.process.reports.views import Placed, day_of

NUMBER = "number"  # the fact of an act that states one


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """`row` is the act's; `about` the id of an earlier statement, where the act has no file."""

    row: int
    act: Statement
    number: str
    day: date | None
    sha256: str = ""
    size: int | None = None
    about: str = ""


def document_lines(placed: Placed) -> Iterator[DocumentLine]:
    row, act = placed
    facts = act.predicate.get("facts", {})
    about = (row, act, facts.get(NUMBER, ""), day_of(act))
    for subject in act.subjects:
        match subject:
            case FileSubject(digest=file):
                yield DocumentLine(*about, sha256=file.sha256.hex(), size=file.size)
            case StatementSubject(id=id_):
                yield DocumentLine(*about, about=id_)
