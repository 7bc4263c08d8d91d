"""Programs of other people in JavaScript, in the versions of tests/<of>/js/package-lock.json."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ledger.suite import digest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
FILES = ("package.json", "package-lock.json")
# What npm says where packages are neither in its cache nor to be had.
NOT_HERE = ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ENOTCACHED")


def node_modules(of: str = "interop") -> Path:
    """Where they are; installed at the first call, as the lock file says and without scripts.

    `of` is the folder of the tests that use them.
    """
    module, built = TESTS / of / "js", ROOT / "build" / of / "js"
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm")
    wanted = digest(b"".join((module / name).read_bytes() for name in FILES)).hex()
    built.mkdir(parents=True, exist_ok=True)
    done = built / ".done"
    with (built.parent / "js.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != wanted:
            done.unlink(missing_ok=True)
            for name in FILES:
                shutil.copy(module / name, built / name)
            _install(module, built)
            done.write_text(wanted)
    return built / "node_modules"


def _install(module: Path, built: Path) -> None:
    ran = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=built,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode and any(sign in ran.stderr for sign in NOT_HERE):
        pytest.skip(f"needs the packages of {module.relative_to(ROOT)}: {ran.stderr[-200:]}")
    assert ran.returncode == 0, ran.stderr


def run_node(program: str, *arguments: str) -> str:
    """What a program of tests/interop/js prints; raises with what it complains of."""
    ran = subprocess.run(
        ["node", str(TESTS / "interop" / "js" / program), *arguments],
        env=os.environ | {"NODE_PATH": str(node_modules())},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
