"""Legal holds as the log says them: who holds what, and until when.

    {"hold":"placed","reason":"…","complaint":"0198…"}   about statements, or about one text:
    {"hold":"lifted","reason":"…"}                       a case number, or the SHA-256 of a file

A hold is on a target: a statement, a case with all that is filed in it, or the bytes of a file.
Several may be on one; lifting takes away what the same agency has placed for the same complaint,
or for none, and leaves the rest. Who may place and lift is said in `ledger.evidence.statement`;
that a person lifts, and not the ledger by itself, in `check_lifting`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ledger.errors import Rejected
from ledger.evidence.procedural import Hold
from ledger.evidence.statement import OPENING, Kind, Role, Statement, StatementSubject

Target = str


@dataclass(frozen=True, slots=True)
class Held:
    """One hold on one target; `id` is that of the statement which placed it, `agency` its own."""

    id: str
    target: Target
    reason: str
    complaint: str = ""
    agency: str = ""


class Holds:
    """Built from hold statements in log order; others pass by."""

    def __init__(self) -> None:
        self._on: dict[Target, dict[tuple[str, str], Held]] = {}  # then by complaint and agency
        self._ever: dict[tuple[Target, str], str] = {}

    def add(self, statement: Statement) -> None:
        if statement.kind is not Kind.HOLD:
            return
        predicate, agency = statement.predicate, statement.agency
        complaint = predicate.get("complaint", "")
        for target in targets_of(statement):
            on = self._on.setdefault(target, {})
            if predicate["hold"] == Hold.PLACED:
                held = Held(statement.id, target, predicate["reason"], complaint, agency)
                on.setdefault((complaint, agency), held)
                self._ever[target, complaint] = statement.id
            else:
                on.pop((complaint, agency), None)

    def on(self, names: Iterable[Target]) -> list[Held]:
        """Those on any of these targets; `names_of` gives a statement's."""
        found = (self._on.get(target, {}) for target in dict.fromkeys(names))
        return [held for on in found for held in list(on.values())]

    def all(self) -> list[Held]:
        return [held for on in list(self._on.values()) for held in list(on.values())]

    def of_complaint(self, complaint: str) -> int:
        """How many statements are held for it."""
        return sum(held.complaint == complaint for held in self.all())

    def was_on(self, target: Target, complaint: str = "") -> str:
        """What placed it last, and was perhaps lifted since; empty if it never was."""
        return self._ever.get((target, complaint), "")

    def check_own(self, statement: Statement) -> None:
        """That a lifting finds one of its agency where there are others: raises `Rejected`."""
        if statement.kind is not Kind.HOLD or statement.predicate["hold"] != Hold.LIFTED:
            return
        complaint = statement.predicate.get("complaint", "")
        for target in targets_of(statement):
            placed = {held.agency for held in self.on([target]) if held.complaint == complaint}
            if placed and statement.agency not in placed:
                raise Rejected(
                    f"the hold on {target} is of {min(placed)!r}, not of {statement.agency!r}",
                    hints=("whoever has placed it lifts it",),
                )


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
