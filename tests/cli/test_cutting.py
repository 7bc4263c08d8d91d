"""Recordings as they come: each is cut so that it plays what the original plays, or is refused."""

import os
import random
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cli import cutting
from cli.cutting import Cut, cut
from cli.media import photograph
from ledger.errors import Rejected, Unavailable
from ledger.evidence.clip import Span
from testkit.film import box

av = pytest.importorskip("av")

FPS, RATE, SECONDS = 25, 16_000, 14
FROM_S, TO_S = 7.3, 9.0
B_FRAMES = {"preset": "veryfast", "bf": "3", "b_strategy": "0"}


def pictures(container: Any, codec: str, options: dict[str, str], gop: int) -> Iterator[Any]:
    rng = random.Random(1)
    stream = container.add_stream(codec, rate=FPS, options=options)
    stream.width, stream.height, stream.pix_fmt, stream.gop_size = 96, 64, "yuv420p", gop
    for n in range(SECONDS * FPS):
        frame = av.VideoFrame(96, 64, "yuv420p")
        for plane in frame.planes:
            plane.update(rng.randbytes(plane.buffer_size))
        frame.pts, frame.time_base = n, Fraction(1, FPS)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def sound(container: Any, codec: str, start_s: float, end_s: float) -> Iterator[Any]:
    rng = random.Random(2)
    stream = container.add_stream(codec, rate=RATE, layout="mono")
    for at in range(int(start_s * RATE), int(end_s * RATE), 1024):
        frame = av.AudioFrame(format="s16", layout="mono", samples=1024)
        frame.planes[0].update(rng.randbytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def record(
    path: Path,
    *,
    codec: str = "libx264",
    encoder: dict[str, str] | None = None,
    gop: int = FPS,
    sounds: tuple[tuple[str, float, float], ...] = (("aac", 0, SECONDS),),
    options: dict[str, str] | None = None,
    form: str | None = None,
    video: bool = True,
) -> None:
    with av.open(str(path), "w", format=form, options=options or {}) as container:
        found = list(pictures(container, codec, encoder or B_FRAMES, gop)) if video else []
        for one in sounds:
            found += sound(container, *one)
        # As they come from a camera: pictures and sound in turn.
        for packet in sorted(found, key=lambda p: p.dts * p.time_base):
            container.mux(packet)


def frames(path: Path) -> list[tuple[float, int]]:
    """Time from the beginning, and a hash of what is visible, of each picture."""
    found = []
    with av.open(str(path)) as container:
        zero = (container.start_time or 0) / 1_000_000
        for frame in container.decode(video=0):
            plane = frame.planes[0]
            data, line = bytes(plane), plane.line_size
            rows = (data[i * line : i * line + plane.width] for i in range(plane.height))
            found.append((frame.time - zero, hash(b"".join(rows))))
    return found


def part(
    path: Path, folder: Path, start_s: float = FROM_S, end_s: float = TO_S, *, sound: bool = True
) -> Cut:
    """Cut to `played` in the folder."""
    span = Span(int(start_s * 1000), int(end_s * 1000))
    with (folder / "played").open("w+b") as played:
        return cut(path, 0, path.stat().st_size, span, played, sound=sound)


AAC = ("aac", 0, SECONDS)
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
FORMS: dict[str, dict[str, Any]] = {
    "b-frames.mp4": {},
    "b-frames.mkv": {},
    "b-frames.ts": {},
    "192.ts": {"form": "mpegts", "options": {"mpegts_m2ts_mode": "1"}},
    "fragments.mp4": {"options": FRAGMENTS},
    "two-sounds.mp4": {"sounds": (AAC, AAC)},
    "sound-from-8-s.mkv": {"sounds": (("aac", 8, SECONDS),)},
    "sound-from-8-s.mp4": {"sounds": (("aac", 8, SECONDS),)},
    "sound-to-3-s.mp4": {"sounds": (("aac", 0, 3),)},
    "sound-to-3-s.mkv": {"sounds": (("aac", 0, 3),)},
    "sound-to-3-s.ts": {"sounds": (("aac", 0, 3),)},
    "silent.mp4": {"sounds": ()},
    "key-frames-only.mp4": {"gop": 1},
    "one-key-frame.mp4": {"gop": 10_000},
    "mpeg-4.avi": {"codec": "mpeg4", "encoder": {"bf": "0"}, "sounds": (("mp3", 0, SECONDS),)},
    "tag.flv": {"form": "flv"},
    "hevc.mp4": {
        "codec": "libx265",
        "encoder": {"preset": "ultrafast", "x265-params": "log-level=none:bframes=3"},
    },
}


@pytest.mark.parametrize("name", FORMS)
def test_a_cut_plays_what_the_original_plays(name: str, tmp_path: Path) -> None:
    try:
        record(tmp_path / name, **FORMS[name])
    except av.error.FFmpegError as error:
        pytest.skip(f"no encoder here: {error}")
    made = part(tmp_path / name, tmp_path)
    whole, played = frames(tmp_path / name), frames(tmp_path / "played")
    given = made.given.start_ms / 1000
    # From the last key frame before, and no later than was asked for.
    if name == "one-key-frame.mp4":
        assert given < 0.2
    else:
        assert FROM_S - 1.2 < given <= FROM_S
    wanted = [picture for at, picture in whole if given - 0.001 <= at < TO_S - 0.001]
    shown = [picture for _, picture in played]
    first = shown.index(wanted[0])
    assert shown[first : first + len(wanted)] == wanted
    assert made.suffix == ("ts" if name.endswith(".ts") else "mp4")


@pytest.mark.parametrize("name", ["sound-to-3-s.mp4", "sound-to-3-s.mkv", "sound-to-3-s.ts"])
def test_where_the_sound_ends_early_the_rest_of_the_pictures_is_not_shown(
    name: str, tmp_path: Path
) -> None:
    record(tmp_path / name, sounds=(("aac", 0, 3),))
    made = part(tmp_path / name, tmp_path, 4.0, 5.0)
    size = (tmp_path / name).stat().st_size
    # From 4 s to 7 s of 14, what a demuxer reads ahead, and the tables.
    assert sum(end - start for start, end in made.reads) < 0.6 * size
    assert all(end < 0.7 * size or start > 0.7 * size for start, end in made.reads)


def test_sound_alone(tmp_path: Path) -> None:
    record(tmp_path / "sound.mp4", video=False)
    made = part(tmp_path / "sound.mp4", tmp_path)
    assert abs(made.given.start_ms - 7300) < 70


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_alaw"])
def test_sound_that_is_not_compressed_is_refused_in_words(codec: str, tmp_path: Path) -> None:
    record(tmp_path / "plain.mov", sounds=((codec, 0, SECONDS),))
    with pytest.raises(Rejected, match=rf"could not be cut: .*{codec}.*--no-sound leaves it out"):
        part(tmp_path / "plain.mov", tmp_path)


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_alaw", "aac"])
def test_pictures_without_their_sound(codec: str, tmp_path: Path) -> None:
    record(tmp_path / "plain.mov", sounds=((codec, 0, SECONDS),))
    made = part(tmp_path / "plain.mov", tmp_path, sound=False)
    assert made.tool.endswith(", without sound")
    with av.open(str(tmp_path / "played")) as container:
        assert [s.type for s in container.streams] == ["video"]
    wanted = [picture for at, picture in frames(tmp_path / "plain.mov") if FROM_S <= at < TO_S]
    shown = [picture for _, picture in frames(tmp_path / "played")]
    first = shown.index(wanted[0])
    assert shown[first : first + len(wanted)] == wanted


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [("whole.ts", {}, "with all that is in it"), ("sound.mp4", {"video": False}, "no pictures")],
)
def test_what_cannot_be_shown_without_its_sound(
    name: str, options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    record(tmp_path / name, **options)
    with pytest.raises(Rejected, match=f"could not be cut: .*{words}"):
        part(tmp_path / name, tmp_path, sound=False)


def test_a_file_without_its_tables_is_refused_in_words(tmp_path: Path) -> None:
    record(tmp_path / "whole.mp4")
    data = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "off.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(Rejected, match=r"could not be cut: Invalid data [a-z ]*$"):
        part(tmp_path / "off.mp4", tmp_path)


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.abort()",
        """print('{"refused": "No space left on device"}')""",
    ],
)
def test_what_this_machine_cannot_do_says_nothing_against_a_recording(
    code: str, tmp_path: Path
) -> None:
    """Else `verify --rederive` fails an honest clip where the disk is full or memory short."""
    (child := tmp_path / "child.py").write_text(code)
    (source := tmp_path / "r.mp4").write_bytes(b"x" * 100)
    with (tmp_path / "out").open("w+b") as played, pytest.raises(Unavailable):
        cut(source, 0, 100, Span(0, 1), played, child=child)


