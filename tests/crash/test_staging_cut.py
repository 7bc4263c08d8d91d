"""Staged uploads while the process is killed and the power cut: no told offset goes back."""

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ledger.suite import digest
from testkit.children import ROOT
from testkit.cut_disk import Cut
from testkit.cut_mount import CutMount, need_fuse
from testkit.vault import sealed_shelf

MAIN = ROOT / "tests" / "crash" / "staging_main.py"


class Broken(AssertionError):
    pass


class Told:
    """What was said, over all rounds: each upload's offset, and which are recorded."""

    def __init__(self) -> None:
        self.offsets: dict[str, int] = {}
        self.recorded: set[str] = set()

    def hear(self, line: str, found: set[str]) -> None:
        match line.split():
            case ["found", id_, offset, recorded]:
                found.add(id_)
                if int(offset) < self.offsets.get(id_, 0):
                    raise Broken(f"{id_}: {self.offsets[id_]} was told, {offset} is there")
                if id_ in self.recorded and recorded != "True":
                    raise Broken(f"{id_} was recorded and is not")
                self.offsets[id_] = int(offset)
            case ["ready"]:
                if missing := self.offsets.keys() - found:
                    raise Broken(f"{len(missing)} uploads are gone")
            case ["offset", id_, offset]:
                self.offsets[id_] = int(offset)
            case ["recorded", id_]:
                self.recorded.add(id_)


def run(
    folder: Path, number: int, told: Told, mount: CutMount | None, after: int, **env: str
) -> bool:
    """One round; whether it came to its end."""
    path = os.pathsep.join(str(p) for p in (ROOT, ROOT / "tests"))
    with subprocess.Popen(
        [sys.executable, str(MAIN), str(folder), str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **env},
    ) as child:
        if mount is not None:
            mount.kill(child.pid, after=after)
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None
        child.stdin.close()  # what it waits for: however late it was condemned, it has done nothing
        found: set[str] = set()
        lines = child.stdout.read().splitlines()
        errors = child.stderr.read()
    if child.returncode > 0:
        raise Broken(errors[-800:])
    for line in lines:
        told.hear(line, found)
    return lines[-1:] == ["end"]


def cut_and_count(scratch: Path, seed: int, rounds: int, **env: str) -> None:
    need_fuse()
    chance, told = random.Random(seed), Told()
    with CutMount(scratch / "disk", sync_s=0.001) as mount:
        folder = mount.folder / "data"
        killed = 0
        for number in range(rounds):
            killed += not run(folder, number, told, mount, chance.randrange(1, 400), **env)
            how = chance.choice([Cut.ALL, Cut.TAIL, Cut.SOME, Cut.SOME])
            mount.cut(how, chance.getrandbits(32))
        assert killed > rounds // 3
        assert run(folder, rounds, told, None, 0, **env)
        check(folder, told)


def check(folder: Path, told: Told) -> None:
    """Every upload that was opened is an item, once, with the bytes of its seed."""
    with sqlite3.connect(folder / "ledger.sqlite") as db:
        items = dict(db.execute("SELECT object_id, sha256 FROM item").fetchall())
    db.close()
    shelf = sealed_shelf(folder / "items", paired=True)
    with closing(shelf):
        vault = shelf.open(beside=True)
        held = vault.held()
        if items.keys() != set(held) or len(items) != len(told.offsets):
            raise Broken(f"{len(told.offsets)} uploads, {len(items)} records, {len(held)} items")
        for name, sha256 in items.items():
            if digest(b"".join(vault.stream(name))) != sha256:
                raise Broken("an item has other bytes than its record")


def test_five_power_cuts_take_no_offset_back(tmp_path: Path) -> None:
    cut_and_count(tmp_path, seed=5, rounds=5)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(300, 304))
def test_forty_power_cuts_take_no_offset_back(tmp_path: Path, seed: int) -> None:
    cut_and_count(tmp_path, seed, rounds=40)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("unsynced", ["files", "names"])
def test_a_store_that_does_not_sync_is_caught(tmp_path: Path, unsynced: str) -> None:
    need_fuse()
    with pytest.raises(Broken):
        cut_and_count(tmp_path, seed=1, rounds=40, TIEZHENG_TEST_UNSYNCED=unsynced)
