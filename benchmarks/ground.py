"""What the benchmarks of bytes stand on: files, a ledger of real processes, what processes used.

Everything lies below `build/bench`, on the disk of the checkout, so that an fsync costs
what it costs, and is gone afterwards.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

from cli.demo import Stage

GIB = 1 << 30
MB = 1_000_000
BLOCK = 1 << 20


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the checkout's disk, gone afterwards."""
    root = Path("build/bench")
    root.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=root)).absolute()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def fill(path: Path, size: int) -> Path:
    """A file that does not compress, on the disk and in the page cache."""
    block = os.urandom(min(size, 16 << 20))
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])
        file.flush()
        os.fsync(file.fileno())
    return path


def read_once(path: Path) -> None:
    """Into the page cache, as far as it had left it."""
    buffer = bytearray(BLOCK)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def openssl_dgst(path: Path, algorithm: str = "-sha256") -> None:
    """The yardstick of hashing; coreutils' sha256sum goes without the CPU's instructions."""
    subprocess.run(["openssl", "dgst", algorithm, path], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def ledger(root: Path, items: list[Path], *, cosigned: bool) -> Iterator[Stage]:
    """A founded ledger that serves, with registered keys: that of `tiezheng demo`."""
    stage = Stage(root, items)
    with ExitStack() as stack:
        root.mkdir()
        with redirect_stdout(StringIO()):
            stage.found()
            if cosigned:
                stage.cosign(stack)
            stage.serve(stack)
        yield stage


def cpu_seconds(pid: int) -> float:
    """What a process and its children that live have used so far, kernel time included."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    used = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return used + sum(cpu_seconds(int(child)) for child in children)


def forget_peak(pid: int) -> None:
    """From here on `peak_mb` counts anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / MB


@contextmanager
def process(command: list[str | Path], log: Path) -> Iterator[int]:
    """A process of somebody else's; ended by its pid."""
    with log.open("wb") as file:
        running = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        yield running.pid
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(30)
