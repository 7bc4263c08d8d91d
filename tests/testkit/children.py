"""A ledger's server and its cosigners as processes, one after the other, ended by their ids."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "tests" / "crash" / "server_main.py"
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
GO_ON = signal.SIGUSR1
START_S = 120.0
END_S = 120.0


class Ended(Exception):
    """It ended, or was killed, before it served."""


@dataclass(slots=True)
class Child:
    """`lines` are what it has still to say; while it is `held` it does nothing."""

    pid: int
    lines: "SimpleQueue[str]" = field(default_factory=SimpleQueue)
    held: bool = True

    def go_on(self) -> None:
        if self.held:
            self.held = False
            os.kill(self.pid, GO_ON)

    @property
    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def port_if_ready(self) -> int | None:
        """Once: it says so only when it begins to serve."""
        try:
            return int(self.lines.get_nowait().removeprefix("ready "))
        except Empty:
            return None

    def ready(self) -> int:
        """The port, once it serves; raises `Ended` if it never does."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            alive = self.alive
            try:
                return int(self.lines.get(timeout=0.02).removeprefix("ready "))
            except Empty:
                if not alive:
                    raise Ended(f"process {self.pid} ended before it served") from None
        raise Ended(f"process {self.pid} does not begin to serve")

    def end(self, with_signal: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it may end by itself at any moment
            os.kill(self.pid, with_signal)
        self.wait(END_S)

    def wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.alive:
            assert time.monotonic() < deadline, f"process {self.pid} does not end"
            time.sleep(0.002)


class Children:
    """Forks them off one process that has imported everything."""

    def __init__(self, data: Path, states: Path, scratch: Path, unsynced: str = "") -> None:
        # Open as long as this lives: who asks a cosigner that is down waits for the next.
        self.cosigners = socket.create_server(("127.0.0.1", 0))
        self.seen = scratch / "seen"
        self.seen.touch()
        self.journal = scratch / "journal"
        fd = self.cosigners.fileno()
        path = os.pathsep.join(str(p) for p in (ROOT, ROOT / "tests"))
        with self.journal.open("wb") as journal:
            self._process = subprocess.Popen(
                [sys.executable, str(MAIN), str(data), str(states), str(self.seen), str(fd)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": path, "TIEZHENG_TEST_UNSYNCED": unsynced},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=journal,
                pass_fds=[fd],
                text=True,
            )
        self._born: SimpleQueue[Child] = SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def port(self) -> int:
        """Of the cosigners."""
        return int(self.cosigners.getsockname()[1])

    def begin(self, what: str, *, held: bool = False) -> Child:
        """`server`, `cosigners` or `next`; it does not serve yet, and `held` not before `go_on`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        child = self._born.get(timeout=START_S)
        if not held:
            child.go_on()
        return child

    def close(self) -> None:
        """The children end with their parent."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.kill()
        self._process.wait(END_S)
        self._listener.join(END_S)
        self._process.stdin.close()
        self._process.stdout.close()
        self.cosigners.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        children: dict[str, Child] = {}
        for line in self._process.stdout:
            pid, _, said = line.strip().partition(" ")
            if said == "begins":
                children[pid] = Child(int(pid))
                self._born.put(children[pid])
            else:
                children[pid].lines.put(said)


def die_with_parent() -> None:
    """For a child process, so that none outlives the tests."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
