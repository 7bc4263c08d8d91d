import pytest

from ledger.errors import Rejected
from ledger.evidence.chunks import CHUNK_SIZE, ItemDigest, ItemHasher, check_chunk, digest_item
from ledger.suite import digest
from ledger.tlog.merkle import leaf_hash, root_of

SIZES = [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 1 << 20, 3 * CHUNK_SIZE + 7]


def pattern(size: int) -> bytes:
    """Bytes in which no two chunks are alike."""
    return b"".join(digest(i.to_bytes(4, "big")) for i in range(-(-size // 32)))[:size]


def by_definition(data: bytes) -> tuple[list[bytes], bytes]:
    chunks = [data[i : i + CHUNK_SIZE] for i in range(0, len(data), CHUNK_SIZE)] or [b""]
    leaves = [leaf_hash(chunk) for chunk in chunks]
    return leaves, root_of(leaves)


@pytest.mark.parametrize("size", SIZES)
def test_the_digests_are_those_of_the_definition(size: int) -> None:
    data = pattern(size)
    found = digest_item(data)
    assert (found.size, found.sha256) == (size, digest(data))
    assert found.chunks == by_definition(data)[1]
    assert found.sm3 == b""


def test_an_empty_file_is_one_empty_chunk() -> None:
    hasher = ItemHasher()
    assert hasher.finish().chunks == digest(b"\x00")
    assert hasher.leaves == [leaf_hash(b"")]


@pytest.mark.parametrize("step", [1, 1000, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 1 << 20])
@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE])
def test_the_pieces_that_bytes_come_in_make_no_difference(size: int, step: int) -> None:
    data = pattern(size)
    if step == 1:
        data = data[:1000]
    hasher = ItemHasher(sm3=True)
    for i in range(0, len(data), step):
        hasher.update(memoryview(data)[i : i + step])
        hasher.update(b"")
    found = hasher.finish()
    assert hasher.leaves == by_definition(data)[0]
    assert (found.size, found.sha256, found.chunks) == (
        len(data), digest(data), by_definition(data)[1],
    )  # fmt: skip


def test_sm3_is_that_of_its_standard() -> None:
    hasher = ItemHasher(sm3=True)
    hasher.update(b"a")
    hasher.update(b"bc")
    # GB/T 32905-2016, A.1
    assert hasher.finish().sm3.hex() == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )


SAID = ItemDigest(size=3, sha256=b"a" * 32, chunks=b"b" * 32, sm3=b"c" * 32)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (ItemDigest(size=4, sha256=b"a" * 32, chunks=b"b" * 32, sm3=b"c" * 32), "want 3 bytes"),
        (ItemDigest(size=3, sha256=b"x" * 32, chunks=b"b" * 32, sm3=b"c" * 32), "sha256"),
        (ItemDigest(size=3, sha256=b"a" * 32, chunks=b"x" * 32, sm3=b"c" * 32), "chunk tree"),
        (ItemDigest(size=3, sha256=b"a" * 32, chunks=b"b" * 32, sm3=b"x" * 32), "sm3"),
        (ItemDigest(size=3, sha256=b"a" * 32, chunks=b"b" * 32), "got none"),
    ],
)
def test_every_digest_that_a_statement_gives_must_match(found: ItemDigest, word: str) -> None:
    SAID.check(SAID)
    with pytest.raises(Rejected, match=word):
        SAID.check(found)


def test_a_chunk_is_checked_against_its_leaf() -> None:
    check_chunk(b"chunk", leaf_hash(b"chunk"))
    with pytest.raises(Rejected):
        check_chunk(b"chunk", digest(b"chunk"))
