"""The bytes of one staged upload, in plain or sealed from the first one on.

    plain     byte i at i
    sealed    whole blocks, as the object will have them · what fills no chunk yet, sealed
              as the rest of a note

A note is a record beside the bytes. Of a sealed upload it is one line, and behind it nonce,
ciphertext and tag of its rest, to which the line is bound: whoever changed one bit of either,
or swapped a rest for a block, has something that does not open.
"""

import errno
import mmap
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Protocol, Self

from ledger.abreast import AHEAD
from ledger.encoding import format_json, parse_hex, parse_json
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.evidence.chunks import CHUNK_SIZE
from ledger.evidence.sealed import (
    ID_SIZE,
    MAX_WRAPPED,
    OVERHEAD,
    STORED_BLOCK,
    ItemSeal,
    block_count,
    check_wrap_id,
    stored_size,
)
from ledger.suite_private import SEAL_NONCE
from storage.durable import PRIVATE_FILE, open_new, refusal, refusals, set_direct, write_all
from storage.sealing import Blocks, ItemKey, Unopened

PIECE = 2 << 20
BLOCK = 4096  # what a disk that is written without the page cache wants
MAX_KEY_RECORD = 16_384


class ItemKeys(Protocol):
    """Where keys of items are made and opened: the vault."""

    def new_key(self, size: int) -> ItemKey | None: ...

    def open_key(self, object_id: str, size: int, wrap_id: str, wrapped: bytes) -> ItemSeal: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedKey:
    """The wrapped key of an upload. `item` is the id that its item will have."""

    item: str
    wrap_id: str
    wrapped: bytes

    def to_bytes(self) -> bytes:
        return format_json(
            {"item": self.item, "wrap_id": self.wrap_id, "wrapped": self.wrapped.hex()}
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_KEY_RECORD):
            case {"item": str(item), "wrap_id": str(wrap_id), "wrapped": str(wrapped), **more} if (
                not more
            ):
                pass
            case _:
                raise Malformed("want the three fields of a staged upload's key")
        parse_hex(item, ID_SIZE)
        check_wrap_id(wrap_id)
        key = parse_hex(wrapped)
        if not 0 < len(key) <= MAX_WRAPPED:
            raise Malformed(f"want 1 to {MAX_WRAPPED} bytes of wrapped key, got {len(key)}")
        return cls(item=item, wrap_id=wrap_id, wrapped=key)


class Appending(Protocol):
    """Bytes behind those that count. For one thread at a time."""

    on_disk: int  # so many bytes of the item would count, were they synced now

    def write(self, view: memoryview) -> None: ...

    def flush(self) -> tuple[int, bytes]:
        """How many bytes of the item can count, and those of them that the file has not got."""
        ...

    def sync(self) -> None: ...

    def close(self, offset: int) -> None:
        """Cuts off what does not count."""
        ...


class StagedBytes(Protocol):
    def create(self) -> None: ...

    def length(self, offset: int) -> int:
        """Of the file, when so many bytes of the item count."""
        ...

    def append(self, offset: int, rest: bytes) -> Appending: ...

    def read(self, start: int, end: int, offset: int, rest: bytes) -> bytes:
        """Raises `Unopened` where what is stored is not what was sealed."""
        ...

    def overwrite(self, number: int, chunk: bytes) -> None:
        """Durable on return; killed in its midst it may leave a chunk that is neither."""
        ...

    def to_note(self, line: bytes, rest: bytes = b"") -> bytes: ...

    def from_note(self, data: bytes) -> tuple[bytes, bytes]:
        """Line and rest."""
        ...


