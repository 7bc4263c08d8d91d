"""`tiezheng archive`: what an archive is handed, and who could have changed it on the way."""

import json
import os
import shutil
import subprocess
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bagit
import pytest

from cli.archive.examining import Asked, examine
from cli.archive.page import page_text
from ledger.archiving.package import Contents
from ledger.archiving.properties import TESTS, Property
from ledger.evidence.packet import TAG_MANIFEST
from ledger.suite import digest
from testkit.case import evidence, make_case, zip_bytes
from testkit.keys import key
from testkit.packages import (
    A_VERIFIER,
    ANOTHER,
    ARCHIVE,
    BY,
    Made,
    cases,
    lines,
    make_package,
    reseal,
)
from testkit.pdf import pages_of
from testkit.terminal import Run


@pytest.fixture(scope="module")
def once_made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_package(tmp_path_factory.mktemp("made"))


@pytest.fixture
def made(once_made: Made, tmp_path: Path) -> Made:
    """A copy, to be altered at will."""
    folder = Path(shutil.copytree(once_made.folder, tmp_path / "handover"))
    return Made(folder, once_made.fingerprint, once_made.page, once_made.packets, once_made.trust)


def failed(run: Run, made: Made, *more: str | Path) -> dict[str, list[str]]:
    """What fails, with the names that it names; the command must say so too."""
    ended = run("archive", "check", made.folder, "--json", *more)
    found = lines(ended.out)
    assert set(found) == set(TESTS)
    bad = {test: line["names"] for test, line in found.items() if line["result"] == "failed"}
    assert (ended.code == 1) == bool(bad)
    return bad  # type: ignore[return-value]


def rewrite(made: Made, path: str, change: Callable[[bytes], bytes]) -> None:
    file = made.folder / path
    file.write_bytes(change(file.read_bytes()))


def flip(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]


# --- as it is made ---------------------------------------------------------------------------


def test_a_court_packet_lies_in_it_byte_for_byte(made: Made) -> None:
    for number, packet in enumerate(made.packets, 1):
        assert (made.folder / f"data/packets/{number:02d}.zip").read_bytes() == packet.read_bytes()


def test_the_library_of_congress_accepts_the_bag(made: Made) -> None:
    assert bagit.Bag(str(made.folder)).validate(processes=1)


def test_bagit_refuses_it_with_one_byte_altered(made: Made) -> None:
    rewrite(made, "data/packets/01.zip", flip)
    with pytest.raises(bagit.BagError):
        bagit.Bag(str(made.folder)).validate(processes=1)


def test_with_the_printed_fingerprint_nothing_fails(made: Made, run: Run) -> None:
    ended = run("archive", "check", made.folder, "--fingerprint", made.fingerprint, "--json")
    assert ended.code == 0, ended.out
    results = {test: line["result"] for test, line in lines(ended.out).items()}
    assert results["fingerprint"] == results["verified"] == results["metadata"] == "passed"


def test_what_was_not_tested_says_so(made: Made, run: Run) -> None:
    """No scanner, no look at the carrier; no log to hold a case's completeness against."""
    ended = run("archive", "check", made.folder, "--fingerprint", made.fingerprint, "--json")
    results = {test: line["result"] for test, line in lines(ended.out).items()}
    not_tested = {test for test, result in results.items() if result == "not_tested"}
    assert not_tested == {"whole_case", "malware", "carrier"}
    assert json.loads(ended.out)["properties"]["safe"] == "not_tested"


def test_without_anybody_outside_who_vouches_it_is_undecided(made: Made, run: Run) -> None:
    ended = run("archive", "check", made.folder)
    assert ended.code == 3
    assert "A forger's package passes too." in ended.out


def test_with_a_trust_folder_alone_nobody_vouches_for_what_is_around_the_packets(
    made: Made, run: Run
) -> None:
    rewrite(made, "data/reader/tiezheng-verify.pyz", lambda data: b"a program of a forger's")
    reseal(made.folder)
    ended = run("archive", "check", made.folder, "--trust", made.trust)
    assert ended.code == 3 and "--fingerprint" in ended.err
    page = ("--fingerprint", made.fingerprint)
    assert run("archive", "check", made.folder, "--trust", made.trust, *page).code == 1


