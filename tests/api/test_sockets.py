"""What only a real connection shows: lines that break, and bodies that never end."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from api.clients.http import fetch, new_client
from api.clients.ledger import LedgerClient
from api.wire import BoundedProtocol
from ledger.errors import Rejected, Unavailable
from ledger.suite import digest
from testkit.server import STATION, Ledger, await_that, serving, template


@pytest.fixture
def client(address: str) -> Iterator[LedgerClient]:
    with closing(LedgerClient(address, key=STATION)) as client:
        yield client


@pytest.fixture
def address(ledger: Ledger) -> Iterator[str]:
    with serving(ledger.http.app) as address:  # type: ignore[arg-type]
        yield address


def connect(address: str) -> socket.socket:
    place = urlsplit(address)
    return socket.create_connection((place.hostname or "", place.port or 0), timeout=60)


def begin(address: str, path: str, length: int, part: bytes) -> socket.socket:
    """A PUT that has sent only its first part."""
    line = connect(address)
    line.sendall(put_head(path, length) + part)
    return line


def put_head(path: str, length: int) -> bytes:
    return f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


def incoming(ledger: Ledger) -> list[str]:
    return os.listdir(ledger.folder / "items" / "incoming")


def test_a_broken_line_leaves_nothing_and_the_item_can_be_sent_again(
    ledger: Ledger, address: str
) -> None:
    data = os.urandom(9 << 20)
    path = ledger.announce(data)
    line = begin(address, path, len(data), data[: 5 << 20])
    await_that(lambda: incoming(ledger), "the first bytes")
    line.close()
    await_that(lambda: not incoming(ledger), "the end of what was begun")
    statuses = []

    def is_sent() -> bool:
        with new_client() as client:
            statuses.append(fetch(client, "PUT", address + path, 1000, content=data)[0])
        return statuses[-1] == 201

    await_that(is_sent, "that it can be sent again")
    # Until the broken request has let go of it another one is told to wait.
    assert set(statuses[:-1]) <= {409}


def test_two_requests_cannot_send_one_item(ledger: Ledger, address: str) -> None:
    data = b"x" * 100
    path = ledger.announce(data)
    first = begin(address, path, 100, data[:50])
    await_that(lambda: incoming(ledger), "the first bytes")
    answer = ledger.http.put(path, content=data)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    first.sendall(data[50:])
    assert b" 201 " in first.recv(4096)
    first.close()


def test_who_stops_sending_is_not_waited_for_for_ever(
    ledger: Ledger, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.bodies.IDLE_S", 0.1)
    path = ledger.announce(b"x" * 100)
    line = begin(address, path, 100, b"x" * 50)
    assert b" 503 " in line.recv(4096)
    line.close()
    await_that(lambda: not incoming(ledger), "the end of what was begun")
    assert ledger.http.put(path, content=b"x" * 100).status_code == 201


def test_a_chunked_body_is_refused_where_the_length_must_be_known(
    ledger: Ledger, address: str
) -> None:
    path = ledger.announce(b"x")
    line = connect(address)
    head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    line.sendall(head.encode() + b"1\r\nx\r\n0\r\n\r\n")
    assert b" 411 " in line.recv(4096)
    line.close()


def said(address: str, *parts: bytes) -> bytes:
    """What the server answers until it closes the line; a line cut short is an answer too."""
    return sent(address, *parts)[1]


def sent(address: str, *parts: bytes) -> tuple[int, bytes]:
    """How many parts were taken, and the answer."""
    answer, taken = b"", 0
    with connect(address) as line:
        try:
            for part in parts:
                line.sendall(part)
                taken += 1
            while part := line.recv(65_536):
                answer += part
        except ConnectionError:
            pass
    return taken, answer


FLOOD = b"a" * (4 << 20)
POST = b"POST /v1/statements HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n2"


@pytest.mark.parametrize(
    "begins",
    [b"GET /", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: ", b"GET /healthz HTTP/1.1\r\n"],
    ids=["line", "header", "name"],
)
def test_a_head_of_any_length_is_not_collected(address: str, begins: bytes) -> None:
    taken, answer = sent(address, begins, *[FLOOD] * 16, b"\r\n\r\n")
    assert not answer or b" 400 " in answer.partition(b"\r\n")[0]
    assert taken < 8  # what lies in the system's buffers


def test_headers_of_any_number_are_not_collected(address: str) -> None:
    answer = said(address, b"GET /healthz HTTP/1.1\r\n" + b"A: b\r\n" * 200_000 + b"\r\n")
    assert not answer or b" 400 " in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize("begins", [b";a=", b"\r\n{}\r\n0\r\nA: "], ids=["chunk", "trailer"])
def test_what_stands_between_the_parts_of_a_body_has_an_end(address: str, begins: bytes) -> None:
    taken, _ = sent(address, CHUNKED + begins, *[FLOOD] * 16, b"\r\n\r\n")
    assert taken < 8


def test_a_large_head_within_the_limit_is_read(address: str) -> None:
    head = b"GET /healthz HTTP/1.1\r\nConnection: close\r\nA: " + b"a" * 60_000
    assert b" 200 " in said(address, head, b"\r\n\r\n")


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"GET /healthz HTTP/1.1\r\nHo"],
        [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHo"],
    ],
    ids=["nothing", "half", "one-and-a-half"],
)
def test_who_does_not_finish_a_head_is_not_waited_for(
    address: str, parts: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.wire.HEAD_S", 0.2)
    said(address, *parts)  # or it would wait for an answer in vain


@pytest.mark.parametrize("rest", [1, 50], ids=["a part", "all of it"])
def test_who_is_refused_and_then_does_not_go_on_is_not_waited_for(
    address: str, rest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes of the body after the answer takes away the end that the server itself sets."""
    with begin(address, "/nowhere", 100, b"x" * 50) as line, suppress(ConnectionError):
        assert b" 404 " in line.recv(4096)
        monkeypatch.setattr("api.wire.HEAD_S", 0.2)
        line.sendall(b"x" * rest)
        while line.recv(4096):  # or it would wait in vain
            pass


