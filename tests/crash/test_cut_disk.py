"""The disk that is cut really forgets what was not synced, and really keeps what was."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from testkit.cut_disk import Cut, CutDisk, File, Folder
from testkit.cut_mount import CutMount, need_fuse

SEEDS = range(200)


def new(disk: CutDisk, name: str, data: bytes = b"", folder: Folder | None = None) -> File:
    file = disk.create(folder or disk.root, name, 0o600)
    disk.write(file, 0, data)
    return file


def synced(disk: CutDisk, name: str, data: bytes) -> File:
    file = new(disk, name, data)
    disk.sync_file(file)
    disk.sync_folder(disk.root)
    return file


def read(disk: CutDisk, name: str) -> bytes | None:
    file = disk.root.now.get(name)
    return bytes(file.now) if isinstance(file, File) else None


@pytest.mark.parametrize("how", Cut)
def test_what_was_synced_with_its_name_survives_every_cut(how: Cut) -> None:
    for seed in SEEDS:
        disk = CutDisk()
        synced(disk, "a", b"data")
        disk.cut(how, seed)
        assert read(disk, "a") == b"data"


def test_bytes_that_were_not_synced_are_gone() -> None:
    disk = CutDisk()
    file = synced(disk, "a", b"old")
    disk.write(file, 0, b"new and longer")
    assert read(disk, "a") == b"new and longer"
    disk.cut(Cut.ALL, 0)
    assert read(disk, "a") == b"old"


def test_a_truncation_that_was_not_synced_is_undone() -> None:
    disk = CutDisk()
    disk.truncate(synced(disk, "a", b"data"), 0)
    disk.cut(Cut.ALL, 0)
    assert read(disk, "a") == b"data"


def test_a_name_that_was_not_synced_is_gone_though_its_bytes_were() -> None:
    disk = CutDisk()
    disk.sync_file(new(disk, "a", b"data"))
    disk.cut(Cut.ALL, 0)
    assert read(disk, "a") is None


def test_a_folder_that_was_not_synced_in_its_parent_is_gone_with_all_in_it() -> None:
    disk = CutDisk()
    below = disk.make_folder(disk.root, "below", 0o700)
    disk.sync_file(new(disk, "a", b"data", below))
    disk.sync_folder(below)
    disk.cut(Cut.ALL, 0)
    assert disk.root.now == {}


def test_without_a_sync_of_the_folder_the_old_name_is_back() -> None:
    disk = CutDisk()
    synced(disk, "a", b"old")
    synced(disk, "b", b"new")
    disk.rename(disk.root, "b", disk.root, "a")
    assert read(disk, "a") == b"new"
    disk.cut(Cut.ALL, 0)
    assert (read(disk, "a"), read(disk, "b")) == (b"old", b"new")


def test_a_removal_that_was_not_synced_is_undone() -> None:
    disk = CutDisk()
    synced(disk, "a", b"data")
    disk.remove(disk.root, "a")
    disk.cut(Cut.ALL, 0)
    assert read(disk, "a") == b"data"


def test_the_sync_of_one_folder_makes_a_renaming_into_it_durable_and_nothing_else() -> None:
    disk = CutDisk()
    below = disk.make_folder(disk.root, "below", 0o700)
    disk.sync_folder(disk.root)
    disk.sync_file(new(disk, "a", b"data"))
    disk.sync_file(new(disk, "b", b"data"))
    disk.rename(disk.root, "a", below, "a")
    disk.sync_folder(below)
    disk.cut(Cut.ALL, 0)
    assert list(disk.root.now) == ["below"] and list(below.now) == ["a"]


def test_a_renaming_is_there_or_not_and_never_in_part() -> None:
    outcomes = set()
    for seed in SEEDS:
        disk = CutDisk()
        synced(disk, "a", b"old")
        synced(disk, "b", b"new")
        disk.rename(disk.root, "b", disk.root, "a")
        disk.cut(Cut.SOME, seed)
        outcomes.add((read(disk, "a"), read(disk, "b")))
    assert outcomes == {(b"old", b"new"), (b"new", None)}


def test_a_name_may_survive_without_its_bytes() -> None:
    outcomes = set()
    for seed in SEEDS:
        disk = CutDisk()
        new(disk, "a", b"data")
        disk.cut(Cut.SOME, seed)
        outcomes.add(read(disk, "a"))
    assert outcomes == {None, b"", bytes(4), b"data"}


def test_the_later_of_two_writes_may_survive_without_the_earlier() -> None:
    outcomes = set()
    for seed in SEEDS:
        disk = CutDisk()
        file = synced(disk, "a", b"--")
        disk.write(file, 0, b"1")
        disk.write(file, 1, b"2")
        disk.cut(Cut.SOME, seed)
        outcomes.add(read(disk, "a"))
    assert outcomes == {b"--", b"1-", b"-2", b"12"}


def test_a_write_tears_at_sectors_and_nowhere_else() -> None:
    torn = 0
    for seed in SEEDS:
        disk = CutDisk()
        file = synced(disk, "a", b"-" * 3000)
        disk.write(file, 100, b"x" * 2000)
        disk.cut(Cut.SOME, seed)
        data = read(disk, "a") or b""
        assert data[:100] == b"-" * 100 and data[2100:] == b"-" * 900
        pieces = {data[max(start, 100) : min(start + 512, 2100)] for start in range(0, 2100, 512)}
        assert all(len(set(piece)) == 1 for piece in pieces)
        torn += len(set(data[100:2100])) == 2
    assert torn > 20


def test_a_journal_loses_its_tail_and_nothing_before() -> None:
    for seed in SEEDS:
        disk = CutDisk()
        for name in "abcd":
            new(disk, name)
        disk.cut(Cut.TAIL, seed)
        assert "abcd".startswith("".join(disk.root.now))


def test_where_only_the_process_died_everything_is_there() -> None:
    disk = CutDisk()
    new(disk, "a", b"data")
    disk.cut(Cut.NOTHING, 0)
    assert read(disk, "a") == b"data"


def test_whatever_was_done_the_synced_part_survives() -> None:
    """A random history; each file that was synced, name and bytes, and left alone, is there."""
    for seed in SEEDS:
        chance, disk, safe = random.Random(seed), CutDisk(), dict[str, bytes]()
        for number in range(30):
            name = f"{number}"
            data = chance.randbytes(chance.randrange(2000))
            if chance.random() < 0.5:
                synced(disk, name, data)
                safe |= {name: data}
            else:
                new(disk, f"x{name}", data)
        disk.cut(chance.choice(list(Cut)), seed)
        assert {name: read(disk, name) for name in safe} == safe


def test_the_same_seed_cuts_the_same() -> None:
    def history() -> list[str]:
        disk = CutDisk()
        for number in range(20):
            new(disk, str(number), b"data")
        disk.cut(Cut.SOME, 7)
        return list(disk.root.now)

    assert history() == history()


# --- the same, mounted -------------------------------------------------------------------------


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[CutMount]:
    need_fuse()
    with CutMount(tmp_path / "disk", sync_s=0) as mount:
        yield mount


def sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def test_a_mounted_disk_forgets_what_was_not_synced_and_keeps_what_was(mount: CutMount) -> None:
    for name in ("kept", "forgotten"):
        (mount.folder / name).write_bytes(b"first")
        sync(mount.folder / name)
    sync(mount.folder)
    (mount.folder / "kept").write_bytes(b"second")
    sync(mount.folder / "kept")
    (mount.folder / "forgotten").write_bytes(b"second")
    (mount.folder / "nameless").write_bytes(b"synced")
    sync(mount.folder / "nameless")
    mount.cut(Cut.ALL, 0)
    assert {p.name: p.read_bytes() for p in mount.folder.iterdir()} == {
        "kept": b"second",
        "forgotten": b"first",
    }


def test_a_file_without_a_name_can_still_be_read_and_written(mount: CutMount) -> None:
    path = mount.folder / "a"
    with path.open("w+b", buffering=0) as file:
        file.write(b"data")
        path.unlink()
        file.write(b"more")
        file.seek(0)
        assert file.read() == b"datamore" and list(mount.folder.iterdir()) == []


def test_a_process_that_has_ended_by_itself_keeps_nobody_waiting(mount: CutMount) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    assert process.wait(60) == 0
    mount.kill(process.pid, after=1)
    (mount.folder / "a").write_bytes(b"data")
    mount.cut(Cut.NOTHING, 0)
    assert (mount.folder / "a").read_bytes() == b"data"


COMMITS = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute(f"PRAGMA synchronous = {sys.argv[2]}")
db.execute("CREATE TABLE IF NOT EXISTS t (a)")
for _ in range(50):
    db.execute("INSERT INTO t VALUES (randomblob(3000))")
reader = sqlite3.connect(sys.argv[1])
assert reader.execute("SELECT count(*) FROM t").fetchone()[0] % 50 == 0
os._exit(0)  # closing it would fold the log into the file, and sync
"""


