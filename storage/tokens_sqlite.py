"""Access tokens: who may call, in which role, for which agency and cases.

Only the SHA-256 of a token is kept; a token is 32 random bytes, so its digest needs
no salt and no slow hash.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from storage.database import DatabaseFile, Migration


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """No `cases` means all of the agency's."""

    name: str
    role: str
    agency: str
    cases: tuple[str, ...] = ()
    created_ms: int
    expires_ms: int


def _create(db: Database) -> None:
    db.execute(
        """
        CREATE TABLE token (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            name TEXT NOT NULL,
            role TEXT NOT NULL,
            agency TEXT NOT NULL,
            cases TEXT NOT NULL CHECK (json_type(cases) = 'array'),
            expires_ms INTEGER NOT NULL,
            created_ms INTEGER NOT NULL
        ) STRICT
        """
    )
    db.execute("CREATE INDEX token_name ON token (name)")


MIGRATIONS: tuple[Migration, ...] = (_create,)


class SqliteTokens:
    """Usable from any thread."""

    def __init__(self, path: Path) -> None:
        self._file = DatabaseFile(path, MIGRATIONS)

    def close(self) -> None:
        self._file.close()

    def add_token(self, digest: bytes, token: Token) -> None:
        """Raises `Conflict` if this very token exists."""
        with self._file.write() as db:
            db.execute(
                "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    digest,
                    token.name,
                    token.role,
                    token.agency,
                    json.dumps(token.cases, ensure_ascii=False),
                    token.expires_ms,
                    token.created_ms,
                ),
            )

    def find_token(self, digest: bytes, now_ms: int) -> Token | None:
        """None for a token that does not exist or has expired."""
        with self._file.read() as db:
            row = db.execute(
                "SELECT name, role, agency, cases, created_ms, expires_ms FROM token"
                " WHERE hash = ? AND expires_ms > ?",
                (digest, now_ms),
            ).fetchone()
        if row is None:
            return None
        name, role, agency, cases, created_ms, expires_ms = row
        return Token(
            name=name,
            role=role,
            agency=agency,
            cases=tuple(json.loads(cases)),
            created_ms=created_ms,
            expires_ms=expires_ms,
        )

    def expire(self, name: str, now_ms: int) -> int:
        """Ends all tokens of that name for good; returns how many were valid until now."""
        with self._file.write() as db:
            # Not "expires now": the clock may go back, and the tokens would live again.
            return db.execute(
                "UPDATE token SET expires_ms = 0 WHERE name = ? AND expires_ms > ?", (name, now_ms)
            ).rowcount
