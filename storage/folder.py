"""The data folder of a ledger.

    data/format           the version of this layout: 2 if items are sealed, else 1
    data/lock             held by the running server, with its process id
    data/scrub.lock       held by the running scrub
    data/ledger.sqlite    the truth
    data/catalog.sqlite   for searches; may be deleted, and is then rebuilt
    data/tokens.sqlite    digests of access tokens
    data/feed.sqlite      the numbers of the feed's events, made again from the log where it lacks
    data/items/           the bytes of items
    data/staging/         uploads that are not whole yet
    data/direct/          what stations put into the store themselves, until it is recorded
    data/places.sqlite    where the bytes of items are, and when they were last looked at
    data/items/           the bytes of items, in their first copy
    data/public/          the log as anyone may read it
    data/keys/            private keys
    data/trust/           whom this ledger believes; a court makes a folder like it of its own
    data/next/            a next log that is prepared, and has not begun
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

PLAIN, SEALED = 1, 2  # a program that knows only the first would take sealed bytes for damaged


@dataclass(frozen=True, slots=True)
class DataFolder:
    path: Path

    @classmethod
    def create(cls, path: Path, *, sealed: bool = True) -> Self:
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
        folder._write_format(SEALED if sealed else PLAIN)
        return folder

    @classmethod
    def open(cls, path: Path) -> Self:
        folder = cls(path)
        version = folder._read_format()
        if version not in (PLAIN, SEALED):
            newer = version > SEALED
            raise Rejected(
                f"{str(path)!r} was written by {'a newer' if newer else 'another'} version: "
                f"want format {PLAIN} or {SEALED}, got {version}"
            )
        sync_name(path)
        return folder

    def is_sealed(self) -> bool:
        """Whether items are sealed: then never one is kept in plain for want of a key."""
        return self._read_format() == SEALED

    def begin_sealing(self) -> None:
        """Before the first item is sealed. What was kept in plain stays as it is."""
        self._write_format(SEALED)

    def _read_format(self) -> int:
        with refusals(f"read {str(self.format)!r}"):
            if not self.format.is_file():
                raise Unknown(f"no ledger in {str(self.path)!r}")
            with self.format.open("rb") as file:
                text = file.read(32).decode("ascii", "replace")
        try:
            return parse_decimal(text.removesuffix("\n"))
        except Malformed as error:
            raise error.under("format") from None

    def _write_format(self, version: int) -> None:
        write_file(self.format, f"{version}\n".encode())

    @property
    def format(self) -> Path:
        return self.path / "format"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def scrub_lock(self) -> Path:
        return self.path / "scrub.lock"

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
    def feed_db(self) -> Path:
        return self.path / "feed.sqlite"

    @property
    def next(self) -> Path:
        return self.path / "next"

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
    def places_db(self) -> Path:
        return self.path / "places.sqlite"

    @property
    def items(self) -> Path:
        return self.path / "items"

    @property
    def staging(self) -> Path:
        return self.path / "staging"

    @property
    def direct(self) -> Path:
        return self.path / "direct"

    @property
    def renewals(self) -> Path:
        return self.path / "renewals"

    @property
    def public(self) -> Path:
        return self.path / "public"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def trust(self) -> Path:
        return self.path / "trust"
