"""Items read back on demand, against a store that may have lost or changed them."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.clients.ledger import LedgerClient
from api.signing import sign_request
from ledger.encoding import format_json
from ledger.errors import Rejected, Unavailable
from ledger.suite import digest
from ledger.tlog.signing_key import SigningKey
from testkit.server import (
    HANDLER,
    OTHER_STATION,
    REGISTRAR,
    STATION,
    STRANGER,
    Ledger,
    await_that,
    serving,
)
from testkit.tus import connect
from testkit.vault import alter

NONCE = bytes(range(32))


def wanted(data: bytes, nonce: bytes = NONCE) -> bytes:
    fields = {"nonce": nonce.hex(), "sha256": digest(data).hex(), "size": str(len(data))}
    return format_json(fields)


def ask(ledger: Ledger, body: bytes, by: SigningKey = STATION) -> Any:
    headers = ledger.signed("POST", "/v1/readbacks", body, by=by)
    return ledger.http.post("/v1/readbacks", content=body, headers=headers)


def stored(ledger: Ledger) -> Path:
    (item,) = ledger.services.items.ids()
    return ledger.folder / "items" / item[:2] / item


def test_the_stored_bytes_are_digested_behind_the_nonce(ledger: Ledger) -> None:
    data = os.urandom(700_001)
    ledger.upload(data)
    answer = ask(ledger, wanted(data))
    assert answer.status_code == 200
    assert answer.json() == {"digest": digest(NONCE + data).hex()}
    other = ask(ledger, wanted(data, bytes(32)))
    assert other.json()["digest"] == digest(bytes(32) + data).hex()


def test_the_bytes_are_read_now_and_not_remembered(ledger: Ledger) -> None:
    data = os.urandom(100_000)
    ledger.upload(data)
    assert ask(ledger, wanted(data)).json()["digest"] == digest(NONCE + data).hex()
    path = stored(ledger)
    alter(path, lambda held: bytes([held[0] ^ 1]) + held[1:])
    refused = ask(ledger, wanted(data))
    assert (refused.status_code, refused.json()["code"]) == (503, "damaged")
    path.unlink()
    refused = ask(ledger, wanted(data))
    assert (refused.status_code, refused.json()["code"]) == (503, "damaged")


def test_only_the_agency_that_has_the_item_may_ask(shared: Ledger) -> None:
    data = os.urandom(1000)
    shared.upload(data)
    assert ask(shared, wanted(data), HANDLER).status_code == 200
    others = ask(shared, wanted(data), OTHER_STATION)
    nothing = ask(shared, wanted(b"never uploaded"))
    assert others.status_code == nothing.status_code == 404
    assert others.json() == nothing.json()
    for nobody in (STRANGER, REGISTRAR):
        assert ask(shared, wanted(data), nobody).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        wanted(b"x", bytes(31)),
        wanted(b"x", bytes(33)),
        wanted(b"x").replace(b'"1"', b"1"),
        wanted(b"x").replace(b'"1"', b'"01"'),
        wanted(b"x").replace(b'{"', b'{"a":"b","'),
        wanted(b"x") + b"\n",
    ],
)
def test_a_request_in_another_form_is_refused(shared: Ledger, body: bytes) -> None:
    assert ask(shared, body).status_code == 400


def test_who_asks_while_others_are_answered_is_told_to_come_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.upload(b"x")
    monkeypatch.setattr(ledger.services, "reading_back", asyncio.Semaphore(0))
    answer = ask(ledger, wanted(b"x"))
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]


def test_nothing_is_read_on_for_somebody_who_has_gone(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.readbacks.LOOK_S", 0.02)
    ledger.upload(b"x" * 100)
    began, ended = threading.Event(), threading.Event()

    def endless(self: object, object_id: str) -> Iterator[bytes]:
        try:
            while True:
                began.set()
                threading.Event().wait(0.001)
                yield b""
        finally:
            ended.set()

    monkeypatch.setattr(type(ledger.services.items), "stream", endless)
    body = wanted(b"x" * 100)
    with serving(ledger.http.app) as address:  # type: ignore[arg-type]
        head = ledger_headers(address, body)
        line = connect(address)
        line.sendall(head + body)
        assert began.wait(60)
        line.close()
        assert ended.wait(60)
        await_that(lambda: not ledger.services.reading_back.locked(), "the end")


def ledger_headers(address: str, body: bytes) -> bytes:
    signed = sign_request(STATION, "POST", f"{address}/v1/readbacks", body, os.urandom(16).hex())
    lines = [f"{name}: {value}" for name, value in signed.items()]
    lines += [f"Host: {address.partition('//')[2]}", f"Content-Length: {len(body)}"]
    return ("POST /v1/readbacks HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()


def test_the_client_compares_with_its_own_file(ledger: Ledger, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    file = tmp_path / "item"
    file.write_bytes(data)
    ledger.upload(data)
    with (
        serving(ledger.http.app) as address,
        closing(  # type: ignore[arg-type]
            LedgerClient(address, key=STATION)
        ) as client,
    ):
        client.read_back(file, len(data), digest(data))
        path = stored(ledger)
        kept = path.read_bytes()
        alter(path, lambda held: held[:-1] + bytes([held[-1] ^ 1]))
        with pytest.raises(Unavailable):
            client.read_back(file, len(data), digest(data))
        path.write_bytes(kept)
        file.write_bytes(data[:-1])
        with pytest.raises(Rejected):
            client.read_back(file, len(data), digest(data))
