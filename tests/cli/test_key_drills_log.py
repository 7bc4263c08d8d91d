"""A lost and a stolen log key, with the commands that an operator and a registrar type."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.trust_directory import read_trust
from testkit.key_desk import Desk, next_log, open_desk, theft_told, undecided
from testkit.sequence import labels
from testkit.server import COSIGNERS, ORIGIN, STATION, Office
from testkit.terminal import Run

NEXT = ORIGIN + "-2"


@pytest.fixture
def desk(tmp_path: Path, run: Run) -> Iterator[Desk]:
    with open_desk(tmp_path, run) as desk:
        yield desk


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


def without_its_key(folder: Path, run: Run) -> tuple[list[Office], int, Path]:
    """A ledger whose log key is lost, its cosigners, its size, and a packet of before."""
    with open_desk(folder, run) as desk:
        assert desk.deposit("old", STATION).code == 0
        packet = desk.packet("yesterday")
        size = desk.ledger.services.log.size
    (folder / "ledger" / "keys" / "log.key").unlink()
    return desk.ledger.offices, size, packet


def test_a_log_whose_key_is_lost_ends_and_the_next_one_opens(tmp_path: Path, run: Run) -> None:
    people, size, yesterday = without_its_key(tmp_path, run)
    data = tmp_path / "ledger"
    old = read_trust(data / "trust").logs[0].policy.log
    refused = run("server", data, "--port", "0")
    assert refused.code == 1 and "next-log --log-key-lost" in refused.err, refused
    people, plain = next_log(tmp_path, run, people, NEXT)
    assert plain.code == 1 and "the key of the log is not here" in plain.err
    assert labels(data) == [(ORIGIN, size)]
    people, begun = next_log(tmp_path, run, people, NEXT, "--log-key-lost")
    assert begun.code == 0, begun.err
    assert begun.out.startswith(f"{ORIGIN} is closed with {size} entries; {NEXT} is open")
    # Again: it says the same, whatever is asked.
    for more in ((), ("--log-key-lost",)):
        again = run("next-log", data, "--registrar", tmp_path / "desk" / "registrar.key", *more)
        assert (again.code, again.out) == (0, begun.out), again.err
    with open_desk(tmp_path, run, people) as desk:
        assert desk.deposit("after", STATION).code == 0
        desk.now()
        lost = ("--key", old.to_text(), "--role", "log", "--revoked", "lost")
        assert desk.as_registrar(*lost).code == 0
        public = ("--log", data / "public")
        said = desk.verify(desk.packet("today"), *public, "--require", "complete", "--json")
        assert said.code == 0, said.out
        assert f"this log ended with {size} entries, as 2026-2-0 says" in said.out
        # The packet of before does not say where the log ended.
        said = desk.verify(yesterday)
        assert said.code == 3 and undecided(said, "where this one ended is not shown")


def test_without_its_quorum_a_log_whose_key_is_lost_stays_open(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_desk(tmp_path, run) as desk:
        desk.ledger.await_quorum()
        for office in desk.ledger.offices[:2]:
            office.away = True
        assert desk.deposit("unseen", STATION).code == 0
        size = desk.ledger.services.log.size
    (tmp_path / "ledger" / "keys" / "log.key").unlink()
    with monkeypatch.context() as impatient:
        impatient.setattr("api.next_log.QUORUM_S", 0.5)
        people, refused = next_log(tmp_path, run, desk.ledger.offices, NEXT, "--log-key-lost")
    assert refused.code == 4 and "has no quorum" in refused.err
    assert labels(tmp_path / "ledger") == [(ORIGIN, size)]
    # They sign what the key has signed before it was lost.
    for office in people:
        office.away = False
    _, begun = next_log(tmp_path, run, people, NEXT, "--log-key-lost")
    assert begun.out.startswith(f"{ORIGIN} is closed with {size} entries"), begun.err


def test_a_log_whose_key_is_here_is_not_closed_as_if_it_were_lost(tmp_path: Path, run: Run) -> None:
    with open_desk(tmp_path, run) as desk:
        size = desk.ledger.services.log.size
    people = desk.ledger.offices
    _, refused = next_log(tmp_path, run, people, NEXT, "--log-key-lost")
    assert refused.code == 1 and "leave --log-key-lost out" in refused.err
    assert labels(tmp_path / "ledger") == [(ORIGIN, size)]


def test_who_finds_the_lost_key_cannot_go_on_with_it(tmp_path: Path, run: Run) -> None:
    """A copy of the folder of before, with the key: its cosigners know no more than it holds."""
    with open_desk(tmp_path, run) as desk:
        assert desk.deposit("old", STATION).code == 0
        desk.ledger.await_quorum()
        size = desk.ledger.services.log.size
    found = tmp_path / "found"
    shutil.copytree(tmp_path / "ledger", found / "ledger")
    (tmp_path / "ledger" / "keys" / "log.key").unlink()
    people, begun = next_log(tmp_path, run, desk.ledger.offices, NEXT, "--log-key-lost")
    assert begun.code == 0, begun.err
    shown = tmp_path / "shown.zip"
    with open_desk(found, run, people) as finder:
        assert finder.deposit("dated back", STATION).code == 0
        finder.packet("forged").rename(shown)
    said = run("verify", shown, "--trust", tmp_path / "ledger" / "trust")
    assert said.code == 3 and undecided(said, "where this one ended is not shown")
    with open_desk(tmp_path, run, people) as desk:
        desk.ledger.await_everyone()  # or files come and go while they are copied
        copy = shutil.copytree(tmp_path / "ledger" / "public", tmp_path / "copy")
        shutil.copytree(found / "ledger" / "public" / "2026", copy / "2026", dirs_exist_ok=True)
        said = run("audit", copy, "--trust", desk.ledger.folder / "trust")
        assert said.code == 1 and f"of a log that ended with {size}" in said.out


def test_a_log_whose_key_was_stolen_ends_where_the_next_one_says(tmp_path: Path, run: Run) -> None:
    with open_desk(tmp_path, run) as desk:
        log = read_trust(desk.ledger.folder / "trust").logs[0].policy.log
        assert desk.deposit("old", STATION).code == 0
        theft_told(desk, log, "log", desk.now())
    people, begun = next_log(tmp_path, run, desk.ledger.offices, NEXT)
    assert begun.code == 0, begun.err
    with open_desk(tmp_path, run, people) as desk:
        assert desk.deposit("new", STATION).code == 0
        packet = desk.packet("today")
        said = desk.verify(packet, "--log", desk.ledger.folder / "public", "--require", "complete")
        assert said.code == 0, said.out
        assert f"the log key {log.keyid} does not count since" in said.out


def test_of_a_log_whose_cosigners_keys_were_stolen_too_nobody_says_where_it_ended(
    tmp_path: Path, run: Run
) -> None:
    with open_desk(tmp_path, run) as desk:
        log = read_trust(desk.ledger.folder / "trust").logs[0].policy.log
        since = desk.now()
        assert desk.deposit("late", STATION).code == 0
        theft_told(desk, log, "log", since)
        for signer in COSIGNERS[:2]:
            theft_told(desk, signer.verifier, "cosigner", since)
    people, begun = next_log(tmp_path, run, desk.ledger.offices, NEXT)
    assert begun.code == 0, begun.err
    with open_desk(tmp_path, run, people) as desk:
        said = desk.verify(desk.packet("today"))
        assert said.code == 3 and undecided(said, "no quorum has seen where this log ended")