def test_who_is_refused_and_drips_on_is_not_waited_for(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begin(address, "/nowhere", 1000, b"x" * 50) as line:
        assert b" 404 " in line.recv(4096)
        monkeypatch.setattr("api.wire.HEAD_S", 0.2)
        with pytest.raises(ConnectionError):
            for _ in range(900):
                line.sendall(b"x")
                time.sleep(0.01)


def test_after_a_head_there_is_time_for_the_body(
    ledger: Ledger, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[BoundedProtocol] = []
    made = BoundedProtocol.connection_made

    def seen(self: BoundedProtocol, transport: Any) -> None:
        made(self, transport)
        lines.append(self)

    monkeypatch.setattr(BoundedProtocol, "connection_made", seen)
    line = begin(address, ledger.announce(b"x" * 100), 100, b"x" * 50)
    await_that(lambda: incoming(ledger), "the first bytes")
    assert [one._late for one in lines] == [None]  # nothing ends it
    line.sendall(b"x" * 50)
    assert b" 201 " in line.recv(4096)
    line.close()


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"Content-Length: +2\r\n\r\n{}",
        b"Content-Length: -2\r\n\r\n{}",
        b"Content-Length: 99999999999999999999999\r\n\r\n{}",
        b"Transfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
        b"A: b\0c\r\n\r\n",
        b"A: b\r\n folded: c\r\n\r\n",
    ],
)
def test_a_request_that_two_programs_would_cut_in_two_ways_is_refused(
    address: str, head: bytes
) -> None:
    assert b" 400 " in said(address, POST + head).partition(b"\r\n")[0]


def test_while_one_request_dawdles_others_are_served(
    ledger: Ledger, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.bodies.IDLE_S", 3600.0)
    lines = [begin(address, ledger.announce(bytes([n]) * 100), 100, bytes([n])) for n in range(40)]
    await_that(lambda: len(incoming(ledger)) == 40, "all of those that dawdle")
    assert said(address, b"GET /healthz HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n")
    ledger.accept(ledger.evidence(b"x"))
    assert len(incoming(ledger)) == 40
    for line in lines:
        line.close()


def test_a_client_sends_and_files_over_a_real_connection(
    ledger: Ledger, client: LedgerClient, tmp_path: Path
) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "item").write_bytes(data)
    seen: list[int] = []
    answer = client.upload(tmp_path / "item", len(data), digest(data), seen.append)
    assert answer["size"] == str(len(data)) == str(sum(seen))
    (row,) = client.file([ledger.evidence(data, upload=False)])
    assert row["fresh"] == "yes"


@pytest.mark.parametrize("now", [b"", b"shorter", b"longer than it was before", b"OTHER BYTES"])
def test_a_file_that_changes_while_it_is_sent_is_refused(
    ledger: Ledger, client: LedgerClient, tmp_path: Path, now: bytes
) -> None:
    data = b"these bytes"
    (tmp_path / "item").write_bytes(now)
    with pytest.raises(Rejected) as refused:
        client.upload(tmp_path / "item", len(data), digest(data), lambda n: None)
    assert refused.value.hints
    await_that(lambda: not incoming(ledger), "the end of what was begun")
    (tmp_path / "item").write_bytes(data)
    client.upload(tmp_path / "item", len(data), digest(data), lambda n: None)


def test_a_server_that_is_not_there_is_named() -> None:
    with (
        closing(LedgerClient("http://127.0.0.1:9", key=STATION)) as client,
        pytest.raises(Unavailable, match=r"no answer from http://127\.0\.0\.1:9"),
    ):
        client.whoami()


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://a", "http://", "http://a b", "http://[", "http://a:b"]
)
def test_an_address_that_is_none_is_a_refusal(url: str) -> None:
    with closing(LedgerClient(url)) as client, pytest.raises(Unavailable):
        client.checkpoint("2026")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_item(tmp_path: Path) -> None:
    """Peak memory of a server process that took 300 MB, against one that took 10 MB."""
    small, large = (_peak_kib(tmp_path / f"{mb}", mb << 20) for mb in (10, 300))
    assert large - small < 60 * 1024


def _peak_kib(folder: Path, size: int) -> int:
    import shutil

    shutil.copytree(template(), folder)
    command = [sys.executable, "-c", "from cli.main import main; raise SystemExit(main())"]
    with subprocess.Popen(
        [*command, "server", str(folder), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            item = folder.with_suffix(".bin")
            with item.open("wb") as file:
                file.truncate(size)
            sha256 = __import__("hashlib").sha256(bytes(size)).digest()
            with closing(LedgerClient(address, key=STATION)) as client:
                client.upload(item, size, sha256, lambda n: None)
            status = Path(f"/proc/{process.pid}/status").read_text()
        finally:
            process.terminate()
            process.wait(60)
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])
