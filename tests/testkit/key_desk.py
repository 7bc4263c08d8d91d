"""Keys and commands on one desk: what operator, registrar, station and court type at a ledger."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from ledger.encoding import format_time
from ledger.tlog.note import VerifierKey
from ledger.tlog.signing_key import SigningKey
from storage.folder import DataFolder
from storage.next_log import staged_key
from storage.trust_directory import read_trust
from testkit.server import (
    AGENCY,
    CASE,
    REGISTRAR,
    Ledger,
    Office,
    await_that,
    offices,
    open_ledger,
    quiet,
    series_keys,
    serving,
    witnesses,
)
from testkit.terminal import Ended, Run


@dataclass
class Desk:
    ledger: Ledger
    address: str
    folder: Path
    run: Run

    def key(self, signer: SigningKey) -> Path:
        file = self.folder / f"{signer.name}-{signer.verifier.key_id.hex()}.key"
        file.write_text(signer.to_text() + "\n")
        return file

    def as_registrar(self, *more: str) -> Ended:
        usual = ("--registrar", self.key(REGISTRAR), "--server", self.address, "--agency", AGENCY)
        return self.run("register", *usual, *more)

    def register(self, signer: SigningKey, role: str, *more: str) -> Ended:
        return self.as_registrar("--key", signer.verifier.to_text(), "--role", role, *more)

    def deposit(self, name: str, by: SigningKey) -> Ended:
        file = self.folder / f"{name}.jpg"
        file.write_bytes(name.encode())
        usual = ("--case", CASE, "--key", self.key(by), "--server", self.address)
        return self.run("deposit", file, *usual, "--trust", self.ledger.folder / "trust")

    def ask_packet(self, name: str, *more: str) -> Ended:
        token = self.folder / "token"
        token.write_text(self.ledger.token() + "\n")
        usual = ("--server", self.address, "--token-file", token)
        return self.run(
            "packet", CASE, "-o", self.folder / f"{name}.zip", *usual, "--incomplete", *more
        )

    def packet(self, name: str) -> Path:
        self.ledger.await_quorum()
        ended = self.ask_packet(name)
        assert ended.code == 0, ended.err
        return self.folder / f"{name}.zip"

    def verify(self, packet: Path, *more: str | Path) -> Ended:
        return self.run("verify", packet, "--trust", self.ledger.folder / "trust", *more)

    def now(self) -> str:
        return next_second(self.ledger)


def next_second(ledger: Ledger) -> str:
    """A moment that everything so far was seen before."""
    ledger.await_quorum()
    seen = time.time_ns() // 1_000_000_000
    await_that(lambda: time.time_ns() // 1_000_000_000 > seen, "the next second")
    return format_time((seen + 1) * 1000)


@contextmanager
def open_desk(folder: Path, run: Run, people: list[Office] | None = None) -> Iterator[Desk]:
    (folder / "desk").mkdir(exist_ok=True)
    with (
        open_ledger(folder / "ledger", people=people) as ledger,
        serving(ledger.http.app) as address,  # type: ignore[arg-type]
    ):
        yield Desk(ledger, address, folder / "desk", run)


def theft_told(desk: Desk, owner: VerifierKey, role: str, since: str) -> None:
    named = ("--key", owner.to_text(), "--role", role)
    stolen = ("--revoked", "stolen", "--compromised-since", since)
    assert desk.as_registrar(*named, *stolen).code == 0
    back = desk.as_registrar(*named)
    assert back.code == 1 and "does not come back" in back.err


def undecided(said: Ended, words: str) -> set[str]:
    """What the verdict says `words` of."""
    found = [line.strip().removeprefix("- undecided: ") for line in said.out.splitlines()]
    return {line.split(": ")[0] for line in found if words in line}


def next_log(
    folder: Path, run: Run, people: list[Office], origin: str, *more: str
) -> tuple[list[Office], Ended]:
    """Prepares the next log unless that is done, and begins it, with the server stopped.

    The cosigners, who were given its key, and how the second command ended.
    """
    data, registrar = folder / "ledger", folder / "desk" / "registrar.key"
    registrar.write_text(REGISTRAR.to_text() + "\n")
    with quiet(), series_keys():
        if staged_key(DataFolder.open(data)) is None:
            prepared = run("next-log", data, "--origin", origin)
            assert prepared.code == 0, prepared.err
        known = offices(read_trust(data / "next" / "trust"), people)
        for office, before in zip(known, people, strict=True):
            office.away = before.away
        by_url = {w.url: office for w, office in zip(witnesses(), known, strict=True)}
        with patch("api.next_log.HttpCosigner", lambda url: by_url[url]):
            return known, run("next-log", data, "--registrar", registrar, *more)
