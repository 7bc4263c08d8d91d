"""What every `PublicStore` promises, and what the folder of files adds."""

import os
import stat
import threading
from pathlib import Path

import pytest

from ledger.errors import Conflict, Full, Malformed, Unknown
from ledger.evidence.entry import OPENING
from ledger.ports import PublicStore
from storage import durable
from storage.memory import MemoryPublicStore
from storage.public_directory import DirectoryPublicStore
from testkit.syncs import watched_syncs

TILE = "tile/0/x001/234"
PARTIAL = "tile/entries/x001/235.p/17"


@pytest.fixture(params=["memory", "directory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PublicStore:
    if request.param == "memory":
        return MemoryPublicStore()
    return DirectoryPublicStore(tmp_path / "public")


@pytest.mark.parametrize("path", [TILE, PARTIAL, "tile/0/000", "tile/63/000.p/1", *OPENING])
def test_what_is_put_is_got(store: PublicStore, path: str) -> None:
    store.put(path, b"tile")
    assert store.get(path) == b"tile"


def test_equal_bytes_may_be_put_again(store: PublicStore) -> None:
    for _ in range(2):
        store.put(TILE, b"tile")
    assert store.get(TILE) == b"tile"


@pytest.mark.parametrize("other", [b"other", b"", b"tile+", b"til"])
@pytest.mark.parametrize("path", [TILE, *OPENING])
def test_other_bytes_conflict_and_the_first_stay(
    store: PublicStore, path: str, other: bytes
) -> None:
    store.put(path, b"tile")
    with pytest.raises(Conflict):
        store.put(path, other)
    with pytest.raises(Malformed):
        store.replace("opening.salt", other)
    assert store.get(path) == b"tile"


def test_the_checkpoint_is_replaced(store: PublicStore) -> None:
    for note in (b"first", b"second and longer", b"3rd"):
        store.replace("checkpoint", note)
        assert store.get("checkpoint") == note


@pytest.mark.parametrize("path", ["checkpoint", TILE, PARTIAL])
def test_what_is_not_there_is_unknown(store: PublicStore, path: str) -> None:
    with pytest.raises(Unknown):
        store.get(path)


@pytest.mark.parametrize(
    "path",
    ["", ".", "..", "tile", "tile/0", "../checkpoint", "/checkpoint", "checkpoint/", "Checkpoint",
     "tile/0/../../x", "tile/0/000\n", "tile/0/x000/001", "tile/0/000.p/256", ".incoming/x"],
)  # fmt: skip
def test_other_paths_are_refused(store: PublicStore, path: str) -> None:
    with pytest.raises(Malformed):
        store.put(path, b"")
    with pytest.raises(Malformed):
        store.replace(path, b"")
    with pytest.raises(Malformed):
        store.get(path)
    with pytest.raises(Malformed):
        store.discard(path)


def test_a_tile_is_not_replaced_nor_a_checkpoint_put(store: PublicStore) -> None:
    with pytest.raises(Malformed):
        store.replace(TILE, b"")
    with pytest.raises(Malformed):
        store.put("checkpoint", b"")


def test_a_folder_of_partial_tiles_is_discarded_and_nothing_else(store: PublicStore) -> None:
    folder = "tile/0/x001/235.p"
    for path in (TILE, f"{folder}/1", f"{folder}/17", "tile/0/x001/236.p/1"):
        store.put(path, b"tile")
    for _ in range(2):
        store.discard(folder)
    for width in (1, 17):
        with pytest.raises(Unknown):
            store.get(f"{folder}/{width}")
    assert store.get(TILE) == store.get("tile/0/x001/236.p/1") == b"tile"
    store.put(f"{folder}/18", b"tile")
    assert store.get(f"{folder}/18") == b"tile"


@pytest.mark.parametrize("folder", [TILE, "tile/0", "tile", "tile/0/x001", "checkpoint"])
def test_only_partial_tiles_are_discarded(store: PublicStore, folder: str) -> None:
    store.put(TILE, b"tile")
    with pytest.raises(Malformed):
        store.discard(folder)
    assert store.get(TILE) == b"tile"


def test_files_are_for_everyone_to_read_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        store = DirectoryPublicStore(tmp_path / "public")
        store.put(TILE, b"tile")
        store.replace("checkpoint", b"note")
    finally:
        os.umask(before)
    root = tmp_path / "public"
    modes = {str(p.relative_to(root)): stat.S_IMODE(p.stat().st_mode) for p in root.rglob("*")}
    assert modes == {
        ".incoming": 0o700,
        "checkpoint": 0o644,
        "tile": 0o755,
        "tile/0": 0o755,
        "tile/0/x001": 0o755,
        TILE: 0o644,
    }


def test_what_an_earlier_run_may_not_have_made_durable_is_synced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    DirectoryPublicStore(tmp_path / "public").put(TILE, b"tile")
    store = DirectoryPublicStore(tmp_path / "public")
    synced, fsync = [], os.fsync

    def log_fsync(fd: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        fsync(fd)

    monkeypatch.setattr(os, "fsync", log_fsync)
    store.put(TILE, b"tile")
    assert synced == ["public", "tile", "0", "x001"]
    store.put(TILE, b"tile")
    assert synced[4:] == ["x001"]


def test_a_file_cut_short_by_a_crash_is_swept_away(tmp_path: Path) -> None:
    DirectoryPublicStore(tmp_path / "public")
    leftover = tmp_path / "public" / ".incoming" / ".new-00"
    leftover.write_bytes(b"half")
    DirectoryPublicStore(tmp_path / "public")
    assert not leftover.exists()


def test_a_full_disk_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    store = DirectoryPublicStore(tmp_path / "public")
    store.replace("checkpoint", b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(Full):
            store.replace("checkpoint", b"new")
        with pytest.raises(Full):
            store.put(TILE, b"tile")
    assert store.get("checkpoint") == b"old"
    with pytest.raises(Unknown):
        store.get(TILE)
    assert list((tmp_path / "public" / ".incoming").iterdir()) == []


def test_a_checkpoint_is_shown_only_once_it_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a power cut would take back what a reader has seen."""
    store, shown, early = DirectoryPublicStore(tmp_path), list[bytes](), list[bool]()
    store.replace("checkpoint", b"old")
    reader = threading.Thread(target=lambda: shown.append(store.get("checkpoint")))
    sync = durable._sync

    def slow(folder: Path) -> None:
        reader.start()
        reader.join(0.2)
        early.append(bool(shown))
        sync(folder)

    monkeypatch.setattr(durable, "_sync", slow)
    store.replace("checkpoint", b"new")
    reader.join(60)
    assert (early, shown) == ([False], [b"new"])


def test_the_checkpoint_of_a_killed_run_is_durable_before_it_is_shown(tmp_path: Path) -> None:
    DirectoryPublicStore(tmp_path).replace("checkpoint", b"note")
    with watched_syncs() as synced:
        DirectoryPublicStore(tmp_path)
    assert synced == [tmp_path]
