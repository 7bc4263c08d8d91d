"""What the processes share in which hostile recordings are read: limits, and a file as they see it.

Imported by scripts that run isolated, so it leans on the standard library alone.
"""

import ctypes
import io
import os
import resource
from collections.abc import Mapping

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
# Only this very file: a play list could name others, or addresses.
ONE_FILE = {"protocol_whitelist": "none"}


def limit(most: Mapping[int, int]) -> None:
    for name, number in {resource.RLIMIT_CORE: 0, **most}.items():
        resource.setrlimit(name, (number, number))


def leave_network() -> None:
    """A name space without interfaces; not every system lets a process make one."""
    ctypes.CDLL(None).unshare(NEW_USER | NEW_NETWORK)


class Window(io.RawIOBase):
    """`size` bytes of a descriptor from `start` on, as PyAV reads a file."""

    def __init__(self, fd: int, start: int, size: int) -> None:
        self._fd, self._start, self._size, self._at = fd, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def peek(self, at: int, size: int) -> bytes:
        """Read for us, not for the demuxer."""
        return os.pread(self._fd, max(0, min(size, self._size - at)), self._start + at)

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        data = self.peek(self._at, left if size < 0 else size)
        self._at += len(data)
        return data
