"""Staged uploads on a disk: what counts, what is cut off, what is refused."""

import errno
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import Full, Malformed, Unavailable, Unknown
from ledger.evidence.chunks import CHUNK_SIZE, digest_item
from ledger.evidence.sealed import STORED_BLOCK
from storage import staging_directory
from storage.sealing import opened
from storage.staging_directory import Announced, Finish, Gone, Staged, StagingDirectory
from testkit.staging import FileKeys
from testkit.syncs import watched_syncs

SIZE = 3_000_017
DATA = os.urandom(SIZE)


def announced(size: int = SIZE, **more: Any) -> Announced:
    fields: dict[str, Any] = {
        "keyid": "k",
        "agency": "a",
        "sha256": b"",
        "sm3": False,
        "metadata": "",
        "opened_ms": 1000,
    }
    return Announced(size=size, **{**fields, **more})


def open_staging(root: Path, *, plain: bool = False) -> StagingDirectory:
    """What was staged in plain is read, too, by a server that now seals."""
    return StagingDirectory(root, lambda: 1000, None if plain else FileKeys())


@pytest.fixture(params=["plain", "sealed"])
def staging(request: pytest.FixtureRequest, tmp_path: Path) -> StagingDirectory:
    return open_staging(tmp_path / "staging", plain=request.param == "plain")


def write(staging: StagingDirectory, staged: Staged, end: int, *, keep: bool = True) -> None:
    writer = staging.writer(staged, marks=False)
    writer.write(DATA[staged.offset : end])
    if keep:
        writer.keep()
    writer.close()


def on_disk(tmp_path: Path, staged: Staged) -> bytes:
    path = tmp_path / "staging" / staged.id / "bytes"
    whole = staged.offset // CHUNK_SIZE
    length = staged.offset if staged.seal is None else whole * STORED_BLOCK
    assert path.stat().st_size == length
    if staged.seal is None:
        return path.read_bytes()
    stored, rest = path.read_bytes(), (path.parent / "offset").read_bytes().partition(b"\n")
    blocks = [stored[at : at + STORED_BLOCK] for at in range(0, length, STORED_BLOCK)]
    opened = [staged.seal.open_block(n, block) for n, block in enumerate(blocks)]
    return b"".join([*opened, staged.seal.open_note(rest[0] + b"\n", rest[2])])


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path, staging: StagingDirectory) -> None:
    said = announced(sha256=bytes(32), sm3=True, metadata="a YQ==", agency="机关")
    staged = staging.add(said)
    write(staging, staged, 1_000_003)
    write(staging, staged, 2_000_000)
    again = open_staging(tmp_path / "staging").find(staged.id)
    assert (again.announced, again.offset) == (said, 2_000_000)
    assert on_disk(tmp_path, again) == DATA[:2_000_000]


def test_what_does_not_count_is_cut_off_at_once_and_at_a_start(
    tmp_path: Path, staging: StagingDirectory
) -> None:
    staged = staging.add(announced())
    write(staging, staged, 1_000_000)
    write(staging, staged, 2_000_000, keep=False)
    assert on_disk(tmp_path, staged) == DATA[:1_000_000]
    with (tmp_path / "staging" / staged.id / "bytes").open("ab") as tail:
        tail.write(b"what a killed request left")
    again = open_staging(tmp_path / "staging").find(staged.id)
    assert again.offset == 1_000_000
    assert on_disk(tmp_path, again) == DATA[:1_000_000]


