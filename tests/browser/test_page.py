"""The page in a real Chromium, from a file: it says what the terminal says, and asks nobody."""

import json
import shutil
import socket
import subprocess
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cli import output
from cli.carried import carried_lines
from cli.first_page import FirstPage, first_page
from cli.language import choose, pick
from ledger.encoding import parse_time
from ledger.evidence.packet import Index
from ledger.report import Report
from ledger.verify import verify_packet
from storage.packets import Bytes, open_packet, zip_pieces
from storage.public_copy import DirectoryLog
from storage.trust_directory import read_trust
from tamper.test_disowned import STOLEN, forge, theft, told, with_ledgers_word
from testkit.case import (
    LEDGER,
    Built,
    MemoryPacket,
    evidence,
    make_case,
    registration,
    uuid7,
)
from testkit.chromium import Chromium

AT = "2026-12-01T00:00:00+08:00"  # as the page is told


def report_of(worked: Path, *, log: bool = True) -> Report:
    return verify_packet(
        open_packet(worked / "packet"),
        read_trust(worked / "trust"),
        log=DirectoryLog(worked / "public") if log else None,
        at_ms=parse_time(AT),
    )


def check(chromium: Chromium, packet: Path, trust: Path, log: Path | None = None) -> str:
    chromium.give("packet", packet)
    chromium.give("trust", trust)
    if log:
        chromium.give("log", log)
    return chromium.check()


def zipped(folder: Path, target: Path) -> Path:
    files = (path for path in folder.rglob("*") if path.is_file())
    data = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    crcs = {path: zlib.crc32(found) for path, found in data.items()}
    contents = {path: Bytes(found) for path, found in data.items()}
    target.write_bytes(b"".join(zip_pieces(contents, crcs)))
    return target


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


# --- what it says ----------------------------------------------------------------------------


