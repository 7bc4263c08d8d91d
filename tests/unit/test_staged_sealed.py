"""Staged uploads of a ledger that seals: nothing lies in plain, and no bit changes unseen."""

import errno
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Full, Unavailable, Unknown
from ledger.evidence.chunks import CHUNK_SIZE, ItemHasher, digest_item
from ledger.evidence.sealed import OVERHEAD, STORED_BLOCK, ItemSeal
from storage.sealing import Unopened, opened
from storage.staging_directory import Announced, Finish, Staged, StagingDirectory
from storage.wrap_file import FileKeyWrap
from testkit.staging import FileKeys
from testkit.vault import flip, sealed_shelf

MARKER = b"the plate of the car is E-0417"
SIZE = 3 * CHUNK_SIZE + 100_000
DATA = bytearray(os.urandom(SIZE))
for _at in (0, 100_000, CHUNK_SIZE - 9, 2 * CHUNK_SIZE + 5, 3 * CHUNK_SIZE - 20, SIZE - 50_000):
    DATA[_at : _at + len(MARKER)] = MARKER
DATA[SIZE - len(MARKER) :] = MARKER


def announced(size: int = SIZE) -> Announced:
    return Announced(
        keyid="k", agency="a", size=size, sha256=b"", sm3=False, metadata="", opened_ms=1000
    )


def open_staging(root: Path, keys: FileKeys | None = None) -> StagingDirectory:
    return StagingDirectory(root, lambda: 1000, keys or FileKeys())


def write(staging: StagingDirectory, staged: Staged, end: int, data: bytes | bytearray) -> None:
    writer = staging.writer(staged, marks=True)
    try:
        writer.write(data[staged.offset : end])
        writer.keep()
    finally:
        writer.close()


def whole(staging: StagingDirectory, staged: Staged) -> bytes:
    assert staged.seal is not None
    return b"".join(bytes(chunk) for chunk in opened(staged.seal, staging.pieces(staged)))


@pytest.mark.parametrize("keep", [False, True])
def test_nothing_of_it_lies_in_plain_at_any_offset(tmp_path: Path, keep: bool) -> None:
    staging = open_staging(tmp_path)
    staged = staging.add(announced())
    for end in (1, 100_010, CHUNK_SIZE - 1, CHUNK_SIZE + 7, 3 * CHUNK_SIZE, SIZE - 10, SIZE):
        writer = staging.writer(staged, marks=True)
        writer.write(DATA[staged.offset : end])
        if keep or end == SIZE:
            writer.keep()
        for closed in (False, True):
            if closed:
                writer.close()
            for path in tmp_path.rglob("*"):
                if path.is_file():
                    data = path.read_bytes()
                    assert MARKER[:9] not in data and MARKER[-9:] not in data, (path, end)
    assert whole(staging, staged) == DATA


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, SIZE])
def test_the_whole_is_the_object_to_be(tmp_path: Path, size: int) -> None:
    staging = open_staging(tmp_path)
    staged = staging.add(announced(size))
    write(staging, staged, size, DATA)
    assert staged.whole
    staging = open_staging(tmp_path)
    (again,) = staging.all()
    assert (again.whole, whole(staging, again)) == (True, DATA[:size])


def test_no_nonce_comes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[bytes] = []
    block, note = ItemSeal.seal_block, ItemSeal.seal_note

    def seal_block(self: ItemSeal, target: memoryview, n: int, nonce: bytes, chunk: bytes) -> None:
        used.append(nonce)
        block(self, target, n, nonce, chunk)

    def seal_note(self: ItemSeal, nonce: bytes, line: bytes, rest: bytes) -> bytes:
        used.append(nonce)
        return note(self, nonce, line, rest)

    monkeypatch.setattr(ItemSeal, "seal_block", seal_block)
    monkeypatch.setattr(ItemSeal, "seal_note", seal_note)
    staging = open_staging(tmp_path)
    staged = staging.add(announced())
    for end in range(5_000, SIZE, 5_000):
        write(staging, staged, end, DATA)
    write(staging, staged, SIZE, DATA)
    for _ in range(5):
        staging.overwrite(staged, 1, bytes(DATA[CHUNK_SIZE : 2 * CHUNK_SIZE]))
    assert len(used) > 170
    assert len(set(used)) == len(used)


