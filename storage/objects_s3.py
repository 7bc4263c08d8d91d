"""Objects in a bucket of an S3 store that keeps versions and locks them.

    PREFIX/objects/3f2c…       the bytes; one version, locked when it is retained or held
    PREFIX/companions/3f2c…    the companion, never locked: it can be destroyed, every version

A reference is `key@version`. Who overwrites a key makes another version, who deletes it makes a
marker: the version that we wrote is read as before, and `oddities` tells. Two programs that
write one key are not told apart by a condition (`If-None-Match` is not atomic where versions
are kept): keys are random, and a key that is taken is refused.

An object of one part is put at once, a larger one in parts. Memory: for each writer
`IN_FLIGHT` + 1 parts.
"""

import re
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby, takewhile

from ledger.encoding import clip
from ledger.errors import Conflict, Full, Rejected, Unavailable, Unknown
from ledger.ports import Clock, Oddity
from storage.clock import SystemClock
from storage.s3 import COMPLIANCE, Bucket, Part, Version

PART = 16 << 20
IN_FLIGHT = 3
THREADS = 6
MAX_PARTS = 10_000
MAX_SIZE = 5 << 40  # of one object, in S3
TRIES = 3
STALE_MS = 8 * 24 * 3600 * 1000  # longer than any URL lives
WIDOW_MS = 3600 * 1000  # what another program has on its way is complete by then
MAX_LIFE_S = 7 * 24 * 3600  # of a URL, in S3

_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
_REF = re.compile(r"([0-9a-f]{32})@([\w.~-]{1,1024})", re.ASCII)

BUCKET_HINT = (
    "make a new bucket with Object Lock, which also keeps versions:"
    " aws s3api create-bucket --bucket NAME --object-lock-enabled-for-bucket"
)


