"""Reads every copy of every item again, and mends from one what is damaged in another.

    each copy           its names listed, at the start and then every hour: what is not ours
    for each item, in order of ids
        companions      held against their digest or root in the database of places
        stored blocks   read at a bounded rate, hashed, held against a good companion
        damaged copy    written anew from good blocks, read again
        the item        looked at: durable, so that a scrub that is killed goes on from here

No key is needed: what is hashed is what is stored. Of items in plain that is the chunk tree
of the ledger's own digest. A good block in any copy is enough; an item of which one block,
or the companion, is good nowhere is lost, and nothing of it is changed.
"""

import math
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

from ledger.errors import Conflict, LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import CHUNK_SIZE
from ledger.evidence.sealed import OVERHEAD, Companion, block_count, is_sealed, split
from ledger.ports import Clock, ItemRecord, ObjectStore, ObjectWriter
from ledger.suite import DIGEST_SIZE, digest
from ledger.tlog.merkle import leaf_hash, root_of
from storage.items_vault import ItemVault
from storage.places_sqlite import Condition, Odd, Pass, Place

PAGE = 100  # items
HOUR_MS = 3_600_000
MAX_ODD = 10_000  # of each copy: who sees so many has seen enough
READ_AT_ONCE = 4  # blocks: after each the rate is kept
UNREADABLE = b""  # in the place of a hash

Recorded = Callable[[str, int], Sequence[ItemRecord]]


