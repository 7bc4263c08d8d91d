"""Items at rest: in one or two copies, sealed or in plain.

    item ─► blocks, sealed ─┬─► first copy     object and companion
                            ├─► second copy    the same bytes
                            └─► places.sqlite  where they are: the item is acknowledged

An item is there when every copy has it and its place is durable; if one copy cannot take
it, nothing is. Reading asks the first copy, and for each block that it cannot give, or
gives damaged, the other. Nothing is deleted that a row speaks of; what has no row is an
item from before there were rows, or what a crash left, and `ids` shows both.
"""

import mmap
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from ledger.encoding import clip
from ledger.errors import Full, LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import CHUNK_SIZE, check_chunk
from ledger.evidence.sealed import (
    OVERHEAD,
    STORED_BLOCK,
    Companion,
    ItemSeal,
    block_count,
    is_sealed,
    split,
    stored_size,
)
from ledger.ports import KeyWrap, ObjectStore, ObjectWriter
from ledger.suite import DIGEST_SIZE, digest, new_digest
from ledger.suite_private import SEAL_KEY, SEAL_NONCE
from ledger.tlog.merkle import root_of
from storage.places_sqlite import Place, SqlitePlaces

BLOCKS_AT_ONCE = 4  # sealed blocks that are written together, while the next are being sealed
READ_AT_ONCE = 16  # blocks that are asked for together
ALIGN = 4096  # what a disk that is written past the page cache wants

T = TypeVar("T")


