"""The ports in memory: for tests, with the meaning of the real ones and no durability."""

import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ledger.errors import Conflict, Full, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.entry import OPENING
from ledger.evidence.series import Series
from ledger.ports import ItemRecord, SealedItemWriter, StampRecord
from ledger.sequencer import Batch, Head, Row
from ledger.tlog.tile import Tile

BLOCK = 1 << 20


class MemoryLedgerStore:
    """Implements `ledger.ports.LedgerStore`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heads: list[Head] = []
        self._rows: list[Row] = []
        self._by_id: dict[str, Row] = {}
        self._series: dict[str, tuple[bytes, int]] = {}
        self._places: dict[str, list[int]] = {}
        self._items: dict[str, ItemRecord] = {}
        self._cosigned: dict[tuple[int, int], str] = {}
        self._stamps: dict[tuple[int, int, str], StampRecord] = {}

    def head(self) -> Head | None:
        return self._heads[-1] if self._heads else None

    def heads(self) -> Sequence[Head]:
        return list(self._heads)

    def commit(self, batch: Batch, note: str, expected: Head | None) -> None:
        with self._lock:
            head = self.head()
            if (head and head.note) != (expected and expected.note):
                raise Conflict(
                    "the head of the log is no longer the one this batch was planned for"
                )
            places = self._check(batch)
            self._heads = [*self._heads[: batch.log], batch.head(note)]
            self._rows += batch.rows
            self._by_id |= {row.statement_id: row for row in batch.rows}
            self._series |= {series.name: (series.signature, n) for series, n in batch.series}
            self._places |= places
            for claim in batch.claims:
                self._items[claim] = replace(self._items[claim], claimed=True)

    def row(self, number: int) -> Row:
        if not 0 <= number < len(self._rows):
            raise Unknown(f"no statement has the number {number}")
        return self._rows[number]

    def find(self, statement_id: str) -> Row | None:
        return self._by_id.get(statement_id)

    def known(self, statement_ids: Sequence[str]) -> frozenset[str]:
        return frozenset(self._by_id.keys() & set(statement_ids))

    def rows(self, start: int, end: int) -> Iterator[Row]:
        return (self.row(number) for number in range(start, end))

    def registers(self, start: int = 0) -> Iterator[Row]:
        return (row for row in list(self._rows[start:]) if row.kind == "register")

    def guarding(self) -> Iterator[Row]:
        return (row for row in list(self._rows) if row.kind in ("complaint", "disposal", "hold"))

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        return (self.row(number).entry for number in range(start, end))

    def series(self, names: Sequence[str]) -> Mapping[str, tuple[bytes, int]]:
        return {name: self._series[name] for name in names if name in self._series}

    def places(self, name: str) -> Sequence[int]:
        return list(self._places.get(name, ()))

    def lost(self) -> Sequence[int]:
        return []  # nothing is ever restored here

    def find_lost(self, series: Sequence[Series]) -> None:
        pass

    def add_item(self, item: ItemRecord) -> None:
        with self._lock:
            if item.object_id in self._items:
                raise Conflict(f"the item {item.object_id!r} is here already")
            self._items[item.object_id] = item

    def find_items(self, wanted: Sequence[tuple[ItemDigest, str]]) -> Sequence[ItemRecord | None]:
        return [self._find_item(digest, agency) for digest, agency in wanted]

    def _find_item(self, digest: ItemDigest, agency: str) -> ItemRecord | None:
        with self._lock:
            mine = [item for item in self._items.values() if item.agency == agency]
        held = [item for item in mine if digest in (item.digest, replace(item.digest, sm3=b""))]
        held.sort(key=lambda item: (not item.claimed, item.uploaded_ms, item.object_id))
        return next(iter(held), None)

    def held(self, sha256: bytes, size: int, agency: str) -> ItemRecord | None:
        with self._lock:
            mine = [item for item in self._items.values() if item.agency == agency]
        held = [i for i in mine if (i.digest.sha256, i.digest.size) == (sha256, size)]
        held.sort(key=lambda item: (not item.claimed, item.uploaded_ms, item.object_id))
        return next(iter(held), None)

    def unclaimed(self, before_ms: int) -> Sequence[ItemRecord]:
        with self._lock:
            held = [item for item in self._items.values() if not item.claimed]
        old = [item for item in held if item.uploaded_ms < before_ms]
        return sorted(old, key=lambda item: (item.uploaded_ms, item.object_id))

    def object_ids(self) -> Iterator[str]:
        with self._lock:
            return iter(list(self._items))

    def has_item(self, object_id: str) -> bool:
        with self._lock:
            return object_id in self._items

    def items_after(self, object_id: str, count: int) -> Sequence[ItemRecord]:
        with self._lock:
            return [self._items[i] for i in sorted(self._items) if i > object_id][:count]

    def forget_items(self, object_ids: Sequence[str]) -> None:
        with self._lock:
            for object_id in object_ids:
                if object_id in self._items and not self._items[object_id].claimed:
                    del self._items[object_id]

    def unclaimed_bytes(self, keyid: str) -> int:
        with self._lock:
            held = [item for item in self._items.values() if not item.claimed]
        return sum(item.digest.size for item in held if item.keyid == keyid)

    def add_cosigned(self, log: int, size: int, note: str) -> None:
        self._cosigned[log, size] = note

    def cosigned(self, log: int, size: int) -> str | None:
        kept = [kept for kept in list(self._cosigned) if kept[0] == log and kept[1] >= size]
        return self._cosigned[min(kept)] if kept else None

    def newest_cosigned(self, log: int) -> str | None:
        kept = [kept for kept in list(self._cosigned) if kept[0] == log]
        return self._cosigned[max(kept)] if kept else None

    def add_stamp(self, stamp: StampRecord) -> None:
        self._stamps.setdefault((stamp.log, stamp.size, stamp.name), stamp)

    def stamps(self, log: int, size: int) -> Sequence[StampRecord]:
        found = [s for _, s in sorted(self._stamps.items()) if s.log == log and s.size >= size]
        return [stamp for stamp in found if stamp.size == found[0].size]

    def newest_stamp(self, log: int) -> int:
        return max((s.size for s in self._stamps.values() if s.log == log), default=0)

    def _check(self, batch: Batch) -> dict[str, list[int]]:
        """Raises as the database's constraints would; returns the places after the batch."""
        size, end = len(self._rows), batch.start + batch.edge.size
        begins = batch.log == len(self._heads)
        if begins != (batch.start == size) or batch.log < len(self._heads) - 1:
            raise Conflict(f"want a batch of the last log or the next one, got log {batch.log}")
        if [row.number for row in batch.rows] != list(range(size, end)):
            raise Conflict(f"want rows {size} to {end} in a batch after {size}")
        ids = {row.statement_id for row in batch.rows}
        if len(ids) != len(batch.rows) or ids & self._by_id.keys():
            raise Conflict("a statement is stored once")
        for series, count in batch.series:
            signature, before = self._series.get(series.name, (series.signature, 0))
            if signature != series.signature or count < before:
                raise Conflict("a series only grows")
        if missing := [claim for claim in batch.claims if claim not in self._items]:
            raise Unknown(f"{len(missing)} of the items that this batch claims are not here")
        return self._with_places(batch)

    def _with_places(self, batch: Batch) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for row in batch.rows:
            for name, n in row.places:
                numbers = places.setdefault(name, list(self._places.get(name, ())))
                numbers.append(row.number)
                if len(numbers) != n:
                    raise Conflict("a series is numbered without gaps")
        return places


