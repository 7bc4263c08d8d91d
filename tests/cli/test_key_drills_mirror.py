"""A lost and a stolen mirror's key: its absence statements before and after, by command."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.absences import MirroredLog
from api.clients.log_http import HttpLog
from api.following import Follower
from api.mirror import create_mirror_app, follow
from api.state import say_state
from ledger.tlog.signing_key import SigningKey
from storage.tag_index_sqlite import SqliteTagIndex
from testkit.key_desk import Desk, open_desk, theft_told, undecided
from testkit.keys import key
from testkit.mirrors import MIRROR
from testkit.server import STATION, serving
from testkit.terminal import Ended, Run

NEW = key(MIRROR.name, "second")


@pytest.fixture
def desk(tmp_path: Path, run: Run) -> Iterator[Desk]:
    with open_desk(tmp_path, run) as desk:
        yield desk


@contextmanager
def mirroring(desk: Desk, signer: SigningKey) -> Iterator[str]:
    """The mirror, started with that key; it goes on with the copy that it has."""
    source, index = HttpLog(f"{desk.address}/log"), SqliteTagIndex(desk.folder / "tags.sqlite")
    log_key = desk.ledger.trust.logs[0].policy.log
    mirrored = MirroredLog(Follower(log_key, source, desk.folder / "mirror"), index, signer)
    # Else the ledger says it when the packet is made, and the mirror is behind.
    say_state(desk.ledger.services)
    desk.ledger.await_quorum()
    follow(mirrored)
    try:
        with serving(create_mirror_app([mirrored])) as address:
            yield address
    finally:
        index.close()
        source.close()


def packet(desk: Desk, name: str, mirror: str) -> Path:
    ended = desk.ask_packet(name, "--absence", mirror)
    assert ended.code == 0, ended.err
    return desk.folder / f"{name}.zip"


def verify(desk: Desk, of: Path, *mirrors: SigningKey) -> Ended:
    """With a trust folder that names these mirrors."""
    trust = desk.folder / "court"
    shutil.rmtree(trust, ignore_errors=True)
    shutil.copytree(desk.ledger.folder / "trust", trust)
    (trust / "mirrors").write_text("".join(f"{m.verifier.to_text()}\n" for m in mirrors))
    return desk.run("verify", of, "--trust", trust, "--require", "complete")


def test_a_mirror_that_lost_its_key_speaks_with_another(desk: Desk) -> None:
    assert desk.deposit("old", STATION).code == 0
    with mirroring(desk, MIRROR) as address:
        before = packet(desk, "before", address)
    assert verify(desk, before, MIRROR).code == 0
    with mirroring(desk, NEW) as address:
        after = packet(desk, "after", address)
    # Until the folder names the new key the mirror is a stranger to it.
    assert verify(desk, after, MIRROR).code == 3
    assert verify(desk, after, NEW).code == verify(desk, after, MIRROR, NEW).code == 0
    # What it said before stays its word for who keeps the old line.
    assert verify(desk, before, MIRROR, NEW).code == 0
    assert verify(desk, before, NEW).code == 3


@pytest.mark.parametrize("told", ["lost", "stolen"])
def test_a_withdrawn_mirrors_word_counts_in_no_later_packet(desk: Desk, told: str) -> None:
    assert desk.deposit("old", STATION).code == 0
    since = desk.now()
    with mirroring(desk, MIRROR) as address:
        before = packet(desk, "before", address)
    if told == "stolen":
        theft_told(desk, MIRROR.verifier, "mirror", since)
    else:
        assert desk.register(MIRROR, "mirror", "--revoked", "lost").code == 0
    # The thief's mirror, or the old one that nobody has stopped.
    with mirroring(desk, MIRROR) as address:
        after = packet(desk, "after", address)
    said = verify(desk, after, MIRROR)
    assert said.code == 3
    words = f"the key of {MIRROR.name} was withdrawn: it vouches for nothing"
    assert undecided(said, words)
    assert f"the mirror key {MIRROR.verifier.keyid} does not count since" in said.out
    # The mirror's new key speaks for the packet; the withdrawn one beside it does no harm.
    with mirroring(desk, NEW) as address:
        again = packet(desk, "again", address)
    assert verify(desk, again, MIRROR, NEW).code == 0
    # A packet of before does not know of the theft: who has the new folder drops the line there.
    assert verify(desk, before, MIRROR).code == 0
    assert verify(desk, before, NEW).code == 3
