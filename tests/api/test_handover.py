"""To whom a packet goes, and what one for abroad wants (数据安全法 36)."""

import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from api.ids import new_id
from ledger.evidence.chunks import digest_item
from ledger.evidence.entry import Entry
from ledger.evidence.signing import seal
from ledger.evidence.statement import FileSubject, Kind, Statement, StatementSubject
from ledger.packing import case_statements
from ledger.process.handover import Handover, NotApproved, check_approved
from testkit.at_rest import contents_of
from testkit.server import (
    AGENCY,
    CASE,
    HANDLER,
    OTHER_AGENCY,
    OTHER_CASE,
    Ledger,
    open_ledger,
)

COURT = "Tribunal d'Annecy"
FACTS = {"authority": "司法部", "recipient": COURT}
PAPER = b"approved"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "ledger") as opened:
        opened.accept(opened.evidence(b"a picture"))
        yield opened


def approval(ledger: Ledger, by: Any = HANDLER, paper: bytes = PAPER, **more: Any) -> str:
    """The id of an approval that is logged; `more` are other fields, `None` for none."""
    ledger.upload(paper, by=by)
    fields = {
        "act": "foreign_handover_approval",
        "agency": AGENCY,
        "case": CASE,
        "facts": FACTS,
        "id": new_id(time.time_ns() // 1_000_000),
        "occurred": {"from": "2026-11-23T14:00:00+08:00", "to": "2026-11-23T14:00:00+08:00"},
        "procedure": "after",
        "stage": "enforce",
    } | more
    said = {name: value for name, value in fields.items() if value is not None}
    subject = FileSubject("批复.pdf", digest_item(paper))
    statement = Statement(Kind.ACT, (subject,), said)
    (row,) = ledger.accept(seal(statement.to_bytes(), [by]).to_bytes())
    return str(row["id"])


def ask(ledger: Ledger, **handover: str) -> Any:
    ledger.await_quorum()
    asked = json.dumps(dict(sorted(handover.items())), ensure_ascii=False, separators=(",", ":"))
    return ledger.http.get(
        f"/v1/cases/{CASE}/packet",
        headers=ledger.bearer("handler", agency=AGENCY),
        params={"handover": asked},
    )


def abroad(ledger: Ledger, approved: str = "", to: str = COURT) -> Any:
    named = {"approval": approved} if approved else {}
    return ask(ledger, foreign="yes", recipient=to, **named)


def note(ledger: Ledger, action: str = "exported") -> str:
    (said,) = ledger.custody(action)
    return str(said["note"])


def test_the_log_says_to_whom_a_packet_went(ledger: Ledger) -> None:
    assert ask(ledger, purpose="行政诉讼", recipient="姑苏区人民法院").status_code == 200
    assert note(ledger).endswith("; to 姑苏区人民法院: 行政诉讼")


def test_the_log_says_that_nobody_was_named(ledger: Ledger) -> None:
    ledger.await_quorum()
    answer = ledger.http.get(f"/v1/cases/{CASE}/packet", headers=ledger.bearer())
    assert answer.status_code == 200
    assert note(ledger).endswith("; recipient not stated")


def test_a_packet_for_abroad_wants_an_approval_and_the_refusal_stays_in_the_log(
    ledger: Ledger,
) -> None:
    answer = abroad(ledger)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_approved")
    assert answer.json()["reason"] == "unnamed"
    assert "数据安全法 36" in answer.json()["detail"]
    assert ledger.custody("exported") == []
    assert note(ledger, "refused") == f"packet for abroad, not approved; to {COURT}"


def test_with_an_approval_it_goes_and_the_log_names_it(ledger: Ledger) -> None:
    approved = approval(ledger)
    assert abroad(ledger, approved).status_code == 200
    assert note(ledger).endswith(f"; abroad, by the approval {approved}; to {COURT}")


@pytest.mark.parametrize(
    ("reason", "more"),
    [
        ("not_here", {"act": "archive_transfer"}),
        ("not_here", {"case": OTHER_CASE}),
        ("not_here", {"procedure": None, "facts": None}),
        ("paper", {"paper": b""}),
        ("authority", {"facts": {"recipient": COURT}}),
        ("authority", {"facts": FACTS | {"authority": "否"}}),
        ("authority", {"facts": FACTS | {"authority": " "}}),
        ("recipient", {"facts": FACTS | {"recipient": "another court"}}),
        ("recipient", {"facts": {"authority": "司法部"}}),
        ("over", {"facts": FACTS | {"until": "2026-01-01"}}),
        ("over", {"facts": FACTS | {"until": "明年"}}),
    ],
)
def test_another_approval_does_not_do(ledger: Ledger, reason: str, more: dict[str, Any]) -> None:
    answer = abroad(ledger, approval(ledger, **more))
    assert (answer.status_code, answer.json()["reason"]) == (409, reason)
    assert ledger.custody("exported") == []


def test_an_approval_lasts_through_its_last_day(ledger: Ledger) -> None:
    approved = approval(ledger, facts=FACTS | {"until": "2999-12-31"})
    assert abroad(ledger, approved).status_code == 200
    case = case_statements(ledger.services.log, CASE, 2026)
    check_approved(Handover(COURT, "", True, approved), case, AGENCY, date(2999, 12, 31))


def test_the_word_of_another_agency_approves_nothing(ledger: Ledger) -> None:
    """Nor does the ledger let it into the case of a registered number."""
    approved = approval(ledger)
    case = case_statements(ledger.services.log, CASE, 2026)
    handover, today = Handover(COURT, foreign=True, approval=approved), date(2026, 11, 23)
    check_approved(handover, case, AGENCY, today)
    with pytest.raises(NotApproved) as refused:
        check_approved(handover, case, OTHER_AGENCY, today)
    assert refused.value.why == "not_here"


def test_evidence_that_calls_itself_an_approval_is_none(ledger: Ledger) -> None:
    (row,) = ledger.accept(ledger.evidence(b"paper", name="foreign_handover_approval.pdf"))
    assert abroad(ledger, row["id"]).json()["reason"] == "not_here"


def test_one_who_may_not_see_the_case_is_told_of_no_approval(ledger: Ledger) -> None:
    ledger.await_quorum()
    answer = ledger.http.get(
        f"/v1/cases/{CASE}/packet",
        headers=ledger.bearer("handler", agency=OTHER_AGENCY),
        params={"handover": '{"foreign":"yes","recipient":"x"}'},
    )
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "{}",
        "[]",
        '{"recipient":""}',
        '{"recipient":7}',
        '{"recipient":"a\\nb"}',
        '{"foreign":"no","recipient":"a"}',
        '{"foreign":true,"recipient":"a"}',
        '{"approval":"019ab0c4-0000-7000-8000-000000000000","recipient":"a"}',
        '{"approval":"x","foreign":"yes","recipient":"a"}',
        '{"more":"x","recipient":"a"}',
        '{"recipient":"' + "a" * 5000 + '"}',
    ],
)
def test_what_is_no_handover_is_refused(ledger: Ledger, asked: str) -> None:
    ledger.await_quorum()
    answer = ledger.http.get(
        f"/v1/cases/{CASE}/packet", headers=ledger.bearer(), params={"handover": asked}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert ledger.custody("exported") == []


def test_switched_off_it_goes_and_every_word_of_the_ledger_says_so(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger", foreign_approval=False) as ledger:
        ledger.accept(ledger.evidence(b"a picture"))
        assert abroad(ledger).status_code == 200
        assert note(ledger).endswith(
            f"; abroad, and this ledger is set to ask for no approval; to {COURT}"
        )
        (state,) = ledger.status("system_state")
        assert state["note"].endswith("; approvals for abroad: not asked for")


def test_switched_on_the_ledger_says_nothing_of_it(ledger: Ledger) -> None:
    assert ask(ledger, recipient="x").status_code == 200
    (state,) = ledger.status("system_state")
    assert "approvals" not in state["note"]


def test_the_recipient_is_in_no_public_byte(ledger: Ledger) -> None:
    assert ask(ledger, recipient="张三丰之代理人").status_code == 200
    public = contents_of(ledger.folder / "public").values()
    assert public
    for spelled in ("张三丰之代理人".encode(), json.dumps("张三丰之代理人")[1:-1].encode()):
        assert not any(spelled in data for data in public)


def test_a_correction_of_the_id_is_no_second_approval(ledger: Ledger) -> None:
    """Only acts count: another kind that names the id changes nothing."""
    other = approval(ledger, act="archive_transfer")
    found = ledger.services.log.known(other)
    assert found is not None
    said = {
        "agency": AGENCY,
        "case": CASE,
        "changes": {"act": "foreign_handover_approval"},
        "id": new_id(time.time_ns() // 1_000_000),
        "reason": "slip",
    }
    subject = StatementSubject(other, Entry.from_bytes(found.row.entry).commitment)
    statement = Statement(Kind.CORRECTION, (subject,), said)
    ledger.accept(seal(statement.to_bytes(), [HANDLER]).to_bytes())
    assert abroad(ledger, other).json()["reason"] == "not_here"
