import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import Conflict
from storage.tokens_sqlite import SqliteTokens, Token

DIGEST = hashlib.sha256(b"secret").digest()
TOKEN = Token(
    name="clerk-01",
    role="handler",
    agency="agency-01",
    cases=("苏城管罚〔2026〕1号", "苏城管罚〔2026〕2号"),
    created_ms=1000,
    expires_ms=2000,
)


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[SqliteTokens]:
    tokens = SqliteTokens(tmp_path / "tokens.sqlite")
    yield tokens
    tokens.close()


@pytest.mark.parametrize("token", [TOKEN, replace(TOKEN, cases=())])
def test_a_token_is_found_by_its_digest(tokens: SqliteTokens, token: Token) -> None:
    tokens.add_token(DIGEST, token)
    assert tokens.find_token(DIGEST, 1999) == token


def test_another_digest_finds_nothing(tokens: SqliteTokens) -> None:
    tokens.add_token(DIGEST, TOKEN)
    assert tokens.find_token(hashlib.sha256(b"other").digest(), 1500) is None
    assert tokens.find_token(b"", 1500) is None


def test_a_token_ends_at_its_time(tokens: SqliteTokens) -> None:
    tokens.add_token(DIGEST, TOKEN)
    assert tokens.find_token(DIGEST, 2000) is None


def test_a_token_is_not_given_to_two(tokens: SqliteTokens) -> None:
    tokens.add_token(DIGEST, TOKEN)
    with pytest.raises(Conflict):
        tokens.add_token(DIGEST, replace(TOKEN, name="clerk-02"))
    assert tokens.find_token(DIGEST, 1500) == TOKEN


def test_what_is_no_digest_is_not_stored(tokens: SqliteTokens) -> None:
    with pytest.raises(Conflict):
        tokens.add_token(b"secret", TOKEN)


def test_all_tokens_of_a_name_can_be_ended_at_once(tokens: SqliteTokens) -> None:
    others = [hashlib.sha256(text).digest() for text in (b"second", b"third", b"old")]
    tokens.add_token(DIGEST, TOKEN)
    tokens.add_token(others[0], TOKEN)
    tokens.add_token(others[1], replace(TOKEN, name="clerk-02"))
    tokens.add_token(others[2], replace(TOKEN, expires_ms=1200))
    assert tokens.expire("clerk-01", 1500) == 2
    assert tokens.find_token(DIGEST, 1500) is None
    assert tokens.find_token(others[0], 1500) is None
    assert tokens.find_token(others[1], 1500) is not None
    assert tokens.expire("clerk-01", 1600) == 0


def test_an_ended_token_stays_ended_when_the_clock_goes_back(tokens: SqliteTokens) -> None:
    tokens.add_token(DIGEST, TOKEN)
    tokens.expire("clerk-01", 1500)
    assert tokens.find_token(DIGEST, 1400) is None


def test_the_secret_is_not_in_the_file(tmp_path: Path) -> None:
    secret = b"tz_6f1c0b9d7e"
    tokens = SqliteTokens(tmp_path / "tokens.sqlite")
    tokens.add_token(hashlib.sha256(secret).digest(), TOKEN)
    tokens.close()
    assert secret not in (tmp_path / "tokens.sqlite").read_bytes()


def test_tokens_outlive_the_process(tmp_path: Path) -> None:
    tokens = SqliteTokens(tmp_path / "tokens.sqlite")
    tokens.add_token(DIGEST, TOKEN)
    # No close: as a crash leaves it.
    with sqlite3.connect(tmp_path / "tokens.sqlite") as plain:
        assert plain.execute("SELECT count(*) FROM token").fetchone() == (1,)
    plain.close()
    tokens.close()
