"""A short way for large bodies: the route has the connection's socket read in a thread.

Through the event loop every byte of a body is copied five times before it can be hashed.
Here the kernel puts it into the buffer that is hashed and written. `Protocol` is that of `wire`
and adds the offer to each request; over TLS, or in a test without a server, there is none,
and the body comes through the framework as any other.

The HTTP parser never sees such a body. So exactly the announced bytes are read, and the
connection is closed after the answer.
"""

import asyncio
import mmap
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from itertools import cycle
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from api import bodies
from api.wire import BoundedProtocol
from ledger.abreast import AHEAD, Taker, feed
from ledger.errors import LedgerError, Unavailable

EXTENSION = "tiezheng.lane"
BUFFER = 2 << 20  # AHEAD and one more of them for each body


class Protocol(BoundedProtocol):
    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.scheme == "http":
            self.scope["extensions"] = {EXTENSION: {"lane": Lane(self)}}


def lane_of(request: Request) -> "Lane | None":
    """Where there is one, and bytes of this body are still to come."""
    found = request.scope.get("extensions", {}).get(EXTENSION, {}).get("lane")
    return found if isinstance(found, Lane) and found.is_open() else None


class Lane:
    """The connection of one request."""

    def __init__(self, protocol: BoundedProtocol) -> None:
        self._protocol = protocol
        self._cycle = protocol.cycle

    def is_open(self) -> bool:
        """Not if the parser is already at another request of this connection."""
        cycle = self._cycle
        return self._protocol.cycle is cycle and cycle.more_body and not cycle.disconnected

    async def feed(
        self,
        size: int,
        takers: Sequence[Taker],
        pool: Executor,
        heard: Callable[[], None],
    ) -> None:
        """The body's `size` bytes to every taker; raises what a taker raises.

        If the line breaks, what came has been taken; `heard` is called whenever something comes.
        """
        request = self._cycle
        self._protocol.flow.pause_reading()
        first, request.body = bytes(request.body), bytearray()
        request.keep_alive = False
        if request.waiting_for_100_continue:
            self._protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.waiting_for_100_continue = False
        held = self._protocol.transport.get_extra_info("socket")
        with socket.socket(fileno=os.dup(held.fileno())) as line:
            line.settimeout(bodies.IDLE_S)
            work = asyncio.wrap_future(pool.submit(_feed, _Body(line, first, size, heard), takers))
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                with suppress(OSError):  # whoever sent may have ended it
                    line.shutdown(socket.SHUT_RD)
                await outwait(work)
                raise


async def outwait(*works: asyncio.Future[Any]) -> None:
    """Threads at work for this request: until they are done, however often it is cancelled.

    A server that ends cancels twice: once its patience is over, and with its event loop.
    """
    again: asyncio.CancelledError | None = None
    while left := [work for work in works if not work.done()]:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError as error:
            again = error
    for work in works:
        if not work.cancelled():
            work.exception()  # seen: whoever asks for the result is told
    if again is not None:
        raise again


_kept = threading.local()


def _buffers() -> list[memoryview]:
    """This thread's, for one body after the other: fresh memory is cleared by the kernel first."""
    if not hasattr(_kept, "buffers"):
        _kept.buffers = [memoryview(mmap.mmap(-1, BUFFER)) for _ in range(AHEAD + 1)]
    found: list[memoryview] = _kept.buffers
    return found


def _feed(body: "_Body", takers: Sequence[Taker]) -> None:
    try:
        feed(body.pieces(), takers)
    except LedgerError:
        # Most clients read no answer before they have sent everything.
        body.discard()
        raise


class _Body:
    """A body whose beginning the parser has already taken from the socket."""

    def __init__(
        self, line: socket.socket, first: bytes, size: int, heard: Callable[[], None]
    ) -> None:
        self._line = line
        self._heard = heard
        self._first = memoryview(first)
        self._left = size

    def pieces(self) -> Iterator[memoryview]:
        """Each is good until the `AHEAD`th after it has been asked for."""
        for buffer in cycle(_buffers()):
            if not self._left:
                return
            piece = buffer[: self._left]
            filled = 0
            try:
                while filled < len(piece):
                    filled += self._read(piece[filled:])
            except (ClientDisconnect, Unavailable):
                yield piece[:filled]
                raise
            yield piece

    def discard(self) -> None:
        buffer = memoryview(bytearray(BUFFER))
        try:
            while self._left:
                self._read(buffer[: self._left])
        except (ClientDisconnect, Unavailable):
            return  # whoever sent it has gone, and reads no answer

    def _read(self, room: memoryview) -> int:
        if self._first:
            count = min(len(self._first), len(room))
            room[:count] = self._first[:count]
            self._first = self._first[count:]
        else:
            count = self._receive(room)
        self._left -= count
        return count

    def _receive(self, room: memoryview) -> int:
        left, self._left = self._left, 0  # nothing more comes, unless something does
        try:
            count = self._line.recv_into(room)
        except TimeoutError:
            raise bodies.nothing_came() from None
        except OSError:
            count = 0
        if not count:
            raise ClientDisconnect
        self._left = left
        self._heard()
        return count
