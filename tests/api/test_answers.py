"""What a client makes of a server that answers something else, by fault or on purpose."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.clients.ledger import LedgerClient, check_acceptance, check_receipt
from ledger.errors import LedgerError, Malformed
from ledger.evidence.entry import Entry
from testkit.server import CASE, STATION, Ledger

BODIES: list[bytes] = [
    b"",
    b"null",
    b"7",
    b"[]",
    b"{}",
    b"[" * 100_000,
    b'{"agency":null,"log":7}',
    b'{"agency":"a","log":"b","person":"c","role":"\\ud800"}',
    b'{"results":null}',
    b'{"results":[7]}',
    b'{"upload":7}',
    b'{"upload":"../../v1/key"}',
    b'{"id":"a","log":"b","index":7,"entry":"","proof":"","witnessed":"yes"}',
    b'{"code":"full","hints":7}',
    b'{"code":["full"],"detail":{},"hints":null}',
    b"\xff\xfe",
]

ASKS: dict[str, Callable[[LedgerClient, Path], object]] = {
    "case": lambda client, folder: client.case(CASE),
    "file": lambda client, folder: client.file([b"{}"]),
    "packet": lambda client, folder: client.packet(CASE, folder / "a.zip", lambda count: None),
    "receipt": lambda client, folder: client.receipt("01a20ad3-28f8-7ad1-acbe-55f42aaa342a"),
    "upload": lambda client, folder: client.upload(
        Path(os.devnull), 0, bytes(32), lambda count: None
    ),
    "view": lambda client, folder: client.view("a", "cases", {}, {"cases": ("case",)}),
    "whoami": lambda client, folder: client.whoami(),
}


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("status", [200, 400, 404, 422, 500])
def test_a_server_that_answers_something_else_is_refused(
    ask: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for body in BODIES:
        answer = httpx2.Response(status, content=body)
        transport = httpx2.MockTransport(lambda request, answer=answer: answer)
        client = httpx2.Client(transport=transport)
        monkeypatch.setattr("api.clients.ledger.new_client", lambda timeout, client=client: client)
        if (ask, status) == ("packet", 200):
            continue  # any bytes may be a packet: `verify` judges them
        with pytest.raises(LedgerError) as refused:
            ASKS[ask](LedgerClient("http://testserver", key=STATION), tmp_path)
        str(refused.value).encode()
        assert list(tmp_path.iterdir()) == []


def without(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer without each of its fields, and with something else there."""
    odd: tuple[Any, ...] = (None, 7, [], {}, [7], [[]], [{}], [{"name": 7}])
    return [
        *({k: v for k, v in answer.items() if k != field} for field in answer),
        *(answer | {field: value} for field in answer for value in odd if field != "fresh"),
    ]


def test_an_acceptance_out_of_form_is_refused(ledger: Ledger) -> None:
    envelope = ledger.evidence(b"x")
    (answer,) = ledger.accept(envelope)
    for other in without({k: v for k, v in answer.items() if k != "fresh"}):
        with pytest.raises(LedgerError):
            check_acceptance(other, envelope, ledger.trust)
    for field in ("n", "name", "signature"):
        row = {k: v for k, v in answer["series"][0].items() if k != field}
        with pytest.raises(Malformed, match=field):
            check_acceptance(answer | {"series": [row]}, envelope, ledger.trust)


def test_a_receipt_out_of_form_is_refused(ledger: Ledger) -> None:
    (row,) = ledger.accept(ledger.evidence(b"x"))
    ledger.await_quorum()
    answer = ledger.http.get(f"/v1/statements/{row['id']}/receipt").json()
    entry = Entry.from_bytes(row["entry"].encode())
    assert check_receipt(answer, entry, ledger.trust) is not None
    for other in without(answer):
        with pytest.raises(LedgerError):
            check_receipt(other, entry, ledger.trust)
