"""Whoever edits a register in the database itself: it never reaches a verdict."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from ledger.errors import Rejected
from ledger.evidence.envelope import Envelope
from ledger.evidence.procedural import Registered
from testkit.county import signed
from testkit.registers import officer
from testkit.server import Ledger, open_ledger

MARCH = date(2026, 3, 15)


def file_both(folder: Path) -> tuple[int, int]:
    """Registers an officer and withdraws him; the numbers of both entries."""
    with open_ledger(folder) as ledger:
        ledger.accept(signed(officer("A-1")))
        ledger.accept(signed(officer("A-1", "2026-01-01", "2026-02-28")))
        assert valid(ledger) is False
        return ledger.services.log.number - 2, ledger.services.log.number - 1


def valid(ledger: Ledger) -> bool:
    registry, number = ledger.services.casefiles.registry(), ledger.services.log.number
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


def test_an_entry_that_was_edited_stops_the_server_at_its_start(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    _, withdrawal = file_both(folder)
    read = Envelope.from_bytes(envelope_of(folder, withdrawal)[0])
    longer = Envelope(read.payload.replace(b"2026-02-28", b"2026-12-31"), read.signatures)
    edit(folder, "UPDATE statement SET envelope = ? WHERE idx = ?", longer.to_bytes(), withdrawal)
    with pytest.raises(Rejected), open_ledger(folder):
        pass


def test_an_older_entry_in_the_place_of_a_withdrawal_is_no_register(tmp_path: Path) -> None:
    """The registrar has signed it: only the log says that it does not stand there."""
    folder = tmp_path / "ledger"
    registered, withdrawal = file_both(folder)
    envelope, salt = envelope_of(folder, registered)
    edit(
        folder,
        "UPDATE statement SET envelope = ?, salt = ? WHERE idx = ?",
        *(envelope, salt, withdrawal),
    )
    with open_ledger(folder) as ledger, pytest.raises(Rejected):
        valid(ledger)
