"""Files as commands take them, each with a bound. Errors name the file, never what is in it."""

import os
from pathlib import Path

from ledger.backup import BackupKey
from ledger.encoding import parse_utf8
from ledger.errors import Conflict, Malformed, Unavailable
from ledger.tlog.note import Algorithm
from ledger.tlog.signing_key import SigningKey
from storage.regular import open_regular

MAX_SECRET = 16_384


def read_secret(path: str) -> str:
    """The one line of a key or token file, or of a shell's `<(…)`: it need not lie on a disk."""
    try:
        with open(open_regular(Path(path), pipe=True), "rb") as file:
            data = file.read(MAX_SECRET + 1)
    except OSError as error:
        raise Unavailable(f"cannot read {path!r}: {error.strerror}") from None
    if len(data) > MAX_SECRET:
        raise Malformed(f"want at most {MAX_SECRET} bytes", path=path)
    return parse_utf8(data).strip()


def read_key(path: str) -> SigningKey:
    try:
        return SigningKey.from_text(read_secret(path))
    except Malformed as error:
        raise error.under(path) from None


def read_sm2_key(path: str) -> SigningKey:
    key = read_key(path)
    if key.algorithm is not Algorithm.SM2:
        raise Malformed("want an SM2 key: make one with tiezheng keygen --kind statement-sm2")
    return key


def read_backup_key(path: str) -> BackupKey:
    try:
        return BackupKey.from_text(read_secret(path))
    except Malformed as error:
        raise error.under(path) from None


def check_new(path: str) -> None:
    """An output that a user names takes no file's place: it may be a private key."""
    if os.path.lexists(path):
        raise Conflict(f"{path!r} is there already and is not overwritten", hints=("name another",))
