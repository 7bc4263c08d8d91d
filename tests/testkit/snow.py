"""A short recording of many chunks: a bar walks through snow, which no encoder makes small."""

import random
from fractions import Fraction
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, FPS = 160, 120, 25


def record_snow(path: Path, seconds: int) -> None:
    """About a chunk a second, a key frame each second; the same bytes each time."""
    import av

    rng = random.Random(1)
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt, video.gop_size = WIDTH, HEIGHT, "yuv420p", FPS
        for n in range(seconds * FPS):
            frame: Any = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            snow = bytearray(rng.randbytes(frame.planes[0].buffer_size))
            width, at = frame.planes[0].line_size, n % (WIDTH - 20)
            for row in range(HEIGHT):
                snow[row * width + at : row * width + at + 20] = b"\xf0" * 20
            frame.planes[0].update(bytes(snow))
            for plane in frame.planes[1:]:
                plane.update(b"\x80" * plane.buffer_size)
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
