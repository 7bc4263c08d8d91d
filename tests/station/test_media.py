"""Facts about media: from real files, and from everything that pretends to be one."""

import os
import socket
import threading
from pathlib import Path

import pytest

from cli.media import photograph, record
from cli.station.media import MAX_ANSWER, media_facts, read_facts

pytest.importorskip("av", reason="needs the media extra")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "film.mp4"
    record(path, 1)
    return path


def child(tmp_path: Path, code: str) -> Path:
    path = tmp_path / "child.py"
    path.write_text(code)
    return path


def test_a_recording_tells_its_length_and_codecs(film: Path) -> None:
    facts = media_facts(film)
    assert facts is not None
    assert facts.streams == ("video h264 640x360", "audio aac")
    assert 900 <= facts.duration_ms <= 1200


def test_a_photo_is_media_without_a_length(tmp_path: Path) -> None:
    photograph(tmp_path / "photo.jpg")
    facts = media_facts(tmp_path / "photo.jpg")
    assert facts is not None
    assert (facts.streams, facts.duration_ms) == (("video mjpeg 640x360",), 0)


@pytest.mark.parametrize("part", [0, 1, 100, 5_000])
def test_a_truncated_recording_has_no_facts_and_no_fault(
    film: Path, tmp_path: Path, part: int
) -> None:
    (tmp_path / "part.mp4").write_bytes(film.read_bytes()[:part])
    assert media_facts(tmp_path / "part.mp4") is None


def test_random_bytes_have_no_facts(tmp_path: Path) -> None:
    (tmp_path / "random.mp4").write_bytes(os.urandom(200_000))
    assert media_facts(tmp_path / "random.mp4") is None


def test_a_play_list_leads_nowhere(film: Path, tmp_path: Path) -> None:
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def listen() -> None:
            try:
                listener.accept()[0].close()
                asked.set()
            except OSError:
                pass

        thread = threading.Thread(target=listen)
        thread.start()
        port = listener.getsockname()[1]
        address = f"http://127.0.0.1:{port}/a.ts"
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:10", "#EXTINF:10,"]
        for target in (address, f"file://{film}"):
            path = tmp_path / "list.m3u8"
            path.write_text("\n".join([*lines, target, "#EXT-X-ENDLIST", ""]))
            facts = media_facts(path)
            assert facts is None or facts.streams == ()
        listener.close()
        thread.join()
    assert not asked.is_set()


def test_a_child_that_eats_memory_gives_no_facts(film: Path, tmp_path: Path) -> None:
    limits = Path(__file__).parents[2] / "cli/station/media_facts.py"
    assert media_facts(film, child=child(tmp_path, limits.read_text())) is not None
    more = "held = bytearray(3 << 29)\n        facts = look(file)"  # 1.5 GiB, and it has one
    code = limits.read_text().replace("facts = look(file)", more)
    assert media_facts(film, child=child(tmp_path, code)) is None


def test_a_child_that_never_ends_is_ended(tmp_path: Path) -> None:
    path = child(
        tmp_path,
        "import os, sys, time\n"
        "open(sys.argv[0] + '.pid', 'w').write(str(os.getpid()))\n"
        "time.sleep(600)\n",
    )
    written = tmp_path / "child.py.pid"
    for seconds in (1.0, 10.0, 60.0):  # as long as it takes to begin
        if not written.exists():
            assert media_facts(Path(os.devnull), child=path, seconds=seconds) is None
    pid = int(written.read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_child_that_talks_without_end_is_ended(tmp_path: Path) -> None:
    path = child(tmp_path, "import os\nwhile True: os.write(1, b'x' * 65536)\n")
    # Not because its time is over.
    assert media_facts(Path(os.devnull), child=path, seconds=3600.0) is None


def test_a_child_cannot_write_a_file(tmp_path: Path) -> None:
    limits = Path(__file__).parents[2] / "cli/station/media_facts.py"
    target = tmp_path / "written"
    code = limits.read_text().replace(
        "facts = look(file)", f"open({str(target)!r}, 'wb').write(b'x' * 1000)"
    )
    assert media_facts(Path(os.devnull), child=child(tmp_path, code)) is None
    assert not target.exists() or target.read_bytes() == b""


GOOD = b'{"created":"","duration_us":1000000,"format":"mp4","streams":[{"type":"audio"}]}\n'


def test_the_exact_answer_is_read() -> None:
    facts = read_facts(GOOD)
    assert facts is not None
    assert facts.duration_ms == 1000


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        GOOD.rstrip(),
        GOOD.replace(b'"format"', b'"other"'),
        GOOD.replace(b"1000000", b"true"),
        GOOD.replace(b'{"created"', b'{"begun":true,"created"'),
        GOOD.replace(b'{"created"', b'{"begun":2,"created"'),
        GOOD.replace(b"1000000", b'"1000000"'),
        GOOD.replace(b'"mp4"', b'"\\u001b[2J"'),
        GOOD.replace(b"[{", b"[[{").replace(b"}]", b"}]]"),
        GOOD.replace(b'[{"type":"audio"}]', b"[]"),
        GOOD.replace(b'"audio"', b'"audio","x":1'),
        b"[" * 5000 + b"\n",
        b" " * MAX_ANSWER + GOOD,
        b"\xff\n",
    ],
)
def test_any_other_answer_is_none(answer: bytes) -> None:
    assert read_facts(answer) is None


def test_a_claimed_start_is_read_and_a_clock_that_never_ran_is_not() -> None:
    claimed = GOOD.replace(b'"created":""', b'"created":"2026-11-23T06:00:00.000000Z"')
    facts = read_facts(claimed)
    assert facts is not None and facts.start_ms == 1_795_413_600_000
    for never in (b"1904-01-01T00:00:00.000000Z", b"1970-01-01T00:00:00.000000Z", b"yesterday"):
        facts = read_facts(GOOD.replace(b'"created":""', b'"created":"' + never + b'"'))
        assert facts is not None and facts.start_ms is None
