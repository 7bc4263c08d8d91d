"""Renewals of a ledger, a folder each, by the ids of their statements.

renewals/019ab0c4-…/envelope.json   the statement, as it is logged
                    token.tsr       the token over it
                    token.crl       what was revoked then; empty if nobody could say
                    rows            a row a line, in their order

A folder appears whole or not at all, and never changes.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from ledger.encoding import parse_uuid7
from ledger.errors import Malformed
from storage.durable import make_folder, refusals, sync_folder, write_file

NEW = ".new"


class RenewalDirectory:
    """Implements `ledger.ports.RenewalStore`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def ids(self) -> list[str]:
        with refusals("list renewals"):
            names = [path.name for path in self._root.iterdir()] if self._root.is_dir() else []
        return sorted(name for name in names if _is_id(name))

    def add(
        self, id_: str, envelope: bytes, rows: Iterable[bytes], token: bytes, crl: bytes
    ) -> None:
        make_folder(self._root)
        new = self._root / NEW
        shutil.rmtree(new, ignore_errors=True)  # of a run that was killed
        make_folder(new)
        for name, data in (("envelope.json", envelope), ("token.tsr", token), ("token.crl", crl)):
            write_file(new / name, data)
        write_file(new / "rows", b"".join(row + b"\n" for row in rows))
        with refusals(f"keep the renewal {id_}"):
            os.rename(new, self._root / id_)
        sync_folder(self._root)

    def envelope(self, id_: str) -> bytes:
        return self._read(id_, "envelope.json")

    def token(self, id_: str) -> bytes:
        return self._read(id_, "token.tsr")

    def crl(self, id_: str) -> bytes:
        return self._read(id_, "token.crl")

    def rows(self, id_: str) -> Iterator[bytes]:
        with refusals(f"read the renewal {id_}"), (self._root / id_ / "rows").open("rb") as file:
            for line in file:
                yield line.removesuffix(b"\n")

    def _read(self, id_: str, name: str) -> bytes:
        with refusals(f"read the renewal {id_}"):
            return (self._root / id_ / name).read_bytes()


def _is_id(name: str) -> bool:
    try:
        return parse_uuid7(name) == name
    except Malformed:
        return False
