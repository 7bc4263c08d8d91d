"""Objects in memory: for tests, with the meaning of the real stores and no durability."""

import re
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from ledger.encoding import clip
from ledger.errors import Conflict, Full, Rejected, Unavailable, Unknown
from ledger.ports import Clock, Oddity
from storage.clock import SystemClock

BLOCK = 1 << 20

_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(slots=True)
class _Object:
    data: bytes
    companion: bytes
    until_ms: int = 0
    held: bool = False


class MemoryObjectStore:
    """Implements `ledger.ports.ObjectStore`, with `room` bytes. A reference is the key."""

    def __init__(self, room: int = 1 << 30, clock: Clock | None = None) -> None:
        self._room = room
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._objects: dict[str, _Object] = {}
        self._reserved: dict[str, int] = {}

    def oddities(self) -> Iterator[Oddity]:
        """Nobody else has this memory."""
        return iter(())

    def close(self) -> None:
        """There is nothing to end."""

    def begin(self, key: str, size: int) -> "MemoryObjectWriter":
        if not _KEY.fullmatch(key):
            raise Unknown(f"want a key of 32 hex digits, got {clip(key)!r}")
        with self._lock:
            if key in self._objects or key in self._reserved:
                raise Conflict(f"the key {key!r} is taken")
            held = sum(len(kept.data) for kept in self._objects.values())
            if held + sum(self._reserved.values()) + size > self._room:
                raise Full(f"no room for {size} bytes more")
            self._reserved[key] = size
        return MemoryObjectWriter(self, key, size)

    def mend(self, ref: str, size: int) -> "MemoryObjectWriter":
        """Under another key, as a bucket does it."""
        if not _KEY.fullmatch(ref):
            raise Unknown(f"no object {clip(ref)!r}")
        return self.begin(secrets.token_hex(16), size)

    def stream(self, ref: str) -> Iterator[bytes]:
        data = self._get(ref).data
        return (data[at : at + BLOCK] for at in range(0, len(data), BLOCK))

    def read(self, ref: str, start: int, end: int) -> bytes:
        data = self._get(ref).data[start:end]
        if len(data) != end - start:
            raise Unavailable(f"want bytes {start} to {end} of {ref!r}, it is shorter")
        return data

    def companion(self, ref: str) -> bytes:
        return self._get(ref).companion

    def put_companion(self, ref: str, companion: bytes) -> None:
        self._get(ref).companion = companion

    def delete(self, ref: str) -> None:
        with self._lock:
            try:
                kept = self._get(ref)
            except Unknown:
                if not _KEY.fullmatch(ref):
                    raise
                return
            if kept.held:
                raise Rejected(f"{ref!r} is held and may not be deleted")
            if kept.until_ms > self._clock.now_ms():
                raise Rejected(f"{ref!r} is retained until {kept.until_ms} and may not be deleted")
            del self._objects[ref]

    def refs(self) -> Iterator[str]:
        return iter(sorted(self._objects))

    def retain(self, ref: str, until_ms: int) -> None:
        kept = self._get(ref)
        kept.until_ms = max(kept.until_ms, until_ms)

    def hold(self, ref: str, on: bool) -> None:
        self._get(ref).held = on

    def _get(self, ref: str) -> _Object:
        if ref not in self._objects:
            raise Unknown(f"no object {clip(ref)!r}")
        return self._objects[ref]


class MemoryObjectWriter:
    def __init__(self, store: MemoryObjectStore, key: str, size: int) -> None:
        self._store = store
        self._key = key
        self._left = size
        self._data = bytearray()
        self._open = True

    def write(self, data: bytes | memoryview) -> None:
        self._check_open()
        size = memoryview(data).nbytes
        if size > self._left:
            raise Full(f"want at most {self._left} bytes more, got {size}")
        self._left -= size
        self._data += data

    def commit(self, companion: bytes) -> str:
        self._check_open()
        self._open = False
        with self._store._lock:
            del self._store._reserved[self._key]
            self._store._objects[self._key] = _Object(bytes(self._data), companion)
        return self._key

    def abort(self) -> None:
        if self._open:
            self._open = False
            with self._store._lock:
                del self._store._reserved[self._key]

    def _check_open(self) -> None:
        if not self._open:
            raise Unavailable("this object was committed or aborted before")