class MemoryItemStore:
    """Implements `ledger.ports.ItemStore`, with `room` bytes."""

    def __init__(self, room: int = 1 << 30) -> None:
        self._room = room
        self._items: dict[str, tuple[bytes, bytes]] = {}
        self._reserved: dict[str, int] = {}
        self._until_ms: dict[str, int] = {}
        self._held: frozenset[str] = frozenset()

    def begin(self, size: int) -> "MemoryItemWriter":
        held = sum(len(data) for data, _ in self._items.values())
        if held + sum(self._reserved.values()) + size > self._room:
            raise Full(f"no room for {size} bytes more")
        object_id = secrets.token_hex(16)
        self._reserved[object_id] = size
        return MemoryItemWriter(self, object_id, size)

    def begin_sealed(self, object_id: str, size: int) -> SealedItemWriter:
        self.begin(size).abort()
        raise Unavailable("this store keeps items in plain")

    def is_kept(self, object_id: str) -> bool:
        return object_id in self._items

    def stream(self, object_id: str) -> Iterator[bytes]:
        data, _ = self._get(object_id)
        return (data[i : i + BLOCK] for i in range(0, len(data), BLOCK))

    def read(self, object_id: str, start: int, end: int) -> bytes:
        data = self._get(object_id)[0][start:end]
        if len(data) != end - start:
            raise Unavailable(f"want bytes {start} to {end} of {object_id!r}, it is shorter")
        return data

    def leaves(self, object_id: str) -> bytes:
        return self._get(object_id)[1]

    def delete(self, object_id: str) -> None:
        _check_id(object_id)
        if object_id in self._held or time.time_ns() // 1_000_000 < self._until_ms.get(
            object_id, 0
        ):
            raise Rejected(f"the item {object_id!r} is to be kept")
        self._items.pop(object_id, None)

    def ids(self) -> Iterator[str]:
        return iter(sorted(self._items))

    def retain(self, object_id: str, until_ms: int) -> None:
        self._get(object_id)
        self._until_ms[object_id] = max(until_ms, self._until_ms.get(object_id, 0))

    def hold(self, object_id: str, on: bool) -> None:
        self._get(object_id)
        self._held = self._held | {object_id} if on else self._held - {object_id}

    def _get(self, object_id: str) -> tuple[bytes, bytes]:
        _check_id(object_id)
        if object_id not in self._items:
            raise Unknown(f"no item {object_id!r}")
        return self._items[object_id]


