"""A package on a clean machine: itself, a Python without any package, and 64 digits from paper."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from portable import build
from testkit.once import once, session_folder
from testkit.packages import Made, lines, make_package

pytestmark = pytest.mark.timeout(600)  # the first build fetches its wheels

READER = "data/reader/tiezheng-verify.pyz"
Ended = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    def make(folder: Path) -> None:
        build.build(folder / "tiezheng-verify.pyz")

    pyz = once(session_folder(tmp_path_factory) / "pyz", make) / "tiezheng-verify.pyz"
    return make_package(tmp_path_factory.mktemp("clean"), verifier=pyz.read_bytes())


@pytest.fixture
def reader(made: Made, tmp_path: Path) -> "Reader":
    return Reader(made, tmp_path)


class Reader:
    """Nothing of ours is on his machine: no site-packages, no variable, no package but its own."""

    def __init__(self, made: Made, folder: Path) -> None:
        self._made, self._folder = made, folder
        (folder / "tmp").mkdir(mode=0o700)

    def __call__(self, *args: str) -> Ended:
        command = [sys.executable, "-I", "-S", READER, *args]
        return subprocess.run(
            command,
            cwd=self._made.folder,
            env={"TMPDIR": str(self._folder / "tmp"), "PATH": os.defpath},
            capture_output=True,
            check=False,
            text=True,
        )


def typed(page: str, after: str) -> str:
    """The digits that stand below these words on the printed page, as somebody types them."""
    below = page.partition(after)[2].split("\n")[1:3]
    return " ".join(below)


def test_the_page_tells_the_verifier_in_the_package_from_another(made: Made) -> None:
    """SHA-256 needs no program of ours."""
    digits = re.sub(r"\s", "", typed(made.page, READER))
    assert hashlib.sha256((made.folder / READER).read_bytes()).hexdigest() == digits


def test_it_is_restored_from_itself_and_the_printed_page(
    made: Made, reader: Reader, tmp_path: Path
) -> None:
    digits = typed(made.page, "tagmanifest-sha256.txt)")
    target = tmp_path / "restored"
    ended = reader("archive", "restore", ".", "-o", str(target), "--fingerprint", digits, "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert lines(ended.stdout)["verified"]["result"] == "passed"
    packets = sorted(path for path in (target / "packets").iterdir())
    again = reader(*map(str, packets), "--trust", str(target / "trust"))
    assert again.returncode == 0
    assert again.stdout.count("Verdict: PASSED\n") == len(packets) == 2


def test_of_a_packet_changed_since_the_page_was_printed_nothing_is_restored(
    made: Made, reader: Reader, tmp_path: Path
) -> None:
    path = made.folder / "data/packets/02.zip"
    before = path.read_bytes()
    path.write_bytes(before[:-30] + bytes([before[-30] ^ 1]) + before[-29:])
    try:
        target = tmp_path / "restored"
        ended = reader("archive", "restore", ".", "-o", str(target), "--fingerprint",
                       made.fingerprint, "--json")  # fmt: skip
    finally:
        path.write_bytes(before)
    assert ended.returncode == 1
    assert lines(ended.stdout)["fixity"]["names"] == ["data/packets/02.zip"]
    assert [path.name for path in (target / "packets").iterdir()] == ["01"]


def test_the_report_is_the_one_of_the_installed_command(made: Made, reader: Reader) -> None:
    digits = ("--fingerprint", made.fingerprint)
    installed = subprocess.run(
        [str(Path(sys.executable).with_name("tiezheng")), "archive", "check", ".", *digits],
        cwd=made.folder,
        env={"PATH": os.defpath},
        capture_output=True,
        check=False,
        text=True,
    )
    ended = reader("archive", "check", ".", *digits)
    assert (ended.returncode, installed.returncode) == (0, 0)
    undated = re.compile(r"^As of: .*$", re.MULTILINE)
    assert undated.sub("", ended.stdout) == undated.sub("", installed.stdout) != ""


def test_it_makes_no_package(reader: Reader, tmp_path: Path) -> None:
    ended = reader("archive", "make", "x", "-o", str(tmp_path / "x"), "--trust", "data/trust",
                   "--archive", "a", "--by", "b", "--verifier", READER)  # fmt: skip
    assert ended.returncode == 4
    assert "this file fetches nothing" in ended.stderr