def test_the_report_says_what_was_found_in_both_languages(made: Made, run: Run) -> None:
    chinese = (made.folder / "data/report/four.zh.txt").read_text(encoding="utf-8")
    english = (made.folder / "data/report/four.en.txt").read_text(encoding="utf-8")
    assert [word for word in ("真实性", "完整性", "可用性", "安全性") if word in chinese] != []
    assert all(f"{word}：" in chinese for word in ("真实性", "完整性", "可用性", "安全性"))
    assert "No malicious code: not tested" in english
    said = json.loads((made.folder / "data/report/four.json").read_bytes())
    assert set(said["properties"]) == {str(each) for each in Property}


def test_the_page_has_the_fingerprints_that_a_hand_computes(made: Made) -> None:
    digits = made.page.replace(" ", "").replace("\n", "")
    assert digest((made.folder / TAG_MANIFEST).read_bytes()).hex() in digits
    assert digest((made.folder / "data/reader/tiezheng-verify.pyz").read_bytes()).hex() in digits
    assert Contents.from_bytes((made.folder / "data/package.json").read_bytes()).trust in digits
    assert ARCHIVE in made.page
    assert BY in made.page


def test_the_page_is_a_pdf_too_with_the_same_digits(once_made: Made, tmp_path: Path) -> None:
    pdf = once_made.folder.with_name("handover.page.pdf").read_bytes()
    (page,) = pages_of(pdf, tmp_path)
    assert once_made.fingerprint.replace(" ", "") in page
    assert ARCHIVE in page


def test_a_page_of_many_cases_names_the_first_and_the_last_and_says_so(once_made: Made) -> None:
    two = Contents.from_bytes((once_made.folder / "data/package.json").read_bytes())
    first, last = two.packets
    three = replace(two, packets=(first, first, last))
    pages = [page_text(told, once_made.folder, bytes(32), bytes(32)) for told in (two, three)]
    assert [page.count("……") for page in pages] == [0, 1]
    below = pages[1].partition("证据包 Packets: 3\n")[2].split("\n")[:3]
    assert (last.case in below[2], "data/package.json" in below[1]) == (True, True)


def test_the_two_lines_on_the_page_check_every_file(made: Made) -> None:
    """With coreutils alone; the page says to type them."""
    typed = [line.strip() for line in made.page.splitlines() if "sha256sum" in line]
    assert typed[:2] == typed[2:]
    whole, each = (line.split(" ") for line in typed[:2])
    shown = subprocess.run(whole, cwd=made.folder, capture_output=True, check=True, text=True)
    assert shown.stdout.split(" ")[0] == made.fingerprint.replace(" ", "")
    assert subprocess.run(each, cwd=made.folder, capture_output=True, check=False).returncode == 0
    rewrite(made, "data/packets/01.zip", flip)
    found = subprocess.run(each, cwd=made.folder, capture_output=True, check=False, text=True)
    assert (found.returncode, "data/packets/01.zip: FAILED" in found.stdout) == (1, True)


def test_a_program_among_the_items_is_told_and_is_no_fault(made: Made, run: Run) -> None:
    ended = run("archive", "check", made.folder, "--fingerprint", made.fingerprint, "--json")
    line = lines(ended.out)["programs"]
    assert line["result"] == "noted"
    assert len(line["names"]) == 1
    assert str(line["names"][0]).startswith("02.zip/data/items/")  # type: ignore[index]


