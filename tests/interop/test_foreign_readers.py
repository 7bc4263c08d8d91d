"""Our public log, read by programs that do not know us; and altered, refused by them."""

import json
import shutil
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from api.app import create_app
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from storage.trust_directory import read_trust
from testkit.case import LOG
from testkit.public_logs import SIZES
from testkit.server import open_ledger, serving

pytestmark = pytest.mark.timeout(600)  # the first test of a Go program builds it

Go = Callable[[str], Path]
Reader = Callable[[Path], str]  # of a log's folder; "" if it is sound, or what is wrong

SEQUENCE = Path(__file__).parents[1] / "golden" / "sequence"
SECOND_READER = Path(__file__).parent / "second_reader.py"
VKEY = LOG.verifier.to_text()


def _ended(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def _logcheck(go: Go, public: Path, vkey: str = VKEY) -> str:
    ended = _ended(go("logcheck"), "-vkey", vkey, public)
    return ended.stderr if ended.returncode else ""


def _fsck(go: Go, url: str, vkey: Path) -> str:
    # A worker that meets a bad tile is gone; with the one of the default it waits for ever.
    options = ("-N", "4", "-ui=false", "-logtostderr")
    ended = _ended(go("fsck"), *options, "-storage_url", url, "-public_key", vkey)
    # It ends with 0 whatever it found: only its words tell.
    sound = "Successfully fsck'd" in ended.stderr and "fsck failed" not in ended.stderr
    return "" if sound else ended.stderr or "silent"


def _second_reader(public: Path) -> str:
    ended = _ended(sys.executable, "-I", SECOND_READER, "log", public, public.parent / "policy")
    return ended.stderr if ended.returncode else ""


@pytest.fixture(params=["logcheck", "fsck", "second_reader"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Reader:
    if request.param == "second_reader":
        return _second_reader
    go = request.getfixturevalue("go")
    if request.param == "logcheck":
        return lambda public: _logcheck(go, public)
    vkey = tmp_path / "log.vkey"
    vkey.write_text(VKEY)
    return lambda public: _fsck(go, f"file://{public}", vkey)


@pytest.mark.parametrize("size", SIZES)
def test_a_program_that_does_not_know_us_reads_the_whole_log(
    reader: Reader, logs: Path, size: int
) -> None:
    assert reader(logs / str(size) / "public") == ""


@pytest.mark.parametrize("size", SIZES)
def test_go_s_own_packages_see_our_tree(go: Go, logs: Path, size: int) -> None:
    public = logs / str(size) / "public"
    ended = _ended(go("logcheck"), "-vkey", VKEY, public)
    said = json.loads(ended.stdout)
    ours = Checkpoint.from_text(SignedNote.from_bytes((public / "checkpoint").read_bytes()).text)
    assert said["root"] == b64encode(ours.root).decode()
    assert (said["origin"], said["size"], said["entries"]) == (ours.origin, size, size)
    assert said["record_proofs"] == said["tree_proofs"] >= min(size, 30)


def test_fsck_reads_the_log_over_our_server(go: Go, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"a picture"))
        ledger.await_quorum()
        vkey = tmp_path / "log.vkey"
        vkey.write_text(ledger.trust.logs[0].policy.log.to_text())
        with serving(create_app(ledger.services)) as address:
            assert _fsck(go, f"{address}/log/2026/", vkey) == ""


@pytest.mark.parametrize("label", ["2026", "2027"])
def test_each_of_two_logs_is_one_that_a_program_reads_by_itself(
    go: Go, tmp_path: Path, label: str
) -> None:
    """A closed log, and the one that came after it: what joins them is nothing that they read."""
    shutil.copytree(SEQUENCE / "public" / label, tmp_path / "public")
    shutil.copy(SEQUENCE / "trust" / "policy" / label, tmp_path / "policy")
    log = read_trust(SEQUENCE / "trust").log(label)
    assert log is not None
    vkey = tmp_path / "log.vkey"
    vkey.write_text(log.policy.log.to_text())
    assert _logcheck(go, tmp_path / "public", vkey.read_text()) == ""
    assert _fsck(go, f"file://{tmp_path / 'public'}", vkey) == ""
    assert _second_reader(tmp_path / "public") == ""


# --- altered logs ----------------------------------------------------------------------------


def _flip(file: Path, at: int = -1) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2 if at < 0 else at] ^= 1
    file.write_bytes(data)


def _shorten(file: Path, by: int) -> None:
    file.write_bytes(file.read_bytes()[:-by])


def _swap_entries(file: Path) -> None:
    data = file.read_bytes()
    first = 2 + int.from_bytes(data[:2], "big")
    second = first + 2 + int.from_bytes(data[first : first + 2], "big")
    assert data[:first] != data[first:second]
    file.write_bytes(data[first:second] + data[:first] + data[second:])


def _edit_checkpoint(public: Path, line: int, edit: Callable[[str], str]) -> None:
    lines = (public / "checkpoint").read_text().split("\n")
    before, lines[line] = lines[line], edit(lines[line])
    assert lines[line] != before
    (public / "checkpoint").write_text("\n".join(lines))


def _other_base64(text: str) -> str:
    data = bytearray(b64decode(text))
    data[-1] ^= 1
    return b64encode(data).decode()


def _other_signature(line: str) -> str:
    head, _, value = line.rpartition(" ")
    return f"{head} {_other_base64(value)}"


ALTERED: dict[str, Callable[[Path], None]] = {
    "a byte of a bundle": lambda log: _flip(log / "tile/entries/000"),
    "a byte of the last bundle": lambda log: _flip(log / "tile/entries/001.p/1"),
    "two entries changed places": lambda log: _swap_entries(log / "tile/entries/000"),
    "a bundle cut short": lambda log: _shorten(log / "tile/entries/000", 20),
    "a bundle that is missing": lambda log: (log / "tile/entries/000").unlink(),
    "a byte of a tile": lambda log: _flip(log / "tile/0/000"),
    "a byte of the last tile": lambda log: _flip(log / "tile/0/001.p/1"),
    "a byte of an upper tile": lambda log: _flip(log / "tile/1/000.p/1"),
    "a tile cut short": lambda log: _shorten(log / "tile/0/000", 32),
    "a tile that is missing": lambda log: (log / "tile/0/001.p/1").unlink(),
    "another size": lambda log: _edit_checkpoint(log, 1, lambda size: str(int(size) - 1)),
    "another root": lambda log: _edit_checkpoint(log, 2, _other_base64),
    "another origin": lambda log: _edit_checkpoint(log, 0, lambda origin: origin + "x"),
    "a byte of the log's signature": lambda log: _edit_checkpoint(log, 4, _other_signature),
}


@pytest.mark.parametrize("altered", ALTERED)
def test_a_program_that_does_not_know_us_refuses_an_altered_log(
    reader: Reader, logs: Path, tmp_path: Path, altered: str
) -> None:
    copy = shutil.copytree(logs / "257", tmp_path / "log")
    ALTERED[altered](copy / "public")
    assert reader(copy / "public") != ""


def test_a_program_that_does_not_know_us_refuses_a_flipped_byte_among_seventy_thousand(
    reader: Reader, logs: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(logs / "70000", tmp_path / "log")
    _flip(copy / "public/tile/entries/200", at=1000)
    assert reader(copy / "public") != ""
