import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import SigningKey, sign_checkpoint, sign_note
from storage.cosigner_copy import CosignerCopy
from storage.folder_lock import FolderLock
from testkit.keys import key
from testkit.log_server import LogServer, Trick
from testkit.server import COSIGNERS, STATION, quiet
from testkit.terminal import Run

LOG_KEY = key("ledger.example/enforcement/2026")
LOG = LOG_KEY.verifier.to_text()


@pytest.fixture(autouse=True)
def no_journal() -> Iterator[None]:
    """The command starts one on a stream that ends with the test."""
    with quiet():
        yield


@pytest.fixture
def office_key(tmp_path: Path) -> Path:
    file = tmp_path / "notary.key"
    file.write_text(COSIGNERS[0].to_text())
    return file


def test_an_ordinary_key_cannot_cosign(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "station.key"
    file.write_text(STATION.to_text())
    ended = run("cosign", "--key", file, "--log", LOG, "--state", tmp_path / "state")
    assert ended.code == 2
    assert "--kind cosigner" in ended.err
    assert not (tmp_path / "state").exists()


def test_two_cosigners_never_share_a_state(run: Run, tmp_path: Path, office_key: Path) -> None:
    (tmp_path / "state").mkdir()
    with FolderLock(tmp_path / "state" / "lock"):
        ended = run("cosign", "--key", office_key, "--log", LOG, "--state", tmp_path / "state")
    assert ended.code == 1
    assert "in use by process" in ended.err


@pytest.mark.parametrize("log", ["x", STATION.to_text()])
def test_a_log_that_is_no_key_is_one_of_usage(
    run: Run, tmp_path: Path, office_key: Path, log: str
) -> None:
    ended = run("cosign", "--key", office_key, "--log", log, "--state", tmp_path / "state")
    assert ended.code == 2
    assert STATION.to_text().rpartition("+")[2] not in ended.err


def test_a_cosigner_answers_and_ends_in_order(tmp_path: Path, office_key: Path) -> None:
    from api.clients.http import fetch, new_client

    command: list[Any] = [sys.executable, "-c", "from cli.main import main; exit(main())"]
    command += ["cosign", "--key", office_key, "--log", LOG]
    command += ["--state", tmp_path / "state", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        address = process.stdout.readline().strip()
        with new_client() as client:
            status, _ = fetch(client, "POST", f"{address}/add-checkpoint", 1000, content=b"x")
        assert status == 400
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert COSIGNERS[0].verifier.to_text() in process.stderr.read()
    with FolderLock(tmp_path / "state" / "lock"):
        pass


def misspelt() -> list[tuple[list[str], str]]:
    both = ["--token-module", "x.so", "--token-pin", "pin"]
    return [
        (["ssh-agent:"], "want ssh-agent:NAME=SHA256:…"),
        (["ssh-agent:notary.example"], "want ssh-agent:NAME=SHA256:…"),
        (["ssh-agent:two words=SHA256:x"], "want a key name without spaces"),
        (["pkcs11:notary.example=office", *both], "as TOKEN/KEY"),
        (["pkcs11:notary.example=/cosigner", *both], "as TOKEN/KEY"),
        (["pkcs11:=office/cosigner", *both], "want a key name"),
        (["pkcs11:notary.example=office/cosigner"], "want --token-module and --token-pin"),
    ]


@pytest.mark.parametrize(("words", "reason"), misspelt())
def test_a_misspelt_key_is_one_of_usage(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str], reason: str
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "none"))
    ended = run("cosign", "--log", LOG, "--state", tmp_path / "state", "--key", *words)
    assert ended.code == 2 and reason in ended.err
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("agent", [None, "none"])
def test_without_its_agent_a_cosigner_does_not_start(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, agent: str | None
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    if agent is not None:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / agent))
    named = "ssh-agent:notary.example=SHA256:x"
    ended = run("cosign", "--log", LOG, "--state", tmp_path / "state", "--key", named)
    # 4, not 1: a unit that ended so is started again, until the agent is there.
    assert ended.code == 4 and "ssh-agent" in ended.err
    assert not (tmp_path / "state").exists()


def test_a_file_whose_name_looks_like_a_reference_is_still_reached(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ssh-agent:x").write_text(COSIGNERS[0].to_text())
    ended = run("keygen", "--from", "./ssh-agent:x")
    assert ended.out == COSIGNERS[0].verifier.to_text() + "\n"


class Published(BaseHTTPRequestHandler):
    """A log's public address, of which only the checkpoint is asked."""

    note = b""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/log/checkpoint" else 404)
        self.end_headers()
        self.wfile.write(self.note)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def published() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Published)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/log"
    server.shutdown()
    thread.join()
    server.server_close()


def cosigned_by(signer: SigningKey, size: int) -> SignedNote:
    checkpoint = Checkpoint(LOG_KEY.name, size, bytes(range(32)))
    lines = sign_note(checkpoint.to_text(), LOG_KEY), sign_checkpoint(checkpoint, signer, 1)
    return SignedNote(checkpoint.to_text(), lines)


@pytest.mark.parametrize("where", ["copy", "address"])
def test_one_that_has_forgotten_what_it_signed_does_not_start(
    run: Run, tmp_path: Path, office_key: Path, published: str, where: str
) -> None:
    note = cosigned_by(COSIGNERS[0], 7)
    Published.note = note.to_bytes()
    CosignerCopy(tmp_path / "copy").keep(note)
    more = ("--copy", tmp_path / "copy") if where == "copy" else ("--watch", published)
    ended = run("cosign", "--key", office_key, "--log", LOG, "--state", tmp_path / "state", *more)
    assert ended.code == 1
    assert "cosigned a tree of 7 entries" in ended.err
    assert "go on under a new key only" in ended.err
    with FolderLock(tmp_path / "state" / "lock"):
        pass


@pytest.mark.parametrize("trick", [Trick.DRIP_HEAD, Trick.DRIP, Trick.STALL])
def test_a_log_s_server_cannot_keep_a_cosigner_from_starting(
    run: Run, tmp_path: Path, office_key: Path, monkeypatch: pytest.MonkeyPatch, trick: Trick
) -> None:
    """It goes on without that server, here to the copy, which ends the test."""
    monkeypatch.setattr("cli.cosign.WITHIN_S", 0.3)
    copy, state = tmp_path / "copy", tmp_path / "state"
    CosignerCopy(copy).keep(cosigned_by(COSIGNERS[0], 7))
    with LogServer(tmp_path) as server:
        server.trick = {"/log/checkpoint": trick}
        watch = ("--watch", server.url, "--copy", copy)
        ended = run("cosign", "--key", office_key, "--log", LOG, "--state", state, *watch)
    assert "not held against this log: no answer from" in ended.err
    assert "cosigned a tree of 7 entries" in ended.err


def test_a_damaged_copy_is_named(run: Run, tmp_path: Path, office_key: Path) -> None:
    CosignerCopy(tmp_path / "copy").keep(cosigned_by(COSIGNERS[0], 7))
    (path,) = (tmp_path / "copy").rglob("checkpoint")
    path.write_bytes(b"x")
    state = tmp_path / "state"
    ended = run(
        "cosign", "--key", office_key, "--log", LOG, "--state", state, "--copy", tmp_path / "copy"
    )
    assert ended.code == 1 and str(path) in ended.err
