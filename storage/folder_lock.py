"""One server per data folder: a lock that the operating system lets go when its holder dies."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import Self

from ledger.errors import Conflict
from storage.durable import PRIVATE_FILE, refusals

TRIES, PAUSE_S = 50, 0.01  # half a second: who only asks is gone long before


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock now; that he does a moment later nobody can say."""
    with refusals(f"look at the lock {str(path)!r}"):
        try:
            fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False  # nobody has ever held it
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
    return False


class FolderLock:
    """Held from construction to `close`. The file stays: removing it would let two hold it."""

    def __init__(self, path: Path) -> None:
        with refusals(f"lock {str(path)!r}"):
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
            try:
                _take(self._fd)
                os.ftruncate(self._fd, 0)
                os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
            except BlockingIOError:
                holder = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip()
                os.close(self._fd)
                raise Conflict(
                    f"{str(path.parent)!r} is in use by process {holder or 'unknown'}"
                ) from None
            except BaseException:
                os.close(self._fd)
                raise

    def close(self) -> None:
        """Safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _take(fd: int) -> None:
    """Raises `BlockingIOError` if it is held, not only asked about: `is_locked` takes it too."""
    for _ in range(TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        sleep(PAUSE_S)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
