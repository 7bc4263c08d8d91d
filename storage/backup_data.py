"""A data folder as the records of a backup, and back.

Rows are taken by column names from one snapshot of the database, beside a running server,
and put into a database of the schema that they were taken from. Small files are taken
whole each time; other databases through SQLite's own backup.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.backup import DATA, FILE, ROW, STATE, TABLE, Record, State, row_from_bytes, row_to_bytes
from ledger.encoding import clip, format_json, parse_decimal, parse_json
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.suite import digest
from storage.database import DatabaseFile, settle
from storage.durable import (
    PRIVATE_FILE,
    PUBLIC_FILE,
    PUBLIC_FOLDER,
    make_folder,
    open_new,
    refusals,
    sync_folder,
    write_all,
)
from storage.folder import DataFolder
from storage.ledger_sqlite import ERASED, MIGRATIONS, SEQUENCE, STAMPS, read_heads

PIECE = 1 << 19
MAX_DEPTH = 4
SCRATCH = ".new-backup-"
UNFINISHED = ".new-format"

# What a backup leaves out: bytes of items, those still on their way too, and what is derived
# or of one run only. The numbers of the feed too: they are made again from the log.
LEFT_OUT = frozenset(
    {
        *("items", "staging", "direct", "public", "lock", "backup.lock", "scrub.lock"),
        *("backup", "restored", "next", "feed.sqlite"),
    }
)
LEDGER, CATALOG = "ledger.sqlite", "catalog.sqlite"

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Table:
    """Which rows of a table a backup takes: those since the last one, in an order to put back."""

    name: str
    rows: str
    put: str  # what becomes of a row whose key is there

    @property
    def columns(self) -> str:
        return "rowid, *" if self.name == "item" else "*"


_COSIGNED = "size + (SELECT start FROM head WHERE head.log = cosigned.log)"
_NEW = "WHERE idx >= :start AND idx < :size"
# Places of lost entries may be found long after the entries were restored.
_LOST = " OR idx IN (SELECT idx FROM lost_tag)"
_PLACED = _NEW + _LOST
_BY = "WHERE by >= :start AND by < :size ORDER BY by"

SINCE = {
    "lost_tag": 2,
    "stamp": STAMPS,
    "erased": ERASED,
    "erased_item": ERASED,
    "disposed": ERASED,
}  # the schema with which a table came
TABLES = (
    Table("head", "ORDER BY rowid", "ON CONFLICT DO UPDATE SET {set}"),
    Table("entry", f"{_NEW} ORDER BY idx", ""),
    Table("statement", f"{_NEW} ORDER BY idx", ""),
    Table("lost_tag", _NEW, ""),
    Table(
        "series",
        f"WHERE name IN (SELECT name FROM series_place {_PLACED})",  # noqa: S608
        "ON CONFLICT (name) DO UPDATE SET {set}",
    ),
    Table("series_place", f"{_PLACED} ORDER BY name, n", ""),
    Table("item", "WHERE rowid >= :items ORDER BY rowid", ""),
    Table("cosigned", f"WHERE {_COSIGNED} >= :cosigned", "ON CONFLICT DO UPDATE SET {set}"),
    Table("stamp", "WHERE rowid > :stamps ORDER BY rowid", "ON CONFLICT DO NOTHING"),
    # Put back, they destroy what an earlier file of the backup still holds.
    Table("erased", _BY, ""),
    Table("erased_item", _BY, ""),
    Table("disposed", _BY, ""),
)
BY_NAME = {table.name: table for table in TABLES}
KEYS = {"item": ("object_id",), "series_place": ("name", "n")}


# --- out -----------------------------------------------------------------------------------


@contextmanager
def snapshot(folder: DataFolder) -> Iterator["Snapshot"]:
    """One state of the database, whatever the server commits meanwhile."""
    settle(folder.ledger_db)
    with _sqlite(folder.ledger_db), closing(_connect(folder.ledger_db)) as db:
        db.execute("PRAGMA query_only = ON")
        db.execute("BEGIN")
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if not 0 < version <= len(MIGRATIONS):
            raise Rejected(
                f"{str(folder.ledger_db)!r} has schema {version}, want 1 to {len(MIGRATIONS)}",
                hints=("start the server once with this version",),
            )
        yield Snapshot(db, version, folder)


class Snapshot:
    def __init__(self, db: sqlite3.Connection, schema: int, folder: DataFolder) -> None:
        self._db = db
        self._schema = schema
        self._folder = folder
        heads = read_heads(db, schema)
        if not heads:
            raise Rejected("the log has no opening yet: there is nothing to back up")
        self.last = heads[-1]
        self.size = self.last.end

    def state(self, before: State | None) -> State:
        """What a file after `before` holds; raises `Rejected` if this is another history."""
        start = 0 if before is None else before.size
        if before is not None and (
            before.size > self.size or self._last(before.size) != before.last
        ):
            raise Rejected(
                f"the backup holds {before.size} entries which are not those of this ledger, "
                f"which has {self.size}",
                hints=(
                    "if this ledger was rolled back, stop it: see docs/formats/data-folder.md",
                    "else it is another one's: begin in an empty folder",
                ),
            )
        return State(
            start=start,
            size=self.size,
            last=self._last(self.size),
            cosigned=self._number(f"SELECT max({self._cosigned}) FROM cosigned"),  # noqa: S608
            # From the first that may still be claimed or removed; the last row's number
            # may be given again.
            items=self._number(
                "SELECT coalesce((SELECT min(rowid) FROM item WHERE claimed = 0 AND keyid <> ''),"
                " max(rowid)) FROM item"
            ),
            schema=self._schema,
            stamps=0 if self._schema < STAMPS else self._number("SELECT max(rowid) FROM stamp"),
        )

    def records(self, before: State | None, progress: Progress) -> Iterator[Record]:
        """`progress` is told each entry and each statement that is taken."""
        state = self.state(before)
        yield Record(STATE, state.to_bytes())
        values = {
            "start": state.start,
            "size": state.size,
            "items": 0 if before is None else before.items,
            "cosigned": 0 if before is None else before.cosigned,
            "stamps": 0 if before is None else before.stamps,
        }
        for table in TABLES:
            if state.schema < SINCE.get(table.name, 1):
                continue
            yield from self._rows(table, values, progress)
        yield from file_records(self._folder)

    def _rows(self, table: Table, values: dict[str, int], progress: Progress) -> Iterator[Record]:
        where = table.rows
        if self._schema < 2:
            where = where.replace(_LOST, "")
        where = where.replace(_COSIGNED, self._cosigned)
        cursor = self._db.execute(
            f"SELECT {table.columns} FROM {table.name} {where}",  # noqa: S608
            values,
        )
        names = [column[0] for column in cursor.description]
        yield Record(TABLE, format_json({"columns": names, "table": table.name}))
        for row in cursor:
            yield Record(ROW, row_to_bytes(row))
            if table.name in ("entry", "statement"):
                progress(1)

    @property
    def _cosigned(self) -> str:
        """How far a cosigned checkpoint reaches, counted across the logs."""
        return "size" if self._schema < SEQUENCE else _COSIGNED

    def _last(self, size: int) -> bytes:
        row = self._db.execute("SELECT data FROM entry WHERE idx = ?", (size - 1,)).fetchone()
        return digest(row[0])

    def _number(self, sql: str) -> int:
        return int(self._db.execute(sql).fetchone()[0] or 0)


def file_records(folder: DataFolder) -> Iterator[Record]:
    for path in sorted(_files(folder.path, 0)):
        relative = path.relative_to(folder.path).as_posix()
        if path.suffix == ".sqlite":
            with _copied(path) as copy:
                yield from _file(copy, relative)
        else:
            yield from _file(path, relative)


def _files(folder: Path, depth: int) -> Iterator[Path]:
    """Links are followed: the keys may lie on a disk of their own."""
    with refusals(f"list {str(folder)!r}"):
        entries = sorted(folder.iterdir())
    for entry in entries:
        if entry.name.startswith(".new-"):
            continue
        if depth == 0 and (entry.name in LEFT_OUT or _is_own(entry.name)):
            continue
        if entry.is_dir() and depth < MAX_DEPTH:
            yield from _files(entry, depth + 1)
        elif entry.is_file() and not entry.name.endswith(("-wal", "-shm", "-journal")):
            yield entry


def _is_own(name: str) -> bool:
    return name.startswith((LEDGER, CATALOG))


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    """A consistent copy of a small database; as private as it, and gone afterwards."""
    for leftover in path.parent.glob(f"{SCRATCH}*"):
        leftover.unlink()
    copy = path.with_name(f"{SCRATCH}{path.name}")
    try:
        with _sqlite(path):
            os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
            with closing(_connect(path)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _file(path: Path, name: str) -> Iterator[Record]:
    with refusals(f"read {str(path)!r}"), path.open("rb") as file:
        status = os.fstat(file.fileno())
        size, public = status.st_size, bool(status.st_mode & 0o004)
        said = {"path": name, "public": "yes" if public else "no", "size": str(size)}
        yield Record(FILE, format_json(said))
        while size and (data := file.read(min(size, PIECE))):
            size -= len(data)
            yield Record(DATA, data)
        if size:
            raise Unavailable(f"{str(path)!r} changed while it was being read: run it again")


# --- back ----------------------------------------------------------------------------------


class Restorer:
    """Puts the records of one file after the other into a folder, which is none until `finish`."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._schema = 0
        self._file: DatabaseFile | None = None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def finish(self) -> None:
        """Last, so that what has a `format` is complete."""
        with refusals(f"write {str(self._folder.format)!r}"):
            (self._folder.path / UNFINISHED).replace(self._folder.format)
        sync_folder(self._folder.path)

    def put(self, records: Iterator[Record], *, files: bool, progress: Progress) -> State:
        """All rows in one transaction; small files only where `files`, of the newest."""
        first = next(records, None)
        if first is None or first.kind != STATE:
            raise Malformed("want the state first")
        state = State.from_bytes(first.body)
        database = self._open(state.schema)
        rest = _Ahead(records)
        with database.write() as db:
            # Those still unclaimed are told anew each time; the rest may be gone since.
            db.execute("DELETE FROM item WHERE claimed = 0 AND keyid <> ''")
            while (record := rest.take(TABLE)) is not None:
                _put_table(db.conn, record, rest, progress)
        while (record := rest.take(FILE)) is not None:
            self._put_file(record, rest, files)
        if rest.next is not None:
            raise Malformed(f"no {rest.next.kind!r} may stand here")
        return state

    def _open(self, schema: int) -> DatabaseFile:
        """The database in the schema that the rows were taken from."""
        if not self._schema <= schema <= len(MIGRATIONS):
            raise Rejected(
                f"it was made under schema {schema}: want {self._schema} to {len(MIGRATIONS)}",
                hints=("restore with the version that made it, or a newer one",),
            )
        if self._file is None or schema > self._schema:
            self.close()
            self._file = DatabaseFile(self._folder.ledger_db, MIGRATIONS[:schema])
            self._schema = schema
        return self._file

    def _put_file(self, record: Record, rest: "_Ahead", wanted: bool) -> None:
        match parse_json(record.body, limit=4096):
            case {"path": str(name), "public": ("yes" | "no") as public, "size": str(text)}:
                left = parse_decimal(text)
            case _:
                raise Malformed("want path, public and size of a file")
        target = self._path(name)
        if not wanted:
            while rest.take(DATA) is not None:
                pass
            return
        readable = public == "yes"
        make_folder(target.parent, mode=PUBLIC_FOLDER if readable else 0o700)
        with (
            refusals(f"write {str(target)!r}"),
            open_new(target, PUBLIC_FILE if readable else PRIVATE_FILE) as fd,
        ):
            while (data := rest.take(DATA)) is not None:
                write_all(fd, data.body)
                left -= len(data.body)
            os.fsync(fd)
        if left:
            raise Malformed(f"{name!r} has another size than was said")
        sync_folder(target.parent)

    def _path(self, name: str) -> Path:
        parts = name.split("/")
        plain = not {"", ".", ".."} & set(parts) and "\0" not in name
        if not plain or len(parts) > MAX_DEPTH + 1 or parts[0] in LEFT_OUT or _is_own(parts[0]):
            raise Malformed(f"no file of a data folder: {clip(name)!r}")
        if name == self._folder.format.name:
            return self._folder.path / UNFINISHED
        return self._folder.path.joinpath(*parts)


