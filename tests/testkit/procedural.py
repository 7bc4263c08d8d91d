"""Drafts of what is said of a procedure: registers, lists, acts, complaints, holds, disposal."""

from typing import Any

from ledger.evidence.entry import commit
from ledger.evidence.procedural import registered_text
from ledger.suite import digest
from testkit.case import (
    AGENCY,
    CASE,
    HANDLER,
    LEDGER,
    REGISTRAR,
    Draft,
    file_subject,
    key,
    text_subject,
    uuid7,
)

SECOND = key("handler-13.example")
OCCURRED = {"from": "2026-11-23T15:00:00+08:00", "to": "2026-11-23T15:20:00+08:00"}
IN_FORCE = {"from": "2026-01-01"}


def registered(number: int, register: str, subject: str, *, batch: int = 0, **more: Any) -> Draft:
    """An entry in a register with its facts, or a list with its content and version."""
    predicate = {
        "agency": AGENCY,
        "id": uuid7(number),
        "in_force": IN_FORCE,
        "register": register,
        "subject": subject,
    } | more
    subjects = [text_subject(f"{register}/{subject}", registered_text(predicate))]
    return Draft(f"{register} {subject}", "register", predicate, subjects, (REGISTRAR,), batch)


def act(
    number: int, name: str = "site_inspection", *, batch: int = 1, data: bytes = b"", **more: Any
) -> Draft:
    text = data or f"{name} {number}\n".encode()
    predicate = {
        "act": name,
        "agency": AGENCY,
        "case": CASE,
        "id": uuid7(number),
        "occurred": OCCURRED,
        "procedure": "ordinary",
        "stage": "investigate",
    } | more
    subjects = [file_subject(f"{name}.txt", text)]
    return Draft(f"{name} {number}", "act", predicate, subjects, (HANDLER,), batch, (text,))


def complaint(number: int, *, batch: int = 1, **more: Any) -> Draft:
    text = f"投诉信 {number}\n".encode()
    predicate = {
        "agency": AGENCY,
        "id": uuid7(number),
        "occurred": OCCURRED,
        "place": "观前街",
        "seen": {"from": "2026-11-23T14:30:00+08:00", "to": "2026-11-23T15:30:00+08:00"},
    } | more
    subjects = [file_subject("投诉信.txt", text)]
    return Draft(
        f"complaint {number}", "complaint", predicate, subjects, (HANDLER,), batch, (text,)
    )


def hold(number: int, *about: Draft, batch: int = 2, **more: Any) -> Draft:
    predicate = {
        "agency": AGENCY,
        "case": CASE,
        "hold": "placed",
        "id": uuid7(number),
        "occurred": OCCURRED,
        "reason": "投诉",
    } | more
    subjects = [about_statement(draft) for draft in about] or [text_subject("case", CASE)]
    return Draft(f"hold {number}", "hold", predicate, subjects, (LEDGER,), batch)


def disposal(number: int, *about: Draft, batch: int = 2, **more: Any) -> Draft:
    predicate = {
        "agency": AGENCY,
        "basis": "机关文件材料归档范围和文书档案保管期限规定 第八条",
        "case": CASE,
        "id": uuid7(number),
        "occurred": OCCURRED,
        "reason": "保管期限届满",
        "retention": "years_10",
    } | more
    subjects = [about_statement(draft) for draft in about]
    return Draft(f"disposal {number}", "disposal", predicate, subjects, (HANDLER, SECOND), batch)


def about_statement(about: Draft) -> dict[str, Any]:
    """An earlier statement as a subject, by the commitment that it has or will have."""
    salt = about.salt or digest(f"salt {about.name}".encode())
    commitment = commit(salt, about.to_envelope())
    return {
        "digest": {"tiezhengCommitment": commitment.hex()},
        "name": f"statement/{about.predicate['id']}",
    }


TIMECODE = {"at_ms": "61000", "item": "ab" * 32, "shows": "show_id", "until_ms": "75000"}


def examples() -> dict[str, Draft]:
    """One of each form, with every field it may have."""
    after = {"origin": "ledger.example/2026", "root": "A" * 43 + "=", "size": "5"}
    cased = {"case": CASE, "provisional": uuid7(2), "stage": "investigate", "after": after}
    cased |= {"officers": ["320501-0417", "320501-0418"], "note": "备注"}
    deed = act(1, **cased, auxiliaries=["F-07"], facts={"reason": "一\n二"}, timecodes=[TIMECODE])
    officer = {"established": "yes", "in_post": "yes", "person": "王某"}
    until = {"from": "2026-01-01", "to": "2026-12-31"}
    listed = {"content": 'pack = "ordinary"\n', "version": "2026.1", "note": "x"}
    return {
        "procedural act": deed,
        "officer": registered(2, "officer", "320501-0417", facts=officer, note="x", in_force=until),
        "rule pack": registered(3, "rule_pack", "ordinary", **listed),
        "complaint": complaint(4, **cased, by="李某", devices=["BWC-310"], facts={"line": "12345"}),
        "hold": hold(5, deed, **cased, complaint=uuid7(4)),
        "disposal": disposal(6, deed, **cased),
    }
