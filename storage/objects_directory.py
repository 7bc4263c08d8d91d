"""Objects as read-only files of a folder, under the keys that the caller chose.

    items/incoming/3f2c…      on its way in; swept away when the store is opened
    items/3f/3f2c…            the bytes, mode 0400
    items/3f/3f2c….chunks     its companion: chunk hashes, or the wrapped key of a sealed item
    items/3f/3f2c….lock       "1795430400000 hold": until when, and whether, it may not be deleted

The reference of an object is its key. An object appears after its companion and
disappears after it. The lock is obeyed by this program and by nobody else: whoever
is root, or holds the disk, can remove file and lock.
"""

import errno
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ledger.encoding import parse_decimal
from ledger.errors import Conflict, Full, Malformed, Rejected, Unavailable, Unknown
from ledger.ports import Clock, Oddity
from storage.clock import SystemClock
from storage.durable import (
    PRIVATE_FILE,
    READ_ONLY_FILE,
    make_folder,
    open_new,
    refusal,
    refusals,
    set_direct,
    sync_folder,
    write_all,
    write_file,
)

BLOCK = 1 << 20
MARGIN = 64 << 20  # kept free for the database, the tiles and the system's log
DIRECT = 1 << 20  # objects from here on do not pass through the page cache
MAX_COMPANION = (1 << 32) + (1 << 16)  # of 16 TiB sealed, the largest item

OWN_NAMES = {"incoming", "lost+found"}  # the second belongs to a disk of its own

_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
_FOLDER = re.compile(r"[0-9a-f]{2}", re.ASCII)
_NAME = re.compile(r"[0-9a-f]{32}(\.chunks|\.lock)?", re.ASCII)