class Pace:
    """At most `rate` bytes a second from any moment on, but for one read."""

    def __init__(self, rate: int, clock: Clock, sleep: Callable[[float], object]) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free_ms = 0.0  # when what was read so far will have been allowed

    def spend(self, size: int) -> None:
        """Returns when `size` more bytes may be read."""
        now = self._clock.steady_ms()
        if self._free_ms > now:
            self._sleep((self._free_ms - now) / 1000)
        # Time in which nothing was read is not saved up.
        self._free_ms = max(self._free_ms, now) + size * 1000 / self._rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong with one copy of an item. `what` is one of `WHATS`."""

    item: str
    copy: str
    what: str
    chunks: tuple[int, ...] = ()
    mended: bool = False
    lost: bool = False  # the item: good bytes of it are nowhere

    def to_text(self) -> str:
        """For the database of places."""
        chunks = ",".join(map(str, self.chunks[:20]))
        return f"{self.what} {chunks}".rstrip()


# missing: object gone · damaged: `chunks` of it · longer: bytes behind its end
# companion: it alone is gone or damaged · absent: this copy never had it
WHATS = ("missing", "damaged", "longer", "companion", "absent")


@dataclass(slots=True)
class _Copy:
    """What was found of an item in one store; no `ref` where it never was."""

    name: str
    store: ObjectStore
    ref: str
    companion: bytes | None = None
    hashes: list[bytes] | None = None  # None if the object is missing
    longer: bool = False
    away: Unavailable | None = None  # what the store said, if it gave nothing at all


class Scrub:
    """One pass over everything that the places or the ledger speak of."""

    def __init__(
        self,
        vault: ItemVault,
        recorded: Recorded,
        clock: Clock,
        pace: Pace,
        tell: Callable[[Finding], object],
        *,
        tell_odd: Callable[[Odd], object] = lambda odd: None,
        listing_ms: int = HOUR_MS,
    ) -> None:
        self._vault = vault
        self._places = vault.places
        self._recorded = recorded
        self._clock = clock
        self._pace = pace
        self._tell = tell
        self._tell_odd = tell_odd
        self._listing_ms = listing_ms
        self._listed_ms: float = -math.inf
        self._read = 0

    def run(self) -> Pass:
        """To the end, from where the last run stopped. Raises `Unavailable` if a store is away."""
        done = self._places.begin_pass(self._clock.now_ms())
        self.list_names()
        for item, record in self._items(done.cursor):
            self.list_when_due()
            done = self._look(done, item, record)
        done = replace(done, ended_ms=self._clock.now_ms())
        self._places.end_pass(done)
        return done

    def list_when_due(self) -> None:
        if self._clock.steady_ms() - self._listed_ms >= self._listing_ms:
            self.list_names()

    def list_names(self) -> None:
        """Cheap beside reading: what somebody has written over, hidden or left in the stores."""
        for name, store in self._vault.copies.items():
            found = list(islice(store.oddities(), MAX_ODD))
            for odd in self._places.listed(name, found, self._clock.now_ms()):
                self._tell_odd(odd)
        self._listed_ms = self._clock.steady_ms()

    def odd(self) -> list[Odd]:
        return self._places.odd()

    def last_ended_ms(self) -> int:
        """0 before the first, and while one is under way."""
        last = self._places.last_pass()
        return 0 if last is None or self._places.is_under_way() else last.ended_ms

    def _items(self, cursor: str) -> Iterator[tuple[str, ItemRecord | None]]:
        while True:
            placed = [place.id for place in self._places.after(cursor, PAGE)]
            recorded = {record.object_id: record for record in self._recorded(cursor, PAGE)}
            ids = sorted({*placed, *recorded})
            for page in (placed, list(recorded)):
                if len(page) == PAGE:  # of what comes behind, this side knows nothing yet
                    ids = [item for item in ids if item <= page[-1]]
            if not ids:
                return
            for item in ids:
                yield item, recorded.get(item)
            cursor = ids[-1]

    def _look(self, before: Pass, item: str, record: ItemRecord | None) -> Pass:
        done = replace(before, cursor=item)
        self._read = 0
        place = self._places.find(item) or self._enrol(record)
        if place is None:
            recorded = self._recorded(before.cursor, PAGE)
            if not any(record.object_id == item for record in recorded):
                return done  # removed since the page was read
            self._tell(Finding(item=item, copy="", what="missing", lost=True))
            done = replace(done, items=done.items + 1, damaged=done.damaged + 1, lost=done.lost + 1)
            self._places.looked(done, [], lost=True)
            return done
        if record is not None and not place.wrap_id:
            place = replace(place, root=record.digest.chunks)
        copies = self._copies(place)
        findings = self._findings(place, copies)
        if findings and self._places.find(item) is None:
            return done  # deleted while it was read
        self._lock(place, copies)
        for finding in findings:
            self._tell(finding)
        now = self._clock.now_ms()
        left = {finding.copy: finding for finding in findings if not finding.mended}
        conditions = [
            Condition(
                copy=copy.name,
                verified_ms=now,
                damage=left[copy.name].to_text() if copy.name in left else "",
            )
            for copy in copies
        ]
        lost = any(finding.lost for finding in findings)
        bad = [finding for finding in findings if finding.what != "absent"]
        done = replace(
            done,
            items=done.items + 1,
            copies=done.copies + sum(copy.hashes is not None for copy in copies),
            bytes=done.bytes + self._read,
            damaged=done.damaged + len(bad),
            mended=done.mended + sum(finding.mended for finding in bad),
            added=done.added + sum(f.mended for f in findings if f.what == "absent"),
            lost=done.lost + lost,
        )
        self._places.looked(done, conditions, lost=lost)
        return done

    def _enrol(self, record: ItemRecord | None) -> Place | None:
        """A place for an item from before there were places, where its first copy has it."""
        if record is None:
            return None
        item = record.object_id
        refs: dict[str, str] = {}
        sealed: list[bytes] = []
        for name, store in self._vault.copies.items():
            with suppress(Unknown):
                companion = store.companion(item)
                refs[name] = item
                if is_sealed(companion):
                    sealed.append(companion)
                continue
            with suppress(Unknown):
                store.read(item, 0, 0)
                refs[name] = item
        if not refs:
            return None
        place = Place(id=item, size=record.digest.size, root=record.digest.chunks, refs=refs)
        if sealed:
            whole = {data for data in sealed if _is_whole(data)}
            if len(whole) != 1:
                # Only the key tells which of two is good: mended from the other, it would be gone.
                return None
            (companion,) = whole
            found = Companion.from_bytes(companion)
            place = replace(
                place, root=found.root(), wrap_id=found.wrap_id, companion=digest(companion)
            )
        with suppress(Conflict):
            self._places.add(place)
        return self._places.find(item)

    # --- reading -------------------------------------------------------------------------------

    def _copies(self, place: Place) -> list[_Copy]:
        copies = [
            self._read_copy(place, _Copy(name, store, place.refs.get(name, "")))
            for name, store in self._vault.copies.items()
        ]
        for copy in copies:
            if copy.away is not None:
                raise copy.away
        return copies

    def _read_copy(self, place: Place, copy: _Copy) -> _Copy:
        if not copy.ref:
            return copy
        silent: Unavailable | None = None
        try:
            copy.companion = copy.store.companion(copy.ref)
        except Unknown:
            pass
        except Unavailable as error:
            silent = error
        copy.hashes = self._hashes(place, copy)
        if silent is not None and copy.hashes is not None and not any(copy.hashes):
            copy.away = silent
        if copy.hashes is not None:
            total = _span(place, 0, block_count(place.size))[1]
            with suppress(Unavailable, Unknown):
                copy.store.read(copy.ref, total, total + 1)
                copy.longer = True
        return copy

    def _hashes(self, place: Place, copy: _Copy) -> list[bytes] | None:
        """Of the stored blocks; None if the object is missing."""
        found: list[bytes] = []
        count = block_count(place.size)
        for start in range(0, count, READ_AT_ONCE):
            numbers = range(start, min(start + READ_AT_ONCE, count))
            try:
                blocks = self._blocks(place, copy, numbers)
            except Unknown:
                return None
            found += [UNREADABLE if block is None else leaf_hash(block) for block in blocks]
        return found

    def _blocks(self, place: Place, copy: _Copy, numbers: range) -> list[bytes | None]:
        """Together, or one by one if that does not do; None for what cannot be read."""
        try:
            data = self._bytes(place, copy, numbers.start, numbers.stop)
        except Unavailable:
            if len(numbers) == 1:
                return [None]
            return [b for n in numbers for b in self._blocks(place, copy, range(n, n + 1))]
        stride = _stride(place)
        return [data[i * stride : (i + 1) * stride] for i in range(len(numbers))]

    def _bytes(self, place: Place, copy: _Copy, start: int, end: int) -> bytes:
        begin, stop = _span(place, start, end)
        self._pace.spend(stop - begin)
        data = copy.store.read(copy.ref, begin, stop)
        self._read += len(data)
        return data

    def _lock(self, place: Place, copies: Sequence[_Copy]) -> None:
        """What is retained or held, in every copy: also where a crash or a fault left that out."""
        for copy in copies:
            if not copy.ref:
                continue
            with suppress(Unknown):  # it is missing, and found so
                if place.until_ms:
                    copy.store.retain(copy.ref, place.until_ms)
                if place.held:
                    copy.store.hold(copy.ref, True)

    # --- judging -------------------------------------------------------------------------------

    def _findings(self, place: Place, copies: list[_Copy]) -> list[Finding]:
        good = next(
            (c.companion for c in copies if c.companion and _is_good(place, c.companion)), None
        )
        hashes = self._expected(place, copies, good)
        if hashes is not None and good is None and not place.wrap_id:
            good = b"".join(hashes)
        wrong = [
            finding for copy in copies if (finding := _wrong(place, copy, good, hashes)) is not None
        ]
        if not wrong:
            return []
        sources = _sources(copies, hashes) if hashes is not None else []
        if good is None or not sources or any(source is None for source in sources):
            return [replace(finding, lost=True) for finding in wrong]
        by_name = {copy.name: copy for copy in copies}
        return [
            self._mend(place, by_name[finding.copy], finding, good, hashes or [], sources)
            for finding in wrong
        ]

    def _expected(
        self, place: Place, copies: list[_Copy], good: bytes | None
    ) -> list[bytes] | None:
        """The hashes of the stored blocks: a good companion's, or those of a copy that is whole."""
        if good is not None:
            return split(Companion.from_bytes(good).hashes if place.wrap_id else good)
        for copy in copies:
            if copy.hashes and all(copy.hashes) and root_of(copy.hashes) == place.root:
                return copy.hashes
        return None

    # --- mending -------------------------------------------------------------------------------

    def _mend(
        self,
        place: Place,
        copy: _Copy,
        finding: Finding,
        good: bytes,
        hashes: list[bytes],
        sources: Sequence[_Copy | None],
    ) -> Finding:
        """The finding, mended if what was written anew was read again and found good."""
        try:
            if finding.what == "companion":
                copy.store.put_companion(copy.ref, good)
            else:
                self._write(place, copy, good, hashes, sources)
            if self._places.find(place.id) is None:
                # Deleted meanwhile: of what was destroyed nothing may come back.
                copy.store.delete(copy.ref)
                return finding
            again = self._read_copy(place, _Copy(copy.name, copy.store, copy.ref))
        except (Unavailable, Rejected):
            return finding
        return replace(finding, mended=_wrong(place, again, good, hashes) is None)

    def _write(
        self,
        place: Place,
        copy: _Copy,
        good: bytes,
        hashes: list[bytes],
        sources: Sequence[_Copy | None],
    ) -> None:
        """The object anew, from whoever has each block good; then its place, if that is another."""
        size = _span(place, 0, len(hashes))[1]
        old = copy.ref
        writer = _begin_anew(copy.store, old, place.id, size)
        try:
            for number, source in enumerate(sources):
                assert source is not None
                block = self._bytes(place, source, number, number + 1)
                if leaf_hash(block) != hashes[number]:
                    raise Unavailable(f"block {number} of {place.id!r} changed while it was read")
                writer.write(block)
            copy.ref = writer.commit(good)
        finally:
            writer.abort()
        if copy.ref != old:
            with suppress(Conflict):  # its item has been deleted
                self._places.put_ref(place.id, copy.name, copy.ref)
        # Asked only now: whoever locks it from now on finds this copy too.
        now = self._places.find(place.id)
        if now is None:
            return
        self._lock(now, [copy])
        if old and copy.ref != old:
            with suppress(LedgerError):  # it may be locked: then it stays, and is found by `ids`
                copy.store.delete(old)


