"""TLS by certificate files, and clients that believe an intranet's own authority."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from api.clients.http import CA_FILE, fetch, new_client
from ledger.errors import Unavailable
from testkit.certificates import make_certificate
from testkit.server import await_that


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "up"})
    cert_file, key_file = make_certificate(tmp_path)
    config = uvicorn.Config(
        app, port=0, log_level="critical", ssl_certfile=cert_file, ssl_keyfile=key_file
    )
    sock = config.bind_socket()
    sock.listen()  # from here on a connection waits instead of being refused
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
    thread.start()
    await_that(lambda: server.started, "the server")
    yield f"https://127.0.0.1:{sock.getsockname()[1]}"
    server.should_exit = True
    thread.join(60)


def test_a_client_believes_the_authority_it_is_told_of(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CA_FILE, str(tmp_path / "tls.pem"))
    with new_client() as client:
        assert fetch(client, "GET", f"{address}/healthz", 100) == (200, b'{"status":"up"}')


def test_a_client_refuses_a_server_that_no_authority_vouches_for(address: str) -> None:
    with new_client() as client, pytest.raises(Unavailable, match="no answer from"):
        fetch(client, "GET", f"{address}/healthz", 100)


def test_a_missing_authority_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CA_FILE, "/nowhere/ca.pem")
    with pytest.raises(Unavailable, match=CA_FILE):
        new_client()
