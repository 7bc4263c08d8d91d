"""Whether recordings and pictures open and begin to play: each in a process that may fail as it
likes, and all of them within a time."""

import sys
import time
from importlib.util import find_spec
from pathlib import Path

from cli.archive.examining import Play

WITHIN_S = 600.0  # for all of a package; what is left then was not tested
EACH_S = 120.0  # for one; a machine that is too slow for it has not tested it either


def player(within_s: float = WITHIN_S) -> Play | None:
    """None where there is no library for it, or no process with limits."""
    if sys.platform != "linux" or find_spec("av") is None:
        return None
    from cli.station.media import media_facts

    ends = time.monotonic() + within_s

    def play(path: Path, start: int, size: int) -> str | None:
        begun = time.monotonic()
        if begun > ends:
            return None
        facts = media_facts(path, part=(start, size), seconds=EACH_S)
        if facts is None and time.monotonic() - begun >= EACH_S:
            return None
        if facts is None or facts.begun == 0:
            return ""
        seconds = f"{facts.duration_ms // 1000}.{facts.duration_ms % 1000:03}"
        streams = f"{len(facts.streams)} ({', '.join(facts.streams)})"
        return f"{facts.format}, {seconds} s, streams: {streams}, begun: {facts.begun}"

    return play
