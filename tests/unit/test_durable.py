import errno
import os
import stat
from pathlib import Path

import pytest

from ledger.errors import Full, Unavailable
from storage import durable
from storage.durable import (
    make_folder,
    refusal,
    sync_file,
    sync_folder,
    sync_name,
    write_file,
)
from testkit.syncs import watched_syncs


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches the disk, in order."""
    seen: list[str] = []
    fsync, replace, mkdir = os.fsync, Path.replace, Path.mkdir

    def log_fsync(fd: int) -> None:
        folder = stat.S_ISDIR(os.fstat(fd).st_mode)
        seen.append(f"sync {Path(os.readlink(f'/proc/self/fd/{fd}')).name}" if folder else "fsync")
        fsync(fd)

    def log_replace(self: Path, target: Path) -> Path:
        seen.append("rename")
        return replace(self, target)

    def log_mkdir(self: Path, mode: int) -> None:
        seen.append(f"mkdir {self.name}")
        mkdir(self, mode)

    monkeypatch.setattr(os, "fsync", log_fsync)
    monkeypatch.setattr(Path, "replace", log_replace)
    monkeypatch.setattr(Path, "mkdir", log_mkdir)
    return seen


def test_the_bytes_are_durable_before_the_name_and_the_name_before_it_returns(
    tmp_path: Path, calls: list[str]
) -> None:
    write_file(tmp_path / "file", b"data")
    assert calls == ["fsync", "rename", f"sync {tmp_path.name}"]


def test_each_new_folder_is_durable_in_its_parent(tmp_path: Path, calls: list[str]) -> None:
    make_folder(tmp_path / "a" / "b")
    assert calls == ["mkdir a", f"sync {tmp_path.name}", "mkdir b", "sync a"]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    for data in (b"long contents", b"", b"short"):
        write_file(tmp_path / "file", data)
        assert (tmp_path / "file").read_bytes() == data
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_modes_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        make_folder(tmp_path / "a" / "b")
        write_file(tmp_path / "a" / "b" / "file", b"")
        write_file(tmp_path / "a" / "public", b"", mode=0o644)
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700
    assert mode(tmp_path / "a" / "b" / "file") == 0o600
    assert mode(tmp_path / "a" / "public") == 0o644


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o750)
    make_folder(tmp_path / "a")
    assert mode(tmp_path / "a") == 0o750


@pytest.mark.parametrize("step", ["write", "fsync", "fchmod"])
def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    write_file(tmp_path / "file", b"old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(Unavailable, match="Input/output error"):
        write_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_write_in_small_parts_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
    write_file(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_the_unfinished_file_lies_in_the_scratch_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    write = durable.write_all
    (tmp_path / "scratch").mkdir()

    def look(fd: int, data: bytes | memoryview) -> None:
        seen.append(sorted(os.listdir(tmp_path)) + os.listdir(tmp_path / "scratch"))
        write(fd, data)

    monkeypatch.setattr(durable, "write_all", look)
    write_file(tmp_path / "file", b"data", scratch=tmp_path / "scratch")
    assert [names[0] for names in seen] == ["scratch"]
    assert seen[0][1].startswith(".new-")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, Full),
        (errno.EDQUOT, Full),
        (errno.EIO, Unavailable),
        (errno.EROFS, Unavailable),
    ],
)
def test_no_room_is_told_apart_from_other_failures(number: int, kind: type[Unavailable]) -> None:
    assert type(refusal(OSError(number, "x"), "write")) is kind


def test_a_missing_folder_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        write_file(tmp_path / "missing" / "file", b"")
    with pytest.raises(Unavailable):
        sync_folder(tmp_path / "missing")


def test_a_file_in_the_place_of_a_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        make_folder(tmp_path / "file")
    with pytest.raises(Unavailable):
        make_folder(tmp_path / "file" / "below")


def test_a_file_of_others_is_synced_if_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with watched_syncs() as synced:
        sync_file(tmp_path / "file")
        sync_file(tmp_path / "missing")
    assert synced == [tmp_path / "file"]


def test_a_name_is_synced_in_the_folder_above(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with watched_syncs() as synced:
        sync_name(tmp_path / "a")
    assert synced == [tmp_path]


def test_a_folder_above_that_nobody_may_read_is_left_to_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    sync_name(tmp_path / "a")


def test_what_is_no_file_is_never_replaced_by_one(tmp_path: Path) -> None:
    """As root `-o /dev/null` would put a file into the place that all programs write into."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(Unavailable, match="no regular file"):
            write_file(tmp_path / name, b"data")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert (tmp_path / "link").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]