class PlainBytes:
    """Implements `StagedBytes` where items are kept in plain."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        with open_new(self._path, PRIVATE_FILE):
            pass

    def length(self, offset: int) -> int:
        return offset

    def append(self, offset: int, rest: bytes) -> "PlainAppending":
        return PlainAppending(self._path, offset)

    def read(self, start: int, end: int, offset: int, rest: bytes) -> bytes:
        return _read(self._path, start, end)

    def overwrite(self, number: int, chunk: bytes) -> None:
        _overwrite(self._path, number * CHUNK_SIZE, chunk)

    def to_note(self, line: bytes, rest: bytes = b"") -> bytes:
        return line

    def from_note(self, data: bytes) -> tuple[bytes, bytes]:
        return data, b""


class PlainAppending:
    def __init__(self, path: Path, offset: int) -> None:
        self.on_disk = offset
        self._file = _File(path, direct=offset % BLOCK == 0)

    def write(self, view: memoryview) -> None:
        self._file.write(self.on_disk, view)
        self.on_disk += view.nbytes

    def flush(self) -> tuple[int, bytes]:
        return self.on_disk, b""

    def sync(self) -> None:
        self._file.sync()

    def close(self, offset: int) -> None:
        self._file.close(offset)


class SealedBytes:
    """Implements `StagedBytes`: nothing of them is ever on the disk in plain."""

    def __init__(self, path: Path, seal: ItemSeal) -> None:
        self._path = path
        self._seal = seal

    def create(self) -> None:
        with open_new(self._path, PRIVATE_FILE) as fd:
            if self._seal.size == 0:  # it is whole
                write_all(fd, self._sealed(0, b""))
                os.fsync(fd)

    def length(self, offset: int) -> int:
        return _stored(self._seal.size, offset)

    def append(self, offset: int, rest: bytes) -> "SealedAppending":
        return SealedAppending(self._path, self._seal, offset, rest)

    def read(self, start: int, end: int, offset: int, rest: bytes) -> bytes:
        if start >= end:
            return b""
        first = start // CHUNK_SIZE
        stored = self.length(offset)
        data = b"".join(
            self._chunk(number, stored) if number * STORED_BLOCK < stored else rest
            for number in range(first, block_count(end))
        )
        found = data[start - first * CHUNK_SIZE : end - first * CHUNK_SIZE]
        if len(found) != end - start:
            raise Unavailable(f"want {end - start} staged bytes from {start}, got {len(found)}")
        return found

    def overwrite(self, number: int, chunk: bytes) -> None:
        _overwrite(self._path, number * STORED_BLOCK, self._sealed(number, chunk))

    def to_note(self, line: bytes, rest: bytes = b"") -> bytes:
        line = line.removesuffix(b"\n") + b"\n"
        return line + self._seal.seal_note(os.urandom(SEAL_NONCE), line, rest)

    def from_note(self, data: bytes) -> tuple[bytes, bytes]:
        line = data[: data.find(b"\n") + 1]
        return line.removesuffix(b"\n"), self._seal.open_note(line, data[len(line) :])

    def _sealed(self, number: int, chunk: bytes) -> bytes:
        block = bytearray(len(chunk) + OVERHEAD)
        self._seal.seal_block(memoryview(block), number, os.urandom(SEAL_NONCE), chunk)
        return bytes(block)

    def _chunk(self, number: int, stored: int) -> bytes:
        start = number * STORED_BLOCK
        end = min(start + STORED_BLOCK, stored)
        try:
            return self._seal.open_block(number, _read(self._path, start, end))
        except Rejected as error:
            raise Unopened(number, str(error)) from None


class SealedAppending:
    def __init__(self, path: Path, seal: ItemSeal, offset: int, rest: bytes) -> None:
        self.on_disk = offset - len(rest)
        self._size = seal.size
        self._came = offset
        self._at = _stored(seal.size, offset)
        self._blocks = Blocks(seal, offset // CHUNK_SIZE, rest)
        self._file = _File(path, direct=self._at % BLOCK == 0)
        self._failed = False

    def write(self, view: memoryview) -> None:
        self._failed = True
        self._blocks.take(view.cast("B"), self._give)
        self._failed = False
        self._came += view.nbytes

    def flush(self) -> tuple[int, bytes]:
        if self._failed:  # what is between the blocks on the disk and what came is lost
            return self.on_disk, b""
        self._failed = True
        if self._came == self._size:
            self._blocks.close_last(self._give)
        self._blocks.flush(self._give)
        self._failed = False
        return self._came, bytes(self._blocks.rest)

    def sync(self) -> None:
        self._file.sync()

    def close(self, offset: int) -> None:
        self._file.close(_stored(self._size, offset))

    def _give(self, data: memoryview) -> None:
        self._file.write(self._at, data)
        self._at += len(data)
        whole = self._at == stored_size(self._size)
        self.on_disk = self._size if whole else self._at // STORED_BLOCK * CHUNK_SIZE


def pieces(path: Path, size: int) -> Iterator[memoryview]:
    """The file as it is on the disk; each is good until the `AHEAD`th after it."""
    at = 0
    with refusals("read a staged upload"), path.open("rb", buffering=0) as file:
        # What this process has just written is to be read from the disk.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        for buffer in cycle([memoryview(mmap.mmap(-1, PIECE)) for _ in range(AHEAD + 1)]):
            if at == size:
                return
            count = file.readinto(buffer[: size - at])
            if not count:
                raise Unavailable(f"want {size} staged bytes, got {at}")
            at += count
            yield buffer[:count]


def _stored(size: int, offset: int) -> int:
    if offset == size:
        return stored_size(size)
    return offset // CHUNK_SIZE * STORED_BLOCK


def _read(path: Path, start: int, end: int) -> bytes:
    with refusals("read a staged upload"), path.open("rb") as file:
        file.seek(start)
        data = file.read(end - start)
    if len(data) != end - start:
        raise Unavailable(f"want {end - start} staged bytes from {start}, got {len(data)}")
    return data


def _overwrite(path: Path, start: int, data: bytes) -> None:
    file = _File(path, direct=False)
    try:
        with refusals("repair a staged upload"):
            file.write(start, memoryview(data))
            file.sync()
    finally:
        file.close(None)


class _File:
    """Open to be written."""

    def __init__(self, path: Path, *, direct: bool) -> None:
        with refusals("open a staged upload"):
            self._fd = os.open(path, os.O_WRONLY)
        self._direct = direct and set_direct(self._fd, True)

    def write(self, at: int, view: memoryview) -> None:
        # A closed descriptor's number may by now be another file's.
        if self._fd < 0:
            raise Unavailable("this upload was closed before")
        while view:
            try:
                count = os.pwrite(self._fd, view, at)
            except OSError as error:
                if error.errno != errno.EINVAL or not self._direct:
                    raise refusal(error, "write a staged upload") from None
                # A tail that fills no block, or a buffer that is not aligned.
                self._direct = set_direct(self._fd, False)
                continue
            view, at = view[count:], at + count

    def sync(self) -> None:
        os.fsync(self._fd)

    def close(self, size: int | None) -> None:
        if self._fd < 0:
            return
        with suppress(OSError):  # it is cut off when the store is opened next
            if size is not None:
                os.ftruncate(self._fd, size)
        os.close(self._fd)
        self._fd = -1