def test_a_rest_is_no_block_and_a_block_no_rest(tmp_path: Path) -> None:
    staging = open_staging(tmp_path)
    staged = staging.add(announced(CHUNK_SIZE + 50))
    write(staging, staged, CHUNK_SIZE + 20, DATA)
    folder = tmp_path / staged.id
    line, _, rest = (folder / "offset").read_bytes().partition(b"\n")
    with (folder / "bytes").open("ab") as file:
        file.write(rest)
    (folder / "offset").write_bytes(f"{CHUNK_SIZE} 1000\n".encode() + rest)
    assert open_staging(tmp_path).unreadable.keys() == {staged.id}
    block = (folder / "bytes").read_bytes()[:STORED_BLOCK]
    (folder / "offset").write_bytes(line + b"\n" + block)
    assert open_staging(tmp_path).unreadable.keys() == {staged.id}


@pytest.mark.parametrize("name", ["key", "upload", "offset", "finish"])
def test_a_bit_flipped_in_a_record_is_found_and_nothing_is_deleted(
    tmp_path: Path, name: str
) -> None:
    staging = open_staging(tmp_path)
    staged = staging.add(announced(40))
    write(staging, staged, 30, DATA)
    staging.note(staged, Finish(digest_item(b"x")))
    path = tmp_path / staged.id / name
    good = path.read_bytes()
    for bit in range(0, 8 * len(good), 3):
        flip(path, bit)
        bad = path.read_bytes()
        again = open_staging(tmp_path)
        assert list(again.unreadable) == [staged.id], bit
        assert path.read_bytes() == bad
        path.write_bytes(good)
    assert open_staging(tmp_path).find(staged.id).offset == 30


def test_a_bit_flipped_in_the_bytes_names_its_chunk(tmp_path: Path) -> None:
    staging = open_staging(tmp_path)
    staged = staging.add(announced())
    write(staging, staged, SIZE, DATA)
    path = tmp_path / staged.id / "bytes"
    for number in range(4):
        last = 8 * min((number + 1) * STORED_BLOCK, path.stat().st_size) - 1
        for bit in (8 * number * STORED_BLOCK, 8 * (number * STORED_BLOCK + 500), last):
            flip(path, bit)
            with pytest.raises(Unopened) as refused:
                staging.read(staged, 0, SIZE)
            assert refused.value.number == number
            hasher = ItemHasher()
            with pytest.raises(Unopened):
                for chunk in opened(staged.seal, staging.pieces(staged)):  # type: ignore[arg-type]
                    hasher.update(chunk)
            staging.note(staged, Finish(hasher.finish()))
            assert staged.mismatched
            flip(path, bit)
    flip(path, 99)
    staging.overwrite(staged, 0, bytes(DATA[:CHUNK_SIZE]))
    assert whole(staging, staged) == DATA


def test_a_repair_that_was_cut_short_is_a_damaged_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = open_staging(tmp_path)
    staged = staging.add(announced())
    write(staging, staged, SIZE, DATA)
    pwrite = os.pwrite

    def torn(fd: int, data: memoryview, at: int) -> int:
        pwrite(fd, data[:5000], at)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pwrite", torn)
    with pytest.raises(Unavailable):
        staging.overwrite(staged, 1, bytes(DATA[CHUNK_SIZE : 2 * CHUNK_SIZE]))
    monkeypatch.setattr(os, "pwrite", pwrite)
    staging = open_staging(tmp_path)
    (again,) = staging.all()
    with pytest.raises(Unopened, match="block 1"):
        staging.read(again, 0, SIZE)
    assert staging.read(again, 0, CHUNK_SIZE) == DATA[:CHUNK_SIZE]


