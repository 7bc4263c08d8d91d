"""One thread commits whatever statements wait, together.

There is no timer: the next batch is what arrived while the last one was being
committed. A lone statement waits for nobody.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from api.journal import journal
from ledger.errors import LedgerError, Unavailable
from ledger.filing import Filing
from ledger.log import Accepted, Log

MAX_BATCH = 4096  # statements in one transaction: bounds its memory and its latency
MAX_WAITING = 1024  # requests: beyond that the server says so instead of growing

Result = Accepted | LedgerError


class Writer:
    """Owns all writing to a log. `after` is called in its thread after each commit."""

    def __init__(
        self, log: Log, after: Callable[[Sequence[Filing], Sequence[Result]], None]
    ) -> None:
        self._log = log
        self._after = after
        self._ready = threading.Condition()
        self._waiting: deque[tuple[Sequence[Filing], Future[list[Result]]]] = deque()
        self._work: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def submit(self, filings: Sequence[Filing]) -> "Future[list[Result]]":
        """Each filing's result, in order; the future fails only if the store is in doubt."""
        future: Future[list[Result]] = Future()
        with self._ready:
            if self._stopping or len(self._waiting) >= MAX_WAITING:
                raise Unavailable(f"{len(self._waiting)} requests wait already, or it is closing")
            self._waiting.append((filings, future))
            self._ready.notify()
        return future

    def between(self, work: Callable[[], None]) -> None:
        """Runs `work` between two commits, so that it cannot race with one."""
        with self._ready:
            self._work.append(work)
            self._ready.notify()

    def stop(self) -> None:
        """Finishes what waits, then ends."""
        with self._ready:
            self._stopping = True
            self._ready.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._waiting or self._work or self._stopping)
                if not self._waiting and not self._work:
                    return
                batch, work = self._take(), list(self._work)
                self._work.clear()
            for job in work:
                try:
                    job()
                except Exception:
                    journal.exception("work_failed")
            if batch:
                self._commit(batch)

    def _take(self) -> list[tuple[Sequence[Filing], "Future[list[Result]]"]]:
        batch, count = [], 0
        while self._waiting and count < MAX_BATCH:
            filings, future = self._waiting.popleft()
            # From here on nobody can cancel it, and its result can be set.
            if future.set_running_or_notify_cancel():
                batch.append((filings, future))
                count += len(filings)
        return batch

    def _commit(self, batch: list[tuple[Sequence[Filing], "Future[list[Result]]"]]) -> None:
        filings = [filing for part, _ in batch for filing in part]
        try:
            results = self._log.accept(filings)
        except Exception as error:
            journal.error("not_sequenced", reason=str(error))
            for _, future in batch:
                future.set_exception(error)
            return
        at = 0
        for part, future in batch:
            future.set_result(results[at : at + len(part)])
            at += len(part)
        try:
            self._after(filings, results)
        except Exception:
            journal.exception("after_commit_failed")
