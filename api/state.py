"""How the ledger stands, said in its log at most once a day, when a packet is asked for.

Facts alone, from what it holds: nobody is asked, and nothing is judged. Stations are not
counted as answering: the ledger never calls them.
"""

import time
from collections.abc import Iterator

from api.backups import newest
from api.journal import journal
from api.services import Services
from ledger.errors import LedgerError
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import STATE, Kind, Statement, is_state
from ledger.packing import LOOK_BACK
from ledger.sequencer import Row
from ledger.tlog.note import SignedNote

AGENT = "tiezheng 0.1"
FRESH_MS = 86_400_000
WAIT_S = 3.0  # for a quorum to see it: a packet holds only what one has seen


def say_state(s: Services) -> None:
    """A packet is made without it rather than not at all."""
    if s.log.held or _said_lately(s):
        return
    try:
        s.custody.status(STATE, dict(_counts(s)), note=_note(s))
    except LedgerError as error:
        journal.warning("state_not_said", reason=str(error))
        return
    size, ends = s.log.size, time.monotonic() + WAIT_S
    while s.log.derived[-1].best_note(size) is None and time.monotonic() < ends:
        time.sleep(0.02)


def _said_lately(s: Services) -> bool:
    recent = s.log.places(f"{s.log.label[:4]}/log")[-LOOK_BACK:]
    since = s.clock.now_ms() - FRESH_MS
    return any(_is_state(row, since) for row in map(s.log.row, reversed(recent)))


def _is_state(row: Row, since_ms: int) -> bool:
    if row.kind != Kind.STATUS or row.lost:
        return False
    statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
    occurred = statement.occurred
    return is_state(statement) and occurred is not None and occurred.start_ms >= since_ms


def _counts(s: Services) -> Iterator[tuple[str, int]]:
    """What cannot be known now is left out, and is not said to be well."""
    places, policy = s.vault.places, s.trusted.policy
    yield "entries", s.log.size
    yield "cosigners", len(policy.witnesses)
    if note := s.log.best_note(0):
        seen = policy.open(SignedNote.from_text(note))
        yield "cosigners_answered", len(seen.times)
        if seen.quorum_time is not None:
            yield "quorum_at", seen.quorum_time
    if last := places.last_pass():
        yield "scrubbed_at", last.ended_ms // 1000
        yield "scrubbed_items", last.items
    yield "items_lost", s.vault.lost()
    yield "copies_damaged", places.damaged_copies()
    yield "store_oddities", places.oddities()
    if backup := newest(s.folder):
        yield "backed_up_at", backup.at_ms // 1000
        yield "backed_up_entries", backup.size


def _note(s: Services) -> str:
    clock = s.time_in_doubt() or "no warning"
    took = s.log.problem() or "yes"
    note = f"software: {AGENT}; clock: {clock}; takes evidence: {took}"
    # Said where it is not as it comes, so that whoever switched it off says so every day.
    return note if s.settings.foreign_approval else f"{note}; approvals for abroad: not asked for"
