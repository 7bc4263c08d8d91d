"""Duration, codec and claimed start of a recording, as its container says; or nothing.

The reading is done by `media_facts.py` in a process with limits, which is ended by its id when
its time is up. Its answer is bounded and believed only in its exact form. No answer is no
fault: the file is deposited all the same.
"""

import json
import os
import re
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.encoding import MAX_TIME, parse_time
from ledger.errors import Malformed

CHILD = Path(__file__).with_name("media_facts.py")
SECONDS = 20.0
MAX_ANSWER = 4_096
MAX_SIDE = 1 << 16  # pixels


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """As the container claims; `start_ms` is None where it names no time. Of a part of a file
    also of how many streams a frame could be decoded."""

    format: str
    streams: tuple[str, ...]
    duration_ms: int
    start_ms: int | None
    begun: int = 0

    def to_text(self) -> str:
        seconds = f"{self.duration_ms // 1000}.{self.duration_ms % 1000:03}"
        return f"container: {self.format}, {seconds} s; {', '.join(self.streams)}"


def media_facts(
    path: Path,
    *,
    part: tuple[int, int] | None = None,
    child: Path = CHILD,
    seconds: float = SECONDS,
) -> MediaFacts | None:
    """None if the file, or that part of it, is no media, or reading it failed in any way."""
    bounds = [] if part is None else [str(number) for number in part]
    try:
        with path.open("rb") as file:
            process = subprocess.Popen(
                [sys.executable, "-I", str(child), *bounds],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                close_fds=True,
                start_new_session=True,
            )
    except OSError:
        return None
    try:
        answer = _read(process, time.monotonic() + seconds)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    return read_facts(answer)


def read_facts(answer: bytes) -> MediaFacts | None:
    """None for anything but one line in the form that `media_facts.py` writes."""
    if not answer.endswith(b"\n") or len(answer) > MAX_ANSWER:
        return None
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    match value:
        case {
            "created": str(created),
            "duration_us": int(duration),
            "format": str(format_),
            "streams": list(rows),
            **more,
        } if not set(more) - {"begun"}:
            pass
        case _:
            return None
    begun = more.get("begun", 0)
    if type(begun) is not int or not 0 <= begun <= len(rows):
        return None
    streams = [_stream(row) for row in rows]
    if not rows or None in streams or not _is_word(format_) or isinstance(duration, bool):
        return None
    duration_ms = duration // 1000 if 0 <= duration // 1000 <= MAX_TIME else 0
    return MediaFacts(format_, tuple(s for s in streams if s), duration_ms, _start(created), begun)


def _read(process: "subprocess.Popen[bytes]", ends: float) -> bytes:
    """What it says until it ends, says too much, or its time is up."""
    assert process.stdout is not None
    fd = process.stdout.fileno()
    answer = b""
    while len(answer) <= MAX_ANSWER and (left := ends - time.monotonic()) > 0:
        ready, _, _ = select.select([fd], [], [], left)
        if not ready:
            break
        piece = os.read(fd, MAX_ANSWER + 1)
        if not piece:
            return answer
        answer += piece
    return b""


def _stream(row: Any) -> str | None:
    match row:
        case {
            "type": str(kind),
            "codec": str(codec),
            "width": int(w),
            "height": int(h),
            **more,
        } if not more and 0 <= w <= MAX_SIDE and 0 <= h <= MAX_SIDE:
            words = f"{kind} {codec} {w}x{h}"
        case {"type": str(kind), "codec": str(codec), **more} if not more:
            words = f"{kind} {codec}"
        case {"type": str(kind), **more} if not more:
            words = kind
        case _:
            return None
    return words if _is_word(words.replace(" ", "_")) else None


def _is_word(text: str) -> bool:
    return re.fullmatch(r"[\w,.-]{1,60}", text, re.ASCII) is not None


def _start(created: str) -> int | None:
    """`2026-11-23T06:00:00.000000Z`, as FFmpeg spells it; a recorder without a clock says 1904."""
    head, dot, tail = created.partition(".")
    digits = tail.removesuffix("Z")
    try:
        at_ms = parse_time(f"{head}.{digits[:3]}Z" if dot else created)
    except Malformed:
        return None
    return at_ms if at_ms > 0 else None
