"""The ledger's store in one SQLite file: statements, entries, series, items, the head.

The schema refuses what the code must never do, from any program: entries and
statements are only ever added, in order; a series only grows under its one
signature; the head never goes back; a closed log never grows; a claimed item is not
forgotten, and nothing is destroyed that no disposal in the log names. `idx` is the number of a
row, which runs on across the logs.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from ledger.errors import Conflict, Unknown
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.entry import Entry
from ledger.evidence.series import Series
from ledger.ports import ItemRecord, StampRecord
from ledger.sequencer import DESTROYED, Batch, Head, Row
from ledger.suite import DIGEST_SIZE
from ledger.tlog.merkle import Edge
from storage import erased_sqlite
from storage.database import DatabaseFile, Migration

PAGE = 256  # rows in memory at a time
MAX_PARAMETERS = 500  # SQLite before 3.32 takes 999

# RAISE in a BEFORE trigger also stops INSERT OR REPLACE, whose own deletes fire no
# trigger in programs that leave recursive_triggers off, as most do.
SCHEMA = (
    """
    CREATE TABLE head (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        size INTEGER NOT NULL,
        hashes BLOB NOT NULL,
        at_ms INTEGER NOT NULL,
        note TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE entry (
        idx INTEGER PRIMARY KEY,
        data BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE statement (
        idx INTEGER PRIMARY KEY REFERENCES entry,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        envelope BLOB NOT NULL,
        salt BLOB NOT NULL CHECK (length(salt) = 32)
    ) STRICT
    """,
    "CREATE INDEX statement_register ON statement (idx) WHERE kind = 'register'",
    """
    CREATE TABLE series (
        name TEXT PRIMARY KEY,
        signature BLOB NOT NULL,
        count INTEGER NOT NULL CHECK (count > 0)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE series_place (
        name TEXT NOT NULL REFERENCES series,
        n INTEGER NOT NULL,
        idx INTEGER NOT NULL REFERENCES entry,
        position INTEGER NOT NULL,
        PRIMARY KEY (name, n)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX series_place_idx ON series_place (idx, position)",
    """
    CREATE TABLE item (
        object_id TEXT PRIMARY KEY,
        size INTEGER NOT NULL CHECK (size >= 0),
        sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
        chunks BLOB NOT NULL CHECK (length(chunks) = 32),
        sm3 BLOB NOT NULL CHECK (length(sm3) IN (0, 32)),
        keyid TEXT NOT NULL,
        agency TEXT NOT NULL,
        uploaded_ms INTEGER NOT NULL,
        claimed INTEGER NOT NULL CHECK (claimed IN (0, 1))
    ) STRICT
    """,
    "CREATE INDEX item_sha256 ON item (sha256)",
    "CREATE INDEX item_unclaimed ON item (uploaded_ms) WHERE claimed = 0",
    "CREATE INDEX item_unclaimed_of ON item (keyid) WHERE claimed = 0",
    """
    CREATE TABLE cosigned (
        size INTEGER PRIMARY KEY,
        note TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TRIGGER head_grows BEFORE UPDATE ON head WHEN NEW.size < OLD.size
    BEGIN SELECT RAISE(ABORT, 'the head never goes back'); END
    """,
    """
    CREATE TRIGGER head_stays BEFORE DELETE ON head
    BEGIN SELECT RAISE(ABORT, 'the head never goes back'); END
    """,
    """
    CREATE TRIGGER entry_next BEFORE INSERT ON entry
    WHEN NEW.idx IS NOT (SELECT coalesce(max(idx) + 1, 0) FROM entry)
    BEGIN SELECT RAISE(ABORT, 'entries are added in order'); END
    """,
    """
    CREATE TRIGGER entry_update BEFORE UPDATE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries never change'); END
    """,
    """
    CREATE TRIGGER entry_delete BEFORE DELETE ON entry
    BEGIN SELECT RAISE(ABORT, 'entries never change'); END
    """,
    """
    CREATE TRIGGER statement_once BEFORE INSERT ON statement
    WHEN EXISTS (SELECT 1 FROM statement WHERE idx = NEW.idx OR id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'a statement is stored once'); END
    """,
    """
    CREATE TRIGGER statement_update BEFORE UPDATE ON statement
    BEGIN SELECT RAISE(ABORT, 'statements never change'); END
    """,
    """
    CREATE TRIGGER statement_delete BEFORE DELETE ON statement
    BEGIN SELECT RAISE(ABORT, 'statements never change'); END
    """,
    """
    CREATE TRIGGER series_grows BEFORE UPDATE ON series
    WHEN NEW.name <> OLD.name OR NEW.signature <> OLD.signature OR NEW.count < OLD.count
    BEGIN SELECT RAISE(ABORT, 'a series only grows'); END
    """,
    """
    CREATE TRIGGER series_stays BEFORE DELETE ON series
    BEGIN SELECT RAISE(ABORT, 'a series only grows'); END
    """,
    """
    CREATE TRIGGER series_place_next BEFORE INSERT ON series_place
    WHEN NEW.n IS NOT
        (SELECT coalesce(max(n), 0) + 1 FROM series_place WHERE name = NEW.name)
    BEGIN SELECT RAISE(ABORT, 'a series is numbered without gaps'); END
    """,
    """
    CREATE TRIGGER series_place_update BEFORE UPDATE ON series_place
    BEGIN SELECT RAISE(ABORT, 'places never change'); END
    """,
    """
    CREATE TRIGGER series_place_delete BEFORE DELETE ON series_place
    BEGIN SELECT RAISE(ABORT, 'places never change'); END
    """,
    """
    CREATE TRIGGER item_once BEFORE INSERT ON item
    WHEN EXISTS (SELECT 1 FROM item WHERE object_id = NEW.object_id)
    BEGIN SELECT RAISE(ABORT, 'an item is stored once'); END
    """,
    """
    CREATE TRIGGER item_update BEFORE UPDATE OF
        object_id, size, sha256, chunks, sm3, keyid, agency, uploaded_ms ON item
    BEGIN SELECT RAISE(ABORT, 'items never change'); END
    """,
    """
    CREATE TRIGGER item_claimed BEFORE UPDATE OF claimed ON item WHEN NEW.claimed < OLD.claimed
    BEGIN SELECT RAISE(ABORT, 'a claim stays'); END
    """,
    """
    CREATE TRIGGER item_delete BEFORE DELETE ON item WHEN OLD.claimed
    BEGIN SELECT RAISE(ABORT, 'a claimed item stays'); END
    """,
)


def _create(db: Database) -> None:
    for sql in SCHEMA:
        db.execute(sql)


# An entry whose statement was lost has no row in `statement`, and its tags stand here.
LOST_SCHEMA = (
    """
    CREATE TABLE lost_tag (
        tag BLOB PRIMARY KEY CHECK (length(tag) = 16),
        idx INTEGER NOT NULL REFERENCES entry
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX lost_tag_idx ON lost_tag (idx)",
    """
    CREATE TRIGGER lost_tag_update BEFORE UPDATE ON lost_tag
    BEGIN SELECT RAISE(ABORT, 'tags never change'); END
    """,
    """
    CREATE TRIGGER lost_tag_delete BEFORE DELETE ON lost_tag
    BEGIN SELECT RAISE(ABORT, 'tags never change'); END
    """,
)


def _add_lost(db: Database) -> None:
    for sql in LOST_SCHEMA:
        db.execute(sql)


# Logs follow each other: a head for each, and the checkpoints that each has had cosigned.
# A backup puts heads back that it has put before: that changes nothing, and is let.
SEQUENCE_SCHEMA = (
    "ALTER TABLE head RENAME TO head_of_one",
    "ALTER TABLE cosigned RENAME TO cosigned_of_one",
    """
    CREATE TABLE head (
        log INTEGER PRIMARY KEY,
        start INTEGER NOT NULL,
        size INTEGER NOT NULL,
        hashes BLOB NOT NULL,
        at_ms INTEGER NOT NULL,
        note TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE cosigned (
        log INTEGER NOT NULL,
        size INTEGER NOT NULL,
        note TEXT NOT NULL,
        PRIMARY KEY (log, size)
    ) STRICT, WITHOUT ROWID
    """,
    "INSERT INTO head SELECT 0, 0, size, hashes, at_ms, note FROM head_of_one",
    "INSERT INTO cosigned SELECT 0, size, note FROM cosigned_of_one",
    "DROP TABLE head_of_one",
    "DROP TABLE cosigned_of_one",
    """
    CREATE TRIGGER head_grows BEFORE UPDATE ON head
    WHEN NEW.log <> OLD.log OR NEW.start <> OLD.start OR NEW.size < OLD.size
    BEGIN SELECT RAISE(ABORT, 'the head never goes back'); END
    """,
    """
    CREATE TRIGGER head_closed BEFORE UPDATE ON head
    WHEN OLD.log < (SELECT max(log) FROM head) AND (NEW.size <> OLD.size OR NEW.note <> OLD.note)
    BEGIN SELECT RAISE(ABORT, 'a closed log never grows'); END
    """,
    """
    CREATE TRIGGER head_stays BEFORE DELETE ON head
    BEGIN SELECT RAISE(ABORT, 'the head never goes back'); END
    """,
    """
    CREATE TRIGGER head_next BEFORE INSERT ON head
    WHEN NOT EXISTS (SELECT 1 FROM head WHERE log = NEW.log AND start = NEW.start
            AND (note = NEW.note OR size <= NEW.size AND log = (SELECT max(log) FROM head)))
        AND (NEW.log IS NOT (SELECT coalesce(max(log) + 1, 0) FROM head)
            OR NEW.start IS NOT (SELECT coalesce(max(start + size), 0) FROM head))
    BEGIN SELECT RAISE(ABORT, 'a log begins where the one before ended'); END
    """,
)


def _add_sequence(db: Database) -> None:
    for sql in SEQUENCE_SCHEMA:
        db.execute(sql)


# In the order in which they came, which is what a backup goes by: a rowid.
STAMP_SCHEMA = (
    """
    CREATE TABLE stamp (
        log INTEGER NOT NULL,
        size INTEGER NOT NULL,
        name TEXT NOT NULL,
        token BLOB NOT NULL,
        crl BLOB NOT NULL,
        UNIQUE (log, size, name)
    ) STRICT
    """,
    """
    CREATE TRIGGER stamp_update BEFORE UPDATE ON stamp
    BEGIN SELECT RAISE(ABORT, 'timestamps never change'); END
    """,
    """
    CREATE TRIGGER stamp_delete BEFORE DELETE ON stamp
    BEGIN SELECT RAISE(ABORT, 'timestamps never change'); END
    """,
)


def _add_stamps(db: Database) -> None:
    for sql in STAMP_SCHEMA:
        db.execute(sql)


MIGRATIONS: tuple[Migration, ...] = (
    _create,
    _add_lost,
    _add_sequence,
    _add_stamps,
    erased_sqlite.add_erased,
)
SEQUENCE = 3  # the version from which on there are several logs
STAMPS = 4  # that from which on there are timestamps
ERASED = 5  # and that from which on statements may be destroyed

_ROW = (
    "SELECT idx, id, kind, envelope, salt, data, erased.by"
    " FROM statement JOIN entry USING (idx) LEFT JOIN erased USING (idx)"
)
_ROW_OR_LOST = (
    "SELECT idx, coalesce(id, ''), coalesce(kind, 'lost'), coalesce(envelope, X''),"
    " coalesce(salt, X''), data, erased.by"
    " FROM entry LEFT JOIN statement USING (idx) LEFT JOIN erased USING (idx)"
)
_KEPT = "NOT EXISTS (SELECT 1 FROM erased_item WHERE erased_item.object_id = item.object_id)"
_ITEM = "SELECT object_id, size, sha256, chunks, sm3, keyid, agency, uploaded_ms, claimed FROM item"

# Of several, a claimed one, which will not go away.
_FIND_ITEM = f"""
    {_ITEM} WHERE sha256 = ? AND chunks = ? AND size = ? AND agency = ? AND (? = X'' OR sm3 = ?)
    ORDER BY claimed DESC, uploaded_ms, object_id LIMIT 1
"""


class SqliteLedgerStore:
    """Implements `ledger.ports.LedgerStore`. Usable from any thread."""

    def __init__(self, path: Path) -> None:
        self._file = DatabaseFile(path, MIGRATIONS)

    def close(self) -> None:
        self._file.close()

    def head(self) -> Head | None:
        return next(iter(self._heads("ORDER BY log DESC LIMIT 1")), None)

    def heads(self) -> Sequence[Head]:
        return self._heads("ORDER BY log")

    def commit(self, batch: Batch, note: str, expected: Head | None) -> None:
        head = batch.head(note)
        _check_rows(batch.rows, head, expected)
        with self._file.write() as db:
            _swap_head(db, head, expected)
            _add_rows(db, batch)
            _claim(db, batch.claims)

    def row(self, number: int) -> Row:
        rows = self._rows_where("idx = ?", number, of=_ROW_OR_LOST)
        if not rows:
            raise Unknown(f"no statement has the number {number}")
        return rows[0]

    def rows_at(self, numbers: Sequence[int]) -> Iterator[Row]:
        """The rows of these numbers, which rise, read piece by piece."""
        for start in range(0, len(numbers), PAGE):
            part = numbers[start : start + PAGE]
            yield from self._rows_where(f"idx IN ({_marks(part)})", *part, of=_ROW_OR_LOST)

    def names_at(self, numbers: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
        """The same of the names of their series alone."""
        for start in range(0, len(numbers), PAGE):
            with self._file.read() as db:
                found = _places_of(db, numbers[start : start + PAGE])
            yield from ((number, [name for name, _ in names]) for number, names in found.items())

    def find(self, statement_id: str) -> Row | None:
        return next(iter(self._rows_where("id = ?", statement_id)), None)

    def known(self, statement_ids: Sequence[str]) -> frozenset[str]:
        found: set[str] = set()
        for part in _parts(list(statement_ids)):
            sql = f"SELECT id FROM statement WHERE id IN ({_marks(part)})"  # noqa: S608
            with self._file.read() as db:
                found.update(id_ for (id_,) in db.execute(sql, part).fetchall())
        return frozenset(found)

    def rows(self, start: int, end: int) -> Iterator[Row]:
        while start < end:
            last = min(end, start + PAGE)
            page = self._rows_where("idx >= ? AND idx < ?", start, last, of=_ROW_OR_LOST)
            if not page:
                raise Unknown(f"no statement has the number {start}")
            yield from page
            start = page[-1].number + 1

    def registers(self, start: int = 0) -> Iterator[Row]:
        while page := self._rows_where("kind = 'register' AND idx >= ?", start):
            yield from page
            start = page[-1].number + 1

    def guarding(self) -> Iterator[Row]:
        start = 0
        kinds = "kind IN ('complaint', 'disposal', 'hold')"
        while page := self._rows_where(f"{kinds} AND idx >= ?", start):
            yield from page
            start = page[-1].number + 1

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            with self._file.read() as db:
                page = db.execute(
                    "SELECT data FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx",
                    (start, min(end, start + PAGE)),
                ).fetchall()
            if not page:
                raise Unknown(f"no entry has the number {start}")
            yield from (data for (data,) in page)
            start += len(page)

    def series(self, names: Sequence[str]) -> Mapping[str, tuple[bytes, int]]:
        found: dict[str, tuple[bytes, int]] = {}
        for part in _parts(list(names)):
            sql = f"SELECT name, signature, count FROM series WHERE name IN ({_marks(part)})"  # noqa: S608
            with self._file.read() as db:
                rows = db.execute(sql, part).fetchall()
            found.update({name: (signature, count) for name, signature, count in rows})
        return found

    def places(self, name: str) -> Sequence[int]:
        with self._file.read() as db:
            rows = db.execute(
                "SELECT idx FROM series_place WHERE name = ? ORDER BY n", (name,)
            ).fetchall()
        return [idx for (idx,) in rows]

    def lost(self) -> Sequence[int]:
        with self._file.read() as db:
            rows = db.execute("SELECT DISTINCT idx FROM lost_tag ORDER BY idx").fetchall()
        return [idx for (idx,) in rows]

    def series_below(self, prefix: str) -> list[str]:
        """The names of series that begin with `prefix`, in order."""
        # No name of a series holds the last code point, which is no character.
        sql = "SELECT name FROM series WHERE name >= ? AND name < ? ORDER BY name"
        with self._file.read() as db:
            rows = db.conn.execute(sql, (prefix, prefix + "\U0010ffff")).fetchall()
        return [name for (name,) in rows]

    def find_lost(self, series: Sequence[Series]) -> None:
        with self._file.read() as db:
            if db.execute("SELECT 1 FROM lost_tag LIMIT 1").fetchone() is None:
                return
        with self._file.write() as db:
            for one in series:
                _find_lost(db, one)

    def all_series(self) -> Iterator[tuple[Series, int]]:
        """Every series with its count, by name."""
        last = ""
        while True:
            with self._file.read() as db:
                page = db.execute(
                    f"SELECT name, signature, count FROM series WHERE name > ?"  # noqa: S608
                    f" ORDER BY name LIMIT {PAGE}",
                    (last,),
                ).fetchall()
            if not page:
                return
            yield from ((Series(name, signature), count) for name, signature, count in page)
            last = page[-1][0]

    def append(
        self,
        rows: Sequence[Row],
        series: Sequence[tuple[Series, int]],
        head: Head,
        claims: Sequence[str] = (),
    ) -> None:
        """Rows of an earlier life of this log, lost ones too, with the head behind them."""
        expected = self.head()
        _check_rows(rows, head, expected)
        with self._file.write() as db:
            _swap_head(db, head, expected)
            _add_entries(db, rows)
            _add_statements(db, [row for row in rows if not row.lost])
            _add_series(db, series)
            # By number, which is not always the order of the log where tags were found.
            _add_places(db, rows)
            db.conn.executemany(
                "INSERT INTO lost_tag VALUES (?, ?)",
                [
                    (tag, row.number)
                    for row in rows
                    if row.lost
                    for tag in Entry.from_bytes(row.entry).tags
                ],
            )
            _claim(db, claims)

    def add_item(self, item: ItemRecord) -> None:
        digest = item.digest
        with self._file.write() as db:
            db.execute(
                "INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    item.object_id,
                    digest.size,
                    digest.sha256,
                    digest.chunks,
                    digest.sm3,
                    item.keyid,
                    item.agency,
                    item.uploaded_ms,
                    int(item.claimed),
                ),
            )

    def find_items(self, wanted: Sequence[tuple[ItemDigest, str]]) -> Sequence[ItemRecord | None]:
        found: list[ItemRecord | None] = []
        with self._file.read() as db:
            for digest, agency in wanted:
                row = db.conn.execute(
                    _FIND_ITEM,
                    (digest.sha256, digest.chunks, digest.size, agency, digest.sm3, digest.sm3),
                ).fetchone()
                found.append(None if row is None else _item(row))
        return found

    def held(self, sha256: bytes, size: int, agency: str) -> ItemRecord | None:
        rest = (
            "WHERE sha256 = ? AND size = ? AND agency = ?"
            " ORDER BY claimed DESC, uploaded_ms, object_id LIMIT 1"
        )
        return next(iter(self._items(rest, (sha256, size, agency))), None)

    def items_with(self, sha256: bytes) -> Sequence[ItemRecord]:
        """Of any agency, claimed or not."""
        return self._items("WHERE sha256 = ? ORDER BY object_id", (sha256,))

    def claimed(self) -> Iterator[ItemRecord]:
        """All items that a statement speaks of, read piece by piece."""
        last = ""
        while page := self._items(
            f"WHERE claimed = 1 AND object_id > ? AND {_KEPT} ORDER BY object_id LIMIT {PAGE}",
            (last,),
        ):
            yield from page
            last = page[-1].object_id

    def unclaimed(self, before_ms: int) -> Sequence[ItemRecord]:
        return self._items(
            "WHERE claimed = 0 AND uploaded_ms < ? ORDER BY uploaded_ms, object_id", (before_ms,)
        )

    def object_ids(self) -> Iterator[str]:
        with self._file.read() as db:
            rows = db.execute("SELECT object_id FROM item").fetchall()
        return (object_id for (object_id,) in rows)

    def has_item(self, object_id: str) -> bool:
        with self._file.read() as db:
            query = "SELECT 1 FROM item WHERE object_id = ?"
            return db.execute(query, [object_id]).fetchone() is not None

    def items_after(self, object_id: str, count: int) -> Sequence[ItemRecord]:
        rest = f"WHERE object_id > ? AND {_KEPT} ORDER BY object_id LIMIT ?"
        return self._items(rest, (object_id, count))

    def forget_items(self, object_ids: Sequence[str]) -> None:
        with self._file.write() as db:
            db.conn.executemany(
                "DELETE FROM item WHERE object_id = ? AND claimed = 0",
                [(object_id,) for object_id in object_ids],
            )

    def unclaimed_bytes(self, keyid: str) -> int:
        with self._file.read() as db:
            row = db.execute(
                "SELECT coalesce(sum(size), 0) FROM item WHERE claimed = 0 AND keyid = ?", (keyid,)
            ).fetchone()
        return int(row[0])

    def came(self) -> Sequence[tuple[str, str, int, int]]:
        """Month, agency, how many items came and their bytes, of all that a statement speaks of.
        One that was destroyed has none any more."""
        sql = (
            "SELECT strftime('%Y-%m', uploaded_ms / 1000 + 28800, 'unixepoch') AS month, agency,"
            " count(*), sum(size) FROM item WHERE claimed = 1 GROUP BY month, agency"
            " ORDER BY month, agency"
        )
        with self._file.read() as db:
            return list(db.execute(sql).fetchall())

    def add_cosigned(self, log: int, size: int, note: str) -> None:
        with self._file.write() as db:
            db.execute(
                "INSERT INTO cosigned VALUES (?, ?, ?)"
                " ON CONFLICT (log, size) DO UPDATE SET note = excluded.note",
                (log, size, note),
            )

    def cosigned(self, log: int, size: int) -> str | None:
        return self._note("WHERE log = ? AND size >= ? ORDER BY size LIMIT 1", (log, size))

    def newest_cosigned(self, log: int) -> str | None:
        return self._note("WHERE log = ? ORDER BY size DESC LIMIT 1", (log,))

    def add_stamp(self, stamp: StampRecord) -> None:
        values = (stamp.log, stamp.size, stamp.name, stamp.token, stamp.crl)
        with self._file.write() as db:
            db.execute("INSERT INTO stamp VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)

    def stamps(self, log: int, size: int) -> Sequence[StampRecord]:
        with self._file.read() as db:
            rows = db.execute(
                "SELECT log, size, name, token, crl FROM stamp WHERE log = ? AND size ="
                " (SELECT min(size) FROM stamp WHERE log = ? AND size >= ?) ORDER BY name",
                (log, log, size),
            ).fetchall()
        return [StampRecord(*row) for row in rows]

    def newest_stamp(self, log: int) -> int:
        with self._file.read() as db:
            row = db.execute("SELECT max(size) FROM stamp WHERE log = ?", (log,)).fetchone()
        return int(row[0] or 0)

    # --- destroying: `storage.erased_sqlite` ---------------------------------------------------

    def erase(self, by: int, numbers: Sequence[int], object_ids: Sequence[str]) -> None:
        """What the disposal with the number `by` names: all or nothing; again changes nothing."""
        with self._file.write() as db:
            erased_sqlite.erase(db, by, numbers, object_ids)

    def disposals_to_do(self) -> Sequence[int]:
        with self._file.read() as db:
            return erased_sqlite.to_do(db)

    def erased_by(self, by: int) -> Sequence[int]:
        """The numbers of the rows whose statements it has destroyed."""
        with self._file.read() as db:
            return erased_sqlite.erased_by(db, by)

    def items_to_erase(self, by: int) -> Sequence[str]:
        with self._file.read() as db:
            return erased_sqlite.items_to_erase(db, by)

    def erased_items(self) -> frozenset[str]:
        """All that were ever destroyed, by the store's names."""
        with self._file.read() as db:
            rows = db.execute("SELECT object_id FROM erased_item").fetchall()
        return frozenset(object_id for (object_id,) in rows)

    def count_erased_items(self, by: int) -> int:
        with self._file.read() as db:
            row = db.execute("SELECT count(*) FROM erased_item WHERE by = ?", (by,)).fetchone()
        return int(row[0])

    def item_erased(self, object_id: str) -> None:
        with self._file.write() as db:
            db.execute("UPDATE erased_item SET done = 1 WHERE object_id = ?", (object_id,))

    def disposed(self, by: int) -> None:
        """Nothing is left of what it names."""
        with self._file.write() as db:
            db.execute("INSERT OR IGNORE INTO disposed VALUES (?)", (by,))

    def fold(self) -> None:
        self._file.fold()

    def _heads(self, rest: str) -> list[Head]:
        with self._file.read() as db:
            return _read_heads(db.conn, rest)

    def _rows_where(self, condition: str, *values: object, of: str = _ROW) -> list[Row]:
        """At most a page, in log order, from one state of the database."""
        with self._file.read() as db:
            db.execute("BEGIN")
            try:
                rows = db.execute(
                    f"{of} WHERE {condition} ORDER BY idx LIMIT {PAGE}", values
                ).fetchall()
                places = _places_of(db, [row[0] for row in rows])
                heads = _read_heads(db.conn, "ORDER BY log")
            finally:
                db.execute("COMMIT")
        return [_row(row, places.get(row[0], []), heads) for row in rows]

    def _items(self, rest: str, values: Sequence[object]) -> list[ItemRecord]:
        with self._file.read() as db:
            rows = db.execute(f"{_ITEM} {rest}", values).fetchall()
        return [_item(row) for row in rows]

    def _note(self, rest: str, values: Sequence[object]) -> str | None:
        with self._file.read() as db:
            row = db.execute(f"SELECT note FROM cosigned {rest}", values).fetchone()  # noqa: S608
        return None if row is None else str(row[0])


def read_heads(db: sqlite3.Connection, schema: int) -> list[Head]:
    """All heads of a database in that version of the schema."""
    if schema >= SEQUENCE:
        return _read_heads(db, "ORDER BY log")
    rows = db.execute("SELECT size, hashes, at_ms, note FROM head").fetchall()
    return [Head(Edge(size, _split(hashes)), at_ms, note) for size, hashes, at_ms, note in rows]


def _read_heads(db: sqlite3.Connection, rest: str) -> list[Head]:
    rows = db.execute(f"SELECT log, start, size, hashes, at_ms, note FROM head {rest}").fetchall()  # noqa: S608
    return [
        Head(Edge(size, _split(hashes)), at_ms, note, log, start)
        for log, start, size, hashes, at_ms, note in rows
    ]


def _check_rows(rows: Sequence[Row], head: Head, expected: Head | None) -> None:
    start = 0 if expected is None else expected.end
    if [row.number for row in rows] != list(range(start, head.end)):
        raise Conflict(f"want rows {start} to {head.end} in a batch after {start}")


def _swap_head(db: Database, head: Head, expected: Head | None) -> None:
    values = (head.edge.size, b"".join(head.edge.hashes), head.at_ms, head.note)
    last = next(iter(_read_heads(db.conn, "ORDER BY log DESC LIMIT 1")), None)
    if (last and last.note) != (expected and expected.note):
        swapped = 0
    elif last is None or last.log != head.log:
        sql = "INSERT INTO head (size, hashes, at_ms, note, log, start) VALUES (?, ?, ?, ?, ?, ?)"
        swapped = db.execute(sql, (*values, head.log, head.start)).rowcount
    else:
        sql = "UPDATE head SET size = ?, hashes = ?, at_ms = ?, note = ? WHERE log = ?"
        swapped = db.execute(sql, (*values, head.log)).rowcount
    if swapped != 1:
        raise Conflict("the head of the log is no longer the one this batch was planned for")


def _add_rows(db: Database, batch: Batch) -> None:
    _add_entries(db, batch.rows)
    _add_statements(db, batch.rows)
    _add_series(db, batch.series)
    _add_places(db, batch.rows)


def _add_entries(db: Database, rows: Sequence[Row]) -> None:
    db.conn.executemany(
        "INSERT INTO entry VALUES (?, ?)", [(row.number, row.entry) for row in rows]
    )


def _add_statements(db: Database, rows: Sequence[Row]) -> None:
    db.conn.executemany(
        "INSERT INTO statement VALUES (?, ?, ?, ?, ?)",
        [(row.number, row.statement_id, row.kind, row.envelope, row.salt) for row in rows],
    )


def _add_series(db: Database, series: Sequence[tuple[Series, int]]) -> None:
    db.conn.executemany(
        "INSERT INTO series VALUES (?, ?, ?) ON CONFLICT (name)"
        " DO UPDATE SET signature = excluded.signature, count = excluded.count",
        [(one.name, one.signature, count) for one, count in series],
    )


def _add_places(db: Database, rows: Sequence[Row]) -> None:
    places = [
        (name, n, row.number, position)
        for row in rows
        for position, (name, n) in enumerate(row.places)
    ]
    db.conn.executemany("INSERT INTO series_place VALUES (?, ?, ?, ?)", sorted(places))


def _find_lost(db: Database, series: Series) -> None:
    if db.execute("SELECT 1 FROM series WHERE name = ?", (series.name,)).fetchone():
        return
    found: list[int] = []
    while row := db.execute(
        "SELECT idx FROM lost_tag WHERE tag = ?", (series.tag(len(found) + 1),)
    ).fetchone():
        found.append(row[0])
    if not found:
        return
    _add_series(db, [(series, len(found))])
    for n, index in enumerate(found, 1):
        db.execute(
            "INSERT INTO series_place SELECT ?, ?, ?, coalesce(max(position) + 1, 0)"
            " FROM series_place WHERE idx = ?",
            (series.name, n, index, index),
        )


def _claim(db: Database, claims: Sequence[str]) -> None:
    if not claims:
        return
    found = db.conn.executemany(
        "UPDATE item SET claimed = 1 WHERE object_id = ?", [(claim,) for claim in claims]
    ).rowcount
    if found != len(claims):
        raise Unknown(f"{len(claims) - found} of the items that this batch claims are not here")


def _places_of(db: Database, indexes: Sequence[int]) -> dict[int, list[tuple[str, int]]]:
    places: dict[int, list[tuple[str, int]]] = {}
    sql = (
        "SELECT idx, name, n FROM series_place"  # noqa: S608
        f" WHERE idx IN ({_marks(indexes)}) ORDER BY idx, position"
    )
    for index, name, n in db.execute(sql, indexes).fetchall():
        places.setdefault(index, []).append((name, n))
    return places


def _row(row: tuple[Any, ...], places: Sequence[tuple[str, int]], heads: Sequence[Head]) -> Row:
    number, statement_id, kind, envelope, salt, entry, by = row
    head = max((head for head in heads if head.start <= number), key=lambda head: head.log)
    index = number - head.start
    if by is not None:
        kind, envelope, salt = DESTROYED, b"", b""
    return Row(
        index, statement_id, kind, envelope, salt, entry, tuple(places), head.log, head.start, by
    )


def _item(row: tuple[Any, ...]) -> ItemRecord:
    object_id, size, sha256, chunks, sm3, keyid, agency, uploaded_ms, claimed = row
    return ItemRecord(
        object_id=object_id,
        digest=ItemDigest(size=size, sha256=sha256, chunks=chunks, sm3=sm3),
        keyid=keyid,
        agency=agency,
        uploaded_ms=uploaded_ms,
        claimed=bool(claimed),
    )


def _split(hashes: bytes) -> tuple[bytes, ...]:
    return tuple(hashes[i : i + DIGEST_SIZE] for i in range(0, len(hashes), DIGEST_SIZE))


def _parts(names: list[str]) -> Iterator[list[str]]:
    for i in range(0, len(names), MAX_PARAMETERS):
        yield names[i : i + MAX_PARAMETERS]


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
