"""The page against who wants it to say something of another packet than the one that it judged."""

import json
import os
import shutil
import socket
import zipfile
from pathlib import Path

import pytest

from ledger.verify import verify_packet
from storage.packets import open_packet
from storage.trust_directory import read_trust
from testkit.case import file_subject, make_case, write_folder
from testkit.chromium import Chromium


def give(chromium: Chromium, worked: Path) -> None:
    chromium.give("packet", worked / "packet")
    chromium.give("trust", worked / "trust")


# --- the verdict is about what is given -------------------------------------------------------

# Workers that say nothing by themselves: the test says what each has found, and when.
HELD_WORKERS = """
window.held = [];
window.Worker = class extends EventTarget {
  constructor() { super(); held.push(this); setTimeout(() => this.tell({ kind: "ready" })); }
  postMessage(task) { this.task = task; }
  tell(data) { if (!this.ended) this.dispatchEvent(new MessageEvent("message", { data })); }
  terminate() { this.ended = true; }
};
0
"""


def test_nothing_is_exchanged_while_it_is_judged(chromium: Chromium, worked: Path) -> None:
    other = Path(shutil.copytree(worked / "packet", worked / "other"))
    chromium.evaluate(HELD_WORKERS)
    give(chromium, worked)
    chromium.ask("click", at="#check")
    assert chromium.evaluate("document.getElementById('packet-folder').matches(':disabled')")
    for given in (other, other / "bagit.txt"):
        chromium.drop(given)
        chromium.ask("wait", **{"for": f"#trouble:has-text('{given.name}')"})
        assert chromium.text("#trouble").startswith("A check is running.")
    assert chromium.texts("#got-packet") == ["packet/ (34 files)"]
    assert chromium.evaluate("held.length") == 1
    chromium.ask("click", at="#stop")
    assert chromium.evaluate("held[0].ended")
    assert chromium.text("#trouble") == "Stopped. Nothing was judged."
    assert chromium.evaluate("document.activeElement.id") == "trouble"


def test_a_single_file_that_cannot_be_read_ends_its_reading(
    chromium: Chromium, worked: Path
) -> None:
    chromium.evaluate(HELD_WORKERS)
    chromium.drop(worked / "packet" / "bagit.txt")
    chromium.ask("wait", **{"for": "#running"})
    chromium.evaluate("held[0].tell({ kind: 'unreadable', message: 'it has changed' }), 0")
    assert chromium.text("#trouble") == "Not readable. Nothing was judged. it has changed"
    assert not chromium.count("#running, #single")


def test_what_was_taken_is_said_to_who_does_not_see_it(chromium: Chromium, worked: Path) -> None:
    chromium.evaluate("document.getElementById('packet-folder').focus()")
    chromium.give("packet", worked / "packet")
    said = "document.querySelector('[role=status]').textContent"
    assert chromium.evaluate(said) == "Packet: packet/ (34 files)"
    assert chromium.evaluate("document.activeElement.id") == "packet-folder"
    chromium.ask("click", at="#remove-packet")
    assert chromium.evaluate(said) == "Packet: none yet"
    assert chromium.evaluate("document.activeElement.id") == "packet-folder"


def test_what_else_decides_takes_back_a_verdict_without_it(
    chromium: Chromium, worked: Path
) -> None:
    give(chromium, worked)
    assert chromium.check() == "✓ Verdict: PASSED"
    chromium.ask("click", at="#require-complete")
    assert not chromium.count("#outcome")
    assert chromium.evaluate("document.activeElement.id") == "require-complete"


def test_a_time_that_is_none_leaves_no_verdict_of_another_time(
    chromium: Chromium, worked: Path
) -> None:
    give(chromium, worked)
    chromium.check()
    chromium.ask("fill", at="#at", text="tomorrow")
    chromium.ask("click", at="#check")
    chromium.ask("wait", **{"for": "#trouble"})
    assert not chromium.count("#outcome")


# --- what is dropped --------------------------------------------------------------------------


