"""Legal holds as the log says them: who holds what, and until when.

    {"hold":"placed","reason":"…","complaint":"0198…"}   about statements, or about one text:
    {"hold":"lifted","reason":"…"}                       a case number, or the SHA-256 of a file

A hold is on a target: a statement, a case with all that is filed in it, or the bytes of a file.
Several may be on one, each placed by a statement. Lifting takes away what the same agency has
placed for the same complaint, or for none, and leaves the rest; one of several is lifted by the
id of the statement that placed it. Who may place and lift is said in `ledger.evidence.statement`;
that a person lifts, and not the ledger by itself, in `check_lifting`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from ledger.encoding import clip, parse_uuid7
from ledger.errors import Malformed, Rejected
from ledger.evidence.case_number import parse_case
from ledger.evidence.procedural import Hold
from ledger.evidence.statement import OPENING, Kind, Role, Statement, StatementSubject

Target = str
STATEMENT = "statement/"
MOST_HINTS = 8
HEX = frozenset("0123456789abcdef")
SHA256_DIGITS = 64


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
        self._on: dict[Target, dict[str, Held]] = {}  # then by the statement that placed it
        self._placed: dict[str, tuple[Target, ...]] = {}  # by that statement
        self._for: dict[str, dict[tuple[Target, str], Held]] = {}  # by complaint
        self._ever: dict[str, dict[Target, str]] = {}  # by complaint; also what was lifted since

    def add(self, statement: Statement) -> None:
        if statement.kind is not Kind.HOLD:
            return
        targets = tuple(targets_of(statement))
        if statement.predicate["hold"] == Hold.PLACED:
            self._place(statement, targets)
            return
        for held in self.lifted_by(statement):
            self._on[held.target].pop(held.id, None)
            self._for.get(held.complaint, {}).pop((held.target, held.id), None)

    def _place(self, statement: Statement, targets: tuple[Target, ...]) -> None:
        reason = statement.predicate["reason"]
        complaint = statement.predicate.get("complaint", "")
        self._placed[statement.id] = targets
        for target in targets:
            self._ever.setdefault(complaint, {})[target] = statement.id
            on = self._on.setdefault(target, {})
            said = (reason, complaint, statement.agency)
            # In the same words it is the same hold, sent again.
            if said not in ((one.reason, one.complaint, one.agency) for one in on.values()):
                held = on[statement.id] = Held(statement.id, target, *said)
                self._for.setdefault(complaint, {})[target, held.id] = held

    def lifted_by(self, statement: Statement) -> list[Held]:
        """What a lifting would take away; of any other statement nothing."""
        if statement.kind is not Kind.HOLD or statement.predicate["hold"] != Hold.LIFTED:
            return []
        targets = targets_of(statement)
        return [held for target in targets for held in self._lifted_by(statement, target)]

    def _lifted_by(self, statement: Statement, target: Target) -> list[Held]:
        """Those of its own agency: all that one statement placed, or all on a target."""
        complaint = statement.predicate.get("complaint", "")
        by_id = self._places(target)
        return [
            held
            for held in self._meant(target)
            if held.agency == statement.agency and (by_id or held.complaint == complaint)
        ]

    def _meant(self, target: Target) -> list[Held]:
        """What the target of a lifting names: one hold by its id, or all on the target."""
        if self._places(target):
            id_ = target.removeprefix(STATEMENT)
            return [held for held in self.on(self._placed[id_]) if held.id == id_]
        return self.on([target])

    def _places(self, target: Target) -> bool:
        return target.removeprefix(STATEMENT) in self._placed

    def on(self, names: Iterable[Target]) -> list[Held]:
        """Those on any of these targets; `names_of` gives a statement's."""
        found = (self._on.get(target, {}) for target in dict.fromkeys(names))
        return [held for on in found for held in list(on.values())]

    def all(self) -> list[Held]:
        return [held for on in list(self._on.values()) for held in list(on.values())]

    def of_complaint(self, complaint: str) -> int:
        """How many statements are held for it."""
        return len(self._for.get(complaint, {}))

    def for_complaint(self, complaint: str) -> list[Held]:
        return list(self._for.get(complaint, {}).values())

    def was_on(self, target: Target, complaint: str = "") -> str:
        """What placed it last, and was perhaps lifted since; empty if it never was."""
        return self._ever.get(complaint, {}).get(target, "")

    def ever_for(self, complaint: str) -> int:
        """How many were held for it at any time."""
        return len(self._ever.get(complaint, {}))

    def check_own(self, statement: Statement) -> None:
        """That a lifting finds one hold of its agency, and no more than one, on each target:
        raises `Rejected`. One that lifts nothing would be believed to lift."""
        if statement.kind is not Kind.HOLD or statement.predicate["hold"] != Hold.LIFTED:
            return
        for target in targets_of(statement):
            own = self._lifted_by(statement, target)
            if not own:
                raise self._none_of_its(statement, target)
            if len(own) > 1 and not self._places(target):
                raise Rejected(
                    f"{len(own)} holds are on {target}: name the one to be lifted by its id",
                    hints=_each(own),
                )

    def _none_of_its(self, statement: Statement, target: Target) -> Rejected:
        """Why there is nothing that this lifting takes from the target."""
        held = self._meant(target)
        if own := [one for one in held if one.agency == statement.agency]:
            complaint = statement.predicate.get("complaint", "")
            why = (
                f"no hold on {target} was placed for the complaint {complaint}"
                if complaint
                else f"the hold on {target} was placed for a complaint: name that, or the hold"
            )
            return Rejected(why, hints=_each(own))
        if held:
            return Rejected(
                f"the hold on {target} is of {held[0].agency!r}, not of {statement.agency!r}",
                hints=("whoever has placed it lifts it",),
            )
        return Rejected(
            f"nothing is held on {target}",
            hints=("a hold placed beside the server is lifted once the log says it",),
        )


