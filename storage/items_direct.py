"""Items that stations seal and put into the first copy themselves, past the server.

    key, URLs ─► station ─► object, complete ─► read, opened ─► companion, other copies ─► place

Only where the first copy is a bucket and items are sealed. Until its place is durable the object
is nothing: it has no companion before it was read, and what is refused is removed.
"""

import os
from collections.abc import Generator
from contextlib import closing, suppress
from functools import partial
from typing import cast

from ledger.abreast import Piece, Taker, in_turn
from ledger.errors import Conflict, LedgerError, Rejected, Unknown
from ledger.evidence.sealed import STORED_BLOCK, Companion, stored_size
from ledger.ports import ObjectStore, ObjectWriter
from ledger.suite import digest
from ledger.suite_private import SEAL_NONCE
from storage.direct_directory import Begun
from storage.items_vault import ItemVault, begin_anew, clear_away
from storage.objects_s3 import DirectUpload, S3ObjectStore
from storage.places_sqlite import Place
from storage.sealing import ItemKey, StoredHashes, alongside, opened


class NoDirect(Rejected):
    code = "no_direct"


class DirectItems:
    """Usable from any thread, each item by one at a time."""

    def __init__(self, vault: ItemVault) -> None:
        self._vault = vault
        (self._name, self._first), *others = vault.copies.items()
        self._others: dict[str, ObjectStore] = dict(others)

    def check_offered(self) -> None:
        """Raises `NoDirect` where stations cannot put items themselves."""
        self._bucket()

    def begin(self, size: int) -> tuple[Begun, ItemKey]:
        """Raises `NoDirect` too."""
        store = self._bucket()
        key = self._vault.new_key(size)
        if key is None:
            raise _refused("this ledger keeps items in plain")
        upload = store.open_direct(key.id, stored_size(size), STORED_BLOCK)
        begun = Begun(
            item=key.id,
            wrap_id=key.wrap_id,
            wrapped=key.wrapped,
            upload_id=upload.upload_id,
            part_size=upload.part_size,
        )
        return begun, key

    def bare_key(self, begun: Begun) -> bytes:
        return self._vault.bare_key(begun.item, begun.wrap_id, begun.wrapped)

    def part_count(self, begun: Begun, size: int) -> int:
        return _upload(begun, size).parts

    def part_length(self, begun: Begun, size: int, number: int) -> int:
        return _upload(begun, size).length(number)

    def part_urls(
        self, begun: Begun, size: int, first: int, count: int, lives_s: int
    ) -> tuple[str, ...]:
        return self._bucket().part_urls(_upload(begun, size), first, count, lives_s)

    def parts_there(self, begun: Begun, size: int, first: int, count: int) -> dict[int, int]:
        return self._bucket().parts_there(_upload(begun, size), first, count)

    def complete(self, begun: Begun, size: int) -> str:
        """The reference of the object, which is nothing yet. Called again it gives the same.

        Raises `Rejected` but not `Unknown` or `Conflict` where parts may be put again.
        """
        return self._bucket().complete_direct(_upload(begun, size))

    def read(self, begun: Begun, size: int, ref: str) -> "Arriving":
        return Arriving(self._vault, self._name, self._others, begun, size, ref)

    def is_kept(self, item: str) -> bool:
        return self._vault.is_kept(item)

    def is_unverified(self, ref: str) -> bool:
        """Whether a station put it into the first copy, and nobody has come to read it since.

        `ref` as the vault's `ids` has it: an item, or an object of any copy that has no place.
        """
        if not isinstance(self._first, S3ObjectStore) or self.is_kept(ref):
            return False
        for store in (self._first, *self._others.values()):
            with suppress(Unknown):
                store.companion(ref)
                return False
        return True

    def clear(self, begun: Begun, size: int, *, copied: bool) -> None:
        """Nothing of it is left in any copy on return. Not once the item has a place.

        `copied` says that other copies may have it too.
        """
        if self.is_kept(begun.item):
            raise Conflict(f"the item {begun.item!r} is kept")
        if isinstance(self._first, S3ObjectStore):
            self._first.abort_direct(_upload(begun, size))
        for store in self._others.values() if copied else ():
            clear_away(store, begun.item)

    def _bucket(self) -> S3ObjectStore:
        if not isinstance(self._first, S3ObjectStore):
            raise _refused("the first copy of this ledger's items is not in a bucket")
        return self._first


class Arriving:
    """An object that a station put, being read and copied. For one thread at a time."""

    def __init__(
        self,
        vault: ItemVault,
        name: str,
        others: dict[str, ObjectStore],
        begun: Begun,
        size: int,
        ref: str,
    ) -> None:
        self._vault, self._name, self._begun, self._size = vault, name, begun, size
        self._store, self._ref = vault.copies[name], ref
        self._seal = vault.open_key(begun.item, size, begun.wrap_id, begun.wrapped)
        self._hashes = StoredHashes(size)
        self._writers: dict[str, ObjectWriter] = {}
        self._refs = {name: ref}
        try:
            for other, store in others.items():
                self._writers[other] = begin_anew(store, begun.item, stored_size(size))
        except BaseException:
            self.abort()
            raise

    def chunks(self) -> Generator[memoryview]:
        """All of the item, from the store. Raises `Unopened` at a block that does not open.

        Close it before `abort`: the copies are written beside.
        """
        takers: list[Taker] = [self._hashes.update, *(w.write for w in self._writers.values())]
        pieces = cast(Generator[Piece], self._store.stream(self._ref))
        beside = alongside(pieces, partial(in_turn, takers))
        # In this order, or a connection would stay open behind a block that does not open.
        with closing(pieces), closing(beside) as stored:
            yield from opened(self._seal, stored)

    def keep(self, leaves: bytes) -> None:
        """It is an item from now on. Its companion is written first, then the other copies."""
        companion = Companion(
            item=bytes.fromhex(self._begun.item),
            size=self._size,
            wrap_id=self._begun.wrap_id,
            wrapped=self._begun.wrapped,
            hashes=self._hashes.finish(),
            leaves=self._seal.seal_leaves(os.urandom(SEAL_NONCE), leaves),
        )
        data = companion.to_bytes()
        self._store.put_companion(self._ref, data)
        for name, writer in self._writers.items():
            self._refs[name] = writer.commit(data)
        place = Place(
            id=self._begun.item,
            size=self._size,
            root=companion.root(),
            wrap_id=companion.wrap_id,
            companion=digest(data),
            refs=self._refs,
        )
        self._vault.places.add(place)

    def abort(self) -> None:
        """What was not committed is given up; what was is found again under the item's key."""
        errors: list[LedgerError] = []
        for writer in self._writers.values():
            try:
                writer.abort()
            except LedgerError as error:
                errors.append(error)
        if errors:
            raise errors[0]


def _upload(begun: Begun, size: int) -> DirectUpload:
    return DirectUpload(begun.item, begun.upload_id, stored_size(size), begun.part_size)


def _refused(why: str) -> NoDirect:
    return NoDirect(
        f"{why}: no station can put one there itself",
        hints=("send it by tus (POST /v1/tus), or as one body (POST /v1/uploads)",),
    )
