"""Files that somebody names, opened only if they are files.

A pipe that nobody writes into would hold an open for ever, and some devices a reader.
"""

import errno
import os
import stat
from pathlib import Path


def open_regular(path: Path, *, pipe: bool = False) -> int:
    """A descriptor to read from. Raises `OSError`, at once, if it is no regular file.

    With `pipe` one that is written into is taken too: a shell's `<(…)` is such a pipe, and one
    that nobody has open reads as empty.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode) and not (pipe and stat.S_ISFIFO(mode)):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        os.set_blocking(fd, True)
    except BaseException:
        os.close(fd)
        raise
    return fd