def test_an_offset_is_noted_after_its_bytes_are_synced(
    staging: StagingDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = staging.add(announced())
    writer = staging.writer(staged, marks=False)
    writer.write(DATA)
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def log_fsync(fd: int) -> None:
        order.append("sync " + Path(os.readlink(f"/proc/self/fd/{fd}")).name[:4])
        fsync(fd)

    def log_replace(self: Path, target: Path) -> Path:
        order.append(f"rename {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", log_fsync)
    monkeypatch.setattr(Path, "replace", log_replace)
    writer.keep()
    assert order == ["sync byte", "sync .new", "rename offset", f"sync {staged.id[:4]}"]
    writer.close()


def test_opening_makes_durable_what_a_killed_run_has_noted(
    tmp_path: Path, staging: StagingDirectory
) -> None:
    staged = staging.add(announced())
    with watched_syncs() as synced:
        open_staging(tmp_path / "staging")
    assert tmp_path / "staging" / staged.id in synced
    assert tmp_path / "staging" in synced


def test_a_long_request_comes_to_count_on_the_way(
    staging: StagingDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging_directory, "MARK", 1_000_000)
    staged = staging.add(announced())
    writer = staging.writer(staged, marks=True)
    for at in range(0, 2_400_000, 400_000):
        writer.write(DATA[at : at + 400_000])
    wanted = 2_400_000 if staged.seal is None else 7 * CHUNK_SIZE
    assert staged.offset == wanted
    checked = staging.writer(staged, marks=False)
    checked.write(DATA[wanted:])
    assert staged.offset == wanted
    for each in (writer, checked):
        each.close()


def test_more_than_was_announced_is_refused(staging: StagingDirectory) -> None:
    staged = staging.add(announced(5))
    writer = staging.writer(staged, marks=True)
    with pytest.raises(Full, match="at most 5 bytes"):
        writer.write(b"123456")
    writer.close()
    with pytest.raises(Unavailable):
        writer.write(b"1")


def test_after_a_piece_that_failed_nothing_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = open_staging(tmp_path / "staging", plain=True)
    staged = staging.add(announced())
    writer = staging.writer(staged, marks=True)
    writer.write(DATA[:4096])
    pwrite = os.pwrite

    def fail(fd: int, data: bytes, at: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", fail)
    with pytest.raises(Full):
        writer.write(DATA[4096:8192])
    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(Unavailable, match="earlier part"):
        writer.write(DATA[8192:12_288])
    writer.keep()
    writer.close()
    assert staged.offset == 4096
    assert on_disk(tmp_path, staged) == DATA[:4096]


def test_files_are_their_owners_alone(tmp_path: Path, staging: StagingDirectory) -> None:
    staged = staging.add(announced())
    write(staging, staged, SIZE)
    for path in (tmp_path / "staging").rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_the_whole_is_read_piece_by_piece(staging: StagingDirectory) -> None:
    staged = staging.add(announced())
    write(staging, staged, SIZE)
    pieces: Iterator[Any] = staging.pieces(staged)
    if staged.seal is not None:
        pieces = opened(staged.seal, pieces)
    assert b"".join(bytes(piece) for piece in pieces) == DATA
    assert staging.read(staged, 5, 9) == DATA[5:9]
    with pytest.raises(Unavailable):
        staging.read(staged, SIZE - 1, SIZE + 1)


def test_a_repair_forgets_what_was_found(tmp_path: Path, staging: StagingDirectory) -> None:
    staged = staging.add(announced())
    write(staging, staged, SIZE)
    staging.note(staged, Finish(digest_item(b"other")))
    mended = os.urandom(CHUNK_SIZE)
    staging.overwrite(staged, 2, mended)
    assert staged.finish is None
    again = open_staging(tmp_path / "staging").find(staged.id)
    assert again.finish is None
    start, end = 2 * CHUNK_SIZE, 3 * CHUNK_SIZE
    assert staging.read(again, 0, SIZE) == DATA[:start] + mended + DATA[end:]


def test_what_was_found_is_there_after_a_restart(tmp_path: Path, staging: StagingDirectory) -> None:
    staged = staging.add(announced())
    write(staging, staged, SIZE)
    for finish in (
        Finish(digest_item(DATA)),
        Finish(digest_item(DATA), "ab" * 16),
        Finish(digest_item(DATA), "ab" * 16, recorded=True),
    ):
        staging.note(staged, finish)
        assert open_staging(tmp_path / "staging").find(staged.id).finish == finish
    staging.drop_bytes(staged)
    assert open_staging(tmp_path / "staging").find(staged.id).recorded


def test_a_creation_that_was_killed_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "staging" / ("ab" * 16)
    folder.mkdir(parents=True)
    (folder / "bytes").touch()
    assert open_staging(tmp_path / "staging").all() == []
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("upload", b""),
        ("upload", b"{}"),
        ("offset", b""),
        ("offset", b"5"),
        ("offset", b"5 5"),
        ("offset", b"-5 5\n"),
        ("offset", b"5 5 5\n"),
        ("offset", b"99 5\n"),
        ("offset", b"\xff 5\n"),
        ("finish", b"{}"),
    ],
)
def test_what_cannot_be_read_is_left_alone_and_named(
    tmp_path: Path, staging: StagingDirectory, name: str, content: bytes
) -> None:
    staged, other = staging.add(announced(50)), staging.add(announced(50))
    (tmp_path / "staging" / staged.id / name).write_bytes(content)
    again = open_staging(tmp_path / "staging")
    assert list(again.unreadable) == [staged.id]
    assert [s.id for s in again.all()] == [other.id]
    assert (tmp_path / "staging" / staged.id / name).read_bytes() == content


