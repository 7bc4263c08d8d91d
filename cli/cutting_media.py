"""Cuts a part out of a recording without re-encoding, in a process that may fail as it likes.

Run by `cli/cutting.py` as a script of its own, isolated: the original is descriptor 0, the file
to play is written to the descriptor that it is told, the answer is one line of JSON on 1.
Recordings are hostile, and the libraries that read them are large; so this process has bounded
memory and time, opens no file, and where the system allows it has no network.

The demuxer decides what of the original is needed: all that it read on its way to the samples.
"""

import errno
import json
import os
import resource
import sys
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from cli.contained import ONE_FILE, Window, leave_network, limit

LIMITS = {
    resource.RLIMIT_AS: 2 << 30,
    resource.RLIMIT_CPU: 600,
    resource.RLIMIT_FSIZE: 16 << 30,
}
# What a machine refuses, whatever the recording is.
NOT_HERE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM)
LATE_S = 2  # how far behind the pictures sound may stand in the file
# Of a transport stream: how long a packet is, and where in it the byte is by which it is known.
TS_PACKETS = ((188, 0), (192, 4), (204, 0))
TS_SYNC = 0x47
MAX_TABLES_APART = 64 << 20


class Watched(Window):
    """It remembers what of it was read."""

    def __init__(self, fd: int, start: int, size: int) -> None:
        super().__init__(fd, start, size)
        self.reads: list[tuple[int, int]] = []  # start and end, one run while they touch

    def read(self, size: int = -1) -> bytes:
        begun = self._at
        data = super().read(size)
        if data and self.reads and self.reads[-1][1] == begun:
            self.reads[-1] = (self.reads[-1][0], self._at)
        elif data:
            self.reads.append((begun, self._at))
        return data


def cut(
    source: Watched, target: Any, start_ms: int, end_ms: int, *, sound: bool
) -> dict[str, object]:
    import av

    with av.open(source, mode="r", options=ONE_FILE) as original:
        if original.format.name.endswith("_pipe"):
            raise ValueError("a picture, no recording")
        cover = av.stream.Disposition.attached_pic
        streams = [
            s
            for s in original.streams
            if s.type in (("video", "audio") if sound else ("video",)) and not s.disposition & cover
        ]
        pictures = [s for s in streams if s.type == "video"]
        if not streams:
            raise ValueError("no pictures and no sound" if sound else "no pictures")
        lead = pictures[0] if pictures else streams[0]
        if lead.time_base is None:
            raise ValueError("no clock")
        whole = int(original.duration or 0) // 1000
        zero = Fraction(original.start_time or 0, 1_000_000)
        start, end = zero + Fraction(start_ms, 1000), zero + Fraction(end_ms, 1000)
        part = Part(original, streams, lead, key_frame(original, lead, zero, start), end)
        if original.format.name == "mpegts":
            if not sound:
                raise ValueError("of a transport stream a stretch is shown, with all that is in it")
            suffix, pieces = "ts", stretch(source, target, part)
        else:
            suffix, pieces = "mp4", remuxed(av, source, target, streams, part)
        if part.begun is None or part.ended <= start:
            raise ValueError("nothing was recorded then")
        given = [int((part.begun - zero) * 1000), int((part.ended - zero) * 1000)]
    return {
        "given": given,
        "pieces": pieces,
        "reads": merged(source.reads),
        "suffix": suffix,
        "tool": f"PyAV {av.__version__}, libavformat {av.library_versions['libavformat'][0]}",
        # Some recordings do not say how long they are, and a last sample may end a little behind.
        "whole_ms": max(whole, given[1]),
    }


def key_frame(original: Any, lead: Any, zero: Fraction, start: Fraction) -> Fraction:
    """When the last key frame is shown that is not after `start`; the demuxer stands before it.

    Some containers have no table of key frames, and of some the first packets after a leap have
    no time of decoding; so it leaps further and further back.
    """
    back = Fraction(0)
    while True:
        leap = max(zero, start - back)
        original.seek(int(leap / lead.time_base), stream=lead, backward=True)
        found = None
        for packet in original.demux(lead):
            if packet.dts is None or not packet.size:
                continue
            if packet.dts * packet.time_base > start:
                break
            if packet.is_keyframe and time_of(packet) <= start:
                found = time_of(packet)
        if found is not None or leap == zero:
            original.seek(int(leap / lead.time_base), stream=lead, backward=True)
            return zero if found is None else found
        back = 2 * back or Fraction(1)


class Part:
    """The packets from a key frame on, in the order of the file, whatever begins before `end`."""

    def __init__(
        self, original: Any, streams: Any, lead: Any, start: Fraction, end: Fraction
    ) -> None:
        self._original, self._streams, self._lead = original, streams, lead
        self._start, self._end = start, end
        self.begun: Fraction | None = None
        self.ended = Fraction(0)

    def __iter__(self) -> Iterator[Any]:
        done = set()
        for packet in self._original.demux(*self._streams):
            if packet.dts is None or not packet.size:
                continue
            if packet.dts * packet.time_base >= self._end:
                done.add(packet.stream.index)
                late = packet.stream is self._lead and time_of(packet) > self._end + LATE_S
                if late or len(done) == len(self._streams):
                    return
                continue
            if self.begun is None and packet.stream is self._lead and packet.is_keyframe:
                self.begun = time_of(packet) if time_of(packet) >= self._start else None
            # Of sound nothing before the pictures: it would stand alone.
            if self.begun is not None and time_of(packet) >= self.begun:
                length = (packet.duration or 0) * packet.time_base
                self.ended = max(self.ended, time_of(packet) + length)
                yield packet


