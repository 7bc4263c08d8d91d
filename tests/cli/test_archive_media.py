"""What an archive is told of recordings: whether they open, what is in them, what nobody tried."""

import json
import re
import struct
from pathlib import Path

import pytest

from cli.archive import playing
from cli.archive.examining import Asked, examine
from cli.media import photograph, record
from ledger.archiving.properties import Line, Result
from testkit.case import evidence, make_case
from testkit.packages import Made, lines, make_package
from testkit.terminal import Run

pytest.importorskip("av", reason="needs the media extra")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A recording, a photo, half a recording, and a text in an old encoding."""
    folder = tmp_path_factory.mktemp("media")
    record(folder / "film.mp4", 1)
    photograph(folder / "photo.jpg")
    film = (folder / "film.mp4").read_bytes()
    items = {
        "执法记录.mp4": film,
        "现场.jpg": (folder / "photo.jpg").read_bytes(),
        "半段.mp4": film[: len(film) // 8],
        "笔录.txt": "现场检查笔录".encode("gbk"),
        "告知书.pdf": b"%PDF-1.4\ntrailer << /Encrypt 7 0 R >>\nstartxref\n9\n%%EOF\n",
    }
    case = make_case()
    for n, (name, data) in enumerate(items.items()):
        case.add(evidence(f"media {n}", 20 + n, {name: data}), after="record")
    return make_package(folder / "package", case)


def line(made: Made, test: str, **asked: object) -> Line:
    fingerprint = bytes.fromhex(made.fingerprint.replace(" ", ""))
    return examine(made.folder, Asked(fingerprint=fingerprint, **asked)).four.line(test)  # type: ignore[arg-type]


def test_a_recording_that_opens_is_told_with_its_streams_and_length(made: Made, run: Run) -> None:
    ended = run("archive", "check", made.folder, "--fingerprint", made.fingerprint, "--json")
    assert ended.code == 0, ended.out
    decoded = lines(ended.out)["decoded"]
    assert (decoded["result"], decoded["counted"], decoded["total"]) == ("noted", "2", "3")
    said = list(decoded["facts"].values())  # type: ignore[attr-defined]
    film, photo = sorted(said, key=len, reverse=True)
    found = re.fullmatch(r".*, (\d+\.\d{3}) s, streams: 2 \((.*)\), begun: 2", film)
    assert found is not None, film
    assert found[2] == "video h264 640x360, audio aac"
    assert 0.9 <= float(found[1]) <= 1.2
    assert "mjpeg 640x360" in photo
    (name,) = decoded["names"]  # type: ignore[misc]
    assert name.startswith("01.zip/data/items/") and name not in decoded["facts"]  # type: ignore[operator]


def test_a_recording_whose_container_opens_and_whose_frames_are_gone_does_not_begin(
    tmp_path: Path,
) -> None:
    """Its tables say two streams and a second; there is nothing to decode."""
    play = playing.player()
    assert play is not None
    record(tmp_path / "film.mp4", 1)
    film = (tmp_path / "film.mp4").read_bytes()
    at = film.index(b"mdat")
    (size,) = struct.unpack(">I", film[at - 4 : at])
    gone = film[: at + 4] + bytes(size - 8) + film[at - 4 + size :]
    # In the middle of something else, as an item lies in a packet.
    for name, data in (("film", film), ("gone", gone)):
        (tmp_path / name).write_bytes(b"before" + data + b"behind")
    assert "begun: 2" in (play(tmp_path / "film", 6, len(film)) or "")
    assert play(tmp_path / "gone", 6, len(gone)) == ""


def test_the_report_says_that_nobody_watched(made: Made) -> None:
    english = (made.folder / "data/report/four.en.txt").read_text(encoding="utf-8")
    assert "Sound and pictures open and begin to play: noted (2/3)" in english
    assert "nobody watched any of it" in english
    said = json.loads((made.folder / "data/report/four.json").read_bytes())
    assert [row["result"] for row in said["lines"] if row["test"] == "malware"] == ["not_tested"]


def test_without_a_library_nothing_was_tested(made: Made) -> None:
    found = line(made, "decoded", play=None)
    assert (found.result, found.counted, found.names) == (Result.NOT_TESTED, 0, ())
    # The text in an old encoding may be a film: nobody tried.
    assert (found.total, dict(found.facts)) == (4, {"not_tried": "4"})


def test_what_is_left_when_the_time_is_up_was_not_tested(made: Made) -> None:
    found = line(made, "decoded", play=playing.player(within_s=-1))
    assert (found.result, found.facts["not_tried"]) == (Result.NOT_TESTED, "4")


def test_a_recording_for_which_the_machine_is_too_slow_is_not_one_that_does_not_open(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "EACH_S", 0.0)
    found = line(made, "decoded", play=playing.player())
    assert (found.result, found.counted, found.names) == (Result.NOT_TESTED, 0, ())
    assert dict(found.facts) == {"not_tried": "4"}


def test_a_file_that_wants_a_password_is_told_and_is_no_fault(made: Made) -> None:
    found = line(made, "unlocked")
    assert found.result is Result.NOTED
    assert len(found.names) == 1


def test_nothing_is_left_behind_by_what_opens_a_recording(made: Made, tmp_path: Path) -> None:
    play = playing.player()
    assert play is not None
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n")
    size = (tmp_path / "list.m3u8").stat().st_size
    assert play(tmp_path / "list.m3u8", 0, size) == ""
    assert play(tmp_path / "none", 0, 1) == ""
