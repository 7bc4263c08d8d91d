"""Those who watch a ledger, once from beginning to end; what was seen is what must be seen."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.demo import MARK, OFFICES

ROOT = Path(__file__).parents[2]
STEPS = 300


@pytest.mark.slow
@pytest.mark.timeout(2 * STEPS)
def test_what_watchers_catch_lies_in_one_file(tmp_path: Path) -> None:
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    done = subprocess.run(
        [sys.executable, "-m", "testkit.demo_notary", "--lang", "en"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=STEPS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    demo = tmp_path / "demo"
    closing = json.loads((demo / "notary/closing.json").read_text())
    assert (closing["holds"], closing["broken"]) == (True, [])
    assert closing["fork"]["caught_by"] == sorted(OFFICES)
    assert closing["old_backup"]["exit"] == 1
    assert set(closing["packet"]["groups"].values()) == {"passed"}
    assert closing["packet"]["timestamps"] > 0
    assert (demo / "packet.zip").is_file()
    assert (demo / "fraud.txt").read_text().startswith("tiezheng fraud 1\n")
    assert (demo / MARK).is_file()
