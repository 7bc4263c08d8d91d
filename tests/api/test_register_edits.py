"""Whoever edits a register in the database itself: nothing is concluded from it, and evidence is
taken all the same."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest

from ledger.errors import Rejected, Unavailable
from ledger.evidence.envelope import Envelope
from ledger.evidence.procedural import Registered
from ledger.process.judging.gated import HINTS, Closed
from testkit.county import signed
from testkit.disposals import close_case, disposal, file, opened
from testkit.feed_pulled import complaint
from testkit.gating import Handlers
from testkit.keys import key
from testkit.registers import officer
from testkit.server import AGENCY, CASE, HANDLER, Ledger, open_ledger

MARCH = date(2026, 3, 15)


def file_both(folder: Path) -> tuple[int, int]:
    """Registers an officer and withdraws him; the numbers of both entries."""
    with open_ledger(folder) as ledger:
        ledger.accept(signed(officer("A-1")))
        ledger.accept(signed(officer("A-1", "2026-01-01", "2026-02-28")))
        assert valid(ledger) is False
        return ledger.services.log.number - 2, ledger.services.log.number - 1


def valid(ledger: Ledger) -> bool:
    registry, number = ledger.services.registers.registry(), ledger.services.log.number
    found = registry.at(Registered.OFFICER, "A-1", number, MARCH)
    return found is not None and found.covers(MARCH)


def edit(folder: Path, change: str, *values: bytes | int) -> None:
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        triggers = db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            db.execute(f"DROP TRIGGER {name}")
        assert db.execute(change, values).rowcount == 1
        db.commit()


def envelope_of(folder: Path, number: int) -> tuple[bytes, bytes]:
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        query = "SELECT envelope, salt FROM statement WHERE idx = ?"
        envelope, salt = db.execute(query, (number,)).fetchone()
    return envelope, salt


def put_back(folder: Path, number: int, whole: tuple[bytes, bytes]) -> None:
    edit(folder, "UPDATE statement SET envelope = ?, salt = ? WHERE idx = ?", *whole, number)


def withdraw_later(folder: Path, number: int) -> None:
    """Puts another end into a withdrawal; the registrar has not signed that."""
    read = Envelope.from_bytes(envelope_of(folder, number)[0])
    longer = Envelope(read.payload.replace(b"2026-02-28", b"2026-12-31"), read.signatures)
    edit(folder, "UPDATE statement SET envelope = ? WHERE idx = ?", longer.to_bytes(), number)


def withdraw_never(folder: Path, number: int) -> None:
    """Puts the registration there once more. The registrar has signed it: only the log says that
    it does not stand there."""
    older = envelope_of(folder, number - 1)
    edit(folder, "UPDATE statement SET envelope = ?, salt = ? WHERE idx = ?", *older, number)


def deface(folder: Path, number: int) -> None:
    edit(folder, "UPDATE statement SET envelope = ? WHERE idx = ?", b"{", number)


@pytest.fixture(params=[withdraw_later, withdraw_never, deface])
def altered(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with a rule pack and a case ready to be decided, of whose registers one row was
    altered while it was closed."""
    folder = tmp_path / "ledger"
    with open_ledger(folder) as ledger:
        Handlers(ledger).publish()
        ledger.accept(Handlers(ledger).act("case_filing"))
        ledger.accept(Handlers(ledger).act("legal_review", facts={"result": "pass"}))
    _, withdrawal = file_both(folder)
    request.param(folder, withdrawal)
    with open_ledger(folder) as ledger:
        yield ledger


def test_evidence_and_plain_acts_are_taken_while_a_register_is_altered(altered: Ledger) -> None:
    desk = Handlers(altered)
    evidence, plain, shipped, opening, decision, more = altered.file(
        altered.evidence(b"before"),
        desk.act("legal_review", facts={"result": "pass"}),
        desk.act("inspection_record", stage="investigate"),  # which shipped packs alone know
        desk.act("provisional_opening", without=("case", "procedure")),
        desk.act("penalty_decision"),
        altered.evidence(b"the paper", by=HANDLER),
    )
    assert all("index" in row for row in (evidence, plain, shipped, opening, more))
    assert (decision["code"], decision["reason"]) == ("gated", "register")
    assert decision["hints"] == [HINTS[Closed.REGISTER]]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("penalty_decision", {}),
        ("case_closing", {"stage": "start"}),  # the pack that is known has it, whatever its stage
        ("case_dismissal", {"stage": "start"}),  # a shipped pack has it: none is known to be lost
        ("what_no_pack_knows", {"stage": "start"}),
        ("legal_review", {"stage": "decide"}),
    ],
)
def test_what_may_be_a_conclusion_waits_while_a_register_is_altered(
    altered: Ledger, name: str, more: dict[str, str]
) -> None:
    size = altered.services.log.size
    assert Handlers(altered).file(name, **more)["reason"] == "register"
    assert altered.services.log.size == size


