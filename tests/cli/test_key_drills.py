"""Lost and stolen keys, with the commands that an operator and a registrar type."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.report import Outcome
from ledger.tlog.signing_key import SigningKey
from ledger.verify import verify_packet
from storage.packets import open_packet
from storage.trust_directory import read_trust
from testkit.key_desk import Desk, open_desk, theft_told, undecided
from testkit.keys import key
from testkit.server import AGENCY, COSIGNERS, HANDLER, ORIGIN, REGISTRAR, STATION, open_ledger
from testkit.terminal import Run


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
def test_of_a_stolen_key_the_old_stands_and_the_thiefs_counts_for_nothing(
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
        said.code == 3 and owner.verifier.keyid in said.out and "compromised since 20" in said.out
    )
    assert "不予计入" in desk.verify(today, "--lang", "zh").out
    trust = read_trust(desk.ledger.folder / "trust")
    packet = open_packet(today)
    report = verify_packet(packet, trust)
    assert Outcome.FAILED not in {f.outcome for f in report.findings}
    assert len(undecided(said, "counts for nothing: seen at")) == 1
    assert "Counts for nothing: 1 statement" in said.out
    assert sum(not item.signed_by for item in report.facts.items) == 1


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
        said = desk.verify(packet)
        assert said.code == desk.verify(yesterday).code == 0
        # Who fetched yesterday's packet: the ledger's own word of after the theft.
        words = " ".join(said.out.split())
        assert ("of the ledger's own." in words) is stolen
        assert ("undecided, since the ledger's key" in words) is stolen
        exported = desk.ledger.custody("exported")
        assert len(exported) == 2
