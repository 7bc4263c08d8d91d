"""A backup where it is kept: a folder of numbered files, on another disk or machine.

    00000001.tzbackup
    00000002.tzbackup

Each is written beside its place, synced and renamed, so a number is there whole or not at
all. Whoever can write here can destroy a backup; he can neither read nor alter it.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ledger.backup import (
    FIRST,
    BackupKey,
    Header,
    Read,
    Record,
    State,
    open_records,
    read_header,
    seal,
)
from ledger.encoding import clip
from ledger.errors import LedgerError, Malformed, Rejected, Unknown
from ledger.suite import new_digest
from storage.durable import PRIVATE_FILE, open_new, refusals, sync_folder, write_all

ENDING = ".tzbackup"
ID_FILE = "target"
_NAME = re.compile(r"(\d{8})\.tzbackup", re.ASCII)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose place in the chain was checked."""

    header: Header
    records: Iterator[Record]


class BackupFolder:
    def __init__(self, path: Path, key: BackupKey) -> None:
        self._path = path
        self._key = key

    def count(self) -> int:
        """How many files there are; raises `Rejected` if one between them is missing."""
        with refusals(f"list {str(self._path)!r}"):
            if not self._path.is_dir():
                # Never made here: where a disk is not mounted its copies would fill this one.
                raise Unknown(
                    f"no folder at {str(self._path)!r}",
                    hints=("is its disk mounted? for a new backup make the folder first",),
                )
            names = sorted(entry.name for entry in self._path.iterdir())
        numbers = [int(match[1]) for name in names if (match := _NAME.fullmatch(name))]
        for n, number in enumerate(numbers, 1):
            if n != number:
                raise Rejected(
                    f"{name_of(n)} is missing, and {name_of(numbers[-1])} is there",
                    hints=("bring it back, or begin a new backup in an empty folder",),
                )
        return len(numbers)

    def size(self, n: int) -> int:
        with refusals(f"read {name_of(n)}"):
            return (self._path / name_of(n)).stat().st_size

    def target(self) -> str:
        """Names this folder, for whoever is told that it holds a backup: from its first file."""
        return "" if self.count() == 0 else self.digest(1).hex()[:16]

    def digest(self, n: int) -> bytes:
        """SHA-256 of file `n`; of file 0, what the first one names."""
        if n == 0:
            return FIRST
        hasher = new_digest()
        with self._reading(n) as read:
            while data := read(1 << 20):
                hasher.update(data)
        return hasher.digest()

    @contextmanager
    def open(self, n: int, after: bytes, log: str) -> Iterator[Opened]:
        """File `n` of the backup of `log`; raises, naming the file, what is wrong with it.

        `after` is the digest of the file before; an empty `log` is any.
        """
        try:
            with self._reading(n) as read:
                header = read_header(read)
                if header.n != n:
                    raise Rejected(f"it was written as {name_of(header.n)}")
                if log and header.log != log:
                    raise Rejected(f"it is of the ledger {clip(header.log)!r}, not of {log!r}")
                if header.after != after:
                    raise Rejected(f"it does not follow the {name_of(n - 1)} that is here")
                yield Opened(header, open_records(self._key, header, read))
        except Malformed as error:
            raise error.under(name_of(n)) from None
        except Rejected as error:
            raise type(error)(f"{name_of(n)}: {error}", hints=error.hints) from None

    def last_state(self, log: str) -> tuple[int, bytes, State | None]:
        """Number, digest and state of the newest file; of none, 0 and no state."""
        n = self.count()
        if n == 0:
            return 0, FIRST, None
        with self._reading(n) as read:
            after = _header(n, read).after
        with self.open(n, after, log) as opened:
            state = State.from_bytes(next(opened.records).body)
        return n, self.digest(n), state

    def write(self, header: Header, records: Iterable[Record]) -> int:
        """Durable on return, whole or not at all; how many bytes it has."""
        final = self._path / name_of(header.n)
        temporary = self._path / f".new-{secrets.token_hex(8)}"
        size = 0
        with refusals(f"write {str(final)!r}"):
            self._clear()
            if final.exists():
                raise Rejected(f"{name_of(header.n)} is there already: does another backup run?")
            try:
                with open_new(temporary, PRIVATE_FILE) as fd:
                    for data in seal(self._key, header, records):
                        write_all(fd, data)
                        size += len(data)
                    os.fsync(fd)
                temporary.replace(final)
                sync_folder(self._path)
            except BaseException:
                with suppress(OSError):
                    temporary.unlink()
                raise
        return size

    def _clear(self) -> None:
        """What runs that were cut off have left."""
        for leftover in self._path.glob(".new-*"):
            leftover.unlink()

    @contextmanager
    def _reading(self, n: int) -> Iterator[Read]:
        with refusals(f"read {name_of(n)}"), (self._path / name_of(n)).open("rb") as file:
            yield file.read


def name_of(n: int) -> str:
    return f"{n:08d}{ENDING}"


def _header(n: int, read: Read) -> Header:
    try:
        return read_header(read)
    except LedgerError as error:
        raise Malformed(str(error), path=name_of(n)) from None
