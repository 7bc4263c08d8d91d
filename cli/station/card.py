"""What is on a device, read as if whoever filled its card meant harm.

A card may hold links, pipes, devices, names in no encoding, folders without end and files
that grow while they are read. So every path is walked folder by folder from a descriptor of
the device's root, no link is followed, no other file system entered, and what is neither a
file nor a folder is named and left alone. Paths are bytes, below the root, joined by `/`.
"""

import array
import ctypes
import fcntl
import os
import secrets
import stat
import struct
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ledger.encoding import all_visible, printable
from ledger.errors import Rejected, Unavailable

MAX_FILES = 100_000  # as many as a manifest may have; links and pipes included
MAX_DEPTH = 24
MAX_PATH = 4096  # bytes, as in a manifest
MAX_NOTE = 200
MARKER = b".tiezheng-card"
MAX_MARKER = 64
MAX_IDENTITY = 256

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe put in a file's place would hold an open without O_NONBLOCK for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_GET_FILE_SYSTEM_UUID = 0x80111500  # FS_IOC_GETFSUUID, Linux 6.9: a length and 16 bytes
_GET_VOLUME_ID = 0x80047213  # FAT_IOCTL_GET_VOLUME_ID
_AT_FDCWD = -100
_MOUNT_ID_UNIQUE, _MOUNT_ID_AT = 0x4000, 0x90  # of statx, Linux 6.8


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file as a scan saw it."""

    path: bytes
    size: int
    mtime_ns: int
    ino: int


@dataclass(frozen=True, slots=True)
class Listing:
    """All files, by path. `odd` are paths that are no files, and folders that were not entered.

    Unless it is `whole`, there is more than was listed.
    """

    files: tuple[Found, ...]
    odd: tuple[bytes, ...]
    whole: bool
    used: int
    free: int
    mounted: bool


@dataclass(frozen=True, slots=True)
class Card:
    """`weak` if the identity is only a file on the card, which whoever has it can copy."""

    id: str
    weak: bool


@contextmanager
def opened(root: Path) -> Iterator[int]:
    """A descriptor of the device's root."""
    with _refusals(root):
        fd = os.open(root, _FOLDER)
    try:
        yield fd
    finally:
        os.close(fd)


def list_card(root: Path) -> Listing:
    """Raises `Unavailable` if the device goes away meanwhile."""
    files: list[Found] = []
    odd: list[bytes] = []
    with opened(root) as fd, _refusals(root):
        status = os.fstat(fd)
        whole = _walk(fd, b"", 0, status.st_dev, files, odd)
        space = os.fstatvfs(fd)
        mounted = _is_mount(root, status)
    files.sort(key=lambda found: found.path)
    # The space of the station's own disk says nothing about a folder on it.
    used = (space.f_blocks - space.f_bfree) * space.f_frsize if mounted else _total(files)
    free = space.f_bavail * space.f_frsize if mounted else 0
    return Listing(tuple(files), tuple(sorted(odd)), whole, used, free, mounted)


@contextmanager
def open_file(root: Path, found: Found) -> Iterator[int]:
    """A descriptor of the very file that was found; raises `Rejected` if it is another now."""
    with _folder_of(root, found.path) as (folder, name), _refusals(root):
        try:
            fd = os.open(name, _FILE, dir_fd=folder)
        except OSError as error:
            raise _gone(found, error) from None
        try:
            check_same(found, os.fstat(fd))
            yield fd
        finally:
            os.close(fd)


def check_same(found: Found, status: os.stat_result) -> None:
    """Raises `Rejected` unless size, time and inode are those that were found."""
    if not stat.S_ISREG(status.st_mode) or _found(found.path, status) != found:
        raise Rejected(f"{show(found.path)!r} is not what it was when it was listed")


