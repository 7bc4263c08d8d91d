"""A command that lives on another day: the same program, and a calendar that a test turns.

    python -m testkit.someday AHEAD server ledger --port 0

The first eight bytes of the file AHEAD are by how many milliseconds its clocks are ahead of this
machine's; all processes that read the one file live on the same day. Both clocks are turned, the
one on the wall and the one that counts from the start, as if the machine had slept meanwhile: a
wall clock alone that jumps is what a ledger refuses to date its entries by.
"""

import mmap
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch


class Someday:
    """The turned calendar; `set` is for whoever leads the play."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(bytes(8))
        with file.open("r+b") as opened:
            self._shared = mmap.mmap(opened.fileno(), 8)
        self._real_ns = time.time_ns

    @property
    def ahead_ms(self) -> int:
        return int.from_bytes(self._shared[:8], "big", signed=True)

    def set(self, at_ms: int) -> None:
        """From now on it is `at_ms`, and time goes on from there."""
        ahead = at_ms - self._real_ns() // 1_000_000
        self._shared[:8] = ahead.to_bytes(8, "big", signed=True)

    def now_ms(self) -> int:
        return self._real_ns() // 1_000_000 + self.ahead_ms

    @contextmanager
    def lived(self) -> Iterator[None]:
        wall, wall_ns, steady_ns = time.time, time.time_ns, time.clock_gettime_ns

        def ahead_ns() -> int:
            return self.ahead_ms * 1_000_000

        with (
            patch("time.time", lambda: wall() + self.ahead_ms / 1000),
            patch("time.time_ns", lambda: wall_ns() + ahead_ns()),
            patch("time.clock_gettime_ns", lambda clock: steady_ns(clock) + ahead_ns()),
        ):
            yield


if __name__ == "__main__":
    from cli.main import main

    with Someday(Path(sys.argv[1])).lived():
        sys.exit(main(sys.argv[2:]))
