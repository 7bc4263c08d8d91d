"""What a container says of itself, found in a process that may fail as it likes.

Run by `cli/station/media.py` as a script of its own, isolated: the file is descriptor 0, the
answer is one line of JSON on descriptor 1. Files from a card are hostile, and the libraries
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


def look(file: io.BufferedReader) -> dict[str, object]:
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
    with os.fdopen(0, "rb") as file:
        facts = look(file)
    os.write(1, json.dumps(facts).encode("ascii") + b"\n")


if __name__ == "__main__":
    sys.setrecursionlimit(200)
    main()
