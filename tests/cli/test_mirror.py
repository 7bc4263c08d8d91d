"""The command: a copy that others can use, whole after any kill, and its word in a packet."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.clients.http import fetch, new_client
from ledger.evidence.absence import open_absence
from ledger.tlog.note import Algorithm, VerifierKey
from storage.folder_lock import FolderLock
from testkit.growing_log import LOG, ORIGIN, GrowingLog, tags_of
from testkit.keys import cosigner, key
from testkit.log_server import LogServer, Trick
from testkit.mirrors import MIRROR
from testkit.server import quiet
from testkit.ssh_agent import fingerprint, need_agent, ssh_agent
from testkit.terminal import Run

VKEY = LOG.verifier.to_text()
AT = ("--at", "2027-01-01T00:00:00+08:00")  # of two reports that are compared


@pytest.fixture(autouse=True)
def no_journal() -> Iterator[None]:
    with quiet():
        yield


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    return GrowingLog(tmp_path / "log" / "2026").grow(600)


@pytest.fixture
def server(log: GrowingLog) -> Iterator[LogServer]:
    with LogServer(log.folder.parent) as started:
        yield started


@pytest.fixture
def mirror_key(tmp_path: Path) -> Path:
    file = tmp_path / "mirror.key"
    file.write_text(MIRROR.to_text())
    return file


def start(*args: str | Path) -> "subprocess.Popen[str]":
    words: list[Any] = [sys.executable, "-c", "from cli.main import main; exit(main())", "mirror"]
    return subprocess.Popen(
        [*words, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@contextmanager
def serving(*args: str | Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    with start(*args, "--port", "0") as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def test_once_makes_a_copy_that_audit_takes(
    run: Run, server: LogServer, log: GrowingLog, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    ended = run("mirror", server.url, "--data", data, "--log", VKEY, "--once")
    assert (ended.code, ended.out) == (0, "2026: 600 entries kept\n")
    public = data / "public" / "2026"
    assert (public / "checkpoint").read_bytes() == (log.folder / "checkpoint").read_bytes()
    log.grow(10)
    again = run("mirror", f"{server.url}/2026", "--data", data, "--log", VKEY, "--once")
    assert (again.code, again.out) == (0, "2026: 610 entries kept\n")


def test_a_trust_folder_says_which_logs_and_whose_quorum(
    run: Run, worked: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with LogServer(worked / "public") as server:
        ended = run("mirror", server.url, "--data", data, "--trust", worked / "trust", "--once")
    assert ended.code == 0, ended.err
    audit = run("audit", data / "public", "--trust", worked / "trust")
    assert audit.code == 0, audit.out
    asked = ("verify", worked / "packet", "--trust", worked / "trust", *AT)
    said = [run(*asked, "--log", copy).out for copy in (worked / "public", data / "public")]
    assert said[0] == said[1]


def test_without_a_quorum_nothing_is_kept(run: Run, worked: Path, tmp_path: Path) -> None:
    checkpoint = worked / "public" / "2026" / "checkpoint"
    checkpoint.write_text(checkpoint.read_text().split("\n— notary")[0] + "\n")
    with LogServer(worked / "public") as server:
        words = ("--data", tmp_path / "d", "--trust", worked / "trust", "--once")
        ended = run("mirror", server.url, *words)
    assert ended.code == 1
    assert "no quorum" in ended.err
    assert not (tmp_path / "d" / "public" / "2026" / "checkpoint").exists()


def test_two_histories_end_with_a_proof_that_verify_takes(
    run: Run, server: LogServer, tmp_path: Path, worked: Path
) -> None:
    data = tmp_path / "data"
    run("mirror", server.url, "--data", data, "--log", VKEY, "--once")
    server.folder = GrowingLog(tmp_path / "fork" / "2026").grow(700, "other").folder.parent
    for _ in range(2):
        ended = run("mirror", server.url, "--data", data, "--log", VKEY, "--once")
        assert ended.code == 1
        assert "two histories" in ended.err
    (proof,) = (data / "fraud").iterdir()
    assert "tiezheng fraud 1" in proof.read_text()


def test_a_server_that_is_away_is_exit_code_4(run: Run, server: LogServer, tmp_path: Path) -> None:
    server.trick = {"/log/2026/checkpoint": Trick.ERROR}
    ended = run("mirror", server.url, "--data", tmp_path / "d", "--log", VKEY, "--once")
    assert ended.code == 4


def test_a_damaged_copy_stops_it_and_is_named(run: Run, server: LogServer, tmp_path: Path) -> None:
    words = ("mirror", server.url, "--data", tmp_path / "d", "--log", VKEY, "--once")
    assert run(*words).code == 0
    (tmp_path / "d/public/2026/tile/1/000.p/2").write_bytes(bytes(64))
    ended = run(*words)
    assert ended.code == 1
    assert "the copy of" in ended.err and "tiezheng audit" in ended.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "either --log or --trust"),
        (("--log", VKEY, "--trust", "t"), "either --log or --trust"),
        (("--log", "x"), "--log"),
        (("--log", VKEY, "--log", key(f"other.example/{ORIGIN}").verifier.to_text()), "each label"),
    ],
)
def test_wrong_usage_is_named(run: Run, tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    ended = run("mirror", "http://127.0.0.1:1/log", "--data", tmp_path / "d", *args)
    assert ended.code == 2
    assert said in ended.err
    assert not (tmp_path / "d").exists()


def test_a_folder_is_no_address(run: Run, tmp_path: Path) -> None:
    ended = run("mirror", tmp_path, "--data", tmp_path / "d", "--log", VKEY)
    assert ended.code == 2


def test_the_key_with_which_one_cosigns_is_refused(
    run: Run, server: LogServer, tmp_path: Path
) -> None:
    file = tmp_path / "notary.key"
    file.write_text(cosigner("notary.example").to_text())
    ended = run("mirror", server.url, "--data", tmp_path / "d", "--log", VKEY, "--key", file)
    assert ended.code == 2
    assert "--kind statement" in ended.err


def test_two_mirrors_never_share_a_folder(run: Run, server: LogServer, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    with FolderLock(tmp_path / "d" / "lock"):
        ended = run("mirror", server.url, "--data", tmp_path / "d", "--log", VKEY, "--once")
    assert ended.code == 1
    assert "in use by process" in ended.err


def test_it_serves_answers_and_ends_in_order(
    server: LogServer, log: GrowingLog, tmp_path: Path, mirror_key: Path
) -> None:
    words = (server.url, "--data", tmp_path / "d", "--log", VKEY, "--every", "1")
    with serving(*words, "--key", mirror_key) as (address, process), new_client() as http:
        absence = ask(http, f"{address}/log/2026/absence/600", MIRROR.verifier)
        assert [found.entry for found in absence.found] == [3]
        log.grow(1)
        ask(http, f"{address}/log/2026/absence/601", MIRROR.verifier)
    assert process.returncode == 0


def ask(http: Any, url: str, mirror: VerifierKey) -> Any:
    ends = time.monotonic() + 60
    while True:
        status, data = fetch(http, "POST", url, 1 << 20, content=tags_of(3)[0])
        if status == 200:
            return open_absence(data, [mirror])[0]
        assert status in (429, 503) and time.monotonic() < ends, data
        time.sleep(0.05)


def test_its_key_may_stay_in_an_agent(
    server: LogServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_agent()
    signer = cosigner("mirror.example")
    with ssh_agent(signer) as agent:
        monkeypatch.setenv("SSH_AUTH_SOCK", agent.address)
        name = f"ssh-agent:mirror.example={fingerprint(signer)}"
        words = (server.url, "--data", tmp_path / "d", "--log", VKEY, "--key", name)
        with serving(*words) as (address, _), new_client() as http:
            public = VerifierKey("mirror.example", Algorithm.ED25519, signer.verifier.public)
            ask(http, f"{address}/log/2026/absence/600", public)


def test_killed_at_any_moment_it_shows_what_is_whole_and_goes_on(
    run: Run, server: LogServer, log: GrowingLog, tmp_path: Path
) -> None:
    """Killed again and again while the log grows; what lies there is audited each time."""
    seed = int.from_bytes(os.urandom(4), "big")
    dice = random.Random(seed)
    data = tmp_path / "data"
    words = (server.url, "--data", data, "--log", VKEY, "--once")
    before = 0
    for _ in range(4):
        log.grow(dice.randrange(1, 3000))
        with start(*words) as process:
            lock = data / "lock"
            ends = time.monotonic() + 60
            # From the moment it has begun, not while Python is still loading.
            while not lock.exists() or lock.read_text() != f"{process.pid}\n":
                assert time.monotonic() < ends, f"seed {seed}"
                time.sleep(0.002)
            time.sleep(dice.random() * 0.1)
            process.kill()
        kept = check_whole(data / "public" / "2026")
        assert before <= kept <= log.size, f"seed {seed}"
        before = kept
    ended = run(*map(str, ("mirror", *words)))
    assert ended.code == 0, f"seed {seed}: {ended.err}"
    assert check_whole(data / "public" / "2026") == log.size


def check_whole(public: Path) -> int:
    """The size of the tree that is shown; every entry and tile of it is there and right."""
    from ledger.tlog.audit import read_log
    from ledger.tlog.checkpoint import open_checkpoint
    from ledger.tlog.note import SignedNote
    from storage.public_copy import DirectoryLog

    if not (public / "checkpoint").exists():
        return 0
    note = SignedNote.from_bytes((public / "checkpoint").read_bytes())
    checkpoint = open_checkpoint(note, LOG.verifier)
    copy = DirectoryLog(public)
    for _ in read_log(lambda path: copy.read("2026", path), checkpoint, tiles=True):
        pass
    return checkpoint.size
