"""Uploads that may break off and go on: what came of each, until its item is whole.

    staging/3f2c…/upload    what was announced; a folder without it is nothing
    staging/3f2c…/bytes     what came, mode 0600, not sealed
    staging/3f2c…/offset    how many of the bytes count, and when that was noted
    staging/3f2c…/finish    what the whole was found to be, and where the item store has it

An offset is noted only once the bytes below it are synced, and what stands behind it is
cut off when the store is opened. So an offset that a client was told is durable and never
goes back, and no byte counts that was not meant to. `_Bytes` alone touches the bytes.
"""

import errno
import mmap
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Self

from ledger.abreast import AHEAD
from ledger.encoding import clip, format_json, parse_decimal, parse_hex, parse_json
from ledger.errors import Full, LedgerError, Malformed, Unavailable, Unknown
from ledger.evidence.chunks import ItemDigest
from ledger.suite import DIGEST_SIZE
from storage.durable import (
    PRIVATE_FILE,
    make_folder,
    open_new,
    refusal,
    refusals,
    set_direct,
    sync_folder,
    write_file,
)

MARGIN = 64 << 20  # kept free for the database, the tiles and the system's log
MARK = 64 << 20  # so much of one request a crash may cost
PIECE = 2 << 20
BLOCK = 4096  # what a disk that is written without the page cache wants
IDLE_MS = 24 * 3600 * 1000  # after the last byte that counts
OPEN_MS = 14 * IDLE_MS  # in all: a byte a day would keep an upload for ever
MAX_GONE = 4096
MAX_TOLD = 2048  # recorded uploads of a key that are remembered: it may open them without end
MAX_RECORD = 16_384

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Gone(Unknown):
    code = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What was said when an upload was opened. No `sha256` where the client did not know it."""

    keyid: str
    agency: str
    size: int
    sha256: bytes
    sm3: bool
    metadata: str
    opened_ms: int

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "agency": self.agency,
                "keyid": self.keyid,
                "metadata": self.metadata,
                "opened_ms": str(self.opened_ms),
                "sha256": self.sha256.hex(),
                "size": str(self.size),
                "sm3": "yes" if self.sm3 else "no",
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_RECORD):
            case {
                "agency": str(agency),
                "keyid": str(keyid),
                "metadata": str(metadata),
                "opened_ms": str(opened_ms),
                "sha256": str(sha256),
                "size": str(size),
                "sm3": "yes" | "no" as sm3,
                **more,
            } if not more:
                pass
            case _:
                raise Malformed("want the seven fields of a staged upload")
        return cls(
            keyid=keyid,
            agency=agency,
            size=parse_decimal(size),
            sha256=parse_hex(sha256, DIGEST_SIZE) if sha256 else b"",
            sm3=sm3 == "yes",
            metadata=metadata,
            opened_ms=parse_decimal(opened_ms),
        )


@dataclass(frozen=True, slots=True)
class Finish:
    """What the whole was found to be. `object_id` once the item store has it."""

    digest: ItemDigest
    object_id: str = ""
    recorded: bool = False

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "chunks": self.digest.chunks.hex(),
                "object": self.object_id,
                "recorded": "yes" if self.recorded else "no",
                "sha256": self.digest.sha256.hex(),
                "size": str(self.digest.size),
                "sm3": self.digest.sm3.hex(),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_RECORD):
            case {
                "chunks": str(chunks),
                "object": str(object_id),
                "recorded": "yes" | "no" as recorded,
                "sha256": str(sha256),
                "size": str(size),
                "sm3": str(sm3),
                **more,
            } if not more:
                pass
            case _:
                raise Malformed("want the six fields of a finished upload")
        digest = ItemDigest(
            size=parse_decimal(size),
            sha256=parse_hex(sha256, DIGEST_SIZE),
            chunks=parse_hex(chunks, DIGEST_SIZE),
            sm3=parse_hex(sm3),
        )
        return cls(digest, object_id, recorded == "yes")


@dataclass(slots=True)
class Staged:
    """One upload. The store alone changes it; `offset` is what is durable."""

    id: str
    announced: Announced
    offset: int
    touched_ms: int
    finish: Finish | None = None

    @property
    def whole(self) -> bool:
        return self.offset == self.announced.size

    @property
    def recorded(self) -> bool:
        return self.finish is not None and self.finish.recorded

    @property
    def mismatched(self) -> bool:
        wanted = self.announced.sha256
        return self.finish is not None and bool(wanted) and self.finish.digest.sha256 != wanted

    @property
    def expires_ms(self) -> int:
        return min(self.touched_ms + IDLE_MS, self.announced.opened_ms + OPEN_MS)


class StagingDirectory:
    """Usable from any thread, each upload by one at a time. One process may open it."""

    def __init__(self, root: Path, now_ms: Callable[[], int]) -> None:
        self._root = root
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._uploads: dict[str, Staged] = {}
        self._gone: dict[str, None] = {}
        self.unreadable: list[str] = []  # left alone, for an operator to look at
        make_folder(root)
        self._read()

    def add(self, announced: Announced) -> Staged:
        """Durable on return. Raises `Full` if its bytes would not fit."""
        self._forget_told(announced.keyid)
        staged = Staged(secrets.token_hex(16), announced, 0, announced.opened_ms)
        with self._lock:
            self._check_room(announced.size)
            self._uploads[staged.id] = staged
        try:
            folder = self._folder(staged)
            make_folder(folder)
            with refusals("begin a staged upload"), open_new(folder / "bytes", PRIVATE_FILE):
                pass
            # Last, and with it the name of the bytes becomes durable.
            write_file(folder / "upload", announced.to_bytes())
        except BaseException:
            self._forget(staged)
            raise
        return staged

    def find(self, id_: str) -> Staged:
        """Raises `Unknown`, or `Gone` where it is known to have been here."""
        now = self._now_ms()
        with self._lock:
            staged = self._uploads.get(id_)
            if staged is not None and now < staged.expires_ms:
                return staged
            if staged is not None or id_ in self._gone:
                raise Gone("this upload has ended", hints=("open a new one",))
        raise Unknown("no such upload is open", hints=("open it with POST /v1/tus",))

    def all(self) -> list[Staged]:
        with self._lock:
            return list(self._uploads.values())

    def expired(self) -> list[Staged]:
        now = self._now_ms()
        return [staged for staged in self.all() if now >= staged.expires_ms]

    def bytes_of(self, keyid: str) -> int:
        """What this key has announced here and not yet got recorded."""
        own = [s for s in self.all() if s.announced.keyid == keyid and not s.recorded]
        return sum(staged.announced.size for staged in own)

    def open_of(self, keyid: str | None = None) -> int:
        """How many uploads of this key, or of all, are not recorded yet."""
        known = self.all()
        return sum(keyid in (None, s.announced.keyid) and not s.recorded for s in known)

    def outstanding(self) -> int:
        """Bytes that may still come here and go on into the item store."""
        return sum(2 * s.announced.size - s.offset for s in self.all() if not s.recorded)

    def writer(self, staged: Staged, *, marks: bool) -> "StagedWriter":
        """Behind the offset. With `marks` the bytes come to count on the way, else at `keep`."""
        return StagedWriter(self, staged, marks=marks)

    def pieces(self, staged: Staged) -> Iterator[memoryview]:
        """All that counts, from the disk; each is good until the `AHEAD`th after it."""
        return _Bytes.pieces(self._bytes(staged), staged.offset)

    def read(self, staged: Staged, start: int, end: int) -> bytes:
        return _Bytes.read(self._bytes(staged), start, end)

    def overwrite(self, staged: Staged, start: int, data: bytes) -> None:
        """Bytes below the offset; what was found of the whole is forgotten. Durable on return."""
        with self._lock:
            staged.finish = None
        finish = self._folder(staged) / "finish"
        with refusals("repair a staged upload"):
            finish.unlink(missing_ok=True)
        sync_folder(finish.parent)
        with _Bytes(self._bytes(staged), direct=False) as bytes_:
            bytes_.write(start, memoryview(data))
            bytes_.sync()

    def note(self, staged: Staged, finish: Finish) -> None:
        """Durable on return."""
        write_file(self._folder(staged) / "finish", finish.to_bytes())
        with self._lock:
            staged.finish = finish
            staged.touched_ms = max(staged.touched_ms, self._now_ms())

    def drop_bytes(self, staged: Staged) -> None:
        """Once the item store has them; that they were here is remembered until it expires."""
        with refusals("clear away a staged upload"):
            self._bytes(staged).unlink(missing_ok=True)

    def remove(self, staged: Staged) -> None:
        """Durable on return; quiet if it is gone."""
        folder = self._folder(staged)
        self._forget(staged, gone=True)
        with refusals("clear away a staged upload"):
            with suppress(FileNotFoundError):
                (folder / "upload").unlink()
                sync_folder(folder)
            shutil.rmtree(folder, ignore_errors=True)

    def _note_offset(self, staged: Staged, offset: int) -> None:
        now = max(staged.touched_ms, self._now_ms())
        write_file(self._folder(staged) / "offset", f"{offset} {now}\n".encode())
        with self._lock:
            staged.offset, staged.touched_ms = offset, now

    def _check_room(self, size: int) -> None:
        with refusals("ask how much room is left"):
            free = shutil.disk_usage(self._root).free - MARGIN
        to_come = sum(s.announced.size - s.offset for s in self._uploads.values() if not s.recorded)
        if size > free - to_come:
            raise Full(f"no room for {size} bytes more, {max(free - to_come, 0)} are left")

    def _forget(self, staged: Staged, *, gone: bool = False) -> None:
        with self._lock:
            self._uploads.pop(staged.id, None)
            if gone:
                self._gone[staged.id] = None
                while len(self._gone) > MAX_GONE:
                    del self._gone[next(iter(self._gone))]

    def _forget_told(self, keyid: str) -> None:
        """Ends what was recorded longest ago, if there is too much of it."""
        told = [s for s in self.all() if s.recorded and s.announced.keyid == keyid]
        told.sort(key=lambda staged: staged.touched_ms)
        for staged in told[: max(0, len(told) + 1 - MAX_TOLD)]:
            self.remove(staged)

    def _folder(self, staged: Staged) -> Path:
        return self._root / staged.id

    def _bytes(self, staged: Staged) -> Path:
        return self._folder(staged) / "bytes"

    def _read(self) -> None:
        with refusals("list the staged uploads"):
            folders = [entry for entry in self._root.iterdir() if _ID.fullmatch(entry.name)]
        for folder in folders:
            try:
                if (folder / "upload").is_file():
                    staged = _open(folder)
                    self._uploads[staged.id] = staged
                else:
                    shutil.rmtree(folder, ignore_errors=True)
            except (LedgerError, OSError):
                self.unreadable.append(folder.name)
        sync_folder(self._root)


class StagedWriter:
    """Bytes behind the offset; they count once `keep` returns. For one thread at a time."""

    def __init__(self, store: StagingDirectory, staged: Staged, *, marks: bool) -> None:
        self._store = store
        self._staged = staged
        self._marks = marks
        self._at = staged.offset
        self._failed = False
        self._bytes: _Bytes | None = None  # opened by whoever writes first, in his thread

    def write(self, data: bytes | memoryview) -> None:
        # What comes after a piece that could not be written would come to stand in its place.
        if self._failed:
            raise Unavailable("an earlier part could not be written, or it was closed")
        view = memoryview(data)
        left = self._staged.announced.size - self._at
        if view.nbytes > left:
            raise Full(f"want at most {left} bytes more, got {view.nbytes}")
        self._failed = True
        if self._bytes is None:
            path = self._store._bytes(self._staged)
            self._bytes = _Bytes(path, direct=self._at % BLOCK == 0)
        try:
            self._bytes.write(self._at, view)
        except OSError as error:
            raise refusal(error, "write a staged upload") from None
        self._at += view.nbytes
        if self._marks and self._at - self._staged.offset >= MARK:
            self.keep()
        self._failed = False

    def keep(self) -> None:
        """What was written counts from now on, and would survive a power cut."""
        if self._bytes is None or self._at == self._staged.offset:
            return
        with refusals("keep a staged upload"):
            self._bytes.sync()
        self._store._note_offset(self._staged, self._at)

    def close(self) -> None:
        """Cuts off what does not count. Safe to call twice."""
        self._failed = True
        if self._bytes is not None:
            self._bytes.close(self._staged.offset)


class _Bytes:
    """The bytes of one upload, open to be written. Whoever seals them at rest does it here."""

    def __init__(self, path: Path, *, direct: bool) -> None:
        with refusals("open a staged upload"):
            self._fd = os.open(path, os.O_WRONLY)
        self._direct = direct and set_direct(self._fd, True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close(None)

    def write(self, at: int, view: memoryview) -> None:
        # A closed descriptor's number may by now be another file's.
        if self._fd < 0:
            raise Unavailable("this upload was closed before")
        while view:
            try:
                count = os.pwrite(self._fd, view, at)
            except OSError as error:
                if error.errno != errno.EINVAL or not self._direct:
                    raise
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

    @staticmethod
    def read(path: Path, start: int, end: int) -> bytes:
        with refusals("read a staged upload"), path.open("rb") as file:
            file.seek(start)
            data = file.read(end - start)
        if len(data) != end - start:
            raise Unavailable(f"want {end - start} staged bytes from {start}, got {len(data)}")
        return data

    @staticmethod
    def pieces(path: Path, size: int) -> Iterator[memoryview]:
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


def _open(folder: Path) -> Staged:
    """What a run before has left; raises unless the bytes that it counted are here."""
    announced = Announced.from_bytes((folder / "upload").read_bytes())
    staged = Staged(folder.name, announced, 0, announced.opened_ms)
    with suppress(FileNotFoundError):
        staged.offset, staged.touched_ms = _parse_offset((folder / "offset").read_bytes())
    with suppress(FileNotFoundError):
        staged.finish = Finish.from_bytes((folder / "finish").read_bytes())
    # A run that died may have noted an offset whose name it had not yet synced.
    sync_folder(folder)
    if staged.recorded:
        (folder / "bytes").unlink(missing_ok=True)  # it died before it came to that
    else:
        _cut(folder / "bytes", staged.offset)
    return staged


def _cut(path: Path, offset: int) -> None:
    size = path.stat().st_size
    if size < offset:
        raise Unavailable(f"want {offset} staged bytes, the disk has {size}")
    if size > offset:
        os.truncate(path, offset)


def _parse_offset(data: bytes) -> tuple[int, int]:
    text = data.decode("ascii", "replace")
    match text.removesuffix("\n").split(" "):
        case [offset, at_ms] if text.endswith("\n"):
            return parse_decimal(offset), parse_decimal(at_ms)
        case _:
            raise Malformed(f"want an offset and a time, got {clip(text)!r}")
