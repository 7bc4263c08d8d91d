"""A mirror while it is killed and the power cut: what it has shown stays, and is said right.

In the middle the log that it catches up with is closed, and it follows the next one too.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.evidence.entry import OPENING
from testkit.children import ROOT
from testkit.cut_disk import Cut
from testkit.cut_mount import CutMount, need_fuse
from testkit.growing_log import NEXT, GrowingLog

MAIN = ROOT / "tests" / "crash" / "mirror_main.py"
CLOSING = 600  # entries before the next log begins, and after


class Broken(AssertionError):
    pass


class Logs:
    """A log, and the next one that takes its place while the first is still being followed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sizes: dict[str, int] = {}
        self._open = GrowingLog(folder / "2026")
        self._next: GrowingLog | None = None

    def grow(self, count: int) -> None:
        self._grow(self._open, count)

    def prepare_next(self) -> None:
        self._grow(self._open, CLOSING)
        self._next = GrowingLog(self.folder.with_name("next"), log=NEXT)
        self._grow(self._next, CLOSING)

    def heard(self, line: str) -> None:
        """From the mirror: when it is about to follow the first log, the next one begins."""
        if self._next is not None and line.startswith("found 2026"):
            self._open, self._next = self._next, None
            self._open.folder = self._open.folder.rename(self.folder / "2027")

    def _grow(self, log: GrowingLog, count: int) -> None:
        label = log.log.name.rpartition("/")[2]
        if not log.size:
            log.open(label)
        self.sizes[label] = log.grow(count, branch=label).size


def run(
    folder: Path, logs: Logs, shown: dict[str, int], mount: CutMount | None, after: int, **env: str
) -> bool:
    """Whether the round came to its end; `shown` are the largest sizes that were, by label."""
    path = os.pathsep.join(str(p) for p in (ROOT, ROOT / "tests"))
    ended = False
    with subprocess.Popen(
        [sys.executable, str(MAIN), str(folder), str(logs.folder)],
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
        for line in child.stdout:
            logs.heard(line)
            match line.split():
                case ["found", label, size] if int(size) < shown.get(label, 0):
                    raise Broken(f"{shown[label]} of {label} were shown, and {size} are there")
                case ["shown" | "said", label, size]:
                    shown[label] = max(shown.get(label, 0), int(size))
                case ["end"]:
                    ended = True
        errors = child.stderr.read()
    if child.returncode > 0:
        raise Broken(errors[-800:])
    return ended


def cut_and_count(tmp_path: Path, seed: int, rounds: int, **env: str) -> None:
    need_fuse()
    chance = random.Random(seed)
    logs = Logs(tmp_path / "logs")
    shown: dict[str, int] = {}
    with CutMount(tmp_path / "disk", sync_s=0.0) as mount:
        folder = mount.folder / "data"
        killed = 0
        for number in range(rounds):
            logs.grow(chance.randrange(1, 900))
            if number == rounds // 2:
                logs.prepare_next()
            after = chance.randrange(1, 250 * len(logs.sizes))
            killed += not run(folder, logs, shown, mount, after, **env)
            how = chance.choice([Cut.ALL, Cut.TAIL, Cut.SOME, Cut.SOME])
            mount.cut(how, chance.getrandbits(32))
        assert killed > rounds // 3
        assert run(folder, logs, shown, None, 0, **env)
        assert shown == logs.sizes and len(shown) == 2
        for kept in (f"{label}/{path}" for label in shown for path in OPENING):
            assert (folder / "public" / kept).read_bytes() == (logs.folder / kept).read_bytes()


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