def rows_after_a_cut(mount: CutMount, synchronous: str, how: Cut) -> int:
    path = mount.folder / "db"
    subprocess.run([sys.executable, "-c", COMMITS, str(path), synchronous], check=True)
    assert (mount.folder / "db-shm").stat().st_size > 0
    mount.cut(how, seed=3)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = db.execute("SELECT name FROM sqlite_master").fetchall()
        return int(db.execute("SELECT count(*) FROM t").fetchone()[0]) if tables else 0


def test_sqlite_shares_its_memory_over_the_mount_and_keeps_each_commit(mount: CutMount) -> None:
    cuts = (Cut.ALL, Cut.SOME, Cut.TAIL)
    assert [rows_after_a_cut(mount, "FULL", how) for how in cuts] == [50, 100, 150]


def test_sqlite_that_does_not_sync_loses_its_commits(mount: CutMount) -> None:
    assert rows_after_a_cut(mount, "OFF", Cut.ALL) == 0


def test_a_process_is_killed_at_a_change_of_its_disk(mount: CutMount) -> None:
    path = mount.folder / "a"
    code = f"f = open({str(path)!r}, 'ab', 0)\nprint()\ninput()\nwhile True: f.write(b'x')"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdout.readline()
        mount.kill(process.pid, after=10)
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.wait(60) == -signal.SIGKILL
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
    assert path.stat().st_size == 9
    with pytest.raises(OSError, match="Input/output error"):
        path.write_bytes(b"the power is off")
    mount.cut(Cut.NOTHING, 0)
    assert path.read_bytes() == b"x" * 9
