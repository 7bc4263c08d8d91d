"""A file of a packet read again: never other bytes than those that were hashed before.

Where a check needs bytes a second time, they may have been exchanged in between. So they are
read by whole chunks, each held against its leaf of the first reading.
"""

from collections.abc import Callable, Sequence

from ledger.errors import Rejected
from ledger.evidence.chunks import CHUNK_SIZE, check_chunk

KEPT = 32  # chunks in memory: pictures and sound of the same moment stand near each other
MOST_TIMES = 8  # that a file is read over; whoever makes a clip could ask for it at every byte

Read = Callable[[int, int], bytes]


class Held:
    """`read` gives the file's bytes; `leaves` are the hashes of its chunks, `size` their bytes."""

    def __init__(self, read: Read, size: int, leaves: Sequence[bytes]) -> None:
        self.size = size
        self._read, self._leaves = read, leaves
        self._kept: dict[int, bytes] = {}
        self._left = MOST_TIMES * max(1, len(leaves))

    def read(self, at: int, size: int) -> bytes:
        """Fewer bytes only where the file ends."""
        end = min(at + size, self.size)
        first, last = at // CHUNK_SIZE, (end - 1) // CHUNK_SIZE
        if first == last:
            return self._chunk(first)[at - first * CHUNK_SIZE : end - first * CHUNK_SIZE]
        parts = []
        while at < end:
            number, start = divmod(at, CHUNK_SIZE)
            parts.append(self._chunk(number)[start : start + end - at])
            at += len(parts[-1])
        return b"".join(parts)

    def _chunk(self, number: int) -> bytes:
        found = self._kept.pop(number, None)
        if found is None:
            if self._left == 0:
                raise Rejected(
                    f"its bytes stand too far apart: to compare takes over {MOST_TIMES} readings"
                )
            self._left -= 1
            start = number * CHUNK_SIZE
            found = self._read(start, min(CHUNK_SIZE, self.size - start))
            try:
                check_chunk(found, self._leaves[number])
            except (Rejected, IndexError):
                raise Rejected("the packet has changed while it was read") from None
            if len(self._kept) == KEPT:
                del self._kept[next(iter(self._kept))]
        self._kept[number] = found  # the last used stands last
        return found
