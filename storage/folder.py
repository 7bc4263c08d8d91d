"""The data folder of a ledger.

    data/format           the version of this layout: 1
    data/lock             held by the running server, with its process id
    data/ledger.sqlite    the truth
    data/catalog.sqlite   for searches; may be deleted, and is then rebuilt
    data/tokens.sqlite    digests of access tokens
    data/items/           the bytes of items
    data/staging/         uploads that are not whole yet
    data/public/          the log as anyone may read it
    data/keys/            private keys
    data/trust/           whom this ledger believes; a court makes a folder like it of its own
    data/backup           what the newest backup holds; written by `tiezheng backup`
    data/restored         there while a restored ledger has not asked its cosigners

All of it is private to its owner.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ledger.encoding import clip, parse_decimal
from ledger.errors import Conflict, Malformed, Rejected, Unknown
from storage.durable import make_folder, refusals, sync_name, write_file

FORMAT = 1


@dataclass(frozen=True, slots=True)
class DataFolder:
    path: Path

    @classmethod
    def create(cls, path: Path) -> Self:
        """Makes a new one in an empty or missing folder; completes one cut short by a crash."""
        folder = cls(path)
        make_folder(path)
        parts = (folder.items, folder.public, folder.keys)
        with refusals(f"list {str(path)!r}"):
            strangers = [
                entry.name
                for entry in path.iterdir()
                if entry not in parts and not entry.name.startswith(".new-")
            ]
        if strangers:
            raise Conflict(f"{str(path)!r} is not empty: it holds {clip(min(strangers))!r}")
        for part in parts:
            make_folder(part)
        # Last, so that what has it is complete.
        write_file(folder.format, f"{FORMAT}\n".encode())
        return folder

    @classmethod
    def open(cls, path: Path) -> Self:
        folder = cls(path)
        with refusals(f"read {str(folder.format)!r}"):
            if not folder.format.is_file():
                raise Unknown(f"no ledger in {str(path)!r}")
            with folder.format.open("rb") as file:
                text = file.read(32).decode("ascii", "replace")
        try:
            version = parse_decimal(text.removesuffix("\n"))
        except Malformed as error:
            raise error.under("format") from None
        if version != FORMAT:
            newer = version > FORMAT
            raise Rejected(
                f"{str(path)!r} was written by {'a newer' if newer else 'another'} version: "
                f"want format {FORMAT}, got {version}"
            )
        sync_name(path)
        return folder

    @property
    def format(self) -> Path:
        return self.path / "format"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def ledger_db(self) -> Path:
        return self.path / "ledger.sqlite"

    @property
    def catalog_db(self) -> Path:
        return self.path / "catalog.sqlite"

    @property
    def tokens_db(self) -> Path:
        return self.path / "tokens.sqlite"

    @property
    def backup(self) -> Path:
        return self.path / "backup"

    @property
    def backup_lock(self) -> Path:
        return self.path / "backup.lock"

    @property
    def restored(self) -> Path:
        return self.path / "restored"

    @property
    def items(self) -> Path:
        return self.path / "items"

    @property
    def staging(self) -> Path:
        return self.path / "staging"

    @property
    def public(self) -> Path:
        return self.path / "public"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def trust(self) -> Path:
        return self.path / "trust"
