import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.clients.http import fetch, new_client
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import Algorithm, SignedNote
from ledger.tlog.signing_key import SigningKey
from storage.folder_lock import FolderLock
from storage.trust_directory import read_trust
from testkit.server import COSIGNERS, ORIGIN, REGISTRAR, open_ledger, quiet, series_keys, template
from testkit.terminal import Run

COMMAND = [sys.executable, "-c", "from cli.main import main; raise SystemExit(main())"]


@pytest.fixture(autouse=True)
def no_journal() -> Iterator[None]:
    """The command starts one on a stream that ends with the test."""
    with quiet():
        yield


@pytest.fixture
def init(run: Run, tmp_path: Path) -> Iterator[Any]:
    """`tiezheng init` with a series key that needs no making."""
    registrar = tmp_path / "registrar.key"
    registrar.write_text(REGISTRAR.to_text())

    def init(*more: str | Path, origin: str = ORIGIN) -> Any:
        usual = ("--origin", origin, "--agency", "agency-01", "--registrar", registrar)
        return run("init", tmp_path / "data", *usual, *more)

    with series_keys():
        yield init


@contextmanager
def server(folder: Path, *more: str, **env: str) -> Iterator[Any]:
    """The command as a process of its own."""
    with subprocess.Popen(
        [*COMMAND, "server", str(folder), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | env,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(template(), tmp_path / "ledger"))


def test_a_new_ledger_has_a_trust_folder_to_give_away(init: Any, tmp_path: Path) -> None:
    options = [f"{c.verifier.to_text()}@https://{c.name}/w" for c in COSIGNERS]
    ended = init(*[part for option in options for part in ("--cosigner", option)], "--json")
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    trust = read_trust(Path(said["trust"]))
    assert said["log"] == "2026"
    assert said["key"] == trust.logs[0].policy.log.to_text()
    assert [w.key for w in trust.logs[0].policy.witnesses] == [c.verifier for c in COSIGNERS]
    assert "2" in (tmp_path / "data" / "trust" / "policy" / "2026").read_text().split()


def test_an_office_with_two_keys_is_one_cosigner_and_signs_with_both(init: Any) -> None:
    office, other, third = COSIGNERS
    second = SigningKey(office.name, Algorithm.COSIGNATURE_MLDSA44, b"2" * 32)
    options = [f"{c.verifier.to_text()}@https://a" for c in (office, second, other, third)]
    ended = init(*[part for option in options for part in ("--cosigner", option)], "--json")
    assert ended.code == 0, ended.err
    policy = read_trust(Path(json.loads(ended.out)["trust"])).logs[0].policy
    both = {office.verifier.keyid, second.verifier.keyid}
    assert policy.overlap == 1
    assert policy.quorum_time({other.name: 1, third.name: 2}) == 2
    assert policy.quorum_time({other.name: 1, office.verifier.keyid: 2}) is None
    assert policy.quorum_time({other.name: 1} | dict.fromkeys(both, 3)) == 3


def test_a_server_without_its_seal_key_says_so_and_ends(folder: Path) -> None:
    (folder / "keys" / "seal-1.key").unlink()
    with server(folder, "--port", "0") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "sealed, and no wrapping key is here" in err and "put seal-1.key back" in err


def test_private_keys_are_for_their_owner_only(init: Any, tmp_path: Path) -> None:
    assert init().code == 0
    keys = list((tmp_path / "data" / "keys").iterdir())
    assert len(keys) == 5
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}
    assert REGISTRAR.to_text().encode() not in b"".join(key.read_bytes() for key in keys)


def test_without_cosigners_it_says_what_that_is_worth(init: Any) -> None:
    ended = init()
    assert ended.code == 0
    assert "no court can believe this log" in ended.err


@pytest.mark.parametrize("origin", ["", "x", "example.org/log", "a b/2026", "a/2026/", "a/99"])
def test_an_origin_ends_in_its_year(init: Any, tmp_path: Path, origin: str) -> None:
    ended = init(origin=origin)
    assert ended.code in (1, 2)
    assert not (tmp_path / "data").exists()
    assert "unexpected" not in ended.err and "in tiezheng itself" not in ended.err


@pytest.mark.parametrize("text", ["x", "x@https://a", f"{COSIGNERS[0].verifier.to_text()}@ftp://a"])
def test_a_cosigner_is_a_key_and_an_address(init: Any, text: str) -> None:
    assert init("--cosigner", text).code == 2


