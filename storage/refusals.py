"""What a disk refuses, as a refusal of ours. Readers need no more: see `durable` for writing."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from ledger.errors import Full, Unavailable

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def refusal(error: OSError, what: str) -> Unavailable:
    """What the disk would not do, as ours to raise. `what` continues "cannot"."""
    kind = Full if error.errno in _NO_ROOM else Unavailable
    return kind(f"cannot {what}: {error.strerror or 'the disk refuses'}")


@contextmanager
def refusals(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise refusal(error, what) from None
