"""Which inspections each agency holds or is under.

Every act of an agency, and of those above it, is looked through for this once: by the first who
ask, so many for a question (`look_on`), and from then on only what came since.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from ledger.encoding import in_china
from ledger.errors import Unavailable
from ledger.evidence.entry import Entry
from ledger.evidence.membership import acts_series
from ledger.evidence.procedural import Registered
from ledger.log import Log
from ledger.process.casefile import Filed
from ledger.process.deadlines.supervision import PROCEDURE, Inspection, inspections
from ledger.process.registers.registry import Registry
from storage.ledger_sqlite import SqliteLedgerStore

MAX_UNREAD = 200_000  # acts that one question looks through


class Supervising:
    """Asked from any thread. Numbers alone are kept: of what is destroyed nothing stays."""

    def __init__(
        self, log: Log, store: SqliteLedgerStore, registry: Callable[[], Registry]
    ) -> None:
        self._log = log
        self._store = store
        self._registry = registry
        self._lock = threading.Lock()
        self._read: defaultdict[str, int] = defaultdict(int)  # of each series
        self._numbers: defaultdict[str, list[int]] = defaultdict(list)  # of each agency

    def by(self, agencies: Iterable[str]) -> list[Inspection]:
        """Those that they hold."""
        read = cache(self._acts)
        return [one for agency in agencies for one in self._held(agency, read(agency), read)]

    def of(self, agencies: Iterable[str]) -> list[Inspection]:
        """Those that they were told of, whoever holds them; each agency's acts are read once."""
        above = {agency: self._ever_above(agency) for agency in agencies}
        read = cache(self._acts)

        def answers(agency: str) -> Sequence[Filed]:
            return read(agency) if agency in above else ()

        holders = dict.fromkeys(holder for holders in above.values() for holder in holders)
        found = (one for holder in holders for one in self._held(holder, read(holder), answers))
        return [one for one in found if one.told and one.by in above.get(one.inspected, ())]

    def _held(
        self, by: str, acts: Sequence[Filed], answers: Callable[[str], Sequence[Filed]]
    ) -> list[Inspection]:
        registry = self._registry()

        def above(act: Filed, inspected: str) -> bool:
            day = in_china(act.at_ms).date()
            return by in registry.above(inspected, act.number, day)[1:]

        return inspections(by, acts, answers, above)

    def look_on(self, agencies: Iterable[str]) -> None:
        """Raises `Unavailable` while there is more than one question looks through: what this one
        has seen is kept, so that whoever asks again comes further."""
        wanted = [name for agency in agencies for name in (agency, *self._ever_above(agency))]
        left, waiting = MAX_UNREAD, 0
        for agency in dict.fromkeys(wanted):
            with self._lock:
                for series in self._series(agency):
                    left -= self._catch_up(agency, series, left)
                    waiting += len(self._log.places(series)) - self._read[series]
        if waiting:
            raise Unavailable(
                f"{waiting:,} acts are still to be looked through for inspections",
                hints=(f"ask again: each question looks through {MAX_UNREAD:,} more",),
            )

    def logged(self, agency: str) -> int:
        """How many acts what an agency holds and was told is counted from; it never falls."""
        return sum(len(self._places(one)) for one in [agency, *self._ever_above(agency)])

    def _ever_above(self, agency: str) -> list[str]:
        """What an agency was told is to be answered also when it gets another one above it."""
        registry, found = self._registry(), [agency]
        for one in found:
            versions = registry.versions(Registered.AGENCY, one)
            parents = dict.fromkeys(version.says("parent") for version in versions)
            found += [parent for parent in parents if parent and parent not in found]
        return found[1:]

    def _acts(self, agency: str) -> list[Filed]:
        rows = map(self._log.row, self._places(agency))
        said = ((row, row.said()) for row in rows)
        return [Filed(r.number, one, Entry.from_bytes(r.entry).at) for r, one in said if one]

    def _places(self, agency: str) -> list[int]:
        with self._lock:
            for series in self._series(agency):
                self._catch_up(agency, series)
            return sorted(self._numbers[agency])

    def _series(self, agency: str) -> list[str]:
        years = range(self._log.first_year, int(self._log.label[:4]) + 1)
        return [acts_series(year, agency) for year in years]

    def _catch_up(self, agency: str, series: str, most: int | None = None) -> int:
        """How many were looked through; what a row that cannot be read stops is read again."""
        fresh = self._log.places(series)[self._read[series] :][:most]
        if not fresh:
            return 0
        said = ((row.number, row.said()) for row in self._store.rows_at(fresh))
        found = [n for n, one in said if one and one.predicate.get("procedure") == PROCEDURE]
        self._numbers[agency] += found
        self._read[series] += len(fresh)
        return len(fresh)
