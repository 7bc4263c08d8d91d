"""Uploads that may break off and go on: what came of each, until its item is whole.

    staging/3f2c…/key       the item's id and wrapped key; without it the upload is in plain
    staging/3f2c…/upload    what was announced; a folder without it is nothing
    staging/3f2c…/bytes     what came, mode 0600: of a sealed item its blocks
    staging/3f2c…/offset    how many bytes count, when that was noted, and what fills no block
    staging/3f2c…/finish    what the whole was found to be, and where the item store has it

An offset is noted only once the bytes below it are synced, and what stands behind it is
cut off when the store is opened. So an offset that a client was told is durable and never
goes back, and no byte counts that was not meant to. `staged_bytes` alone touches the bytes.
"""

import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ledger.encoding import clip, format_json, parse_decimal, parse_hex, parse_json
from ledger.errors import Full, LedgerError, Malformed, Unavailable, Unknown
from ledger.evidence.chunks import CHUNK_SIZE, ItemDigest
from ledger.evidence.sealed import ItemSeal
from ledger.suite import DIGEST_SIZE
from storage.durable import make_folder, refusals, sync_folder, write_file
from storage.staged_bytes import (
    Appending,
    ItemKeys,
    PlainBytes,
    SealedBytes,
    StagedBytes,
    StagedKey,
    pieces,
)

MARGIN = 64 << 20  # kept free for the database, the tiles and the system's log
MARK = 64 << 20  # so much of one request a crash may cost
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
    key: StagedKey | None = None
    seal: ItemSeal | None = None

    @property
    def whole(self) -> bool:
        return self.offset == self.announced.size

    @property
    def recorded(self) -> bool:
        return self.finish is not None and self.finish.recorded

    @property
    def mismatched(self) -> bool:
        """By its digest, or because not all of it could be read: then the digests are of less."""
        if self.finish is None:
            return False
        found, wanted = self.finish.digest, self.announced
        return found.size != wanted.size or wanted.sha256 not in (b"", found.sha256)

    @property
    def expires_ms(self) -> int:
        return min(self.touched_ms + IDLE_MS, self.announced.opened_ms + OPEN_MS)