def test_a_trust_folder_dropped_with_the_packet_is_not_taken(
    chromium: Chromium, worked: Path
) -> None:
    chromium.drop(worked / "packet", worked / "trust")
    chromium.ask("wait", **{"for": "#trouble"})
    assert chromium.text("#trouble").startswith("Not taken: a trust folder is given alone.")
    assert not chromium.count(".full")


def test_any_zip_is_no_trust_folder_and_one_of_trust_is(chromium: Chromium, worked: Path) -> None:
    photos = worked / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(b"a picture")
    chromium.drop(Path(shutil.make_archive(str(worked / "p"), "zip", worked, "photos")))
    chromium.ask("wait", **{"for": "#single"})
    assert not chromium.count(".full")
    chromium.drop(Path(shutil.make_archive(str(worked / "t"), "zip", worked, "trust")))
    chromium.ask("wait", **{"for": '[data-place="trust"].full'})


def test_a_copy_of_one_log_is_known_as_well(chromium: Chromium, worked: Path) -> None:
    chromium.drop(worked / "public" / "2026")
    chromium.ask("wait", **{"for": '[data-place="log"].full'})


def test_a_name_that_turns_the_writing_round_is_shown_as_it_is(
    chromium: Chromium, tmp_path: Path
) -> None:
    named = tmp_path / "a\u202e4pm.exe"
    named.write_bytes(b"x")
    chromium.drop(named)
    chromium.ask("wait", **{"for": "#single"})
    assert "a\\u202e4pm.exe" in chromium.text("#single")


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_trust_zip_that_was_damaged_is_not_read(
    kind: int, chromium: Chromium, worked: Path
) -> None:
    target = worked / "trust.zip"
    with zipfile.ZipFile(target, "w", kind) as packed:
        for path in sorted((worked / "trust").rglob("*")):
            packed.write(path, path.relative_to(worked))
    data = bytearray(target.read_bytes())
    with zipfile.ZipFile(target) as packed:
        info = next(i for i in packed.infolist() if i.filename.endswith("logs"))
        at = info.header_offset + 30 + len(info.filename) + info.compress_size - 1
    data[at] ^= 1
    target.write_bytes(data)
    chromium.give("packet", worked / "packet")
    chromium.give("trust", target)
    assert "is damaged in the zip" in chromium.check()


# --- what is played ---------------------------------------------------------------------------


def packet_with(ending: str, data: bytes, folder: Path) -> Path:
    """Where `packet` and `trust` are, and in the packet `data` as an item so ending."""
    case = make_case()
    draft = case.draft("photo")
    notes = {k: v for k, v in draft.subject[0]["annotations"].items() if k != "size"}
    draft.subject[0] = file_subject(f"photo.{ending}", data, **notes)
    draft.items = (data,)
    built = case.build()
    path = next(p for p, d in built.files.items() if p.startswith("data/items/") and d == data)
    renamed = path.replace(".bin", f".{ending}")
    built.files[renamed] = built.files.pop(path)
    index = next(p for p in built.files if p.endswith("packet.json"))
    was, now = (text.split("/")[-1].encode() for text in (path, renamed))
    built.files[index] = built.files[index].replace(was, now)
    write_folder(built.sealed(), folder / "packet")
    write_folder(built.trust_files, folder / "trust")
    return folder


def test_a_file_exchanged_since_and_its_time_set_back_is_not_played(
    chromium: Chromium, worked: Path
) -> None:
    item = worked / "packet" / "data" / "items" / "01.mp4"
    give(chromium, worked)
    assert chromium.check() == "✓ Verdict: PASSED"
    was = item.stat()
    item.write_bytes(bytes(was.st_size))
    os.utime(item, ns=(was.st_atime_ns, was.st_mtime_ns))
    chromium.ask("click", at='.play[data-path="data/items/01.mp4"]')
    chromium.ask("wait", **{"for": ".player [role=alert]"})
    assert chromium.text(".player").startswith("Not played: what lies there now")
    assert not chromium.count("video, audio, img")


