"""`tiezheng clip`: real recordings in four containers, cut, proved, played."""

import json
import os
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cli.cutting import cut
from ledger.errors import LedgerError, Rejected
from ledger.evidence.chunks import CHUNK_SIZE
from ledger.evidence.clip import NO_SOUND, Clip, Span, run_size
from storage.packet_additions import rewritten, write_packet
from storage.packets import Bytes, open_packet
from testkit.case import Built, evidence, make_case
from testkit.terminal import Ended, Run

av = pytest.importorskip("av")

SECONDS, FPS, RATE = 40, 25, 16_000
FORMS = {
    "tables-last.mp4": {},
    "tables-first.mp4": {"movflags": "faststart"},
    "fragments.mp4": {"movflags": "frag_keyframe+empty_moov"},
    "stream.ts": {},
}


def record(path: Path) -> None:
    """Noise, so that a second takes a chunk or more; a key frame each second; a tone beside it."""
    rng = random.Random(1)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt, video.gop_size = 160, 120, "yuv420p", FPS
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        for n in range(SECONDS * FPS):
            frame = av.VideoFrame(160, 120, "yuv420p")
            for plane in frame.planes:
                plane.update(rng.randbytes(plane.buffer_size))
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            container.mux(video.encode(frame))
        for start in range(0, SECONDS * RATE, 1024):
            sound = av.AudioFrame(format="s16", layout="mono", samples=1024)
            sound.planes[0].update(rng.randbytes(sound.planes[0].buffer_size))
            sound.sample_rate, sound.pts, sound.time_base = RATE, start, Fraction(1, RATE)
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The same pictures and sound in every container, large enough to have several chunks."""
    folder = tmp_path_factory.mktemp("recordings")
    record(folder / "first.mp4")
    found = {}
    for name, options in FORMS.items():
        with (
            av.open(str(folder / "first.mp4")) as source,
            av.open(str(folder / name), "w", options=options) as target,
        ):
            streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    target.mux(packet)
        found[name] = (folder / name).read_bytes()
    return found


def built(name: str, data: bytes) -> Built:
    case = make_case()
    case.drafts.remove(case.draft("video"))
    case.add(evidence("video", 10, {name: data}), after="photo")
    return case.build()


def prepare(built: Built, folder: Path) -> tuple[Path, Path, str]:
    """The packet as a zip, the trust folder, the recording's path."""
    packet, trust = folder / "packet.zip", folder / "trust"
    packet.write_bytes(built.zip_bytes())
    for path, content in built.trust_files.items():
        (trust / path).parent.mkdir(parents=True, exist_ok=True)
        (trust / path).write_bytes(content)
    video = built.row("video").draft.items[0]
    return packet, trust, next(p for p, content in built.files.items() if content == video)


Cutter = Callable[..., Ended]


@pytest.fixture
def whole(tmp_path: Path, recordings: dict[str, bytes]) -> tuple[Path, Path, str]:
    name = "tables-first.mp4"
    return prepare(built(name, recordings[name]), tmp_path)


