"""Mounts a `CutDisk`, and cuts its power: a process of its own, told what to do line by line.

    with CutMount(folder) as mount:
        …                          # any program works below `folder`
        mount.kill(pid, after=40)   # that process ends at the fortieth change from now on
        mount.cut(Cut.ALL, seed=7)  # nobody may have a file open any more

Needs Linux's FUSE: /dev/fuse, libfuse3, and `mfusepy` (3.1), which is wrapped here and
nowhere else. The kernel's own page cache lies above: it writes through at once, so what
a killed process wrote has arrived; only shared memory (SQLite's `-shm`) comes later.

A sync takes a few milliseconds, as on a real disk, and others read and write meanwhile:
so what is shown before it is durable will be seen. A sync that the cut meets was in vain.
"""

import ctypes.util
import errno
import importlib.util
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

import pytest

from testkit.children import ROOT
from testkit.cut_disk import Cut, CutDisk, File, Folder, Node

WAIT_S = 60.0


def can_mount() -> bool:
    """Whether this machine lets us mount a file system of our own."""
    return (
        importlib.util.find_spec("mfusepy") is not None
        and ctypes.util.find_library("fuse3") is not None
        and os.access("/dev/fuse", os.R_OK | os.W_OK)
        and (os.geteuid() == 0 or shutil.which("fusermount3") is not None)
    )


def need_fuse() -> None:
    if not can_mount():
        pytest.skip("needs mfusepy, libfuse3 and /dev/fuse")


