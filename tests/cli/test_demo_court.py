"""What a court is handed, once from beginning to end, and what its report says of ten forgeries."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.demo import MARK
from cli.language import LANGUAGES
from testkit.demo_court import Court, InProcess
from testkit.forgeries import FORGERIES

ROOT = Path(__file__).parents[2]
STEPS = 300


@pytest.mark.slow
@pytest.mark.timeout(2 * STEPS)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_court_has_its_report_and_each_forgery_is_found(tmp_path: Path, lang: str) -> None:
    for package in ("av", "typst"):
        pytest.importorskip(package)
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    done = subprocess.run(
        [sys.executable, "-m", "testkit.demo_court", "--lang", lang],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=STEPS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    demo = tmp_path / "demo"
    closing = json.loads((demo / "court/closing.json").read_text())
    assert (closing["holds"], closing["broken"]) == (True, [])
    assert (closing["found"], closing["of"]) == (len(FORGERIES), 10)
    assert all(row["sentence"] in done.stdout for row in closing["forgeries"])
    assert closing["groups"]["complete"] == "undecided"
    for kind in ("html", "json", "pdf", "txt"):
        for name in ("report", "report.zh"):
            assert (demo / f"{name}.{kind}").stat().st_size > 1000
    assert (demo / "packet.zip").is_file()
    assert (demo / "clip.zip").stat().st_size < (demo / "packet.zip").stat().st_size
    assert (demo / MARK).is_file()
    made = {path.name for path in demo.iterdir()}
    assert {"tiezheng-verify.pyz", "verify.html"} <= made


def test_a_tool_that_cannot_be_made_is_no_demo(tmp_path: Path) -> None:
    court = Court(InProcess(tmp_path / "court", []))
    assert not court._made("json.tool", tmp_path / "verify.html")
    assert not court._made("browser.not_there", tmp_path / "other.html")
    assert [broken.partition(":")[0] for broken in court.broken] == [
        "verify.html is made",
        "other.html is made",
    ]
