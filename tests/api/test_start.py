"""What a ledger asks before it goes on: its cosigners, at every start."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from api.services import open_services
from ledger.errors import Unavailable
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.log import Log
from storage.trust_directory import read_trust
from testkit.server import (
    Ledger,
    Office,
    await_that,
    offices,
    open_ledger,
    renew_template,
    template,
)


def people() -> list[Office]:
    return offices(read_trust(template() / "trust"))


def statuses(ledger: Ledger) -> list[dict[str, Any]]:
    rows = ledger.services.store.rows(0, ledger.services.log.size)
    payloads = [Envelope.from_bytes(r.envelope).payload for r in rows if r.kind == "status"]
    return [dict(Statement.from_bytes(payload).predicate) for payload in payloads]


def go_on_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with `tiezheng server --alone`, from here on."""
    original = open_services
    monkeypatch.setattr("testkit.server.open_services", lambda *args: original(*args, alone=True))


def test_a_disk_of_yesterday_is_noticed_and_signs_nothing(tmp_path: Path) -> None:
    """Not restored by anybody who would have said so: a machine set back to a snapshot."""
    known = people()
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        ledger.accept(ledger.evidence(b"one"))
    shutil.copytree(tmp_path / "ledger", tmp_path / "snapshot")
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        ledger.accept(ledger.evidence(b"two"))
        ledger.await_quorum()
        size = ledger.services.log.size
    with open_ledger(tmp_path / "snapshot", people=known) as ledger:
        reason = ledger.services.log.problem()
        assert f"knows {size}" in reason and "restore the newest backup" in reason
        assert "its word" not in reason
        assert ledger.http.get("/readyz").status_code == 503
        answer = ledger.http.post("/v1/statements", content=ledger.evidence(b"three"))
        assert answer.status_code == 503
        assert ledger.services.log.size < size
        # What is public stays readable.
        assert ledger.http.get(f"/log/{ledger.services.log.label}/checkpoint").status_code == 200


def test_a_cosigner_that_knows_more_is_believed_even_alone(tmp_path: Path) -> None:
    known = people()
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        ledger.accept(ledger.evidence(b"one"))
        ledger.await_quorum()
    shutil.copytree(tmp_path / "ledger", tmp_path / "snapshot")
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        ledger.accept(ledger.evidence(b"two"))
        await_that(
            lambda: (
                known[2].service.state.last(ledger.services.log.origin)[0].size  # type: ignore[index]
                == ledger.services.log.size
            ),
            "the archive's cosignature",
        )
    known[0].away = known[1].away = True
    with open_ledger(tmp_path / "snapshot", people=known) as ledger:
        assert "archive knows" in ledger.services.log.problem()


def test_if_nobody_answers_it_waits_and_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.resuming.RETRY_S", (0.05,))
    known = people()
    for office in known:
        office.away = True
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        assert "no cosigner says what it knows" in ledger.services.log.problem()
        envelope = ledger.evidence(b"one")
        assert ledger.http.post("/v1/statements", content=envelope).status_code == 503
        known[1].away = False
        await_that(lambda: not ledger.services.log.problem(), "that it goes on")
        ledger.accept(envelope)


def test_the_operator_may_go_on_alone_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = people()
    for office in known:
        office.away = True
    go_on_alone(monkeypatch)
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        assert ledger.services.log.problem() == ""
        ledger.accept(ledger.evidence(b"one"))
        await_that(
            lambda: "alone" in [said["what"] for said in statuses(ledger)], "the status statement"
        )
    for office in known:
        office.away = False
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        # Somebody answered: it was not alone, and says so no second time.
        ledger.accept(ledger.evidence(b"two"))
        assert [said["what"] for said in statuses(ledger)].count("alone") == 1


class Liar(Office):
    """Says that it knows more than anybody, and has nothing to show for it."""

    def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        return 409, b"4711\n"


def test_a_word_alone_stops_it_until_the_operator_takes_that_upon_himself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = people()
    known[2] = Liar(known[2].service)
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        assert "knows 4711 (its word: it shows no such checkpoint" in ledger.services.log.problem()
    go_on_alone(monkeypatch)
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        ledger.accept(ledger.evidence(b"one"))
        await_that(
            lambda: "alone" in [said["what"] for said in statuses(ledger)], "the status statement"
        )


def test_what_is_shown_is_of_this_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another log's checkpoint, or one that nobody signed, is no more than a word."""
    known = people()
    known[2] = Liar(known[2].service)
    note = "ledger.example/enforcement/2026\n4711\n" + "A" * 43 + "=\n\n\u2014 x AAAAAAAA\n"
    known[2].checkpoint = lambda origin: note.encode()  # type: ignore[method-assign]
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        assert "its word" in ledger.services.log.problem()


def test_going_on_alone_does_not_silence_who_knows_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = people()
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        ledger.accept(ledger.evidence(b"one"))
    shutil.copytree(tmp_path / "ledger", tmp_path / "snapshot")
    with open_ledger(tmp_path / "ledger", people=known) as ledger:
        ledger.accept(ledger.evidence(b"two"))
        ledger.await_quorum()
    go_on_alone(monkeypatch)
    with open_ledger(tmp_path / "snapshot", people=known) as ledger:
        assert "knows" in ledger.services.log.problem()