class ItemVault:
    """Implements `ledger.ports.ItemStore`. Usable from any thread.

    `wraps` are the known wrapping keys; the first wraps, and without any items are kept in
    plain. Opened `beside` a running server, it clears nothing away and asks for no key.
    """

    def __init__(
        self,
        copies: Mapping[str, ObjectStore],
        places: SqlitePlaces,
        wraps: Sequence[KeyWrap] = (),
        *,
        beside: bool = False,
    ) -> None:
        self.copies = dict(copies)
        self.places = places
        self._wraps = {wrap.id: wrap for wrap in wraps}
        self._newest = wraps[0] if wraps else None
        if not beside:
            self._check_wraps()
            for place in places.leaving():
                # Of what is not there, or not to be deleted yet, the row stays: until next time.
                with suppress(Unavailable, Rejected):
                    self._delete(place)

    def begin(self, size: int) -> "VaultWriter":
        key = secrets.token_hex(16)
        sealing = None if self._newest is None else Sealing(self._newest, key, size)
        writers: dict[str, ObjectWriter] = {}
        try:
            for name, store in self.copies.items():
                writers[name] = store.begin(key, stored_size(size) if sealing else size)
        except BaseException:
            for writer in writers.values():
                writer.abort()
            raise
        return VaultWriter(self, key, size, writers, sealing)

    def stream(self, object_id: str) -> Iterator[bytes]:
        source = self._open(object_id)
        if source.opens is None:
            return self._first(source, lambda store, ref: store.stream(ref))
        return self._blocks(source, 0, block_count(source.size))

    def read(self, object_id: str, start: int, end: int) -> bytes:
        source = self._open(object_id)
        if source.opens is None:
            return self._first(source, lambda store, ref: store.read(ref, start, end))
        if end > source.size:
            raise Unavailable(f"want bytes {start} to {end} of {object_id!r}, it is shorter")
        if start >= end:
            return b""
        first = start // CHUNK_SIZE
        data = b"".join(self._blocks(source, first, block_count(end)))
        return data[start - first * CHUNK_SIZE : end - first * CHUNK_SIZE]

    def leaves(self, object_id: str) -> bytes:
        source = self._open(object_id)
        if source.leaves is not None:
            return source.leaves()
        return self._first(source, lambda store, ref: store.companion(ref))

    def delete(self, object_id: str) -> None:
        place = self.places.find(object_id)
        if place is None:
            self._delete_unplaced(object_id)
            return
        self.places.leave(object_id)
        try:
            self._delete(place)
        except Rejected:
            self.places.leave(object_id, False)
            raise

    def ids(self) -> Iterator[str]:
        yield from self.places.ids()
        shown: set[str] = set()
        for name, store in self.copies.items():
            known = self.places.refs(name)
            for ref in store.refs():
                if ref not in known and ref not in shown:
                    shown.add(ref)
                    yield ref

    def held(self) -> Iterator[str]:
        """Of `ids`, those of which some copy has the object: what a restored folder is asked."""
        there = {name: frozenset(store.refs()) for name, store in self.copies.items()}
        for object_id in self.ids():
            place = self.places.find(object_id)
            # What has no place was shown because it is there.
            if place is None or any(ref in there.get(name, ()) for name, ref in place.refs.items()):
                yield object_id

    def retain(self, object_id: str, until_ms: int) -> None:
        self.places.retain(object_id, until_ms)
        self._each(object_id, lambda store, ref: store.retain(ref, until_ms))

    def hold(self, object_id: str, on: bool) -> None:
        self.places.hold(object_id, on)
        self._each(object_id, lambda store, ref: store.hold(ref, on))

    def _each(self, object_id: str, call: Callable[[ObjectStore, str], None]) -> None:
        place = self.places.find(object_id)
        if place is not None:
            errors: list[LedgerError] = []
            for name, ref in place.refs.items():
                # What one copy refuses is no reason to leave out the other.
                errors += _tried(call, self._copy(name), ref)
            if errors:
                raise next((e for e in errors if isinstance(e, Unavailable)), errors[0])
            return
        found = 0
        for store in self.copies.values():
            with suppress(Unknown):
                call(store, object_id)
                found += 1
        if not found:
            raise Unknown(f"no item {clip(object_id)!r}")

    def _copy(self, name: str) -> ObjectStore:
        if name not in self.copies:
            raise Unavailable(f"an item lies in the copy {name!r}, which the settings do not name")
        return self.copies[name]

    def _delete_unplaced(self, object_id: str) -> None:
        unknown: list[Unknown] = []
        for name, store in self.copies.items():
            if self.places.knows(name, object_id):
                continue  # it is another item's
            try:
                store.delete(object_id)
            except Unknown as error:  # no reference of that store, perhaps of the other
                unknown.append(error)
        if len(unknown) == len(self.copies):
            raise unknown[0]

    def _delete(self, place: Place) -> None:
        for name, ref in place.refs.items():
            self._copy(name).delete(ref)
            self.places.remove_ref(place.id, name)
        self.places.remove(place.id)

    # --- reading -------------------------------------------------------------------------------

    def _open(self, object_id: str) -> "_Source":
        place = self.places.find(object_id)
        if place is None:
            return self._open_unplaced(object_id)
        copies = [
            (store, place.refs[name]) for name, store in self.copies.items() if name in place.refs
        ]
        if not copies:
            raise Unavailable(f"the item {object_id!r} lies in no copy that the settings name")
        if not place.wrap_id and len(copies) == 1:
            return _Source(object_id, copies)
        errors: list[LedgerError] = []
        damaged: _Source | None = None
        for store, ref in copies:
            try:
                companion = store.companion(ref)
                source = self._opened(place, copies, companion)
            except LedgerError as error:
                errors.append(error)
                continue
            if not place.wrap_id or digest(companion) == place.companion:
                return source
            damaged = damaged or source  # its key opens, and perhaps its chunk hashes do not
        if damaged is not None:
            return damaged
        if not place.wrap_id:
            return _Source(object_id, copies)  # unchecked is better than not at all
        if all(isinstance(error, Unknown) for error in errors):
            raise errors[0]
        raise Unavailable(f"the sealed item {object_id!r} cannot be opened: {errors[0]}")

    def _opened(
        self, place: Place, copies: list[tuple[ObjectStore, str]], companion: bytes
    ) -> "_Source":
        if place.wrap_id:
            found = Companion.from_bytes(companion)
            if (found.item.hex(), found.size) != (place.id, place.size):
                raise Rejected(f"want the companion of {place.id!r}, got another item's")
            return self._sealed(place.id, copies, found)
        if len(companion) != DIGEST_SIZE * block_count(place.size):
            raise Malformed(f"want {block_count(place.size)} chunk hashes")
        if root_of(split(companion)) != place.root:
            raise Rejected("the chunk hashes beside the item are damaged")

        def opens(number: int, stored: memoryview) -> bytes:
            chunk = bytes(stored)
            check_chunk(chunk, companion[number * DIGEST_SIZE : (number + 1) * DIGEST_SIZE])
            return chunk

        return _Source(place.id, copies, place.size, CHUNK_SIZE, opens, lambda: companion)

    def _open_unplaced(self, object_id: str) -> "_Source":
        """From before there were places, or left by a crash; sealed if it says so itself."""
        for store in self.copies.values():
            try:
                companion = store.companion(object_id)
            except Unknown:
                continue
            if not is_sealed(companion):
                return _Source(object_id, [(store, object_id)])
            return self._sealed(object_id, [(store, object_id)], Companion.from_bytes(companion))
        # Perhaps only its companion is gone.
        return _Source(object_id, [(store, object_id) for store in self.copies.values()])

    def _sealed(
        self, object_id: str, copies: list[tuple[ObjectStore, str]], companion: Companion
    ) -> "_Source":
        seal = self._unwrap(companion)
        return _Source(
            object_id,
            copies,
            companion.size,
            STORED_BLOCK,
            seal.open_block,
            lambda: seal.open_leaves(companion.leaves),
        )

    def _unwrap(self, companion: Companion) -> ItemSeal:
        wrap = self._wraps.get(companion.wrap_id)
        if wrap is None:
            raise _missing(companion.wrap_id)
        key = wrap.unwrap(companion.wrapped, companion.item)
        return ItemSeal(key, companion.item, companion.size)

    def _first(self, source: "_Source", call: Callable[[ObjectStore, str], T]) -> T:
        """From the first copy that answers."""
        errors: list[LedgerError] = []
        for store, ref in source.copies:
            try:
                return call(store, ref)
            except (Unavailable, Unknown) as error:
                errors.append(error)
        raise next((e for e in errors if isinstance(e, Unavailable)), errors[0])

    def _blocks(self, source: "_Source", first: int, end: int) -> Iterator[bytes]:
        for start in range(first, end, READ_AT_ONCE):
            group = _Group(source, start, min(start + READ_AT_ONCE, end))
            # An empty item is one block, and no piece.
            yield from filter(None, map(group.block, range(start, group.end)))

    # --- at the start --------------------------------------------------------------------------

    def _check_wraps(self) -> None:
        """Raises `Rejected` if items are sealed under a key that is not here, or is another."""
        for wrap_id, items in self.places.wrapped().items():
            if wrap_id not in self._wraps:
                raise _missing(wrap_id)
            found = [error for item in items for error in self._refused(item)]
            if found and len(found) == len(items):
                raise Rejected(
                    f"the wrapping key {wrap_id!r} does not open what was sealed under it: "
                    f"{found[0]}",
                    hints=("the right key of that name is needed; nothing was changed",),
                )

    def _refused(self, item: str) -> Iterator[Rejected]:
        """What the key says to an item, if that could be read at all."""
        try:
            self._open_strictly(item)
        except Rejected as error:
            if not isinstance(error, Unknown):
                yield error
        except (Unavailable, Malformed):
            pass  # damage, which a scrub names; not a wrong key

    def _open_strictly(self, item: str) -> None:
        place = self.places.find(item)
        assert place is not None
        last: LedgerError | None = None
        for name, ref in place.refs.items():
            try:
                self._unwrap(Companion.from_bytes(self._copy(name).companion(ref)))
                return
            except LedgerError as error:
                last = error
        if last is not None:
            raise last


