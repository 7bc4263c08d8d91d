"""Refusals, in families that tell a person what to do next.

    LedgerError
    ├── Malformed      not in the format: fetch it again, or look at who wrote it
    ├── Rejected       in the format, not to be believed: call a lawyer
    │   ├── Conflict   believed once with other contents: the earlier one stands
    │   ├── Destroyed  a disposal in the log has destroyed it: it does not come back
    │   └── Unknown    nothing of that name is here
    └── Unavailable    the disk, the network or the clock would not do its part
        ├── Full       there is no room, or no quota, for these bytes
        └── Uncomputed no library here computes it: nothing was found, good or bad

A message says what was wanted and what came, quotes input with `!r`, and never
contains a secret. `code` is stable: programs branch on it.
"""

from typing import ClassVar


class LedgerError(Exception):
    """Base of every refusal; never raised itself."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hints: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.hints = hints


class Malformed(LedgerError):
    code = "malformed"

    def __init__(self, message: str, *, path: str = "", hints: tuple[str, ...] = ()) -> None:
        super().__init__(f"{path}: {message}" if path else message, hints=hints)
        self.message = message
        self.path = path

    def under(self, parent: str) -> "Malformed":
        """The same refusal, seen from the thing that contains the bad part."""
        joiner = "" if not self.path or self.path.startswith("[") else "."
        return Malformed(self.message, path=f"{parent}{joiner}{self.path}", hints=self.hints)


class Rejected(LedgerError):
    code = "rejected"


class Conflict(Rejected):
    code = "conflict"


class Destroyed(Rejected):
    code = "destroyed"


class Unknown(Rejected):
    code = "unknown"


class Unavailable(LedgerError):
    code = "unavailable"


class Full(Unavailable):
    code = "full"


class Uncomputed(Unavailable):
    """Only where a program runs without its library; to others it is `unavailable`."""