@pytest.mark.parametrize(
    ("count", "more", "reason"),
    [
        (2, ("--quorum", "1"), "honest cosigners can sign two histories"),
        (3, ("--quorum", "1"), "at least 2"),
        (3, ("--quorum", "2", "--executive", "court.example", "--executive", "notary.example"),
         "the executive's 2 cosigners are a quorum"),
        (1, ("--executive", COSIGNERS[0].name), "every cosigner belongs to the executive"),
        (3, ("--executive", "police.example"), "'police.example' is none of the cosigners"),
    ],
)  # fmt: skip
def test_a_policy_on_which_no_court_could_rest_is_refused(
    init: Any, tmp_path: Path, count: int, more: tuple[str, ...], reason: str
) -> None:
    options = [f"{c.verifier.to_text()}@https://{c.name}" for c in COSIGNERS[:count]]
    ended = init(*[p for o in options for p in ("--cosigner", o)], *more)
    assert ended.code == 1 and reason in ended.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("executive", "quorum"), [((), 2), (("notary",), 2), (("notary", "court"), 3)]
)
def test_by_default_a_quorum_has_somebody_from_outside(
    init: Any, tmp_path: Path, executive: tuple[str, ...], quorum: int
) -> None:
    options = [f"{c.verifier.to_text()}@https://{c.name}" for c in COSIGNERS]
    inside = [part for name in executive for part in ("--executive", f"{name}.example")]
    assert init(*[p for o in options for p in ("--cosigner", o)], *inside).code == 0
    policy = read_trust(tmp_path / "data" / "trust").logs[0].policy
    assert policy.groups[-1].threshold == quorum


@pytest.mark.parametrize(("count", "quorum"), [(1, "2"), (3, "4")])
def test_a_quorum_is_not_larger_than_the_cosigners(
    init: Any, tmp_path: Path, count: int, quorum: str
) -> None:
    options = [f"{c.verifier.to_text()}@https://{c.name}" for c in COSIGNERS[:count]]
    ended = init(*[p for o in options for p in ("--cosigner", o)], "--quorum", quorum)
    assert ended.code == 1
    assert not (tmp_path / "data").exists()


def test_a_folder_that_is_not_empty_is_left_alone(init: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "letter.txt").write_text("dear")
    ended = init()
    assert ended.code == 1
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["letter.txt"]


def test_a_missing_registrars_key_is_named(run: Run, tmp_path: Path) -> None:
    ended = run(
        *("init", tmp_path / "data", "--origin", ORIGIN, "--agency", "a"),
        *("--registrar", tmp_path / "none.key"),
    )
    assert ended.code == 4
    assert "none.key" in ended.err


# --- server ----------------------------------------------------------------------------------


def test_a_server_prints_its_address_answers_and_ends_in_order(folder: Path) -> None:
    with server(folder, "--port", "0") as process:
        address = process.stdout.readline().strip()
        with new_client() as client:
            assert fetch(client, "GET", f"{address}/healthz", 100) == (200, b'{"status":"up"}')
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    with FolderLock(folder / "lock"):
        pass
    note = SignedNote.from_bytes((folder / "public" / "2026" / "checkpoint").read_bytes())
    with open_ledger(folder) as ledger:
        assert Checkpoint.from_text(note.text).size == ledger.services.log.size


def test_ctrl_c_ends_a_server_too(folder: Path) -> None:
    with server(folder, "--port", "0") as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


# Between the address and the reading of requests, where an exception goes nowhere.
IN_A_CALLBACK = """
import signal
from cli import output
from cli.main import main

class Ends:
    def __del__(self):
        signal.raise_signal(signal.{name})

output.note = lambda text: Ends()
raise SystemExit(main())
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 0)])
def test_a_signal_is_not_lost_wherever_it_comes(folder: Path, name: str, code: int) -> None:
    arguments = [sys.executable, "-c", IN_A_CALLBACK.format(name=name), "server", str(folder)]
    ended = subprocess.run([*arguments, "--port", "0"], capture_output=True, timeout=60, text=True)
    assert ended.returncode == code, ended.stderr


def test_a_second_server_on_the_folder_is_refused(folder: Path) -> None:
    with open_ledger(folder), server(folder, "--port", "0") as process:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert out == ""
        assert f"is in use by process {os.getpid()}" in err


def test_a_port_that_is_taken_is_said(folder: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        server(folder, "--port", str(other.getsockname()[1])) as process,
    ):
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (4, "")
    assert "in use" in err
    assert "Traceback" not in err


def test_a_bad_certificate_is_said_before_the_address(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tls.pem").write_text("no certificate")
    tls = {"TIEZHENG_TLS_CERTIFICATE": str(tmp_path / "tls.pem")}
    tls["TIEZHENG_TLS_KEY"] = tls["TIEZHENG_TLS_CERTIFICATE"]
    with server(folder, "--port", "0", **tls) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (4, "")
    assert "Traceback" not in err


def test_a_misspelt_setting_is_named(run: Run, folder: Path) -> None:
    (folder / "tiezheng.toml").write_text("prot = 1\n")
    ended = run("server", folder)
    assert ended.code == 1
    assert "'prot'" in ended.err


def test_a_key_without_certificate_is_refused(run: Run, folder: Path) -> None:
    (folder / "tiezheng.toml").write_text('tls_key = "key.pem"\n')
    assert "tls_certificate and tls_key together" in run("server", folder).err


def test_where_no_ledger_is_none_is_served(run: Run, tmp_path: Path) -> None:
    ended = run("server", tmp_path)
    assert ended.code == 1
    assert "no ledger in" in ended.err