class _Ahead:
    """Records with one looked at before it is taken."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = iter(records)
        self.next = next(self._records, None)

    def take(self, kind: bytes) -> Record | None:
        """The next one if it is of this kind."""
        found = self.next
        if found is None or found.kind != kind:
            return None
        self.next = next(self._records, None)
        return found


def _put_table(db: sqlite3.Connection, record: Record, rest: _Ahead, progress: Progress) -> None:
    match parse_json(record.body, limit=4096):
        case {"columns": list(columns), "table": str(name), **more} if name in BY_NAME and not more:
            pass
        case _:
            raise Malformed("want the columns of a table")
    known = {row[1] for row in db.execute(f"PRAGMA table_info({name})")} | {"rowid"}
    if not columns or not set(map(str, columns)) <= known:
        raise Malformed(f"{name} has other columns: {columns!r}")
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
    put = BY_NAME[name].put.format(set=updates)
    keys = KEYS.get(name, ())
    # Those were perhaps told before; their triggers refuse a second before any conflict.
    absent = " AND ".join(f"{key} = ?" for key in keys)
    where = f" WHERE NOT EXISTS (SELECT 1 FROM {name} WHERE {absent})" if keys else ""  # noqa: S608
    sql = f"INSERT INTO {name} ({names}) SELECT {marks}{where or ' WHERE true'} {put}"
    at = [columns.index(key) for key in keys]
    while (row := rest.take(ROW)) is not None:
        values = row_from_bytes(row.body)
        if len(values) != len(columns):
            raise Malformed(f"want {len(columns)} values for a row of {name}")
        db.execute(sql, (*values, *(values[i] for i in at)))
        progress(1)


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=30, isolation_level=None)


@contextmanager
def _sqlite(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(f"cannot read {str(path)!r}: {error}") from None
    except OSError as error:
        raise Unavailable(f"cannot read {str(path)!r}: {error.strerror}") from None
