"""What a container says of itself, found in a process that may fail as it likes.

Run by `cli/station/media.py` as a script of its own, isolated: the file is descriptor 0, the
answer is one line of JSON on descriptor 1. With two numbers it is a part of that file, and the
first frame of each stream is decoded too. Files from a card are hostile, and the libraries
that read them are large; so this process has little memory, little time, no way to write and,
where the system allows it, no network. Whatever goes wrong here means: no facts.
"""

import json
import os
import resource
import sys
from typing import Any

from cli.contained import ONE_FILE, Window, leave_network, limit

LIMITS = {
    resource.RLIMIT_AS: 1 << 30,
    resource.RLIMIT_CPU: 10,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NPROC: 64,
}
MAX_PACKETS = 2_000  # until each stream has begun


class Part(Window):
    """Its end is the end of the file: nothing is sought behind it."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = min(super().seek(offset, whence), self._size)
        return self._at


def begins(file: Any) -> int:
    """Of how many streams a frame could be decoded."""
    import av

    file.seek(0)
    begun: set[int] = set()
    with av.open(file, mode="r", options=ONE_FILE) as container:
        wanted = [s for s in list(container.streams)[:8] if s.type in ("audio", "video")]
        for count, packet in enumerate(container.demux(wanted)):
            if len(begun) == len(wanted) or count > MAX_PACKETS:
                break
            if packet.stream.index not in begun and packet.decode():
                begun.add(packet.stream.index)
    return len(begun)


def look(file: Any) -> dict[str, object]:
    import av

    with av.open(file, mode="r", options=ONE_FILE) as container:
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
    limit(LIMITS)
    part = [int(text) for text in sys.argv[1:3]]
    with Part(0, *part) if part else os.fdopen(0, "rb") as file:
        facts = look(file)
        if part:
            facts["begun"] = begins(file)
    os.write(1, json.dumps(facts).encode("ascii") + b"\n")


if __name__ == "__main__":
    sys.setrecursionlimit(200)
    main()
