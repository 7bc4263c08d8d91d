"""Each benchmark still runs, in its small sizes: what it measures is for who reads the page."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import found

ROOT = Path(__file__).parents[2]
KEYS = [module.KEY for module in found()]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("key", KEYS)
def test_it_runs(key: str) -> None:
    command = [sys.executable, "-m", "benchmarks", key, "--quick"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=290)
    if "RuntimeError: want nginx" in ran.stderr:
        pytest.skip("needs nginx")
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert f"({key})" in ran.stderr and ran.stdout.strip()
