"""Packages of cases of which something is destroyed, withheld or in a second log; and a restore
that ends half way."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.suite import digest
from testkit import case as kit
from testkit.case import Built, Draft, correction, make_case, registration, write_folder
from testkit.keys import key
from testkit.packages import A_VERIFIER, ARCHIVE, BY, Made, lines, make_package, reseal
from testkit.tampering import edit_json, leave_items_out, path_of
from testkit.terminal import Run

GOLDEN = Path(__file__).parents[1] / "golden" / "sequence"
SECOND = key("handler-13.example")


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make_package(tmp_path / "made")


def leave_out(built: Built, name: str, reason: str) -> None:
    for kind in ("salt", "envelope"):
        del built.files[path_of(built, name, kind)]
    leave_items_out(built, built.row(name).draft)
    rows = [{"place": built.place(name).to_text(), "reason": reason, "what": "statement"}]
    edit_json(built, "data/packet.json", lambda value: value.update(withheld=rows))


def destroyed() -> Built:
    case = make_case()
    photo = next(draft for draft in case.drafts if draft.name == "photo")
    said = correction("disposal", 16, photo, batch=2)
    moment = "2026-11-30T11:00:00+08:00"
    predicate = {
        "agency": kit.AGENCY,
        "basis": "机关档案管理规定 33",
        "case": kit.CASE,
        "id": said.predicate["id"],
        "occurred": {"from": moment, "to": moment},
        "reason": "保管期限届满",
        "retention": "years_10",
    }
    by = (kit.HANDLER, SECOND)
    case.drafts[3:3] = [registration(15, SECOND, "handler")]
    case.drafts.append(Draft("disposal", "disposal", predicate, said.subject, by, 2))
    built = case.build()
    leave_out(built, "photo", "destroyed")
    return built


def withheld() -> Built:
    built = make_case().build()
    leave_out(built, "photo", "privacy")
    return built


def handed_over(run: Run, folder: Path, packet: bytes, trust: Path) -> tuple[str, Path]:
    """Made from this packet; its fingerprint, and where it was restored from itself."""
    (folder / "p.zip").write_bytes(packet)
    (folder / "v.pyz").write_bytes(A_VERIFIER)
    made = run(
        "archive", "make", "-o", folder / "handover", "--trust", trust, "--archive", ARCHIVE,
        "--by", BY, "--verifier", folder / "v.pyz", "--packet", folder / "p.zip",
    )  # fmt: skip
    assert made.code == 0, made.out
    page = (folder / "handover.page.txt").read_text(encoding="utf-8")
    digits = " ".join(page.partition("tagmanifest-sha256.txt)\n")[2].split("\n")[:2])
    ended = run(
        "archive", "restore", folder / "handover", "-o", folder / "back", "--fingerprint", digits
    )
    assert ended.code == 0, ended.out
    return digits, folder / "back"


@pytest.mark.parametrize("build", [destroyed, withheld])
def test_what_is_gone_or_withheld_is_no_fault_and_stays_told_in_what_is_restored(
    run: Run, tmp_path: Path, build: object
) -> None:
    built: Built = build()  # type: ignore[operator]
    trust = write_folder(built.trust_files, tmp_path / "trust")
    digits, back = handed_over(run, tmp_path, built.zip_bytes(), trust)
    found = lines(
        run("archive", "check", tmp_path / "handover", "--fingerprint", digits, "--json").out
    )
    assert found["verified"]["result"] == "passed"
    assert found["whole_case"]["result"] == "not_tested"
    listed = (back / "list.txt").read_text(encoding="utf-8")
    assert "BWC_0088.MP4" in listed and "现场照片" not in listed.partition("\n")[2].split("\t")[0]
    again = run("verify", back / "packets/01", "--trust", back / "trust", "--json")
    assert built.place("photo").to_text() in again.out


def test_a_packet_without_a_verdict_is_given_back_as_it_was_handed_over(
    run: Run, tmp_path: Path
) -> None:
    """On the page's word. To keep it back would be to lose it; to call it sound would be a lie."""
    built = make_case().build()
    leave_out(built, "agency", "other_case")
    write_folder(built.trust_files, tmp_path / "trust")
    (tmp_path / "p.zip").write_bytes(built.zip_bytes())
    (tmp_path / "v.pyz").write_bytes(A_VERIFIER)
    package, trust = tmp_path / "handover", ("--trust", tmp_path / "trust")
    made = run(
        "archive", "make", "-o", package, *trust, "--archive", ARCHIVE, "--by", BY,
        "--verifier", tmp_path / "v.pyz", "--packet", tmp_path / "p.zip", "--json",
    )  # fmt: skip
    assert lines(made.out)["verified"]["result"] == "not_tested"
    typed = ("--fingerprint", json.loads(made.out)["fingerprint"])
    assert run("archive", "check", package, *typed).code == 3
    assert run("archive", "restore", package, "-o", tmp_path / "own", *trust).code == 3
    assert not (tmp_path / "own").exists()  # it would rest on the packet's word alone
    assert run("archive", "restore", package, "-o", tmp_path / "back", *typed).code == 3
    given = tmp_path / "back/packets/01"
    found = {
        p.relative_to(given).as_posix(): p.read_bytes() for p in given.rglob("*") if p.is_file()
    }
    assert all(found[path] == data for path, data in built.files.items())


