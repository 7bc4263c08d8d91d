"""Backups of a data folder, and what the server says of them.

`tiezheng backup` runs beside the server, in a process of its own. When a file of it is
durable it leaves a note in the data folder; the server files that as a `status` statement.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from api.custody import Custody
from api.journal import journal
from api.keys import read_key
from ledger.backup import STATE, BackupKey, Header, Record, State
from ledger.encoding import format_json, parse_decimal, parse_json
from ledger.errors import LedgerError, Malformed, Rejected, Unknown
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import log_label
from ledger.evidence.statement import Kind, Statement
from ledger.log import Log
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from storage.backup_data import Progress, Snapshot, snapshot
from storage.backup_folder import BackupFolder, name_of
from storage.clock import SystemEntropy
from storage.durable import refusals, write_file
from storage.folder import DataFolder
from storage.folder_lock import FolderLock
from storage.next_log import staged_key

LOOK_S = 2.0  # between two looks at the note of the newest backup
MAX_NOTE = 4096
LOOK_BACK = 200  # of the ledger's own statements, for one that says the same already


@dataclass(frozen=True, slots=True)
class BackedUp:
    """The note in the data folder. `target` names the place without telling it.

    `size` is of `log`, the last that the backup holds; those before it are in it whole.
    """

    log: str
    size: int
    at_ms: int
    number: int
    target: str

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "at": self.at_ms,
                "log": self.log,
                "number": self.number,
                "size": str(self.size),
                "target": self.target,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_NOTE):
            case {
                "at": int(at_ms),
                "log": str(log),
                "number": int(number),
                "size": str(size),
                "target": str(target),
                **more,
            } if not more:
                return cls(log, parse_decimal(size), at_ms, number, target)
            case _:
                raise Malformed("want at, log, number, size and target")


@dataclass(frozen=True, slots=True)
class Made:
    """What `make_backup` has added: one file, with the entries from `start` to `size`."""

    number: int
    start: int
    size: int
    stored: int
    target: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a backup folder holds, each file of it read and opened."""

    log: str
    files: int
    size: int
    stored: int
    digest: bytes  # of the last file


def make_backup(
    folder: DataFolder,
    log: str,
    target: Path,
    key: BackupKey,
    now_ms: int,
    on_start: Callable[[int], Progress] = lambda total: lambda done: None,
) -> Made:
    """Adds a file to the backup in `target` and leaves the note. `log` is the first log's origin.

    `on_start` is told the number of entries and statements and gives what is called as
    they are taken.
    """
    if target.absolute().is_relative_to(folder.path.absolute()):
        raise Rejected(f"{str(target)!r} lies in the ledger's own folder, and is lost with it")
    with FolderLock(folder.backup_lock), snapshot(folder) as taken:
        if folder.restored.exists():
            # What it lacks stands in that mark, and would be forgotten.
            raise Rejected(
                "this ledger was restored and has not gone on yet: there is nothing new to back up",
                hints=("start the server; it says what it waits for",),
            )
        if (path := staged_key(folder)) is not None and _origin(taken) == read_key(path).name:
            raise Rejected(
                "a next log has begun and its keys are not in place yet",
                hints=("start the server, or run `tiezheng next-log` again, and then this",),
            )
        backup = BackupFolder(target, key)
        number, after, before = backup.last_state(log)
        _check_end(newest(folder), backup, number)
        state = taken.state(before)
        header = Header(
            n=number + 1,
            after=after,
            at_ms=now_ms,
            key=key.name,
            log=log,
            salt=SystemEntropy().salt(),
        )
        progress = on_start(2 * (state.size - state.start))
        size = backup.write(header, taken.records(before, progress))
        label = log_label(_origin(taken))
        note = BackedUp(label, taken.last.edge.size, now_ms, header.n, backup.target())
        write_file(folder.backup, note.to_bytes())
        return Made(header.n, state.start, state.size, size, note.target)


def _origin(taken: Snapshot) -> str:
    return Checkpoint.from_text(SignedNote.from_text(taken.last.note).text).origin


def _check_end(last: BackedUp | None, backup: BackupFolder, number: int) -> None:
    """That the newest file which this ledger knows of is there: a chain does not show its end."""
    if last is not None and last.target == backup.target() and last.number > number:
        raise Rejected(
            f"the backup ends at {name_of(number)}, and {name_of(last.number)} had been written",
            hints=("bring it back, or begin a new backup in an empty folder",),
        )


def check_backup(target: Path, key: BackupKey, progress: Progress = lambda n: None) -> Checked:
    """Reads all of it; raises, naming the file, on whatever is missing, altered or another's."""
    backup = BackupFolder(target, key)
    count = backup.count()
    if count == 0:
        raise Unknown(f"no backup in {str(target)!r}")
    log, size, total, after = "", 0, 0, backup.digest(0)
    for n in range(1, count + 1):
        with backup.open(n, after, log) as opened:
            log = opened.header.log
            state = _state(opened.records, size)
            deque(opened.records, maxlen=0)
        size, after = state.size, backup.digest(n)
        total += backup.size(n)
        progress(1)
    return Checked(log, count, size, total, after)


def _state(records: Iterator[Record], size: int) -> State:
    first = next(records, None)
    if first is None or first.kind != STATE:
        raise Malformed("want the state first")
    state = State.from_bytes(first.body)
    if state.start != size:
        raise Rejected(f"it goes on at entry {state.start}, and the one before ends at {size}")
    return state


def newest(folder: DataFolder) -> BackedUp | None:
    """What the last finished backup of this folder holds; None if there was none."""
    with refusals(f"read {str(folder.backup)!r}"):
        try:
            with folder.backup.open("rb") as file:
                data = file.read(MAX_NOTE + 1)
        except FileNotFoundError:
            return None
    return BackedUp.from_bytes(data)


class BackupWatch:
    """Says in the log what was backed up, soon after it was."""

    def __init__(self, folder: DataFolder, log: Log, custody: Custody) -> None:
        self._folder = folder
        self._log = log
        self._custody = custody
        self._said: BackedUp | None = None
        self._first = True

    def run(self, closing: threading.Event) -> None:
        while not closing.wait(LOOK_S):
            try:
                self.look()
            except LedgerError as error:
                journal.warning("backup_not_said", reason=str(error))

    def look(self) -> None:
        """Files one `status` statement a backup; after a restart, none that is there already."""
        found = newest(self._folder)
        if found is None or found == self._said or self._log.held:
            return
        if not (self._first and self._in_log(found)):
            counts = {"number": found.number, "size": found.size}
            note = f"target {found.target}"
            if found.log != self._log.label:
                note += f", log {found.log}"
            self._custody.status("backed_up", counts, note=note)
        self._said, self._first = found, False

    def _in_log(self, found: BackedUp) -> bool:
        """Said by the log that it is of, or by one that has followed it."""
        years = {log.label[:4] for log in self._log.derived}
        series = [f"{year}/log" for year in sorted(years) if year >= found.log[:4]]
        places = [number for name in series for number in self._log.places(name)[-LOOK_BACK:]]
        for number in reversed(places):
            row = self._log.row(number)
            if row.kind != Kind.STATUS:
                continue
            said = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload).predicate
            counts = {"number": str(found.number), "size": str(found.size)}
            if said["what"] == "backed_up" and said.get("counts") == counts:
                return True
        return False
