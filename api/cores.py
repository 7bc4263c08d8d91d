"""All cores for work whose arithmetic lets go of the interpreter: signatures, mostly.

Values are shared out in as many runs as there are cores, since a task costs more than
a small value. A lone value is worked on at once, in the caller's thread. The threads are
the writer's: nothing that a stranger sends may wait in them, and no work of theirs may
spread again.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

CORES = os.cpu_count() or 1

_pool = ThreadPoolExecutor(CORES, thread_name_prefix="core")


def spread(work: Callable[[T], R], values: Sequence[T], /) -> Iterable[R]:
    """Implements `ledger.spread.Spread`. Raises what `work` raises."""
    if len(values) < 2:
        return [work(value) for value in values]
    length = -(-len(values) // CORES)
    runs = [values[i : i + length] for i in range(0, len(values), length)]
    return [result for part in _pool.map(lambda run: [*map(work, run)], runs) for result in part]