def test_an_item_is_described_by_what_was_stated_of_it(made: Made) -> None:
    rows = (made.folder / "data/metadata/items.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(row) for row in rows]
    film = next(row for row in found if row["file_name"] == "BWC_0088.MP4")
    assert film["device"] == "BWC-310"
    assert film["packet"].startswith("01.zip/data/items/")
    assert {row["case"] for row in found} == {make_case().number, ANOTHER}
    elements = json.loads((made.folder / "data/metadata/elements.json").read_bytes())
    known = {element["name"] for element in elements["items"]}
    assert all(set(row) <= known for row in found)


# --- what is altered is named ----------------------------------------------------------------


SINGLE = (
    "bagit.txt",
    "bag-info.txt",
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
    "data/package.json",
    "data/packets/02.zip",
    "data/trust/policy/2026",
    "data/metadata/events.jsonl",
    "data/reader/tiezheng-verify.pyz",
)


@pytest.mark.parametrize("path", SINGLE)
def test_an_altered_bit_is_named_by_its_file(made: Made, run: Run, path: str) -> None:
    rewrite(made, path, flip)
    found = failed(run, made, "--fingerprint", made.fingerprint)
    assert path in [name.partition(":")[0] for names in found.values() for name in names]


def test_all_of_many_altered_files_are_named(made: Made, run: Run) -> None:
    files = sorted(path for path in (made.folder / "data").rglob("*") if path.is_file())
    for file in files:
        file.write_bytes(file.read_bytes() + b"\n")
    found = failed(run, made, "--fingerprint", made.fingerprint)
    assert len(files) > 40
    assert found["fixity"] == sorted(f.relative_to(made.folder).as_posix() for f in files)


@pytest.mark.parametrize("path", ["data/packets/02.zip", "data/trust/logs", "data/package.json"])
def test_a_missing_file_is_named(made: Made, run: Run, path: str) -> None:
    (made.folder / path).unlink()
    found = failed(run, made, "--fingerprint", made.fingerprint)
    assert found["files"][0] in (path, "bag-info.txt")
    assert path in found["files"]


def test_a_packet_that_is_not_there_is_not_counted_as_verified(made: Made, run: Run) -> None:
    (made.folder / "data/packets/02.zip").unlink()
    ended = run("archive", "check", made.folder, "--fingerprint", made.fingerprint, "--json")
    line = lines(ended.out)["verified"]
    assert (line["result"], line["counted"], line["total"]) == ("failed", "1", "2")
    assert line["names"] == ["data/packets/02.zip"]


def test_with_a_trust_folder_that_cannot_be_read_no_packet_passes(made: Made, run: Run) -> None:
    (made.folder / "data/trust/logs").unlink()
    ended = run("archive", "check", made.folder, "--fingerprint", made.fingerprint, "--json")
    assert ended.code == 1
    found = lines(ended.out)
    assert found["trust"]["result"] == "failed"
    untested = ("verified", "whole_case", "elements", "structure", "programs")
    assert [found[test]["result"] for test in untested] == ["not_tested"] * len(untested)


def test_a_packet_that_is_not_in_the_list_is_named(made: Made, run: Run) -> None:
    shutil.copy(made.folder / "data/packets/01.zip", made.folder / "data/packets/03.zip")
    reseal(made.folder)
    found = failed(run, made, "--trust", made.trust)
    assert found["packets"] == ["data/packets/03.zip"]


def test_two_packets_that_changed_places_are_named(made: Made, run: Run) -> None:
    one, two = (made.folder / f"data/packets/0{n}.zip" for n in (1, 2))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    reseal(made.folder)
    found = failed(run, made, "--trust", made.trust)
    assert found["packets"][:2] == ["data/packets/01.zip", "data/packets/02.zip"]


def test_a_list_that_gives_packets_to_other_cases_is_refused(made: Made, run: Run) -> None:
    rewrite(made, "data/package.json", lambda data: data.replace(b"417", b"419"))
    reseal(made.folder)
    assert failed(run, made, "--trust", made.trust)["packets"] == ["data/packets/01.zip"]


def test_a_forger_who_seals_anew_has_another_fingerprint(made: Made, run: Run) -> None:
    rewrite(made, "data/pages/packet.md", lambda data: data + b"A line more.\n")
    reseal(made.folder)
    assert failed(run, made) == {}  # nobody who asks nothing outside can see it
    assert "fingerprint" in failed(run, made, "--fingerprint", made.fingerprint)


def test_another_trust_folder_does_not_vouch_for_itself(made: Made, run: Run) -> None:
    rewrite(made, "data/trust/registrar.vkey", lambda data: (made.trust / "logs").read_bytes())
    reseal(made.folder)
    found = failed(run, made, "--trust", made.trust)
    assert found["trust"] == ["data/trust"]


def test_metadata_that_say_more_than_the_packets_are_named_by_line(made: Made, run: Run) -> None:
    rewrite(
        made,
        "data/metadata/items.jsonl",
        lambda data: data.replace("现场照片".encode(), "现场照片二".encode()),
    )
    reseal(made.folder)
    (name,) = failed(run, made, "--trust", made.trust)["metadata"]
    assert name.startswith("data/metadata/items.jsonl:")


def test_a_line_more_in_the_metadata_is_named(made: Made, run: Run) -> None:
    events = made.folder / "data/metadata/events.jsonl"
    count = len(events.read_bytes().splitlines())
    events.write_bytes(events.read_bytes() + b"{}\n")
    reseal(made.folder)
    (name,) = failed(run, made, "--trust", made.trust)["metadata"]
    assert name == f"data/metadata/events.jsonl:{count + 1}"


def test_a_private_key_that_slipped_in_is_named(made: Made, run: Run) -> None:
    rewrite(made, "data/trust/logs", lambda data: data + b"PRIVATE+KEY+x\n")
    assert failed(run, made, "--fingerprint", made.fingerprint)["secrets"] == ["data/trust/logs"]


def test_a_link_is_not_followed(made: Made, run: Run) -> None:
    page = made.folder / "data/pages/packet.md"
    page.unlink()
    page.symlink_to(made.trust / "logs")
    found = failed(run, made, "--fingerprint", made.fingerprint)
    assert list(found) == ["layout"]
    assert "data/pages/packet.md" in found["layout"][0]


def test_a_file_that_has_no_place_is_named(made: Made, run: Run) -> None:
    (made.folder / "data/setup.sh").write_text("echo")
    reseal(made.folder)
    assert failed(run, made, "--trust", made.trust)["layout"] == ["data/setup.sh"]


def test_two_histories_of_one_log_in_one_package_are_seen(tmp_path: Path, run: Run) -> None:
    """Each packet alone is sound: cosigners that signed both trees show only side by side."""
    first, second = cases()
    second.drafts = [draft for draft in second.drafts if draft.name != "more"]
    made = make_package(tmp_path / "two", first, second)
    found = failed(run, made, "--fingerprint", made.fingerprint)
    assert found["verified"] == ["data/packets/02.zip"]


# --- what is handed over all the same --------------------------------------------------------


def test_a_packet_that_does_not_verify_is_handed_over_and_told(tmp_path: Path, run: Run) -> None:
    first, second = cases()
    built = first.build()
    path = next(path for path in built.files if path.startswith("data/items/"))
    built.files[path] += b"!"
    where = tmp_path / "bad"
    made = make_package(where, second)
    (where / "bad.zip").write_bytes(built.zip_bytes())
    asked = ("--packet", where / "bad.zip", "--packet", where / "1.zip")
    ended = run(
        "archive", "make", "-o", where / "again", "--trust", made.trust, "--archive", ARCHIVE,
        "--by", BY, "--verifier", where / "v.pyz", *asked, "--json",
    )  # fmt: skip
    assert ended.code == 1
    assert lines(ended.out)["verified"]["names"] == ["data/packets/01.zip"]
    assert (where / "again/data/packets/01.zip").read_bytes() == built.zip_bytes()


# --- restored --------------------------------------------------------------------------------


def restore(run: Run, made: Made, target: Path, *more: str | Path) -> int:
    return run("archive", "restore", made.folder, "-o", target, *more).code


def test_what_is_restored_verifies(made: Made, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "restored"
    assert restore(run, made, target, "--fingerprint", made.fingerprint) == 0
    packets = [target / "packets" / name for name in ("01", "02")]
    assert run("verify", *packets, "--trust", target / "trust").code == 0
    listed = (target / "list.txt").read_text(encoding="utf-8").splitlines()
    names = dict(row.split("\t")[::2] for row in listed[1:])
    assert all((target / path).is_file() for path in names)
    assert "BWC_0088.MP4" in names.values()


@pytest.mark.parametrize("typed", [None, "00" * 32])
def test_nothing_is_restored_unless_somebody_vouches(
    made: Made, run: Run, tmp_path: Path, typed: str | None
) -> None:
    more = () if typed is None else ("--fingerprint", typed)
    assert restore(run, made, tmp_path / "restored", *more) == (1 if typed else 3)
    assert not (tmp_path / "restored").exists()


def test_of_a_damaged_package_the_rest_is_restored(made: Made, run: Run, tmp_path: Path) -> None:
    rewrite(made, "data/packets/01.zip", flip)
    target = tmp_path / "restored"
    assert restore(run, made, target, "--fingerprint", made.fingerprint) == 1
    assert [path.name for path in (target / "packets").iterdir()] == ["02"]


def test_a_trust_folder_that_nobody_vouches_for_is_not_restored(
    made: Made, run: Run, tmp_path: Path
) -> None:
    """The reader's own has one mirror more; that of the package could be anybody's."""
    own = Path(shutil.copytree(made.trust, tmp_path / "own"))
    mirror = key("mirror.example").verifier.to_text()
    (own / "mirrors").write_text(f"{mirror}\n")
    assert restore(run, made, tmp_path / "restored", "--trust", own) == 0
    assert sorted(path.name for path in (tmp_path / "restored").iterdir()) == [
        "list.txt",
        "packets",
    ]


def test_a_slip_of_the_pen_is_told_by_its_group(made: Made, run: Run) -> None:
    groups = made.fingerprint.split(" ")
    groups[4] = "0000"
    ended = run("archive", "check", made.folder, "--fingerprint", "".join(groups), "--json")
    assert lines(ended.out)["fingerprint"]["facts"]["groups"] == "5"  # type: ignore[index]


@pytest.mark.parametrize("typed", ["", "3f0a", "zz" * 32, "0" * 65])
def test_what_is_no_fingerprint_is_wrong_usage(made: Made, run: Run, typed: str) -> None:
    assert run("archive", "check", made.folder, "--fingerprint", typed).code == 2


def test_what_stands_at_the_target_is_not_touched(made: Made, run: Run, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert restore(run, made, tmp_path / "there", "--fingerprint", made.fingerprint) == 1
    assert os.listdir(tmp_path / "there") == []


def test_what_is_no_package_cannot_be_read(run: Run, tmp_path: Path) -> None:
    assert run("archive", "check", tmp_path).code == 4
    assert run("archive", "check", tmp_path / "nothing").code == 4


def test_a_package_that_cannot_be_made_leaves_nothing(made: Made, run: Run, tmp_path: Path) -> None:
    where = tmp_path / "out"
    where.mkdir()
    ended = run(
        "archive", "make", "-o", where / "new", "--trust", made.trust, "--archive", ARCHIVE,
        "--by", BY, "--verifier", where / "nothing.pyz", "--packet", made.packets[0],
    )  # fmt: skip
    assert ended.code == 4
    assert list(where.iterdir()) == []


def test_nothing_asked_for_is_wrong_usage(made: Made, run: Run, tmp_path: Path) -> None:
    ended = run(
        "archive", "make", "-o", tmp_path / "new", "--trust", made.trust, "--archive", ARCHIVE,
        "--by", BY, "--verifier", made.trust / "logs",
    )  # fmt: skip
    assert ended.code == 2


# --- large ones ------------------------------------------------------------------------------


def test_each_byte_is_read_twice_and_not_once_for_each_packet(tmp_path: Path) -> None:
    """By the manifest, and those of packets by the verifier."""
    read = {}
    for count in (2, 4):
        made = make_package(tmp_path / str(count), *cases()[:1], copies=count)
        taken: list[int] = []
        examined = examine(made.folder, Asked(on_bytes=taken.append))
        assert len(examined.sound) == count
        files = [p for p in made.folder.rglob("*") if p.is_file()]
        packets = sum(p.stat().st_size for p in files if p.suffix == ".zip")
        assert sum(taken) <= sum(p.stat().st_size for p in files) + packets
        read[count] = sum(taken)
    assert read[4] < 2 * read[2]


def test_a_large_item_is_never_in_memory(tmp_path: Path) -> None:
    size = 48 << 20
    case = make_case()
    case.add(evidence("long", 30, {"long.mp4": bytes(size)}), after="record")
    made = make_package(tmp_path / "large", case)
    tracemalloc.start()
    try:
        examined = examine(made.folder, Asked())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert examined.sound == {"01.zip"}
    assert peak < size // 4


def test_with_a_copy_of_the_log_each_case_is_shown_to_be_whole(
    worked: Path, run: Run, tmp_path: Path
) -> None:
    files = {
        p.relative_to(worked / "packet").as_posix(): p.read_bytes()
        for p in (worked / "packet").rglob("*")
        if p.is_file()
    }
    (tmp_path / "p.zip").write_bytes(zip_bytes(files))
    (tmp_path / "v.pyz").write_bytes(A_VERIFIER)
    folder, trust = tmp_path / "handover", ("--trust", worked / "trust")
    names = ("--archive", ARCHIVE, "--by", BY, "--verifier", tmp_path / "v.pyz")
    asked = ("-o", folder, "--packet", tmp_path / "p.zip", *trust)
    assert run("archive", "make", *asked, *names).code == 0
    for more, result in (((), "not_tested"), (("--log", worked / "public"), "passed")):
        ended = run("archive", "check", folder, *trust, *more, "--json")
        assert ended.code == 3  # of a page nobody has typed the fingerprint
        assert lines(ended.out)["whole_case"]["result"] == result
