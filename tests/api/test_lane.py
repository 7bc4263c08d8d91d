"""Large bodies over a real connection, by the lane and without it."""

import asyncio
import os
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI, Request

from api.clients.http import fetch, new_client
from api.intake import FOR_A_LANE, LANES
from api.lane import EXTENSION, Lane, Protocol, _buffers, lane_of
from api.wire import BoundedProtocol
from ledger.evidence.chunks import digest_item
from ledger.ports import ItemWriter
from storage.objects_directory import DirectoryObjectWriter
from testkit.server import Ledger, await_that, serving

SIZE = FOR_A_LANE + (1 << 20) + 17


@pytest.fixture(params=["lane", "no lane"])
def address(ledger: Ledger, request: pytest.FixtureRequest) -> Iterator[str]:
    """A server with lanes and one without: both keep the same promises."""
    http = Protocol if request.param == "lane" else BoundedProtocol
    with serving(ledger.http.app, http=http) as address:  # type: ignore[arg-type]
        yield address


@pytest.fixture
def with_lane(ledger: Ledger) -> Iterator[str]:
    with serving(ledger.http.app, http=Protocol) as address:  # type: ignore[arg-type]
        yield address


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each body that came by a lane."""
    sizes: list[int] = []
    feed = Lane.feed

    async def count(self: Lane, size: int, *more: object) -> None:
        sizes.append(size)
        await feed(self, size, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Lane, "feed", count)
    return sizes


def put(address: str, path: str, data: bytes) -> tuple[int, bytes]:
    with new_client() as client:
        return fetch(client, "PUT", address + path, 10_000, content=data)


def connect(address: str) -> socket.socket:
    place = urlsplit(address)
    return socket.create_connection((place.hostname or "", place.port or 0), timeout=60)


def head(path: str, length: int, more: str = "") -> bytes:
    return f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{more}\r\n".encode()


def files(ledger: Ledger) -> list[Path]:
    return [path for path in (ledger.folder / "items").rglob("*") if path.is_file()]


def test_a_large_item_is_held_under_its_digests(ledger: Ledger, address: str) -> None:
    data = os.urandom(SIZE)
    status, answer = put(address, ledger.announce(data), data)
    assert (status, digest_item(data).chunks.hex().encode() in answer) == (201, True)
    (item,) = ledger.services.items.ids()
    assert b"".join(ledger.services.items.stream(item)) == data


def test_only_large_bodies_take_the_lane(ledger: Ledger, with_lane: str, lanes: list[int]) -> None:
    for size in (100, FOR_A_LANE - 1, FOR_A_LANE):
        data = os.urandom(size)
        assert put(with_lane, ledger.announce(data), data)[0] == 201
    assert lanes == [FOR_A_LANE]


def test_a_lanes_memory_serves_the_next_body_and_none_of_it_comes_into_that(
    ledger: Ledger, with_lane: str, lanes: list[int]
) -> None:
    for size in (SIZE, SIZE - (1 << 19), SIZE + 1):
        data = os.urandom(size)
        status, answer = put(with_lane, ledger.announce(data), data)
        assert (status, digest_item(data).chunks.hex().encode() in answer) == (201, True)
    assert len(lanes) == 3
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        first, again = (one.submit(_buffers).result() for _ in range(2))
        assert first is again
        assert other.submit(_buffers).result() is not first


def test_other_bytes_than_announced_are_refused(ledger: Ledger, address: str) -> None:
    data = os.urandom(SIZE)
    path = ledger.announce(data)
    status, answer = put(address, path, data[:-1] + bytes([data[-1] ^ 1]))
    assert (status, b"read the item again" in answer) == (422, True)
    assert not files(ledger)
    assert put(address, path, data)[0] == 201


@pytest.mark.parametrize("sent", [0, 1, SIZE // 2, SIZE - 1])
def test_a_line_that_breaks_leaves_nothing(ledger: Ledger, address: str, sent: int) -> None:
    data = os.urandom(SIZE)
    path = ledger.announce(data)
    with connect(address) as line:
        line.sendall(head(path, SIZE) + data[:sent])
        await_that(lambda: files(ledger), "the beginning")
    await_that(lambda: not files(ledger), "the end of what was begun")
    await_that(lambda: put(address, path, data)[0] == 201, "the second time")


def test_who_stops_sending_is_not_waited_for_for_ever(
    ledger: Ledger, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.bodies.IDLE_S", 1.0)
    path = ledger.announce(bytes(SIZE))
    with connect(address) as line:
        line.sendall(head(path, SIZE) + bytes(SIZE // 2))
        assert b" 503 " in line.recv(4096)
    await_that(lambda: not files(ledger), "the end of what was begun")


def test_a_disk_that_fills_up_is_told_to_who_reads_nothing_before_all_is_sent(
    ledger: Ledger, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 64 << 20  # more than the system's buffers hold
    path = ledger.announce(bytes(size))

    def fill_up(self: DirectoryObjectWriter, view: memoryview) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DirectoryObjectWriter, "_write_all", fill_up)
    with connect(address) as line:
        line.sendall(head(path, size) + bytes(size))
        assert line.recv(4096).startswith(b"HTTP/1.1 507 ")
    await_that(lambda: not files(ledger), "the end of what was begun")


def test_a_hasher_that_fails_is_an_error_of_the_server(
    ledger: Ledger, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, data: object) -> None:
        raise RuntimeError("a broken machine")

    path = ledger.announce(bytes(SIZE))
    monkeypatch.setattr("ledger.evidence.chunks.ChunkTree.update", fail)
    with connect(address) as line:
        line.sendall(head(path, SIZE) + bytes(SIZE))
        assert b" 500 " in line.recv(4096)
    await_that(lambda: not files(ledger), "the end of what was begun")


def test_who_asks_first_is_told_to_go_on(ledger: Ledger, address: str) -> None:
    data = os.urandom(SIZE)
    with connect(address) as line:
        line.sendall(head(ledger.announce(data), SIZE, "Expect: 100-continue\r\n"))
        assert line.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(data)
        assert b" 201 " in line.recv(4096)


def test_after_a_lane_the_connection_is_closed(ledger: Ledger, with_lane: str) -> None:
    data = os.urandom(SIZE)
    with connect(with_lane) as line:
        line.sendall(head(ledger.announce(data), SIZE) + data)
        answer = b"".join(iter(lambda: line.recv(4096), b""))
    assert (b" 201 " in answer, b"connection: close" in answer) == (True, True)


def test_a_body_that_came_with_its_head_needs_no_lane(
    ledger: Ledger, with_lane: str, lanes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.intake.FOR_A_LANE", 1)
    with connect(with_lane) as line:
        line.sendall(head(ledger.announce(b"x" * 100), 100) + b"x" * 100)
        assert b" 201 " in line.recv(4096)
    assert lanes == []


def test_a_request_behind_a_large_body_is_not_taken_for_its_bytes(
    ledger: Ledger, address: str
) -> None:
    data = os.urandom(SIZE)
    behind = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(address) as line:
        line.sendall(head(ledger.announce(data), SIZE) + data + behind)
        assert b" 201 " in line.recv(4096)
    (item,) = ledger.services.items.ids()
    assert b"".join(ledger.services.items.stream(item)) == data


def test_more_large_items_at_once_than_there_are_lanes(
    ledger: Ledger, with_lane: str, lanes: list[int]
) -> None:
    items = [os.urandom(FOR_A_LANE + i) for i in range(LANES + 4)]
    paths = [ledger.announce(data) for data in items]
    with ThreadPoolExecutor(len(items)) as pool:
        answers = list(pool.map(lambda p, d: put(with_lane, p, d), paths, items))
    assert [status for status, _ in answers] == [201] * len(items)
    assert 0 < len(lanes) <= len(items)
    held = {len(b"".join(ledger.services.items.stream(i))) for i in ledger.services.items.ids()}
    assert held == {len(data) for data in items}


def test_slow_senders_hold_the_lanes_and_keep_nobody_out(ledger: Ledger, with_lane: str) -> None:
    slow = []
    for i in range(LANES):
        line = connect(with_lane)
        line.sendall(head(ledger.announce(bytes([i]) * SIZE), SIZE) + bytes([i]))
        slow.append(line)
    await_that(lambda: len(files(ledger)) == LANES, "all of the slow ones")
    data = os.urandom(SIZE)
    assert put(with_lane, ledger.announce(data), data)[0] == 201
    for line in slow:
        line.close()


def test_many_small_items_at_once(ledger: Ledger, address: str) -> None:
    items = [os.urandom(1000 + i) for i in range(64)]
    paths = [ledger.announce(data) for data in items]
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda p, d: put(address, p, d), paths, items))
    assert [status for status, _ in answers] == [201] * 64
    assert len(list(ledger.services.items.ids())) == 64


def test_a_body_in_single_bytes_is_whole(ledger: Ledger, address: str) -> None:
    data = os.urandom(300)
    with connect(address) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(head(ledger.announce(data), 300))
        for i in range(300):
            line.sendall(data[i : i + 1])
        assert b" 201 " in line.recv(4096)


@pytest.mark.parametrize("times", [1, 2])
def test_on_being_cancelled_it_waits_for_its_takers_though_the_line_is_gone(times: int) -> None:
    """Else the next request would write an upload while they still do."""
    app, began, go_on, ended = FastAPI(), threading.Event(), threading.Event(), threading.Event()

    def taker(piece: object) -> None:
        began.set()
        go_on.wait(60)
        ended.set()

    @app.put("/x")
    async def _(request: Request) -> bool:
        lane = lane_of(request)
        assert lane is not None
        line = lane._protocol.transport.get_extra_info("socket")
        with ThreadPoolExecutor(1) as pool:
            work = asyncio.create_task(lane.feed(SIZE, [taker], pool, lambda: None))
            while not began.is_set() or not _is_reset(line):
                await asyncio.sleep(0.01)
            for _ in range(times):  # twice where a server ends
                work.cancel()
                await asyncio.sleep(0.05)
            asyncio.get_running_loop().call_later(0.2, go_on.set)
            await asyncio.wait([work])
            found.append((work.cancelled(), ended.is_set()))
            go_on.set()
        return True

    found: list[tuple[bool, bool]] = []
    with serving(app, http=Protocol) as address:  # type: ignore[arg-type]
        line = connect(address)
        line.sendall(head("/x", SIZE) + bytes(SIZE // 2))
        assert began.wait(60)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()
        await_that(lambda: found, "the end of the lane")
    assert found == [(True, True)]


def test_a_server_that_ends_waits_for_no_silent_sender(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.bodies.IDLE_S", 3600.0)
    path = ledger.announce(bytes(SIZE))
    app = ledger.http.app
    with serving(app, http=Protocol, timeout_graceful_shutdown=1) as address:  # type: ignore[arg-type]
        line = connect(address)
        line.sendall(head(path, SIZE) + bytes(SIZE // 2))
        await_that(lambda: files(ledger), "the beginning")
    assert not files(ledger)
    assert not [t for t in threading.enumerate() if t.name.startswith("lane") and _reads(t)]
    line.close()


def _is_reset(line: socket.socket) -> bool:
    return line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO) == 7  # TCP_CLOSE


def _reads(thread: threading.Thread) -> bool:
    """Whether a thread of the pool is at work; the pool itself lives as long as the ledger."""
    import sys

    frame = sys._current_frames().get(thread.ident or 0)
    names = set()
    while frame is not None:
        names.add(frame.f_code.co_name)
        frame = frame.f_back
    return "_receive" in names


def test_a_writer_is_used_by_one_thread_at_a_time(
    ledger: Ledger, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, clashes = 0, []
    write: object = DirectoryObjectWriter.write

    def watch(self: ItemWriter, data: bytes) -> None:
        nonlocal inside
        inside += 1
        clashes.append(inside)
        write(self, data)  # type: ignore[operator]
        inside -= 1

    monkeypatch.setattr(DirectoryObjectWriter, "write", watch)
    data = os.urandom(SIZE)
    assert put(address, ledger.announce(data), data)[0] == 201
    assert set(clashes) == {1}


def test_no_part_of_an_answer_waits_for_the_one_before() -> None:
    app = FastAPI()

    @app.get("/nodelay")
    async def nodelay(request: Request) -> int:
        lane = request.scope["extensions"][EXTENSION]["lane"]
        line = lane._protocol.transport.get_extra_info("socket")
        return int(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with serving(app, http=Protocol) as address, connect(address) as line:
        line.sendall(b"GET /nodelay HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: line.recv(4096), b""))
    assert answer.endswith(b"\r\n\r\n1")
