"""A small rule pack in force at a ledger of the tests, and the acts that are filed under it.

desk = Handlers(ledger)
desk.publish()
desk.act("legal_review", facts={"result": "pass"})
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api.ids import new_id
from ledger.encoding import format_time
from ledger.evidence.chunks import digest_item
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement, register_subject
from ledger.tlog.signing_key import SigningKey
from testkit.server import AGENCY, CASE, HANDLER, REGISTRAR, Ledger

SMALL = """
pack = "small"
title = "小程序"
title_en = "A small procedure"
version = "2026.1"
kind = "penalty"
opening = ["case_filing"]

[[source]]
id = "处罚法"
name = "中华人民共和国行政处罚法"

[[act]]
id = "case_filing"
name = "立案审批表"
name_en = "Case filing approval"
stage = "start"

[[act]]
id = "legal_review"
name = "法制审核意见书"
name_en = "Legal review opinion"
stage = "review"

[[act]]
id = "penalty_decision"
name = "行政处罚决定书"
name_en = "Penalty decision"
stage = "decide"

[[act]]
id = "service"
name = "送达"
name_en = "Service"
stage = "serve"

[[act]]
id = "case_closing"
name = "结案审批表"
name_en = "Closing report"
stage = "enforce"

[[record]]
id = "filing"
acts = ["case_filing"]
name = "立案审批表"
name_en = "Case filing approval"
before = ["penalty_decision"]
level = "serious"
class = "procedure"
source = "处罚法"
article = "54"
cure = "补办立案手续"
cure_en = "File the case"

[[record]]
id = "review"
acts = ["legal_review"]
name = "法制审核意见书"
name_en = "Legal review opinion"
before = ["penalty_decision"]
facts = ["result"]
level = "serious"
class = "procedure"
source = "处罚法"
article = "58"
cure = "补作法制审核"
cure_en = "Have it reviewed"

[[record]]
id = "decision"
acts = ["penalty_decision"]
name = "行政处罚决定书"
name_en = "Penalty decision"
before = ["service"]
level = "serious"
class = "procedure"
source = "处罚法"
article = "59"
cure = "作出决定"
cure_en = "Decide"

[[record]]
id = "served"
acts = ["service"]
name = "送达"
name_en = "Service"
before = ["case_closing"]
level = "serious"
class = "procedure"
source = "处罚法"
article = "61"
cure = "送达"
cure_en = "Serve it"

[[check]]
id = "review_passed"
check = "fact_is"
act = "legal_review"
fact = "result"
is = "pass"
name = "法制审核通过"
name_en = "The review passes"
before = ["penalty_decision"]
level = "serious"
class = "procedure"
source = "处罚法"
article = "58"
cure = "按审核意见改正后重新审核"
cure_en = "Mend it and have it reviewed again"

[[clock]]
id = "decision"
name = "办案期限"
name_en = "Time for the decision"
from = ["case_filing"]
until = ["penalty_decision"]
days = 90
source = "处罚法"
article = "60"

[[gate]]
conclusion = "decide"
acts = ["penalty_decision"]

[[gate]]
conclusion = "serve"
acts = ["service"]

[[gate]]
conclusion = "close"
acts = ["case_closing"]
"""

STAGES = {
    "legal_review": "review",
    "penalty_decision": "decide",
    "service": "serve",
    "case_closing": "enforce",
}


@dataclass
class Handlers:
    """Whoever files at a ledger; `small` is in force from the day it is told."""

    ledger: Ledger

    def publish(
        self, content: str = SMALL, *, agency: str = AGENCY, subject: str = "small", **more: Any
    ) -> None:
        self.ledger.accept(published(content, agency=agency, subject=subject, **more))

    def act(self, name: str, **more: Any) -> bytes:
        """The envelope of an act on a document that is held."""
        data = f"{name} {more}".encode()
        by: SigningKey = more.pop("by", HANDLER)
        self.ledger.upload(data, by=by)
        return envelope(name, data, by=by, **more)

    def file(self, name: str, **more: Any) -> dict[str, Any]:
        (row,) = self.ledger.file(self.act(name, **more))
        return row


def published(
    content: str = SMALL,
    *,
    register: str = "rule_pack",
    subject: str = "small",
    agency: str = AGENCY,
    start: str = "2026-01-01",
    **more: Any,
) -> bytes:
    return entry(register, subject, agency, start=start, content=content, version="2026.1", **more)


def entry(
    register: str, subject: str, agency: str = AGENCY, *, start: str = "2026-01-01", **more: Any
) -> bytes:
    """The envelope of an entry in a register, signed by the registrar."""
    predicate = {
        "agency": agency,
        "id": new_id(time.time_ns() // 1_000_000),
        "in_force": {"from": start},
        "register": register,
        "subject": subject,
    } | more
    statement = Statement(Kind.REGISTER, (register_subject(predicate),), predicate)
    return seal(statement.to_bytes(), [REGISTRAR]).to_bytes()


def numbers(agency: str, *templates: str) -> bytes:
    """The registrar's word on how an agency spells its case numbers."""
    predicate = {
        "agency": agency,
        "case_numbers": list(templates),
        "id": new_id(time.time_ns() // 1_000_000),
        "name": agency,
    }
    statement = Statement(Kind.REGISTER, (register_subject(predicate),), predicate)
    return seal(statement.to_bytes(), [REGISTRAR]).to_bytes()


def envelope(
    name: str,
    data: bytes,
    *,
    by: SigningKey = HANDLER,
    without: Sequence[str] = (),
    **more: Any,
) -> bytes:
    now = time.time_ns() // 1_000_000
    moment = format_time(now)
    predicate = {
        "act": name,
        "agency": AGENCY,
        "case": CASE,
        "id": new_id(now),
        "occurred": {"from": moment, "to": moment},
        "procedure": "small",
        "stage": STAGES.get(name, "start"),
    } | more
    predicate = {field: value for field, value in predicate.items() if field not in without}
    subject = FileSubject(f"{name}.txt", digest_item(data))
    return seal(Statement(Kind.ACT, (subject,), predicate).to_bytes(), [by]).to_bytes()
