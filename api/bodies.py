"""Request bodies as they come in: never for ever, and never more than memory allows."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from fastapi import Request

from ledger.errors import Rejected, Unavailable

IDLE_S = 60.0  # between two parts of a body; then whoever sends it has gone


class BodyTooLarge(Rejected):
    code = "too_large"


async def parts(request: Request) -> AsyncIterator[bytes]:
    """The body as it arrives; raises `Unavailable` when nothing more comes."""
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(IDLE_S):
                part = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise nothing_came() from None
        yield part


def nothing_came() -> Unavailable:
    return Unavailable(f"nothing came for {IDLE_S:.0f} s: send it again")


async def read_body(request: Request, limit: int, room: "Held | None" = None) -> bytes:
    """The whole body; raises once it is longer than `limit` bytes, whatever its header says."""
    data = bytearray()
    async for part in parts(request):
        data += part
        if len(data) > limit:
            raise BodyTooLarge(f"want a body of at most {limit} bytes")
        if room is not None:
            room.add(len(part))
    return bytes(data)


class Room:
    """How many bytes of bodies may be in memory at once, over all requests."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    @contextmanager
    def hold(self) -> Iterator["Held"]:
        held = Held(self)
        try:
            yield held
        finally:
            self.take(-held.size)

    def take(self, count: int) -> None:
        with self._lock:
            if count > self._left:
                raise Unavailable("too much is being sent at once: try again in a moment")
            self._left -= count


class Held:
    """What one request has of a `Room`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    def add(self, count: int) -> None:
        self._room.take(count)
        self.size += count
