"""Sealed blocks on their way: chunks into blocks, blocks into chunks, and what both are worth.

    chunks ─► Sealing, Blocks ─► stored pieces ─► opened ─► chunks
                                      └────────► StoredHashes

Stored pieces are cut as it suits who reads and writes them, not at blocks. Memory holds a few
blocks, whatever the size of the item.
"""

import mmap
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle

from ledger.abreast import AHEAD, Piece, Taker
from ledger.errors import Rejected
from ledger.evidence.chunks import CHUNK_SIZE
from ledger.evidence.sealed import (
    OVERHEAD,
    STORED_BLOCK,
    Companion,
    ItemSeal,
    block_count,
    stored_size,
)
from ledger.ports import KeyWrap
from ledger.suite import Hasher, new_digest
from ledger.suite_private import SEAL_KEY, SEAL_NONCE

BLOCKS_AT_ONCE = 4  # sealed blocks that are written together, while the next are being sealed
OPENED_AT_ONCE = 8
ALIGN = 4096  # what a disk that is written past the page cache wants


class Unopened(Rejected):
    """A stored block, by its number, that is not what was sealed for its place."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"block {number}: {why}")
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemKey:
    """The key of an item to come, for who seals it. `id` will be the item's and its object's."""

    id: str
    size: int
    wrap_id: str
    wrapped: bytes
    bare: bytes = field(repr=False)

    def seal(self) -> ItemSeal:
        return ItemSeal(self.bare, bytes.fromhex(self.id), self.size)


class Blocks:
    """Chunks into sealed blocks, in page-aligned memory, from block `first` on.

    `rest` is the beginning of a chunk that is not full yet; `sees` is shown each sealed block.
    """

    def __init__(
        self,
        seal: ItemSeal,
        first: int = 0,
        rest: bytes = b"",
        sees: Callable[[memoryview], None] = lambda block: None,
    ) -> None:
        self.number = first
        self.rest = bytearray(rest)
        self._seal = seal
        self._sees = sees
        room = min(BLOCKS_AT_ONCE * STORED_BLOCK, stored_size(seal.size)) + ALIGN
        # Two: one is being written while the other is filled.
        self._filling, self._other = (memoryview(mmap.mmap(-1, room)) for _ in range(2))
        self._filled = 0

    def take(self, data: memoryview, give: Callable[[memoryview], None]) -> None:
        """Sealed blocks go to `give`, which returns when what it was given before is written."""
        if self.rest:
            part = data[: CHUNK_SIZE - len(self.rest)]
            self.rest += part
            data = data[len(part) :]
            if len(self.rest) == CHUNK_SIZE:
                self._add(memoryview(self.rest), give)
                self.rest = bytearray()
        while len(data) >= CHUNK_SIZE:
            self._add(data[:CHUNK_SIZE], give)
            data = data[CHUNK_SIZE:]
        self.rest += data

    def close_last(self, give: Callable[[memoryview], None]) -> None:
        """The item is whole: its last chunk, or the only one of an empty item, is a block too."""
        if self.rest or not self.number:
            self._add(memoryview(self.rest), give)
            self.rest = bytearray()

    def flush(self, give: Callable[[memoryview], None]) -> None:
        give(self._filling[: self._filled])
        self._filled = 0

    def _add(self, chunk: memoryview, give: Callable[[memoryview], None]) -> None:
        length = len(chunk) + OVERHEAD
        if self._filled + length > len(self._filling):
            self._turn(give)
        block = self._filling[self._filled : self._filled + length]
        self._seal.seal_block(block, self.number, os.urandom(SEAL_NONCE), chunk)
        self._sees(block)
        self.number += 1
        self._filled += length

    def _turn(self, give: Callable[[memoryview], None]) -> None:
        whole = self._filled // ALIGN * ALIGN
        give(self._filling[:whole])
        rest = self._filled - whole
        self._other[:rest] = self._filling[whole : self._filled]
        self._filling, self._other = self._other, self._filling
        self._filled = rest


class Sealing:
    """An item being sealed: a key of its own, and for each block a nonce never used before."""

    def __init__(self, wrap: KeyWrap, item: str, size: int) -> None:
        self._key = os.urandom(SEAL_KEY)
        self.item = bytes.fromhex(item)
        self.size = size
        self._wrap = wrap
        self._wrapped = b""
        self._seal = ItemSeal(self._key, self.item, size)
        self._hashes: list[bytes] = []
        self._blocks = Blocks(self._seal, sees=self._see)

    def take(self, data: memoryview, give: Callable[[memoryview], None]) -> None:
        self._blocks.take(data, give)

    def end(self, give: Callable[[memoryview], None]) -> None:
        self._blocks.close_last(give)
        self._blocks.flush(give)

    def companion(self, leaves: bytes) -> Companion:
        return Companion(
            item=self.item,
            size=self.size,
            wrap_id=self._wrap.id,
            wrapped=self._wrapped,
            hashes=b"".join(self._hashes),
            leaves=self._seal.seal_leaves(os.urandom(SEAL_NONCE), leaves),
        )

    def _see(self, block: memoryview) -> None:
        if not self._wrapped:
            # Not before the first block: who only asks for room need not cost a token an answer.
            self._wrapped = self._wrap.wrap(self._key, self.item)
        leaf = _new_leaf()
        leaf.update(block)
        self._hashes.append(leaf.digest())


class StoredHashes:
    """The hash of each stored block of an item of `size` bytes, whatever pieces they come in."""

    def __init__(self, size: int) -> None:
        self._count = block_count(size)
        self._hashes: list[bytes] = []
        self._leaf = _new_leaf()
        self._room = STORED_BLOCK

    def update(self, data: Piece) -> None:
        view = memoryview(data)
        while view:
            part = view[: self._room]
            self._leaf.update(part)
            self._room -= len(part)
            view = view[len(part) :]
            if self._room == 0:
                self._close()

    def finish(self) -> bytes:
        """Joined. Call once, after the last byte; raises if these were not as many blocks."""
        if self._room < STORED_BLOCK:
            self._close()
        if len(self._hashes) != self._count:
            raise Rejected(f"want {self._count} stored blocks, got {len(self._hashes)}")
        return b"".join(self._hashes)

    def _close(self) -> None:
        self._hashes.append(self._leaf.digest())
        self._leaf, self._room = _new_leaf(), STORED_BLOCK


def opened(seal: ItemSeal, pieces: Iterable[Piece]) -> Iterator[memoryview]:
    """The chunks of stored pieces, in order, up to eight together.

    Each is good until the `AHEAD`th after it. Raises `Unopened` for the first block that does
    not open, or is not there, when those before it have been given.
    """
    blocks, count = _blocks(seal.size, pieces), block_count(seal.size)
    room = min(OPENED_AT_ONCE * CHUNK_SIZE, seal.size)
    buffers = cycle([memoryview(mmap.mmap(-1, room or 1)) for _ in range(AHEAD + 1)])
    number = 0
    while number < count:
        buffer, filled = next(buffers), 0
        error: Unopened | None = None
        for _ in range(min(OPENED_AT_ONCE, count - number)):
            try:
                block = next(blocks, None)
                if block is None:
                    raise Unopened(number, "it is not there")
                end = filled + len(block) - OVERHEAD
                seal.open_block_into(buffer[filled:end], number, block)
            except Unopened as refused:
                error = refused
            except Rejected as refused:
                error = Unopened(number, str(refused))
            if error is not None:
                break
            filled, number = end, number + 1
        if filled:
            yield buffer[:filled]
        if error is not None:
            raise error
    if next(blocks, None) is not None:
        raise Unopened(count, "the item has no such block")


def _blocks(size: int, pieces: Iterable[Piece]) -> Iterator[memoryview]:
    """Each good until the next; the last may be as short as it came."""
    left, held = stored_size(size), bytearray()
    for piece in pieces:
        view = memoryview(piece)
        while view:
            want = min(STORED_BLOCK, left) - len(held)
            if left == 0:
                yield view  # more than there should be
                return
            part = view[:want]
            view = view[len(part) :]
            if len(part) < want:
                held += part
                continue
            yield memoryview(held + part) if held else part
            left -= len(held) + len(part)
            held = bytearray()
    if held:
        yield memoryview(held)


def alongside(pieces: Iterable[Piece], taker: Taker) -> Generator[Piece, None, None]:
    """The same pieces, which a thread beside gives to the taker; it has them all at the end.

    Close it before you use what the taker works on: `contextlib.closing`.
    """
    given: deque[Future[object]] = deque()
    with ThreadPoolExecutor(1, "alongside") as line:
        for piece in pieces:
            if len(given) == AHEAD:
                given.popleft().result()
            given.append(line.submit(taker, piece))
            yield piece
        while given:
            given.popleft().result()


def _new_leaf() -> Hasher:
    leaf = new_digest()
    leaf.update(b"\x00")
    return leaf
