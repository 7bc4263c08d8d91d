"""What an upload station knows, in SQLite: each step is durable before anything rests on it.

    device ──< session ──< file >── statement
                  └──────< gap

A row only ever moves forward. Ids of statements, and their envelopes with them, are stored
before the first sending, so that whoever begins again sends the same and gets the same
answer. Paths are bytes, as the card has them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlite_utils import Database

from ledger.errors import Conflict
from ledger.evidence.chunks import ItemDigest
from storage.database import DatabaseFile, Migration


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """`docking` counts its arrivals; `present` is whether it was there at the last scan."""

    name: str
    docking: int
    present: bool
    seen_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """`given` is what was recorded at check-out, or empty; `docked_ms` is 0 while it is out.

    `docking` is the device's arrival in which it last added files.
    """

    id: str
    device: str
    given: dict[str, Any]
    officers: tuple[str, ...]
    case: str
    began_ms: int
    docked_ms: int
    docking: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One version of one file. What is empty or 0 has not happened yet.

    `proven` is the docking in which the device's own bytes were read a second time and were
    those of the first reading; `gone` and `wiped` files are not on the card any more.
    """

    id: int
    session: str
    device: str
    path: bytes
    version: int
    size: int
    mtime_ns: int
    ino: int
    sha256: bytes
    chunks: bytes
    sm3: bytes
    spooled: bool
    statement: str
    uploaded: bool
    reread: bytes
    proven: int
    nonce: bytes
    expected: bytes
    readback: bytes
    changed: bool
    gone: bool
    wiped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """`kind` is check_out, dock, explanation or evidence; `answer` is empty until believed."""

    id: str
    seq: int
    session: str
    kind: str
    envelope: bytes
    at_ms: int
    manifest: bytes
    manifest_sent: bool
    answer: str
    receipt: str
    cosigners: int
    quorum_s: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a statement has come, without its bytes: a card may have made 100,000 of them."""

    id: str
    session: str
    kind: str
    answered: bool
    receipted: bool
    cosigners: int
    quorum_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRow:
    """`number` counts the gaps of the dock statement that told it; 0 until one has."""

    id: int
    session: str
    statement: str
    number: int
    kind: str
    note: str
    at_ms: int
    explained: str
    cause: str


SCHEMA = (
    "CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    """
    CREATE TABLE device (
        name TEXT PRIMARY KEY,
        docking INTEGER NOT NULL DEFAULT 0,
        present INTEGER NOT NULL DEFAULT 0,
        seen_ms INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    """
    CREATE TABLE session (
        id TEXT PRIMARY KEY,
        device TEXT NOT NULL REFERENCES device,
        given TEXT NOT NULL CHECK (json_type(given) = 'object'),
        officers TEXT NOT NULL CHECK (json_type(officers) = 'array'),
        "case" TEXT NOT NULL,
        began_ms INTEGER NOT NULL,
        docked_ms INTEGER NOT NULL DEFAULT 0,
        docking INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    """
    CREATE TABLE statement (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        session TEXT NOT NULL REFERENCES session,
        kind TEXT NOT NULL,
        envelope BLOB NOT NULL,
        at_ms INTEGER NOT NULL,
        manifest BLOB NOT NULL DEFAULT x'',
        manifest_sent INTEGER NOT NULL DEFAULT 0,
        answer TEXT NOT NULL DEFAULT '',
        receipt TEXT NOT NULL DEFAULT '',
        cosigners INTEGER NOT NULL DEFAULT 0,
        quorum_s INTEGER NOT NULL DEFAULT 0,
        problem TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    """
    CREATE TABLE file (
        id INTEGER PRIMARY KEY,
        session TEXT NOT NULL REFERENCES session,
        device TEXT NOT NULL REFERENCES device,
        path BLOB NOT NULL,
        version INTEGER NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        ino INTEGER NOT NULL,
        sha256 BLOB NOT NULL DEFAULT x'',
        chunks BLOB NOT NULL DEFAULT x'',
        spooled INTEGER NOT NULL DEFAULT 0,
        statement TEXT NOT NULL DEFAULT '',
        uploaded INTEGER NOT NULL DEFAULT 0,
        reread BLOB NOT NULL DEFAULT x'',
        proven INTEGER NOT NULL DEFAULT 0,
        nonce BLOB NOT NULL DEFAULT x'',
        expected BLOB NOT NULL DEFAULT x'',
        readback BLOB NOT NULL DEFAULT x'',
        changed INTEGER NOT NULL DEFAULT 0,
        gone INTEGER NOT NULL DEFAULT 0,
        wiped INTEGER NOT NULL DEFAULT 0,
        UNIQUE (device, path, version)
    ) STRICT
    """,
    """
    CREATE TABLE gap (
        id INTEGER PRIMARY KEY,
        session TEXT NOT NULL REFERENCES session,
        statement TEXT NOT NULL DEFAULT '',
        number INTEGER NOT NULL DEFAULT 0,
        kind TEXT NOT NULL,
        note TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        explained TEXT NOT NULL DEFAULT '',
        cause TEXT NOT NULL DEFAULT '',
        UNIQUE (session, kind, note)
    ) STRICT
    """,
    "CREATE INDEX file_session ON file (session)",
    "CREATE INDEX file_live ON file (device) WHERE NOT (gone OR wiped)",
    "CREATE INDEX file_spooled ON file (id) WHERE spooled",
    "CREATE INDEX statement_open ON statement (seq) WHERE quorum_s = 0",
    "CREATE INDEX file_statement ON file (statement)",
    "CREATE INDEX statement_session ON statement (session)",
)


def _create(db: Database) -> None:
    for sql in SCHEMA:
        db.execute(sql)


def _add_sm3(db: Database) -> None:
    db.execute("ALTER TABLE file ADD COLUMN sm3 BLOB NOT NULL DEFAULT x''")


MIGRATIONS: tuple[Migration, ...] = (_create, _add_sm3)

_FILE = ", ".join(FileRow.__slots__)
_SESSION = 'id, device, given, officers, "case", began_ms, docked_ms, docking'
_STATEMENT = ", ".join(StatementRow.__slots__)
_GAP = ", ".join(GapRow.__slots__)
_LOGGED = "spooled AND EXISTS (SELECT 1 FROM statement WHERE id = file.statement AND receipt != '')"


def new_statement(
    id_: str, session: str, kind: str, envelope: bytes, at_ms: int, manifest: bytes = b""
) -> StatementRow:
    """One that nobody has been told yet."""
    return StatementRow(
        id=id_,
        seq=0,  # the store counts
        session=session,
        kind=kind,
        envelope=envelope,
        at_ms=at_ms,
        manifest=manifest,
        manifest_sent=False,
        answer="",
        receipt="",
        cosigners=0,
        quorum_s=0,
        problem="",
    )


class SqliteStation:
    """Usable from any thread, and by several processes. A method that writes is one transaction."""

    def __init__(self, path: Path) -> None:
        self._file = DatabaseFile(path, MIGRATIONS)

    def close(self) -> None:
        self._file.close()

    # --- facts -------------------------------------------------------------------------------

    def fact(self, name: str) -> str:
        """A value that the station keeps for itself, or the empty text."""
        rows = self._rows("SELECT value FROM fact WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else ""

    def keep_facts(self, facts: Mapping[str, str]) -> None:
        with self._file.write() as db:
            _keep_facts(db, facts)

    def drop_fact(self, name: str) -> None:
        self._update("DELETE FROM fact WHERE name = ?", (name,))

    # --- devices -----------------------------------------------------------------------------

    def devices(self) -> list[DeviceRow]:
        rows = self._rows("SELECT name, docking, present, seen_ms FROM device ORDER BY name")
        return [
            DeviceRow(name=name, docking=docking, present=bool(present), seen_ms=seen)
            for name, docking, present, seen in rows
        ]

    def arrived(self, device: str, at_ms: int) -> int:
        """Notes that a device has come; returns which docking of it this is."""
        with self._file.write() as db:
            db.execute("INSERT INTO device (name) VALUES (?) ON CONFLICT DO NOTHING", (device,))
            db.execute(
                "UPDATE device SET docking = docking + 1, present = 1, seen_ms = ?"
                " WHERE name = ? AND present = 0",
                (at_ms, device),
            )
            row = db.execute("SELECT docking FROM device WHERE name = ?", (device,)).fetchone()
        return int(row[0])

    def left(self, device: str, at_ms: int) -> None:
        with self._file.write() as db:
            db.execute("UPDATE device SET present = 0, seen_ms = ? WHERE name = ?", (at_ms, device))

    def unwatched(self, at_ms: int) -> None:
        """A run begins, and nobody saw which devices left their docks before it.

        All count as arriving anew, and as read once; but one that was handed out still is.
        """
        with self._file.write() as db:
            db.execute(
                "UPDATE device SET present = 0, seen_ms = ? WHERE present AND NOT EXISTS"
                " (SELECT 1 FROM session WHERE device = device.name AND docked_ms = 0)",
                (at_ms,),
            )
            db.execute("UPDATE file SET proven = 0 WHERE proven AND NOT (gone OR wiped)")

    # --- sessions ----------------------------------------------------------------------------

    def sessions(self, device: str = "") -> list[SessionRow]:
        """Of one device or all, in the order in which they began."""
        return self._sessions("? IN ('', device) ORDER BY rowid", (device,))

    def session(self, id_: str) -> SessionRow:
        (row,) = self._sessions("id = ?", (id_,))
        return row

    def last_session(self, device: str) -> SessionRow | None:
        rows = self._sessions("device = ? ORDER BY rowid DESC LIMIT 1", (device,))
        return rows[0] if rows else None

    def sessions_to_plan(self, device: str) -> list[SessionRow]:
        """Those with files that have been read and stand in no statement yet."""
        return self._sessions(
            "id IN (SELECT session FROM file WHERE device = ? AND statement = '' AND sha256 != x'')"
            " ORDER BY rowid",
            (device,),
        )

    def _sessions(self, where: str, values: Sequence[Any]) -> list[SessionRow]:
        rows = self._rows(
            f"SELECT {_SESSION} FROM session WHERE {where}",  # noqa: S608
            values,
        )
        return [
            SessionRow(
                id=id_,
                device=name,
                given=json.loads(given),
                officers=tuple(json.loads(officers)),
                case=case,
                began_ms=began,
                docked_ms=docked,
                docking=docking,
            )
            for id_, name, given, officers, case, began, docked, docking in rows
        ]

    def begin_session(self, session: SessionRow, statement: StatementRow | None) -> None:
        """With its check-out, if there was one."""
        with self._file.write() as db:
            db.execute(
                "INSERT INTO device (name) VALUES (?) ON CONFLICT DO NOTHING", (session.device,)
            )
            _insert_session(db, session)
            if statement is not None:
                _insert_statement(db, statement)

    def dock(
        self,
        session: SessionRow,
        statement: StatementRow,
        files: Sequence[FileRow],
        gaps: Sequence[tuple[str, str]],
        *,
        told: Sequence[int] = (),
        facts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """The signed manifest, the files that are new in it, and the gaps that it tells.

        `told` are gaps that were known before and stand in this statement, after `gaps`.
        `facts` are kept in the same transaction.
        """
        with self._file.write() as db:
            _insert_session(db, session)
            db.execute(
                "UPDATE session SET docking = ?, docked_ms = iif(docked_ms = 0, ?, docked_ms)"
                " WHERE id = ?",
                (session.docking, session.docked_ms, session.id),
            )
            _insert_statement(db, statement)
            for file in files:
                _insert_file(db, file)
            for number, (kind, note) in enumerate(gaps, 1):
                db.execute(
                    "INSERT INTO gap (session, statement, number, kind, note, at_ms)"
                    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (session.id, statement.id, number, kind, note, statement.at_ms),
                )
            for number, gap in enumerate(told, len(gaps) + 1):
                db.execute(
                    "UPDATE gap SET statement = ?, number = ? WHERE id = ?",
                    (statement.id, number, gap),
                )
            _keep_facts(db, facts)

    # --- files -------------------------------------------------------------------------------

    def files(
        self, *, session: str = "", device: str = "", statement: str = "", path: bytes = b""
    ) -> list[FileRow]:
        """By path, the versions of each in their order. Paths and ids that are empty match all."""
        return self._files(
            "(? IN ('', session)) AND (? IN ('', device)) AND (? IN ('', statement))"
            " AND (? IN (x'', path))",
            (session, device, statement, path),
        )

    def live_files(self, device: str) -> list[FileRow]:
        """Those that are on the card or were there in its last session; not all of history."""
        return self._files(
            "device = ? AND (NOT (gone OR wiped) OR session ="
            " (SELECT id FROM session WHERE device = ? ORDER BY rowid DESC LIMIT 1))",
            (device, device),
        )

    def overdue_files(self, before_ms: int) -> list[FileRow]:
        """Listed before then and never read, on devices that are not here."""
        return self._files(
            "sha256 = x'' AND NOT (gone OR wiped OR changed) AND session IN"
            " (SELECT id FROM session JOIN device ON device.name = session.device"
            " WHERE docked_ms BETWEEN 1 AND ? AND NOT present)",
            (before_ms,),
        )

    def files_to_read_back(self) -> list[FileRow]:
        return self._files("expected != x'' AND readback = x'' AND uploaded AND NOT wiped", ())

    def files_to_release(self) -> list[FileRow]:
        """In the spool though the log has them, and the ledger has shown that it has the bytes."""
        return self._files(_LOGGED + " AND expected != x'' AND readback = expected", ())

    def files_to_challenge(self) -> list[FileRow]:
        """In the spool, and no second reading of their device will ask the ledger about them."""
        return self._files(
            _LOGGED + " AND expected = x'' AND (changed OR gone OR NOT EXISTS"  # noqa: S608
            " (SELECT 1 FROM device WHERE name = file.device AND present))",
            (),
        )

    def spool_used(self) -> int:
        (row,) = self._rows("SELECT coalesce(sum(size), 0) FROM file WHERE spooled")
        return int(row[0])

    def _files(self, where: str, values: Sequence[Any]) -> list[FileRow]:
        rows = self._rows(
            f"SELECT {_FILE} FROM file WHERE {where} ORDER BY path, version",  # noqa: S608
            values,
        )
        return [_file_row(row) for row in rows]

    def spooled(self, file: int, digest: ItemDigest) -> None:
        """Its bytes are durable in the spool and these are their digests."""
        self._update(
            "UPDATE file SET size = ?, sha256 = ?, chunks = ?, sm3 = ?, spooled = 1 WHERE id = ?",
            (digest.size, digest.sha256, digest.chunks, digest.sm3, file),
        )

    def unspooled(self, files: Iterable[int]) -> None:
        """The spool needs not hold them any more."""
        self._each("UPDATE file SET spooled = 0 WHERE id = ?", [(file,) for file in files])

    def same(self, new: FileRow, known: FileRow) -> None:
        """A version that was new by its time has the bytes of one that is known: one row stays.

        What is on the card now is still to be read a second time.
        """
        with self._file.write() as db:
            db.execute("DELETE FROM file WHERE id = ?", (new.id,))
            db.execute(
                "UPDATE file SET mtime_ns = ?, ino = ?, gone = 0, proven = 0 WHERE id = ?",
                (new.mtime_ns, new.ino, known.id),
            )

    def seen(self, files: Sequence[tuple[int, int]]) -> None:
        """The inode of each: some file systems number anew at each mount.

        What was read a second time was read under the old one, and is read again.
        """
        self._each(
            "UPDATE file SET ino = ?, gone = 0, proven = 0 WHERE id = ?",
            [(ino, file) for file, ino in files],
        )

    def moved(self, files: Sequence[tuple[int, int, int]]) -> None:
        """Id, time and inode of files that nobody has read, and that show another time now."""
        rows = [(mtime_ns, ino, file) for file, mtime_ns, ino in files]
        self._each("UPDATE file SET mtime_ns = ?, ino = ?, gone = 0 WHERE id = ?", rows)

    def uploaded(self, file: int) -> None:
        self._update("UPDATE file SET uploaded = 1 WHERE id = ?", (file,))

    def challenge(self, file: int, nonce: bytes) -> None:
        """Before the second reading: what the ledger will be asked about the same bytes."""
        self._update(
            "UPDATE file SET nonce = ?, expected = x'', readback = x'', proven = 0 WHERE id = ?",
            (nonce, file),
        )

    def challenge_spooled(self, file: FileRow, nonce: bytes, expected: bytes) -> None:
        """Nothing, if a second reading of the device has meanwhile begun to ask."""
        self._update(
            "UPDATE file SET nonce = ?, expected = ?, readback = x''"
            " WHERE id = ? AND nonce = ? AND expected = x''",
            (nonce, expected, file.id, file.nonce),
        )

    def reread(
        self, file: FileRow, nonce: bytes, sha256: bytes, expected: bytes, docking: int
    ) -> None:
        """Nothing, if a scan has meanwhile found another file in its place."""
        self._update(
            "UPDATE file SET reread = ?, expected = ?, proven = ?"
            " WHERE id = ? AND ino = ? AND nonce = ?",
            (sha256, expected, docking, file.id, file.ino, nonce),
        )

    def answered_readback(self, file: int, readback: bytes) -> None:
        self._update("UPDATE file SET readback = ? WHERE id = ?", (readback, file))

    def changed(self, file: FileRow, kind: str, note: str, at_ms: int) -> None:
        """It is not what it was a moment ago, or cannot be read: the next scan looks anew."""
        with self._file.write() as db:
            db.execute("UPDATE file SET changed = 1 WHERE id = ?", (file.id,))
            _insert_gap(db, file.session, kind, note, at_ms)

    def gone(self, files: Sequence[tuple[FileRow, str]], kind: str, at_ms: int) -> None:
        """No longer on the card; those that nobody has read yet leave a gap with that note."""
        with self._file.write() as db:
            for file, note in files:
                db.execute("UPDATE file SET gone = 1 WHERE id = ?", (file.id,))
                if not file.sha256:
                    _insert_gap(db, file.session, kind, note, at_ms)

    def wiped(self, file: int) -> None:
        self._update("UPDATE file SET wiped = 1 WHERE id = ?", (file,))

    # --- statements --------------------------------------------------------------------------

    def statements(self, session: str = "") -> list[StatementRow]:
        """In the order in which they are to be filed."""
        return self._statements("? IN ('', session)", (session,))

    def told(self, session: str) -> list[StatementRow]:
        """What was said of a session itself."""
        return self._statements("session = ? AND kind != 'evidence'", (session,))

    def standings(self, session: str) -> list[Standing]:
        rows = self._rows(
            "SELECT id, session, kind, answer != '', receipt != '', cosigners, quorum_s"
            " FROM statement WHERE session = ?",
            (session,),
        )
        return [
            Standing(
                id=id_,
                session=of,
                kind=kind,
                answered=bool(answered),
                receipted=bool(receipted),
                cosigners=cosigners,
                quorum_s=quorum_s,
            )
            for id_, of, kind, answered, receipted, cosigners, quorum_s in rows
        ]

    def unanswered(self, *, evidence: bool, after: int, limit: int) -> list[StatementRow]:
        """The next that were not accepted yet, behind the one of that `seq`."""
        return self._statements(
            "quorum_s = 0 AND answer = '' AND (kind = 'evidence') = ? AND seq > ?",
            (evidence, after),
            limit,
        )

    def unwitnessed(self, after: int, limit: int) -> list[StatementRow]:
        """The next that were accepted and have no quorum yet."""
        return self._statements("quorum_s = 0 AND answer != '' AND seq > ?", (after,), limit)

    def waiting(self) -> tuple[int, int]:
        """How many have no quorum yet, and when the first of them was signed; or 0 and 0."""
        ((count, first),) = self._rows(
            "SELECT count(*), coalesce(min(at_ms), 0) FROM statement WHERE quorum_s = 0"
        )
        return int(count), int(first)

    def refusals(self, limit: int) -> list[StatementRow]:
        return self._statements("quorum_s = 0 AND problem != ''", (), limit)

    def statement(self, id_: str) -> StatementRow | None:
        rows = self._statements("id = ?", (id_,))
        return rows[0] if rows else None

    def last_told(self, device: str) -> StatementRow | None:
        """The last check-out or dock of a device."""
        rows = self._statements(
            "kind IN ('check_out', 'dock') AND session IN (SELECT id FROM session WHERE device = ?)"
            " AND seq = (SELECT max(seq) FROM statement JOIN session ON session.id = session"
            " WHERE device = ? AND kind IN ('check_out', 'dock'))",
            (device, device),
        )
        return rows[0] if rows else None

    def _statements(self, where: str, values: Sequence[Any], limit: int = -1) -> list[StatementRow]:
        rows = self._rows(
            f"SELECT {_STATEMENT} FROM statement WHERE {where} ORDER BY seq LIMIT ?",  # noqa: S608
            (*values, limit),
        )
        return [_statement_row(row) for row in rows]

    def plan(self, statement: StatementRow, files: Sequence[int]) -> None:
        """A signed statement of evidence and its files; raises `Conflict` if one has one by now."""
        with self._file.write() as db:
            for file in files:
                taken = db.execute(
                    "UPDATE file SET statement = ? WHERE id = ? AND statement = ''",
                    (statement.id, file),
                ).rowcount
                if not taken:
                    raise Conflict(f"file {file} stands in a statement already")
            _insert_statement(db, statement)

    def lost_by_ledger(self, statement: str) -> None:
        """The ledger holds the bytes of this statement no longer: they are sent again."""
        with self._file.write() as db:
            db.execute("UPDATE file SET uploaded = 0 WHERE statement = ?", (statement,))
            db.execute("UPDATE statement SET manifest_sent = 0 WHERE id = ?", (statement,))

    def manifest_sent(self, statement: str) -> None:
        self._update("UPDATE statement SET manifest_sent = 1 WHERE id = ?", (statement,))

    def answered(self, statement: str, answer: str) -> None:
        """The ledger's acceptance, recomputed, with its copy durable."""
        self._update(
            "UPDATE statement SET answer = ?, problem = '' WHERE id = ?", (answer, statement)
        )

    def refused(self, statement: str, problem: str) -> None:
        self._update("UPDATE statement SET problem = ? WHERE id = ?", (problem, statement))

    def receipted(self, statement: str, receipt: str, cosigners: int, quorum_s: int) -> None:
        self._update(
            "UPDATE statement SET receipt = ?, cosigners = ?, quorum_s = ? WHERE id = ?",
            (receipt, cosigners, quorum_s, statement),
        )

    # --- gaps --------------------------------------------------------------------------------

    def gaps(self, session: str = "") -> list[GapRow]:
        return self._gaps("? IN ('', session)", (session,))

    def gaps_to_tell(self, device: str) -> list[GapRow]:
        """Found since the last dock statement of their session."""
        return self._gaps(
            "number = 0 AND session IN (SELECT id FROM session WHERE device = ?)", (device,)
        )

    def gaps_to_show(self) -> list[GapRow]:
        """Those that nobody has explained, and all of the last session of each device."""
        return self._gaps(
            "explained = '' OR session IN"
            " (SELECT id FROM session GROUP BY device HAVING rowid = max(rowid))"
            " OR explained IN (SELECT id FROM statement WHERE answer = '')",
            (),
        )

    def _gaps(self, where: str, values: Sequence[Any]) -> list[GapRow]:
        rows = self._rows(f"SELECT {_GAP} FROM gap WHERE {where} ORDER BY id", values)  # noqa: S608
        return [GapRow(**dict(zip(GapRow.__slots__, row, strict=True))) for row in rows]

    def add_gap(self, session: str, kind: str, note: str, at_ms: int) -> None:
        """Once, however often it is found. The next dock statement of its session tells it."""
        with self._file.write() as db:
            _insert_gap(db, session, kind, note, at_ms)

    def explain(self, gap: int, cause: str, statement: StatementRow) -> None:
        with self._file.write() as db:
            _insert_statement(db, statement)
            db.execute(
                "UPDATE gap SET explained = ?, cause = ? WHERE id = ?", (statement.id, cause, gap)
            )

    # --- SQL ---------------------------------------------------------------------------------

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._file.read() as db:
            return list(db.execute(sql, values).fetchall())

    def _update(self, sql: str, values: Sequence[Any]) -> None:
        with self._file.write() as db:
            db.execute(sql, values)

    def _each(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        with self._file.write() as db:
            for row in rows:
                db.execute(sql, row)


def _keep_facts(db: Database, facts: Mapping[str, str]) -> None:
    for name, value in facts.items():
        db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))


def _insert_session(db: Database, session: SessionRow) -> None:
    db.execute(
        'INSERT INTO session (id, device, given, officers, "case", began_ms, docked_ms, docking)'
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (
            session.id,
            session.device,
            json.dumps(session.given),
            json.dumps(session.officers, ensure_ascii=False),
            session.case,
            session.began_ms,
            session.docked_ms,
            session.docking,
        ),
    )


def _insert_statement(db: Database, row: StatementRow) -> None:
    # Another process may have added one since the number was asked for.
    db.execute(
        "INSERT INTO statement (id, seq, session, kind, envelope, at_ms, manifest)"
        " SELECT ?, coalesce(max(seq), 0) + 1, ?, ?, ?, ?, ? FROM statement",
        (row.id, row.session, row.kind, row.envelope, row.at_ms, row.manifest),
    )


def _insert_file(db: Database, row: FileRow) -> None:
    # Which version it is follows from all that ever lay under this path.
    db.execute(
        "INSERT INTO file (session, device, path, version, size, mtime_ns, ino)"
        " SELECT ?, ?, ?, coalesce(max(version), 0) + 1, ?, ?, ? FROM file"
        " WHERE device = ? AND path = ?",
        (
            row.session,
            row.device,
            row.path,
            row.size,
            row.mtime_ns,
            row.ino,
            row.device,
            row.path,
        ),
    )


def _insert_gap(db: Database, session: str, kind: str, note: str, at_ms: int) -> None:
    db.execute(
        "INSERT INTO gap (session, kind, note, at_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (session, kind, note, at_ms),
    )


def _file_row(row: tuple[Any, ...]) -> FileRow:
    values = dict(zip(FileRow.__slots__, row, strict=True))
    for flag in ("spooled", "uploaded", "changed", "gone", "wiped"):
        values[flag] = bool(values[flag])
    return FileRow(**values)


def _statement_row(row: tuple[Any, ...]) -> StatementRow:
    values = dict(zip(StatementRow.__slots__, row, strict=True))
    values["manifest_sent"] = bool(values["manifest_sent"])
    return StatementRow(**values)
