import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.folder_lock import FolderLock
from testkit.keys import key
from testkit.server import COSIGNERS, STATION, quiet
from testkit.terminal import Run

LOG = key("ledger.example/enforcement/2026").verifier.to_text()


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
        assert process.wait(20) == 0
        assert COSIGNERS[0].verifier.to_text() in process.stderr.read()
    with FolderLock(tmp_path / "state" / "lock"):
        pass