def remove(root: Path, found: Found) -> None:
    """Deletes the very file that was found; raises `Rejected` if it is another now, or none.

    A folder is never removed. Durable on return, as far as the card keeps its word.
    """
    with _folder_of(root, found.path) as (folder, name), _refusals(root):
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError as error:
            # Perhaps the card was pulled, and this is the folder on which it was mounted.
            raise _gone(found, error) from None
        check_same(found, status)
        os.unlink(name, dir_fd=folder)
        os.fsync(folder)


def modified_ms(root: Path, path: str) -> int | None:
    """When a regular file was last written, by the device's clock; None if there is none."""
    with suppress(Rejected, OSError), _folder_of(root, os.fsencode(path)) as (folder, name):
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(status.st_mode):
            return status.st_mtime_ns // 1_000_000
    return None


def identify(root: Path, identity_file: str = "") -> str:
    """The device's name: what its maker wrote on the card, else the volume's, else the folder's."""
    if identity_file:
        text = _read_small(root, os.fsencode(identity_file))
        if text and (name := _as_name(text)):
            return name
    label = _link_to(root, "/dev/disk/by-label")
    return _as_name(os.fsencode(label)) or _as_name(os.fsencode(root.name)) or "device"


def identify_card(root: Path) -> Card | None:
    """The file system's own identity, else the marker that a station wrote, else None."""
    if uuid := _file_system_uuid(root):
        return Card(uuid, weak=False)
    text = _read_small(root, MARKER)
    name = _as_name(text) if text else ""
    return Card(name, weak=True) if name else None


