"""Files and folders that survive a power cut.

    open(temporary, O_EXCL) · write · fsync(file) · rename · fsync(folder)

A reader sees the old file or the new one, never a part. Without the fsync of the
folder the name may be lost; without that of the file the name may lead to nothing
(Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014). Assumed, and not
checked: the disk keeps what it acknowledged.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Passed on: whoever makes things durable has the disk's refusals to tell as well.
from storage.refusals import refusal as refusal
from storage.refusals import refusals as refusals
from storage.regular import check_target

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
PUBLIC_FOLDER, PUBLIC_FILE = 0o755, 0o644
READ_ONLY_FILE = 0o400


def write_file(
    path: Path,
    data: bytes,
    *,
    mode: int = PRIVATE_FILE,
    scratch: Path | None = None,
    name_too: bool = True,
) -> None:
    """Durable on return, whole or not at all; replaces what stood there, if that was a file.

    Without `name_too` its name is durable only once the caller has synced the folder. A crash
    can leave a file `.new-…` in `scratch`, a folder of the same file system, and by default in
    the folder of `path`.
    """
    temporary = (scratch or path.parent) / f".new-{secrets.token_hex(8)}"
    with refusals(f"write {str(path)!r}"):
        check_target(path)
        try:
            with open_new(temporary, mode) as fd:
                write_all(fd, data)
                os.fsync(fd)
            temporary.replace(path)
            if name_too:
                _sync(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def remove_file(path: Path) -> None:
    """Gone for good on return; quiet if it was not there."""
    with refusals(f"remove {str(path)!r}"):
        path.unlink(missing_ok=True)
        _sync(path.parent)


@contextmanager
def open_new(path: Path, mode: int) -> Iterator[int]:
    """A descriptor of a file that was not there; `mode` whatever the umask says."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        os.fchmod(fd, mode)
        yield fd
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def set_direct(fd: int, on: bool) -> bool:
    """Past the page cache from now on, as far as buffers are aligned; whether that is so."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    flags = flags | os.O_DIRECT if on else flags & ~os.O_DIRECT
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags)
    except OSError:
        return False  # a file system that cannot
    return on


def make_folder(path: Path, *, mode: int = PRIVATE_FOLDER) -> None:
    """With its parents, each durable on return if it was not there; quiet if it was."""
    if path.is_dir():
        return
    make_folder(path.parent, mode=mode)
    with refusals(f"make the folder {str(path)!r}"):
        try:
            path.mkdir(mode)
            path.chmod(mode)  # whatever the umask took away
        except FileExistsError:
            if not path.is_dir():
                raise
        _sync(path.parent)


def try_folder(path: Path) -> None:
    """Raises `Unavailable` unless a file can be made in it now; leaves none."""
    temporary = path / f".new-{secrets.token_hex(8)}"
    with refusals(f"write into {str(path)!r}"):
        with open_new(temporary, PRIVATE_FILE):
            pass
        temporary.unlink()


def sync_file(path: Path) -> None:
    """Makes durable what was written to it, by whoever; quiet if it is not there."""
    with refusals(f"sync {str(path)!r}"):
        try:
            fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def sync_folder(path: Path) -> None:
    """Makes durable what was created, renamed or removed in it."""
    with refusals(f"sync the folder {str(path)!r}"):
        _sync(path)


def sync_name(path: Path) -> None:
    """Makes durable that there is a `path`, if a run that died has made it and not synced."""
    # A folder above that we may not read is its owner's to sync: `path` was made for us.
    with refusals(f"sync the folder of {str(path)!r}"), suppress(PermissionError):
        _sync(path.absolute().parent)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
