"""What gives events in a ledger of a test, and its feed as a supervisor pulls it."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from api.ids import new_id
from api.keys import read_key
from ledger.encoding import format_time
from ledger.evidence.chunks import digest_item
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement, TextSubject
from ledger.process.feeds.feed import Page, Told, digest_of, next_link, open_page
from ledger.suite import digest
from ledger.tlog.note import VerifierKey
from testkit.server import AGENCY, CASE, HANDLER, Ledger

STAGES = ("start", "investigate", "review", "decide", "serve", "enforce")


def deed(ledger: Ledger, n: int, case: str = CASE, **more: Any) -> bytes:
    """An act of a procedure, whose document is uploaded."""
    data = f"document {n} of {case}\n".encode()
    ledger.upload(data, by=HANDLER)
    predicate = {
        "act": "penalty_decision" if n % 6 == 3 else f"deed_{n}",
        "agency": AGENCY,
        "case": case,
        "facts": {"party": "王小明"},
        "id": new_id(time.time_ns() // 1_000_000),
        "note": "当事人身份证号 320501199001011234",
        "occurred": {"from": "2026-11-23T14:00:00+08:00", "to": "2026-11-23T14:05:00+08:00"},
        "officers": ["320501-0417"],
        "procedure": "ordinary",
        "stage": STAGES[n % 6],
    } | more
    subject = FileSubject(f"文书{n}.pdf", digest_item(data))
    return seal(Statement(Kind.ACT, (subject,), predicate).to_bytes(), [HANDLER]).to_bytes()


def own_key(folder: Path) -> VerifierKey:
    return read_key(folder / "keys" / "ledger.key").verifier


def pull(ledger: Ledger, after: int = 0, limit: int = 100) -> Page:
    ledger.await_quorum()
    answer = ledger.http.get(
        "/v1/feed", params={"after": after, "limit": limit}, headers=ledger.bearer("supervisor")
    )
    assert answer.status_code == 200, answer.text
    return open_page(answer.content, own_key(ledger.folder))


def complaint(**more: Any) -> bytes:
    moment = format_time(time.time_ns() // 1_000_000)
    predicate = {
        "agency": AGENCY,
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": {"from": moment, "to": moment},
        "place": "观前街",
        "seen": {"from": moment, "to": moment},
    } | more
    said = Statement(Kind.COMPLAINT, (TextSubject("complaint", digest(b"letter")),), predicate)
    return seal(said.to_bytes(), [HANDLER]).to_bytes()


def signed(page: Page, *told: Told, **more: Any) -> Page:
    """A page of these events whose numbers and chain fit, as an operator can sign it."""
    kept = [_numbered(one, n) for n, one in enumerate(told, page.after + 1)]
    link = page.before
    for one in kept:
        link = next_link(link, one.digest)
    return Page.from_bytes(replace(page, events=tuple(kept), chain=link, **more).to_bytes())


def _numbered(one: Told, n: int) -> Told:
    assert one.event is not None
    event = dict(one.event) | {"n": str(n)}
    return replace(one, event=event, digest=digest_of(event))
