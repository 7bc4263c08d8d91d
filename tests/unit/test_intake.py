import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import Request

from api.intake import LARGE, SMALL, Intakes
from ledger.abreast import Piece, Taker
from ledger.errors import Full, Rejected


def request_of(parts: list[bytes]) -> Request:
    """A request whose body comes in these parts."""
    coming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    coming.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        await asyncio.sleep(0)
        return coming.pop(0)

    return Request({"type": "http", "method": "PUT", "headers": []}, receive)


@asynccontextmanager
async def intakes(room: int = 1 << 30) -> AsyncIterator[Intakes]:
    opened = Intakes(room)
    try:
        yield opened
    finally:
        opened.close()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def take(parts: list[bytes], size: int, takers: list[Taker], room: int = 1 << 30) -> None:
    async def test() -> None:
        async with intakes(room) as opened:
            await opened.take(request_of(parts), size, takers)

    run(test)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"x"],
        [bytes([i % 256]) for i in range(5000)],
        [bytes([i]) * 300_000 for i in range(60)],
        [bytes(range(256)) * (40 << 10)],
    ],
)
@pytest.mark.parametrize("room", [0, 1 << 30])
def test_every_taker_gets_the_body_in_order(parts: list[bytes], room: int) -> None:
    first, second = bytearray(), bytearray()
    body = b"".join(parts)
    take(parts, len(body), [first.extend, second.extend], room)
    assert first == second == body


def test_a_body_of_more_bytes_than_announced_is_refused() -> None:
    with pytest.raises(Rejected, match="want 5 bytes, got more"):
        take([b"right", b"more"], 5, [lambda p: None])


def test_when_the_room_is_taken_buffers_are_small() -> None:
    sizes: list[int] = []

    def note(piece: Piece) -> None:
        sizes.append(len(piece))

    body = [b"x" * SMALL] * 100
    take(body, 100 * SMALL, [note], room=0)
    assert set(sizes) == {SMALL}
    sizes.clear()
    take(body, 100 * SMALL, [note], room=2 * LARGE)
    assert max(sizes) == LARGE


def test_room_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    largest: list[int] = []

    async def test() -> None:
        async with intakes(2 * LARGE) as opened:
            for _ in range(3):
                sizes: list[int] = []
                taker = [lambda p, sizes=sizes: sizes.append(len(p))]
                await opened.take(request_of([b"x" * LARGE] * 2), 2 * LARGE, taker)
                largest.append(max(sizes))

    run(test)
    assert largest == [LARGE] * 3


@pytest.mark.parametrize("size", [10, 3 * LARGE])
def test_what_a_taker_raises_reaches_the_route(size: int) -> None:
    def refuse(_: Piece) -> None:
        raise Full("no room")

    with pytest.raises(Full):
        take([b"x" * size], size, [lambda p: None, refuse])


async def cancel(task: asyncio.Task[Any], times: int) -> None:
    """As a server that ends: once its patience is over, and once more with its event loop."""
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done()


@pytest.mark.parametrize("times", [1, 2, 3])
def test_after_a_cancelled_upload_no_taker_is_at_work(times: int) -> None:
    """Or a file would be removed while a thread still writes to it."""
    entered, go_on = threading.Event(), threading.Event()
    ended = threading.Event()

    def slow(_: Piece) -> None:
        entered.set()
        go_on.wait(60)
        ended.set()

    async def test() -> None:
        async with intakes() as opened:
            body = request_of([b"x" * LARGE] * 3)
            task = asyncio.create_task(opened.take(body, 3 * LARGE, [slow]))
            await asyncio.to_thread(entered.wait, 10)
            await cancel(task, times)
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ended.is_set()

    run(test)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_what_was_begun_goes_on_to_its_end_though_cancelled(times: int) -> None:
    entered, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def commit() -> None:
        entered.set()
        go_on.wait(60)
        done.append("committed")

    async def test() -> None:
        async with intakes() as opened:
            task = asyncio.create_task(opened.to_the_end(commit))
            await asyncio.to_thread(entered.wait, 10)
            await cancel(task, times)
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert done == ["committed"]

    run(test)
