"""What a ledger says itself: who read a case, and how it stood."""

from testkit.case import AGENCY, CASE, LEDGER, Draft, text_subject, uuid7


def read(
    number: int, *, about: str = f"case/{CASE}", action: str = "read", batch: int = 2
) -> Draft:
    moment = "2026-11-30T10:30:00+08:00"
    predicate = {
        "about": about,
        "action": action,
        "agency": AGENCY,
        "by": "court clerk Wang",
        "id": uuid7(number),
        "occurred": {"from": moment, "to": moment},
    }
    subject = [text_subject("checkpoint/2026-7", "x")]
    return Draft(f"read {number}", "custody", predicate, subject, (LEDGER,), batch)


def state(
    what: str = "system_state", number: int = 60, note: str = "tiezheng 0.1", batch: int = 2
) -> Draft:
    moment = "2026-11-30T10:40:00+08:00"
    predicate = {
        "agency": AGENCY,
        "counts": {"cosigners": "3", "cosigners_answering": "2"},
        "id": uuid7(number),
        "note": note,
        "occurred": {"from": moment, "to": moment},
        "what": what,
    }
    return Draft("state", "status", predicate, [text_subject("x", "x")], (LEDGER,), batch)