def _each(held: Iterable[Held]) -> tuple[str, ...]:
    return tuple(f"{one.id}: {one.reason}" for one in islice(held, MOST_HINTS))


def targets_of(statement: Statement) -> Iterator[Target]:
    """Of a hold, which has statements as its subjects, or one text."""
    for subject in statement.subjects:
        match subject:
            case StatementSubject(id=id_):
                yield statement_target(id_)
            case _:
                yield subject.name


def statement_target(id_: str) -> Target:
    return STATEMENT + id_


def names_of(statement: Statement) -> Iterator[Target]:
    """What a hold may be on, to be on this statement too."""
    yield statement_target(statement.id)
    yield from cases_of(statement)
    yield from (file.digest.sha256.hex() for file in statement.files)


def speaks_of(statement: Statement) -> Iterator[Target]:
    """Earlier statements that it is about, and the file that it was made from."""
    if statement.kind in (Kind.HOLD, Kind.DISPOSAL):
        return
    for subject in statement.subjects:
        if isinstance(subject, StatementSubject):
            yield statement_target(subject.id)
    if "original" in statement.predicate:
        yield statement.predicate["original"]


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


def is_digest(target: str) -> bool:
    return len(target) == SHA256_DIGITS and set(target) <= HEX


def check_target(target: str) -> None:
    """Raises `Malformed` of a text that could be on nothing, such as a case number misspelled."""
    if is_digest(target):
        return
    for parse in (parse_case, parse_uuid7):
        try:
            parse(target)
        except Malformed:
            continue
        return
    raise Malformed(
        "want a case number with its year such as 〔2026〕, the id of a provisional case, or the "
        f"SHA-256 of an item in lower case, got {clip(repr(target))}"
    )


def check_placing(statement: Statement) -> None:
    """That a hold is on something: one that holds nothing would be believed to hold."""
    if statement.kind is not Kind.HOLD or statement.predicate["hold"] != Hold.PLACED:
        return
    for subject in statement.subjects:
        if not isinstance(subject, StatementSubject):
            check_target(subject.name)
