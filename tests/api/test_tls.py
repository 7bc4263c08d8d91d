"""TLS by certificate files, and clients that believe an intranet's own authority."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi import FastAPI

from api.clients.http import CA_FILE, fetch, new_client
from ledger.errors import Unavailable
from testkit.server import await_that


def make_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "tls.pem", folder / "tls.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file


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
    thread.join(10)


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
