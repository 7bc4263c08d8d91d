"""The complaints of each agency, by their numbers in the log: each is read for this once."""

import threading
from collections import defaultdict

from ledger.log import Log


class ComplaintsOf:
    """Asked from any thread."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._read = 0  # how many of all
        self._of: defaultdict[str, list[int]] = defaultdict(list)

    def agency(self, agency: str) -> list[int]:
        """In log order; of one that was destroyed the number may stay."""
        with self._lock:
            for number in self._log.complaints[self._read :]:
                if (said := self._log.row(number).said()) is not None:
                    self._of[said.agency].append(number)
                self._read += 1
            return list(self._of[agency]) if agency in self._of else []
