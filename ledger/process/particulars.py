"""Particulars: what a court wants noted on each item of evidence, and what is still missing.

行政诉讼证据规定 art. 12 wants of recordings and electronic data the original carrier, how,
when and by whom they were made, and what they are to show. Whoever files evidence may leave
all of this out, and file it later as a correction; a packet for a court tells what lacks.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ledger.evidence.statement import Kind, Statement, StatementSubject

# 制作方法 制作时间 制作人 证明对象 原始载体
WANTED = ("method", "occurred", "maker", "purpose", "carrier")


@dataclass(frozen=True, slots=True)
class Lack:
    """A statement of evidence, its item's name, and which of `WANTED` are missing."""

    id: str
    name: str
    fields: tuple[str, ...]


def lacking(statements: Iterable[Statement]) -> list[Lack]:
    """Of the evidence among these, in their order; they are in log order.

    A correction by the same agency fills in what it names. The last one counts, so that one
    which names a field and leaves it empty takes it away.
    """
    statements = list(statements)
    said = corrections(statements)
    found = []
    for statement in statements:
        if statement.kind is not Kind.EVIDENCE:
            continue
        given = {**statement.predicate, **said[statement.agency, statement.id]}
        if fields := tuple(field for field in WANTED if not _is_given(given, field)):
            found.append(Lack(statement.id, statement.files[0].name, fields))
    return found


def corrections(
    statements: Iterable[Statement],
) -> defaultdict[tuple[str, str], dict[str, str]]:
    """By agency and id, what corrections say."""
    said: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for statement in statements:
        if statement.kind is not Kind.CORRECTION:
            continue
        for subject in statement.subjects:
            if isinstance(subject, StatementSubject):
                said[statement.agency, subject.id] |= statement.predicate["changes"]
    return said


def _is_given(given: dict[str, object], field: str) -> bool:
    if field == "maker" and "maker" not in given and "device" in given:
        # Whoever wore the recorder has made the recording.
        return bool(given.get("officers"))
    value = given.get(field, "")
    return bool(value.strip() if isinstance(value, str) else value)