class DirectoryObjectStore:
    """Implements `ledger.ports.ObjectStore`. One process at a time may begin objects.

    Another may open it `beside` that one, to read and to mend: it sweeps nothing away.
    """

    def __init__(self, root: Path, *, clock: Clock | None = None, beside: bool = False) -> None:
        self._root = root
        self._clock = clock or SystemClock()
        self._beside = beside
        self._incoming = root / "incoming"
        self._lock = threading.Lock()
        self._reserved: dict[Path, int] = {}
        make_folder(self._incoming)
        if not beside:
            self._sweep()
        # A run that died may have made a folder whose name it had not yet synced.
        sync_folder(root)

    def close(self) -> None:
        """Nothing stays open between two calls."""

    def begin(self, key: str, size: int) -> "DirectoryObjectWriter":
        target = self._path(key)
        if target.exists():
            raise Conflict(f"the object {key!r} is here already")
        return self._writer(self._incoming / key, target, size)

    def mend(self, ref: str, size: int) -> "DirectoryObjectWriter":
        """Like `begin`, for what takes the place of a damaged or missing object, at once."""
        # Not under its own name: of those the sweep takes companions away that went ahead.
        path = self._incoming / f".new-{secrets.token_hex(8)}"
        return self._writer(path, self._path(ref), size, over=True)

    def stream(self, ref: str) -> Iterator[bytes]:
        path = self._path(ref)
        if not path.is_file():
            raise Unknown(f"no object {ref!r}")
        return _pieces(path)

    def read(self, ref: str, start: int, end: int) -> bytes:
        path = self._path(ref)
        try:
            with path.open("rb", buffering=0) as file:
                self._forget(file.fileno(), start, end)
                file.seek(start)
                left, parts = end - start, list[bytes]()
                while left > 0 and (piece := file.read(left)):
                    left -= len(piece)
                    parts.append(piece)
                self._forget(file.fileno(), start, end)
        except FileNotFoundError:
            raise Unknown(f"no object {ref!r}") from None
        except OSError as error:
            raise refusal(error, f"read the object {ref!r}") from None
        if left > 0:
            raise Unavailable(f"want bytes {start} to {end} of {ref!r}, it is shorter")
        return b"".join(parts)  # one, as a rule, and then no copy

    def companion(self, ref: str) -> bytes:
        return b"".join(_pieces(_chunks(self._path(ref)), MAX_COMPANION))

    def put_companion(self, ref: str, companion: bytes) -> None:
        path = self._path(ref)
        if not path.is_file():
            raise Unknown(f"no object {ref!r}")
        write_file(_chunks(path), companion, mode=READ_ONLY_FILE, scratch=self._incoming)

    def delete(self, ref: str) -> None:
        path = self._path(ref)
        if not path.parent.is_dir():
            return
        until_ms, held = self._locked(path)
        if held:
            raise Rejected(f"the object {ref!r} is under a legal hold")
        if self._clock.now_ms() < until_ms:
            raise Rejected(f"the object {ref!r} is to be kept until {until_ms} ms")
        with refusals(f"delete the object {ref!r}"):
            # This order, so that `refs` still knows of what a crash leaves half done.
            _lock(path).unlink(missing_ok=True)
            _chunks(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        sync_folder(path.parent)

    def refs(self) -> Iterator[str]:
        with refusals("list the objects"):
            for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
                names = sorted(entry.name for entry in folder.iterdir())
                yield from (name for name in names if _KEY.fullmatch(name))

    def oddities(self) -> Iterator[Oddity]:
        """Names that are not ours. A file that was replaced is not seen here, but when read."""
        with refusals("list what is there"):
            for folder in sorted(self._root.iterdir()):
                if folder.name in OWN_NAMES:
                    continue
                if not _FOLDER.fullmatch(folder.name) or not folder.is_dir():
                    yield Oddity(folder.name, "", "foreign")
                    continue
                for name in sorted(entry.name for entry in folder.iterdir()):
                    if not (_NAME.fullmatch(name) and name.startswith(folder.name)):
                        yield Oddity(f"{folder.name}/{name}", "", "foreign")

    def retain(self, ref: str, until_ms: int) -> None:
        with self._lock:
            before, held = self._lockable(ref)
            if until_ms > before:
                self._put_lock(ref, until_ms, held)

    def hold(self, ref: str, on: bool) -> None:
        with self._lock:
            until_ms, held = self._lockable(ref)
            if on != held:
                self._put_lock(ref, until_ms, on)

    def _lockable(self, ref: str) -> tuple[int, bool]:
        path = self._path(ref)
        if not path.is_file():
            raise Unknown(f"no object {ref!r}")
        return self._locked(path)

    def _put_lock(self, ref: str, until_ms: int, held: bool) -> None:
        text = f"{until_ms} {'hold' if held else 'free'}\n"
        path = _lock(self._path(ref))
        write_file(path, text.encode(), mode=READ_ONLY_FILE, scratch=self._incoming)

    def _locked(self, path: Path) -> tuple[int, bool]:
        """A lock that cannot be read locks."""
        with refusals(f"read the lock of {path.name!r}"):
            try:
                text = _lock(path).read_bytes().decode("ascii", "replace")
            except FileNotFoundError:
                return 0, False
        until, _, held = text.removesuffix("\n").partition(" ")
        try:
            if held not in ("hold", "free"):
                raise Malformed(f"want 'hold' or 'free', got {held[:60]!r}")
            return parse_decimal(until), held == "hold"
        except Malformed as error:
            raise Unavailable(f"the lock of {path.name!r} is damaged: {error}") from None

    def _forget(self, fd: int, start: int, end: int) -> None:
        """For a scrub: what the disk holds is asked for, and the server's memory left to it."""
        if self._beside:
            os.posix_fadvise(fd, start, end - start, os.POSIX_FADV_DONTNEED)

    def _writer(
        self, path: Path, target: Path, size: int, *, over: bool = False
    ) -> "DirectoryObjectWriter":
        with self._lock, refusals("ask how much room is left"):
            free = shutil.disk_usage(self._root).free - MARGIN - sum(self._reserved.values())
            if size > free:
                raise Full(f"no room for {size} bytes more, {max(free, 0)} are left")
            if path in self._reserved:
                raise Conflict(f"the object {target.name!r} is on its way in already")
            self._reserved[path] = size
        try:
            return DirectoryObjectWriter(self, path, target, size, over=over)
        except BaseException:
            self._release(path)
            raise

    def _path(self, ref: str) -> Path:
        if not _KEY.fullmatch(ref):
            raise Unknown(f"no object {ref[:60]!r}")
        return self._root / ref[:2] / ref

    def _sweep(self) -> None:
        """Removes what a crash left: an unfinished object, and a companion that went ahead."""
        with refusals("clear away unfinished objects"):
            for leftover in self._incoming.iterdir():
                if _KEY.fullmatch(leftover.name):
                    _chunks(self._path(leftover.name)).unlink(missing_ok=True)
                leftover.unlink()

    def _wrote(self, path: Path, size: int) -> None:
        with self._lock:
            self._reserved[path] -= size

    def _release(self, path: Path) -> None:
        with self._lock:
            self._reserved.pop(path, None)


class DirectoryObjectWriter:
    """Implements `ledger.ports.ObjectWriter`. For one thread at a time."""

    def __init__(
        self, store: DirectoryObjectStore, path: Path, target: Path, size: int, *, over: bool
    ) -> None:
        self._store = store
        self._path = path
        self._target = target
        self._left = size
        self._over = over
        self._direct = size >= DIRECT
        with refusals("begin an object"):
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
            if self._direct:
                self._direct = set_direct(self._fd, True)
        self._open = True
        self._moving = False

    def write(self, data: bytes | memoryview) -> None:
        # A closed descriptor's number may by now be another file's.
        if not self._open:
            raise Unavailable("this object was committed or aborted before")
        size = memoryview(data).nbytes
        if size > self._left:
            raise Full(f"want at most {self._left} bytes more, got {size}")
        self._left -= size
        try:
            self._write_all(memoryview(data))
        except OSError as error:
            raise refusal(error, "write an object") from None
        self._store._wrote(self._path, size)

    def _write_all(self, view: memoryview) -> None:
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except OSError as error:
                if error.errno != errno.EINVAL or not self._direct:
                    raise
                # A tail that fills no block, or a caller's buffer that is not aligned.
                self._direct = set_direct(self._fd, False)

    def commit(self, companion: bytes) -> str:
        if not self._open:
            raise Unavailable("this object was committed or aborted before")
        # Held, or another object could be acknowledged before the name of its folder is durable.
        with self._store._lock:
            make_folder(self._target.parent)
        if not self._over and self._target.exists():
            raise Conflict(f"the object {self._target.name!r} is here already")
        with refusals("keep an object"):
            os.fchmod(self._fd, READ_ONLY_FILE)
            os.fsync(self._fd)
            with open_new(_chunks(self._path), READ_ONLY_FILE) as fd:
                write_all(fd, companion)
                os.fsync(fd)
            # The sweep must find the object if only its companion has moved.
            sync_folder(self._path.parent)
            self._moving = True
            _chunks(self._path).rename(_chunks(self._target))
            self._path.rename(self._target)
            sync_folder(self._target.parent)
        self._close()
        return self._target.name

    def abort(self) -> None:
        if not self._open:
            return
        # A commit that failed may have moved one file or both; what is mended stays there.
        moved = (self._target,) if self._moving and not self._over else ()
        with refusals("clear away an object"):
            for path in (self._path, *moved):
                _chunks(path).unlink(missing_ok=True)
                path.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        self._open = False
        with suppress(OSError):  # fsync has reported what close could
            os.close(self._fd)
        self._store._release(self._path)


def _chunks(path: Path) -> Path:
    return path.with_name(f"{path.name}.chunks")


def _lock(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


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
        raise Unknown(f"no object {path.name!r}") from None
    except OSError as error:
        raise refusal(error, f"read the object {path.name!r}") from None
