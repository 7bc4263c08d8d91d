"""Real media for the demo, made on the spot: a short recording and a photo.

Uses PyAV (the `media` extra), which brings FFmpeg's H.264, AAC and JPEG encoders.
"""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, FPS, RATE = 640, 360, 25, 16_000


def record(path: Path, seconds: int = 4) -> None:
    """An MP4 with moving H.264 pictures and an AAC tone."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        video: Any = container.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio: Any = container.add_stream("aac", rate=RATE, layout="mono")
        for n in range(seconds * FPS):
            container.mux(video.encode(_picture(n)))
        for n in range(0, seconds * RATE, 1024):
            container.mux(audio.encode(_sound(n)))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


def photograph(path: Path) -> None:
    """A JPEG."""
    import av

    with av.open(str(path), "w", format="image2") as container:
        stream: Any = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        frame = _picture(17).reformat(format="yuvj420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _picture(n: int) -> Any:
    """Frame n: a bright bar that walks over a grey ramp."""
    import av

    frame: Any = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    bar = (n * 8) % WIDTH
    row = bytes(235 if bar <= x < bar + 40 else 40 + 150 * x // WIDTH for x in range(WIDTH))
    stride = frame.planes[0].line_size
    frame.planes[0].update(row.ljust(stride, b"\0") * HEIGHT)
    for plane in frame.planes[1:]:
        plane.update(bytes([118 + n % 20]) * plane.buffer_size)
    frame.pts, frame.time_base = n, Fraction(1, FPS)
    return frame


def _sound(start: int) -> Any:
    """1,024 samples of a 440 Hz tone."""
    import av

    samples = (
        round(8000 * math.sin(2 * math.pi * 440 * t / RATE)) for t in range(start, start + 1024)
    )
    frame: Any = av.AudioFrame(format="s16", layout="mono", samples=1024)
    data = b"".join(s.to_bytes(2, "little", signed=True) for s in samples)
    frame.planes[0].update(data.ljust(frame.planes[0].buffer_size, b"\0"))
    frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
    return frame
