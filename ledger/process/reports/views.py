"""What is drawn from the log for those who run and supervise an agency, and never typed.

The case register (执法台账) has a line for each case of an agency, made of its acts. The doings of
a person are every act that names him and every read under his name. Each line tells where in the
log it stands, so that whoever doubts it asks for the receipt of just that statement.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from ledger.encoding import in_china
from ledger.evidence.statement import Kind, Stage, Statement

Placed = tuple[int, Statement]  # a statement with the number of its row
# How a case ends without a decision that is called one (处罚法 57), or an inspection.
ENDINGS = frozenset({"inspection_result", "case_dismissal", "case_referral"})


@dataclass(slots=True)
class CaseLine:
    """A case in the register. Days are those that its acts claim, in China."""

    case: str
    agency: str
    procedure: str
    opened: date | None
    stage: str = ""
    officers: tuple[str, ...] = ()
    decided: date | None = None
    decision: str = ""
    amount: str = ""
    served: date | None = None
    closed: date | None = None
    numbers: list[int] = field(default_factory=list)  # of its acts
    named: int | None = None  # the first of them that has the case's number


def concludes(act: Statement) -> str:
    """By the words that all shipped packs use: a register is no verdict, and needs no pack."""
    word = act.predicate["act"]
    # Of a sample there is a result too, which decides nothing whatever stage it is filed under.
    if act.is_decision or (act.stage is Stage.DECIDE and word in ENDINGS):
        return "decide"
    return {"case_closing": "close", "service_return": "serve"}.get(word, "")


def case_register(acts: Iterable[Placed]) -> list[CaseLine]:
    """Of acts of a procedure, in log order: cases in the order in which they began.

    A case that had no number yet is one with the case whose number a later act gives it.
    """
    lines: dict[tuple[str, str], CaseLine] = {}
    numbered: dict[tuple[str, str], str] = {}
    for number, act in acts:
        provisional = act.predicate.get("provisional", "")
        slot = (act.agency, provisional)
        case = act.case or numbered.get(slot) or provisional
        if act.case and provisional and slot not in numbered:
            numbered[slot] = act.case
            _number(lines, slot, act.case)
        line = lines.setdefault(
            (act.agency, case),
            CaseLine(case, act.agency, act.predicate.get("procedure", ""), day_of(act)),
        )
        _enter(line, number, act, concludes(act))
    return sorted(lines.values(), key=lambda line: line.numbers)


def _number(lines: dict[tuple[str, str], CaseLine], slot: tuple[str, str], case: str) -> None:
    """What was done under the provisional case is the numbered one's, which may be there."""
    early = lines.pop(slot, None)
    line = lines.get((slot[0], case))
    if early is None:
        return
    if line is None:
        early.case = case
        lines[slot[0], case] = early
        return
    line.numbers = sorted(line.numbers + early.numbers)
    line.officers = tuple(dict.fromkeys(early.officers + line.officers))
    line.opened = min(filter(None, (early.opened, line.opened)), default=None)
    if early.decided and not line.decided:
        line.decided, line.decision = early.decided, early.decision
        line.amount = early.amount
    line.served, line.closed = line.served or early.served, line.closed or early.closed


def _enter(line: CaseLine, number: int, act: Statement, conclusion: str) -> None:
    line.numbers.append(number)
    if act.case and line.named is None:
        line.named = number
    line.stage = act.stage or line.stage
    new = [officer for officer in act.predicate.get("officers", ()) if officer not in line.officers]
    line.officers += tuple(new)
    match conclusion:
        case "decide":
            # The last one counts: a decision may be made anew.
            line.decided, line.decision = day_of(act), act.predicate["act"]
            line.amount = act.predicate.get("facts", {}).get("amount", "")
        case "serve":
            line.served = line.served or day_of(act)
        case "close":
            line.closed = day_of(act)


def day_of(statement: Statement) -> date | None:
    """The day on which it ended, as it claims."""
    occurred = statement.occurred
    return None if occurred is None else in_china(occurred.end_ms).date()


@dataclass(frozen=True, slots=True)
class Doing:
    """`what` is the act's word, or of a read what was done; `about` the case, or what was read."""

    number: int
    at_ms: int
    kind: str
    agency: str
    what: str
    about: str
    stage: str = ""
    names: tuple[str, ...] = field(default=())  # by which of his names the line was found


def doings(
    statements: Iterable[Placed], names: Iterable[str], start_ms: int, end_ms: int
) -> list[Doing]:
    """Acts, evidence and reads from `start_ms` to before `end_ms`, in log order.

    `names` are a person's certificate and the name of his tokens. Who shares a name shares the
    reads: a custody statement knows its reader by name alone.
    """
    wanted = frozenset(names)
    found = []
    for number, statement in statements:
        occurred = statement.occurred
        if occurred is None or not start_ms <= occurred.start_ms < end_ms:
            continue
        by = people_of(statement) & wanted
        if by:
            found.append(_doing(number, statement, occurred.start_ms, tuple(sorted(by))))
    return found


def people_of(statement: Statement) -> frozenset[str]:
    """Whom a statement names as having done what it tells."""
    predicate = statement.predicate
    if statement.kind is Kind.CUSTODY:
        # "handler 王某": the role, then the name of the token.
        return frozenset({predicate["by"].partition(" ")[2]})
    return frozenset(predicate.get("officers", ())) | frozenset(predicate.get("auxiliaries", ()))


def _doing(number: int, statement: Statement, at_ms: int, names: tuple[str, ...]) -> Doing:
    predicate = statement.predicate
    what = predicate.get("act") or predicate.get("action") or ""
    about = predicate.get("about") or statement.case or predicate.get("provisional", "")
    kind, stage = str(statement.kind), str(statement.stage or "")
    return Doing(number, at_ms, kind, statement.agency, what, about, stage, names)


def stage_of(line: CaseLine) -> str:
    """Where a case stands: closed, or the stage of its last act."""
    return "closed" if line.closed else line.stage or str(Stage.START)
