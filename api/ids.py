"""Fresh ids of statements."""

import secrets

from ledger.encoding import format_uuid7


def new_id(now_ms: int) -> str:
    """A UUIDv7: its time orders a filer's statements, its 74 random bits cannot be guessed."""
    return format_uuid7(now_ms, secrets.token_bytes(10))