def test_who_says_that_he_concludes_is_told_of_the_altered_register(altered: Ledger) -> None:
    act = Handlers(altered).act("site_inspection")
    answer = altered.http.post("/v1/statements?conclusion=close", content=act)
    assert answer.json()["results"][0]["reason"] == "register"


def test_an_altered_register_is_said_loudly_and_evidence_is_still_ready_to_be_taken(
    altered: Ledger,
) -> None:
    ready = altered.http.get("/readyz")
    assert ready.status_code == 200 and "is not the register entry" in ready.json()["reason"]
    assert "tiezheng_registers_altered 1.0" in altered.http.get("/metrics").text


def test_nothing_is_told_by_an_altered_register_and_cases_are_still_read(altered: Ledger) -> None:
    bearer = altered.bearer("supervisor")
    path = f"/v1/cases/{quote(CASE)}"
    assert altered.http.get(path, headers=bearer).status_code == 200
    for view in (f"{path}/gaps", f"{path}/clocks", f"/v1/agencies/{AGENCY}/due"):
        answer = altered.http.get(view, headers=bearer)
        assert answer.status_code == 503 and "register entry" in answer.json()["detail"], view


def test_nobody_is_told_no_for_good_whose_key_may_stand_in_the_altered_row(
    altered: Ledger,
) -> None:
    unknown = key("handler-99.example")
    (row,) = altered.file(altered.evidence(b"x", by=unknown, upload=False))
    assert (row["code"], row["status"]) == ("unavailable", 503)


def test_what_was_put_back_is_believed_again_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    _, withdrawal = file_both(folder)
    whole = envelope_of(folder, withdrawal)
    deface(folder, withdrawal)
    with open_ledger(folder) as ledger:
        registers = ledger.services.registers
        ledger.accept(signed(officer("A-2")))
        with pytest.raises(Unavailable, match="register entry"):
            registers.whole()
        put_back(folder, withdrawal, whole)
        assert valid(ledger) is False and registers.problem == ""
        number = ledger.services.log.number
        assert registers.whole().at(Registered.OFFICER, "A-2", number, MARCH) is not None


def test_a_register_that_another_registrar_signed_still_stops_the_start(tmp_path: Path) -> None:
    """That is no damage: the folder of trust is another ledger's."""
    folder = tmp_path / "ledger"
    with open_ledger(folder):
        pass
    (folder / "trust" / "registrar.vkey").write_text(
        key("stranger.example").verifier.to_text() + "\n"
    )
    with pytest.raises(Rejected, match="registrar"), open_ledger(folder):
        pass


def test_nothing_is_destroyed_while_a_register_is_altered(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with opened(folder) as ledger:
        gone = file(ledger)
        close_case(ledger)
    _, withdrawal = file_both(folder)
    whole = envelope_of(folder, withdrawal)
    deface(folder, withdrawal)
    with opened(folder) as ledger:
        ledger.await_quorum()
        (row,) = ledger.file(disposal(gone))
        assert row["code"] == "unavailable" and "register entry" in row["detail"]
        put_back(folder, withdrawal, whole)
        ledger.accept(disposal(gone))


def test_a_complaint_is_looked_at_again_once_the_register_is_whole(tmp_path: Path) -> None:
    """What it is about may have been below an agency of which the row was altered."""
    folder = tmp_path / "ledger"
    _, withdrawal = file_both(folder)
    whole = envelope_of(folder, withdrawal)
    deface(folder, withdrawal)
    with open_ledger(folder) as ledger:
        places, watching = ledger.services.vault.places, ledger.services.keeping.watching
        ledger.accept(complaint())
        watching.catch_up()
        seen = places.watched_to()
        assert seen < ledger.services.log.number
        with pytest.raises(Unavailable, match="being held"):
            watching.check_all_seen()
        put_back(folder, withdrawal, whole)
        watching.catch_up()
        assert places.watched_to() > seen
        watching.check_all_seen()