class StagingDirectory:
    """Usable from any thread, each upload by one at a time. One process may open it."""

    def __init__(self, root: Path, now_ms: Callable[[], int], keys: ItemKeys | None = None) -> None:
        self._root = root
        self._keys = keys
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._uploads: dict[str, Staged] = {}
        self._gone: dict[str, None] = {}
        self.unreadable: dict[str, str] = {}  # why; left alone, for an operator to look at
        make_folder(root)
        self._read()

    def add(self, announced: Announced) -> Staged:
        """Durable on return. Raises `Full` if its bytes would not fit."""
        self._forget_told(announced.keyid)
        staged = Staged(secrets.token_hex(16), announced, 0, announced.opened_ms)
        if self._keys is not None and (key := self._keys.new_key(announced.size)) is not None:
            staged.key = StagedKey(item=key.id, wrap_id=key.wrap_id, wrapped=key.wrapped)
            staged.seal = key.seal()
        with self._lock:
            self._check_room(announced.size)
            self._uploads[staged.id] = staged
        try:
            folder, bytes_ = self._folder(staged), self._bytes(staged)
            make_folder(folder)
            if staged.key is not None:
                write_file(folder / "key", staged.key.to_bytes())
            with refusals("begin a staged upload"):
                bytes_.create()
            # Last, and with it the name of the bytes becomes durable.
            write_file(folder / "upload", bytes_.to_note(announced.to_bytes()))
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

    def end_expired(self, staged: Staged) -> bool:
        """Whether its time is over, still: then nobody finds it, and `remove` clears it away."""
        now = self._now_ms()
        with self._lock:
            if staged.id not in self._uploads or now < staged.expires_ms:
                return False
        self._forget(staged, gone=True)
        return True

    def knows(self, staged: Staged) -> bool:
        with self._lock:
            return staged.id in self._uploads

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
        """The file of its bytes, sealed if they are; each is good until the `AHEAD`th after it."""
        return pieces(self._path(staged), self._bytes(staged).length(staged.offset))

    def read(self, staged: Staged, start: int, end: int) -> bytes:
        """Raises `Unopened` where what is stored is not what was sealed."""
        with refusals("read a staged upload"):
            return self._bytes(staged).read(start, end, staged.offset, self._rest(staged))

    def overwrite(self, staged: Staged, number: int, chunk: bytes) -> None:
        """A chunk below the offset; what was found of the whole is forgotten. Durable on return."""
        with self._lock:
            staged.finish = None
        finish = self._folder(staged) / "finish"
        with refusals("repair a staged upload"):
            finish.unlink(missing_ok=True)
        sync_folder(finish.parent)
        self._bytes(staged).overwrite(number, chunk)

    def note(self, staged: Staged, finish: Finish) -> None:
        """Durable on return."""
        data = self._bytes(staged).to_note(finish.to_bytes())
        write_file(self._folder(staged) / "finish", data)
        with self._lock:
            staged.finish = finish
            staged.touched_ms = max(staged.touched_ms, self._now_ms())

    def drop_bytes(self, staged: Staged) -> None:
        """Once the item store has them; that they were here is remembered until it expires."""
        with refusals("clear away a staged upload"):
            self._path(staged).unlink(missing_ok=True)

    def remove(self, staged: Staged) -> None:
        """Durable on return; quiet if it is gone."""
        folder = self._folder(staged)
        self._forget(staged, gone=True)
        with refusals("clear away a staged upload"):
            with suppress(FileNotFoundError):
                (folder / "upload").unlink()
                sync_folder(folder)
            shutil.rmtree(folder, ignore_errors=True)

    def _note_offset(self, staged: Staged, offset: int, rest: bytes) -> None:
        now = max(staged.touched_ms, self._now_ms())
        data = self._bytes(staged).to_note(f"{offset} {now}\n".encode(), rest)
        write_file(self._folder(staged) / "offset", data)
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

    def _path(self, staged: Staged) -> Path:
        return self._folder(staged) / "bytes"

    def _bytes(self, staged: Staged) -> StagedBytes:
        path = self._path(staged)
        return PlainBytes(path) if staged.seal is None else SealedBytes(path, staged.seal)

    def _rest(self, staged: Staged) -> bytes:
        """Of a sealed upload, what fills no block yet."""
        if staged.seal is None or staged.offset % CHUNK_SIZE == 0 or staged.whole:
            return b""
        with refusals("read a staged upload"):
            data = (self._folder(staged) / "offset").read_bytes()
        return self._bytes(staged).from_note(data)[1]

    def _read(self) -> None:
        with refusals("list the staged uploads"):
            folders = [entry for entry in self._root.iterdir() if _ID.fullmatch(entry.name)]
        for folder in folders:
            try:
                if (folder / "upload").is_file():
                    staged = self._open(folder)
                    self._uploads[staged.id] = staged
                else:
                    shutil.rmtree(folder, ignore_errors=True)
            except (LedgerError, OSError) as error:
                self.unreadable[folder.name] = str(error)
        sync_folder(self._root)

    def _open(self, folder: Path) -> Staged:
        """What a run before has left; raises unless the bytes that it counted are here."""
        key, said = None, (folder / "upload").read_bytes()
        with suppress(FileNotFoundError):
            key = StagedKey.from_bytes((folder / "key").read_bytes())
        if key is None:
            staged = Staged(folder.name, Announced.from_bytes(said), 0, 0)
        else:
            # Its size is needed to open what it is bound to: who changed it finds nothing opens.
            line = said[: max(said.find(b"\n"), 0)]
            staged = Staged(folder.name, Announced.from_bytes(line), 0, 0, key=key)
            if self._keys is None:
                raise Unavailable("it is sealed, and no wrapping key is here")
            size = staged.announced.size
            staged.seal = self._keys.open_key(key.item, size, key.wrap_id, key.wrapped)
            self._bytes(staged).from_note(said)
        staged.touched_ms = staged.announced.opened_ms
        bytes_ = self._bytes(staged)
        with suppress(FileNotFoundError):
            line, rest = bytes_.from_note((folder / "offset").read_bytes())
            staged.offset, staged.touched_ms = _parse_offset(line, sealed=key is not None)
            short = 0 if key is None or staged.whole else staged.offset % CHUNK_SIZE
            if len(rest) != short:
                raise Malformed(f"want {short} bytes beside the offset, got {len(rest)}")
        with suppress(FileNotFoundError):
            staged.finish = Finish.from_bytes(bytes_.from_note((folder / "finish").read_bytes())[0])
        # A run that died may have noted an offset whose name it had not yet synced.
        sync_folder(folder)
        if staged.recorded:
            (folder / "bytes").unlink(missing_ok=True)  # it died before it came to that
        else:
            _cut(folder / "bytes", bytes_.length(staged.offset))
        return staged


class StagedWriter:
    """Bytes behind the offset; they count once `keep` returns. For one thread at a time."""

    def __init__(self, store: StagingDirectory, staged: Staged, *, marks: bool) -> None:
        self._store = store
        self._staged = staged
        self._marks = marks
        self._at = staged.offset
        self._failed = False
        self._bytes: Appending | None = None  # opened by whoever writes first, in his thread

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
            rest = self._store._rest(self._staged)
            self._bytes = self._store._bytes(self._staged).append(self._at, rest)
        self._bytes.write(view)
        self._at += view.nbytes
        if self._marks and self._bytes.on_disk - self._staged.offset >= MARK:
            self._note(self._bytes, self._bytes.on_disk, b"")
        self._failed = False

    def keep(self) -> None:
        """What was written counts from now on, and would survive a power cut."""
        if self._bytes is None:
            return
        offset, rest = self._bytes.flush()
        if offset > self._staged.offset:
            self._note(self._bytes, offset, rest)

    def close(self) -> None:
        """Cuts off what does not count. Safe to call twice."""
        self._failed = True
        if self._bytes is not None:
            self._bytes.close(self._staged.offset)

    def _note(self, bytes_: Appending, offset: int, rest: bytes) -> None:
        with refusals("keep a staged upload"):
            bytes_.sync()
        self._store._note_offset(self._staged, offset, rest)


def _cut(path: Path, length: int) -> None:
    size = path.stat().st_size
    if size < length:
        raise Unavailable(f"want {length} staged bytes, the disk has {size}")
    if size > length:
        os.truncate(path, length)


def _parse_offset(data: bytes, *, sealed: bool) -> tuple[int, int]:
    text = data.decode("ascii", "replace")
    match text.removesuffix("\n").split(" "):
        case [offset, at_ms] if text.endswith("\n") or sealed:
            return parse_decimal(offset), parse_decimal(at_ms)
        case _:
            raise Malformed(f"want an offset and a time, got {clip(text)!r}")
