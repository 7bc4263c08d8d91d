"""Packets on disk: a folder or one zip, read strictly and within bounds, written in one form.

Opening refuses what two programs could read in two ways: links, paths twice but
for case, names outside the packet's alphabet, and for a zip any byte that does not
follow from its files. Nothing is unpacked.
"""

import errno
import io
import os
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Protocol

from ledger.encoding import clip, parse_utf8
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.evidence.archive import (
    END64_SIZE,
    END_SIZE,
    PREFIX,
    Member,
    directory,
    local_header,
)
from ledger.evidence.packet import MAX_FILES, PacketSource, check_path

BLOCK = 1 << 20
MAX_DIRECTORY = MAX_FILES * 256


class DiskPacket(PacketSource, Protocol):
    """A packet whose files lie on this disk."""

    def place(self, path: str) -> tuple[Path, int]:
        """The file that holds these bytes, and from where on."""
        ...


class FolderPacket:
    """A bag as a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sizes: dict[str, int] = {}
        folders, pending = {""}, [""]
        while pending:
            for path, info in _scan(root, pending.pop()):
                # The alphabet has no capitals, so no two paths differ in case alone.
                check_path(path)
                if stat.S_ISDIR(info.st_mode):
                    folders.add(path)
                    pending.append(path)
                elif stat.S_ISREG(info.st_mode):
                    self._sizes[path] = info.st_size
                else:
                    raise Rejected(f"{clip(path)!r} is a link or a device, not a file")
                if len(self._sizes) + len(folders) > MAX_FILES:
                    raise Malformed(f"want at most {MAX_FILES} files in a packet")
        if empty := folders - {"", *(above for path in self._sizes for above in _above(path))}:
            raise Malformed(f"no such folder in a packet: {clip(min(empty))!r}")

    def sizes(self) -> Mapping[str, int]:
        return self._sizes

    def stream(self, path: str) -> Iterator[bytes]:
        left = self._sizes[path]
        with _open(self._root / path) as file:
            while piece := _read(file, min(BLOCK, left + 1)):
                left -= len(piece)
                yield piece
        if left:
            raise Rejected(f"{path} has changed while it was read")

    def read(self, path: str, at: int, size: int) -> bytes:
        with _open(self._root / path) as file:
            file.seek(at)
            return _read(file, min(size, max(0, self._sizes[path] - at)))

    def place(self, path: str) -> tuple[Path, int]:
        return self._root / path, 0


class ZipPacket:
    """A bag as one zip in the form of `ledger.evidence.archive`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _open(path) as file:
            size = file.seek(0, io.SEEK_END)
            members = _members(file, size)
            self._starts = _check_form(file, size, members)
        self._members = {member.path: member for member in members}
        self._sizes = {member.path: member.size for member in members}

    def sizes(self) -> Mapping[str, int]:
        return self._sizes

    def crcs(self) -> Mapping[str, int]:
        """As the directory has them; `stream` compares."""
        return {path: member.crc for path, member in self._members.items()}

    def stream(self, path: str) -> Iterator[bytes]:
        member = self._members[path]
        left, crc = member.size, 0
        with _open(self._path) as file:
            file.seek(self._starts[path])
            while left:
                piece = _read(file, min(BLOCK, left))
                if not piece:
                    raise Rejected(f"{path} ends {left} bytes early")
                left -= len(piece)
                crc = zlib.crc32(piece, crc)
                yield piece
        if crc != member.crc:
            raise Rejected(f"{path} does not match its checksum in the zip")

    def read(self, path: str, at: int, size: int) -> bytes:
        with _open(self._path) as file:
            file.seek(self._starts[path] + at)
            return _read(file, min(size, max(0, self._sizes[path] - at)))

    def place(self, path: str) -> tuple[Path, int]:
        return self._path, self._starts[path]


