"""The forms of large zips, whose members only claim their size."""

import io
import struct
import zipfile
import zlib

import pytest

from ledger.evidence.archive import (
    END64_SIZE,
    END_SIZE,
    Member,
    central_header,
    directory,
    end_records,
    local_header,
)

LIMIT = 2**32 - 1


def small(contents: dict[str, bytes]) -> bytes:
    members = [Member(path, len(data), zlib.crc32(data)) for path, data in contents.items()]
    files = [local_header(m) + contents[m.path] for m in members]
    return b"".join(files) + directory(members)


def test_other_programs_read_what_is_written() -> None:
    contents = {"a.txt": b"hello", "data/empty": b""}
    with zipfile.ZipFile(io.BytesIO(small(contents))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["packet/a.txt", "packet/data/empty"]
        assert archive.read("packet/a.txt") == b"hello"
        info = archive.getinfo("packet/a.txt")
    assert info.date_time == (1980, 1, 1, 0, 0, 0)
    assert info.external_attr == 0o100644 << 16
    assert info.compress_type == zipfile.ZIP_STORED


@pytest.mark.parametrize(("size", "big"), [(LIMIT - 1, False), (LIMIT, True), (2**44, True)])
def test_a_size_beyond_32_bits_goes_into_an_extra_field(size: int, big: bool) -> None:
    member = Member("a", size, 7)
    header = local_header(member)
    assert member.big is big
    assert struct.unpack_from("<II", header, 18) == ((LIMIT, LIMIT) if big else (size, size))
    extra = struct.pack("<HHQQ", 1, 16, size, size) if big else b""
    assert header[30:] == b"packet/a" + extra
    assert header[4] == (45 if big else 20)


@pytest.mark.parametrize("size", [5, LIMIT])
@pytest.mark.parametrize("offset", [0, LIMIT - 1, LIMIT, 2**40])
def test_the_directory_widens_only_what_is_too_wide(size: int, offset: int) -> None:
    header = central_header(Member("a", size, 7), offset)
    wide = ([size, size] if size >= LIMIT else []) + ([offset] if offset >= LIMIT else [])
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    assert header[46:] == b"packet/a" + extra
    assert struct.unpack_from("<I", header, 42)[0] == min(offset, LIMIT)
    assert struct.unpack_from("<H", header, 6)[0] == (45 if wide else 20)


@pytest.mark.parametrize(
    ("count", "size", "offset", "wide"),
    [
        (1, 50, 100, False),
        (65_534, 50, 100, False),
        (65_535, 50, 100, True),
        (1, LIMIT, 100, True),
        (1, 50, LIMIT, True),
        (400_000, 2**33, 2**43, True),
    ],
)
def test_the_end_has_64_bit_records_only_where_needed(
    count: int, size: int, offset: int, wide: bool
) -> None:
    end = end_records(count, size, offset)
    assert len(end) == END_SIZE + (END64_SIZE if wide else 0)
    assert struct.unpack_from("<HHII", end, len(end) - 14) == (
        min(count, 65_535), min(count, 65_535), min(size, LIMIT), min(offset, LIMIT),
    )  # fmt: skip
    if wide:
        assert struct.unpack_from("<QQQQ", end, 24) == (count, count, size, offset)
        assert struct.unpack_from("<Q", end, 56 + 8)[0] == offset + size


def test_an_archive_beyond_four_gigabytes_is_understood_by_another_program() -> None:
    """A file whose zeros are never written stands before a small one."""

    class Sparse(io.RawIOBase):
        def __init__(self, parts: list[tuple[int, bytes]], size: int) -> None:
            self.parts, self.size, self.at = parts, size, 0

        def seekable(self) -> bool:
            return True

        def readable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0) -> int:
            self.at = offset + {0: 0, 1: self.at, 2: self.size}[whence]
            return self.at

        def tell(self) -> int:
            return self.at

        def read(self, size: int = -1) -> bytes:
            end = self.size if size < 0 else min(self.size, self.at + size)
            assert end - self.at < 2**20
            found = bytearray(end - self.at)
            for start, data in self.parts:
                low, high = max(start, self.at), min(start + len(data), end)
                if low < high:
                    found[low - self.at : high - self.at] = data[low - start : high - start]
            self.at = end
            return bytes(found)

    big = Member("a", 5 * 2**30, 0)
    little = Member("b", 5, zlib.crc32(b"hello"))
    second = len(local_header(big)) + big.size
    tail = local_header(little) + b"hello" + directory([big, little])
    sparse = Sparse([(0, local_header(big)), (second, tail)], second + len(tail))
    with zipfile.ZipFile(sparse) as archive:
        assert archive.getinfo("packet/a").file_size == big.size
        assert archive.read("packet/b") == b"hello"
