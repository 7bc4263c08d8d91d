"""Items as read-only files, named at random.

    items/incoming/3f2c…      on its way in; swept away when the store is opened
    items/3f/3f2c…            the bytes, mode 0400
    items/3f/3f2c….chunks     its chunk hashes, 32 bytes each

A name derived from the content would tell whoever sees a listing which known files
are here. An item appears after its chunk hashes and disappears after them.
"""

import errno
import fcntl
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ledger.errors import Full, Unavailable, Unknown
from storage.durable import (
    PRIVATE_FILE,
    READ_ONLY_FILE,
    make_folder,
    open_new,
    refusal,
    refusals,
    sync_folder,
    write_all,
)

BLOCK = 1 << 20
MARGIN = 64 << 20  # kept free for the database, the tiles and the system's log
DIRECT = 1 << 20  # items from here on do not pass through the page cache
MAX_LEAVES = 1 << 31  # the chunk hashes of 16 TiB, the largest item

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class DirectoryItemStore:
    """Implements `ledger.ports.ItemStore`. One process at a time may open it to write."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._lock = threading.Lock()
        self._reserved: dict[str, int] = {}
        make_folder(self._incoming)
        self._sweep()
        # A run that died may have made a folder whose name it had not yet synced.
        sync_folder(root)

    def begin(self, size: int) -> "DirectoryItemWriter":
        object_id = secrets.token_hex(16)
        with self._lock, refusals("ask how much room is left"):
            free = shutil.disk_usage(self._root).free - MARGIN - sum(self._reserved.values())
            if size > free:
                raise Full(f"no room for {size} bytes more, {max(free, 0)} are left")
            self._reserved[object_id] = size
        try:
            return DirectoryItemWriter(self, object_id, size)
        except BaseException:
            self._release(object_id)
            raise

    def stream(self, object_id: str) -> Iterator[bytes]:
        path = self._path(object_id)
        if not path.is_file():
            raise Unknown(f"no item {object_id!r}")
        return _pieces(path)

    def read(self, object_id: str, start: int, end: int) -> bytes:
        path = self._path(object_id)
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(start)
                data = bytearray()
                while len(data) < end - start and (piece := file.read(end - start - len(data))):
                    data += piece
        except FileNotFoundError:
            raise Unknown(f"no item {object_id!r}") from None
        except OSError as error:
            raise refusal(error, f"read the item {object_id!r}") from None
        if len(data) != end - start:
            raise Unavailable(f"want bytes {start} to {end} of {object_id!r}, it is shorter")
        return bytes(data)

    def leaves(self, object_id: str) -> bytes:
        return b"".join(_pieces(_chunks(self._path(object_id)), MAX_LEAVES))

    def delete(self, object_id: str) -> None:
        path = self._path(object_id)
        if not path.parent.is_dir():
            return
        with refusals(f"delete the item {object_id!r}"):
            # This order, so that `ids` still knows of what a crash leaves half done.
            _chunks(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        sync_folder(path.parent)

    def ids(self) -> Iterator[str]:
        with refusals("list the items"):
            for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
                names = sorted(entry.name for entry in folder.iterdir())
                yield from (name for name in names if _ID.fullmatch(name))

    def _path(self, object_id: str) -> Path:
        if not _ID.fullmatch(object_id):
            raise Unknown(f"no item {object_id[:60]!r}")
        return self._root / object_id[:2] / object_id

    def _sweep(self) -> None:
        """Removes what a crash left: an unfinished item, and chunk hashes that went ahead."""
        with refusals("clear away unfinished items"):
            for leftover in self._incoming.iterdir():
                if _ID.fullmatch(leftover.name):
                    _chunks(self._path(leftover.name)).unlink(missing_ok=True)
                leftover.unlink()

    def _wrote(self, object_id: str, size: int) -> None:
        with self._lock:
            self._reserved[object_id] -= size

    def _release(self, object_id: str) -> None:
        with self._lock:
            self._reserved.pop(object_id, None)


class DirectoryItemWriter:
    """Implements `ledger.ports.ItemWriter`. For one thread at a time."""

    def __init__(self, store: DirectoryItemStore, object_id: str, size: int) -> None:
        self._store = store
        self._object_id = object_id
        self._left = size
        self._path = store._incoming / object_id
        self._direct = size >= DIRECT
        with refusals("begin an item"):
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
            if self._direct:
                self._direct = _bypass_cache(self._fd)
        self._open = True

    def write(self, data: bytes | memoryview) -> None:
        # A closed descriptor's number may by now be another file's.
        if not self._open:
            raise Unavailable("this item was committed or aborted before")
        size = memoryview(data).nbytes
        if size > self._left:
            raise Full(f"want at most {self._left} bytes more, got {size}")
        self._left -= size
        try:
            self._write_all(memoryview(data))
        except OSError as error:
            raise refusal(error, "write an item") from None
        self._store._wrote(self._object_id, size)

    def _write_all(self, view: memoryview) -> None:
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except OSError as error:
                if error.errno != errno.EINVAL or not self._direct:
                    raise
                # A tail that fills no block, or a caller's buffer that is not aligned.
                self._direct = False
                flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
                fcntl.fcntl(self._fd, fcntl.F_SETFL, flags & ~os.O_DIRECT)

    def commit(self, leaves: bytes) -> str:
        if not self._open:
            raise Unavailable("this item was committed or aborted before")
        target = self._store._path(self._object_id)
        # Held, or another item could be acknowledged before the name of its folder is durable.
        with self._store._lock:
            make_folder(target.parent)
        with refusals("keep an item"):
            os.fchmod(self._fd, READ_ONLY_FILE)
            os.fsync(self._fd)
            with open_new(_chunks(self._path), READ_ONLY_FILE) as fd:
                write_all(fd, leaves)
                os.fsync(fd)
            # The sweep must find the item if only its chunk hashes have moved.
            sync_folder(self._path.parent)
            _chunks(self._path).rename(_chunks(target))
            self._path.rename(target)
            sync_folder(target.parent)
        self._close()
        return self._object_id

    def abort(self) -> None:
        if not self._open:
            return
        target = self._store._path(self._object_id)
        with refusals("clear away an item"):
            # A commit that failed may have moved one file or both.
            for path in (self._path, target):
                _chunks(path).unlink(missing_ok=True)
                path.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        self._open = False
        with suppress(OSError):  # fsync has reported what close could
            os.close(self._fd)
        self._store._release(self._object_id)


def _bypass_cache(fd: int) -> bool:
    """Whether writing goes straight to the disk from now on, as far as buffers are aligned."""
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_DIRECT)
    except OSError:
        return False  # a file system that cannot
    return True


def _chunks(path: Path) -> Path:
    return path.with_name(f"{path.name}.chunks")


def _pieces(path: Path, limit: int | None = None) -> Iterator[bytes]:
    left = limit
    try:
        with path.open("rb", buffering=0) as file:
            while piece := file.read(BLOCK):
                if left is not None:
                    left -= len(piece)
                    if left < 0:
                        raise Unavailable(f"{path.name!r} is larger than {limit} bytes")
                yield piece
    except FileNotFoundError:
        raise Unknown(f"no item {path.name!r}") from None
    except OSError as error:
        raise refusal(error, f"read the item {path.name!r}") from None
