"""The form of a sealed item, byte by byte, and what is refused."""

import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.chunks import CHUNK_SIZE, MAX_ITEM
from ledger.evidence.sealed import (
    OVERHEAD,
    STORED_BLOCK,
    Companion,
    ItemSeal,
    block_count,
    is_sealed,
    stored_size,
)
from ledger.suite_private import Cipher as OurCipher

KEY, ITEM = bytes(range(32)), bytes(range(16))
NONCE = b"nonce-of-12b"


def companion(size: int = 5, **more: object) -> Companion:
    count = block_count(size)
    plain = Companion(
        item=ITEM,
        size=size,
        wrap_id="file-00",
        wrapped=b"w" * 60,
        hashes=b"h" * 32 * count,
        leaves=b"l" * (32 * count + OVERHEAD),
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def test_a_block_opens_with_other_peoples_aes_and_the_page_on_the_format() -> None:
    """docs/formats/sealed-item.md says how; here it is done with GCM in another spelling."""
    target = bytearray(5 + OVERHEAD)
    ItemSeal(KEY, ITEM, CHUNK_SIZE + 5).seal_block(memoryview(target), 1, NONCE, b"chunk")
    nonce, text, tag = bytes(target[:12]), bytes(target[12:17]), bytes(target[17:])
    assert nonce == NONCE
    opener = Cipher(algorithms.AES(KEY), modes.GCM(nonce, tag)).decryptor()
    opener.authenticate_additional_data(
        b"tiezheng sealed 1\n" + ITEM + (CHUNK_SIZE + 5).to_bytes(8, "big") + (1).to_bytes(8, "big")
    )
    assert opener.update(text) + opener.finalize() == b"chunk"


def test_the_cipher_is_that_of_nist() -> None:
    """Test case 16 of the GCM specification of McGrew and Viega."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    data = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    bound = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed = OurCipher(key).seal(nonce, data, bound)
    assert sealed[:12] == nonce
    assert sealed[-16:].hex() == "76fc6ece0f4e1768cddf8853bb2d551b"
    assert sealed[12:-16].hex().startswith("522dc1f099567d07f47f37a32a84427d")
    assert OurCipher(key).open(sealed, bound) == data


@pytest.mark.parametrize(
    ("key", "item", "size", "number"),
    [
        (bytes(32), ITEM, 10, 0),
        (KEY, bytes(16), 10, 0),
        (KEY, ITEM, 11, 0),
        (KEY, ITEM, 10, 1),
        (KEY, ITEM, 10, 2**64 - 1),
    ],
    ids=["key", "item", "size", "number", "as chunk hashes"],
)
def test_a_block_opens_only_for_what_it_is_bound_to(
    key: bytes, item: bytes, size: int, number: int
) -> None:
    target = bytearray(10 + OVERHEAD)
    ItemSeal(KEY, ITEM, 10).seal_block(memoryview(target), 0, NONCE, b"0123456789")
    assert ItemSeal(KEY, ITEM, 10).open_block(0, target) == b"0123456789"
    with pytest.raises(Rejected):
        ItemSeal(key, item, size).open_block(number, target)


@pytest.mark.parametrize("length", [0, 11, 27])
def test_what_is_shorter_than_nonce_and_tag_is_refused(length: int) -> None:
    with pytest.raises(Rejected, match="cut short"):
        ItemSeal(KEY, ITEM, 10).open_block(0, bytes(length))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_has_32_bytes_and_is_not_shown(length: int) -> None:
    with pytest.raises(Malformed, match=f"want 32 bytes of key, got {length}"):
        ItemSeal(bytes(length), ITEM, 10)


def test_chunk_hashes_are_as_many_as_blocks() -> None:
    seal = ItemSeal(KEY, ITEM, CHUNK_SIZE + 1)
    assert seal.open_leaves(seal.seal_leaves(NONCE, bytes(64))) == bytes(64)
    with pytest.raises(Rejected, match="want 2 chunk hashes"):
        seal.seal_leaves(NONCE, bytes(32))


@pytest.mark.parametrize(
    ("size", "blocks"),
    [(0, 1), (1, 1), (CHUNK_SIZE, 1), (CHUNK_SIZE + 1, 2), (MAX_ITEM, MAX_ITEM // CHUNK_SIZE)],
)
def test_one_block_a_chunk_and_one_of_nothing(size: int, blocks: int) -> None:
    assert block_count(size) == blocks
    assert stored_size(size) == size + blocks * OVERHEAD
    assert STORED_BLOCK == 262_172


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, 9 * CHUNK_SIZE])
def test_a_companion_is_read_back(size: int) -> None:
    data = companion(size).to_bytes()
    assert Companion.from_bytes(data) == companion(size)
    assert is_sealed(data) and not is_sealed(bytes(32))


def test_a_companion_as_bytes() -> None:
    assert companion().to_bytes() == (
        b"tiezheng sealed 1\n" + ITEM + bytes(7) + b"\x05" + b"\x07file-00" + b"\x00\x3c"
        + b"w" * 60 + b"h" * 32 + b"l" * 60
    )  # fmt: skip


def test_the_root_is_that_of_a_chunk_tree_over_what_is_stored() -> None:
    one, two = (hashlib.sha256(b"\0" + block).digest() for block in (b"first", b"second"))
    found = companion(CHUNK_SIZE + 1, hashes=one + two)
    assert found.root() == hashlib.sha256(b"\1" + one + two).digest()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda d: d[:-1], "want 60 bytes at"),
        (lambda d: d + b"x", "bytes, got"),
        (lambda d: b"", "want 18 bytes"),
        (lambda d: d.replace(b"sealed 1", b"sealed 2"), "version 1"),
        (lambda d: d.replace(b"file-00", b"File-00"), "want a wrapping key's id"),
        (lambda d: d.replace(b"file-00", b"fil\xff-00"), "want a wrapping key's id"),
        (lambda d: d.replace(b"\x07file-00", b"\x00"), "want a wrapping key's id"),
        (lambda d: d.replace(b"\x00\x3c", b"\x00\x00"), "bytes of wrapped key, got 0"),
        (lambda d: d.replace(b"\x00\x3c", b"\x10\x01"), "bytes of wrapped key, got 4097"),
        (lambda d: d[:34] + b"\xff" * 8 + d[42:], "want at most"),
        (lambda d: d[:34] + (CHUNK_SIZE + 1).to_bytes(8, "big") + d[42:], "want 92 bytes at"),
    ],
)
def test_a_companion_in_another_form_is_refused(bad: object, said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        Companion.from_bytes(bad(companion().to_bytes()))  # type: ignore[operator]
