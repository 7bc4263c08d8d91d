"""The station's own clock, and whether somebody has moved it back.

The wall clock is compared with the clock that counts from the start of the machine: their
difference changes only when the wall clock is set. It is kept durably with the id of the
start, so that a station that was off, or killed, knows the last time it saw. The newest
checkpoint that a quorum has signed bounds it from below as well.
"""

import json
import threading
from pathlib import Path

from ledger.errors import Unavailable
from ledger.ports import Clock
from storage.station_sqlite import SqliteStation

TOLERANCE_MS = 2_000  # a time server corrects by less, or slowly, which moves both clocks
COSIGNERS_MS = 300_000  # how far cosigners' clocks may be ahead of ours
KEEP_MS = 10_000

STATE = "clock"
BACK = "clock_back_ms"  # not yet told by any session
SEEN = "quorum_time_s"


def boot_id() -> str:
    """Changes with each start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError as error:
        raise Unavailable(f"cannot tell one start of this machine from another: {error}") from None


class StationClock:
    """Usable from any thread."""

    def __init__(self, store: SqliteStation, clock: Clock, boot: str) -> None:
        self._store = store
        self._clock = clock
        self._boot = boot
        self._lock = threading.Lock()
        self._kept_ms = 0

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def steady_ms(self) -> int:
        return self._clock.steady_ms()

    def back_ms(self) -> int:
        """How far the clock was moved back since a session has last told so."""
        return int(self._store.fact(BACK) or 0)

    def look(self) -> int:
        """Compares the clocks; returns how far back the wall clock was found moved, or 0."""
        with self._lock:
            wall, steady = self._clock.now_ms(), self._clock.steady_ms()
            drift = wall - steady
            known = json.loads(self._store.fact(STATE) or "{}")
            back, high = 0, drift
            if known.get("boot") == self._boot:
                back = known["high"] - drift
                high = max(known["high"], drift)
            elif known:
                back = known["wall"] - wall
            behind = 1000 * int(self._store.fact(SEEN) or 0) - wall
            late = behind > COSIGNERS_MS
            if late and not known.get("behind"):
                back = max(back, behind)
            moved = back > TOLERANCE_MS
            if moved:
                high = drift
            if moved or late != known.get("behind", False) or self._is_due(known, steady):
                self._keep(wall, steady, high, late, back if moved else 0)
            return back if moved else 0

    def _is_due(self, known: dict[str, object], steady: int) -> bool:
        return known.get("boot") != self._boot or steady - self._kept_ms >= KEEP_MS

    def _keep(self, wall: int, steady: int, high: int, behind: bool, back: int) -> None:
        state = {"behind": behind, "boot": self._boot, "high": high, "wall": wall}
        facts = {STATE: json.dumps(state)}
        if back:
            facts[BACK] = str(int(self._store.fact(BACK) or 0) + back)
        self._store.keep_facts(facts)
        self._kept_ms = steady
