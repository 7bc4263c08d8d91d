"""The two digests of an item: of the whole file, and of the tree of its chunks.

Chunks are 262,144 bytes; the last may be shorter, and an empty file is one empty
chunk. Leaves and nodes are hashed as in RFC 6962, so a range of chunks can be
proved to be part of the whole, and damage can be named to the chunk. The plain
SHA-256 is what everybody else computes.
"""

from dataclasses import dataclass

from ledger import suite
from ledger.errors import Rejected
from ledger.tlog.merkle import leaf_hash, root_of

CHUNK_SIZE = 262_144
MAX_ITEM = 2**44  # 16 TiB: a year of one recorder, and 67 million chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDigest:
    """What a statement says of an item's bytes. `sm3` is empty where nobody asks for it."""

    size: int
    sha256: bytes
    chunks: bytes
    sm3: bytes = b""

    def check(self, found: "ItemDigest") -> None:
        """Raises `Rejected` unless every digest and the size are those `found` in the bytes.

        in-toto would be content with any one of them; a court is not.
        """
        if found.size != self.size:
            raise Rejected(f"want {self.size} bytes, got {found.size}")
        if found.sha256 != self.sha256:
            raise Rejected(f"want sha256 {self.sha256.hex()}, got {found.sha256.hex()}")
        if found.chunks != self.chunks:
            raise Rejected(f"want chunk tree {self.chunks.hex()}, got {found.chunks.hex()}")
        if self.sm3 and found.sm3 != self.sm3:
            raise Rejected(f"want sm3 {self.sm3.hex()}, got {found.sm3.hex() or 'none'}")


class ChunkTree:
    """The leaves of an item's chunks. Memory grows by 32 bytes a chunk: 2.5 MB for 20 GB."""

    def __init__(self) -> None:
        self.size = 0
        self.leaves: list[bytes] = []
        self._chunk = _new_leaf()
        self._room = CHUNK_SIZE

    def update(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        self.size += len(view)
        while view:
            part = view[: self._room]
            self._chunk.update(part)
            self._room -= len(part)
            view = view[len(part) :]
            if self._room == 0:
                self._close_chunk()

    def root(self) -> bytes:
        """Call once, after the last byte."""
        if self._room < CHUNK_SIZE or not self.leaves:
            self._close_chunk()
        return root_of(self.leaves)

    def _close_chunk(self) -> None:
        self.leaves.append(self._chunk.digest())
        self._chunk = _new_leaf()
        self._room = CHUNK_SIZE


class ItemHasher:
    """Digests an item in one pass, whatever the size of the pieces it comes in.

    `parts` share nothing. Each has to see every piece, in order, and may do so in a
    thread of its own: `ledger.abreast`.
    """

    def __init__(self, *, sm3: bool = False) -> None:
        self._whole = suite.new_digest()
        self._tree = ChunkTree()
        self._sm3 = suite.new_sm3() if sm3 else None
        hashers = (self._whole, self._tree, self._sm3)
        self.parts = tuple(hasher.update for hasher in hashers if hasher is not None)

    @property
    def leaves(self) -> list[bytes]:
        return self._tree.leaves

    def update(self, data: bytes | memoryview) -> None:
        for part in self.parts:
            part(data)

    def finish(self) -> ItemDigest:
        """Call once, after the last byte."""
        return ItemDigest(
            size=self._tree.size,
            sha256=self._whole.digest(),
            chunks=self._tree.root(),
            sm3=self._sm3.digest() if self._sm3 is not None else b"",
        )


def digest_item(data: bytes, *, sm3: bool = False) -> ItemDigest:
    """For bytes already in memory."""
    hasher = ItemHasher(sm3=sm3)
    hasher.update(data)
    return hasher.finish()


def check_chunk(chunk: bytes, leaf: bytes) -> None:
    if leaf_hash(chunk) != leaf:
        raise Rejected("the chunk does not match its leaf")


def _new_leaf() -> suite.Hasher:
    hasher = suite.new_digest()
    hasher.update(b"\x00")
    return hasher