def test_it_says_what_the_terminal_says_and_asks_nobody(
    chromium: Chromium, worked: Path, page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(chromium, worked / "packet", worked / "trust", worked / "public")
    report = report_of(worked)
    output.result_json(report.to_json())
    wanted = capsys.readouterr().out
    assert [chromium.ask("save", at="#save") for _ in range(2)] == [wanted, wanted]
    for lang in ("zh", "en"):
        chromium.speak(lang)
        choose([f"--lang={lang}"], {})
        check_first_page(chromium, first_page(report))
        assert chromium.evaluate("document.documentElement.lang").startswith(lang)
    chromium.ask("click", at=".play")
    chromium.ask("wait", **{"for": "video, audio, img"})
    assert chromium.seen("error") == []
    asked = chromium.seen("request")
    assert asked[0] == page.resolve().as_uri()
    assert all(url.startswith("blob:") for url in asked[1:])


def check_carried(chromium: Chromium, report: Report) -> None:
    """The registers, who read, how the ledger stood: line for line."""
    page = chromium.text("#page")
    lines = [line for line in carried_lines(report.facts) if line]
    assert len(lines) > len(report.facts.registers)
    assert [line for line in lines if line.removeprefix("  - ") not in page] == []


def check_first_page(chromium: Chromium, wanted: FirstPage, mark: str = "✓") -> None:
    assert chromium.text("#outcome") == f"{mark} {pick(wanted.outcome)}"
    assert chromium.texts("#proved li") == [pick(s) for s in wanted.proved]
    assert chromium.texts("#not-proved li") == [pick(s) for s in wanted.not_proved]
    assert chromium.texts("#asked th") == [pick(question) for question, _ in wanted.answers]
    assert chromium.texts("#asked td") == [pick(answer) for _, answer in wanted.answers]
    about = chromium.texts("table.about td")[: len(wanted.about)]
    assert about == [pick(value) for _, value in wanted.about]
    assert chromium.count("#not-checked li") > 3


def test_a_zip_of_each_is_read_as_well(chromium: Chromium, worked: Path, tmp_path: Path) -> None:
    packet = zipped(worked / "packet", tmp_path / "packet.zip")
    trust = shutil.make_archive(str(tmp_path / "trust"), "zip", worked, "trust")
    assert check(chromium, packet, Path(trust)) == "✓ Verdict: PASSED"
    assert json.loads(chromium.ask("save", at="#save")) == report_of(worked, log=False).to_json()


def test_a_large_file_is_hashed_in_a_worker_of_its_own(chromium: Chromium, tmp_path: Path) -> None:
    case = make_case()
    case.drafts.remove(case.draft("video"))
    case.add(evidence("video", 10, {"BWC_0088.MP4": bytes(range(256)) * 20_000}), after="photo")
    built = case.build()
    packet = write(tmp_path / "packet", built.sealed())
    trust = write(tmp_path / "trust", built.trust_files)
    assert check(chromium, packet, trust) == "✓ Verdict: PASSED"
    assert check(chromium, zipped(packet, tmp_path / "packet.zip"), trust) == "✓ Verdict: PASSED"


def test_what_must_decide_as_well_decides(chromium: Chromium, worked: Path) -> None:
    chromium.ask("click", at="#require-complete")
    assert check(chromium, worked / "packet", worked / "trust") == "？ Verdict: UNDECIDED"


def test_a_changed_item_fails_is_drawn_red_and_is_not_played(
    chromium: Chromium, worked: Path
) -> None:
    item = worked / "packet" / "data" / "items" / "01.mp4"
    data = bytearray(item.read_bytes())
    data[-1] ^= 1
    item.write_bytes(data)
    assert check(chromium, worked / "packet", worked / "trust") == "✗ Verdict: FAILED"
    assert "Do not rely on it" in chromium.texts("#asked td")[0]
    chunks = '[data-path="data/items/01.mp4"]'
    assert chromium.count(f"{chunks} .chunks .bad") == chromium.count(f"{chunks} .chunks > *") > 0
    assert chromium.count('[data-path="data/items/02.txt"] .chunks .bad') == 0
    assert chromium.count(".play") == 0
    assert not chromium.count("video, audio, img")


def test_a_zip_in_another_form_is_judged_and_fails(
    chromium: Chromium, worked: Path, tmp_path: Path
) -> None:
    packet = zipped(worked / "packet", tmp_path / "packet.zip")
    packet.write_bytes(packet.read_bytes() + b"\0")
    assert check(chromium, packet, worked / "trust") == "✗ Verdict: FAILED"
    assert "the zip" in chromium.text('[data-step="container"] .findings')


def test_what_cannot_be_read_is_no_verdict(chromium: Chromium, worked: Path) -> None:
    (worked / "trust" / "registrar.vkey").write_text("x", encoding="utf-8")
    said = check(chromium, worked / "packet", worked / "trust")
    assert said.startswith("Not readable. Nothing was judged.")
    assert not chromium.count("#outcome")


def test_a_time_that_is_none_is_refused(chromium: Chromium, worked: Path) -> None:
    chromium.ask("fill", at="#at", text="tomorrow")
    assert check(chromium, worked / "packet", worked / "trust").startswith("Not a time")


def test_names_from_a_packet_are_never_markup(chromium: Chromium, tmp_path: Path) -> None:
    case = make_case()
    name = "<img src=x onerror=\"document.title='owned'\">.jpg"
    case.draft("photo").subject[0]["name"] = name
    built = case.build()
    packet = write(tmp_path / "packet", built.sealed())
    check(chromium, packet, write(tmp_path / "trust", built.trust_files))
    assert name in chromium.text("#files")
    assert not chromium.count("#page img")
    assert chromium.evaluate("document.title") == "Tiezheng · Check a packet"


def test_what_counts_for_nothing_is_marked_and_not_played_and_the_rest_is(
    chromium: Chromium, tmp_path: Path
) -> None:
    case = with_ledgers_word()
    case.add(registration(40, STOLEN, "station"), after="opening")
    forge(case)
    told(case, STOLEN, "station")
    case.add(theft(LEDGER, "ledger", draft="also"), after="theft")
    case.draft("also").predicate["id"] = uuid7(52)
    built = with_pictures(case.build())
    report = verify_packet(MemoryPacket(built.sealed()), built.trust, at_ms=parse_time(AT))
    packet = write(tmp_path / "packet", built.sealed())
    assert check(chromium, packet, write(tmp_path / "trust", built.trust_files)).endswith(
        "UNDECIDED"
    )
    for lang in ("zh", "en"):
        chromium.speak(lang)
        choose([f"--lang={lang}"], {})
        check_first_page(chromium, first_page(report), mark="？")
        check_carried(chromium, report)
    rows = [row for row in chromium.texts("#files tbody tr") if "COUNTS FOR NOTHING" in row]
    assert [row.split()[0] for row in rows] == ["forged.jpg"]
    path = next(item.path for item in report.facts.items if item.name == "forged.jpg")
    assert "counts for nothing" in chromium.text(f'.refusal[data-path="{path}"]')
    assert chromium.count(".play") == len({item.path for item in report.facts.items}) - 1
    assert chromium.text("#page").count("undecided, since the ledger's key was compromised") == 2


def with_pictures(built: Built) -> Built:
    """The same with files of a kind that a browser shows."""
    index = Index.from_bytes(built.files.pop("data/packet.json"))
    files = {path.replace(".bin", ".jpg"): data for path, data in built.files.items()}
    items = tuple(name.replace(".bin", ".jpg") for name in index.items)
    files["data/packet.json"] = replace(index, items=items).to_bytes()
    return replace(built, files=files)


# --- pictures, player, single files ----------------------------------------------------------


def test_what_passed_is_played_from_the_bytes_that_were_checked(
    chromium: Chromium, worked: Path
) -> None:
    check(chromium, worked / "packet", worked / "trust")
    chromium.ask("click", at='.play[data-path="data/items/01.mp4"]')
    chromium.ask("wait", **{"for": "video"})
    source = chromium.evaluate("document.querySelector('video').src")
    assert source.startswith("blob:")
    size = chromium.evaluate("document.querySelector('.player p').innerText")
    assert size.startswith("Showing, from the bytes that were checked: ")
    assert "no browser plays this kind" in chromium.text('.refusal[data-path="data/items/02.txt"]')


def test_recordings_are_drawn_in_time_and_listed(chromium: Chromium, worked: Path) -> None:
    check(chromium, worked / "packet", worked / "trust")
    assert chromium.count("#timeline .recording") == chromium.count("#timeline tbody tr") > 0


def test_a_single_file_is_held_against_the_packet_chunk_by_chunk(
    chromium: Chromium, worked: Path, tmp_path: Path
) -> None:
    item = worked / "packet" / "data" / "items" / "01.mp4"
    chromium.drop(item)
    chromium.ask("wait", **{"for": "#single"})
    assert "Check a packet first" in chromium.text("#single")
    check(chromium, worked / "packet", worked / "trust")
    chromium.drop(item)
    chromium.ask("wait", **{"for": "#single .passed"})
    assert chromium.text("#single .passed").startswith("✓ It is, byte for byte,")
    other = tmp_path / "copy.mp4"
    other.write_bytes(b"another file")
    chromium.drop(other)
    chromium.ask("wait", **{"for": "#single .failed"})
    assert chromium.text("#single .failed") == "✗ The packet holds no such file."


# --- for whom, and from whom -----------------------------------------------------------------


def test_what_is_dropped_goes_where_its_form_says(chromium: Chromium, worked: Path) -> None:
    for place, folder in (("log", "public"), ("packet", "packet"), ("trust", "trust")):
        chromium.drop(worked / folder)
        chromium.ask("wait", **{"for": f'[data-place="{place}"].full'})
    assert chromium.texts(".got") == ["packet/ (34 files)", "trust/ (6 files)", "public/ (3 files)"]
    chromium.ask("click", at='[data-place="log"] button')
    assert chromium.check() == "✓ Verdict: PASSED"


def test_a_folder_that_holds_the_trust_beside_the_packet_is_refused(
    chromium: Chromium, worked: Path
) -> None:
    chromium.drop(worked)
    chromium.ask("wait", **{"for": "#trouble"})
    assert "one by one" in chromium.text("#trouble")
    assert not chromium.count(".full")


def test_the_keyboard_alone_reaches_everything(chromium: Chromium, worked: Path) -> None:
    chromium.give("packet", worked / "packet")
    chromium.give("trust", worked / "trust")
    unnamed = "[...document.querySelectorAll('input')].filter((i) => !i.labels.length).length"
    assert chromium.evaluate(unnamed) == 0
    chromium.evaluate("document.getElementById('language-zh').focus()")
    reached = ["language-zh"]
    for _ in range(30):
        chromium.ask("press", key="Tab")
        reached.append(chromium.evaluate("document.activeElement.id"))
        if reached[-1] == "check":
            break
    assert {"language-zh", "packet-zip", "packet-folder", "trust-folder", "at"} <= {*reached}
    chromium.ask("press", key="Enter")
    chromium.ask("wait", **{"for": "#outcome"})
    assert chromium.evaluate("document.activeElement.id") == "outcome"


def test_it_prints_with_verdict_and_reference_and_without_its_buttons(
    chromium: Chromium, worked: Path, tmp_path: Path
) -> None:
    if not shutil.which("pdftotext"):
        pytest.skip("needs poppler-utils")
    check(chromium, worked / "packet", worked / "trust")
    chromium.ask("pdf", path=str(tmp_path / "a.pdf"))
    ran = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "a.pdf"), "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Verdict: PASSED" in ran.stdout
    pages = ran.stdout.rstrip("\f").split("\f")
    assert len(pages) > 1
    assert all(
        "TZP1." in text and report_of(worked, log=False).facts.trust in text for text in pages
    )
    assert "Choose a zip" not in ran.stdout


def test_its_policy_lets_no_request_out_even_of_its_own_script(chromium: Chromium) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        for code in (
            f"fetch('{address}').then(() => 'sent', () => 'refused')",
            f"new Promise((done) => {{ const i = new Image(); i.onload = () => done('sent');"
            f" i.onerror = () => done('refused'); i.src = '{address}'; }})",
            f"new Promise((done) => {{ try {{ const s = new WebSocket('{address}'.replace('http',"
            " 'ws')); s.onerror = () => done('refused'); s.onopen = () => done('sent'); }"
            " catch { done('refused'); } })",
            "new Promise((done) => { const w = new Worker(URL.createObjectURL(new Blob([`"
            f"fetch('{address}').then(() => postMessage('sent'), () => postMessage('refused'))"
            "`]))); w.onmessage = ({ data }) => done(data); })",
        ):
            assert chromium.evaluate(code) == "refused"
        with pytest.raises(TimeoutError):
            server.accept()
