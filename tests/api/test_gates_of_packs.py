"""The shipped rule packs at the door: whole cases over HTTP, and their conclusions out of turn.

The cases are made from the packs themselves, so that a pack which comes later is tested too.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from api.ids import new_id
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Statement
from ledger.ports import ItemRecord
from ledger.process.rules.condition import acts_of
from ledger.process.rules.rulepack import Conclusion, Record, RulePack
from ledger.tlog.signing_key import SigningKey
from testkit.proceeding import complete, registers
from testkit.rulepacks import PACKS
from testkit.server import AGENCY, CASE, HANDLER, REGISTRAR, Ledger

READ = {name: RulePack.from_text(text) for name, text in PACKS.items()}
# The hearing's own pack ends before the decision, which is that of the ordinary one.
DECISIONS = [
    (name, act)
    for name, pack in READ.items()
    for act in (one.id for one in pack.acts)
    if name != "hearing" and pack.conclusion(act) is Conclusion.DECIDE
]


def sealed(statement: Statement, by: SigningKey) -> bytes:
    predicate = {**statement.predicate, "id": new_id(time.time_ns() // 1_000_000)}
    fresh = Statement(statement.kind, statement.subjects, predicate)
    return seal(fresh.to_bytes(), [by]).to_bytes()


def concluding(pack: RulePack, decision: str) -> list[Record]:
    """Records that the conclusions themselves are there: this decision, and the closing."""
    return [
        record
        for record in pack.records
        if decision in record.acts
        or any(pack.conclusion(act) is Conclusion.CLOSE for act in record.acts)
    ]


def case_of(ledger: Ledger, pack: RulePack, decision: str) -> Iterator[tuple[Statement, bytes]]:
    """In its order; its documents count as held, of which no gate asks more."""
    wanted = concluding(pack, decision)
    # Of several ways to the closing the one that this decision opens itself, if there is one.
    ways = [act for record in wanted for act in acts_of(record.when) if "closing" in record.id]
    branch = ways.index(decision) if decision in ways else 0
    for one in complete(pack, *wanted, branch=branch).file().filed:
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


@dataclass(frozen=True)
class InForce:
    pack: RulePack
    decision: str


@pytest.fixture(params=DECISIONS, ids=["-".join(one) for one in DECISIONS])
def in_force(request: pytest.FixtureRequest, ledger: Ledger) -> InForce:
    """With all registers that a case may lean on."""
    name, decision = request.param
    rows = [sealed(entry, REGISTRAR) for entry in registers((name, PACKS[name]))]
    ledger.accept(*rows)
    return InForce(READ[name], decision)


def gaps(ledger: Ledger) -> list[dict[str, Any]]:
    answer = ledger.http.get(f"/v1/cases/{quote(CASE)}/gaps", headers=ledger.bearer())
    return list(answer.json()["gaps"])


def refused(ledger: Ledger, envelope: bytes) -> None:
    (row,) = ledger.file(envelope)
    assert row.get("code") == "gated", row
    assert row["found"] and all(each["article"] for each in row["found"])


def test_a_whole_case_is_logged_in_its_order_and_none_of_its_conclusions_before(
    ledger: Ledger, in_force: InForce
) -> None:
    pack = in_force.pack
    whole = list(case_of(ledger, pack, in_force.decision))
    named = {
        conclusion: (said.predicate["act"], envelope)
        for said, envelope in whole
        if said.kind is Kind.ACT and (conclusion := pack.conclusion(said.predicate["act"]))
    }
    decision, envelope = named[Conclusion.DECIDE]
    assert decision == in_force.decision
    refused(ledger, envelope)
    acts = [said.predicate.get("act", "") for said, _ in whole]
    for (said, envelope), following in zip(whole, [*acts[1:], ""], strict=True):
        decides = said.predicate.get("act") == decision
        if decides and Conclusion.CLOSE in named:
            refused(ledger, named[Conclusion.CLOSE][1])
        ledger.accept(envelope)
        # A case that was dismissed or referred is served on nobody: it may be closed at once.
        if decides and Conclusion.CLOSE in named and following != "case_closing":
            refused(ledger, named[Conclusion.CLOSE][1])
    # It is logged in a day, and says that it took weeks.
    assert {row["kind"] for row in gaps(ledger)} <= {"late"}
