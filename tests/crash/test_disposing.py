"""A disposal is cut short by SIGKILL before and after each of its steps; the next start ends it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pytest

from ledger.suite import digest
from testkit.at_rest import copy_of
from testkit.disposals import (
    OTHER,
    RECORDING,
    close_case,
    disposal,
    disposed,
    file,
    found,
    hold,
    needles,
    object_of,
    opened,
    refused,
)
from testkit.server import CASE, open_ledger

PROJECT = Path(__file__).parents[2]
SECOND = {"second_store": "directory:../second"}
STEPS = {
    *("erase", "hold", "put_companion", "leave", "delete", "remove_ref", "remove"),
    *("fold", "item_erased", "forget", "status", "disposed"),
}


@dataclass
class Logged:
    """A ledger whose disposal is in the log, and nothing of it done; what must be nowhere."""

    root: Path
    gone: dict[str, Any]
    stays: dict[str, Any]
    wanted: list[bytes]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    root = tmp_path_factory.mktemp("logged")
    with opened(root / "ledger", **SECOND) as ledger:
        gone, stays = file(ledger), file(ledger, OTHER, name="b.mp4")
        close_case(ledger)
        wanted = needles(ledger, RECORDING, gone)
        ledger.services.keeping.dispose = lambda: None
        ledger.accept(disposal(gone))
        wanted.append(object_of(ledger, RECORDING).encode() + b"nowhere but in the ledger")
    assert found(root, wanted)
    return Logged(root, gone, stays, wanted)


@pytest.fixture(scope="module")
def server() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, PROJECT / "tests/crash/disposing_main.py"],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'tests'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        cast(IO[str], process.stdin).close()


def killed(server: "subprocess.Popen[str]", folder: Path, nth: int, when: str) -> list[str]:
    """The steps, of one that came to its end; else none."""
    asked, answers = cast(IO[str], server.stdin), cast(IO[str], server.stdout)
    asked.write(f"{folder} {nth} {when}\n")
    asked.flush()
    said, *steps = answers.readline().split()
    assert said == ("done" if steps else "killed")
    return steps


@pytest.mark.timeout(300)
@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_it_is_ended_at_the_next_start(
    logged: Logged, server: "subprocess.Popen[str]", tmp_path: Path, when: str, every: int
) -> None:
    """Of every step in the slow run; else of some, others before than after."""
    shutil.copytree(logged.root, tmp_path / "dry")
    steps = killed(server, tmp_path / "dry" / "ledger", 10_000, when)
    assert set(steps) == STEPS and len(steps) < 40
    assert found(tmp_path / "dry", logged.wanted) == []
    for nth in range(0 if when == "before" else every // 2, len(steps), every):
        root = tmp_path / str(nth)
        shutil.copytree(logged.root, root)
        assert killed(server, root / "ledger", nth, when) == []
        with open_ledger(root / "ledger", **SECOND) as ledger:
            disposed(ledger)
            assert found(root, logged.wanted) == [], (nth, steps[nth])
            assert len(ledger.status("disposed")) == 1, (nth, steps[nth])
            row = ledger.services.store.find(logged.gone["id"])
            assert row is not None and row.destroyed
            assert row.entry.decode() == logged.gone["entry"]
            kept = ledger.services.items.stream(object_of(ledger, OTHER))
            assert b"".join(kept) == OTHER
            assert ledger.services.store.items_with(digest(RECORDING)) == []
        shutil.rmtree(root)


def test_a_hold_after_a_disposal_that_was_cut_short_comes_too_late(
    logged: Logged, tmp_path: Path
) -> None:
    shutil.copytree(logged.root, tmp_path / "crashed")
    with open_ledger(tmp_path / "crashed" / "ledger", **SECOND) as ledger:
        # Before the first look of the thread that destroys, which another start would have.
        ledger.services.keeping.dispose = lambda: None
        rows = ledger.file(hold(logged.gone))
        assert "index" in rows[0]
        ledger.services.keeping.hold()
    with open_ledger(tmp_path / "crashed" / "ledger", **SECOND) as ledger:
        disposed(ledger)
        assert found(tmp_path / "crashed", logged.wanted) == []


@pytest.mark.parametrize("target", ["statement", "case"])
def test_a_hold_that_is_in_the_log_is_on_after_a_crash(tmp_path: Path, target: str) -> None:
    with opened(tmp_path / "ledger") as ledger:
        answer = file(ledger)
        close_case(ledger)
        with ledger.services.keeping._holding_lock:  # nothing is told to the stores any more
            ledger.accept(hold(answer if target == "statement" else CASE))
            copy_of(tmp_path / "ledger", tmp_path / "crashed")
    with open_ledger(tmp_path / "crashed") as ledger:
        assert "under a legal hold" in refused(ledger, disposal(answer))
