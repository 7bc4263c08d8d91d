"""Our server and our cosigner as processes, and what other people's programs do with them.

Used by the tests, and by `record.py`, which keeps what was said.
"""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from api.clients.http import fetch, new_client
from api.founding import Plan, found
from ledger.evidence.statement import Role
from ledger.suite import digest
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import Algorithm, SignedNote, VerifierKey
from ledger.tlog.policy import Cosigned, Policy, Witness
from storage.trust_directory import read_trust
from testkit.keys import cosigner, key
from testkit.server import (
    AGENCY,
    ORIGIN,
    REGISTRAR,
    await_that,
    free_port,
    register,
    series_keys,
)

OURS = [sys.executable, "-c", "from cli.main import main; raise SystemExit(main())"]
LITEWITNESS = cosigner("witness.example/lite")
NOTARY = cosigner("notary.example/w1")
COURT = key("court.example/w2", algorithm=Algorithm.COSIGNATURE_MLDSA44)
TESSERA = key("foreign.example/tessera/2026")

FOUNDED = 2  # entries of a new ledger

Go = Callable[[str], Path]


@contextmanager
def process(command: Sequence[str | Path], **env: str) -> Iterator[subprocess.Popen[str]]:
    """Ended by SIGTERM; what it writes to stderr is for whoever looks at a test that failed."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | env
    ) as started:
        try:
            yield started
        finally:
            started.terminate()
            started.wait(60)


@contextmanager
def ours(*arguments: str | Path) -> Iterator[str]:
    """A command of ours that serves; its address."""
    with process([*OURS, *arguments, "--port", "0"]) as started:
        assert started.stdout is not None
        address = started.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        yield address


# --- a foreign witness, and our log ----------------------------------------------------------


def found_ledger(folder: Path, url: str) -> Policy:
    """A data folder whose policy names litewitness and nobody else."""
    witness = Witness("lite", LITEWITNESS.verifier, url)
    plan = Plan(origin=ORIGIN, agency=AGENCY, registrar=REGISTRAR, cosigners=[witness], quorum=1)
    with series_keys():
        found(folder, plan, time.time_ns() // 1_000_000)
    return read_trust(folder / "trust").logs[0].policy


@contextmanager
def litewitness(go: Go, folder: Path, agent: str, log: VerifierKey) -> Iterator[str]:
    """Torchwood's witness, with its state in `folder`; its address."""
    folder.mkdir(exist_ok=True)
    database, port = folder / "litewitness.db", free_port()
    command: list[str | Path] = [go("litewitness"), "-db", database, "-ssh-agent", agent]
    command += ["-name", LITEWITNESS.name, "-key", digest(LITEWITNESS.verifier.public).hex()]
    with process([*command, "-listen", f"127.0.0.1:{port}"]):
        await_that(lambda: _listens(port), "litewitness")
        _tell_of_log(database, log)
        yield f"http://127.0.0.1:{port}"


def _tell_of_log(database: Path, log: VerifierKey) -> None:
    """What its `witnessctl` does with add-log and add-key; the log begins with no entries."""
    with sqlite3.connect(database) as db:
        if db.execute("SELECT 1 FROM log WHERE origin = ?", (log.name,)).fetchone() is None:
            root = b64encode(digest(b"")).decode()
            db.execute("INSERT INTO log VALUES (?, 0, ?)", (log.name, root))
            db.execute("INSERT INTO key VALUES (?, ?)", (log.name, log.to_text()))
    db.close()


def file_statements(address: str, count: int, first: int) -> None:
    """Registrations of keys: the statements that need no upload.

    Again until they are taken: a ledger that starts waits only a few seconds for the witness.
    """
    envelopes = [
        register(key(f"station-{n}.example"), Role.STATION) for n in range(first, first + count)
    ]
    url, body, said = f"{address}/v1/statements", b"\n".join(envelopes), [(0, b"")]
    with new_client() as client:

        def taken() -> bool:
            said[0] = fetch(client, "POST", url, 1 << 20, content=body)
            return said[0][0] != 503

        await_that(taken, "a ledger that takes statements", why=lambda: str(said[0]))
    assert said[0][0] == 200 and b"problem" not in said[0][1], said


def await_cosigned(address: str, policy: Policy, size: int) -> Cosigned:
    """What the server publishes, once it has this size and the policy's quorum."""
    ends = time.monotonic() + 60
    with new_client() as client:
        while time.monotonic() < ends:
            status, data = fetch(client, "GET", f"{address}/log/2026/checkpoint", 1 << 16)
            if status == 200:
                cosigned = policy.open(SignedNote.from_bytes(data))
                if cosigned.checkpoint.size == size and cosigned.quorum_time is not None:
                    return cosigned
            time.sleep(0.05)
    raise AssertionError(f"a cosigned tree of {size} did not come")


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


# --- a foreign log, and our cosigner ---------------------------------------------------------


def our_cosigner(folder: Path) -> AbstractContextManager[str]:
    """`tiezheng cosign` for the log of Tessera, with its state in `folder`."""
    folder.mkdir(exist_ok=True)
    file = folder / "notary.key"
    file.write_text(NOTARY.to_text())
    log = TESSERA.verifier.to_text()
    return ours("cosign", "--key", file, "--log", log, "--state", folder / "state")


def tessera_policy(url: str) -> str:
    return f"witness notary {NOTARY.verifier.to_text()} {url}\nquorum notary\n"


def tessera_add(go: Go, log: Path, policy: str, entries: Sequence[bytes], scratch: Path) -> None:
    """Tessera's own command adds entries, and ends once its policy's witnesses have signed."""
    subprocess.run(_adding(go, log, policy, entries, scratch), check=True, timeout=120)


def tessera_tries(
    go: Go,
    log: Path,
    policy: str,
    entries: Sequence[bytes],
    scratch: Path,
    until: Callable[[], bool],
) -> None:
    """The same where a witness does not sign: it asks again and again, `until` it is ended."""
    with subprocess.Popen(_adding(go, log, policy, entries, scratch)) as started:
        try:
            await_that(lambda: until() or started.poll() is not None, "what it is to try")
            assert started.poll() is None, "it has ended"
        finally:
            started.kill()


def _adding(
    go: Go, log: Path, policy: str, entries: Sequence[bytes], scratch: Path
) -> list[str | Path]:
    scratch.mkdir()
    for n, entry in enumerate(entries):
        (scratch / f"{n:05}").write_bytes(entry)
    (scratch / "policy").write_text(policy)
    (scratch / "skey").write_text(TESSERA.to_text())
    return [
        *(go("posix-oneshot"), "-storage_dir", log, "-entries", f"{scratch}/0*"),
        *("-private_key", scratch / "skey", "-witness_policy_file", scratch / "policy"),
    ]


def checkpoint_of(log: Path, policy: Policy) -> Cosigned:
    return policy.open(SignedNote.from_bytes((log / "checkpoint").read_bytes()))


def size_of(request: str) -> int:
    """The size of the tree that an add-checkpoint request brings."""
    return Checkpoint.from_text(SignedNote.from_text(request.partition("\n\n")[2]).text).size