def _missing(wrap_id: str) -> Rejected:
    return Rejected(
        f"items are sealed under the wrapping key {wrap_id!r}, which is not here",
        hints=("put that key back; without it nobody reads these items",),
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """Where an item can be read. Without `opens` its bytes are given as they are."""

    object_id: str
    copies: list[tuple[ObjectStore, str]]
    size: int = 0
    stride: int = 0
    opens: Callable[[int, memoryview], bytes] | None = None
    leaves: Callable[[], bytes] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the stored blocks [start, end) lie."""
        overhead = self.stride - CHUNK_SIZE
        total = self.size + overhead * block_count(self.size)
        return start * self.stride, min(end * self.stride, total)


class _Group:
    """A few blocks, read from a copy when that is asked for them."""

    def __init__(self, source: _Source, start: int, end: int) -> None:
        self._source = source
        self._start = start
        self.end = end
        self._read: dict[int, memoryview | LedgerError] = {}

    def block(self, number: int) -> bytes:
        assert self._source.opens is not None
        errors: list[LedgerError] = []
        for copy in range(len(self._source.copies)):
            try:
                return self._source.opens(number, self._stored(copy, number))
            except (Unavailable, Rejected) as error:
                errors.append(error)
        raise Unavailable(
            f"block {number} of the item {self._source.object_id!r} cannot be read: {errors[0]}",
            hints=("a scrub names what is damaged",),
        )

    def _stored(self, copy: int, number: int) -> memoryview:
        begin, _ = self._source.span(self._start, self.end)
        if copy not in self._read:
            store, ref = self._source.copies[copy]
            try:
                data = store.read(ref, *self._source.span(self._start, self.end))
                self._read[copy] = memoryview(data)
            except (Unavailable, Unknown) as error:
                self._read[copy] = error
        found = self._read[copy]
        if isinstance(found, LedgerError):
            raise found
        start, end = self._source.span(number, number + 1)
        return found[start - begin : end - begin]


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
        self._chunk = bytearray()
        room = min(BLOCKS_AT_ONCE * STORED_BLOCK, stored_size(size)) + ALIGN
        # Page-aligned, and two: one is being written while the other is filled.
        self._filling, self._other = (memoryview(mmap.mmap(-1, room)) for _ in range(2))
        self._filled = 0

    def take(self, data: memoryview, give: Callable[[memoryview], None]) -> None:
        """Sealed blocks go to `give`, which returns when what it was given before is written."""
        if self._chunk:
            part = data[: CHUNK_SIZE - len(self._chunk)]
            self._chunk += part
            data = data[len(part) :]
            if len(self._chunk) == CHUNK_SIZE:
                self._add(memoryview(self._chunk), give)
                self._chunk = bytearray()
        while len(data) >= CHUNK_SIZE:
            self._add(data[:CHUNK_SIZE], give)
            data = data[CHUNK_SIZE:]
        self._chunk += data

    def end(self, give: Callable[[memoryview], None]) -> None:
        if self._chunk or not self._hashes:
            self._add(memoryview(self._chunk), give)
        give(self._filling[: self._filled])

    def companion(self, leaves: bytes) -> Companion:
        return Companion(
            item=self.item,
            size=self.size,
            wrap_id=self._wrap.id,
            wrapped=self._wrapped,
            hashes=b"".join(self._hashes),
            leaves=self._seal.seal_leaves(os.urandom(SEAL_NONCE), leaves),
        )

    def _add(self, chunk: memoryview, give: Callable[[memoryview], None]) -> None:
        if not self._wrapped:
            # Not before the first block: who only asks for room need not cost a token an answer.
            self._wrapped = self._wrap.wrap(self._key, self.item)
        length = len(chunk) + OVERHEAD
        if self._filled + length > len(self._filling):
            self._turn(give)
        block = self._filling[self._filled : self._filled + length]
        self._seal.seal_block(block, len(self._hashes), os.urandom(SEAL_NONCE), chunk)
        leaf = new_digest()
        leaf.update(b"\x00")
        leaf.update(block)
        self._hashes.append(leaf.digest())
        self._filled += length

    def _turn(self, give: Callable[[memoryview], None]) -> None:
        whole = self._filled // ALIGN * ALIGN
        give(self._filling[:whole])
        rest = self._filled - whole
        self._other[:rest] = self._filling[whole : self._filled]
        self._filling, self._other = self._other, self._filling
        self._filled = rest


class VaultWriter:
    """Implements `ledger.ports.ItemWriter`. For one thread at a time."""

    def __init__(
        self,
        vault: ItemVault,
        key: str,
        size: int,
        writers: Mapping[str, ObjectWriter],
        sealing: Sealing | None,
    ) -> None:
        self._vault = vault
        self._key = key
        self._size = size
        self._left = size
        self._writers = writers
        self._sealing = sealing
        # A plain item in one copy needs no other thread.
        alone = len(writers) == 1 and sealing is None
        self._pool = None if alone else ThreadPoolExecutor(len(writers), "copy")
        self._working: list[Future[None]] = []
        self._refs: dict[str, str] = {}
        self._placing: Place | None = None
        self._open = True

    def write(self, data: bytes | memoryview) -> None:
        if not self._open:
            raise Unavailable("this item was committed or aborted before")
        view = memoryview(data).cast("B")
        if len(view) > self._left:
            raise Full(f"want at most {self._left} bytes more, got {len(view)}")
        self._left -= len(view)
        if self._sealing is not None:
            self._sealing.take(view, self._give)
            return
        self._give(view)
        self._settle()  # the memory is the caller's again

    def commit(self, leaves: bytes) -> str:
        if not self._open:
            raise Unavailable("this item was committed or aborted before")
        if self._left:
            raise Rejected(f"want {self._size} bytes, {self._left} of them did not come")
        if len(leaves) != DIGEST_SIZE * block_count(self._size):
            raise Rejected(f"want {block_count(self._size)} chunk hashes, got {len(leaves)} bytes")
        companion, root, wrap_id = leaves, b"", ""
        if self._sealing is not None:
            self._sealing.end(self._give)
            sealed = self._sealing.companion(leaves)
            companion, root, wrap_id = sealed.to_bytes(), sealed.root(), sealed.wrap_id
        self._settle()
        self._commit(companion)
        self._placing = Place(
            id=self._key,
            size=self._size,
            root=root or root_of(split(leaves)),
            wrap_id=wrap_id,
            companion=digest(companion) if wrap_id else b"",
            refs=self._refs,
        )
        self._vault.places.add(self._placing)
        self._close()
        return self._key

    def abort(self) -> None:
        if not self._open:
            return
        with suppress(LedgerError):  # what a write raised was raised where it mattered
            self._settle()
        errors = [error for writer in self._writers.values() for error in _tried(writer.abort)]
        if self._placing is not None:
            # Whether it was stored nobody knows. If it cannot be taken back, all stays.
            self._vault.places.remove(self._key)
        self._undo()
        self._close()
        if errors:
            raise errors[0]

    def _undo(self) -> None:
        """Deletes what one copy has and not all; what cannot be deleted now, at the next start."""
        left = {
            name: ref
            for name, ref in self._refs.items()
            if _tried(self._vault.copies[name].delete, ref)
        }
        if left:
            root = bytes(DIGEST_SIZE)
            gone = Place(id=self._key, size=self._size, root=root, refs=left)
            self._vault.places.add(gone, leaving=True)

    def _commit(self, companion: bytes) -> None:
        if self._pool is None:
            ((name, writer),) = self._writers.items()
            self._refs[name] = writer.commit(companion)
            return
        work = {n: self._pool.submit(w.commit, companion) for n, w in self._writers.items()}
        errors: list[BaseException] = []
        for name, future in work.items():
            error = future.exception()
            if error is None:
                self._refs[name] = future.result()
            else:
                errors.append(error)
        if errors:
            raise errors[0]

    def _give(self, data: memoryview) -> None:
        self._settle()
        if self._pool is None:
            for writer in self._writers.values():
                writer.write(data)
            return
        self._working = [self._pool.submit(w.write, data) for w in self._writers.values()]

    def _settle(self) -> None:
        """All that was given is written, by every copy; raises what one of them raised."""
        working, self._working = self._working, []
        errors = [future.exception() for future in working]
        for error in errors:
            if error is not None:
                raise error

    def _close(self) -> None:
        self._open = False
        if self._pool is not None:
            self._pool.shutdown()


def _tried(call: Callable[..., object], *arguments: object) -> list[LedgerError]:
    """What it raised, of which others must not suffer: nothing, or one."""
    try:
        call(*arguments)
    except LedgerError as error:
        return [error]
    return []
