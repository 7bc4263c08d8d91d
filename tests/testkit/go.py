"""Programs of other people in Go, built from the versions that tests/interop/go/go.mod pins."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "tests" / "interop" / "go"
BUILT = ROOT / "build" / "interop"
PROGRAMS = {
    "cosigcheck": "./cosigcheck",
    "dssecheck": "./dssecheck",
    "logcheck": "./logcheck",
    "fsck": "github.com/transparency-dev/tessera/cmd/fsck",
    "litewitness": "filippo.io/torchwood/cmd/litewitness",
    "posix-oneshot": "github.com/transparency-dev/tessera/cmd/examples/posix-oneshot",
}
# What Go says where it is too old, or modules are neither in its cache nor to be had.
NOT_HERE = ("requires go >=", "dial tcp", "module lookup disabled", "proxyconnect")


def go_program(name: str) -> Path:
    """Its path; built at the first call, which takes a minute where Go's cache is empty."""
    if not shutil.which("go"):
        pytest.skip("needs go")
    BUILT.mkdir(parents=True, exist_ok=True)
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-o", BUILT / name, PROGRAMS[name]]
    with (BUILT / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            command,
            cwd=MODULE,
            env=os.environ | {"GOTOOLCHAIN": "local"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode and any(sign in done.stderr for sign in NOT_HERE):
        pytest.skip(f"needs go of tests/interop/go/go.mod and its modules: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    return BUILT / name
