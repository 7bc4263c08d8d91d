"""Where the bytes of each item lie, and how they were found: `places.sqlite` in the data folder.

An item without a row is one that was here before this database: in the first copy, under
its own id, in plain. What is `leaving` is being deleted, by us or after a crash.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils import Database

from ledger.ports import Oddity
from storage.database import DatabaseFile, Migration


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`wrap_id` is that of the key that wraps a sealed item's, and empty if it is in plain.

    `root` is over the hashes of the stored blocks, `size` that of the item; `refs` are by copy.
    `companion` is the digest of a sealed item's companion: its root does not cover the key.
    """

    id: str
    size: int
    root: bytes
    wrap_id: str = ""
    companion: bytes = b""
    until_ms: int = 0
    held: bool = False
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the last look at a copy found: nothing wrong, if `damage` is empty."""

    copy: str
    verified_ms: int
    damage: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold on a case, or on the items of a SHA-256, placed beside the server.

    `statement` is the id under which the log says it; from then on the log alone counts.
    """

    number: int
    target: str
    reason: str
    placed_ms: int
    statement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """What the last list of a copy's names showed that we did not put there; since when."""

    copy: str
    oddity: Oddity
    found_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One scrub of everything: `items` were looked at up to `cursor`, and `copies` of them read.

    `damaged` copies were found, `mended` of them; `added` are those that an item had not had
    before; `lost` items have good bytes nowhere.
    """

    number: int
    started_ms: int
    ended_ms: int = 0
    cursor: str = ""
    items: int = 0
    copies: int = 0
    bytes: int = 0
    damaged: int = 0
    mended: int = 0
    added: int = 0
    lost: int = 0


def _create(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE item (
            id TEXT PRIMARY KEY CHECK (length(id) > 0),
            size INTEGER NOT NULL CHECK (size >= 0),
            root BLOB NOT NULL CHECK (length(root) = 32),
            wrap_id TEXT NOT NULL,
            companion BLOB NOT NULL
                CHECK (length(companion) = CASE wrap_id WHEN '' THEN 0 ELSE 32 END),
            until_ms INTEGER NOT NULL DEFAULT 0,
            held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),
            leaving INTEGER NOT NULL DEFAULT 0 CHECK (leaving IN (0, 1)),
            lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1))
        ) STRICT
        """
    )
    db.execute("CREATE INDEX item_lost ON item (id) WHERE lost = 1")
    db.execute("CREATE INDEX item_wrap_id ON item (wrap_id)")
    db.execute("CREATE INDEX item_leaving ON item (id) WHERE leaving = 1")
    db.execute(
        """
        CREATE TABLE copy (
            item TEXT NOT NULL REFERENCES item (id) ON DELETE CASCADE,
            copy TEXT NOT NULL,
            ref TEXT NOT NULL,
            verified_ms INTEGER NOT NULL DEFAULT 0,
            damage TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (item, copy),
            UNIQUE (copy, ref)
        ) STRICT
        """
    )
    db.execute("CREATE INDEX copy_damage ON copy (copy) WHERE damage <> ''")
    db.execute(
        """
        CREATE TABLE pass (
            number INTEGER PRIMARY KEY,
            started_ms INTEGER NOT NULL,
            ended_ms INTEGER NOT NULL DEFAULT 0,
            cursor TEXT NOT NULL DEFAULT '',
            items INTEGER NOT NULL DEFAULT 0,
            copies INTEGER NOT NULL DEFAULT 0,
            bytes INTEGER NOT NULL DEFAULT 0,
            damaged INTEGER NOT NULL DEFAULT 0,
            mended INTEGER NOT NULL DEFAULT 0,
            added INTEGER NOT NULL DEFAULT 0,
            lost INTEGER NOT NULL DEFAULT 0,
            filed INTEGER NOT NULL DEFAULT 0 CHECK (filed IN (0, 1))
        ) STRICT
        """
    )


