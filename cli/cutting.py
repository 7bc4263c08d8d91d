"""Cuts a part out of a recording in a process with limits: `cutting_media.py`.

Its answer is bounded and believed only in its exact form; what it wrote is held against the
recording before anything is made of it.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from ledger.encoding import clip as clipped
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.evidence.clip import MAX_SAMPLES, NO_SOUND, Piece, Span, check_pieces
from ledger.evidence.film import check_film
from storage.regular import open_regular

CHILD = Path(__file__).with_name("cutting_media.py")
BLOCK = 1 << 20
SECONDS = 1800.0
MAX_ANSWER = 64 << 20
SUFFIXES = ("mp4", "ts")


@dataclass(frozen=True, slots=True)
class Cut:
    """What of the recording was read, and where each byte of the file to play comes from."""

    reads: tuple[tuple[int, int], ...]
    pieces: tuple[Piece, ...]
    given: Span
    whole_ms: int
    suffix: str
    tool: str


def cut(
    recording: Path,
    start: int,
    size: int,
    span: Span,
    played: IO[bytes],
    *,
    sound: bool = True,
    child: Path = CHILD,
) -> Cut:
    """The recording is `size` bytes of a file from `start` on; `played` is empty, and written.

    Without `sound` the file to play has pictures only, and the tool's name says so.

    Raises `Unavailable` if there is no library here to do it, `Rejected` if it cannot.
    """
    numbers = (played.fileno(), start, size, span.start_ms, span.end_ms, int(sound))
    command = [sys.executable, "-I", str(child), *map(str, numbers)]
    try:
        source = open_regular(recording)
    except OSError as error:
        raise Unavailable(f"cannot cut {str(recording)!r}: {error.strerror}") from None
    try:
        made = _read(_ask(command, source, played), size, os.fstat(played.fileno()).st_size)
        _hold(source, start, played, made)
    finally:
        os.close(source)
    return made if sound else replace(made, tool=made.tool + NO_SOUND)


def _hold(recording: int, start: int, played: IO[bytes], made: Cut) -> None:
    try:
        _compare(recording, start, played, made)
    except (Malformed, Rejected) as error:
        raise Rejected(f"the recording could not be cut: {error}") from None


def _compare(recording: int, start: int, played: IO[bytes], made: Cut) -> None:
    """What a verifier will do with the clip."""
    size = os.fstat(played.fileno()).st_size
    for piece in made.pieces:
        for at in range(0, piece.size, BLOCK):
            length = min(BLOCK, piece.size - at)
            there = os.pread(recording, length, start + piece.original + at)
            if os.pread(played.fileno(), length, piece.at + at) != there:
                raise Rejected(f"byte {piece.at} of what was cut is not that of the original")
    check_pieces(made.pieces)
    if made.suffix == "mp4":
        check_film(lambda at, n: os.pread(played.fileno(), n, at), size, made.pieces)
    elif [(piece.at, piece.size) for piece in made.pieces] != [(0, size)]:
        raise Rejected("a stream that is no stretch of it")


def _ask(command: list[str], recording: int, played: IO[bytes]) -> bytes:
    try:
        process = subprocess.Popen(
            command,
            stdin=recording,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            pass_fds=(played.fileno(),),
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(f"cannot cut a recording: {error.strerror}") from None
    # Of its whole session: a child of it would hold the pipe open.
    end = partial(os.killpg, process.pid, signal.SIGKILL)
    alarm = threading.Timer(SECONDS, end)
    alarm.start()
    assert process.stdout is not None
    try:
        return process.stdout.read(MAX_ANSWER + 1)
    finally:
        alarm.cancel()
        # One that is already ringing would end whoever has that number after this process.
        alarm.join()
        end()
        process.wait()
        process.stdout.close()


def _read(answer: bytes, size: int, played: int) -> Cut:
    if not answer:
        # It may be the recording, or this machine: so nothing is said against the recording.
        raise Unavailable(
            "the process that cuts ended without an answer",
            hints=("has this machine memory, time and room for it? Else the recording ends it",),
        )
    if len(answer) > MAX_ANSWER:
        raise Rejected("the cutting process said too much")
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        raise Rejected("the recording could not be cut: its process gave no whole answer") from None
    match value:
        case {"missing": str(library)}:
            raise Unavailable(
                f"{clipped(library, 40)} is not installed here",
                hints=("install it beside tiezheng: its extra 'media'",),
            )
        case {"refused": str(why)}:
            raise Unavailable(f"cannot cut a recording here: {clipped(why, 200)}")
        case {"error": str(why)}:
            raise Rejected(f"the recording could not be cut: {clipped(why, 200)}")
        case {
            "given": given,
            "pieces": list(pieces),
            "reads": list(reads),
            "suffix": str(suffix),
            "tool": str(tool),
            "whole_ms": int(whole),
            **more,
        } if not more and suffix in SUFFIXES and whole >= 0:
            pass
        case _:
            raise Rejected("the cutting process gave another answer than was asked for")
    if not 0 < len(pieces) <= MAX_SAMPLES:
        raise Rejected(f"want 1 to {MAX_SAMPLES} runs of samples, got {len(pieces)}: cut less")
    try:
        rows = [Piece(*_numbers(row, 3)) for row in pieces]
        if any(p.at + p.size > played or p.original + p.size > size for p in rows):
            raise Malformed("a sample beyond the end")
        read = [_numbers(row, 2) for row in reads]
        return Cut(
            tuple((a, b) for a, b in read),
            tuple(rows),
            Span(*_numbers(given, 2)),
            whole,
            suffix,
            tool,
        )
    except Malformed as error:
        raise Rejected(f"the cutting process gave a wrong answer: {error}") from None


def _numbers(row: Any, count: int) -> list[int]:
    if not isinstance(row, list) or len(row) != count:
        raise Malformed(f"want {count} numbers")
    if not all(type(n) is int and n >= 0 for n in row):
        raise Malformed("want numbers from 0")
    return row
