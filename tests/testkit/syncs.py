"""What is synced while a block runs, in order: the paths of files and folders."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch


@contextmanager
def watched_syncs() -> Iterator[list[Path]]:
    """Python's own; those of SQLite are not seen."""
    seen: list[Path] = []
    fsync = os.fsync

    def watch(fd: int) -> None:
        seen.append(Path(os.readlink(f"/proc/self/fd/{fd}")))
        fsync(fd)

    with patch("os.fsync", watch):
        yield seen