def open_packet(path: Path) -> DiskPacket:
    """Raises `Unavailable` if there is no packet at all: neither a bag as folder nor a zip."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Unavailable(f"cannot read {str(path)!r}: {reason}") from None
    if stat.S_ISDIR(mode):
        if not (path / "bagit.txt").is_file():
            raise Unavailable(f"{str(path)!r} is no packet: it has no bagit.txt")
        return FolderPacket(path)
    if not stat.S_ISREG(mode):
        # Opening a pipe would wait for a writer.
        raise Unavailable(f"{str(path)!r} is no packet: neither a folder nor a zip")
    with _open(path) as file:
        if _read(file, 2) != b"PK":
            raise Unavailable(f"{str(path)!r} is no packet: neither a folder nor a zip")
    return ZipPacket(path)


class Content(Protocol):
    """A file to be packed: its size, and its bytes, which may be asked for twice."""

    def size(self) -> int: ...
    def stream(self) -> Iterator[bytes]: ...


class Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def size(self) -> int:
        return len(self._data)

    def stream(self) -> Iterator[bytes]:
        yield self._data


class Crc:
    """The CRC-32 that a zip wants, and how many bytes it is of."""

    def __init__(self) -> None:
        self.value = 0
        self.size = 0

    def update(self, data: bytes | memoryview) -> None:
        self.value = zlib.crc32(data, self.value)
        self.size += len(data)


def zip_pieces(contents: Mapping[str, Content], crcs: Mapping[str, int]) -> Iterator[bytes]:
    """The zip, piece by piece. `crcs` are those of the contents, known beforehand."""
    members = [Member(path, contents[path].size(), crcs[path]) for path in sorted(contents)]
    for member in members:
        check_path(member.path)
        yield local_header(member)
        yield from contents[member.path].stream()
    yield directory(members)


def zip_size(sizes: Mapping[str, int]) -> int:
    """How many bytes `zip_pieces` gives for files of these sizes."""
    members = [Member(path, sizes[path], 0) for path in sorted(sizes)]
    files = sum(len(local_header(m)) + m.size for m in members)
    return files + len(directory(members))


def _members(file: BinaryIO, size: int) -> list[Member]:
    """What the central directory names; its other bytes are checked by `_check_form`."""
    start, end = _directory_bounds(file, size)
    file.seek(start)
    data = _read(file, end - start)
    members, at = [], 0
    while at < len(data):
        if data[at : at + 4] != b"PK\x01\x02" or len(data) - at < 46:
            raise Malformed("the zip's directory is damaged")
        crc, _, length, name_size, extra_size = struct.unpack_from("<IIIHH", data, at + 16)
        name = data[at + 46 : at + 46 + name_size]
        extra = data[at + 46 + name_size : at + 46 + name_size + extra_size]
        if length == 0xFFFFFFFF and len(extra) >= 12:
            length = struct.unpack_from("<Q", extra, 4)[0]
        members.append(Member(_member_path(name), length, crc))
        if len(members) > MAX_FILES:
            raise Malformed(f"want at most {MAX_FILES} files in a packet")
        at += 46 + name_size + extra_size
    return members


def _directory_bounds(file: BinaryIO, size: int) -> tuple[int, int]:
    file.seek(max(0, size - END_SIZE - END64_SIZE))
    tail = _read(file, END_SIZE + END64_SIZE)
    if len(tail) < END_SIZE or tail[-END_SIZE:][:4] != b"PK\x05\x06":
        raise Malformed("the zip is cut short, or something stands after its end")
    length, start = struct.unpack_from("<II", tail[-END_SIZE:], 12)
    end = size - END_SIZE
    if tail[:4] == b"PK\x06\x06" and len(tail) == END_SIZE + END64_SIZE:
        length, start = struct.unpack_from("<QQ", tail, 40)
        end -= END64_SIZE
    if start + length != end or length > MAX_DIRECTORY:
        raise Malformed("the zip's directory is not where its end record says")
    return start, end


def _member_path(name: bytes) -> str:
    text = parse_utf8(name)
    if not text.startswith(PREFIX):
        raise Malformed(f"want every file below {PREFIX!r}, got {clip(text)!r}")
    path = text.removeprefix(PREFIX)
    check_path(path)
    return path


def _check_form(file: BinaryIO, size: int, members: list[Member]) -> dict[str, int]:
    """Raises unless the file is, header by header, what we would write; returns data offsets."""
    paths = [member.path for member in members]
    if any(a >= b for a, b in pairwise(paths)):
        raise Malformed("want the zip's files sorted by path, each once")
    starts, at = {}, 0
    for member in members:
        header = local_header(member)
        file.seek(at)
        if _read(file, len(header)) != header:
            raise Malformed(f"the zip's header of {member.path} is not in the one form")
        starts[member.path] = at + len(header)
        at += len(header) + member.size
        if at > size:
            raise Malformed(f"the zip is too short for {member.size} bytes of {member.path}")
    tail = directory(members)
    if at + len(tail) != size:
        raise Malformed("the zip has bytes that belong to no file")
    file.seek(at)
    if _read(file, len(tail)) != tail:
        raise Malformed("the zip's directory is not in the one form")
    return starts


def _scan(root: Path, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """What stands in a folder of the packet, links as links, by path below the root."""
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                yield path, entry.stat(follow_symlinks=False)
    except OSError as error:
        raise Unavailable(f"cannot read {str(root / folder)!r}: {error.strerror}") from None


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _open(path: Path) -> BinaryIO:
    try:
        return open(path, "rb", buffering=0, opener=_at_once)
    except OSError as error:
        raise Unavailable(f"cannot read {str(path)!r}: {error.strerror}") from None


def _at_once(path: str, flags: int) -> int:
    """A pipe put in a file's place would hold an open for ever; Windows has no such files."""
    fd = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is no regular file")
    return fd


def _read(file: BinaryIO, size: int) -> bytes:
    """Exactly `size` bytes unless the file ends."""
    parts = []
    try:
        while size and (part := file.read(size)):
            parts.append(part)
            size -= len(part)
    except OSError as error:
        raise Unavailable(f"cannot read a file: {error.strerror}") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)
