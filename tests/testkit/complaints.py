"""Complaints, full of what must not be passed on."""

import time
from datetime import datetime, timedelta, timezone
from typing import Any

from api.ids import new_id
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Statement, TextSubject
from ledger.suite import digest
from ledger.tlog.signing_key import SigningKey
from testkit.server import AGENCY, HANDLER, Ledger

CHINA = timezone(timedelta(hours=8))
WORDS = ("某投诉人", "观前街", "讨要说法", "BWC-77", "A-1")


def days_ago(days: int = 0) -> dict[str, str]:
    """A minute before that, so that nothing is dated ahead."""
    text = (datetime.now(CHINA) - timedelta(days=days, minutes=1)).isoformat("T", "seconds")
    return {"from": text, "to": text}


def complain(ledger: Ledger, received: int = 0, by: SigningKey = HANDLER, **more: Any) -> str:
    """Received so many days ago; returns its id."""
    name, place, note, device, officer = WORDS
    predicate = {
        "agency": AGENCY,
        "by": name,
        "devices": [device],
        "id": new_id(time.time_ns() // 1_000_000),
        "note": note,
        "occurred": days_ago(received),
        "officers": [officer],
        "place": place,
        "seen": {"from": "2026-03-02T14:30:00+08:00", "to": "2026-03-02T15:30:00+08:00"},
    } | more
    said = Statement(Kind.COMPLAINT, (TextSubject("complaint", digest(b"letter")),), predicate)
    (answer,) = ledger.accept(seal(said.to_bytes(), [by]).to_bytes())
    return str(answer["id"])
