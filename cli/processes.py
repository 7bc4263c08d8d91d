"""Other processes, for long work that threads of one interpreter cannot share."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process
from typing import TypeVar

from ledger.errors import Unavailable

T = TypeVar("T")
R = TypeVar("R")

LEAST = 16  # values: fewer are done before the processes have started
MOST = 61  # processes: Windows can wait for no more


def spread(work: Callable[[T], R], values: Sequence[T], /) -> Iterator[R]:
    """Implements `ledger.spread.Spread`; `work` and `values` are sent to the processes."""
    cores = min(os.cpu_count() or 1, MOST)
    if len(values) < LEAST or cores < 2:
        yield from map(work, values)
        return
    # Spawned, as threads do not survive a fork.
    with ProcessPoolExecutor(cores, get_context("spawn"), _begin) as pool:
        rest = iter(values)
        # A few ahead, not all: there may be more values than memory.
        running = deque(pool.submit(work, value) for value in islice(rest, 2 * cores))
        try:
            while running:
                yield running.popleft().result()
                running.extend(pool.submit(work, value) for value in islice(rest, 1))
        except BrokenProcessPool:
            hint = "perhaps there was too little memory"
            raise Unavailable("a process that did part of this has ended", hints=(hint,)) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    # Ctrl-C is for the one that started this process; and it must not outlive that one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
