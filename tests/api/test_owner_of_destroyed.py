"""A case does not change hands because what its agency has filed in it is destroyed."""

from pathlib import Path
from typing import Any

from api.expired import filed_in
from ledger.encoding import format_json
from ledger.evidence.envelope import Envelope
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Role, Statement
from ledger.tlog.signing_key import SigningKey
from testkit.disposals import disposal, disposed, opened, publish
from testkit.keys import key
from testkit.server import OTHER_AGENCY, Ledger, register

FIRST, SECOND, LATER = (key(f"{name}.example") for name in ("first", "second", "later"))
FREE = "园综执罚〔2026〕3号"  # spelled as nobody has registered it
LATER_AGENCY = "agency-03"
ABROAD = "Court of Elsewhere"


def evidence(ledger: Ledger, data: bytes, by: SigningKey, agency: str, **more: Any) -> bytes:
    return ledger.evidence(data, by=by, agency=agency, case=FREE, **more)


def closing(ledger: Ledger) -> bytes:
    envelope = evidence(ledger, b"closed", FIRST, OTHER_AGENCY, stage="enforce")
    said = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
    predicate = {**said.predicate, "act": "case_closing"}
    return seal(Statement(Kind.ACT, said.subjects, predicate).to_bytes(), [FIRST]).to_bytes()


def approval(ledger: Ledger) -> bytes:
    """Of a handover abroad, by an agency that has only spoken in the case."""
    envelope = evidence(ledger, b"approved", LATER, LATER_AGENCY, stage="enforce")
    said = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
    act = {
        "act": "foreign_handover_approval",
        "facts": {"authority": "司法部", "recipient": ABROAD},
        "procedure": "after",
    }
    statement = Statement(Kind.ACT, said.subjects, {**said.predicate, **act})
    return seal(statement.to_bytes(), [LATER]).to_bytes()


def reason_to_refuse(ledger: Ledger, id_: str) -> str:
    to = {"approval": id_, "foreign": "yes", "recipient": ABROAD}
    asked = {"handover": format_json(to).decode()}
    answer = ledger.http.get(
        f"/v1/cases/{FREE}/packet", params=asked, headers=ledger.bearer("court", cases=(FREE,))
    )
    return str(answer.json().get("reason", answer.text))


def owners(ledger: Ledger) -> set[str]:
    s = ledger.services
    contents = filed_in(s.log, s.registers.spellings(), s.first_year, LATER_AGENCY, FREE, None)
    return {
        s.casefiles.owner(FREE),
        s.casefiles.of_case(FREE).agency,
        *(one.statement.agency for one in contents.owners),
    }


def sees(ledger: Ledger, agency: str) -> bool:
    bearer = ledger.bearer("supervisor", agency=agency)
    return ledger.http.get(f"/v1/cases/{FREE}", headers=bearer).status_code == 200


def test_what_was_destroyed_still_says_whose_case_it_is(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        ledger.accept(
            register(FIRST, Role.HANDLER, OTHER_AGENCY),
            register(SECOND, Role.HANDLER, OTHER_AGENCY),
            register(LATER, Role.HANDLER, LATER_AGENCY),
            publish(agency=OTHER_AGENCY),
        )
        (first,) = ledger.accept(evidence(ledger, b"first", FIRST, OTHER_AGENCY))
        ledger.accept(evidence(ledger, b"later", LATER, LATER_AGENCY))
        (end,) = ledger.accept(closing(ledger))
        ledger.await_quorum()
        assert owners(ledger) == {OTHER_AGENCY}
        ledger.accept(disposal(first, end, by=(FIRST, SECOND), agency=OTHER_AGENCY, case=FREE))
        disposed(ledger)
        assert owners(ledger) == {OTHER_AGENCY}
        assert sees(ledger, OTHER_AGENCY) and not sees(ledger, LATER_AGENCY)
        (approved,) = ledger.accept(approval(ledger))
        assert reason_to_refuse(ledger, approved["id"]) == "not_here"