# --- mirrors ---------------------------------------------------------------------------------


class Archive:
    """A mirror: what it keeps of a log, as c2sp.org/tlog-mirror serves it."""

    def __init__(self, note: bytes = b"") -> None:
        self.note = note

    def checkpoint(self, origin: str) -> bytes:
        if not self.note:
            raise Unavailable("nobody is in")
        return self.note


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Archive:
    mirror = Archive()
    monkeypatch.setattr("api.asking_mirrors.HttpCosigner", lambda address: mirror)
    return mirror


MIRROR = "https://mirror.example"


def published(ledger: Ledger) -> bytes:
    ledger.await_quorum()
    label, size = ledger.services.log.label, ledger.services.log.size

    def note() -> bytes:
        return ledger.http.get(f"/log/{label}/checkpoint").content

    await_that(lambda: f"\n{size}\n".encode() in note(), "the published checkpoint")
    return note()


def test_a_mirror_that_shows_more_stops_a_start_that_no_cosigner_would(
    tmp_path: Path, archive: Archive
) -> None:
    """The cosigners' machines were set back together with the ledger's."""
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"one"))
        ledger.await_quorum()
    shutil.copytree(tmp_path / "ledger", tmp_path / "snapshot")
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"two"))
        archive.note = published(ledger)
        size = ledger.services.log.size
    with open_ledger(tmp_path / "snapshot", mirrors=MIRROR) as ledger:
        reason = ledger.services.log.problem()
        assert f"the mirror {MIRROR} knows {size}" in reason
        assert "its word" not in reason
        envelope = ledger.evidence(b"three")
        assert ledger.http.post("/v1/statements", content=envelope).status_code == 503
    with open_ledger(tmp_path / "ledger", mirrors=MIRROR) as ledger:
        assert ledger.services.log.problem() == ""
        ledger.accept(ledger.evidence(b"four"))


def test_what_a_mirror_shows_is_not_overridden(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.await_quorum()
    shutil.copytree(tmp_path / "ledger", tmp_path / "snapshot")
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"two"))
        archive.note = published(ledger)
    go_on_alone(monkeypatch)
    with open_ledger(tmp_path / "snapshot", mirrors=MIRROR) as ledger:
        assert "the mirror" in ledger.services.log.problem()


def test_a_mirror_with_another_tree_of_this_size_is_a_fork(
    tmp_path: Path, archive: Archive
) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.await_quorum()
    shutil.copytree(tmp_path / "ledger", tmp_path / "snapshot")
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"one"))
        archive.note = published(ledger)
    with open_ledger(tmp_path / "snapshot") as ledger:
        ledger.accept(ledger.evidence(b"another"))
    with open_ledger(tmp_path / "snapshot", mirrors=MIRROR) as ledger:
        assert f"as the mirror {MIRROR} shows, signed another" in ledger.services.log.problem()


def test_a_mirror_with_another_tree_of_fewer_entries_is_a_fork(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it answers before this server has looked at its own public files."""
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.await_quorum()
    shutil.copytree(tmp_path / "ledger", tmp_path / "snapshot")
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.accept(ledger.evidence(b"one"))
        archive.note = published(ledger)
    with open_ledger(tmp_path / "snapshot") as ledger:
        ledger.accept(ledger.evidence(b"another"))
        ledger.accept(ledger.evidence(b"one more"))

    def not_yet(self: Log) -> None:
        raise Unavailable("the disk is slow")

    monkeypatch.setattr(Log, "materialise", not_yet)
    with open_ledger(tmp_path / "snapshot", mirrors=MIRROR) as ledger:
        assert f"as the mirror {MIRROR} shows, signed another" in ledger.services.log.problem()


@pytest.mark.parametrize("note", [b"", b"no note", b"ledger.example\n9\n"])
def test_a_mirror_that_shows_nothing_of_this_log_stops_nothing(
    tmp_path: Path, archive: Archive, note: bytes
) -> None:
    archive.note = note
    with open_ledger(tmp_path / "ledger", mirrors=f"{MIRROR}, {MIRROR}/2") as ledger:
        assert ledger.services.log.problem() == ""
        ledger.accept(ledger.evidence(b"one"))


def test_a_mirror_alone_lets_nothing_go_on(tmp_path: Path, archive: Archive) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        archive.note = published(ledger)
    known = people()
    for office in known:
        office.away = True
    with open_ledger(tmp_path / "ledger", people=known, mirrors=MIRROR) as ledger:
        assert "no cosigner says what it knows" in ledger.services.log.problem()


# --- what the tests start from ---------------------------------------------------------------


def test_what_is_copied_for_a_test_is_made_anew_under_the_same_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a slow machine a run is longer than a quorum may be late for what was logged."""
    old = template()
    renew_template()
    assert template() == old
    monkeypatch.setattr("testkit.server.FRESH_S", 0.0)
    renew_template()
    new = template()
    assert new != old
    for name in ("keys/log.key", "keys/ledger.key", "trust/logs"):
        assert (new / name).read_bytes() == (old / name).read_bytes()
    assert (new / "ledger.sqlite").read_bytes() != (old / "ledger.sqlite").read_bytes()
