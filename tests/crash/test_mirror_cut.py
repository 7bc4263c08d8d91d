"""A mirror while it is killed and the power cut: what it has shown stays, and is said right."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from testkit.children import ROOT
from testkit.cut_disk import Cut
from testkit.cut_mount import CutMount, need_fuse
from testkit.growing_log import GrowingLog

MAIN = ROOT / "tests" / "crash" / "mirror_main.py"


class Broken(AssertionError):
    pass


def run(
    folder: Path, log: GrowingLog, shown: int, mount: CutMount | None, after: int, **env: str
) -> tuple[int, bool]:
    """The largest size that was shown, and whether the round came to its end."""
    path = os.pathsep.join(str(p) for p in (ROOT, ROOT / "tests"))
    with subprocess.Popen(
        [sys.executable, str(MAIN), str(folder), str(log.folder.parent)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **env},
    ) as child:
        if mount is not None:
            mount.kill(child.pid, after=after)
        assert child.stdout is not None and child.stderr is not None
        lines = child.stdout.read().splitlines()
        errors = child.stderr.read()
    if child.returncode > 0:
        raise Broken(errors[-800:])
    for line in lines:
        match line.split():
            case ["found", size] if int(size) < shown:
                raise Broken(f"{shown} entries were shown, and {size} are there")
            case ["shown" | "said", size]:
                shown = max(shown, int(size))
    return shown, lines[-1:] == ["end"]


def cut_and_count(tmp_path: Path, seed: int, rounds: int, **env: str) -> None:
    need_fuse()
    chance = random.Random(seed)
    log = GrowingLog(tmp_path / "logs" / "2026")
    with CutMount(tmp_path / "disk", sync_s=0.0) as mount:
        folder = mount.folder / "data"
        shown = killed = 0
        for _ in range(rounds):
            log.grow(chance.randrange(1, 900))
            shown, ended = run(folder, log, shown, mount, chance.randrange(1, 250), **env)
            killed += not ended
            how = chance.choice([Cut.ALL, Cut.TAIL, Cut.SOME, Cut.SOME])
            mount.cut(how, chance.getrandbits(32))
        assert killed > rounds // 3
        assert run(folder, log, shown, None, 0, **env) == (log.size, True)


def test_six_power_cuts_take_nothing_back_that_was_shown(tmp_path: Path) -> None:
    cut_and_count(tmp_path, seed=7, rounds=6)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(400, 404))
def test_forty_power_cuts_take_nothing_back_that_was_shown(tmp_path: Path, seed: int) -> None:
    cut_and_count(tmp_path, seed, rounds=40)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("unsynced", ["files", "names"])
def test_a_mirror_that_does_not_sync_is_caught(tmp_path: Path, unsynced: str) -> None:
    need_fuse()
    with pytest.raises(Broken):
        cut_and_count(tmp_path, seed=1, rounds=40, TIEZHENG_TEST_UNSYNCED=unsynced)