def time_of(packet: Any) -> Fraction:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return Fraction(stamp) * Fraction(packet.time_base)


def remuxed(av: Any, source: Window, target: Any, streams: Any, part: Part) -> list[list[int]]:
    """The file to play, and which of its bytes are which of the original's."""
    origin: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    behind: dict[tuple[int, int], int] = {}  # several samples may be in one block
    for stream in streams:
        # A verifier takes no such samples: they are single moments, of which anything can be made.
        codec = stream.codec_context.name
        if codec.startswith("pcm_"):
            raise ValueError(f"its sound is not compressed ({codec}): --no-sound leaves it out")
    with av.open(target, mode="w", format="mp4") as played:
        given = {s.index: played.add_stream_from_template(s) for s in streams}
        order = {played_stream.index: index for index, played_stream in given.items()}
        for packet in part:
            block = packet.stream.index, packet.pos
            place = place_of(source, bytes(packet), behind.get(block, packet.pos))
            behind[block] = place + packet.size
            origin[packet.stream.index].append((place, packet.size))
            shift = int(part.begun / packet.time_base) if part.begun else 0
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = packet.dts - shift
            packet.stream = given[packet.stream.index]
            played.mux(packet)
    target.seek(0)
    found = []
    # With its edit list it would leave out what no player shows.
    options = ONE_FILE | {"ignore_editlist": "1"}
    with av.open(target, mode="r", options=options) as again:
        rest = {index: iter(rows) for index, rows in origin.items()}
        for packet in again.demux():
            if packet.size:
                place, size = next(rest[order[packet.stream.index]])
                if size != packet.size:
                    raise ValueError("a sample has another size than in the original")
                found.append([packet.pos, place, size])
    if any(next(rows, None) for rows in rest.values()):
        raise ValueError("a sample of the original is not in the file to play")
    return joined(sorted(found))


def place_of(source: Window, sample: bytes, at: int) -> int:
    """Where a sample stands: some demuxers tell the place of the block that it is in."""
    for reach in (0, 64, 1 << 16):
        found = source.peek(at, len(sample) + reach).find(sample)
        if found >= 0:
            return at + found
    raise ValueError("its samples do not stand in it as they are played")


def stretch(source: Window, target: Any, part: Part) -> list[list[int]]:
    """Of a transport stream the bytes themselves: from the tables before the first picture on.

    To the place that the demuxer has read to: a picture is known to end by what comes behind it.
    """
    places = [packet.pos for packet in part]
    if not places:
        return []
    first, end = min(places), source.tell()
    length, mark = ts_packet(source, first)
    begin = first
    while not is_table(source, begin + mark):
        begin -= length
        if begin < 0 or first - begin > MAX_TABLES_APART:
            raise ValueError("no program association table stands before it")
    end -= (end - begin) % length
    source.seek(begin)
    while source.tell() < end and (data := source.read(min(1 << 20, end - source.tell()))):
        target.write(data)
    return [[0, begin, source.tell() - begin]]


def ts_packet(source: Window, at: int) -> tuple[int, int]:
    """Length of the packets of a transport stream, and where in them their mark is."""
    for length, mark in TS_PACKETS:
        heads = source.peek(at + mark, 3 * length)[::length]
        if heads and set(heads) == {TS_SYNC}:
            return length, mark
    raise ValueError("a transport stream whose packets are of no known length")


def is_table(source: Window, at: int) -> bool:
    """ISO/IEC 13818-1: a packet of PID 0 has the program association table."""
    head = source.peek(at, 3)
    return len(head) == 3 and head[0] == TS_SYNC and not int.from_bytes(head[1:], "big") & 0x1FFF


def joined(pieces: list[list[int]]) -> list[list[int]]:
    """Neighbours here that are neighbours in the original are one."""
    found: list[list[int]] = []
    for at, original, size in pieces:
        if found:
            before = found[-1]
            if before[0] + before[2] == at and before[1] + before[2] == original:
                before[2] += size
                continue
        found.append([at, original, size])
    return found


def merged(reads: list[tuple[int, int]]) -> list[list[int]]:
    found: list[list[int]] = []
    for start, end in sorted(reads):
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    return found


def answered() -> dict[str, object]:
    played, start, size, start_ms, end_ms, sound = map(int, sys.argv[1:])
    try:
        with os.fdopen(played, "r+b") as target:
            return cut(Watched(0, start, size), target, start_ms, end_ms, sound=bool(sound))
    except ImportError as error:
        return {"missing": str(error.name)}
    except MemoryError:
        return {"refused": "no memory is left for it"}
    except (ValueError, OSError) as error:  # PyAV's errors are both
        number = getattr(error, "errno", None)
        if number in NOT_HERE:
            return {"refused": os.strerror(number)}
        return {"error": getattr(error, "strerror", None) or str(error)}


def main() -> None:
    leave_network()
    limit(LIMITS)
    line = json.dumps(answered(), separators=(",", ":")).encode("ascii") + b"\n"
    while line:
        line = line[os.write(1, line) :]


if __name__ == "__main__":
    sys.setrecursionlimit(200)
    main()
