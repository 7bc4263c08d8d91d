"""Time and randomness of this machine."""

import os
import time

from ledger.evidence.entry import SALT_SIZE

# Python's monotonic clock stands still while a Linux machine sleeps; this one does not.
_BOOT_TIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class SystemClock:
    """Implements `ledger.ports.Clock`."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def steady_ms(self) -> int:
        ns = time.monotonic_ns() if _BOOT_TIME is None else time.clock_gettime_ns(_BOOT_TIME)
        return ns // 1_000_000


class SystemEntropy:
    """Implements `ledger.ports.Entropy`."""

    def salt(self) -> bytes:
        return os.urandom(SALT_SIZE)
