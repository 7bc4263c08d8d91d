"""What the benchmarks of bytes stand on: files, a ledger of real processes, what processes used.

Everything lies below `build/bench`, on the disk of the checkout, so that an fsync costs
what it costs, and is gone afterwards.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

from benchmarks.measure import Row, in_turn
from cli.demo import Stage

GIB = 1 << 30
MB = 1_000_000
BLOCK = 1 << 20
BETWEEN = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


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
            stage.serve(stack, *([] if cosigned else ["--alone"]))
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


def tiezheng(*arguments: str | Path) -> float:
    """Runs one of our commands; peak memory of the largest process of it, in MB."""
    code = "import sys; from cli.main import main; sys.exit(main())"
    # In a small process between: what this one had would count as the command's.
    between = [sys.executable, "-I", "-S", "-c", BETWEEN, sys.executable, "-c", code]
    command = [*between, *map(str, arguments)]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return int(ended.stdout) * 1024 / MB


def measured(
    rounds: int, works: Mapping[str, Callable[[], object]], rate: float = 0
) -> tuple[Row, ...]:
    """Seconds of each, or with the bytes of one round as `rate` MB/s; then what memory it took.

    Memory is of those that give it back, as `tiezheng` does, and the most of all rounds.
    """
    peaks: dict[str, float] = {}

    def timed(what: str, work: Callable[[], object]) -> float:
        start = time.perf_counter()
        peak = work()
        took = time.perf_counter() - start
        if isinstance(peak, float):
            peaks[what] = max(peaks.get(what, 0), peak)
        return rate / took / MB if rate else took

    candidates = {what: partial(timed, what, work) for what, work in works.items()}
    rows = in_turn(rounds, "MB/s" if rate else "s", candidates)
    return (*rows, *(Row(f"{what}, peak memory", "MB", (mb,)) for what, mb in peaks.items()))