def test_a_full_disk_says_nothing_against_a_recording(tmp_path: Path) -> None:
    """The child itself is told so by the file to play."""
    record(tmp_path / "whole.mp4")
    source = (tmp_path / "whole.mp4").open("rb")
    full = Path("/dev/full").open("r+b")  # noqa: SIM115
    with source, full, pytest.raises(Unavailable, match="No space left"):
        size = (tmp_path / "whole.mp4").stat().st_size
        numbers = (full.fileno(), 0, size, 2000, 3000, 1)
        command = [sys.executable, "-I", str(cutting.CHILD), *map(str, numbers)]
        cutting._read(cutting._ask(command, source.fileno(), full), size, 0)


def test_a_picture_is_no_recording(tmp_path: Path) -> None:
    photograph(tmp_path / "photo.jpg")
    with pytest.raises(Rejected, match="a picture, no recording"):
        part(tmp_path / "photo.jpg", tmp_path)


def test_a_stream_without_a_program_table_is_not_shown_from_its_beginning(tmp_path: Path) -> None:
    record(tmp_path / "whole.ts")
    data = bytearray((tmp_path / "whole.ts").read_bytes())
    tables = [at for at in range(0, len(data), 188) if data[at + 1] & 0x1F == 0 == data[at + 2]]
    for at in tables[1:]:
        data[at + 1 : at + 3] = b"\x1f\xff"  # a null packet, but for the first
    (tmp_path / "one.ts").write_bytes(data)
    made = part(tmp_path / "one.ts", tmp_path)
    assert made.pieces[0].original == tables[0]  # so be it: it is near
    data[tables[0] + 1 : tables[0] + 3] = b"\x1f\xff"
    (tmp_path / "none.ts").write_bytes(data)
    with pytest.raises(Rejected, match="could not be cut"):
        part(tmp_path / "none.ts", tmp_path)