def _is_whole(companion: bytes) -> bool:
    try:
        Companion.from_bytes(companion)
    except Malformed:
        return False
    return True


def _is_good(place: Place, companion: bytes) -> bool:
    if place.wrap_id:
        return digest(companion) == place.companion
    count = block_count(place.size)
    return len(companion) == DIGEST_SIZE * count and root_of(split(companion)) == place.root


def _wrong(
    place: Place, copy: _Copy, good: bytes | None, hashes: list[bytes] | None
) -> Finding | None:
    """What is wrong with a copy; where nobody knows what is right, all of it."""
    item, name = place.id, copy.name
    if not copy.ref:
        return Finding(item=item, copy=name, what="absent")
    if copy.hashes is None:
        return Finding(item=item, copy=name, what="missing")
    expected = hashes or [UNREADABLE] * len(copy.hashes)
    pairs = enumerate(zip(copy.hashes, expected, strict=True))
    bad = tuple(n for n, (found, want) in pairs if found != want or not found)
    if bad:
        return Finding(item=item, copy=name, what="damaged", chunks=bad)
    if copy.longer:
        return Finding(item=item, copy=name, what="longer")
    if good is None or copy.companion != good:
        return Finding(item=item, copy=name, what="companion")
    return None


def _sources(copies: Sequence[_Copy], hashes: Sequence[bytes]) -> list[_Copy | None]:
    """For each block a copy that has it good."""
    return [
        next((c for c in copies if c.hashes is not None and c.hashes[number] == want), None)
        for number, want in enumerate(hashes)
    ]


def _stride(place: Place) -> int:
    return CHUNK_SIZE + OVERHEAD if place.wrap_id else CHUNK_SIZE


def _span(place: Place, start: int, end: int) -> tuple[int, int]:
    """Where the stored blocks [start, end) lie."""
    total = place.size + (_stride(place) - CHUNK_SIZE) * block_count(place.size)
    return start * _stride(place), min(end * _stride(place), total)


def _begin_anew(store: ObjectStore, old: str, item: str, size: int) -> ObjectWriter:
    """In the place of `old`; or under the item's own id, as at an upload, where there is no old
    reference or it is of a store that this copy was in before. Not where something lies there
    without a place.
    """
    if old:
        with suppress(Unknown):
            return store.mend(old, size)
    try:
        return store.begin(item, size)
    except (Conflict, Unknown):
        return store.begin(secrets.token_hex(16), size)
