"""Where the bytes of each item lie: `places.sqlite` in the data folder.

An item without a row is one that was here before this database: in the first copy, under
its own id, in plain. What is `leaving` is being deleted, by us or after a crash.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils import Database

from storage.database import DatabaseFile, Migration


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`wrap_id` is that of the key that wraps a sealed item's, and empty if it is in plain.

    `root` is over the hashes of the stored blocks, `size` that of the item; `refs` are by copy.
    """

    id: str
    size: int
    root: bytes
    wrap_id: str = ""
    until_ms: int = 0
    held: bool = False
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the last look at a copy found: nothing wrong, if `damage` is empty."""

    copy: str
    verified_ms: int
    damage: str


def _create(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE item (
            id TEXT PRIMARY KEY CHECK (length(id) > 0),
            size INTEGER NOT NULL CHECK (size >= 0),
            root BLOB NOT NULL CHECK (length(root) = 32),
            wrap_id TEXT NOT NULL,
            until_ms INTEGER NOT NULL DEFAULT 0,
            held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),
            leaving INTEGER NOT NULL DEFAULT 0 CHECK (leaving IN (0, 1))
        ) STRICT
        """
    )
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


MIGRATIONS: tuple[Migration, ...] = (_create,)

_COLUMNS = "id, size, root, wrap_id, until_ms, held"


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
                f"INSERT INTO item ({_COLUMNS}, leaving) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (
                    place.id,
                    place.size,
                    place.root,
                    place.wrap_id,
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

    def hold(self, item: str, on: bool) -> None:
        with self._file.write() as db:
            db.execute("UPDATE item SET held = ? WHERE id = ?", (on, item))

    def note(self, item: str, condition: Condition) -> None:
        with self._file.write() as db:
            db.execute(
                "UPDATE copy SET verified_ms = ?, damage = ? WHERE item = ? AND copy = ?",
                (condition.verified_ms, condition.damage, item, condition.copy),
            )

    def conditions(self, item: str) -> list[Condition]:
        with self._file.read() as db:
            rows = db.execute(
                "SELECT copy, verified_ms, damage FROM copy WHERE item = ? ORDER BY copy", (item,)
            ).fetchall()
        return [
            Condition(copy=copy, verified_ms=verified_ms, damage=damage)
            for copy, verified_ms, damage in rows
        ]


def _place(db: Database, item: str, *, leaving: bool) -> Place | None:
    row = db.execute(
        f"SELECT {_COLUMNS} FROM item WHERE id = ? AND leaving = ?",  # noqa: S608
        (item, leaving),
    ).fetchone()
    if row is None:
        return None
    refs = db.execute("SELECT copy, ref FROM copy WHERE item = ?", (item,)).fetchall()
    id_, size, root, wrap_id, until_ms, held = row
    return Place(
        id=id_,
        size=size,
        root=root,
        wrap_id=wrap_id,
        until_ms=until_ms,
        held=bool(held),
        refs=dict(refs),
    )