def test_places_beyond_four_gigabytes(tmp_path: Path) -> None:
    record(tmp_path / "near.mp4", sounds=())
    data, hole = (tmp_path / "near.mp4").read_bytes(), 1 << 32
    at = data.index(b"moov") - 4
    tables = data[at:]
    places = tables.index(b"stco") - 4
    length, _, _, count = struct.unpack_from(">I4sII", tables, places)
    numbers = struct.unpack_from(f">{count}I", tables, places + 16)
    far = struct.pack(f">II{count}Q", 0, count, *(n + hole for n in numbers))
    longer = len(box(b"co64", far)) - length
    grown = bytearray(tables[:places] + box(b"co64", far) + tables[places + length :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        start = grown.index(name) - 4
        size = int.from_bytes(grown[start : start + 4], "big")
        grown[start : start + 4] = (size + longer).to_bytes(4, "big")
    head = data.index(b"mdat") - 4
    with (tmp_path / "far.mp4").open("wb") as file:
        file.write(data[: head - 8] + struct.pack(">I4sQ", 1, b"free", hole + 8))
        file.seek(head + hole)
        file.write(data[head:at] + grown)
    near, far_made = part(tmp_path / "near.mp4", tmp_path), part(tmp_path / "far.mp4", tmp_path)
    assert [p.original + hole for p in near.pieces] == [p.original for p in far_made.pieces]
    (tmp_path / "far.mp4").unlink()


def test_a_child_of_the_cutting_process_does_not_outlive_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child, pid = tmp_path / "child.py", tmp_path / "pid"
    child.write_text(
        "import os, time\n"
        "if not os.fork():\n"
        f"    with open({str(pid)!r} + '.new', 'w') as file: file.write(str(os.getpid()))\n"
        f"    os.rename({str(pid)!r} + '.new', {str(pid)!r})\n"  # whole once it is there
        "    time.sleep(60)\n"
    )
    (tmp_path / "r.mp4").write_bytes(b"x" * 100)
    for seconds in (2.0, 10.0, 60.0):  # as long as it takes to begin
        if not pid.exists():
            monkeypatch.setattr(cutting, "SECONDS", seconds)
            with (tmp_path / "out").open("w+b") as played, pytest.raises(Unavailable):
                cut(tmp_path / "r.mp4", 0, 100, Span(0, 1), played, child=child)
    with pytest.raises(ProcessLookupError):
        for _ in range(5000):
            os.kill(int(pid.read_text()), 0)
            time.sleep(0.01)


def test_an_alarm_that_comes_as_the_cutting_ends_kills_no_other_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its end has been taken note of, its number may be that of another group."""
    child, rung = tmp_path / "child.py", tmp_path / "rung"
    child.write_text(
        "import pathlib, time\n"
        f"while not pathlib.Path({str(rung)!r}).exists():\n"
        "    time.sleep(0.01)\n"
    )
    (tmp_path / "r.mp4").write_bytes(b"x" * 100)
    noted = threading.Event()
    late: list[bool] = []
    killpg, wait = os.killpg, subprocess.Popen.wait

    def at_last(group: int, number: int) -> None:
        if threading.current_thread() is not threading.main_thread():
            rung.touch()
            late.append(noted.wait(1))
            if late == [True]:
                return
        killpg(group, number)

    def note(process: Any, timeout: float | None = None) -> int:
        code: int = wait(process, timeout)
        noted.set()
        return code

    monkeypatch.setattr(cutting, "SECONDS", 0.1)
    monkeypatch.setattr(os, "killpg", at_last)
    monkeypatch.setattr(subprocess.Popen, "wait", note)
    with (tmp_path / "out").open("w+b") as played, pytest.raises(Unavailable):
        cut(tmp_path / "r.mp4", 0, 100, Span(0, 1), played, child=child)
    assert late == [False]


@pytest.mark.parametrize(
    "pieces", ["[[0,1,4]]", "[[0,0,3]]", "[[0,0,2],[2,1,2]]"], ids=["else", "less", "twice"]
)
def test_what_was_cut_is_held_against_the_recording(pieces: str, tmp_path: Path) -> None:
    child = tmp_path / "child.py"
    child.write_text(
        "import os, sys\nos.write(int(sys.argv[1]), b'0123')\n"
        f'print(\'{{"given":[0,1],"pieces":{pieces},"reads":[],"suffix":"ts",\''
        '\'"tool":"x","whole_ms":1}\')\n'
    )
    (tmp_path / "r.ts").write_bytes(b"0123456")
    with (
        (tmp_path / "out").open("w+b") as played,
        pytest.raises(Rejected, match="could not be cut"),
    ):
        cut(tmp_path / "r.ts", 0, 7, Span(0, 1), played, child=child)


def test_a_pipe_in_the_place_of_a_recording_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with (
        (tmp_path / "out").open("w+b") as played,
        pytest.raises(Unavailable, match="it is no regular file"),
    ):
        cut(tmp_path / "pipe.mp4", 0, 100, Span(0, 1), played)
