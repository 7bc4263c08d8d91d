"""How long a sender goes on trying when nothing gets through any more."""

import random
import threading
import time

from ledger.errors import LedgerError, Unavailable

PATIENCE_S = 600.0  # without a byte more; then whoever called decides
LONGEST_WAIT_S = 60.0


class Stopped(Unavailable):
    """The caller's event was set. What was sent stays where it is."""


class Patience:
    """For one thing on its way. `stop` ends every wait with `Stopped`."""

    def __init__(self, stop: threading.Event, patience_s: float) -> None:
        self._stop = stop
        self._patience_s = patience_s
        self._attempts = 0
        self._moved_s = time.monotonic()

    def moved(self) -> None:
        """Something got through: patience begins anew."""
        self._attempts, self._moved_s = 0, time.monotonic()

    def wait(self, error: LedgerError) -> None:
        """Before the next attempt; raises `Unavailable` once patience is at its end."""
        if time.monotonic() - self._moved_s > self._patience_s:
            raise Unavailable(f"nothing more could be sent: {error}") from None
        self._attempts += 1
        # At random, or all stations would come back at once after the other side was away.
        longest = min(LONGEST_WAIT_S, 2.0 ** min(self._attempts - 1, 10))
        self.pause(longest * random.uniform(0.5, 1.0))

    def pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped("stopped while waiting for the ledger")
