"""What every `ItemStore` promises, and what the folder of files adds."""

import errno
import fcntl
import mmap
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ledger.errors import Full, Unavailable, Unknown
from ledger.ports import ItemStore
from storage import items_directory
from storage.durable import sync_folder
from storage.items_directory import DIRECT, MARGIN, DirectoryItemStore
from storage.memory import MemoryItemStore

ROOM = 5_000_000


@pytest.fixture(params=["memory", "directory"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ItemStore:
    """With room for `ROOM` bytes."""
    if request.param == "memory":
        return MemoryItemStore(ROOM)
    root = tmp_path / "items"
    monkeypatch.setattr(shutil, "disk_usage", room_below(root))
    return DirectoryItemStore(root)


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryItemStore:
    return DirectoryItemStore(tmp_path / "items")


def room_below(root: Path) -> Callable[[Path], SimpleNamespace]:
    def disk_usage(_: Path) -> SimpleNamespace:
        used = sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
        return SimpleNamespace(free=ROOM + MARGIN - used)

    return disk_usage


def keep(store: ItemStore, data: bytes, leaves: bytes = b"") -> str:
    writer = store.begin(len(data))
    writer.write(data)
    return writer.commit(leaves)


def files_below(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir())


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_an_item_is_read_back_in_pieces(store: ItemStore, size: int) -> None:
    data = os.urandom(size)
    object_id = keep(store, data, b"l" * 64)
    pieces = list(store.stream(object_id))
    assert b"".join(pieces) == data
    assert all(0 < len(piece) <= 1 << 20 for piece in pieces)
    assert store.leaves(object_id) == b"l" * 64


@pytest.mark.parametrize(("start", "end"), [(0, 0), (0, 1), (7, 1 << 20), ((1 << 20) - 1, 3 << 20)])
def test_a_range_is_read_whole(store: ItemStore, start: int, end: int) -> None:
    data = os.urandom(3 << 20)
    assert store.read(keep(store, data), start, end) == data[start:end]


def test_a_range_beyond_the_end_is_refused_and_not_cut(store: ItemStore) -> None:
    object_id = keep(store, b"item")
    with pytest.raises(Unavailable, match="shorter"):
        store.read(object_id, 2, 5)
    with pytest.raises(Unknown):
        store.read("0" * 32, 0, 1)


def test_it_is_written_in_whatever_pieces_come(store: ItemStore) -> None:
    writer = store.begin(6)
    for piece in (b"ab", memoryview(b"cde"), b"", bytearray(b"f")):
        writer.write(bytes(piece) if isinstance(piece, bytearray) else piece)
    assert b"".join(store.stream(writer.commit(b""))) == b"abcdef"


def test_equal_items_have_ids_of_their_own(store: ItemStore) -> None:
    ids = [keep(store, b"same") for _ in range(3)]
    assert len(set(ids)) == 3
    assert sorted(store.ids()) == sorted(ids)


def test_nothing_is_visible_before_commit(store: ItemStore) -> None:
    writer = store.begin(4)
    writer.write(b"item")
    assert list(store.ids()) == []
    writer.commit(b"")
    assert len(list(store.ids())) == 1


def test_an_abort_leaves_nothing_and_may_come_twice(store: ItemStore) -> None:
    writer = store.begin(ROOM)
    writer.write(b"item")
    writer.abort()
    writer.abort()
    assert list(store.ids()) == []
    store.begin(ROOM).abort()


def test_an_abort_after_commit_changes_nothing(store: ItemStore) -> None:
    writer = store.begin(4)
    writer.write(b"item")
    object_id = writer.commit(b"")
    writer.abort()
    assert b"".join(store.stream(object_id)) == b"item"


def test_an_item_that_would_not_fit_is_refused_before_its_first_byte(store: ItemStore) -> None:
    with pytest.raises(Full):
        store.begin(ROOM + 1)
    store.begin(ROOM).abort()


def test_what_others_are_writing_is_not_given_away_twice(store: ItemStore) -> None:
    first = store.begin(3_000_000)
    with pytest.raises(Full):
        store.begin(3_000_000)
    first.write(b"x" * 1_000_000)
    with pytest.raises(Full):
        store.begin(2_000_001)
    second = store.begin(2_000_000)
    first.commit(b"")
    second.abort()
    third = store.begin(3_999_000)
    with pytest.raises(Full):
        store.begin(2_000)
    third.abort()


def test_more_than_was_announced_is_refused(store: ItemStore) -> None:
    writer = store.begin(4)
    writer.write(b"ite")
    with pytest.raises(Full):
        writer.write(b"ms")
    writer.abort()


def test_a_deleted_item_is_gone_and_may_be_deleted_again(store: ItemStore) -> None:
    object_id = keep(store, b"item", b"leaf")
    store.delete(object_id)
    store.delete(object_id)
    assert list(store.ids()) == []
    with pytest.raises(Unknown):
        store.stream(object_id)
    with pytest.raises(Unknown):
        store.leaves(object_id)


@pytest.mark.parametrize(
    "object_id",
    ["", "a", "a" * 31, "a" * 33, "A" * 32, "../" + "a" * 29, "a" * 32 + "\n", "٠" * 32, "0" * 32],
)
def test_what_is_no_id_of_an_item_is_unknown(store: ItemStore, object_id: str) -> None:
    keep(store, b"item")
    with pytest.raises(Unknown):
        store.stream(object_id)
    with pytest.raises(Unknown):
        store.leaves(object_id)


@pytest.mark.parametrize("object_id", ["", "../../etc", "a" * 31 + "/"])
def test_what_is_no_id_is_not_deleted(store: ItemStore, object_id: str) -> None:
    with pytest.raises(Unknown):
        store.delete(object_id)


def test_files_are_read_only_and_named_at_random(
    directory: DirectoryItemStore, tmp_path: Path
) -> None:
    object_id = keep(directory, b"item", b"leaf")
    folder = tmp_path / "items" / object_id[:2]
    assert files_below(folder) == [object_id, f"{object_id}.chunks"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o400}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert files_below(tmp_path / "items" / "incoming") == []


def test_bytes_are_durable_before_names_and_chunk_hashes_before_the_item(
    directory: DirectoryItemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def log_fsync(fd: int) -> None:
        calls.append(f"sync {Path(os.readlink(f'/proc/self/fd/{fd}')).name}")
        fsync(fd)

    def log_rename(self: Path, target: Path) -> Path:
        calls.append(f"rename {self.name}")
        return rename(self, target)

    writer = directory.begin(4)
    writer.write(b"item")
    monkeypatch.setattr(os, "fsync", log_fsync)
    monkeypatch.setattr(Path, "rename", log_rename)
    name = writer.commit(b"leaf")
    assert calls == [
        "sync items", f"sync {name}", f"sync {name}.chunks", "sync incoming",
        f"rename {name}.chunks", f"rename {name}", f"sync {name[:2]}",
    ]  # fmt: skip


def test_an_unfinished_item_is_swept_away_when_the_store_is_opened(tmp_path: Path) -> None:
    root = tmp_path / "items"
    store = DirectoryItemStore(root)
    kept = keep(store, b"kept")
    writer = store.begin(100)
    writer.write(b"half")
    reopened = DirectoryItemStore(root)
    assert files_below(root) == [f"{kept[:2]}/{kept}", f"{kept[:2]}/{kept}.chunks"]
    assert list(reopened.ids()) == [kept]
    writer.abort()


def test_chunk_hashes_that_went_ahead_of_a_crash_are_swept_away(tmp_path: Path) -> None:
    root = tmp_path / "items"
    store = DirectoryItemStore(root)
    object_id = keep(store, b"item", b"leaf")
    # As if the power had failed between the two renames.
    (root / object_id[:2] / object_id).rename(root / "incoming" / object_id)
    DirectoryItemStore(root)
    assert files_below(root) == []


def test_names_of_folders_that_a_crash_left_unsynced_are_made_durable_on_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "items"
    DirectoryItemStore(root)
    synced: list[Path] = []
    monkeypatch.setattr(items_directory, "sync_folder", synced.append)
    DirectoryItemStore(root)
    assert synced == [root]


@pytest.mark.parametrize("step", ["fsync", "fchmod"])
def test_a_commit_that_fails_can_be_aborted(
    directory: DirectoryItemStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    writer = directory.begin(4)
    writer.write(b"item")
    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(Unavailable, match="Input/output error"):
            writer.commit(b"leaf")
    writer.abort()
    assert files_below(tmp_path / "items") == []


def test_a_commit_whose_last_sync_fails_can_be_aborted(
    directory: DirectoryItemStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = directory.begin(4)
    writer.write(b"item")
    folders: list[Path] = []

    def fail_second(path: Path) -> None:
        folders.append(path)
        if len(folders) == 2:
            raise Unavailable("cannot sync")
        sync_folder(path)

    monkeypatch.setattr(items_directory, "sync_folder", fail_second)
    with pytest.raises(Unavailable):
        writer.commit(b"leaf")
    writer.abort()
    assert files_below(tmp_path / "items") == []


def test_a_writer_is_of_no_use_after_commit(directory: DirectoryItemStore) -> None:
    writer = directory.begin(8)
    writer.write(b"item")
    writer.commit(b"")
    with pytest.raises(Unavailable):
        writer.write(b"more")
    with pytest.raises(Unavailable):
        writer.commit(b"")


def test_a_disk_that_fills_up_while_writing_is_full(
    directory: DirectoryItemStore, tmp_path: Path
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    writer = directory.begin(4)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writer._fd)
    os.close(full)
    with pytest.raises(Full):
        writer.write(b"item")
    writer.abort()
    assert files_below(tmp_path / "items") == []


def test_the_room_left_is_that_of_the_disk(directory: DirectoryItemStore, tmp_path: Path) -> None:
    with pytest.raises(Full):
        directory.begin(shutil.disk_usage(tmp_path).total)


@pytest.mark.parametrize("size", [DIRECT, DIRECT + 1, 2 * DIRECT + 4096, 3 * DIRECT - 17])
@pytest.mark.parametrize("step", [4096, DIRECT, 100_001])
def test_what_goes_past_the_page_cache_is_the_same_bytes(
    directory: DirectoryItemStore, size: int, step: int
) -> None:
    data = memoryview(mmap.mmap(-1, size))  # aligned, as the server's buffers are
    data[:] = os.urandom(size)
    writer = directory.begin(size)
    for start in range(0, size, step):
        writer.write(data[start : start + step])
    assert b"".join(directory.stream(writer.commit(b""))) == bytes(data)


def test_a_file_system_that_always_caches_keeps_large_items_too(
    directory: DirectoryItemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int, command: int, flags: int = 0) -> int:
        if command == fcntl.F_SETFL and flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return fcntl_of(fd, command, flags)

    fcntl_of = fcntl.fcntl
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    data = os.urandom(2 * DIRECT)
    assert b"".join(directory.stream(keep(directory, data))) == data


def test_a_write_that_the_disk_calls_invalid_twice_is_refused(
    directory: DirectoryItemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once may be alignment, and is tried again through the page cache."""
    calls: list[int] = []

    def refuse(fd: int, data: memoryview) -> int:
        calls.append(len(data))
        raise OSError(errno.EINVAL, "Invalid argument")

    writer = directory.begin(DIRECT)
    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(Unavailable, match="Invalid argument"):
        writer.write(bytes(DIRECT))
    monkeypatch.undo()
    writer.abort()
    assert 1 <= len(calls) <= 2
