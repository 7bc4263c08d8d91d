"""What the folder of files adds to what every `ObjectStore` promises."""

import errno
import fcntl
import mmap
import os
import secrets
import shutil
import stat
from pathlib import Path

import pytest

from ledger.errors import Conflict, Full, Rejected, Unavailable, Unknown
from storage import objects_directory
from storage.durable import sync_folder
from storage.objects_directory import DIRECT, DirectoryObjectStore
from testkit.world import HandClock


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryObjectStore:
    return DirectoryObjectStore(tmp_path / "items")


def new_key() -> str:
    return secrets.token_hex(16)


def keep(store: DirectoryObjectStore, data: bytes, companion: bytes = b"") -> str:
    writer = store.begin(new_key(), len(data))
    writer.write(data)
    return writer.commit(companion)


def files_below(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir())


def test_files_are_read_only_and_named_by_their_keys(
    directory: DirectoryObjectStore, tmp_path: Path
) -> None:
    object_id = keep(directory, b"item", b"leaf")
    folder = tmp_path / "items" / object_id[:2]
    assert files_below(folder) == [object_id, f"{object_id}.chunks"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o400}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert files_below(tmp_path / "items" / "incoming") == []


def test_bytes_are_durable_before_names_and_the_companion_before_the_object(
    directory: DirectoryObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def log_fsync(fd: int) -> None:
        calls.append(f"sync {Path(os.readlink(f'/proc/self/fd/{fd}')).name}")
        fsync(fd)

    def log_rename(self: Path, target: Path) -> Path:
        calls.append(f"rename {self.name}")
        return rename(self, target)

    writer = directory.begin(new_key(), 4)
    writer.write(b"item")
    monkeypatch.setattr(os, "fsync", log_fsync)
    monkeypatch.setattr(Path, "rename", log_rename)
    name = writer.commit(b"companion")
    assert calls == [
        "sync items", f"sync {name}", f"sync {name}.chunks", "sync incoming",
        f"rename {name}.chunks", f"rename {name}", f"sync {name[:2]}",
    ]  # fmt: skip


def test_an_unfinished_object_is_swept_away_when_the_store_is_opened(tmp_path: Path) -> None:
    root = tmp_path / "items"
    store = DirectoryObjectStore(root)
    kept = keep(store, b"kept")
    writer = store.begin(new_key(), 100)
    writer.write(b"half")
    reopened = DirectoryObjectStore(root)
    assert files_below(root) == [f"{kept[:2]}/{kept}", f"{kept[:2]}/{kept}.chunks"]
    assert list(reopened.refs()) == [kept]
    writer.abort()


def test_a_companion_that_went_ahead_of_a_crash_are_swept_away(tmp_path: Path) -> None:
    root = tmp_path / "items"
    store = DirectoryObjectStore(root)
    object_id = keep(store, b"item", b"leaf")
    # As if the power had failed between the two renames.
    (root / object_id[:2] / object_id).rename(root / "incoming" / object_id)
    DirectoryObjectStore(root)
    assert files_below(root) == []


def test_names_of_folders_that_a_crash_left_unsynced_are_made_durable_on_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "items"
    DirectoryObjectStore(root)
    synced: list[Path] = []
    monkeypatch.setattr(objects_directory, "sync_folder", synced.append)
    DirectoryObjectStore(root)
    assert synced == [root]


@pytest.mark.parametrize("step", ["fsync", "fchmod"])
def test_a_commit_that_fails_can_be_aborted(
    directory: DirectoryObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    writer = directory.begin(new_key(), 4)
    writer.write(b"item")
    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(Unavailable, match="Input/output error"):
            writer.commit(b"companion")
    writer.abort()
    assert files_below(tmp_path / "items") == []


def test_a_commit_whose_last_sync_fails_can_be_aborted(
    directory: DirectoryObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = directory.begin(new_key(), 4)
    writer.write(b"item")
    folders: list[Path] = []

    def fail_second(path: Path) -> None:
        folders.append(path)
        if len(folders) == 2:
            raise Unavailable("cannot sync")
        sync_folder(path)

    monkeypatch.setattr(objects_directory, "sync_folder", fail_second)
    with pytest.raises(Unavailable):
        writer.commit(b"companion")
    writer.abort()
    assert files_below(tmp_path / "items") == []


def test_a_writer_is_of_no_use_after_commit(directory: DirectoryObjectStore) -> None:
    writer = directory.begin(new_key(), 8)
    writer.write(b"item")
    writer.commit(b"")
    with pytest.raises(Unavailable):
        writer.write(b"more")
    with pytest.raises(Unavailable):
        writer.commit(b"")


def test_a_disk_that_fills_up_while_writing_is_full(
    directory: DirectoryObjectStore, tmp_path: Path
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    writer = directory.begin(new_key(), 4)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writer._fd)
    os.close(full)
    with pytest.raises(Full):
        writer.write(b"item")
    writer.abort()
    assert files_below(tmp_path / "items") == []


def test_the_room_left_is_that_of_the_disk(directory: DirectoryObjectStore, tmp_path: Path) -> None:
    with pytest.raises(Full):
        directory.begin(new_key(), shutil.disk_usage(tmp_path).total)


@pytest.mark.parametrize("size", [DIRECT, DIRECT + 1, 2 * DIRECT + 4096, 3 * DIRECT - 17])
@pytest.mark.parametrize("step", [4096, DIRECT, 100_001])
def test_what_goes_past_the_page_cache_is_the_same_bytes(
    directory: DirectoryObjectStore, size: int, step: int
) -> None:
    data = memoryview(mmap.mmap(-1, size))  # aligned, as the server's buffers are
    data[:] = os.urandom(size)
    writer = directory.begin(new_key(), size)
    for start in range(0, size, step):
        writer.write(data[start : start + step])
    assert b"".join(directory.stream(writer.commit(b""))) == bytes(data)


def test_a_file_system_that_always_caches_keeps_large_items_too(
    directory: DirectoryObjectStore, monkeypatch: pytest.MonkeyPatch
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
    directory: DirectoryObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once may be alignment, and is tried again through the page cache."""
    calls: list[int] = []

    def refuse(fd: int, data: memoryview) -> int:
        calls.append(len(data))
        raise OSError(errno.EINVAL, "Invalid argument")

    writer = directory.begin(new_key(), DIRECT)
    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(Unavailable, match="Invalid argument"):
        writer.write(bytes(DIRECT))
    monkeypatch.undo()
    writer.abort()
    assert 1 <= len(calls) <= 2


# --- locks -------------------------------------------------------------------------------------


def test_a_lock_outlives_the_store_that_put_it(tmp_path: Path) -> None:
    clock = HandClock()
    store = DirectoryObjectStore(tmp_path / "items", clock=clock)
    ref = keep(store, b"item", b"companion")
    store.retain(ref, clock.now_ms() + 10)
    store.hold(ref, True)
    store = DirectoryObjectStore(tmp_path / "items", clock=clock)
    with pytest.raises(Rejected, match="legal hold"):
        store.delete(ref)
    store.hold(ref, False)
    with pytest.raises(Rejected, match="until"):
        store.delete(ref)
    clock.wall += 10
    store.delete(ref)
    assert files_below(tmp_path / "items") == []


def test_a_damaged_lock_locks(directory: DirectoryObjectStore, tmp_path: Path) -> None:
    ref = keep(directory, b"item")
    directory.hold(ref, True)
    lock = tmp_path / "items" / ref[:2] / f"{ref}.lock"
    lock.chmod(0o600)
    lock.write_bytes(b"0 fre")
    with pytest.raises(Unavailable, match="damaged"):
        directory.delete(ref)
    assert list(directory.refs()) == [ref]


# --- mending -----------------------------------------------------------------------------------


def test_what_is_mended_takes_the_old_place_at_once(
    directory: DirectoryObjectStore, tmp_path: Path
) -> None:
    ref = keep(directory, b"itom", b"companian")
    writer = directory.mend(ref, 4)
    writer.write(b"item")
    assert directory.read(ref, 0, 4) == b"itom"
    assert writer.commit(b"companion") == ref
    assert (directory.read(ref, 0, 4), directory.companion(ref)) == (b"item", b"companion")
    assert files_below(tmp_path / "items") == [f"{ref[:2]}/{ref}", f"{ref[:2]}/{ref}.chunks"]


def test_mending_that_is_broken_off_leaves_what_was_there(
    directory: DirectoryObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = keep(directory, b"itom", b"companion")

    def fail(*_: object) -> None:
        raise Unavailable("cannot sync")

    writer = directory.mend(ref, 4)
    writer.write(b"item")
    with monkeypatch.context() as patch:
        patch.setattr(objects_directory, "sync_folder", fail)
        with pytest.raises(Unavailable):
            writer.commit(b"companion")
    writer.abort()
    assert directory.read(ref, 0, 4) == b"itom"
    assert directory.companion(ref) == b"companion"
    assert len(files_below(tmp_path / "items")) == 2


def test_a_companion_beside_a_missing_object_outlives_a_mending_that_was_killed(
    directory: DirectoryObjectStore, tmp_path: Path
) -> None:
    """With it the key of a sealed item would be gone."""
    ref = keep(directory, b"item", b"companion")
    (tmp_path / "items" / ref[:2] / ref).unlink()
    directory.mend(ref, 4).write(b"it")
    DirectoryObjectStore(tmp_path / "items")
    assert files_below(tmp_path / "items") == [f"{ref[:2]}/{ref}.chunks"]


def test_beside_a_running_server_nothing_is_swept_away(
    directory: DirectoryObjectStore, tmp_path: Path
) -> None:
    writer = directory.begin(new_key(), 4)
    DirectoryObjectStore(tmp_path / "items", beside=True)
    writer.write(b"item")
    assert directory.read(writer.commit(b""), 0, 4) == b"item"


def test_a_key_is_used_once(directory: DirectoryObjectStore) -> None:
    key = new_key()
    first = directory.begin(key, 4)
    with pytest.raises(Conflict):
        directory.begin(key, 4)
    first.write(b"item")
    first.commit(b"")
    with pytest.raises(Conflict):
        directory.begin(key, 4)
    assert directory.read(key, 0, 4) == b"item"


def test_only_what_is_there_is_given_a_companion_or_a_lock(
    directory: DirectoryObjectStore,
) -> None:
    for call in (
        lambda: directory.put_companion("0" * 32, b""),
        lambda: directory.retain("0" * 32, 1),
        lambda: directory.hold("0" * 32, True),
    ):
        with pytest.raises(Unknown):
            call()


def test_names_that_are_not_ours_are_odd(tmp_path: Path) -> None:
    store = DirectoryObjectStore(tmp_path / "objects")
    writer = store.begin("ab" * 16, 1)
    writer.write(b"x")
    writer.commit(b"companion")
    (tmp_path / "objects" / "lost+found").mkdir()
    for name in ("notes.txt", "cd", "AB/x", "ab/readme", "ab/" + "cd" * 16, "ab/.hidden"):
        path = tmp_path / "objects" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    found = [(odd.name, odd.version, odd.what) for odd in store.oddities()]
    assert found == [
        ("AB", "", "foreign"),
        ("ab/.hidden", "", "foreign"),
        ("ab/" + "cd" * 16, "", "foreign"),
        ("ab/readme", "", "foreign"),
        ("cd", "", "foreign"),
        ("notes.txt", "", "foreign"),
    ]
