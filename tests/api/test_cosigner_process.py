"""`tiezheng cosign` as a process, asked over HTTP."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from ledger import suite
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.note import SignedNote, VerifierKey
from testkit.histories import BRANCH, LOG, TREE
from testkit.keys import cosigner
from testkit.softhsm import COSIGNER, LABEL, MODULE, need_token
from testkit.ssh_agent import fingerprint, need_agent, ssh_agent

NOTARY = cosigner("notary.example/w1")
LAST = f"/{suite.digest(LOG.name.encode()).hex()}/checkpoint"


@dataclass(frozen=True, slots=True)
class Serving:
    client: httpx2.Client
    pid: int

    def ask(self, body: bytes) -> httpx2.Response:
        return self.client.post("/add-checkpoint", content=body)

    def last(self) -> SignedNote:
        return SignedNote.from_bytes(self.client.get(LAST).content)


@contextmanager
def serving(state: Path, *words: Any, **env: str) -> Iterator[Serving]:
    command = [sys.executable, "-c", "from cli.main import main; raise SystemExit(main())"]
    command += ["cosign", "--log", LOG.verifier.to_text(), "--state", str(state), "--port", "0"]
    with subprocess.Popen(
        [*command, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | env,
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), address
            with httpx2.Client(base_url=address, timeout=60, trust_env=False) as client:
                yield Serving(client, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def check_signed(answer: httpx2.Response, checkpoint: Checkpoint, key: VerifierKey) -> None:
    assert answer.status_code == 200, answer.text
    note = SignedNote.from_bytes(checkpoint.to_text().encode() + b"\n" + answer.content)
    assert check_cosignature(note, checkpoint, key) is not None


# --- keys that stay elsewhere ------------------------------------------------------------------


def test_while_its_agent_does_not_sign_a_cosigner_signs_and_stores_nothing(tmp_path: Path) -> None:
    need_agent()
    with ssh_agent(NOTARY) as agent:
        named = f"ssh-agent:{NOTARY.name}={fingerprint(NOTARY)}"
        env = {"SSH_AUTH_SOCK": agent.address}
        with serving(tmp_path / "state", "--key", named, **env) as cosigning:
            first = cosigning.ask(TREE.request(0, 5).to_bytes())
            check_signed(first, TREE.checkpoint(5), NOTARY.verifier)
            before = cosigning.last()

            agent.remove(NOTARY)
            for _ in range(2):
                refused = cosigning.ask(TREE.request(5, 9).to_bytes())
                assert refused.status_code == 503 and "ssh-agent" in refused.text
            # The same size with the same tree needs a signature too; another tree is no less one.
            assert cosigning.ask(TREE.request(5, 5).to_bytes()).status_code == 503
            assert cosigning.ask(BRANCH.request(5, 9).to_bytes()).status_code == 422
            assert cosigning.last() == before

            agent.add(NOTARY)
            again = cosigning.ask(TREE.request(5, 9).to_bytes())
            check_signed(again, TREE.checkpoint(9), NOTARY.verifier)
            same = cosigning.ask(TREE.request(9, 9).to_bytes())
            check_signed(same, TREE.checkpoint(9), NOTARY.verifier)
        with serving(tmp_path / "state", "--key", named, **env) as cosigning:
            stale = cosigning.ask(BRANCH.request(0, 7).to_bytes())
            assert (stale.status_code, stale.text) == (409, "9\n")


def test_a_key_in_a_token_cosigns_and_is_the_same_after_a_restart(tmp_path: Path) -> None:
    pin = need_token().pin_file
    words = ["--key", f"pkcs11:{NOTARY.name}={LABEL}/{COSIGNER}"]
    words += ["--token-module", str(MODULE), "--token-pin", str(pin)]
    lines = set()
    for old, size in ((0, 5), (5, 9)):
        with serving(tmp_path / "state", *words) as cosigning:
            assert cosigning.ask(TREE.request(old, size).to_bytes()).status_code == 200
            note = cosigning.last()
        (line,) = [line for line in note.signatures if line.name == NOTARY.name]
        lines.add(line.key_id)
    assert len(lines) == 1
