"""Other processes, for long work that threads of one interpreter cannot share."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

LEAST = 16  # values: fewer are done before the processes have started


def spread(work: Callable[[T], R], values: Sequence[T], /) -> Iterator[R]:
    """Implements `ledger.spread.Spread`; `work` and `values` are sent to the processes."""
    cores = os.cpu_count() or 1
    if len(values) < LEAST or cores < 2:
        yield from map(work, values)
        return
    # Ctrl-C is for the one that started them; spawned, as threads do not survive a fork.
    context = get_context("spawn")
    ignore = (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(cores, context, signal.signal, ignore) as pool:
        yield from pool.map(work, values)
