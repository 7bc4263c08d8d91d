"""A file that a command reads whole, within a bound."""

from pathlib import Path

from ledger.errors import Rejected, Unavailable

MAX_SMALL = 64 << 20  # a certificate's PDF


def read_small(path: Path) -> bytes:
    """A whole file; one that never ends is refused at the bound."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SMALL + 1)
    except OSError as error:
        raise Unavailable(f"cannot read {str(path)!r}: {error.strerror}") from None
    if len(data) > MAX_SMALL:
        raise Rejected(f"want a file of at most {MAX_SMALL} bytes")
    return data
