"""What a benchmark gives back, and the one way in which they are timed.

Machines drift: candidates run in turn, round by round, and the median counts. A
ratio is only formed between rows of one table.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Candidate = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured: `runs` are its values in `unit`, one a round."""

    what: str
    unit: str
    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)


@dataclass(frozen=True, slots=True)
class Ratio:
    """`value` of what `label` says; `goal` is what it should be at least, if there is one."""

    label: str
    value: float
    goal: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """`points` are (x, y); those of a table are drawn into one picture, both axes logarithmic."""

    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The result of one benchmark. `notes` say what is compared with what, and what is not."""

    key: str
    title: str
    rows: tuple[Row, ...]
    ratios: tuple[Ratio, ...] = ()
    curves: tuple[Curve, ...] = ()
    axes: tuple[str, str] = ("", "")
    notes: tuple[str, ...] = field(default_factory=tuple)

    def median(self, what: str) -> float:
        return next(row.median for row in self.rows if row.what == what)


def in_turn(rounds: int, unit: str, candidates: Mapping[str, Candidate]) -> tuple[Row, ...]:
    """Runs every candidate once a round; each returns its own value in `unit`."""
    values: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, candidate in candidates.items():
            values[name].append(candidate())
    return tuple(Row(name, unit, tuple(runs)) for name, runs in values.items())


def seconds(work: Callable[..., object], *arguments: object) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start
