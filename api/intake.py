"""The bytes of uploads on their way from the network to the hashers and the disk.

                    ┌ buffer ┐      ┌ disk
    network ──►     │        │ ──►  ├ whole-file digest
                    └ buffer ┘      └ chunk tree

A few large bodies at a time take the lane (`api.lane`). For all others the event loop
fills one buffer while the takers, each in a thread, work on the other. Memory is bounded
over all uploads: those that come when the room for large buffers is taken go on with small
ones, slower, and nobody is turned away.
"""

import asyncio
import mmap
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.bodies import Room, parts
from api.lane import lane_of, outwait
from ledger.abreast import WORTH_IT, Taker, in_turn
from ledger.errors import Rejected, Unavailable

LARGE = 4 << 20
SMALL = 1 << 17
ROOM = 128 << 20  # for the large buffers of all uploads, two each
LANES = 8  # 10 MB of memory and four threads each
FOR_A_LANE = 8 << 20  # below this the connection is worth more, which a lane closes
THREADS = max(8, 4 * (os.cpu_count() or 1))

P = ParamSpec("P")
T = TypeVar("T")


class Intakes:
    """Threads and memory for all uploads of a server."""

    def __init__(self, room: int = ROOM) -> None:
        # Apart from the threads of other requests, which need not wait for a disk or a bucket.
        self._pool = ThreadPoolExecutor(THREADS, "upload")
        self._openings = ThreadPoolExecutor(1, "opening")
        self._room = Room(room)
        self._readers = ThreadPoolExecutor(LANES, "lane")
        self._lanes = threading.Semaphore(LANES)

    async def take(
        self,
        request: Request,
        size: int,
        takers: Sequence[Taker],
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        """The body, which has to have `size` bytes, to every taker; raises what a taker raises.

        If the line breaks, what came has been taken; `heard` is called whenever something comes.
        """
        lane = lane_of(request) if size >= FOR_A_LANE else None
        if lane is not None and self._lanes.acquire(blocking=False):
            try:
                await lane.feed(size, takers, self._readers, heard)
            finally:
                self._lanes.release()
            return
        left = size
        async with self._open(size, takers) as intake:
            try:
                async for part in parts(request):
                    heard()
                    left -= len(part)
                    if left < 0:
                        raise Rejected(f"want {size} bytes, got more")
                    await intake.add(part)
            except (ClientDisconnect, Unavailable, asyncio.CancelledError):
                await intake.end()
                raise
            await intake.end()

    @asynccontextmanager
    async def _open(self, size: int, takers: Sequence[Taker]) -> AsyncIterator["Intake"]:
        """For one body of `size` bytes. On leaving, no taker is at work any more."""
        with self._room.hold() as held:
            buffer = min(LARGE, max(size, 1))
            try:
                held.add(2 * buffer)
            except Unavailable:
                buffer = min(SMALL, buffer)
            intake = Intake(self._pool, takers, buffer)
            try:
                yield intake
            finally:
                await intake.stop()

    async def to_the_end(self, call: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """In a thread; if this request is cancelled, nothing is undone before that has ended."""
        return await _ended(self._pool.submit(call, *args, **more))

    async def one_by_one(self, call: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """The same, apart from senders, who are not to wait for a store that does not answer."""
        return await _ended(self._openings.submit(call, *args, **more))

    def close(self) -> None:
        self._openings.shutdown()
        self._pool.shutdown()
        self._readers.shutdown()


async def _ended(work: Future[T]) -> T:
    waiting = asyncio.wrap_future(work)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        await outwait(waiting)
        raise


class Intake:
    """One body: what is added comes to every taker, in order, in pieces of `size` bytes."""

    def __init__(self, pool: ThreadPoolExecutor, takers: Sequence[Taker], size: int) -> None:
        self._pool = pool
        self._takers = takers
        # Page-aligned, as a disk that is written without the page cache wants them.
        self._filling, self._other = (memoryview(mmap.mmap(-1, size)) for _ in range(2))
        self._filled = 0
        self._working: list[Future[object]] = []

    async def add(self, part: bytes) -> None:
        """Raises what a taker raised of an earlier piece."""
        view = memoryview(part)
        while view:
            room = self._filling[self._filled : self._filled + len(view)]
            count = len(room)
            room[:] = view[:count]
            self._filled += count
            view = view[count:]
            if self._filled == len(self._filling):
                await self._give()

    async def end(self) -> None:
        """All that was added is taken on return; raises what a taker raised."""
        if self._filled:
            await self._give()
        await self._settle()

    async def stop(self) -> None:
        """Waits for the takers, whatever comes of them."""
        await outwait(*(asyncio.wrap_future(future) for future in self._working))

    async def _give(self) -> None:
        await self._settle()
        piece = self._filling[: self._filled]
        takers = self._takers if len(piece) >= WORTH_IT else [partial(in_turn, self._takers)]
        self._working = [self._pool.submit(taker, piece) for taker in takers]
        self._filling, self._other = self._other, self._filling
        self._filled = 0

    async def _settle(self) -> None:
        await self.stop()
        for future in self._working:
            future.result()
        self._working = []
