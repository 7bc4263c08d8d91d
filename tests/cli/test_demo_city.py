"""The city's year, once from beginning to end: what was counted is what was counted again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 900


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_every_number_of_the_year_is_the_one_counted_again(tmp_path: Path) -> None:
    for package in ("av", "typst", "xlsxwriter"):
        pytest.importorskip(package)
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    done = subprocess.run(
        [sys.executable, "-m", "testkit.demo_city", "--lang", "zh"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    city = tmp_path / "demo/city"
    closing = json.loads((city / "closing.json").read_text())
    assert (closing["holds"], closing["broken"]) == (True, [])
    assert closing["city"] == {
        "agencies": 3,
        "auxiliaries": 12,
        "cases": 200,
        "officers": 40,
        "recorders": 20,
        "recordings": 1500,
    }
    assert closing["cases_right"] == 200
    assert closing["refused"] > 0
    assert len(closing["drawn"]) == 10
    assert (city / "score.pdf").stat().st_size > 1000
    for name in ("gaps", "clocks", "register"):
        for kind in ("csv", "xlsx", "pdf"):
            assert (city / f"{name}.{kind}").stat().st_size > 1000
    assert closing["feed"]["events"] > 1888
    assert closing["feed"]["destroyed"] > 0
    assert closing["archive"]["cases"] == 4
    assert (city / "handover.page.pdf").stat().st_size > 1000
    assert "真实性：通过" in (city / "handover.report.txt").read_text(encoding="utf-8")
