"""A wrapping key in a file: 32 random bytes that only the owner may read.

    keys/seal-1.key     the first
    keys/seal-2.key     made later; of several the one with the highest number wraps

A wrapped key is nonce 12 ‖ AES-256-GCM of the key ‖ tag 16, bound to
"tiezheng wrap 1\\n" ‖ item. Keep a copy of these files apart from the items: without
them nobody reads an item again.
"""

import os
import re
from pathlib import Path

from ledger import suite
from ledger.errors import Malformed
from ledger.suite_private import SEAL_KEY, SEAL_NONCE, Cipher
from storage.durable import refusals, write_file

MAGIC = b"tiezheng wrap 1\n"
_NAME = re.compile(r"seal-([1-9][0-9]{0,5})\.key", re.ASCII)


class FileKeyWrap:
    """Implements `ledger.ports.KeyWrap`."""

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(key)
        self._id = f"file-{suite.mac(key, b'tiezheng wrapping key')[:8].hex()}"

    @property
    def id(self) -> str:
        return self._id

    def wrap(self, key: bytes, item: bytes) -> bytes:
        return self._cipher.seal(os.urandom(SEAL_NONCE), key, MAGIC + item)

    def unwrap(self, wrapped: bytes, item: bytes) -> bytes:
        return self._cipher.open(wrapped, MAGIC + item)


def make_wrap_file(folder: Path) -> None:
    """The first one, of a new ledger."""
    write_file(folder / "seal-1.key", os.urandom(SEAL_KEY))


def read_wrap_files(folder: Path) -> list[FileKeyWrap]:
    """The newest first; a file that is no key is refused by name, never shown."""
    with refusals(f"list {str(folder)!r}"):
        numbered = [
            (int(match[1]), path)
            for path in folder.iterdir()
            if (match := _NAME.fullmatch(path.name))
        ]
    return [_read(path) for _, path in sorted(numbered, reverse=True)]


def _read(path: Path) -> FileKeyWrap:
    with refusals(f"read the key file {str(path)!r}"):
        key = path.read_bytes()
    try:
        return FileKeyWrap(key)
    except Malformed as error:
        raise error.under(str(path)) from None
