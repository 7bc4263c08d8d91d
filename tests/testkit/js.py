"""Programs of other people in JavaScript, in the versions of tests/interop/js/package-lock.json."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ledger.suite import digest

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "tests" / "interop" / "js"
BUILT = ROOT / "build" / "interop" / "js"
FILES = ("package.json", "package-lock.json")
# What npm says where packages are neither in its cache nor to be had.
NOT_HERE = ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ENOTCACHED")


def node_modules() -> Path:
    """Where they are; installed at the first call, as the lock file says and without scripts."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm")
    wanted = digest(b"".join((MODULE / name).read_bytes() for name in FILES)).hex()
    BUILT.mkdir(parents=True, exist_ok=True)
    done = BUILT / ".done"
    with (BUILT.parent / "js.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != wanted:
            done.unlink(missing_ok=True)
            for name in FILES:
                shutil.copy(MODULE / name, BUILT / name)
            _install()
            done.write_text(wanted)
    return BUILT / "node_modules"


def _install() -> None:
    ran = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=BUILT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode and any(sign in ran.stderr for sign in NOT_HERE):
        pytest.skip(f"needs the packages of tests/interop/js: {ran.stderr[-200:]}")
    assert ran.returncode == 0, ran.stderr


def run_node(program: str, *arguments: str) -> str:
    """What a program of tests/interop/js prints; raises with what it complains of."""
    ran = subprocess.run(
        ["node", str(MODULE / program), *arguments],
        env=os.environ | {"NODE_PATH": str(node_modules())},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
