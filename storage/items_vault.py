"""Items at rest: in one or two copies, sealed or in plain.

    item ─► blocks, sealed ─┬─► first copy     object and companion
                            ├─► second copy    the same bytes
                            └─► places.sqlite  where they are: the item is acknowledged

An item is there when every copy has it and its place is durable; if one copy cannot take
it, nothing is. Reading asks the first copy, and for each block that it cannot give, or
gives damaged, the other. Nothing is deleted that a row speaks of; what has no row is an
item from before there were rows, or what a crash left, and `ids` shows both.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from ledger.encoding import clip
from ledger.errors import Conflict, Full, LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import CHUNK_SIZE, check_chunk
from ledger.evidence.sealed import (
    STORED_BLOCK,
    Companion,
    ItemSeal,
    block_count,
    is_sealed,
    split,
    stored_size,
)
from ledger.ports import Clock, KeyWrap, ObjectStore, ObjectWriter
from ledger.suite import DIGEST_SIZE, digest
from ledger.suite_private import SEAL_KEY
from ledger.tlog.merkle import root_of
from storage.clock import SystemClock
from storage.places_sqlite import Place, SqlitePlaces
from storage.sealing import ItemKey, Sealing, StoredHashes

READ_AT_ONCE = 16  # blocks that are asked for together

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
        clock: Clock | None = None,
        beside: bool = False,
    ) -> None:
        self._clock = clock or SystemClock()
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
        return VaultWriter(self._copying(key, size, sealed=sealing is not None), sealing)

    def new_key(self, size: int) -> ItemKey | None:
        """For who seals an item of `size` bytes himself; None where items are kept in plain."""
        if self._newest is None:
            return None
        id_, bare = secrets.token_hex(16), os.urandom(SEAL_KEY)
        wrapped = self._newest.wrap(bare, bytes.fromhex(id_))
        return ItemKey(id=id_, size=size, wrap_id=self._newest.id, wrapped=wrapped, bare=bare)

    def open_key(self, object_id: str, size: int, wrap_id: str, wrapped: bytes) -> ItemSeal:
        """The key of `new_key` again; raises `Rejected` without the key that wraps it."""
        return self._unwrap(bytes.fromhex(object_id), size, wrap_id, wrapped)

    def bare_key(self, object_id: str, wrap_id: str, wrapped: bytes) -> bytes:
        """The same, for who seals the item himself and asks again."""
        return self._wrap_of(wrap_id).unwrap(wrapped, bytes.fromhex(object_id))

    def begin_sealed(self, object_id: str, size: int) -> "SealedWriter":
        """For the blocks of an item of `size` bytes that were sealed under its `new_key`.

        Raises `Conflict` if that item is here. What is left of an earlier attempt goes first.
        """
        if self.places.find(object_id) is not None:
            raise Conflict(f"the item {object_id!r} is here already")
        for place in self.places.leaving():
            if place.id == object_id:
                self._delete(place)
        return SealedWriter(self._copying(object_id, size, sealed=True))

    def is_kept(self, object_id: str) -> bool:
        return self.places.find(object_id) is not None

    def _copying(self, key: str, size: int, *, sealed: bool) -> "_Copying":
        writers: dict[str, ObjectWriter] = {}
        try:
            for name, store in self.copies.items():
                writers[name] = begin_anew(store, key, stored_size(size) if sealed else size)
        except BaseException:
            for writer in writers.values():
                writer.abort()
            raise
        return _Copying(self, key, size, writers, sealed=sealed)

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
        if place.held:
            raise Rejected(f"the item {object_id!r} is under a legal hold")
        if self._clock.now_ms() < place.until_ms:
            raise Rejected(f"the item {object_id!r} is to be kept until {place.until_ms} ms")
        self.places.leave(object_id)
        try:
            self._delete(place)
        except Rejected:
            self.places.leave(object_id, False)
            raise

    def destroy(self, object_id: str) -> None:
        """What a disposal in the log names: in every copy its key, and its bytes where they may go.

        That it is under no hold is the caller's to know: what the stores hold is let go. Quiet
        if it is gone. Of a sealed item that a store still retains, its key is gone when this
        returns; of one in plain, this raises `Rejected`. Again, after a crash, it goes on.
        """
        place = self.places.find(object_id)
        if place is not None:
            self.places.leave(object_id)
        else:
            place = next((one for one in self.places.leaving() if one.id == object_id), None)
        if place is None:
            self._delete_quietly(object_id)
        else:
            self._destroy(place)
        self.places.fold()

    def _destroy(self, place: Place) -> None:
        for name, ref in place.refs.items():
            _destroy_key(self._copy(name), ref, sealed=bool(place.wrap_id))
        try:
            self._delete(place)
        except Rejected:
            if not place.wrap_id:
                raise  # until then nobody reads it, and at each start it is tried again

    def _delete_quietly(self, object_id: str) -> None:
        """From before there were places; or gone already."""
        for name, store in self.copies.items():
            if self.places.knows(name, object_id):
                continue
            with suppress(Unknown):
                store.hold(object_id, False)
            with suppress(Unknown):
                store.delete(object_id)

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
        seal = self._seal_of(companion)
        return _Source(
            object_id,
            copies,
            companion.size,
            STORED_BLOCK,
            seal.open_block,
            lambda: seal.open_leaves(companion.leaves),
        )

    def _seal_of(self, companion: Companion) -> ItemSeal:
        return self._unwrap(companion.item, companion.size, companion.wrap_id, companion.wrapped)

    def _unwrap(self, item: bytes, size: int, wrap_id: str, wrapped: bytes) -> ItemSeal:
        return ItemSeal(self._wrap_of(wrap_id).unwrap(wrapped, item), item, size)

    def _wrap_of(self, wrap_id: str) -> KeyWrap:
        wrap = self._wraps.get(wrap_id)
        if wrap is None:
            raise _missing(wrap_id)
        return wrap

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
                self._seal_of(Companion.from_bytes(self._copy(name).companion(ref)))
                return
            except LedgerError as error:
                last = error
        if last is not None:
            raise last


def begin_anew(store: ObjectStore, key: str, size: int) -> ObjectWriter:
    """Only for a key that has no place."""
    try:
        return store.begin(key, size)
    except Conflict:
        # An earlier attempt, which a crash cut short, came as far as this copy.
        clear_away(store, key)
        return store.begin(key, size)


def clear_away(store: ObjectStore, key: str) -> None:
    """Every object of a key that has no place. Takes a whole list of the store."""
    for ref in [ref for ref in store.refs() if ref.partition("@")[0] == key]:
        store.delete(ref)


def _destroy_key(store: ObjectStore, ref: str, *, sealed: bool) -> None:
    with suppress(Unknown):  # gone from this copy
        store.hold(ref, False)
    if not sealed:
        return
    with suppress(Unknown):
        store.put_companion(ref, bytes(len(store.companion(ref))))


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


class VaultWriter:
    """Implements `ledger.ports.ItemWriter`. For one thread at a time."""

    def __init__(self, copying: "_Copying", sealing: Sealing | None) -> None:
        self._copying = copying
        self._left = copying.size
        self._sealing = sealing

    def write(self, data: bytes | memoryview) -> None:
        self._copying.check_open()
        view = memoryview(data).cast("B")
        if len(view) > self._left:
            raise Full(f"want at most {self._left} bytes more, got {len(view)}")
        self._left -= len(view)
        if self._sealing is not None:
            self._sealing.take(view, self._copying.give)
            return
        self._copying.give(view)
        self._copying.settle()  # the memory is the caller's again

    def commit(self, leaves: bytes) -> str:
        size = self._copying.size
        self._copying.check_open()
        if self._left:
            raise Rejected(f"want {size} bytes, {self._left} of them did not come")
        if len(leaves) != DIGEST_SIZE * block_count(size):
            raise Rejected(f"want {block_count(size)} chunk hashes, got {len(leaves)} bytes")
        if self._sealing is None:
            return self._copying.keep(leaves, root_of(split(leaves)))
        self._sealing.end(self._copying.give)
        companion = self._sealing.companion(leaves)
        return self._copying.keep(companion.to_bytes(), companion.root(), companion.wrap_id)

    def abort(self) -> None:
        self._copying.abort()


class SealedWriter:
    """An item whose blocks were sealed before: they are kept as they come. For one thread."""

    def __init__(self, copying: "_Copying") -> None:
        self._copying = copying
        self._left = stored_size(copying.size)
        self._counted = StoredHashes(copying.size)
        self._hashes = b""

    def write(self, stored: bytes | memoryview) -> None:
        self._copying.check_open()
        view = memoryview(stored).cast("B")
        if len(view) > self._left:
            raise Full(f"want at most {self._left} stored bytes more, got {len(view)}")
        self._left -= len(view)
        self._copying.give(view)
        self._counted.update(view)  # while it is being written
        self._copying.settle()

    def hashes(self) -> bytes:
        """Of the stored blocks, joined: what their companion has to say. After the last byte."""
        self._hashes = self._hashes or self._counted.finish()
        return self._hashes

    def commit(self, companion: Companion) -> str:
        """Raises `Rejected` unless it is the companion of just these blocks."""
        self._copying.check_open()
        key, size = self._copying.key, self._copying.size
        if self._left:
            raise Rejected(f"want {stored_size(size)} bytes, {self._left} of them did not come")
        if (companion.item.hex(), companion.size) != (key, size):
            raise Rejected(f"want the companion of {key!r} of {size} bytes, got another item's")
        if companion.hashes != self.hashes():
            raise Rejected("want the hashes of the stored blocks, got others")
        return self._copying.keep(companion.to_bytes(), companion.root(), companion.wrap_id)

    def abort(self) -> None:
        self._copying.abort()


class _Copying:
    """An item on its way to every copy, and to its place. Nothing is visible before `keep`."""

    def __init__(
        self,
        vault: ItemVault,
        key: str,
        size: int,
        writers: Mapping[str, ObjectWriter],
        *,
        sealed: bool,
    ) -> None:
        self.key = key
        self.size = size
        self._vault = vault
        self._writers = writers
        # A plain item in one copy needs no other thread.
        alone = len(writers) == 1 and not sealed
        self._pool = None if alone else ThreadPoolExecutor(len(writers), "copy")
        self._working: list[Future[None]] = []
        self._refs: dict[str, str] = {}
        self._placing: Place | None = None
        self._open = True

    def check_open(self) -> None:
        if not self._open:
            raise Unavailable("this item was committed or aborted before")

    def give(self, data: memoryview) -> None:
        """Returns when what was given before is written."""
        self.settle()
        if self._pool is None:
            for writer in self._writers.values():
                writer.write(data)
            return
        self._working = [self._pool.submit(w.write, data) for w in self._writers.values()]

    def settle(self) -> None:
        """All that was given is written, by every copy; raises what one of them raised."""
        working, self._working = self._working, []
        errors = [future.exception() for future in working]
        for error in errors:
            if error is not None:
                raise error

    def keep(self, companion: bytes, root: bytes, wrap_id: str = "") -> str:
        self.settle()
        self._commit(companion)
        self._placing = Place(
            id=self.key,
            size=self.size,
            root=root,
            wrap_id=wrap_id,
            companion=digest(companion) if wrap_id else b"",
            refs=self._refs,
        )
        self._vault.places.add(self._placing)
        self._close()
        return self.key

    def abort(self) -> None:
        if not self._open:
            return
        with suppress(LedgerError):  # what a write raised was raised where it mattered
            self.settle()
        errors = [error for writer in self._writers.values() for error in _tried(writer.abort)]
        if self._placing is not None:
            # Whether it was stored nobody knows. If it cannot be taken back, all stays.
            self._vault.places.remove(self.key)
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
            gone = Place(id=self.key, size=self.size, root=root, refs=left)
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
