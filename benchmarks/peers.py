"""Other people's logs, built from benchmarks/peers where a Go toolchain is at hand."""

import json
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "peers"
BINARY = Path("build/peers")
MISSING = "No Go toolchain, or no modules to build with: nothing compared with Tessera."


def build() -> Path | None:
    """The program, or None where it cannot be built."""
    if shutil.which("go") is None:
        return None
    target = BINARY.absolute()
    made = subprocess.run(["go", "build", "-trimpath", "-o", target, "."], cwd=SOURCE, check=False)
    return target if made.returncode == 0 else None


def append(program: Path, folder: Path, entries: int, size: int, batch: int) -> dict[str, float]:
    """Tessera's POSIX driver: `per_second`, `p50_ms` and `p99_ms` of a batch."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return _run(program, "append", str(folder), str(entries), str(size), str(batch))


def fsck(program: Path, folder: Path, origin: str, key: str) -> float:
    """Seconds that Tessera's fsck takes over a log on disk."""
    return _run(program, "fsck", str(folder), origin, key)["seconds"]


def _run(program: Path, *arguments: str) -> dict[str, float]:
    done = subprocess.run([program, *arguments], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found
