"""A county with a street below it and a county beside it, in one ledger: registers and cases."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.ids import new_id
from ledger.evidence.chunks import digest_item
from ledger.evidence.signing import seal
from ledger.evidence.statement import OPENING, FileSubject, Kind, Role, Statement
from ledger.tlog.signing_key import SigningKey
from testkit.keys import key
from testkit.lists import POWERS
from testkit.registers import announced, listed, officer, registered
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    OTHER_CASE,
    REGISTRAR,
    Ledger,
    open_ledger,
    register,
)

COUNTY, STREET, ELSEWHERE = AGENCY, "street-01", "county-02"
STREET_HANDLER, ELSEWHERE_HANDLER = key("handler-street.example"), key("handler-b.example")
STREET_CASE, ELSEWHERE_CASE = "苏街罚〔2026〕1号", "苏乙罚〔2026〕1号"


def signed(statement: Statement, by: SigningKey = REGISTRAR) -> bytes:
    predicate = dict(statement.predicate) | {"id": new_id(time.time_ns() // 1_000_000)}
    return seal(
        Statement(statement.kind, statement.subjects, predicate).to_bytes(), [by]
    ).to_bytes()


def act(
    ledger: Ledger, name: str, *, by: SigningKey = HANDLER, agency: str = COUNTY, **more: Any
) -> dict[str, Any]:
    data = f"{name} {time.time_ns()}".encode()
    ledger.upload(data, by=by)
    predicate = {
        "act": name,
        "agency": agency,
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": {"from": "2026-03-02T09:00:00+08:00", "to": "2026-03-02T10:00:00+08:00"},
        "procedure": "ordinary",
    } | {name: value for name, value in ({"case": CASE} | more).items() if value is not None}
    statement = Statement(Kind.ACT, (FileSubject("a.txt", digest_item(data)),), predicate)
    (row,) = ledger.accept(seal(statement.to_bytes(), [by]).to_bytes())
    return row


def open_provisional(ledger: Ledger, *, by: SigningKey = HANDLER, agency: str = COUNTY) -> str:
    """The id of a case that has no number yet, with an act in it."""
    predicate = {
        "act": OPENING,
        "agency": agency,
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": {"from": "2026-03-02T09:00:00+08:00", "to": "2026-03-02T10:00:00+08:00"},
    }
    data = f"opened {time.time_ns()}".encode()
    ledger.upload(data, by=by)
    statement = Statement(Kind.ACT, (FileSubject("a.txt", digest_item(data)),), predicate)
    ledger.accept(seal(statement.to_bytes(), [by]).to_bytes())
    slot = str(predicate["id"])
    act(ledger, "source", by=by, agency=agency, stage="start", case=None, provisional=slot)
    return slot


@contextmanager
def open_county(folder: Path) -> Iterator[Ledger]:
    with open_ledger(folder) as made:
        made.accept(
            register(STREET_HANDLER, Role.HANDLER, STREET),
            register(ELSEWHERE_HANDLER, Role.HANDLER, ELSEWHERE),
        )
        made.accept(
            signed(announced("city", level="city")),
            signed(announced(COUNTY, parent="city")),
            signed(announced(STREET, parent=COUNTY, level="street")),
            signed(announced(ELSEWHERE, parent="city")),
            signed(officer("A-1", person="王某", agency=COUNTY)),
            signed(officer("A-2", person="李某", agency=COUNTY)),
            signed(listed("powers", "powers", POWERS, agency=COUNTY)),
            signed(
                registered(
                    "service_contract", "HT-7", "2026-01-01", agency=COUNTY, scope="代收占道罚款"
                )
            ),
        )
        act(made, "case_filing", stage="start", officers=["A-1", "A-2"])
        decided = {"amount": "500", "social_impact": "yes"}
        act(made, "penalty_decision", stage="decide", facts=decided, officers=["A-2"])
        act(made, "case_filing", stage="start", case=OTHER_CASE)
        act(made, "case_filing", by=STREET_HANDLER, agency=STREET, case=STREET_CASE)
        act(made, "case_filing", by=ELSEWHERE_HANDLER, agency=ELSEWHERE, case=ELSEWHERE_CASE)
        yield made