def test_a_playlist_that_calls_itself_a_film_fetches_nothing(
    chromium: Chromium, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        part = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        listed = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{part}\n#EXT-X-ENDLIST\n"
        give(chromium, packet_with("mp4", listed.encode(), tmp_path))
        assert chromium.check() == "✓ Verdict: PASSED"
        chromium.ask("click", at=".play[data-path$=mp4]")
        chromium.ask("wait", **{"for": "video"})
        failed = "document.querySelector('video').error !== null"
        chromium.evaluate(
            "new Promise((done) => {"
            f" const look = () => {failed} ? done(0) : setTimeout(look, 20); look(); }})"
        )
        with pytest.raises(TimeoutError):
            server.accept()


# --- what is drawn ----------------------------------------------------------------------------


def test_without_a_quorum_no_file_is_drawn_as_fixed(chromium: Chromium, tmp_path: Path) -> None:
    case = make_case()
    case.cosign = lambda _size, at: [(case.cosigners[0][1], at)]
    built = case.build()
    write_folder(built.sealed(), tmp_path / "packet")
    write_folder(built.trust_files, tmp_path / "trust")
    give(chromium, tmp_path)
    assert chromium.check() != "✓ Verdict: PASSED"
    assert chromium.count(".chunks .none") == chromium.count(".chunks > *") > 0
    item = next((tmp_path / "packet" / "data" / "items").iterdir())
    chromium.drop(item)
    chromium.ask("wait", **{"for": "#single"})
    assert chromium.text("#single .mark").endswith("not shown that it is what was fixed")


def show(chromium: Chromium, worked: Path, files: str, recordings: str, gaps: str = "[]") -> str:
    """What stands above a verdict with these pictures, as a worker would have told it."""
    chromium.evaluate(HELD_WORKERS)
    give(chromium, worked)
    chromium.ask("click", at="#check")
    found = verify_packet(open_packet(worked / "packet"), read_trust(worked / "trust"))
    chromium.evaluate(
        f"held[0].tell({{ kind: 'verdict', verdict: {{ report: {json.dumps(found.to_json())},"
        f" reference: 'TZP1.A', notChecked: [], proven: new Map(), picture: {{ files: {files},"
        f" recordings: {recordings}, gaps: {gaps} }} }} }}), 0"
    )
    chromium.ask("wait", **{"for": "#outcome, #trouble"})
    return chromium.text("#outcome, #trouble")


def test_clips_of_recordings_that_say_they_are_endless_are_drawn(
    chromium: Chromium, worked: Path
) -> None:
    clip = (
        "{ path: `data/clips/${n}.mp4`, name: 'a', size: 2 ** 44, chunks: 2 ** 26,"
        " state: 'passed', runs: [[0, 0], [2, 99]] }"
    )
    files = f"Array.from({{ length: 200 }}, (_, n) => ({clip}))"
    assert show(chromium, worked, files, "[]") == "✓ Verdict: PASSED"
    assert chromium.count(".chunks") == 200
    assert not chromium.count(".chunks .good")  # no square is shown whole


def test_more_recordings_than_a_call_has_arguments_are_drawn(
    chromium: Chromium, worked: Path
) -> None:
    one = "({ name: 'a', place: '2026-1', startMs: n, endMs: n + 1, proven: false })"
    recordings = f"Array.from({{ length: 300_000 }}, (_, n) => {one})"
    assert show(chromium, worked, "[]", recordings) == "✓ Verdict: PASSED"
    assert chromium.count("#timeline .recording") == 2000


def test_what_cannot_be_drawn_is_no_verdict(chromium: Chromium, worked: Path) -> None:
    said = show(chromium, worked, "[{ state: 'of no kind' }]", "[]")
    assert said.startswith("Nothing was judged: this page or the browser failed.")
    assert not chromium.count("#outcome, #running")


def test_a_gap_called_as_what_every_object_has_is_named(chromium: Chromium, worked: Path) -> None:
    gaps = "[{ place: '2026-1', kind: 'constructor', note: 'a note' }]"
    show(chromium, worked, "[]", "[]", gaps)
    assert chromium.texts("#gaps li") == ["entry 2026-1: constructor: a note"]
