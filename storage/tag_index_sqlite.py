"""Where a tag may stand in a log: SQLite, made from the log's entries and made again if lost.

    place(prefix, entry)    the first six bytes of a tag as a number, and an entry that has it
    scanned(size, …)        how far: the root there, the last time, the first that is no entry

Six bytes find a handful of candidates, and whoever asks reads their entries: so nothing is
found that is not there. That nothing is missed rests on this file; a row of it and the size
that covers it are one transaction.
"""

import re
from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlite_utils import Database

from ledger.evidence.entry import TAGS, scan_entries
from ledger.tlog.merkle import EMPTY_ROOT
from storage.database import DatabaseFile, Migration

PREFIX = 6
AT_ONCE = 500  # values in one question to SQLite
CACHE_KB = 65_536  # of pages while places are added; a small one reads most of them again
_TAG = re.compile(rb'"([A-Za-z0-9+/]{8})[A-Za-z0-9+/]{14}=="')  # 8 of its characters are 6 bytes


def _create(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE place (
            prefix INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (prefix, entry)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute(
        """
        CREATE TABLE scanned (
            size INTEGER NOT NULL, root BLOB NOT NULL, at INTEGER NOT NULL, odd INTEGER
        ) STRICT
        """
    )
    db.execute("INSERT INTO scanned VALUES (0, ?, 0, NULL)", [EMPTY_ROOT])


MIGRATIONS: tuple[Migration, ...] = (_create,)


class SqliteTagIndex:
    """One thread adds; any may ask."""

    def __init__(self, path: Path) -> None:
        # Not durable: what a power cut takes back is read from the log again.
        self._file = DatabaseFile(path, MIGRATIONS, durable=False)
        self._take()
        with self._file.write() as db:
            db.execute(f"PRAGMA cache_size = -{CACHE_KB}")

    def close(self) -> None:
        self._file.close()

    def add(self, entries: Sequence[bytes], root: bytes) -> None:
        """The entries from `size` on, at most 2^32 in all, which end a tree with this root.

        From the first on that is not in its form, none has tags.
        """
        at, found = scan_entries(entries, self._at) if self.odd is None else (self._at, None)
        odd = self.odd if found is None else self.size + found[0]
        good = entries if odd is None else entries[: max(0, odd - self.size)]
        # In order, so that the pages of the table are visited once. One number for both columns
        # sorts in a third of the time.
        keys = sorted(
            number << 32 | self.size + place // TAGS for place, number in enumerate(_prefixes(good))
        )
        rows = ((key >> 32, key & 0xFFFFFFFF) for key in keys)
        with self._file.write() as db:
            db.conn.executemany("INSERT OR IGNORE INTO place VALUES (?, ?)", rows)
            state = [self.size + len(entries), root, at, odd]
            db.execute("UPDATE scanned SET size = ?, root = ?, at = ?, odd = ?", state)
        self._take()

    def clear(self) -> None:
        with self._file.write() as db:
            db.execute("DELETE FROM place")
            db.execute("UPDATE scanned SET size = 0, root = ?, at = 0, odd = NULL", [EMPTY_ROOT])
        self._take()

    def candidates(self, tags: Sequence[bytes], size: int) -> list[int]:
        """Entries below `size` that may hold one of the tags, in log order."""
        numbers = [_number(tag) for tag in tags]
        found: set[int] = set()
        with self._file.read() as db:
            for start in range(0, len(numbers), AT_ONCE):
                part = numbers[start : start + AT_ONCE]
                marks = ",".join("?" * len(part))
                query = f"SELECT entry FROM place WHERE prefix IN ({marks}) AND entry < ?"  # noqa: S608
                found.update(row[0] for row in db.execute(query, [*part, size]))
        return sorted(found)

    def _take(self) -> None:
        """What is stored, and never what was about to be: else tags would be missed."""
        with self._file.read() as db:
            row = db.execute("SELECT size, root, at, odd FROM scanned").fetchone()
        self.size, self.root, self._at, self.odd = row


def _prefixes(entries: Sequence[bytes]) -> Iterator[int]:
    """Of the eight tags of each, in order. They are known to be in their form."""
    raw = a2b_base64(b"".join(_TAG.findall(b"\n".join(entries))))
    return (_number(raw[at : at + PREFIX]) for at in range(0, len(raw), PREFIX))


def _number(tag: bytes) -> int:
    return int.from_bytes(tag[:PREFIX], "big")