def frames(path: Path, start: float = 0.0, end: float = 1e9) -> list[tuple[float, int]]:
    """Time and a sum of the pixels of each picture shown in [start, end)."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if start:
            container.seek(int((start + 0.002) / stream.time_base), stream=stream)
        found = []
        # A decoder looks ahead of what it gives: into the first hole.
        with suppress(av.error.InvalidDataError):
            for frame in container.decode(video=0):
                if frame.time >= end:
                    break
                if frame.time >= start:
                    found.append((frame.time, hash(bytes(frame.planes[0]))))
        return found


def with_holes(packet: Any, path: Path) -> Clip:
    """The original at its own offsets, zeros where nothing is shown."""
    clip = Clip.from_bytes(b"".join(packet.stream("data/clips/01.json")))
    at = 0
    with path.open("wb") as file:
        file.truncate(clip.item.size)
        for run in clip.runs:
            size = run_size(run, clip.item.size)
            file.seek(run[0] * CHUNK_SIZE)
            file.write(packet.read("data/clips/01.chunks", at, size))
            at += size
    return clip


@pytest.mark.parametrize("name", FORMS)
def test_a_part_is_cut_proved_and_played(
    name: str, run: Run, tmp_path: Path, recordings: dict[str, bytes]
) -> None:
    data = recordings[name]
    packet, trust, item = prepare(built(name, data), tmp_path)
    made = tmp_path / "clip.zip"
    ended = run("clip", packet, item, "--from", "10", "--to", "0:15", "-o", made, "--json")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    given = Span(int(said["given"]["start_ms"]), int(said["given"]["end_ms"]))
    assert 9_000 <= given.start_ms <= 10_100 and 15_000 <= given.end_ms <= 15_300
    assert int(said["shown"]) < len(data) == int(said["size"])

    checked = run("verify", made, "--trust", trust)
    assert checked.code == 0, checked.out
    (line,) = [line for line in checked.out.splitlines() if "Clips: passed" in line]
    assert f"% of {name}" in line and "are not shown" in line

    opened = open_packet(made)
    suffix = name.rpartition(".")[2]
    (played := tmp_path / f"played.{suffix}").write_bytes(
        b"".join(opened.stream(f"data/clips/01.{suffix}"))
    )
    shown = frames(played)
    assert len(shown) >= 120
    clip = with_holes(opened, holes := tmp_path / f"holes.{suffix}")
    (original := tmp_path / name).write_bytes(data)
    part = given.start_ms / 1000 + (1.4 if suffix == "ts" else 0), 15.0
    # What the file to play shows is what the original shows there, with holes or without.
    true = frames(original, *part)
    again = frames(holes, *part)
    assert again == true[: len(again)] and len(again) > 70
    pictures, wanted = [p for _, p in shown], [p for _, p in true]
    first = pictures.index(wanted[0])
    assert pictures[first : first + len(wanted)] == wanted
    assert clip.shown == int(said["shown"])


def test_a_clip_is_made_again_and_compared(
    run: Run, tmp_path: Path, recordings: dict[str, bytes]
) -> None:
    for name, data in recordings.items():
        folder = tmp_path / name
        folder.mkdir()
        packet, trust, item = prepare(built(name, data), folder)
        made = folder / "clip.zip"
        assert run("clip", packet, item, "--from", "7", "--to", "9", "-o", made).code == 0
        checked = run("verify", made, "--trust", trust, "--rederive")
        assert checked.code == 0 and "the same bytes" in checked.out, checked.out


def test_a_clip_whose_tables_play_another_order_is_caught_by_making_it_again(
    run: Run, whole: tuple[Path, Path, str], tmp_path: Path
) -> None:
    packet, trust, item = whole
    made = tmp_path / "clip.zip"
    assert run("clip", packet, item, "--from", "7", "--to", "9", "-o", made).code == 0
    opened = open_packet(made)
    file = b"".join(opened.stream("data/clips/01.mp4"))
    at = file.index(b"stts") + 8  # how long each picture is shown
    slow = file[: at + 8] + (1).to_bytes(4, "big") + file[at + 12 :]
    write_packet(made, rewritten(opened, {"data/clips/01.mp4": Bytes(slow)}))
    assert run("verify", made, "--trust", trust).code == 0  # each sample is one of the original
    again = run("verify", made, "--trust", trust, "--rederive")
    assert again.code == 1 and "made again, the file to play is another one" in again.out


def test_another_version_of_the_tool_decides_nothing(
    run: Run, whole: tuple[Path, Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packet, trust, item = whole
    made = tmp_path / "clip.zip"
    assert run("clip", packet, item, "--from", "7", "--to", "9", "-o", made).code == 0
    opened = open_packet(made)
    clip = Clip.from_bytes(b"".join(opened.stream("data/clips/01.json")))
    older = replace(clip, tool="PyAV 1").to_bytes()
    write_packet(made, rewritten(opened, {"data/clips/01.json": Bytes(older)}))
    assert run("verify", made, "--trust", trust).code == 0
    again = run("verify", made, "--trust", trust, "--rederive")
    assert again.code == 3 and "it was made with PyAV 1, and here is" in again.out


def test_the_verdict_of_a_clip_in_chinese_names_what_is_shown(
    run: Run, whole: tuple[Path, Path, str], tmp_path: Path
) -> None:
    packet, trust, item = whole
    made = tmp_path / "clip.zip"
    assert run("clip", packet, item, "--from", "3", "--to", "4", "-o", made).code == 0
    out = run("verify", made, "--trust", trust, "--lang", "zh").out
    (line,) = [line for line in out.splitlines() if "片段：通过" in line]
    assert "tables-first.mp4" in line and "未展示" in line
    assert "只展示片段" in out


def test_a_clip_without_its_sound_says_so_and_is_made_again(
    run: Run, whole: tuple[Path, Path, str], tmp_path: Path
) -> None:
    packet, trust, item = whole
    made, span = tmp_path / "clip.zip", ("--from", "3", "--to", "4", "--no-sound")
    assert run("clip", packet, item, *span, "-o", made).code == 0
    checked = run("verify", made, "--trust", trust, "--rederive")
    assert checked.code == 0 and "the same bytes" in checked.out, checked.out
    assert "are not shown; its sound is left out. Other" in " ".join(checked.out.split())
    out = run("verify", made, "--trust", trust, "--lang", "zh").out
    assert "声音已略去" in "".join(out.split())
    # The same pictures with their sound are another file.
    opened = open_packet(made)
    clip = Clip.from_bytes(b"".join(opened.stream("data/clips/01.json")))
    loud = replace(clip, tool=clip.tool.removesuffix(NO_SOUND)).to_bytes()
    write_packet(made, rewritten(opened, {"data/clips/01.json": Bytes(loud)}))
    assert run("verify", made, "--trust", trust, "--rederive").code == 1


def test_other_items_may_be_left_out(
    run: Run, whole: tuple[Path, Path, str], tmp_path: Path
) -> None:
    packet, trust, item = whole
    made = tmp_path / "clip.zip"
    span = ("--from", "3", "--to", "4", "--only")
    assert run("clip", packet, item, *span, "-o", made).code == 0
    assert not [p for p in open_packet(made).sizes() if p.startswith("data/items/")]
    assert run("verify", made, "--trust", trust).code == 0


def test_a_second_clip_stands_beside_the_first(
    run: Run, tmp_path: Path, recordings: dict[str, bytes]
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    made = built("tables-first.mp4", recordings["tables-first.mp4"])
    packet, trust, item = prepare(made, one)
    clip = tmp_path / "clip.zip"
    assert run("clip", packet, item, "--from", "3", "--to", "4", "-o", clip).code == 0
    other = open_packet(clip)
    extra = {p: b"".join(other.stream(p)) for p in other.sizes() if p.startswith("data/clips/")}
    made.files |= extra
    packet, trust, item = prepare(made, two)
    again = tmp_path / "again.zip"
    assert run("clip", packet, item, "--from", "20", "--to", "21", "-o", again).code == 0
    assert {p for p in open_packet(again).sizes() if p.endswith(".json") and "clips" in p} == {
        "data/clips/01.json",
        "data/clips/02.json",
    }
    assert run("verify", again, "--trust", trust).code == 0


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--from", "4", "--to", "3"), 2, "--from before --to"),
        (("--from", "4", "--to", "4"), 2, "--from before --to"),
        (("--from", "-4", "--to", "4"), 2, "want a time such as"),
        (("--from", "1:2:3:4", "--to", "4"), 2, "want a time such as"),
        (("--from", "一", "--to", "4"), 2, "want a time such as"),
        (("--from", "1e3", "--to", "4000"), 2, "want a time such as"),
        (("--from", "400", "--to", "500"), 1, "nothing was recorded then"),
    ],
)
def test_times_that_make_no_part(
    args: tuple[str, ...],
    code: int,
    words: str,
    run: Run,
    whole: tuple[Path, Path, str],
    tmp_path: Path,
) -> None:
    packet, _, item = whole
    ended = run("clip", packet, item, *args, "-o", tmp_path / "clip.zip")
    assert (ended.code, words in ended.err) == (code, True), ended.err
    assert not (tmp_path / "clip.zip").exists()


def test_a_clip_takes_no_files_place(
    run: Run, whole: tuple[Path, Path, str], tmp_path: Path
) -> None:
    """Least of all that of the packet which alone has the whole recording."""
    packet, _, item = whole
    before = packet.read_bytes()
    for taken in (packet, tmp_path, Path("/dev/null")):
        ended = run("clip", packet, item, "--from", "1", "--to", "2", "-o", taken)
        assert ended.code == 1 and "is not overwritten" in ended.err
    assert packet.read_bytes() == before


def test_an_item_that_is_not_there_or_is_no_recording(
    run: Run, whole: tuple[Path, Path, str], tmp_path: Path
) -> None:
    packet, _, item = whole
    made, span = tmp_path / "clip.zip", ("--from", "1", "--to", "2")
    for wrong in ("data/items/99.mp4", "../etc/passwd", "data/packet.json", ""):
        ended = run("clip", packet, wrong, *span, "-o", made)
        assert ended.code == 1 and "no item" in ended.err and item in ended.err
    others = [p for p in open_packet(packet).sizes() if p.startswith("data/items/") and p != item]
    for other in others:
        ended = run("clip", packet, other, *span, "-o", made)
        assert ended.code == 1 and "could not be cut" in ended.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["packet.zip", "trust"]


def test_damaged_recordings_are_refused_or_cut_to_something_true(
    tmp_path: Path, recordings: dict[str, bytes]
) -> None:
    data = recordings["tables-first.mp4"]
    for i, broken in enumerate(
        (b"", b"\0" * 5000, data[:3000], data[:200] + os.urandom(3000) + data[3200:], data[::-1])
    ):
        path = tmp_path / f"{i}.mp4"
        path.write_bytes(broken)
        with (tmp_path / f"{i}.out").open("w+b") as played:
            try:
                made = cut(path, 0, len(broken), Span(1000, 2000), played)
            except LedgerError:
                continue
            file = (tmp_path / f"{i}.out").read_bytes()
            for p in made.pieces:
                same = broken[p.original : p.original + p.size]
                assert file[p.at : p.at + p.size] == same


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "null",
        "[]",
        "{",
        "[" * 5000,
        '{"error": "as it likes"}',
        '{"given":[0,1],"pieces":[[0,0,9999]],"reads":[],"suffix":"mp4","tool":"x","whole_ms":1}',
        '{"given":[0,1],"pieces":[[0,-1,1]],"reads":[],"suffix":"mp4","tool":"x","whole_ms":1}',
        '{"given":[0,1],"pieces":[],"reads":[],"suffix":"mp4","tool":"x","whole_ms":1}',
        '{"given":[0,1],"pieces":[[0,0,1]],"reads":[],"suffix":"sh","tool":"x","whole_ms":1}',
    ],
)
def test_the_cutting_process_is_believed_in_one_form_only(answer: str, tmp_path: Path) -> None:
    child = tmp_path / "child.py"
    child.write_text(f"print({answer!r})\n")
    (source := tmp_path / "r.mp4").write_bytes(b"x" * 100)
    with (tmp_path / "out").open("w+b") as played, pytest.raises(Rejected):
        cut(source, 0, 100, Span(0, 1), played, child=child)