def _add_stores(db: Database) -> None:
    db.execute("CREATE TABLE store (copy TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT")


def _add_oddities(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE oddity (
            copy TEXT NOT NULL,
            name TEXT NOT NULL,
            version TEXT NOT NULL,
            what TEXT NOT NULL,
            found_ms INTEGER NOT NULL,
            filed INTEGER NOT NULL DEFAULT 0 CHECK (filed IN (0, 1)),
            PRIMARY KEY (copy, name, version, what)
        ) STRICT
        """
    )


def _add_retained(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE retained (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            rule TEXT NOT NULL,
            size INTEGER NOT NULL
        ) STRICT
        """
    )


def _add_holds(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE hold (
            number INTEGER PRIMARY KEY,
            target TEXT NOT NULL,
            reason TEXT NOT NULL,
            placed_ms INTEGER NOT NULL,
            lifted_ms INTEGER NOT NULL DEFAULT 0,
            lift_reason TEXT NOT NULL DEFAULT '',
            placed_filed INTEGER NOT NULL DEFAULT 0 CHECK (placed_filed IN (0, 1)),
            lifted_filed INTEGER NOT NULL DEFAULT 0 CHECK (lifted_filed IN (0, 1))
        ) STRICT
        """
    )


def _log_holds(db: Database) -> None:
    """A hold is a statement of its own; those that an earlier version told as a status are again.

    `watched` is up to where the log was looked through for what complaints are about.
    """
    db.execute("ALTER TABLE hold ADD COLUMN statement TEXT NOT NULL DEFAULT ''")
    db.execute("CREATE TABLE watched (only INTEGER PRIMARY KEY CHECK (only = 1), size INTEGER)")
    db.execute("INSERT INTO watched VALUES (1, 0)")
    db.execute("CREATE INDEX item_held ON item (id) WHERE held = 1")


MIGRATIONS: tuple[Migration, ...] = (
    _create,
    _add_stores,
    _add_oddities,
    _add_retained,
    _add_holds,
    _log_holds,
)

_COLUMNS = "id, size, root, wrap_id, companion, until_ms, held"


class SqlitePlaces:
    """Usable from any thread, and from other processes beside this one."""

    def __init__(self, path: Path) -> None:
        self._file = DatabaseFile(path, MIGRATIONS)

    def close(self) -> None:
        self._file.close()

    def add(self, place: Place, *, leaving: bool = False) -> None:
        """Raises `Conflict` if the item, or one of the objects, has a place already."""
        with self._file.write() as db:
            db.execute(
                f"INSERT INTO item ({_COLUMNS}, leaving) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (
                    place.id,
                    place.size,
                    place.root,
                    place.wrap_id,
                    place.companion,
                    place.until_ms,
                    place.held,
                    leaving,
                ),
            )
            for copy, ref in place.refs.items():
                db.execute(
                    "INSERT INTO copy (item, copy, ref) VALUES (?, ?, ?)", (place.id, copy, ref)
                )

    def find(self, item: str) -> Place | None:
        """None too for what is leaving."""
        with self._file.read() as db:
            return _place(db, item, leaving=False)

    def after(self, item: str, count: int) -> list[Place]:
        """The next `count` in order of their ids, without what is leaving."""
        with self._file.read() as db:
            ids = db.execute(
                "SELECT id FROM item WHERE id > ? AND leaving = 0 ORDER BY id LIMIT ?",
                (item, count),
            ).fetchall()
            found = [_place(db, id_, leaving=False) for (id_,) in ids]
        return [place for place in found if place is not None]

    def ids(self) -> Iterator[str]:
        last = ""
        while places := self.after(last, 1000):
            yield from (place.id for place in places)
            last = places[-1].id

    def refs(self, copy: str) -> frozenset[str]:
        """All objects of a copy that a row speaks of, those that are leaving too."""
        with self._file.read() as db:
            rows = db.execute("SELECT ref FROM copy WHERE copy = ?", (copy,)).fetchall()
        return frozenset(ref for (ref,) in rows)

    def uses(self, copy: str) -> bool:
        """Whether anything lies in that copy."""
        with self._file.read() as db:
            row = db.execute("SELECT 1 FROM copy WHERE copy = ? LIMIT 1", (copy,)).fetchone()
        return row is not None

    def where(self, copy: str) -> str | None:
        """The store that a copy is in, as its setting named it when it was last opened."""
        with self._file.read() as db:
            row = db.execute("SELECT text FROM store WHERE copy = ?", (copy,)).fetchone()
        return None if row is None else str(row[0])

    def put_where(self, copy: str, text: str) -> None:
        with self._file.write() as db:
            db.execute(
                "INSERT INTO store (copy, text) VALUES (?, ?)"
                " ON CONFLICT (copy) DO UPDATE SET text = excluded.text",
                (copy, text),
            )

    def knows(self, copy: str, ref: str) -> bool:
        with self._file.read() as db:
            row = db.execute(
                "SELECT 1 FROM copy WHERE copy = ? AND ref = ?", (copy, ref)
            ).fetchone()
        return row is not None

    def wrapped(self) -> dict[str, frozenset[str]]:
        """Of each wrapping key in use, one or two items that it opens."""
        with self._file.read() as db:
            rows = db.execute(
                "SELECT wrap_id, min(id), max(id) FROM item WHERE wrap_id <> '' AND leaving = 0"
                " GROUP BY wrap_id"
            ).fetchall()
        return {wrap_id: frozenset(items) for wrap_id, *items in rows}

    def leave(self, item: str, leaving: bool = True) -> None:
        with self._file.write() as db:
            db.execute("UPDATE item SET leaving = ? WHERE id = ?", (leaving, item))

    def leaving(self) -> list[Place]:
        with self._file.read() as db:
            ids = db.execute("SELECT id FROM item WHERE leaving = 1").fetchall()
            found = [_place(db, item, leaving=True) for (item,) in ids]
        return [place for place in found if place is not None]

    def remove(self, item: str) -> None:
        with self._file.write() as db:
            db.execute("DELETE FROM item WHERE id = ?", (item,))

    def put_ref(self, item: str, copy: str, ref: str) -> None:
        """A copy anew, not yet looked at."""
        with self._file.write() as db:
            db.execute(
                "INSERT INTO copy (item, copy, ref) VALUES (?, ?, ?) ON CONFLICT (item, copy)"
                " DO UPDATE SET ref = excluded.ref, verified_ms = 0, damage = ''",
                (item, copy, ref),
            )

    def remove_ref(self, item: str, copy: str) -> None:
        with self._file.write() as db:
            db.execute("DELETE FROM copy WHERE item = ? AND copy = ?", (item, copy))

    def retain(self, item: str, until_ms: int) -> None:
        with self._file.write() as db:
            db.execute("UPDATE item SET until_ms = max(until_ms, ?) WHERE id = ?", (until_ms, item))

    def fold(self) -> None:
        """Of what was removed before, no file holds the row."""
        self._file.fold()

    def held_items(self) -> frozenset[str]:
        with self._file.read() as db:
            rows = db.execute("SELECT id FROM item WHERE held = 1 AND leaving = 0").fetchall()
        return frozenset(item for (item,) in rows)

    def hold(self, item: str, on: bool) -> None:
        with self._file.write() as db:
            db.execute("UPDATE item SET held = ? WHERE id = ?", (on, item))

    def retained_to(self, rule: str) -> int:
        """Up to which entry the log was retained under that rule."""
        with self._file.read() as db:
            row = db.execute("SELECT size FROM retained WHERE rule = ?", (rule,)).fetchone()
        return 0 if row is None else int(row[0])

    def put_retained_to(self, rule: str, size: int) -> None:
        with self._file.write() as db:
            db.execute("INSERT OR REPLACE INTO retained VALUES (1, ?, ?)", (rule, size))

    # --- scrubs --------------------------------------------------------------------------------

    def begin_pass(self, now_ms: int) -> Pass:
        """The one that was not brought to its end, or a new one."""
        with self._file.write() as db:
            db.execute(
                "INSERT INTO pass (started_ms) SELECT ?"
                " WHERE NOT EXISTS (SELECT 1 FROM pass WHERE ended_ms = 0)",
                (now_ms,),
            )
            return _passes(db, "WHERE ended_ms = 0")[0]

    def is_under_way(self) -> bool:
        with self._file.read() as db:
            return bool(_passes(db, "WHERE ended_ms = 0"))

    def looked(self, done: Pass, conditions: Sequence[Condition], *, lost: bool) -> None:
        """The item at `done.cursor` was looked at; from there another run goes on."""
        with self._file.write() as db:
            for condition in conditions:
                db.execute(
                    "UPDATE copy SET verified_ms = ?, damage = ? WHERE item = ? AND copy = ?",
                    (condition.verified_ms, condition.damage, done.cursor, condition.copy),
                )
            db.execute("UPDATE item SET lost = ? WHERE id = ?", (lost, done.cursor))
            _put_pass(db, done)

    def end_pass(self, done: Pass) -> None:
        with self._file.write() as db:
            _put_pass(db, done)

    def last_pass(self) -> Pass | None:
        """The newest that was brought to its end."""
        with self._file.read() as db:
            found = _passes(db, "WHERE ended_ms > 0 ORDER BY number DESC LIMIT 1")
        return found[0] if found else None

    def unfiled_passes(self) -> list[Pass]:
        """Brought to their end, and not yet spoken of in the log."""
        with self._file.read() as db:
            return _passes(db, "WHERE ended_ms > 0 AND filed = 0 ORDER BY number")

    def file_pass(self, number: int) -> None:
        with self._file.write() as db:
            db.execute("UPDATE pass SET filed = 1 WHERE number = ?", (number,))

    def lost(self) -> list[str]:
        """Items whose bytes the last look found good nowhere."""
        with self._file.read() as db:
            rows = db.execute("SELECT id FROM item WHERE lost = 1 AND leaving = 0").fetchall()
        return [item for (item,) in rows]

    def damaged_copies(self) -> int:
        """Found damaged and not mended."""
        with self._file.read() as db:
            row = db.execute("SELECT count(*) FROM copy WHERE damage <> ''").fetchone()
        return int(row[0])

    # --- legal holds ---------------------------------------------------------------------------

    def add_hold(self, target: str, reason: str, now_ms: int) -> Hold:
        with self._file.write() as db:
            (number,) = db.execute(
                "INSERT INTO hold (target, reason, placed_ms) VALUES (?, ?, ?) RETURNING number",
                (target, reason, now_ms),
            ).fetchone()
        return Hold(number, target, reason, now_ms)

    def holds(self) -> list[Hold]:
        """Those that the log does not say yet, the oldest first."""
        with self._file.read() as db:
            rows = db.execute(
                "SELECT number, target, reason, placed_ms FROM hold"
                " WHERE statement = '' AND lifted_ms = 0 ORDER BY number"
            ).fetchall()
        return [Hold(*row) for row in rows]

    def file_hold(self, number: int, statement: str) -> None:
        with self._file.write() as db:
            db.execute("UPDATE hold SET statement = ? WHERE number = ?", (statement, number))

    def watched_to(self) -> int:
        """Up to which row the log was looked through for what complaints are about."""
        with self._file.read() as db:
            return int(db.execute("SELECT size FROM watched").fetchone()[0])

    def put_watched_to(self, size: int) -> None:
        with self._file.write() as db:
            db.execute("UPDATE watched SET size = ?", (size,))

    # --- what is odd in the stores -------------------------------------------------------------

    def listed(self, copy: str, found: Iterable[Oddity], now_ms: int) -> list[Odd]:
        """All that a copy's names show now; what is among it for the first time comes back."""
        with self._file.write() as db:
            rows = db.execute(
                "SELECT name, version, what, found_ms, filed FROM oddity WHERE copy = ?", (copy,)
            ).fetchall()
            known = {Oddity(*row[:3]): row[3:] for row in rows}
            now = dict.fromkeys(found)
            db.execute("DELETE FROM oddity WHERE copy = ?", (copy,))
            db.conn.executemany(
                "INSERT INTO oddity VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (copy, odd.name, odd.version, odd.what, *known.get(odd, (now_ms, 0)))
                    for odd in now
                ],
            )
        return [Odd(copy=copy, oddity=o, found_ms=now_ms) for o in now if o not in known]

    def oddities(self) -> int:
        with self._file.read() as db:
            return int(db.execute("SELECT count(*) FROM oddity").fetchone()[0])

    def odd(self) -> list[Odd]:
        return self._odd("")

    def unfiled_odd(self) -> list[Odd]:
        """Not yet spoken of in the log."""
        return self._odd("WHERE filed = 0")

    def file_odd(self, odd: Iterable[Odd]) -> None:
        with self._file.write() as db:
            db.conn.executemany(
                "UPDATE oddity SET filed = 1"
                " WHERE copy = ? AND name = ? AND version = ? AND what = ?",
                [(o.copy, o.oddity.name, o.oddity.version, o.oddity.what) for o in odd],
            )

    def _odd(self, rest: str) -> list[Odd]:
        with self._file.read() as db:
            rows = db.execute(
                f"SELECT copy, name, version, what, found_ms FROM oddity {rest}"  # noqa: S608
                " ORDER BY copy, name, version, what"
            ).fetchall()
        return [
            Odd(copy=copy, oddity=Oddity(*odd), found_ms=found_ms) for copy, *odd, found_ms in rows
        ]

    def conditions(self, item: str) -> list[Condition]:
        with self._file.read() as db:
            rows = db.execute(
                "SELECT copy, verified_ms, damage FROM copy WHERE item = ? ORDER BY copy", (item,)
            ).fetchall()
        return [
            Condition(copy=copy, verified_ms=verified_ms, damage=damage)
            for copy, verified_ms, damage in rows
        ]


