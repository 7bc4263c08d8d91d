"""Register statements of the forms that rule packs look at, and registries made of them."""

from ledger.evidence.statement import Kind, Statement, register_subject
from ledger.process.registers.registry import Registry
from testkit.case import AGENCY, uuid7

IN_OFFICE = {"certified": "yes", "established": "yes", "in_post": "yes"}


def registered(
    register: str,
    subject: str,
    start: str,
    until: str | None = None,
    *,
    agency: str = AGENCY,
    number: int = 0,
    **facts: str,
) -> Statement:
    """A person, body or thing; `number` sets statements apart that are filed in one test."""
    return _statement(
        {
            "agency": agency,
            "facts": facts or {"name": subject},
            "id": uuid7(number),
            "in_force": _in_force(start, until),
            "register": register,
            "subject": subject,
        }
    )


def officer(
    certificate: str, start: str = "2026-01-01", until: str | None = None, **more: str
) -> Statement:
    agency = more.pop("agency", AGENCY)
    facts = {"person": f"officer {certificate}"} | IN_OFFICE | more
    return registered("officer", certificate, start, until, agency=agency, **facts)


def announced(agency: str = AGENCY, day: str = "2026-01-01", **more: str) -> Statement:
    facts = {"announced": day, "level": "county", "name": agency} | more
    return registered("agency", agency, "2020-01-01", agency=agency, **facts)


def listed(
    register: str,
    subject: str,
    content: str,
    start: str = "2026-01-01",
    until: str | None = None,
    *,
    agency: str = AGENCY,
    version: str = "1",
    number: int = 0,
) -> Statement:
    return _statement(
        {
            "agency": agency,
            "content": content,
            "id": uuid7(number),
            "in_force": _in_force(start, until),
            "register": register,
            "subject": subject,
            "version": version,
        }
    )


def registry(*statements: Statement) -> Registry:
    """The n-th stands at number n."""
    made = Registry()
    for number, statement in enumerate(statements):
        made.add(number, statement)
    return made


def _in_force(start: str, until: str | None) -> dict[str, str]:
    return {"from": start} if until is None else {"from": start, "to": until}


def _statement(predicate: dict[str, object]) -> Statement:
    return Statement(Kind.REGISTER, (register_subject(predicate),), predicate)
