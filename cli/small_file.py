"""A file that a command reads whole, within a bound."""

import errno
import stat
from pathlib import Path

from ledger.errors import Rejected, Unavailable

MAX_SMALL = 64 << 20  # a certificate's PDF


def read_small(path: Path) -> bytes:
    """A whole file; one that never ends is refused at the bound."""
    try:
        # Opening a pipe would wait for a writer; Windows has no way to open one without.
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        with path.open("rb") as file:
            data = file.read(MAX_SMALL + 1)
    except OSError as error:
        raise Unavailable(f"cannot read {str(path)!r}: {error.strerror}") from None
    if len(data) > MAX_SMALL:
        raise Rejected(f"want a file of at most {MAX_SMALL} bytes")
    return data
