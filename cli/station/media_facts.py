"""What a container says of itself, found in a process that may fail as it likes.

Run by `cli/station/media.py` as a script of its own, isolated: the file is descriptor 0, the
answer is one line of JSON on descriptor 1. With two numbers it is a part of that file, and the
first frame of each stream is decoded too. Files from a card are hostile, and the libraries
that read them are large; so this process has little memory, little time, no way to write and,
where the system allows it, no network. Whatever goes wrong here means: no facts.
"""

import ctypes
import io
import json
import os
import resource
import sys
from typing import Any

MEMORY = 1 << 30
CPU_S = 10
MAX_PACKETS = 2_000  # until each stream has begun
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000


def limit() -> None:
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: CPU_S,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 64,
    }
    for name, most in limits.items():
        resource.setrlimit(name, (most, most))


def leave_network() -> None:
    """A name space without interfaces; not every system lets a process make one."""
    ctypes.CDLL(None).unshare(NEW_USER | NEW_NETWORK)


class Part(io.RawIOBase):
    """`size` bytes of a file, as PyAV reads one."""

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
        self._at = min(max(0, base + offset), self._size)
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._at
        wanted = left if size < 0 else min(size, left)
        found = os.pread(self._fd, wanted, self._start + self._at) if wanted else b""
        self._at += len(found)
        return found


def begins(file: Any) -> int:
    """Of how many streams a frame could be decoded."""
    import av

    file.seek(0)
    begun: set[int] = set()
    with av.open(file, mode="r", options={"protocol_whitelist": "none"}) as container:
        wanted = [s for s in list(container.streams)[:8] if s.type in ("audio", "video")]
        for count, packet in enumerate(container.demux(wanted)):
            if len(begun) == len(wanted) or count > MAX_PACKETS:
                break
            if packet.stream.index not in begun and packet.decode():
                begun.add(packet.stream.index)
    return len(begun)


def look(file: Any) -> dict[str, object]:
    import av

    # Only this very file: a play list could name others, or addresses.
    options = {"protocol_whitelist": "none"}
    with av.open(file, mode="r", options=options) as container:
        streams = []
        for stream in list(container.streams)[:8]:
            row: dict[str, object] = {"type": str(stream.type)}
            context: Any = stream.codec_context
            if context is not None:
                row["codec"] = str(context.name)
            if stream.type == "video" and context is not None:
                row |= {"width": int(context.width), "height": int(context.height)}
            streams.append(row)
        duration = container.duration
        return {
            "created": str(container.metadata.get("creation_time", ""))[:40],
            "duration_us": int(duration) if duration is not None else 0,
            "format": str(container.format.name)[:40],
            "streams": streams,
        }


def main() -> None:
    leave_network()
    limit()
    part = [int(text) for text in sys.argv[1:3]]
    with Part(0, *part) if part else os.fdopen(0, "rb") as file:
        facts = look(file)
        if part:
            facts["begun"] = begins(file)
    os.write(1, json.dumps(facts).encode("ascii") + b"\n")


if __name__ == "__main__":
    sys.setrecursionlimit(200)
    main()
