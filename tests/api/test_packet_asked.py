"""What a request for a packet may ask for, in its first line."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.cases import _check_gone
from api.schemas import MAX_WITHHELD
from api.services import Services
from ledger.errors import LedgerError, Rejected, Unavailable, Unknown
from ledger.evidence.withheld import Reason
from ledger.packing import Plan, Wanted
from testkit import case as kit
from testkit.server import CASE, Ledger
from testkit.world import World

DUE = {"counted": "weekends", "for": "review", "received": "2026-11-20", "until": "2026-12-04"}


def ask(ledger: Ledger, **params: Any) -> tuple[int, str]:
    path = f"/v1/cases/{CASE}/packet"
    answer = ledger.http.get(path, params=params, headers=ledger.bearer())
    kind = answer.headers["content-type"]
    return answer.status_code, answer.json()["code"] if kind == "application/problem+json" else ""


@pytest.fixture(scope="module")
def filed(shared: Ledger) -> str:
    (row,) = shared.accept(shared.evidence(b"one"))
    shared.accept(shared.evidence(b"two"))
    shared.await_quorum()
    return str(row["id"])


@pytest.mark.parametrize(
    "asked",
    [
        "x",
        "=privacy",
        "2026-9=",
        "2026-9=shame",
        ["2026-9=minor", "2026-9=privacy"],
        ["2026-9=minor"] * (MAX_WITHHELD + 1),
    ],
)
def test_what_is_withheld_has_one_form(shared: Ledger, filed: str, asked: Any) -> None:
    assert ask(shared, withhold=asked) == (400, "malformed")


def test_what_is_not_there_cannot_be_withheld(shared: Ledger, filed: str) -> None:
    assert ask(shared, withhold="2026-999=privacy") == (404, "unknown")


@pytest.mark.parametrize("reason", ["lost", "other_case", "destroyed"])
def test_a_reason_that_is_not_true_is_refused(shared: Ledger, filed: str, reason: str) -> None:
    assert ask(shared, withhold=f"{filed}={reason}") == (422, "rejected")


@pytest.mark.parametrize(
    "due", ["", "x", "{}", json.dumps(DUE), "[" * 200, "9" * 5000, '{"until":"\\ud800"}']
)
def test_until_when_it_is_due_has_one_form(shared: Ledger, filed: str, due: str) -> None:
    assert ask(shared, due=due) == (400, "malformed")


def test_what_is_asked_for_in_its_form_is_given(shared: Ledger, filed: str) -> None:
    due = json.dumps(DUE, separators=(",", ":"), sort_keys=True)
    assert ask(shared, withhold=f"{filed}=privacy", due=due) == (200, "")


def test_without_a_token_nothing_is_read_of_it(shared: Ledger, filed: str) -> None:
    answer = shared.http.get(f"/v1/cases/{CASE}/packet", params={"due": "x"})
    assert answer.json()["code"] == "unsigned"


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (None, Rejected("still held")),
        (Unavailable("the disk is not there just now"), Unavailable("just now")),
        (Unknown("no such item"), None),
    ],
)
def test_a_copy_that_cannot_be_reached_is_not_one_that_was_destroyed(
    lost: LedgerError | None, said: LedgerError | None
) -> None:
    world = World()
    world.hold(b"one")

    class Items:
        def stream(self, object_id: str) -> Iterator[bytes]:
            if lost is not None:
                raise lost
            yield b"one"

    digest = kit.digest_item(b"one")
    services = cast(Services, SimpleNamespace(store=world.store, items=Items()))
    plan = Plan(CASE, 1, "", {}, {}, [Wanted(digest, kit.AGENCY)])
    asked = {digest.sha256.hex(): Reason.DESTROYED}
    if said is None:
        _check_gone(services, plan, asked)
        return
    with pytest.raises(type(said), match=str(said)):
        _check_gone(services, plan, asked)
