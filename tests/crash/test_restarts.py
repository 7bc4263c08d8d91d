"""Killed first, then the power cut: what the second run said of the first one's work must last.

A process that dies between a write and its sync leaves the write in the page cache. The
next run reads it as if it were durable; so it must make it durable before it says so.
"""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.services import open_services
from api.settings import Settings
from testkit.children import ROOT
from testkit.cut_disk import Cut
from testkit.cut_mount import CutMount, need_fuse

DATABASE = """
from storage.database import DatabaseFile
file = DatabaseFile(path, [lambda db: db.execute("CREATE TABLE t (a)")])
def write():
    with file.write() as db:
        db.execute("INSERT INTO t VALUES (1)")
def count():
    with file.read() as db:
        return db.execute("SELECT count(*) FROM t").fetchone()[0]
"""
COSIGNER = """
from ledger.tlog.checkpoint import Checkpoint
from storage.cosigner_sqlite import SqliteCosignerState
state = SqliteCosignerState(path)
def write():
    last = state.last("log.example")
    old = last[0] if last else None
    state.swap(old, Checkpoint("log.example", old.size + 1 if old else 1, bytes(32)), "")
def count():
    last = state.last("log.example")
    return last[0].size if last else 0
"""

FOUND = """
import time
import api.founding
from testkit import case as kit
from testkit.keys import SERIES_PEM
api.founding.new_series_key = lambda: SERIES_PEM  # making one takes seconds
names = dict(origin=kit.ORIGIN, agency=kit.AGENCY, registrar=kit.REGISTRAR)
def write():
    plan = api.founding.Plan(**names, cosigners=[], quorum=0)
    api.founding.found(path, plan, time.time_ns() // 1_000_000)
def count():
    return 0
"""


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[CutMount]:
    need_fuse()
    with CutMount(tmp_path / "disk", sync_s=0) as mount:
        yield mount


def run(code: str, act: str, path: Path) -> "subprocess.Popen[str]":
    """Never ended in order: SQLite would tidy up."""
    begin = "import os, pathlib, sys; path = pathlib.Path(sys.argv[1])"
    return subprocess.Popen(
        [sys.executable, "-c", f"{begin}\n{code}\ncount()\n{act}\nos._exit(0)", str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def counted(code: str, path: Path) -> int:
    process = run(code, "print(count(), flush=True)", path)
    return int(process.communicate(timeout=240)[0])


@pytest.mark.parametrize("code", [DATABASE, COSIGNER], ids=["database", "cosigner"])
def test_what_a_killed_run_had_not_synced_is_durable_once_another_has_shown_it(
    mount: CutMount, code: str
) -> None:
    path, seen_unsynced = mount.folder / "file.sqlite", 0
    run(code, "write()", path).communicate(timeout=240)
    before = counted(code, path)
    for syncs in (1, 2):
        process = run(code, "print(flush=True); input(); write()", path)
        assert process.stdout is not None
        process.stdout.readline()
        mount.kill(process.pid, after=syncs, syncs=True, power=False)
        process.communicate("\n", timeout=240)
        shown = counted(code, path)
        seen_unsynced += shown > before
        mount.cut(Cut.ALL, 0)
        before = counted(code, path)
        assert before == shown
    assert seen_unsynced, "no run was killed between its write and its sync"


@pytest.mark.slow
@pytest.mark.parametrize("code", [DATABASE, COSIGNER], ids=["database", "cosigner"])
def test_a_file_that_a_killed_run_began_keeps_what_the_next_one_stores(
    mount: CutMount, code: str
) -> None:
    for syncs in (1, 2, 3, 4, 5, 6):
        path = mount.folder / f"{syncs}.sqlite"
        process = run(f"print(flush=True); input()\n{code}", "write()", path)
        assert process.stdout is not None
        process.stdout.readline()
        mount.kill(process.pid, after=syncs, syncs=True, power=False)
        process.communicate("\n", timeout=240)
        stored = run(code, "write(); print(count(), flush=True)", path).communicate(timeout=240)[0]
        mount.cut(Cut.ALL, 0)
        assert counted(code, path) == int(stored)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_founding_that_is_cut_leaves_a_whole_ledger_or_none(mount: CutMount) -> None:
    path, outcomes = mount.folder / "data", list[bool]()
    for syncs in itertools.count(1, 13):
        process = run(FOUND, "print(flush=True); input(); write(); print('founded')", path)
        assert process.stdout is not None
        process.stdout.readline()
        mount.kill(process.pid, after=syncs, syncs=True)
        returned = "founded" in process.communicate("\n", timeout=240)[0]
        mount.cut(Cut.SOME if syncs % 2 else Cut.ALL, syncs)
        outcomes.append(path.exists())
        if path.exists():
            open_services(path, Settings()).close()
            shutil.rmtree(path)
        if returned:
            break
    assert outcomes[0] is False and outcomes[-1] is True and len(outcomes) > 3
