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
        self._naming = 0
        self._of: defaultdict[str, list[int]] = defaultdict(list)

    def agency(self, agency: str) -> list[int]:
        """In log order; of one that was destroyed the number may stay."""
        with self._lock:
            self._catch_up()
            return list(self._of[agency]) if agency in self._of else []

    def naming_cases(self) -> int:
        """How many there are, brought to anybody, that name a case: it may be anybody's."""
        with self._lock:
            self._catch_up()
            return self._naming

    def _catch_up(self) -> None:
        for number in self._log.complaints[self._read :]:
            if (said := self._log.row(number).said()) is not None:
                self._of[said.agency].append(number)
                self._naming += said.case is not None or "provisional" in said.predicate
            self._read += 1