def test_records_have_one_spelling() -> None:
    data = announced(sha256=bytes(32), sm3=True).to_bytes()
    assert Announced.from_bytes(data).to_bytes() == data
    found = Finish(digest_item(b"x"), "ab" * 16, recorded=True).to_bytes()
    assert Finish.from_bytes(found).to_bytes() == found
    for read, good in ((Announced.from_bytes, data), (Finish.from_bytes, found)):
        more = good.replace(b"{", b'{"a":"",')
        for bad in (good[:-1], good.replace(b'"yes"', b'"y"'), more, b"[]", b""):
            with pytest.raises(Malformed):
                read(bad)  # type: ignore[operator]


def test_what_was_removed_is_gone_and_then_forgotten(
    tmp_path: Path, staging: StagingDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging_directory, "MAX_GONE", 2)
    removed = [staging.add(announced()) for _ in range(3)]
    for staged in removed:
        staging.remove(staged)
        staging.remove(staged)
    assert list((tmp_path / "staging").iterdir()) == []
    with pytest.raises(Gone):
        staging.find(removed[2].id)
    with pytest.raises(Unknown) as unknown:
        staging.find(removed[0].id)
    assert unknown.type is Unknown


def test_room_is_kept_for_what_is_still_to_come(
    staging: StagingDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = staging_directory.MARGIN + 100

    monkeypatch.setattr(staging_directory.shutil, "disk_usage", lambda path: Usage)
    with pytest.raises(Full, match="100 are left"):
        staging.add(announced(101))
    staged = staging.add(announced(60))
    with pytest.raises(Full, match="40 are left"):
        staging.add(announced(41))
    write(staging, staged, 50)
    assert staging.outstanding() == 70
    staging.remove(staged)
    staging.add(announced(100))


# --- a disk that is really full --------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("needs to mount a tmpfs")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_on_a_full_disk_what_came_counts_and_the_rest_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging_directory, "MARGIN", 0)
    with small_disk(tmp_path / "disk", "2m"):
        ballast = tmp_path / "disk" / "ballast"
        staging = open_staging(tmp_path / "disk" / "staging", plain=True)
        staged = staging.add(announced(1_500_000))
        ballast.write_bytes(bytes(1_000_000))
        writer = staging.writer(staged, marks=True)
        with pytest.raises(Full):
            for at in range(0, 1_500_000, 100_000):
                writer.write(DATA[at : at + 100_000])
        came = writer._at
        assert 0 < came < 1_500_000
        # The number needs room as well: it is noted, or the offset stays as it was.
        with pytest.raises(Full):
            writer.keep()
        writer.close()
        assert staged.offset == 0
        write(staging, staged, 500_000)
        ballast.unlink()
        write(staging, staged, 1_500_000)
        again = open_staging(tmp_path / "disk" / "staging").find(staged.id)
        assert b"".join(bytes(piece) for piece in staging.pieces(again)) == DATA[:1_500_000]


def test_recorded_uploads_of_a_key_are_remembered_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging_directory, "MAX_TOLD", 3)
    clock = iter(range(1000, 2000))
    staging = StagingDirectory(tmp_path / "staging", lambda: next(clock))
    others = staging.add(announced(0, keyid="other"))
    staging.note(others, Finish(digest_item(b""), "3f" * 16, recorded=True))
    sending = staging.add(announced())
    told = []
    for _ in range(5):
        told.append(staging.add(announced(0)))
        staging.note(told[-1], Finish(digest_item(b""), "3f" * 16, recorded=True))
    left = {others.id, sending.id, *(staged.id for staged in told[2:])}
    assert {staged.id for staged in staging.all()} == left
    assert {path.name for path in (tmp_path / "staging").iterdir()} == left
    with pytest.raises(Gone):
        staging.find(told[0].id)
