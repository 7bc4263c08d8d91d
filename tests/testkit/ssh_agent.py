"""A real ssh-agent of a test's own, and keys that come and go in it."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from ledger.tlog.signing_key import SigningKey
from storage.signer_ssh_agent import fingerprint_of, format_strings
from testkit.server import await_that

_LOCK, _UNLOCK, _SUCCESS = 22, 23, b"\0\0\0\1\6"


def need_agent() -> None:
    if not (shutil.which("ssh-agent") and shutil.which("ssh-add")):
        pytest.skip("needs ssh-agent")


def fingerprint(signer: SigningKey) -> str:
    return fingerprint_of(format_strings(b"ssh-ed25519", signer.verifier.public))


@dataclass(frozen=True, slots=True)
class Agent:
    folder: Path

    @property
    def address(self) -> str:
        return str(self.folder / "agent")

    @contextmanager
    def running(self) -> Iterator[None]:
        with subprocess.Popen(["ssh-agent", "-D", "-a", self.address], stdout=-3) as started:
            await_that(self._answers, "the agent")
            try:
                yield
            finally:
                started.terminate()
                started.wait(60)

    def _answers(self) -> bool:
        """Its file is there a moment before it listens."""
        with socket.socket(socket.AF_UNIX) as tried:
            return tried.connect_ex(self.address) == 0

    def add(self, signer: SigningKey) -> None:
        private = Ed25519PrivateKey.from_private_bytes(signer.seed)
        form = Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
        self.add_file(private.private_bytes(*form))

    def add_file(self, text: bytes) -> None:
        file = self.folder / "key"
        file.touch(mode=0o600)
        file.write_bytes(text)
        self._ssh_add("-q", file)

    def remove(self, signer: SigningKey) -> None:
        file = self.folder / "key.pub"
        public = Ed25519PrivateKey.from_private_bytes(signer.seed).public_key()
        file.write_bytes(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
        self._ssh_add("-q", "-d", file)

    def fingerprints(self) -> list[str]:
        """What OpenSSH itself calls the keys."""
        return [line.split()[1] for line in self._ssh_add("-l").splitlines()]

    def lock(self) -> None:
        self._ask(_LOCK)

    def unlock(self) -> None:
        self._ask(_UNLOCK)

    def _ask(self, kind: int) -> None:
        with socket.socket(socket.AF_UNIX) as to_agent:
            to_agent.connect(self.address)
            to_agent.sendall(format_strings(bytes([kind]) + format_strings(b"word")))
            assert to_agent.recv(16) == _SUCCESS

    def _ssh_add(self, *arguments: str | Path) -> str:
        env = os.environ | {"SSH_AUTH_SOCK": self.address}
        done = subprocess.run(
            ["ssh-add", *arguments], env=env, check=True, capture_output=True, text=True
        )
        return done.stdout


@contextmanager
def agent_folder() -> Iterator[Agent]:
    """Where an agent may be started. The path of a socket has 108 bytes at most: those of
    pytest are longer."""
    with tempfile.TemporaryDirectory(prefix="tz-") as folder:
        yield Agent(Path(folder))


@contextmanager
def ssh_agent(*signers: SigningKey) -> Iterator[Agent]:
    """One that runs and holds these keys."""
    with agent_folder() as agent, agent.running():
        for signer in signers:
            agent.add(signer)
        yield agent
