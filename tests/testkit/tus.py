"""Raw requests of the tus protocol to a real server, one function a request."""

import os
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from api import wire
from api.clients.http import new_client
from api.lane import Protocol
from api.signing import sign_request
from ledger.suite import digest
from ledger.tlog.signing_key import SigningKey
from testkit.server import STATION, Ledger, serving

SPEAKS = {"Tus-Resumable": "1.0.0"}
BYTES = "application/offset+octet-stream"


@dataclass
class Tus:
    """A server, as a tus client sees it."""

    address: str
    http: httpx2.Client

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.http.request(method, self.address + path, **options)

    def creation(
        self, size: int | str, metadata: str = "", *, by: SigningKey = STATION
    ) -> dict[str, str]:
        """The headers of a signed creation."""
        said = {"Upload-Length": str(size)} | ({"Upload-Metadata": metadata} if metadata else {})
        url = f"{self.address}/v1/tus"
        return dict(sign_request(by, "POST", url, b"", os.urandom(16).hex(), said)) | SPEAKS

    def create(self, size: int | str, metadata: str = "", **more: Any) -> httpx2.Response:
        return self.ask("POST", "/v1/tus", headers=self.creation(size, metadata, **more))

    def open(self, data: bytes, *, told: bool = True, **more: Any) -> str:
        """The path of a new upload of these bytes; `told` says their digest."""
        answer = self.create(len(data), named(sha256=digest(data).hex()) if told else "", **more)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["Location"])

    def head(self, path: str) -> httpx2.Response:
        return self.ask("HEAD", path, headers=SPEAKS)

    def offset(self, path: str) -> int:
        return int(self.head(path).headers["Upload-Offset"])

    def patch(
        self, path: str, offset: int | str, data: bytes, checksum: str = "", **more: str
    ) -> httpx2.Response:
        headers = SPEAKS | {"Content-Type": BYTES, "Upload-Offset": str(offset)}
        if checksum:
            headers["Upload-Checksum"] = checksum
        return self.ask("PATCH", path, headers=headers | more, content=data)

    def delete(self, path: str) -> httpx2.Response:
        return self.ask("DELETE", path, headers=SPEAKS)

    def item(self, path: str) -> dict[str, Any]:
        return dict(self.ask("GET", f"{path}/item").json())

    def finished(self, path: str) -> dict[str, Any]:
        """What became of it, once the server has read it back."""
        ends = time.monotonic() + 60
        while (found := self.item(path)).get("state") == "working":
            assert time.monotonic() < ends, "the item did not come"
            time.sleep(0.01)
        return found

    def begin(self, path: str, offset: int, length: int, part: bytes, more: str = "") -> Any:
        """The connection of a PATCH that has sent only its first part."""
        line = connect(self.address)
        line.sendall(patch_head(path, offset, length, more) + part)
        return line


def patch_head(path: str, offset: int, length: int, more: str = "") -> bytes:
    return (
        f"PATCH {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nContent-Type: {BYTES}\r\n"
        f"Upload-Offset: {offset}\r\nContent-Length: {length}\r\n{more}\r\n"
    ).encode()


def connect(address: str) -> socket.socket:
    place = urlsplit(address)
    return socket.create_connection((place.hostname or "", place.port or 0), timeout=60)


def base64(data: bytes) -> str:
    return b64encode(data).decode()


def named(**values: str | bytes) -> str:
    """Upload-Metadata."""
    pairs = {k: v.encode() if isinstance(v, str) else v for k, v in values.items()}
    return ",".join(f"{key} {base64(value)}" for key, value in pairs.items())


@contextmanager
def tus_server(
    ledger: Ledger, http: type[wire.BoundedProtocol] = Protocol, **options: Any
) -> Iterator[Tus]:
    with serving(ledger.http.app, http=http, **options) as address, new_client() as client:  # type: ignore[arg-type]
        yield Tus(address, client)