class CutMount:
    """`folder` is made, and is the disk while this lives. `sync_s` is the longest sync."""

    def __init__(self, folder: Path, *, sync_s: float = 0.008) -> None:
        self.folder = folder
        folder.mkdir()
        path = os.pathsep.join(str(p) for p in (ROOT, ROOT / "tests"))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "testkit.cut_mount", str(folder), str(sync_s)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._mounted = False
        self.mount()

    def mount(self) -> None:
        self._ask("mount")
        self._mounted = True

    def unmount(self) -> None:
        deadline = time.monotonic() + WAIT_S
        while not _unmounted(self.folder):
            assert time.monotonic() < deadline, f"{self.folder} is still in use"
            time.sleep(0.01)
        self._mounted = False
        assert self._answer() == "unmounted"

    def kill(self, pid: int, *, after: int, syncs: bool = False, power: bool = True) -> None:
        """The process ends at the `after`th change of the disk from now on, before it is done.

        With `syncs` only syncs are counted. With `power` nothing changes afterwards until
        the cut; without, only the process ends, and the page cache stays. One that has ended
        by itself is let be: hold it until it is condemned, or it may be.
        """
        self._ask(f"kill {pid} {after} {int(syncs)} {int(power)}")

    def cut(self, how: Cut, seed: int) -> int:
        """Mounted again afterwards; says how many changes were not synced."""
        self.unmount()
        unsynced = int(self._ask(f"cut {how} {seed}"))
        self.mount()
        return unsynced

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        if self._mounted:
            self._process.stdin.close()  # it unmounts, whoever has a file open
        else:
            self._process.kill()
        try:
            self._process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(WAIT_S)
        self._process.stdout.close()
        _unmounted(self.folder, lazy=True)

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the disk's process has ended"
        return line.strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _unmounted(folder: Path, *, lazy: bool = False) -> bool:
    tool = ["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]
    options = [("-l" if os.geteuid() == 0 else "-z")] if lazy else []
    return subprocess.run([*tool, *options, str(folder)], capture_output=True).returncode == 0


# --- the process that mounts ---------------------------------------------------------------


def alone(method: Callable[..., Any]) -> Callable[..., Any]:
    """One operation at a time."""

    @wraps(method)
    def locked(self: "Fuse", *args: Any, **more: Any) -> Any:
        with self._lock:
            return method(self, *args, **more)

    return locked


@dataclass(slots=True)
class Victim:
    """A process, and the changes that are left to it."""

    pidfd: int
    left: int
    syncs: bool
    power: bool


class Fuse:
    """The operations as `mfusepy` calls them, from several threads.

    A file that was opened is known by its handle: it may have lost its name.
    """

    use_ns = True

    def __init__(self, disk: CutDisk, sync_s: float) -> None:
        self._sync_s = sync_s
        self._lock = threading.RLock()
        self._disk = disk
        self._open: dict[int, Node] = {}
        self._handles = count(1)
        self._victim: Victim | None = None
        self._off = False

    @alone
    def condemn(self, victim: Victim) -> None:
        self._pardon()
        self._victim = victim

    @alone
    def power_on(self) -> None:
        self._off = False
        self._pardon()

    def init(self, path: str) -> None:
        _say("mounted")

    def destroy(self, path: str) -> None:
        self._open.clear()

    # --- looking -------------------------------------------------------------------------------

    @alone
    def getattr(self, path: str | None, fh: int | None = None) -> dict[str, int]:
        node = self._node(path, fh)
        folder = isinstance(node, Folder)
        return {
            "st_mode": (stat.S_IFDIR if folder else stat.S_IFREG) | node.mode,
            "st_ino": node.ino,
            "st_nlink": 2 if folder else 1,
            "st_size": 0 if isinstance(node, Folder) else len(node.now),
            "st_uid": os.getuid(),
            "st_gid": os.getgid(),
        }

    def statfs(self, path: str) -> dict[str, int]:
        room = {"f_blocks": 1 << 24, "f_bfree": 1 << 24, "f_bavail": 1 << 24}
        return {"f_bsize": 4096, "f_frsize": 4096, "f_namemax": 255, **room}

    @alone
    def opendir(self, path: str) -> int:
        return self._handle(self._find(path))

    def readdir(self, path: str, fh: int) -> Iterator[tuple[str, dict[str, int], int]]:
        with self._lock:
            folder = self._folder(fh)
            entries = [(".", folder), ("..", folder), *folder.now.items()]
        # The kernel passes over an entry without a number.
        for name, node in entries:
            kind = stat.S_IFDIR if isinstance(node, Folder) else stat.S_IFREG
            yield name, {"st_ino": node.ino, "st_mode": kind}, 0

    @alone
    def read(self, path: str | None, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._file(fh).now[offset : offset + size])

    # --- changing ------------------------------------------------------------------------------

    @alone
    def create(self, path: str, mode: int) -> int:
        self._tick()
        return self._handle(self._disk.create(*self._place(path), stat.S_IMODE(mode)))

    @alone
    def open(self, path: str, flags: int) -> int:
        node = self._find(path)
        if flags & os.O_TRUNC and isinstance(node, File):
            self._tick()
            self._disk.truncate(node, 0)
        return self._handle(node)

    @alone
    def write(self, path: str | None, data: bytes, offset: int, fh: int) -> int:
        self._tick()
        self._disk.write(self._file(fh), offset, data)
        return len(data)

    @alone
    def truncate(self, path: str | None, size: int, fh: int | None = None) -> None:
        self._tick()
        node = self._node(path, fh)
        assert isinstance(node, File)
        self._disk.truncate(node, size)

    @alone
    def chmod(self, path: str, mode: int) -> None:
        self._tick()
        self._find(path).mode = stat.S_IMODE(mode)

    def utimens(self, path: str, times: object) -> None:
        """Times are not kept."""

    @alone
    def mkdir(self, path: str, mode: int) -> None:
        self._tick()
        self._disk.make_folder(*self._place(path), stat.S_IMODE(mode))

    @alone
    def unlink(self, path: str) -> None:
        self._tick()
        self._disk.remove(*self._place(path))

    @alone
    def rmdir(self, path: str) -> None:
        self._tick()
        folder = self._find(path)
        if isinstance(folder, Folder) and folder.now:
            raise OSError(errno.ENOTEMPTY, path)
        self._disk.remove(*self._place(path))

    @alone
    def rename(self, old: str, new: str) -> None:
        self._tick()
        self._disk.rename(*self._place(old), *self._place(new))

    # --- syncing -------------------------------------------------------------------------------

    def fsync(self, path: str | None, datasync: int, fh: int) -> None:
        self._wait_for_disk()
        with self._lock:
            self._check_power()
            self._disk.sync_file(self._file(fh))

    def fsyncdir(self, path: str | None, datasync: int, fh: int) -> None:
        self._wait_for_disk()
        with self._lock:
            self._check_power()
            self._disk.sync_folder(self._folder(fh))

    def flush(self, path: str | None, fh: int) -> None:
        """Closing a file syncs nothing."""

    @alone
    def release(self, path: str | None, fh: int) -> None:
        self._open.pop(fh, None)

    releasedir = release

    # --- helpers -------------------------------------------------------------------------------

    def _wait_for_disk(self) -> None:
        with self._lock:
            self._tick(sync=True)
        time.sleep(random.uniform(0, self._sync_s))

    def _tick(self, *, sync: bool = False) -> None:
        """Counts the changes; whoever is condemned ends here."""
        self._check_power()
        victim = self._victim
        if victim is None or (victim.syncs and not sync):
            return
        victim.left -= 1
        if victim.left == 0:
            signal.pidfd_send_signal(victim.pidfd, signal.SIGKILL)
            self._off = victim.power
            self._pardon()
            raise OSError(errno.EIO, "whoever wanted this has ended")

    def _pardon(self) -> None:
        if self._victim is not None:
            os.close(self._victim.pidfd)
            self._victim = None

    def _check_power(self) -> None:
        if self._off:
            raise OSError(errno.EIO, "the power is off")

    def _handle(self, node: Node) -> int:
        handle = next(self._handles)
        self._open[handle] = node
        return handle

    def _node(self, path: str | None, fh: int | None) -> Node:
        # Handles begin with 1: without one, FUSE gives none or 0.
        if fh:
            return self._open[fh]
        if path is None:
            raise OSError(errno.ENOENT, "a file without a name")
        return self._find(path)

    def _file(self, fh: int) -> File:
        node = self._open[fh]
        assert isinstance(node, File)
        return node

    def _folder(self, fh: int) -> Folder:
        node = self._open[fh]
        assert isinstance(node, Folder)
        return node

    def _place(self, path: str) -> tuple[Folder, str]:
        above, _, name = path.rpartition("/")
        folder = self._find(above)
        if not isinstance(folder, Folder):
            raise OSError(errno.ENOTDIR, path)
        return folder, name

    def _find(self, path: str) -> Node:
        node: Node = self._disk.root
        for name in path.split("/"):
            if not name:
                continue
            if not isinstance(node, Folder):
                raise OSError(errno.ENOTDIR, path)
            if name not in node.now:
                raise OSError(errno.ENOENT, path)
            node = node.now[name]
        return node


def _say(line: str) -> None:
    print(line, flush=True)


def _listen(fuse: Fuse, disk: CutDisk, folder: str, mounts: SimpleQueue[bool]) -> None:
    """Beside the mount, which holds the main thread; whoever gives orders may end at any time."""
    for line in sys.stdin:
        match line.split():
            case ["mount"]:
                mounts.put(True)
            case ["kill", pid, after, syncs, power]:
                try:
                    pidfd = os.pidfd_open(int(pid))
                except ProcessLookupError:
                    _say("ended")
                else:
                    fuse.condemn(Victim(pidfd, int(after), syncs == "1", power == "1"))
                    _say("condemned")
            case ["cut", how, seed]:
                unsynced = disk.unsynced
                disk.cut(Cut(how), int(seed))
                fuse.power_on()
                _say(str(unsynced))
            case other:
                raise ValueError(f"no such order: {other!r}")
    _unmounted(Path(folder), lazy=True)
    os._exit(0)


def main() -> None:
    import mfusepy

    folder, disk = sys.argv[1], CutDisk()
    fuse = Fuse(disk, float(sys.argv[2]))
    mounts: SimpleQueue[bool] = SimpleQueue()
    threading.Thread(target=_listen, args=(fuse, disk, folder, mounts), daemon=True).start()
    options: dict[str, Any] = {
        "hard_remove": True,  # an open file that loses its name is not renamed instead
        "use_ino": True,  # SQLite knows its files by their numbers
        "kernel_cache": True,  # nobody else changes them
        "attr_timeout": 60.0,
        "entry_timeout": 60.0,
    }
    if (mfusepy.fuse_version_major, mfusepy.fuse_version_minor) >= (3, 12):
        options["max_threads"] = 10  # 3.14 complains of its own default
    while mounts.get():
        mfusepy.FUSE(fuse, folder, foreground=True, **options)
        _say("unmounted")


if __name__ == "__main__":
    main()