class MemoryItemWriter:
    def __init__(self, store: MemoryItemStore, object_id: str, size: int) -> None:
        self._store = store
        self._object_id = object_id
        self._left = size
        self._data = bytearray()

    def write(self, data: bytes | memoryview) -> None:
        if len(data) > self._left:
            raise Full(f"want at most {self._left} bytes more, got {len(data)}")
        self._left -= len(data)
        self._data += data

    def commit(self, leaves: bytes) -> str:
        del self._store._reserved[self._object_id]
        self._store._items[self._object_id] = bytes(self._data), leaves
        return self._object_id

    def abort(self) -> None:
        self._store._reserved.pop(self._object_id, None)


class MemoryPublicStore:
    """Implements `ledger.ports.PublicStore`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, path: str, data: bytes) -> None:
        if path not in OPENING:
            Tile.from_path(path)
        if self.files.setdefault(path, data) != data:
            raise Conflict(f"{path!r} is published already, with other bytes")

    def replace(self, path: str, data: bytes) -> None:
        if path != "checkpoint":
            raise Malformed(f"want 'checkpoint', got {path!r}")
        self.files[path] = data

    def get(self, path: str) -> bytes:
        if path not in ("checkpoint", *OPENING):
            Tile.from_path(path)
        if path not in self.files:
            raise Unknown(f"no file {path!r} in the log")
        return self.files[path]

    def discard(self, folder: str) -> None:
        Tile.from_path(f"{folder}/1")
        for path in [path for path in self.files if path.startswith(f"{folder}/")]:
            del self.files[path]


def _check_id(object_id: str) -> None:
    if len(object_id) != 32 or set(object_id) - set("0123456789abcdef"):
        raise Unknown(f"no item {object_id[:60]!r}")
