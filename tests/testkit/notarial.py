"""Drafts of a notary office: keys, registrations, an application, a certificate, a revocation."""

from collections.abc import Sequence
from typing import Any

from ledger.evidence.entry import commit
from ledger.suite import digest
from testkit.case import (
    CASE,
    Draft,
    file_subject,
    key,
    registration,
    text_subject,
    uuid7,
)

OFFICE = "notary-01"
WANG = key("wang.notary.example")
LI = key("li.notary.example")
MOMENT = {"from": "2026-12-02T10:00:00+08:00", "to": "2026-12-02T10:00:00+08:00"}
PDF = b"%PDF-1.7 a certificate\n"
NUMBER = "（2026）苏姑证字第417号"


def registrations(first: int = 60) -> list[Draft]:
    """Two persons of the office."""
    return [
        registration(first, WANG, "notary", agency=OFFICE),
        registration(first + 1, LI, "notary", agency=OFFICE),
    ]


def statement_subject(about: Draft) -> dict[str, Any]:
    salt = about.salt or digest(f"salt {about.name}".encode())
    return {
        "digest": {"tiezhengCommitment": commit(salt, about.to_envelope()).hex()},
        "name": f"statement/{about.predicate['id']}",
    }


def received(number: int = 70, **more: Any) -> Draft:
    predicate = {
        "agency": OFFICE,
        "applicant": "姑苏区城市管理局",
        "case": CASE,
        "dispute": "none_known",
        "id": uuid7(number),
        "interest": "作出处罚决定的机关",
        "occurred": MOMENT,
        "purpose": "诉讼举证",
    } | more
    subject = [text_subject("application", "sheet")]
    return Draft("received", "application", predicate, subject, (WANG,), 2)


def decided(number: int = 71, **more: Any) -> Draft:
    predicate = {
        "agency": OFFICE,
        "application": uuid7(70),
        "case": CASE,
        "decision": "accepted",
        "id": uuid7(number),
        "occurred": MOMENT,
    } | more
    subject = [text_subject("application", "sheet")]
    return Draft("decided", "application", predicate, subject, (WANG,), 2)


def recorded(number: int = 72, **more: Any) -> Draft:
    predicate = {
        "agency": OFFICE,
        "application": uuid7(70),
        "case": CASE,
        "id": uuid7(number),
        "occurred": MOMENT,
        "record": "on_site",
    } | more
    return Draft("recorded", "application", predicate, [text_subject("record", "x")], (WANG, LI), 2)


def issued(number: int = 80, about: Sequence[Draft] = (), **more: Any) -> Draft:
    predicate = {
        "agency": OFFICE,
        "application": uuid7(70),
        "case": CASE,
        "id": uuid7(number),
        "number": NUMBER,
        "occurred": MOMENT,
    } | more
    subject = [file_subject("certificate.pdf", PDF), *map(statement_subject, about)]
    return Draft("issued", "certificate", predicate, subject, (WANG, LI), 2)


def revoked(certificate: Draft, number: int = 81, **more: Any) -> Draft:
    predicate = {
        "agency": OFFICE,
        "case": CASE,
        "id": uuid7(number),
        "issued": certificate.predicate["id"],
        "occurred": MOMENT,
        "revoked": "事项有误",
    } | more
    return Draft("revoked", "certificate", predicate, [statement_subject(certificate)], (WANG,), 2)
