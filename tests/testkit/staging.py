"""Keys of staged uploads without a vault, from a wrapping key in memory."""

import os

from ledger.errors import Rejected
from ledger.evidence.sealed import ItemSeal
from ledger.ports import KeyWrap
from storage.sealing import ItemKey
from storage.wrap_file import FileKeyWrap
from testkit.vault import KEY


class FileKeys:
    """Implements `storage.staged_bytes.ItemKeys`."""

    def __init__(self, wrap: KeyWrap | None = None) -> None:
        self._wrap = wrap or FileKeyWrap(KEY)

    def new_key(self, size: int) -> ItemKey | None:
        item, bare = os.urandom(16), os.urandom(32)
        wrapped = self._wrap.wrap(bare, item)
        return ItemKey(id=item.hex(), size=size, wrap_id=self._wrap.id, wrapped=wrapped, bare=bare)

    def open_key(self, object_id: str, size: int, wrap_id: str, wrapped: bytes) -> ItemSeal:
        if wrap_id != self._wrap.id:
            raise Rejected(f"want the wrapping key {self._wrap.id!r}, got {wrap_id!r}")
        item = bytes.fromhex(object_id)
        return ItemSeal(self._wrap.unwrap(wrapped, item), item, size)
