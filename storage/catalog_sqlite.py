"""A search catalog over the statements; it may be deleted and is then rebuilt from the ledger.

It holds nothing that the ledger does not, and can only mislead a search.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from ledger.errors import Conflict
from ledger.evidence.entry import Entry
from ledger.evidence.statement import Kind, Statement, StatementSubject
from ledger.ports import LedgerStore
from ledger.process.keeping.complaints import Span, corrected_spans, spans_of
from ledger.process.keeping.holds import cases_of, speaks_of
from ledger.sequencer import Row
from storage.database import DatabaseFile, Migration

BATCH = 1000  # statements in one transaction while catching up


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """A statement in a list. `name` and `size` are of its first file; times are ms.

    `index` is the number of its row, which runs on across the logs, here and below.
    """

    index: int
    id: str
    kind: str
    agency: str
    stage: str | None
    act: str | None
    name: str | None
    size: int | None
    device: str | None
    occurred_from: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A statement of evidence or an act that speaks of certain bytes, and under what."""

    sha256: str
    index: int
    agency: str
    device: str | None
    cases: frozenset[str]


@dataclass(frozen=True, slots=True)
class CaseCount:
    """A case, or a provisional case under its id, with the number of its statements."""

    case: str
    count: int


def _create(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE indexed (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            size INTEGER NOT NULL
        ) STRICT
        """
    )
    db.execute("INSERT INTO indexed VALUES (1, 0)")
    db.execute(
        """
        CREATE TABLE statement (
            idx INTEGER PRIMARY KEY,
            id TEXT NOT NULL,
            kind TEXT NOT NULL,
            agency TEXT NOT NULL,
            stage TEXT,
            act TEXT,
            name TEXT,
            size INTEGER,
            device TEXT,
            occurred_from INTEGER
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE case_statement (
            name TEXT NOT NULL,
            idx INTEGER NOT NULL REFERENCES statement,
            PRIMARY KEY (name, idx)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute(
        """
        CREATE TABLE file (
            sha256 TEXT NOT NULL,
            idx INTEGER NOT NULL REFERENCES statement,
            PRIMARY KEY (sha256, idx)
        ) STRICT, WITHOUT ROWID
        """
    )


def _index_devices(db: Database) -> None:
    db.execute("CREATE INDEX statement_device ON statement (device, kind)")


def _add_spans(db: Database) -> None:
    """When recordings may have been made, for complaints; what is here is read anew."""
    db.execute(
        """
        CREATE TABLE span (
            agency TEXT NOT NULL,
            starts INTEGER NOT NULL,
            ends INTEGER NOT NULL,
            idx INTEGER NOT NULL REFERENCES statement
        ) STRICT
        """
    )
    db.execute("CREATE INDEX span_of ON span (agency, ends, starts)")
    db.execute("CREATE INDEX span_idx ON span (idx)")
    _clear(db)


TABLES = ("span", "file", "case_statement", "statement")


def _clear(db: Database) -> None:
    for table in TABLES:
        db.execute(f"DELETE FROM {table}")  # noqa: S608
    db.execute("UPDATE indexed SET size = 0")


def _index_times(db: Database) -> None:
    db.execute("CREATE INDEX statement_time ON statement (kind, occurred_from)")


def _index_cases(db: Database) -> None:
    """By statement: to tell under which cases a file was filed, all would be read without it."""
    db.execute("CREATE INDEX case_statement_idx ON case_statement (idx)")


def _add_kin(db: Database) -> None:
    """Which statements speak of which, and who says when a recording was made: itself, or what
    corrects it. What is here is read anew.
    """
    db.execute(
        """
        CREATE TABLE spoken_of (
            what TEXT NOT NULL,
            idx INTEGER NOT NULL REFERENCES statement,
            PRIMARY KEY (what, idx)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute("CREATE INDEX spoken_of_idx ON spoken_of (idx)")
    db.execute("CREATE INDEX statement_id ON statement (id)")
    db.execute("ALTER TABLE span ADD COLUMN said_by INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX span_said_by ON span (said_by)")
    _clear(db)


MIGRATIONS: tuple[Migration, ...] = (
    _create,
    _index_devices,
    _add_spans,
    _index_times,
    _index_cases,
    _add_kin,
)

_ROW = (
    "SELECT statement.idx, id, kind, agency, stage, act, statement.name, size, device,"
    " occurred_from FROM statement"
)


# At most so many, as nothing bounds how often one file is filed.
HOLDING = """
    SELECT idx, agency, device,
        (SELECT group_concat(name, char(10)) FROM case_statement c WHERE c.idx = statement.idx)
    FROM file JOIN statement USING (idx)
    WHERE sha256 = ? AND kind IN ('evidence', 'act') ORDER BY idx LIMIT 256
"""


class SqliteCatalog:
    """Usable from any thread."""

    def __init__(self, path: Path) -> None:
        self._file = DatabaseFile(path, MIGRATIONS, durable=False)

    def close(self) -> None:
        self._file.close()

    def add(self, rows: Iterable[tuple[Row, Statement | None]]) -> None:
        """All or nothing; in log order from `indexed_to` on. Rows already there are passed over.

        Of a lost row there is no statement, and nothing to find.
        """
        with self._file.write() as db:
            _add(db, rows)

    def indexed_to(self) -> int:
        with self._file.read() as db:
            return int(db.execute("SELECT size FROM indexed").fetchone()[0])

    def catch_up(self, store: LedgerStore) -> None:
        """Adds what the ledger has beyond the catalog."""
        head = store.head()
        rows = store.rows(self.indexed_to(), head.end if head else 0)
        while batch := list(islice(rows, BATCH)):
            self.add((row, row.said()) for row in batch)

    def rebuild(self, store: LedgerStore) -> None:
        with self._file.write() as db:
            db.execute("DELETE FROM spoken_of")
            _clear(db)
        self.catch_up(store)

    def forget(self, numbers: Iterable[int]) -> None:
        """What was destroyed is found no more, and no file says what it was."""
        with self._file.write() as db:
            gone = [(number,) for number in numbers]
            for table in ("spoken_of", *TABLES):
                db.conn.executemany(f"DELETE FROM {table} WHERE idx = ?", gone)  # noqa: S608
            db.conn.executemany("DELETE FROM span WHERE said_by = ?", gone)
        self._file.fold()

    def case(self, case: str) -> list[CatalogRow]:
        """The statements of a case or, by its id, of a provisional case, in log order."""
        return self._rows(
            "JOIN case_statement USING (idx) WHERE case_statement.name = ? ORDER BY idx", case
        )

    def by_digest(self, sha256: str) -> list[CatalogRow]:
        """The statements that speak of a file with this SHA-256 (hex), in log order."""
        return self._rows("JOIN file USING (idx) WHERE sha256 = ? ORDER BY idx", sha256)

    def evidence_of(self, device: str) -> list[int]:
        """The indexes of evidence that names this device, in log order."""
        sql = "SELECT idx FROM statement WHERE device = ? AND kind = 'evidence' ORDER BY idx"
        with self._file.read() as db:
            return [index for (index,) in db.conn.execute(sql, (device,)).fetchall()]

    def recorded(
        self, agencies: Collection[str], span: Span, devices: Collection[str] = ()
    ) -> list[int]:
        """The numbers of evidence that may have been recorded then, in log order: of these
        agencies, or of these devices whosever they are.
        """
        found: set[int] = set()
        wanted = [("span.agency", one) for one in agencies]
        wanted += [("statement.device", one) for one in devices]
        with self._file.read() as db:
            for column, value in wanted:
                sql = (
                    "SELECT DISTINCT span.idx FROM span JOIN statement USING (idx)"  # noqa: S608
                    f" WHERE {column} = ? AND ends >= ? AND starts <= ?"
                )
                found |= {index for (index,) in db.execute(sql, (value, *span)).fetchall()}
        return sorted(found)

    def speaking_of(self, what: str) -> list[int]:
        """The numbers of those that `ledger.process.keeping.holds.speaks_of` says speak of it."""
        sql = "SELECT idx FROM spoken_of WHERE what = ? ORDER BY idx"
        with self._file.read() as db:
            return [index for (index,) in db.execute(sql, (what,)).fetchall()]

    def occurred(self, kind: str, start_ms: int, end_ms: int, limit: int) -> list[int]:
        """The numbers of the first `limit` statements that claim to begin then, in log order."""
        sql = (
            "SELECT idx FROM statement WHERE kind = ? AND occurred_from >= ?"
            " AND occurred_from < ? ORDER BY idx LIMIT ?"
        )
        with self._file.read() as db:
            rows = db.conn.execute(sql, (kind, start_ms, end_ms, limit)).fetchall()
        return [index for (index,) in rows]

    def holdings(self, digests: Sequence[str]) -> list[Holding]:
        """Who has filed files of these SHA-256 (hex), of any agency; few at a time."""
        found = []
        with self._file.read() as db:
            for sha256 in digests:
                rows = db.conn.execute(HOLDING, (sha256,)).fetchall()
                found += [
                    Holding(
                        sha256=sha256,
                        index=index,
                        agency=agency,
                        device=device,
                        cases=frozenset((cases or "").split("\n")) - {""},
                    )
                    for index, agency, device, cases in rows
                ]
        return found

    def cases(self, prefix: str, limit: int) -> list[CaseCount]:
        """The first `limit` cases that begin with `prefix`, by code point."""
        # No text of a statement holds the last code point, which is no character.
        with self._file.read() as db:
            rows = db.execute(
                "SELECT name, count(*) FROM case_statement WHERE name >= ? AND name < ?"
                " GROUP BY name ORDER BY name LIMIT ?",
                (prefix, prefix + "\U0010ffff", limit),
            ).fetchall()
        return [CaseCount(*row) for row in rows]

    def _rows(self, rest: str, value: str) -> list[CatalogRow]:
        with self._file.read() as db:
            rows = db.execute(f"{_ROW} {rest}", (value,)).fetchall()
        return [CatalogRow(*row) for row in rows]


def _add(db: Database, rows: Iterable[tuple[Row, Statement | None]]) -> None:
    size = int(db.execute("SELECT size FROM indexed").fetchone()[0])
    for row, statement in rows:
        if row.number < size:
            continue
        if row.number > size:
            raise Conflict(f"want the statement with the number {size}, got {row.number}")
        if statement is not None:
            _insert(db, row, statement)
        size += 1
    db.execute("UPDATE indexed SET size = ?", (size,))


def _insert(db: Database, row: Row, statement: Statement) -> None:
    index = row.number
    first = next(iter(statement.files), None)
    occurred = statement.occurred
    db.execute(
        "INSERT INTO statement VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            index,
            statement.id,
            statement.kind.value,
            statement.agency,
            statement.stage.value if statement.stage else None,
            statement.predicate.get("act"),
            first.name if first else None,
            first.digest.size if first else None,
            statement.predicate.get("device"),
            occurred.start_ms if occurred else None,
        ),
    )
    db.conn.executemany(
        "INSERT INTO case_statement VALUES (?, ?)", [(name, index) for name in cases_of(statement)]
    )
    db.conn.executemany(
        "INSERT INTO file VALUES (?, ?)",
        [(sha256, index) for sha256 in {file.digest.sha256.hex() for file in statement.files}],
    )
    db.conn.executemany(
        "INSERT INTO spoken_of VALUES (?, ?)", [(what, index) for what in {*speaks_of(statement)}]
    )
    _insert_spans(db, row, statement)


def _insert_spans(db: Database, row: Row, statement: Statement) -> None:
    index = row.number
    if statement.kind is Kind.EVIDENCE:
        spans = spans_of(statement, Entry.from_bytes(row.entry).at)
        db.conn.executemany(
            "INSERT INTO span VALUES (?, ?, ?, ?, ?)",
            [(statement.agency, starts, ends, index, index) for starts, ends in spans],
        )
    named = [one.id for one in statement.subjects if isinstance(one, StatementSubject)]
    for starts, ends in corrected_spans(statement):
        db.conn.executemany(
            "INSERT INTO span SELECT agency, ?, ?, idx, ? FROM statement"
            " WHERE id = ? AND kind = 'evidence'",
            [(starts, ends, index, id_) for id_ in named],
        )