def test_a_case_of_two_logs_is_handed_over_and_restored(run: Run, tmp_path: Path) -> None:
    packet = (GOLDEN / "packet.zip").read_bytes()
    _, back = handed_over(run, tmp_path, packet, GOLDEN / "trust")
    assert run("verify", back / "packets/01", "--trust", back / "trust").code == 0


# --- half way --------------------------------------------------------------------------------

RESTORE = """
import os, sys
from cli.archive import checking
from cli.main import main
if sys.argv[1] == "kill":
    checking._rows = lambda *_: os.kill(os.getpid(), 9)
sys.exit(main(["archive", "restore", *sys.argv[2:]]))
"""


def restore(made: Made, target: Path, how: str = "", size: int = 0) -> int:
    def limit() -> None:
        if size:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    asked = [str(made.folder), "-o", str(target), "--fingerprint", made.fingerprint]
    return subprocess.run(
        [sys.executable, "-c", RESTORE, how, *asked],
        preexec_fn=limit,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    ).returncode


def test_a_restore_that_is_killed_leaves_no_half_of_it_and_the_next_is_whole(
    made: Made, tmp_path: Path
) -> None:
    target = tmp_path / "restored"
    assert restore(made, target, "kill") == -9
    assert not target.exists()
    assert restore(made, target) == 0
    first = digests(target)
    assert restore(made, target) == 1  # nothing is written over
    assert restore(made, tmp_path / "twice") == 0
    assert first == digests(tmp_path / "twice") != {}


def digests(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest(path.read_bytes()) for path in files}


def test_a_disk_that_is_full_leaves_nothing(made: Made, tmp_path: Path) -> None:
    target = tmp_path / "out" / "restored"
    assert restore(made, target, size=1000) not in (0, 3)
    left = list((tmp_path / "out").rglob("*")) if target.parent.exists() else []
    assert left == []


def test_nothing_is_restored_into_the_package_itself(made: Made, run: Run) -> None:
    """It would have files that no manifest knows, and never pass again."""
    for target in (made.folder / "restored", made.folder / "data" / ".." / "data" / "x"):
        ended = run(
            "archive", "restore", made.folder, "-o", target, "--fingerprint", made.fingerprint
        )
        assert (ended.code, "lies in the package" in ended.err) == (1, True)
    assert run("archive", "check", made.folder, "--fingerprint", made.fingerprint).code == 0


# --- the page alone --------------------------------------------------------------------------


def test_the_page_of_one_package_restores_nothing_of_another(
    made: Made, run: Run, tmp_path: Path
) -> None:
    """Sound packets, in a package that somebody has put in the place of this one."""
    other = Path(shutil.copytree(made.folder, tmp_path / "other"))
    (other / "data/packets/02.zip").write_bytes(made.packets[0].read_bytes())
    reseal(other)
    asked = ("-o", tmp_path / "restored", "--fingerprint", made.fingerprint, "--json")
    ended = run("archive", "restore", other, *asked)
    assert ended.code == 1
    assert lines(ended.out)["fingerprint"]["result"] == "failed"
    assert not (tmp_path / "restored").exists()
