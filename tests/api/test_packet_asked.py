"""What a request for a packet may ask for, in its first line."""

import json
from typing import Any

import pytest

from api.schemas import MAX_WITHHELD
from testkit.server import CASE, Ledger

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
