"""A server killed between the check of a conclusion and its commit, or right behind it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testkit.gating import Handlers
from testkit.server import open_ledger

PROJECT = Path(__file__).parents[2]


def acts(folder: Path) -> list[str]:
    with open_ledger(folder) as ledger:
        return [said["act"] for said in ledger.said("act")]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_decision_is_there_whole_or_not_at_all_and_can_be_sent_again(
    tmp_path: Path, when: str
) -> None:
    folder = tmp_path / "ledger"
    with open_ledger(folder) as ledger:
        desk = Handlers(ledger)
        desk.publish()
        ledger.accept(desk.act("case_filing"))
        ledger.accept(desk.act("legal_review", facts={"result": "pass"}))
        decision = desk.act("penalty_decision")
    killed = subprocess.run(
        [sys.executable, str(PROJECT / "tests" / "crash" / "gating_main.py"), str(folder), when],
        input=decision,
        env=os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'tests'}"},
        capture_output=True,
        timeout=240,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    before = ["case_filing", "legal_review"]
    assert acts(folder) == before + (["penalty_decision"] if when == "after" else [])
    with open_ledger(folder) as ledger:
        (row,) = ledger.file(decision)
        assert row["fresh"] == ("no" if when == "after" else "yes")
    assert acts(folder) == [*before, "penalty_decision"]
