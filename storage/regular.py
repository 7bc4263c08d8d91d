"""Files that somebody names, read and replaced only if they are files.

A pipe that nobody writes into would hold an open for ever, and some devices a reader. A file
that is renamed into the place of `/dev/null` would take it from every program.
"""

import errno
import os
import stat
from pathlib import Path

NO_FILE = "it is no regular file"


def open_regular(path: Path, *, pipe: bool = False) -> int:
    """A descriptor to read from. Raises `OSError`, at once, if it is no regular file.

    With `pipe` one that is written into is taken too: a shell's `<(…)` is such a pipe, and one
    that nobody has open reads as empty.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode) and not (pipe and stat.S_ISFIFO(mode)):
            raise OSError(errno.EINVAL, NO_FILE, str(path))
        os.set_blocking(fd, True)
    except BaseException:
        os.close(fd)
        raise
    return fd


def check_target(path: Path) -> None:
    """Raises `OSError` if what stands there, or where a link leads, is no regular file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, NO_FILE, str(path))