@dataclass(frozen=True, slots=True)
class DirectUpload:
    """An object whose bytes its sender puts into the store himself, part by part.

    Parts count from 1: `part_size` bytes each, the last one the rest. Whoever has the URL of one
    may put that part, and put it again, until it dies; he cannot read, list or delete.
    """

    key: str
    upload_id: str = field(repr=False)
    size: int
    part_size: int

    @property
    def parts(self) -> int:
        return -(-self.size // self.part_size)

    def length(self, number: int) -> int:
        return min(self.part_size, self.size - (number - 1) * self.part_size)


class S3ObjectStore:
    """Implements `ledger.ports.ObjectStore`. `prefix` is "" or ends in a slash.

    Unfinished objects older than `stale_ms` are aborted, unless it is None.
    """

    def __init__(
        self,
        bucket: Bucket,
        prefix: str = "",
        *,
        part_size: int = PART,
        stale_ms: int | None = STALE_MS,
        clock: Clock | None = None,
    ) -> None:
        self._bucket = bucket
        self._objects = f"{prefix}objects/"
        self._companions = f"{prefix}companions/"
        self._prefix = prefix
        self._part_size = part_size
        self._widowed_ms = WIDOW_MS if stale_ms is None else -WIDOW_MS
        self._clock = clock or SystemClock()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="s3")
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        self._check_bucket()
        if stale_ms is not None:
            self._abort_stale(stale_ms)

    def close(self) -> None:
        self._pool.shutdown()

    # --- writing -----------------------------------------------------------------------------

    def begin(self, key: str, size: int) -> "S3ObjectWriter":
        """A store does not say how much room it has: `Full` may come with the bytes."""
        self._take(key)
        try:
            part_size = self._fitting(size, self._part_size)
            self._check_unwritten(key)
            return S3ObjectWriter(self, key, size, part_size)
        except BaseException:
            self._release(key)
            raise

    def mend(self, ref: str, size: int) -> "S3ObjectWriter":
        """Like `begin`, for what takes the place of a damaged or missing object.

        Under another key, so the reference is another: what is damaged may be locked.
        """
        self._name(ref)
        return self.begin(secrets.token_hex(16), size)

    def open_direct(self, key: str, size: int, unit: int = 1) -> DirectUpload:
        """An object that a station puts itself, without our credentials; parts are whole units."""
        if size < 1:
            raise Rejected(f"want at least 1 byte, got {size}")
        self._take(key)
        try:
            part_size = -(-self._fitting(size, self._part_size) // unit) * unit
            self._check_unwritten(key)
            # Without checksums: a URL signs no header, and a store refuses unsigned ones.
            upload_id = self._bucket.begin_parts(self._objects + key, checksums=False)
            return DirectUpload(key, upload_id, size, part_size)
        finally:
            self._release(key)

    def part_urls(
        self, upload: DirectUpload, first: int, count: int, lives_s: int
    ) -> tuple[str, ...]:
        """Of at most `count` parts, from `first` on. Signed here: the store is not asked."""
        if not 1 <= lives_s <= MAX_LIFE_S:
            raise Rejected(f"want 1 to {MAX_LIFE_S} seconds, got {lives_s}")
        name = self._objects + upload.key
        return tuple(
            self._bucket.part_url(name, upload.upload_id, number, lives_s)
            for number in range(first, min(first + count, upload.parts + 1))
        )

    def complete_direct(self, upload: DirectUpload) -> str:
        """The reference. The bytes are not checked yet, and there is no companion: read them all,
        and put it, before they count. Called again it gives the same.

        Raises `Rejected` if parts are missing or of another size: the upload stays open, and
        the sender may put them again. A URL that still lives is of no use afterwards.
        """
        name = self._objects + upload.key

        def complete() -> str:
            # `Unknown` once it was completed. Listed anew at each try: parts may be put again.
            parts = list(self._bucket.parts(name, upload.upload_id))
            _check_parts(parts, upload)
            self._check_unwritten(upload.key)
            return self._bucket.complete(name, upload.upload_id, parts)

        version = self._settled(complete, name, upload.size)
        return self._kept(upload.key, version, upload.size)

    def parts_there(self, upload: DirectUpload, first: int, count: int) -> dict[int, int]:
        """The sizes of those of the parts [first, first + count) that were put, as listed now.

        Raises `Unknown` once the upload is completed or aborted.
        """
        found = self._bucket.parts(self._objects + upload.key, upload.upload_id, after=first - 1)
        wanted = takewhile(lambda part: part.number < first + count, found)
        return {part.number: part.size for part in wanted}

    def abort_direct(self, upload: DirectUpload) -> None:
        """Its URLs are of no use afterwards, and nothing of it is left, were it completed.

        Safe to call twice; not once the item counts.
        """
        self._abort(upload.key, upload.upload_id)

    # --- reading -----------------------------------------------------------------------------

    def stream(self, ref: str) -> Iterator[bytes]:
        name, version = self._name(ref)
        return self._all_of(name, version, self._bucket.size(name, version))

    def read(self, ref: str, start: int, end: int) -> bytes:
        name, version = self._name(ref)
        try:
            data = self._bucket.read(name, version, start, end)
        except Unavailable:
            # Beyond the end a store refuses; what else it refuses is told as it was.
            if end <= self._bucket.size(name, version):
                raise
            data = b""
        if len(data) != end - start:
            raise Unavailable(f"want bytes {start} to {end} of {ref!r}, it is shorter")
        return data

    def refs(self) -> Iterator[str]:
        """For each key the oldest version: those after it are not ours."""
        for name, versions in groupby(self._kept_versions(), key=lambda found: found.name):
            key = name.removeprefix(self._objects)
            if _KEY.fullmatch(key):
                *_, oldest = versions
                yield f"{key}@{oldest.version}"

    def oddities(self) -> Iterator[Oddity]:
        """What an administrator of the store, or a thief of our key, has left there.

        A companion goes ahead of its object: beside a server, a young one is no widow.
        """
        for found in self._bucket.versions(self._prefix):
            if not self._is_ours(found.name):
                yield Oddity(found.name, found.version, "foreign")
            elif found.deletes:
                yield Oddity(found.name, found.version, "hidden")
        for name, versions in groupby(self._kept_versions(), key=lambda found: found.name):
            *later, _ = versions
            for found in later:
                yield Oddity(name, found.version, "rewritten")
        for name in self._widows():
            yield Oddity(name, "", "widow")

    # --- the companion -------------------------------------------------------------------------

    def companion(self, ref: str) -> bytes:
        name, version = self._name(ref)
        limit = _companion_limit(self._bucket.size(name, version))
        companion = self._companions + self._key(ref)
        try:
            return self._bucket.read_all(companion, None, limit)
        except Unknown:
            # A delete marker hides it from who names no version.
            left = [found for found in self._versions(companion) if not found.deletes]
            if not left:
                raise Unknown(f"no companion of {ref!r}") from None
            return self._bucket.read_all(companion, left[0].version, limit)

    def put_companion(self, ref: str, companion: bytes) -> None:
        name, version = self._name(ref)
        _check_companion(companion, self._bucket.size(name, version))
        companion_name = self._companions + self._key(ref)
        kept = self._bucket.put(companion_name, companion)
        self._destroy(companion_name, kept)

    # --- deleting ------------------------------------------------------------------------------

    def delete(self, ref: str) -> None:
        name, version = self._name(ref)
        try:
            self._bucket.size(name, version)
        except Unknown:
            return
        self._check_free(ref)
        self._destroy(self._companions + self._key(ref), None)
        self._bucket.delete(name, version)
        with suppress(Unknown):
            self._bucket.size(name, version)
            raise Unavailable(f"the store said that {ref!r} was deleted, and it is there")

    def retain(self, ref: str, until_ms: int) -> None:
        name, version = self._name(ref)
        self._bucket.size(name, version)
        mode, already_ms = self._bucket.retained(name, version) or ("", 0)
        until_ms = max(until_ms, already_ms)
        if until_ms <= self._clock.now_ms() or (mode == COMPLIANCE and until_ms == already_ms):
            return
        # Whole seconds upwards: some stores cut the rest off.
        self._bucket.retain(name, version, -(-until_ms // 1000) * 1000)
        found, kept_ms = self._bucket.retained(name, version) or ("", 0)
        if found != COMPLIANCE or kept_ms < until_ms:
            raise Unavailable(
                f"the store said that it retains {ref!r}, and it does not:"
                f" want {COMPLIANCE} until {until_ms}, got {clip(found)!r} until {kept_ms}"
            )

    def hold(self, ref: str, on: bool) -> None:
        name, version = self._name(ref)
        self._bucket.size(name, version)
        self._bucket.hold(name, version, on)
        if self._bucket.held(name, version) != on:
            raise Unavailable(f"the store said that it set the hold of {ref!r}, and it did not")

    # --- helpers -------------------------------------------------------------------------------

    def _check_bucket(self) -> None:
        """Refuses a bucket in which what is promised would not hold."""
        name = self._bucket.name
        if not self._bucket.versioning():
            raise Rejected(f"the bucket {name!r} keeps no versions", hints=(BUCKET_HINT,))
        if not self._bucket.locks():
            raise Rejected(f"the bucket {name!r} has no Object Lock", hints=(BUCKET_HINT,))
        if rule := self._bucket.default_days():
            raise Rejected(
                f"the bucket {name!r} locks everything by itself ({clip(rule)}):"
                " a companion must be free to be destroyed",
                hints=("remove the bucket's default retention; objects are locked one by one",),
            )

    def _abort_stale(self, stale_ms: int) -> None:
        """What a run that died had begun. Its companion may have gone ahead."""
        before_ms = self._clock.now_ms() - stale_ms
        for upload in list(self._bucket.uploads(self._objects)):
            key = upload.name.removeprefix(self._objects)
            if upload.began_ms <= before_ms and _KEY.fullmatch(key):
                self._bucket.abort_parts(upload.name, upload.upload_id)
                if not any(self._versions(upload.name)):
                    self._destroy(self._companions + key, None)

    def _take(self, key: str) -> None:
        if not _KEY.fullmatch(key):
            raise Unknown(f"want a key of 32 hex digits, got {clip(key)!r}")
        with self._lock:
            if key in self._taken:
                raise Conflict(f"the key {key!r} is taken")
            self._taken.add(key)

    def _release(self, key: str) -> None:
        with self._lock:
            self._taken.discard(key)

    def _check_unwritten(self, key: str) -> None:
        if any(self._versions(self._objects + key)):
            raise Conflict(f"the key {key!r} is taken")

    def _fitting(self, size: int, part_size: int) -> int:
        """The size of parts with which there are not too many."""
        if size > MAX_SIZE:
            raise Full(f"no room for {size} bytes: an object has at most {MAX_SIZE}")
        least = -(-size // MAX_PARTS)
        return max(part_size, -(-least >> 20) << 20)

    def _key(self, ref: str) -> str:
        return ref.partition("@")[0]

    def _name(self, ref: str) -> tuple[str, str]:
        match = _REF.fullmatch(ref)
        if match is None:
            raise Unknown(f"no object {clip(ref)!r}")
        return self._objects + match[1], match[2]

    def _is_ours(self, name: str) -> bool:
        for folder in (self._objects, self._companions):
            if name.startswith(folder) and _KEY.fullmatch(name.removeprefix(folder)):
                return True
        return False

    def _kept_versions(self) -> Iterator[Version]:
        found = self._bucket.versions(self._objects)
        return (version for version in found if not version.deletes)

    def _widows(self) -> Iterator[str]:
        """Companions that a crash left, or whose objects were deleted. Both lists are sorted."""
        objects = (ref.partition("@")[0] for ref in self.refs())
        key = next(objects, "")
        young_ms = self._clock.now_ms() - self._widowed_ms
        for name, found in groupby(self._bucket.versions(self._companions), lambda v: v.name):
            wanted = name.removeprefix(self._companions)
            while key and key < wanted:
                key = next(objects, "")
            with self._lock:
                is_ours = self._is_ours(name) and wanted not in self._taken
            if is_ours and key != wanted and max(v.written_ms for v in found) <= young_ms:
                yield name

    def _versions(self, name: str) -> Iterator[Version]:
        """Of just this name, which comes first among those that begin with it."""
        for found in self._bucket.versions(name):
            if found.name != name:
                return
            yield found

    def _all_of(self, name: str, version: str, size: int) -> Iterator[bytes]:
        got = 0
        for piece in self._bucket.pieces(name, version):
            got += len(piece)
            yield piece
        if got != size:
            raise Unavailable(f"want {size} bytes of {name!r}, got {got}")

    def _settled(self, make: Callable[[], str], name: str, size: int) -> str:
        """The version that `make` makes, also if its answer was lost on the way."""
        for left in reversed(range(TRIES)):
            try:
                return make()
            except Full:
                raise
            except (Unavailable, Unknown):
                # Asked again, the store would make a second version, or know of no upload.
                if (version := self._only(name, size)) is not None:
                    return version
                if not left:
                    raise
        raise AssertionError("unreachable")

    def _only(self, name: str, size: int) -> str | None:
        """The version of a name that has one, of that size."""
        found = list(self._versions(name))
        if [version.size for version in found] != [size] or found[0].deletes:
            return None
        return found[0].version

    def _kept(self, key: str, version: str, size: int) -> str:
        """The reference, if the store has what was sent."""
        if (kept := self._bucket.size(self._objects + key, version)) != size:
            raise Unavailable(f"want {size} bytes kept under {key!r}, got {kept}")
        return f"{key}@{version}"

    def _check_free(self, ref: str) -> None:
        """Before the companion goes: the store would refuse only after it."""
        name, version = self._name(ref)
        if self._bucket.held(name, version):
            raise Rejected(f"{ref!r} is held and may not be deleted")
        _, until_ms = self._bucket.retained(name, version) or ("", 0)
        if until_ms > self._clock.now_ms():
            raise Rejected(f"{ref!r} is retained until {until_ms} and may not be deleted")

    def _destroy(self, name: str, kept: str | None) -> None:
        """Every version of a companion but `kept`, delete markers too."""
        for found in list(self._versions(name)):
            if found.version != kept:
                self._bucket.delete(name, found.version)
        if left := [found.version for found in self._versions(name) if found.version != kept]:
            raise Unavailable(f"the store said that it deleted {name!r}, {len(left)} are there")

    def _abort(self, key: str, upload_id: str | None) -> None:
        name = self._objects + key
        if upload_id is not None:
            self._bucket.abort_parts(name, upload_id)
        self._destroy(self._companions + key, None)
        # A commit without an answer may have made it.
        for found in list(self._versions(name)):
            self._bucket.delete(name, found.version)


class S3ObjectWriter:
    """Implements `ledger.ports.ObjectWriter`. For one thread at a time."""

    def __init__(self, store: S3ObjectStore, key: str, size: int, part_size: int) -> None:
        self._store = store
        self._bucket = store._bucket
        self._key = key
        self._name = store._objects + key
        self._left = size
        self._size = 0
        self._part_size = part_size
        self._buffer = bytearray(min(size, part_size))
        self._filled = 0
        self._free: list[bytearray] = []
        self._numbers = 0
        self._flying: list[tuple[Future[Part], bytearray]] = []
        self._parts: list[Part] = []
        self._upload_id = self._bucket.begin_parts(self._name) if size > part_size else None
        self._open = True

    def write(self, data: bytes | memoryview) -> None:
        self._check_open()
        view = memoryview(data).cast("B")
        if len(view) > self._left:
            raise Full(f"want at most {self._left} bytes more, got {len(view)}")
        self._left -= len(view)
        self._size += len(view)
        while view:
            taken = view[: len(self._buffer) - self._filled]
            self._buffer[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            view = view[len(taken) :]
            if self._upload_id is not None and self._filled == self._part_size:
                self._send()
                self._buffer = self._free.pop() if self._free else bytearray(self._part_size)

    def commit(self, companion: bytes) -> str:
        self._check_open()
        if self._upload_id is not None and (self._filled or not self._numbers):
            self._send()
        _check_companion(companion, self._size)
        # Beside the last parts, and durable before the object can be seen.
        self._bucket.put(self._store._companions + self._key, companion)
        while self._flying:
            self._land()
        version = self._store._settled(self._make, self._name, self._size)
        ref = self._store._kept(self._key, version, self._size)
        self._close()
        return ref

    def abort(self) -> None:
        if not self._open:
            return
        # A part that arrives after the abort would be kept, and paid for.
        for future, _ in self._flying:
            if not future.cancel():
                future.exception()
        self._flying.clear()
        self._store._abort(self._key, self._upload_id)
        self._close()

    def _make(self) -> str:
        if self._upload_id is None:
            return self._bucket.put(self._name, memoryview(self._buffer)[: self._filled])
        return self._bucket.complete(self._name, self._upload_id, self._parts)

    def _send(self) -> None:
        if len(self._flying) == IN_FLIGHT:
            self._land()
        self._numbers += 1
        data = memoryview(self._buffer)[: self._filled]
        future = self._store._pool.submit(
            self._bucket.put_part, self._name, self._upload_id or "", self._numbers, data
        )
        self._flying.append((future, self._buffer))
        self._filled = 0

    def _land(self) -> None:
        """Waits for the part that was sent first. One that failed makes every later step fail."""
        future, buffer = self._flying[0]
        self._parts.append(future.result())
        self._flying.pop(0)
        self._free.append(buffer)

    def _check_open(self) -> None:
        if not self._open:
            raise Unavailable("this object was committed or aborted before")

    def _close(self) -> None:
        self._open = False
        self._buffer = bytearray()
        self._free.clear()
        self._store._release(self._key)


def _companion_limit(size: int) -> int:
    """Hashes of the object's blocks, and a wrapped key, with room to spare."""
    return (1 << 16) + size // 2048


def _check_companion(companion: bytes, size: int) -> None:
    if len(companion) > (limit := _companion_limit(size)):
        raise Unavailable(f"want a companion of at most {limit} bytes, got {len(companion)}")


def _check_parts(parts: list[Part], upload: DirectUpload) -> None:
    whole, rest = divmod(upload.size, upload.part_size)
    want = [upload.part_size] * whole + [rest] * (rest > 0)
    if [(part.number, part.size) for part in parts] != list(enumerate(want, 1)):
        total = sum(part.size for part in parts)
        raise Rejected(
            f"want {upload.size} bytes in {len(want)} parts of {upload.part_size},"
            f" got {total} bytes in {len(parts)} parts"
        )
