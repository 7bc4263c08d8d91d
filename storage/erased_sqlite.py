"""What disposals have destroyed, in the ledger's database: rows 5 of its schema, and no bytes.

    erased        a statement's number, and that of the disposal which names it
    erased_item   an item's object, whose companions and bytes are to be destroyed in the stores
    disposed      disposals of which nothing is left to do

Envelope and salt are overwritten where they lie, with as many zeros: a row that shrank would
move its neighbours, and what moves leaves a copy behind. Only a disposal in the log destroys,
whatever program asks: the schema refuses the rest.
"""

from collections.abc import Sequence

from sqlite_utils import Database

SCHEMA = (
    """
    CREATE TABLE erased (
        idx INTEGER PRIMARY KEY REFERENCES statement,
        by INTEGER NOT NULL REFERENCES statement CHECK (by > idx)
    ) STRICT
    """,
    "CREATE INDEX erased_by ON erased (by)",
    """
    CREATE TABLE erased_item (
        object_id TEXT PRIMARY KEY,
        by INTEGER NOT NULL REFERENCES statement,
        done INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1))
    ) STRICT
    """,
    "CREATE INDEX erased_item_by ON erased_item (by)",
    "CREATE TABLE disposed (by INTEGER PRIMARY KEY REFERENCES statement) STRICT",
    """
    CREATE INDEX statement_guarding ON statement (idx)
    WHERE kind IN ('complaint', 'disposal', 'hold')
    """,
    """
    CREATE TRIGGER erased_only BEFORE INSERT ON erased
    WHEN NOT EXISTS (SELECT 1 FROM statement WHERE idx = NEW.by AND kind = 'disposal')
        OR EXISTS (SELECT 1 FROM statement WHERE idx = NEW.idx
            AND kind IN ('disposal', 'hold', 'register', 'custody', 'status', 'renewal'))
    BEGIN SELECT RAISE(ABORT, 'only a disposal in the log destroys'); END
    """,
    """
    CREATE TRIGGER erased_once BEFORE INSERT ON erased
    WHEN EXISTS (SELECT 1 FROM erased WHERE idx = NEW.idx)
    BEGIN SELECT RAISE(ABORT, 'what is destroyed stays so'); END
    """,
    """
    CREATE TRIGGER erased_item_only BEFORE INSERT ON erased_item
    WHEN NOT EXISTS (SELECT 1 FROM statement WHERE idx = NEW.by AND kind = 'disposal')
    BEGIN SELECT RAISE(ABORT, 'only a disposal in the log destroys'); END
    """,
    """
    CREATE TRIGGER erased_update BEFORE UPDATE ON erased
    BEGIN SELECT RAISE(ABORT, 'what is destroyed stays so'); END
    """,
    """
    CREATE TRIGGER erased_delete BEFORE DELETE ON erased
    BEGIN SELECT RAISE(ABORT, 'what is destroyed stays so'); END
    """,
    """
    CREATE TRIGGER erased_item_update BEFORE UPDATE OF object_id, by ON erased_item
    BEGIN SELECT RAISE(ABORT, 'what is destroyed stays so'); END
    """,
    """
    CREATE TRIGGER erased_item_delete BEFORE DELETE ON erased_item
    BEGIN SELECT RAISE(ABORT, 'what is destroyed stays so'); END
    """,
    "DROP TRIGGER statement_update",
    """
    CREATE TRIGGER statement_update BEFORE UPDATE ON statement
    WHEN NEW.idx <> OLD.idx OR NEW.id <> OLD.id OR NEW.kind <> OLD.kind
        OR NEW.envelope <> zeroblob(length(OLD.envelope)) OR NEW.salt <> zeroblob(32)
        OR NOT EXISTS (SELECT 1 FROM erased WHERE idx = OLD.idx)
    BEGIN SELECT RAISE(ABORT, 'statements never change'); END
    """,
    """
    CREATE TRIGGER erased_insert AFTER INSERT ON erased BEGIN
        UPDATE statement SET envelope = zeroblob(length(envelope)), salt = zeroblob(32)
        WHERE idx = NEW.idx;
    END
    """,
    "DROP TRIGGER item_update",
    """
    CREATE TRIGGER item_update BEFORE UPDATE OF
        object_id, size, sha256, chunks, sm3, keyid, agency, uploaded_ms ON item
    WHEN NEW.object_id <> OLD.object_id OR NEW.size <> 0 OR NEW.sha256 <> zeroblob(32)
        OR NEW.chunks <> zeroblob(32) OR NEW.sm3 <> zeroblob(length(OLD.sm3))
        OR NEW.keyid <> OLD.keyid OR NEW.agency <> OLD.agency
        OR NEW.uploaded_ms <> OLD.uploaded_ms
        OR NOT EXISTS (SELECT 1 FROM erased_item WHERE object_id = OLD.object_id)
    BEGIN SELECT RAISE(ABORT, 'items never change'); END
    """,
    # The row stays: a backup goes by its number, which must not be given again.
    """
    CREATE TRIGGER erased_item_insert AFTER INSERT ON erased_item BEGIN
        UPDATE item SET size = 0, sha256 = zeroblob(32), chunks = zeroblob(32),
            sm3 = zeroblob(length(sm3)) WHERE object_id = NEW.object_id;
    END
    """,
)


def add_erased(db: Database) -> None:
    for sql in SCHEMA:
        db.execute(sql)


def erase(db: Database, by: int, numbers: Sequence[int], object_ids: Sequence[str]) -> None:
    db.conn.executemany(
        "INSERT INTO erased SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM erased WHERE idx = ?)",
        [(number, by, number) for number in numbers],
    )
    db.conn.executemany(
        "INSERT INTO erased_item (object_id, by) SELECT ?, ?"
        " WHERE NOT EXISTS (SELECT 1 FROM erased_item WHERE object_id = ?)",
        [(object_id, by, object_id) for object_id in object_ids],
    )


def to_do(db: Database) -> list[int]:
    rows = db.execute(
        "SELECT idx FROM statement WHERE kind = 'disposal'"
        " AND kind IN ('complaint', 'disposal', 'hold')"  # as the index says it
        " AND idx NOT IN (SELECT by FROM disposed) ORDER BY idx"
    ).fetchall()
    return [by for (by,) in rows]


def erased_by(db: Database, by: int) -> list[int]:
    rows = db.execute("SELECT idx FROM erased WHERE by = ? ORDER BY idx", (by,)).fetchall()
    return [idx for (idx,) in rows]


def items_to_erase(db: Database, by: int) -> list[str]:
    rows = db.execute(
        "SELECT object_id FROM erased_item WHERE by = ? AND done = 0 ORDER BY object_id", (by,)
    ).fetchall()
    return [object_id for (object_id,) in rows]
