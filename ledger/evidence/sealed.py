"""Items sealed at rest: what lies in a store, and the companion that opens it.

    block       nonce 12 ‖ ciphertext, as long as the chunk ‖ tag 16
    companion   "tiezheng sealed 1\\n" ‖ item 16 ‖ size 8
                ‖ length 1 ‖ id of the wrapping key ‖ length 2 ‖ wrapped key
                ‖ hashes of the stored blocks, 32 each ‖ chunk hashes, sealed

One block a chunk of 262,144 bytes; the last may be shorter, and an empty item is one
empty block. Bound to each block is the first line, the item, its size and the block's
number: so none can be moved, left out or taken from another item. The chunk hashes are
sealed as block 2^64-1 would be, for they tell which known file this is; the hashes of
the stored blocks tell nothing, and damage is found by them without a key.

Who destroys the companion destroys the item: its key is nowhere else.
"""

import re
from dataclasses import dataclass
from typing import Self

from ledger.encoding import clip
from ledger.errors import Malformed, Rejected
from ledger.evidence.chunks import CHUNK_SIZE, MAX_ITEM
from ledger.suite import DIGEST_SIZE
from ledger.suite_private import SEAL_NONCE, SEAL_TAG, Cipher
from ledger.tlog.merkle import root_of

MAGIC = b"tiezheng sealed 1\n"
STAGED = b"tiezheng staged 1\n"  # as long, and another: what is noted never opens as a block
ID_SIZE = 16
OVERHEAD = SEAL_NONCE + SEAL_TAG
STORED_BLOCK = CHUNK_SIZE + OVERHEAD
MAX_WRAPPED = 4096
_LEAVES = 2**64 - 1  # no item has a block of this number

_WRAP_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}", re.ASCII)


def block_count(size: int) -> int:
    return max(1, -(-size // CHUNK_SIZE))


def stored_size(size: int) -> int:
    """Of an item of `size` bytes, sealed."""
    return size + OVERHEAD * block_count(size)


def is_sealed(companion: bytes) -> bool:
    """Chunk hashes, the companion of an item in plain, do not begin like this."""
    return companion.startswith(MAGIC)


def check_wrap_id(text: str) -> None:
    if not _WRAP_ID.fullmatch(text):
        raise Malformed(f"want a wrapping key's id of a-z, 0-9, '.', '-', got {clip(text)!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """`item` is the item's id, and that of its key; `hashes` and `leaves` are joined."""

    item: bytes
    size: int
    wrap_id: str
    wrapped: bytes
    hashes: bytes
    leaves: bytes

    def to_bytes(self) -> bytes:
        name = self.wrap_id.encode("ascii")
        return b"".join(
            (
                MAGIC,
                self.item,
                self.size.to_bytes(8, "big"),
                len(name).to_bytes(1, "big"),
                name,
                len(self.wrapped).to_bytes(2, "big"),
                self.wrapped,
                self.hashes,
                self.leaves,
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        rest = _Reader(data)
        if rest.take(len(MAGIC)) != MAGIC:
            raise Malformed("want the companion of a sealed item, version 1")
        item = rest.take(ID_SIZE)
        size = int.from_bytes(rest.take(8), "big")
        if size > MAX_ITEM:
            raise Malformed(f"want at most {MAX_ITEM} bytes, got {size}")
        wrap_id = rest.take(rest.take(1)[0]).decode("ascii", "replace")
        check_wrap_id(wrap_id)
        length = int.from_bytes(rest.take(2), "big")
        if not 0 < length <= MAX_WRAPPED:
            raise Malformed(f"want 1 to {MAX_WRAPPED} bytes of wrapped key, got {length}")
        wrapped = rest.take(length)
        hashes = rest.take(DIGEST_SIZE * block_count(size))
        leaves = rest.take(DIGEST_SIZE * block_count(size) + OVERHEAD)
        rest.end()
        return cls(
            item=item, size=size, wrap_id=wrap_id, wrapped=wrapped, hashes=hashes, leaves=leaves
        )

    def root(self) -> bytes:
        """Over the hashes of the stored blocks: one value for all that lies in the store."""
        return root_of(split(self.hashes))


class ItemSeal:
    """The key of one item at work. A nonce is 96 random bits, and given for one block only."""

    def __init__(self, key: bytes, item: bytes, size: int) -> None:
        if len(item) != ID_SIZE:
            raise Malformed(f"want {ID_SIZE} bytes of item id, got {len(item)}")
        self.size = size
        self._cipher = Cipher(key)
        self._item = item + size.to_bytes(8, "big")

    def seal_block(
        self, target: memoryview, number: int, nonce: bytes, chunk: bytes | memoryview
    ) -> None:
        self._cipher.seal_into(target, nonce, chunk, self._place(number))

    def open_block(self, number: int, stored: bytes | memoryview) -> bytes:
        return self._cipher.open(stored, self._place(number))

    def open_block_into(self, target: memoryview, number: int, stored: bytes | memoryview) -> None:
        """What `target` holds after a refusal is worth nothing."""
        self._cipher.open_into(target, stored, self._place(number))

    def seal_leaves(self, nonce: bytes, leaves: bytes) -> bytes:
        if len(leaves) != DIGEST_SIZE * block_count(self.size):
            raise Rejected(f"want {block_count(self.size)} chunk hashes, got {len(leaves)} bytes")
        return self._cipher.seal(nonce, leaves, self._place(_LEAVES))

    def open_leaves(self, sealed: bytes) -> bytes:
        return self._cipher.open(sealed, self._place(_LEAVES))

    def seal_note(self, nonce: bytes, line: bytes, rest: bytes) -> bytes:
        """`rest`, for who has `line` as well: a record of an item that is not whole yet."""
        return self._cipher.seal(nonce, rest, STAGED + self._item + line)

    def open_note(self, line: bytes, sealed: bytes) -> bytes:
        return self._cipher.open(sealed, STAGED + self._item + line)

    def _place(self, number: int) -> bytes:
        return MAGIC + self._item + number.to_bytes(8, "big")


def split(hashes: bytes) -> list[bytes]:
    return [hashes[i : i + DIGEST_SIZE] for i in range(0, len(hashes), DIGEST_SIZE)]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise Malformed(f"want {count} bytes at {self._at}, got {len(part)}")
        self._at += count
        return part

    def end(self) -> None:
        if self._at != len(self._data):
            raise Malformed(f"want {self._at} bytes, got {len(self._data)}")
