"""What others wrote is what `browser/vendor/README.md` says, byte for byte."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ledger.suite import digest
from testkit.js import NOT_HERE

VENDOR = Path(__file__).parents[2] / "browser" / "vendor"
README = (VENDOR / "README.md").read_text(encoding="utf-8")
LISTED = dict(re.findall(r"^\| `([a-z-]+\.js)` \| `([0-9a-f]{64})` ", README, re.MULTILINE))


def test_each_file_is_listed_with_its_digest() -> None:
    files = [path for path in VENDOR.glob("*.js") if not path.name.endswith(".entry.js")]
    assert {path.name: digest(path.read_bytes()).hex() for path in files} == LISTED
    assert len(LISTED) == 2


def test_each_has_its_licence() -> None:
    for name in LISTED:
        licence = VENDOR / name.replace(".js", ".LICENSE")
        assert "Permission is hereby granted" in licence.read_text(encoding="utf-8")


def test_only_the_suite_imports_them() -> None:
    importing = [
        path.relative_to(VENDOR.parent).as_posix()
        for path in VENDOR.parent.rglob("*.js")
        if VENDOR not in path.parents and "/vendor/" in path.read_text(encoding="utf-8")
    ]
    assert importing == ["suite.js"]


@pytest.mark.slow
def test_they_are_made_of_the_packages_that_the_lock_names(tmp_path: Path) -> None:
    if not shutil.which("npm"):
        pytest.skip("needs node and npm")
    shutil.copytree(VENDOR, tmp_path / "vendor")
    here = tmp_path / "vendor"
    for name in LISTED:
        (here / name).unlink()
    commands = [line.strip() for line in README.splitlines() if line.startswith("    np")]
    assert len(commands) == 3
    for command in commands:
        ran = subprocess.run(
            command.split(), cwd=here, capture_output=True, text=True, check=False, timeout=280
        )
        if ran.returncode and any(sign in ran.stderr for sign in NOT_HERE):
            pytest.skip(f"needs the packages of browser/vendor: {ran.stderr[-200:]}")
        assert ran.returncode == 0, ran.stderr
    assert {name: digest((here / name).read_bytes()).hex() for name in LISTED} == LISTED
