"""The numbers of a feed's events and how far its receiver has come: SQLite.

    feed(id, table_hash, scanned, announced, acknowledged)   one row: the feed that runs
    event(n, number, digest, chain)                          of the row `number` of the ledger

No word of a statement is here: an event is made again from its row, and its digest says whether
it is the same. What was acknowledged is durable before the next page is sent. A backup leaves
this file out: `api.feeding` makes it again from the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from ledger.errors import Malformed, Unknown
from storage.database import DatabaseFile, Migration


@dataclass(frozen=True, slots=True)
class FeedState:
    """`scanned`: the number of the first row that was not looked at. Others are numbers of events.

    Events up to `announced` stand in the log as sent; up to `acknowledged` the receiver has them.
    """

    id: str
    table: bytes
    scanned: int
    announced: int
    acknowledged: int
    head: int


@dataclass(frozen=True, slots=True)
class Numbered:
    n: int
    number: int
    digest: bytes
    chain: bytes


def _create(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE feed (
            id TEXT NOT NULL, table_hash BLOB NOT NULL, scanned INTEGER NOT NULL,
            announced INTEGER NOT NULL, acknowledged INTEGER NOT NULL
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE event (
            n INTEGER PRIMARY KEY,
            number INTEGER NOT NULL UNIQUE,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            chain BLOB NOT NULL CHECK (length(chain) = 32)
        ) STRICT
        """
    )


MIGRATIONS: tuple[Migration, ...] = (_create,)


class SqliteFeed:
    """One thread writes at a time; any may ask."""

    def __init__(self, path: Path) -> None:
        self._file = DatabaseFile(path, MIGRATIONS)

    def close(self) -> None:
        self._file.close()

    def state(self) -> FeedState | None:
        """None before the first feed."""
        with self._file.read() as db:
            row = db.execute("SELECT * FROM feed").fetchone()
            head = db.execute("SELECT coalesce(max(n), 0) FROM event").fetchone()[0]
        if row is None:
            return None
        id_, table, scanned, announced, acknowledged = row
        return FeedState(id_, bytes(table), scanned, announced, acknowledged, head)

    def begin(self, id_: str, table: bytes, announced: int) -> None:
        """A feed in the place of the one before, from event 1; `announced` as the log has it."""
        with self._file.write() as db:
            db.execute("DELETE FROM event")
            db.execute("DELETE FROM feed")
            db.execute("INSERT INTO feed VALUES (?, ?, 0, ?, 0)", [id_, table, announced])

    def add(self, events: Sequence[Numbered], scanned: int) -> None:
        """The next events, and that all rows below `scanned` were looked at: one transaction."""
        rows = [(event.n, event.number, event.digest, event.chain) for event in events]
        with self._file.write() as db:
            db.conn.executemany("INSERT INTO event VALUES (?, ?, ?, ?)", rows)
            db.execute("UPDATE feed SET scanned = ?", [scanned])

    def events(self, after: int, count: int) -> list[Numbered]:
        with self._file.read() as db:
            found = db.execute(
                "SELECT n, number, digest, chain FROM event WHERE n > ? ORDER BY n LIMIT ?",
                [after, count],
            ).fetchall()
        return [Numbered(*row) for row in found]

    def link(self, n: int) -> bytes:
        """The chain up to that event; raises `Unknown` if there is none of that number."""
        with self._file.read() as db:
            row = db.execute("SELECT chain FROM event WHERE n = ?", [n]).fetchone()
        if row is None:
            raise Unknown(f"the feed has no event {n}")
        return bytes(row[0])

    def announce(self, last: int) -> None:
        with self._file.write() as db:
            db.execute("UPDATE feed SET announced = max(announced, ?)", [last])

    def acknowledge(self, after: int, last: int) -> None:
        """Of a page behind `after`; of one that a reset has overtaken it counts for nothing."""
        with self._file.write() as db:
            db.execute("UPDATE feed SET acknowledged = ? WHERE acknowledged = ?", [last, after])

    def reset(self, after: int) -> None:
        """The receiver gets what is after that number again; raises `Malformed` beyond `head`."""
        state = self.state()
        head = 0 if state is None else state.head
        if not 0 <= after <= head:
            raise Malformed(f"want a number from 0 to {head}, the feed's last, got {after}")
        with self._file.write() as db:
            db.execute("UPDATE feed SET acknowledged = ?", [after])
