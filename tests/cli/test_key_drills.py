"""Lost and stolen keys, with the commands that an operator and a registrar type."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.encoding import format_time
from ledger.report import Outcome
from ledger.tlog.note import VerifierKey
from ledger.tlog.signing_key import SigningKey
from ledger.verify import verify_packet
from storage.packets import open_packet
from storage.trust_directory import read_trust
from testkit.keys import key
from testkit.server import (
    AGENCY,
    CASE,
    COSIGNERS,
    HANDLER,
    ORIGIN,
    REGISTRAR,
    STATION,
    Ledger,
    Office,
    await_that,
    open_ledger,
    serving,
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

    def register(self, signer: SigningKey, role: str, *more: str) -> Ended:
        usual = ("--registrar", self.key(REGISTRAR), "--server", self.address, "--agency", AGENCY)
        vkey = signer.verifier.to_text()
        return self.run("register", *usual, "--key", vkey, "--role", role, *more)

    def deposit(self, name: str, by: SigningKey) -> Ended:
        file = self.folder / f"{name}.jpg"
        file.write_bytes(name.encode())
        usual = ("--case", CASE, "--key", self.key(by), "--server", self.address)
        return self.run("deposit", file, *usual, "--trust", self.ledger.folder / "trust")

    def ask_packet(self, name: str) -> Ended:
        token = self.folder / "token"
        token.write_text(self.ledger.token() + "\n")
        usual = ("--server", self.address, "--token-file", token)
        return self.run("packet", CASE, "-o", self.folder / f"{name}.zip", *usual)

    def packet(self, name: str) -> Path:
        self.ledger.await_quorum()
        ended = self.ask_packet(name)
        assert ended.code == 0, ended.err
        return self.folder / f"{name}.zip"

    def verify(self, packet: Path, *more: str | Path) -> Ended:
        return self.run("verify", packet, "--trust", self.ledger.folder / "trust", *more)

    def now(self) -> str:
        """A moment that everything so far was seen before."""
        self.ledger.await_quorum()
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


@pytest.fixture
def desk(tmp_path: Path, run: Run) -> Iterator[Desk]:
    with open_desk(tmp_path, run) as desk:
        yield desk


PEOPLE = [(STATION, "station"), (HANDLER, "handler")]


@pytest.mark.parametrize(("owner", "role"), PEOPLE, ids=["station", "handler"])
def test_a_lost_key_is_replaced_under_its_name(desk: Desk, owner: SigningKey, role: str) -> None:
    assert desk.deposit("before", owner).code == 0
    new = key(owner.name, "second")
    assert desk.register(owner, role, "--revoked", "lost").code == 0
    assert desk.register(new, role).code == 0
    found = desk.deposit("found", owner)
    assert found.code == 1 and "the request's signature fails" in found.err
    back = desk.register(owner, role)
    assert back.code == 1 and "does not come back" in back.err
    assert desk.deposit("after", new).code == 0
    assert "FAILED" not in desk.verify(desk.packet("both")).out


@pytest.mark.parametrize(("owner", "role"), PEOPLE, ids=["station", "handler"])
def test_of_a_stolen_key_the_old_stands_and_the_thiefs_falls(
    desk: Desk, owner: SigningKey, role: str
) -> None:
    assert desk.deposit("old", owner).code == 0
    since = desk.now()
    yesterday = desk.packet("yesterday")
    assert desk.deposit("forged", owner).code == 0  # nobody knows yet
    stolen = ("--revoked", "stolen", "--compromised-since", since)
    assert desk.register(owner, role, *stolen).code == 0
    late = desk.deposit("late", owner)
    assert late.code == 1 and "the request's signature fails" in late.err
    today = desk.packet("today")
    assert desk.verify(yesterday).code == 0
    said = desk.verify(today)
    assert (
        said.code == 1 and owner.verifier.keyid in said.out and "compromised since 20" in said.out
    )
    assert "签名不可采信" in desk.verify(today, "--lang", "zh").out
    trust = read_trust(desk.ledger.folder / "trust")
    packet = open_packet(today)
    report = verify_packet(packet, trust)
    failed = [f for f in report.findings if f.outcome is Outcome.FAILED and f.step == "signature"]
    assert len(failed) == 1


def test_of_a_stolen_cosigners_key_the_verdict_tells(desk: Desk) -> None:
    assert desk.deposit("old", STATION).code == 0
    since = desk.now()
    stolen = ("--revoked", "stolen", "--compromised-since", since)
    assert desk.register(COSIGNERS[0], "cosigner", *stolen).code == 0
    packet = desk.packet("today")
    keyid = COSIGNERS[0].verifier.keyid
    assert f"the cosigner key {keyid} does not count since" in desk.verify(packet).out
    assert f"联合签名人的密钥 {keyid}" in desk.verify(packet, "--lang", "zh").out


def test_a_lost_registrar_stops_registrations_and_nothing_else(desk: Desk) -> None:
    other = key("registrar.example", "second")
    assert desk.deposit("before", STATION).code == 0
    file = desk.key(other)
    refused = desk.run(
        *("register", "--registrar", file, "--server", desk.address, "--agency", AGENCY),
        *("--key", key("x.example").verifier.to_text(), "--role", "station"),
    )
    assert refused.code == 1 and "want the registrar" in refused.err
    assert desk.deposit("after", STATION).code == 0


def test_the_end_of_a_series_key_is_told(desk: Desk) -> None:
    print_ = read_trust(desk.ledger.folder / "trust").series["2026"].fingerprint
    usual = ("--registrar", desk.key(REGISTRAR), "--server", desk.address, "--agency", AGENCY)
    assert desk.run("register", *usual, "--series", f"2026={print_}").code == 2
    told = ("--series", f"2026={print_}", "--revoked", "stolen")
    assert desk.run("register", *usual, *told).code == 0
    assert desk.run("register", *usual, "--series", "2026=x", "--revoked", "x").code == 2
    assert desk.deposit("after", STATION).code == 0
    said = desk.verify(packet := desk.packet("told")).out
    assert "FAILED" not in said and "the series key of 2026 ended (stolen)" in said
    assert "2026 年度的序列密钥已终止（stolen）" in desk.verify(packet, "--lang", "zh").out


def test_without_its_series_key_a_year_takes_nothing_more(tmp_path: Path, run: Run) -> None:
    with open_ledger(tmp_path / "ledger"):
        pass
    for file in (tmp_path / "ledger" / "keys").glob("series-2026.private.pem"):
        file.unlink()
    with open_ledger(tmp_path / "ledger") as ledger:
        size = ledger.services.log.size
        (answer,) = ledger.file(ledger.evidence(b"x"))
        assert "no series key of 2026" in answer["detail"]
        assert ledger.services.log.size == size


def theft_told(desk: Desk, owner: VerifierKey, role: str, since: str) -> None:
    usual = ("--registrar", desk.key(REGISTRAR), "--server", desk.address, "--agency", AGENCY)
    named = ("--key", owner.to_text(), "--role", role)
    stolen = ("--revoked", "stolen", "--compromised-since", since)
    assert desk.run("register", *usual, *named, *stolen).code == 0
    back = desk.run("register", *usual, *named)
    assert back.code == 1 and "does not come back" in back.err


def undecided(said: Ended, words: str) -> set[str]:
    """What the verdict says `words` of."""
    found = [line.strip().removeprefix("- undecided: ") for line in said.out.splitlines()]
    return {line.split(": ")[0] for line in found if words in line}


def test_a_stolen_log_key_lowers_what_no_quorum_had_seen_and_nothing_else(desk: Desk) -> None:
    log = read_trust(desk.ledger.folder / "trust").logs[0].policy.log
    assert desk.deposit("old", STATION).code == 0
    since = desk.now()
    yesterday = desk.packet("yesterday")
    theft_told(desk, log, "log", since)
    public = ("--log", desk.ledger.folder / "public")
    told = f"the log key {log.keyid} does not count since"

    # Nothing of the case is younger than the theft: its items stand. What the log holds now is
    # shown by the stolen key alone, so nobody can say that nothing is missing.
    quiet = desk.packet("quiet")
    said = desk.verify(quiet)
    assert said.code == 0 and told in said.out
    (seen,) = [line for line in said.out.splitlines() if "Seen by the quorum" in line]
    assert "no longer counts, since a key was withdrawn (it says " in seen
    assert log.keyid in desk.verify(quiet, "--lang", "zh").out
    complete = desk.verify(quiet, *public, "--require", "complete")
    assert complete.code == 3
    assert undecided(complete, "the checkpoint has no quorum") == {"log 2026"}

    assert desk.deposit("late", STATION).code == 0  # the ledger does not stop by itself
    said = desk.verify(desk.packet("today"), *public)
    assert said.code == 3 and told in said.out
    (late,) = undecided(said, "no quorum had seen it")
    assert late.endswith("(late.jpg)")
    assert desk.verify(yesterday, *public, "--require", "complete").code == 0


def test_what_a_stolen_registrars_key_registered_is_undecided(desk: Desk) -> None:
    registrar = read_trust(desk.ledger.folder / "trust").registrar
    assert desk.deposit("old", STATION).code == 0
    since = desk.now()
    yesterday = desk.packet("yesterday")
    forged = key("thief.example")
    assert desk.register(forged, "handler").code == 0
    entry = desk.ledger.services.log.size - 1
    assert desk.deposit("forged", forged).code == 0
    theft_told(desk, registrar, "registrar", since)
    said = desk.verify(desk.packet("today"))
    assert said.code == 3
    assert f"the registrar key {registrar.keyid} does not count since" in said.out
    assert undecided(said, "registrar's key no longer") == {f"entry 2026-{entry}"}
    assert desk.verify(yesterday).code == 0


@pytest.mark.slow  # the command asks for a minute whether the ledger can show something by now
@pytest.mark.parametrize("stolen", [False, True], ids=["lost", "stolen"])
def test_a_ledger_without_its_key_shows_nothing_until_it_has_a_new_one(
    tmp_path: Path, run: Run, stolen: bool
) -> None:
    file = tmp_path / "ledger" / "keys" / "ledger.key"
    with open_desk(tmp_path, run) as desk:
        assert desk.deposit("old", STATION).code == 0
        since = desk.now()
        old = SigningKey.from_text(file.read_text().strip())
        new = key(old.name, "second")
        yesterday = desk.packet("yesterday")
        person = ("--person", ORIGIN)
        why = ("--revoked", "stolen", "--compromised-since", since) if stolen else ()
        ended = desk.register(old, "ledger", *person, *(why or ("--revoked", "lost")))
        assert ended.code == 0
        assert desk.register(new, "ledger", *person).code == 0
        back = desk.register(old, "ledger", *person)
        assert back.code == 1 and "does not come back" in back.err
        # Nobody reads without a line in the log that counts.
        refused = desk.ask_packet("refused")
        assert refused.code == 4 and "refused the custody statement" in refused.err
        assert desk.deposit("meanwhile", STATION).code == 0  # taking in needs no ledger key
        people = desk.ledger.offices
    file.write_text(new.to_text() + "\n")
    with open_desk(tmp_path, run, people) as desk:
        packet = desk.packet("today")
        assert desk.verify(packet).code == desk.verify(yesterday).code == 0
        exported = desk.ledger.custody("exported")
        assert len(exported) == 2
