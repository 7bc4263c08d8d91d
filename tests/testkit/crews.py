"""Acts with crews, and registers in which they stand."""

from collections.abc import Iterable

from ledger.evidence.statement import Kind, Statement, StatementSubject
from ledger.process.registers.crew import CrewFinding, Wanted, crew_faults, register_differs
from ledger.process.registers.registry import Registry
from testkit.case import AGENCY, CASE, uuid7
from testkit.registers import announced, officer, registered

LATE = 99
ABOUT = (StatementSubject(uuid7(9), bytes(32)),)


def act(
    officers: Iterable[str] = (),
    auxiliaries: Iterable[str] = (),
    day: str = "2026-03-15",
    until: str = "",
    **facts: str,
) -> Statement:
    predicate: dict[str, object] = {
        "act": "site_inspection",
        "agency": AGENCY,
        "case": CASE,
        "id": uuid7(1),
        "occurred": {
            "from": f"{day}T23:00:00+08:00",
            "to": f"{until or day}T23:30:00+08:00",
        },
        "procedure": "ordinary",
    }
    lists = {"officers": list(officers), "auxiliaries": list(auxiliaries), "facts": facts}
    predicate |= {field: value for field, value in lists.items() if value}
    return Statement(Kind.ACT, ABOUT, predicate)


def findings(
    registry_: Registry,
    act_: Statement,
    number: int = LATE,
    *,
    verb: str = "investigate",
    officers: int = 0,
    kind: str = "penalty",
) -> list[CrewFinding]:
    wanted = Wanted(verb, officers, kind)
    return [
        *crew_faults(number, act_, registry_, wanted),
        *register_differs(number, act_, registry_, wanted),
    ]


STAFF = (
    announced(),
    officer("A-1"),
    officer("A-2"),
    registered("auxiliary", "F-1", "2026-01-01", person="helper 1"),
    registered("auxiliary", "F-2", "2026-01-01", person="helper 2"),
)

WITHDRAWN = officer("A-1", "2026-01-01", "2026-03-15")


def delegation(**facts: str) -> Statement:
    parties = {"from": AGENCY, "to": "agency-02", "published": "yes"} | facts
    return registered("delegation", "D-1", "2026-01-01", "2026-03-31", **parties)


GUEST = officer("B-1", agency="agency-02")