def mark_card(root: Path) -> Card:
    """Writes a marker where the file system has no identity of its own; keeps one that is there."""
    if card := identify_card(root):
        return card
    name = f"tz-{secrets.token_hex(8)}"
    with opened(root) as folder, _refusals(root):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(MARKER, flags, 0o644, dir_fd=folder)
        try:
            os.write(fd, f"{name}\n".encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        os.fsync(folder)
    return Card(name, weak=True)


def devices(dock: Path) -> list[Path]:
    """The folders below a dock's root that hold something or are mount points."""
    with _refusals(dock), os.scandir(dock) as entries:
        roots = [Path(e.path) for e in entries if e.is_dir(follow_symlinks=False)]
    return sorted(root for root in roots if _holds(root))


def _holds(root: Path) -> bool:
    # A card that is pulled at this moment is none.
    with suppress(OSError):
        if _is_mount(root, root.lstat()):
            return True
        if root.name.startswith("."):
            return False  # as desktops leave them; a card whose label begins so is a mount
        with os.scandir(root) as entries:
            return any(True for _ in entries)
    return False


def mount_id(root: Path) -> int:
    """Another number after each mounting since the machine was started; 0 where nobody can say."""
    answer = ctypes.create_string_buffer(256)
    wanted = _MOUNT_ID_UNIQUE
    if ctypes.CDLL(None).statx(_AT_FDCWD, os.fsencode(root), 0, wanted, answer):
        return 0
    (mask,) = struct.unpack_from("=I", answer, 0)
    (number,) = struct.unpack_from("=Q", answer, _MOUNT_ID_AT)
    return int(number) if mask & wanted else 0


def show(path: bytes) -> str:
    """A path for a person."""
    return printable(path.decode("utf-8", "backslashreplace"))


def note(path: bytes) -> str:
    """A path as a statement's text may hold it."""
    return show(path)[:MAX_NOTE]


def _walk(
    fd: int, prefix: bytes, depth: int, device: int, files: list[Found], odd: list[bytes]
) -> bool:
    whole = True
    for name in _names(fd):
        path = prefix + os.fsencode(name)
        if len(files) + len(odd) >= MAX_FILES:
            return False
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
        if path == MARKER and stat.S_ISREG(status.st_mode) and status.st_size <= MAX_MARKER:
            continue  # anything else of that name is somebody's hiding place
        if len(path) > MAX_PATH:
            whole = False
            odd.append(path[:MAX_PATH])
            continue
        if stat.S_ISREG(status.st_mode):
            files.append(_found(path, status))
        elif stat.S_ISDIR(status.st_mode) and status.st_dev == device and depth < MAX_DEPTH:
            whole &= _enter(fd, name, path, depth, device, files, odd)
        else:
            # A folder that is not entered may hold files.
            whole &= not stat.S_ISDIR(status.st_mode)
            odd.append(path)
    return whole


def _enter(
    fd: int,
    name: str,
    path: bytes,
    depth: int,
    device: int,
    files: list[Found],
    odd: list[bytes],
) -> bool:
    """A folder that cannot be read keeps nobody from reading the others."""
    try:
        below = os.open(name, _FOLDER, dir_fd=fd)
        try:
            return _walk(below, path + b"/", depth + 1, device, files, odd)
        finally:
            os.close(below)
    except OSError:
        odd.append(path)
        return False


def _found(path: bytes, status: os.stat_result) -> Found:
    """Times and numbers of inodes as a store can hold them: a card may claim the year 2400."""
    mtime_ns = min(max(status.st_mtime_ns, -(2**62)), 2**62)
    return Found(path, status.st_size, mtime_ns, status.st_ino & (2**63 - 1))


def _names(fd: int) -> Iterator[str]:
    """One by one: a hostile folder may have more entries than there is memory."""
    with os.scandir(fd) as entries:
        for entry in entries:
            yield entry.name


@contextmanager
def _folder_of(root: Path, path: bytes) -> Iterator[tuple[int, bytes]]:
    *folders, name = path.split(b"/")
    with opened(root) as fd:
        current = os.dup(fd)
        try:
            for folder in folders:
                try:
                    below = os.open(folder, _FOLDER, dir_fd=current)
                except OSError as error:
                    raise Rejected(f"{show(path)!r} is gone: {error.strerror}") from None
                os.close(current)
                current = below
            yield current, name
        finally:
            os.close(current)


def _gone(found: Found, error: OSError) -> Rejected:
    return Rejected(f"{show(found.path)!r} is not there any more: {error.strerror}")


def _read_small(root: Path, path: bytes) -> bytes:
    """The first line of a small regular file, or nothing."""
    with suppress(Rejected, Unavailable, OSError), _folder_of(root, path) as (folder, name):
        fd = os.open(name, _FILE, dir_fd=folder)
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                return os.read(fd, MAX_IDENTITY).split(b"\n")[0].strip()
        finally:
            os.close(fd)
    return b""


def _as_name(raw: bytes) -> str:
    """At most 64 visible characters without `/`, in NFC, as the field `device` wants them."""
    text = unicodedata.normalize("NFC", printable(raw.decode("utf-8", "replace")))
    text = text.replace("/", "_").strip()[:64].strip()
    return text if all_visible(text) else ""


def _file_system_uuid(root: Path) -> str:
    with opened(root) as fd, _refusals(root):
        if not _is_mount(root, os.fstat(fd)):
            return ""
        answer = array.array("B", bytes(17))
        with suppress(OSError):
            fcntl.ioctl(fd, _GET_FILE_SYSTEM_UUID, answer)
            if any(answer[1:]):
                return f"uuid-{answer.tobytes()[1 : 1 + answer[0]].hex()}"
        volume = array.array("I", [0])
        with suppress(OSError):
            fcntl.ioctl(fd, _GET_VOLUME_ID, volume)
            return f"fat-{volume[0]:08x}"
    uuid = _link_to(root, "/dev/disk/by-uuid")
    return f"uuid-{uuid}" if uuid else ""


def _link_to(root: Path, folder: str) -> str:
    """The name in `folder` of the disk that is mounted at `root`."""
    with suppress(OSError):
        status = root.lstat()
        if _is_mount(root, status):
            for link in Path(folder).iterdir():
                if link.stat().st_rdev == status.st_dev:
                    return link.name
    return ""


def _is_mount(root: Path, status: os.stat_result) -> bool:
    return status.st_dev != root.parent.stat().st_dev


def _total(files: list[Found]) -> int:
    return sum(found.size for found in files)


@contextmanager
def _refusals(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"cannot read {str(root)!r}: {error.strerror}") from None
