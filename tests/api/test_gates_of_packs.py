"""The shipped rule packs at the door: whole cases over HTTP, and their conclusions out of turn.

The cases are made from the packs themselves, so that a pack which comes later is tested too.
"""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from api.ids import new_id
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Statement
from ledger.ports import ItemRecord
from ledger.process.rulepack import Conclusion, Record, RulePack
from ledger.tlog.signing_key import SigningKey
from testkit.proceeding import complete, registers
from testkit.rulepacks import PACKS
from testkit.server import AGENCY, CASE, HANDLER, REGISTRAR, Ledger

READ = {name: RulePack.from_text(text) for name, text in PACKS.items()}
# The hearing's own pack ends before the decision, which is that of the ordinary one.
GATED = [name for name, pack in READ.items() if pack.gates and name != "hearing"]


def sealed(statement: Statement, by: SigningKey) -> bytes:
    predicate = {**statement.predicate, "id": new_id(time.time_ns() // 1_000_000)}
    fresh = Statement(statement.kind, statement.subjects, predicate)
    return seal(fresh.to_bytes(), [by]).to_bytes()


def concluding(pack: RulePack) -> list[Record]:
    """Records that the conclusions themselves are there."""
    return [r for r in pack.records if any(map(pack.conclusion, r.acts))]


def case_of(ledger: Ledger, pack: RulePack) -> Iterator[tuple[Statement, bytes]]:
    """In its order; its documents count as held, of which no gate asks more."""
    for one in complete(pack, *concluding(pack)).file().filed:
        for file in one.statement.files:
            held = ItemRecord(
                object_id=file.digest.sha256.hex()[:32],
                digest=file.digest,
                keyid=HANDLER.verifier.keyid,
                agency=AGENCY,
                uploaded_ms=time.time_ns() // 1_000_000,
            )
            ledger.services.store.add_item(held)
        yield one.statement, sealed(one.statement, HANDLER)


@pytest.fixture(params=GATED)
def pack(request: pytest.FixtureRequest, ledger: Ledger) -> RulePack:
    """In force, with all registers that a case may lean on."""
    name = request.param
    rows = [sealed(entry, REGISTRAR) for entry in registers((name, PACKS[name]))]
    ledger.accept(*rows)
    return READ[name]


def gaps(ledger: Ledger) -> list[dict[str, Any]]:
    answer = ledger.http.get(f"/v1/cases/{quote(CASE)}/gaps", headers=ledger.bearer())
    return list(answer.json()["gaps"])


def refused(ledger: Ledger, envelope: bytes) -> None:
    (row,) = ledger.file(envelope)
    assert row.get("code") == "gated", row
    assert row["found"] and all(each["article"] for each in row["found"])


def test_a_whole_case_is_logged_in_its_order_and_none_of_its_conclusions_before(
    ledger: Ledger, pack: RulePack
) -> None:
    whole = list(case_of(ledger, pack))
    named = {
        conclusion: (said.predicate["act"], envelope)
        for said, envelope in whole
        if said.kind is Kind.ACT and (conclusion := pack.conclusion(said.predicate["act"]))
    }
    decision, envelope = named[Conclusion.DECIDE]
    refused(ledger, envelope)
    for said, envelope in whole:
        ledger.accept(envelope)
        if said.predicate.get("act") == decision and Conclusion.CLOSE in named:
            refused(ledger, named[Conclusion.CLOSE][1])
    # It is logged in a day, and says that it took weeks.
    assert {row["kind"] for row in gaps(ledger)} <= {"late"}
