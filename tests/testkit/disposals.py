"""Disposals and holds for tests: a ledger with a second person and a retention list in force."""

import re
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.ids import new_id
from cli.dispose.refused import HINTS, REFUSED
from ledger.encoding import format_time
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.sealed import Companion
from ledger.evidence.signing import seal
from ledger.evidence.statement import (
    Kind,
    Role,
    Statement,
    StatementSubject,
    TextSubject,
    register_subject,
)
from ledger.suite import digest
from ledger.tlog.signing_key import SigningKey
from testkit.at_rest import contents_of
from testkit.keys import key
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    REGISTRAR,
    Ledger,
    await_that,
    open_ledger,
    register,
)

SECOND = key("handler-13.example")
RECORDING = b"a recording of an inspection, " * 40
OTHER = b"a recording of something else, " * 40
LIST = """
list = "retention"
version = "2026.1"
title = "保管期限表"
title_en = "Retention"
closing = ["case_closing"]

[[class]]
id = "soon"
name = "立即"
name_en = "At once"
of = "case"
days = 0

[[class]]
id = "years_10"
name = "定期10年"
name_en = "10 years"
of = "case"
years = 10
acts = ["hearing"]

[[class]]
id = "recording"
name = "未立案"
name_en = "No case"
of = "record"
days = 0
"""
# A case that is filed, then closed.
PACK = """
pack = "ordinary"
title = "普通程序"
title_en = "Ordinary"
version = "1"
kind = "penalty"
opening = ["case_filing"]

[[source]]
id = "法"
name = "法"

[[act]]
id = "case_filing"
name = "立案"
name_en = "Filing"
stage = "start"

[[act]]
id = "case_closing"
name = "结案"
name_en = "Closing"
stage = "enforce"

[[record]]
id = "filing"
name = "立案"
name_en = "Filing"
acts = ["case_filing"]
before = ["case_closing"]
level = "serious"
class = "procedure"
source = "法"
article = "1"
cure = "补"
cure_en = "Mend"

[[gate]]
conclusion = "close"
acts = ["case_closing"]
"""


def moment() -> dict[str, str]:
    now = format_time(time.time_ns() // 1_000_000)
    return {"from": now, "to": now}


def publish(text: str = LIST, start: str = "2020-01-01", agency: str = AGENCY) -> bytes:
    predicate = {
        "agency": agency,
        "content": text,
        "id": new_id(time.time_ns() // 1_000_000),
        "in_force": {"from": start},
        "register": "retention",
        "subject": "retention",
        "version": "2026.1",
    }
    said = Statement(Kind.REGISTER, (register_subject(predicate),), predicate)
    return seal(said.to_bytes(), [REGISTRAR]).to_bytes()


def act(ledger: Ledger, name: str = "case_closing", **more: Any) -> bytes:
    own = {field: more.pop(field) for field in ("procedure",) if field in more}
    case = more.pop("case", CASE)
    data = f"the document of {name} {new_id(time.time_ns() // 1_000_000)}".encode()
    envelope = ledger.evidence(data, by=HANDLER, **({"stage": "enforce"} | more))
    said = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
    fields = dict(said.predicate) | {"act": name, "case": case} | own
    predicate = {field: value for field, value in fields.items() if value is not None}
    return seal(Statement(Kind.ACT, said.subjects, predicate).to_bytes(), [HANDLER]).to_bytes()


def subject(answer: dict[str, Any]) -> StatementSubject:
    return StatementSubject(answer["id"], Entry.from_bytes(answer["entry"].encode()).commitment)


def disposal(
    *answers: dict[str, Any], by: tuple[SigningKey, ...] = (HANDLER, SECOND), **more: Any
) -> bytes:
    predicate = {
        "agency": AGENCY,
        "basis": "机关档案管理规定 33",
        "case": CASE,
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": moment(),
        "reason": "保管期限届满",
        "retention": "soon",
    } | more
    predicate = {k: v for k, v in predicate.items() if v is not None}
    said = Statement(Kind.DISPOSAL, tuple(map(subject, answers)), predicate)
    return seal(said.to_bytes(), by).to_bytes()


def hold(
    *on: dict[str, Any] | str, what: str = "placed", by: SigningKey = HANDLER, **more: Any
) -> bytes:
    subjects = [
        TextSubject(one, digest(one.encode())) if isinstance(one, str) else subject(one)
        for one in on
    ]
    predicate = {
        "agency": AGENCY,
        "hold": what,
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": moment(),
        "reason": "行政复议",
    } | more
    return seal(Statement(Kind.HOLD, tuple(subjects), predicate).to_bytes(), [by]).to_bytes()


def prepare(ledger: Ledger) -> None:
    ledger.accept(register(SECOND, Role.HANDLER), publish())


@contextmanager
def opened(folder: Path, **settings: Any) -> Iterator[Ledger]:
    fresh = not folder.exists()
    with open_ledger(folder, **settings) as ledger:
        if fresh:
            prepare(ledger)
        yield ledger


def close_case(ledger: Ledger) -> dict[str, Any]:
    (answer,) = ledger.accept(act(ledger))
    ledger.await_quorum()
    return answer


def file(ledger: Ledger, data: bytes = RECORDING, **more: Any) -> dict[str, Any]:
    (answer,) = ledger.accept(ledger.evidence(data, **more))
    return answer


def disposed(ledger: Ledger, count: int = 1) -> None:
    def all_done() -> bool:
        done = len(ledger.status("disposed"))
        return done >= count and not ledger.services.store.disposals_to_do()

    await_that(all_done, "the destruction")


def object_of(ledger: Ledger, data: bytes) -> str:
    found = ledger.services.store.items_with(digest(data))
    assert len(found) == 1
    return found[0].object_id


def needles(ledger: Ledger, data: bytes, answer: dict[str, Any]) -> list[bytes]:
    """What must be in no file: item, wrapped key, salt, envelope, and how they are written."""
    row = ledger.services.store.find(answer["id"])
    assert row is not None and not row.lost
    found = [data, data[64:128], row.salt, row.envelope, row.envelope[300:500]]
    place = ledger.services.vault.places.find(object_of(ledger, data))
    assert place is not None
    companion = ledger.services.vault.items.copies["first"].companion(place.refs["first"])
    if ledger.folder.joinpath("format").read_text() == "2\n":
        found.append(Companion.from_bytes(companion).wrapped)
    found.append(digest(data))
    texts = [b64encode(one) for one in found] + [one.hex().encode() for one in found]
    return found + texts


def found(folder: Path, wanted: list[bytes]) -> list[tuple[str, bytes]]:
    contents = contents_of(folder)
    return [
        (str(path.relative_to(folder)), needle[:40])
        for path, data in contents.items()
        for needle in wanted
        if needle in data
    ]


# What the register says of any statement, and not of a disposal alone.
OF_ALL = re.compile(r".*(may not make|is of 'agency|is logged|who lifts).*")


def refused(ledger: Ledger, envelope: bytes) -> str:
    """Why; a sentence that a person reads in Chinese too."""
    (row,) = ledger.file(envelope)
    assert "index" not in row, row
    why = str(row["detail"])
    known = any(re.fullmatch(pattern, why) for pattern, _ in REFUSED)
    assert known or OF_ALL.fullmatch(why), why
    for hint in row["hints"] if known else ():
        assert any(re.fullmatch(pattern, hint) for pattern, _ in HINTS), hint
    return why