_PASS = "number, started_ms, ended_ms, cursor, items, copies, bytes, damaged, mended, added, lost"


def _passes(db: Database, rest: str) -> list[Pass]:
    rows = db.execute(f"SELECT {_PASS} FROM pass {rest}").fetchall()  # noqa: S608
    names = _PASS.split(", ")
    return [Pass(**dict(zip(names, row, strict=True))) for row in rows]


def _put_pass(db: Database, done: Pass) -> None:
    db.execute(
        "UPDATE pass SET ended_ms = ?, cursor = ?, items = ?, copies = ?, bytes = ?,"
        " damaged = ?, mended = ?, added = ?, lost = ? WHERE number = ?",
        (
            done.ended_ms,
            done.cursor,
            done.items,
            done.copies,
            done.bytes,
            done.damaged,
            done.mended,
            done.added,
            done.lost,
            done.number,
        ),
    )


def _place(db: Database, item: str, *, leaving: bool) -> Place | None:
    row = db.execute(
        f"SELECT {_COLUMNS} FROM item WHERE id = ? AND leaving = ?",  # noqa: S608
        (item, leaving),
    ).fetchone()
    if row is None:
        return None
    refs = db.execute("SELECT copy, ref FROM copy WHERE item = ?", (item,)).fetchall()
    id_, size, root, wrap_id, companion, until_ms, held = row
    return Place(
        id=id_,
        size=size,
        root=root,
        wrap_id=wrap_id,
        companion=companion,
        until_ms=until_ms,
        held=bool(held),
        refs=dict(refs),
    )
