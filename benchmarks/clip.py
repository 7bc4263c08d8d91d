"""A clip of a minute from a long recording: time to make and to check it, memory, bytes."""

import random
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.ground import GIB, MB, measured, read_once, scratch, tiezheng
from benchmarks.measure import Ratio, Row, Table
from benchmarks.packet import packet_of

KEY = "n"
FPS = 25
GROUP_S = 10  # encoded once, and then repeated
FROM_S, LENGTH_S = 30, 60
COPY, MADE, CHECKED, AGAIN = "cp of the recording", "clip", "verify", "verify --rederive"


def run(quick: bool) -> Table:
    sizes = (GIB >> 3, GIB >> 2) if quick else (GIB >> 1, 4 * GIB)
    rows: list[Row] = []
    for size in sizes:
        with scratch() as folder:
            rows += _measure(folder, size, 1 if quick else 3)
    median = {row.what.removeprefix(_of(sizes[-1])): row.median for row in rows}
    return Table(
        key=KEY,
        title="A clip of a minute",
        rows=tuple(rows),
        ratios=(
            Ratio("making it ÷ cp of the recording", median[MADE] / median[COPY]),
            Ratio("checking it ÷ cp of the recording", median[CHECKED] / median[COPY]),
            Ratio("its packet ÷ the recording, bytes", median["packet"] / median["recording"]),
        ),
        notes=(
            f"An MP4 of H.264 with {GROUP_S} s of noise over and over, a key frame each second, "
            f"tables at the end; {LENGTH_S} s from {FROM_S} s on, other items left out. The whole "
            "commands, start-up and the cutting process included; files in the page cache.",
            "Making it hashes the whole recording, for the proof; checking it reads the clip only. "
            "Memory is the peak of the largest process of each command.",
            "There is no peer: cp says what moving the bytes of the whole costs. The ratios are "
            "of the longer recording, in seconds.",
        ),
    )


def _of(size: int) -> str:
    return f"{size >> 20:>5,} MiB: "


def _measure(folder: Path, size: int, rounds: int) -> Iterator[Row]:
    _record(folder / "recording.mp4", size)
    packet, trust = packet_of(folder, folder / "recording.mp4")
    with zipfile.ZipFile(packet) as archive:
        item = next(i for i in archive.infolist() if i.filename.endswith(".mp4"))
        recording = Path(archive.extract(item, folder))
    path = item.filename.removeprefix("packet/")
    clip, copy = folder / "clip.zip", folder / "copy.mp4"
    span = ("--from", str(FROM_S), "--to", str(FROM_S + LENGTH_S))

    def make() -> float:
        clip.unlink(missing_ok=True)  # it takes no file's place
        return tiezheng("clip", packet, path, *span, "--only", "-o", clip)

    verify = ("verify", clip, "--trust", trust)
    works: dict[str, Callable[[], object]] = {
        COPY: lambda: subprocess.run(["cp", recording, copy], check=True),
        MADE: make,
        CHECKED: partial(tiezheng, *verify),
        AGAIN: partial(tiezheng, *verify, "--rederive"),
    }
    read_once(packet)
    read_once(recording)
    name = _of(size)
    for row in measured(rounds, works):
        yield Row(name + row.what, row.unit, row.runs)
    yield Row(f"{name}recording", "MB", (recording.stat().st_size / MB,))
    yield Row(f"{name}packet", "MB", (clip.stat().st_size / MB,))


def _record(path: Path, size: int) -> None:
    import av

    rng = random.Random(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 208, 160, "yuv420p", FPS
        group = []
        for n in range(GROUP_S * FPS):
            frame = av.VideoFrame(208, 160, "yuv420p")
            for plane in frame.planes:
                plane.update(rng.randbytes(plane.buffer_size))
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            group += stream.encode(frame)
        group += stream.encode(None)
        samples = [(bytes(p), p.pts, p.time_base, p.is_keyframe) for p in group]
        written = 0
        for again in count():
            if written >= size:
                return
            for data, pts, base, key in samples:
                packet = av.Packet(data)
                packet.pts = packet.dts = (pts or 0) + int(again * GROUP_S / base)
                packet.time_base, packet.stream, packet.is_keyframe = base, stream, key
                container.mux(packet)
                written += len(data)