def test_after_a_write_that_failed_only_whole_blocks_on_the_disk_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(12 * CHUNK_SIZE)
    staging = open_staging(tmp_path)
    staged = staging.add(announced(len(data)))
    writer, pwrite, left = staging.writer(staged, marks=True), os.pwrite, [1]

    def fail(fd: int, view: memoryview, at: int) -> int:
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        left.pop()
        return pwrite(fd, view, at)

    monkeypatch.setattr(os, "pwrite", fail)
    with pytest.raises(Full):
        writer.write(data)
    monkeypatch.setattr(os, "pwrite", pwrite)
    writer.keep()
    writer.close()
    assert staged.offset == 3 * CHUNK_SIZE
    assert staging.read(staged, 0, staged.offset) == data[: staged.offset]
    write(staging, staged, len(data), data)
    assert whole(staging, staged) == data


@pytest.mark.parametrize("keys", ["wrong", "none"])
def test_without_its_wrapping_key_an_upload_is_left_alone(tmp_path: Path, keys: str) -> None:
    shelf = sealed_shelf(tmp_path / "items")
    staging = StagingDirectory(tmp_path / "staging", lambda: 1000, shelf.open())
    staged = staging.add(announced())
    write(staging, staged, 50, DATA)
    shelf.wraps = [] if keys == "none" else [FileKeyWrap(bytes(32))]
    again = StagingDirectory(tmp_path / "staging", lambda: 1000, shelf.open())
    assert "which is not here" in again.unreadable[staged.id]
    with pytest.raises(Unknown):
        again.find(staged.id)
    shelf.wraps = [FileKeyWrap(bytes(32)), FileKeyWrap(bytes(range(32)))]
    again = StagingDirectory(tmp_path / "staging", lambda: 1000, shelf.open())
    write(again, again.find(staged.id), SIZE, DATA)
    assert whole(again, again.find(staged.id)) == DATA
    shelf.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 2 * CHUNK_SIZE)),
        st.tuples(st.just("break"), st.integers(1, 2 * CHUNK_SIZE)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("mend"), st.integers(0, 6)),
    ),
    max_size=12,
)


@given(steps=STEPS, size=st.sampled_from([1, CHUNK_SIZE, 2 * CHUNK_SIZE + 1, 6 * CHUNK_SIZE + 9]))
@settings(max_examples=40, deadline=None)
def test_however_it_comes_it_is_the_item(steps: list[tuple[str, int]], size: int) -> None:
    data = (bytes(DATA) * 3)[:size]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "staging"
        staging = open_staging(root)
        staged = staging.add(announced(size))
        for step, count in [*steps, ("restart", 0), ("send", size)]:
            told = staged.offset
            end = min(told + count, size)
            if step == "send" and end > told:
                write(staging, staged, end, data)
                told = end
            elif step == "break" and end > told:
                writer = staging.writer(staged, marks=False)
                writer.write(data[told:end])
                if count % 2:
                    writer.close()
                else:
                    staging = open_staging(root)  # killed
                    writer._bytes._file.close(None)  # type: ignore[union-attr]
            elif step == "restart":
                staging = open_staging(root)
            elif step == "mend" and min((count + 1) * CHUNK_SIZE, size) <= told > 0:
                start = count * CHUNK_SIZE
                if start < size:
                    staging.overwrite(staged, count, data[start : start + CHUNK_SIZE])
            staged = staging.find(staged.id)
            assert staged.offset == told
            assert staging.read(staged, 0, told) == data[:told]
        assert whole(staging, staged) == data


def test_overhead_is_that_of_the_object(tmp_path: Path) -> None:
    staging = open_staging(tmp_path)
    staged = staging.add(announced())
    write(staging, staged, SIZE, DATA)
    assert (tmp_path / staged.id / "bytes").stat().st_size == SIZE + 4 * OVERHEAD
