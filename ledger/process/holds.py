"""Legal holds as the log says them: who holds what, and until when.

    {"hold":"placed","reason":"…","complaint":"0198…"}   about statements, or about one text:
    {"hold":"lifted","reason":"…"}                       a case number, or the SHA-256 of a file

A hold is on a target: a statement, a case with all that is filed in it, or the bytes of a file.
Several may be on one; lifting takes away those that were placed for the same complaint, or for
none, and leaves the rest. Who may place and lift is said in `ledger.evidence.statement`; that a
person lifts, and not the ledger by itself, in `check_lifting`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ledger.errors import Rejected
from ledger.evidence.procedural import Hold
from ledger.evidence.statement import OPENING, Kind, Role, Statement, StatementSubject

Target = str


@dataclass(frozen=True, slots=True)
class Held:
    """One hold on one target; `id` is that of the statement which placed it."""

    id: str
    target: Target
    reason: str
    complaint: str = ""


class Holds:
    """Built from hold statements in log order; others pass by."""

    def __init__(self) -> None:
        self._on: dict[Target, dict[str, Held]] = {}  # by target, then by complaint
        self._ever: set[tuple[Target, str]] = set()

    def add(self, statement: Statement) -> None:
        if statement.kind is not Kind.HOLD:
            return
        predicate = statement.predicate
        complaint = predicate.get("complaint", "")
        for target in targets_of(statement):
            on = self._on.setdefault(target, {})
            if predicate["hold"] == Hold.PLACED:
                on.setdefault(complaint, Held(statement.id, target, predicate["reason"], complaint))
                self._ever.add((target, complaint))
            else:
                on.pop(complaint, None)

    def on(self, names: Iterable[Target]) -> list[Held]:
        """Those on any of these targets; `names_of` gives a statement's."""
        found = (self._on.get(target, {}) for target in dict.fromkeys(names))
        return [held for on in found for held in list(on.values())]

    def all(self) -> list[Held]:
        return [held for on in list(self._on.values()) for held in list(on.values())]

    def of_complaint(self, complaint: str) -> int:
        """How many statements are held for it."""
        return sum(held.complaint == complaint for held in self.all())

    def was_on(self, target: Target, complaint: str = "") -> bool:
        """Whether it was placed at any time, and perhaps lifted since."""
        return (target, complaint) in self._ever


def targets_of(statement: Statement) -> Iterator[Target]:
    """Of a hold, which has statements as its subjects, or one text."""
    for subject in statement.subjects:
        match subject:
            case StatementSubject(id=id_):
                yield statement_target(id_)
            case _:
                yield subject.name


def statement_target(id_: str) -> Target:
    return f"statement/{id_}"


def names_of(statement: Statement) -> Iterator[Target]:
    """What a hold may be on, to be on this statement too."""
    yield statement_target(statement.id)
    yield from cases_of(statement)
    yield from (file.digest.sha256.hex() for file in statement.files)


def cases_of(statement: Statement) -> Iterator[str]:
    """The cases that it is filed under, provisional ones by their ids."""
    if statement.case is not None:
        yield statement.case
    if provisional := statement.predicate.get("provisional"):
        yield provisional
    if statement.predicate.get("act") == OPENING:
        yield statement.id


def check_lifting(statement: Statement, signers: Iterable[Role]) -> None:
    """A machine may hold by itself, and may not let go."""
    lifts = statement.kind is Kind.HOLD and statement.predicate["hold"] == Hold.LIFTED
    if lifts and Role.HANDLER not in frozenset(signers):
        raise Rejected("want a person who lifts a hold: the ledger does not do so by itself")
