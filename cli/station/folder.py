"""A station's folder on its own disk: settings, state, spool and copies.

    station.toml      settings, written by `tiezheng station init`
    station.sqlite    what has happened to every file
    spool/            bytes of files until the ledger has them
    copies/           each accepted envelope with the ledger's answer, for ever
    lock              one `tiezheng station run` at a time

Nothing in it may be read by anyone but its owner.
"""

import json
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ledger.errors import Conflict, Malformed, Unavailable
from ledger.evidence.session import DCF
from storage.durable import make_folder, refusals, write_file

FILE = "station.toml"
MAX_FILE = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`spool_bytes` 0 means the disk less `reserve_bytes`. Paths on a card are below its root."""

    server: str
    key: str
    trust: str
    agency: str
    docks: tuple[str, ...]
    wipe: bool = False
    spool_bytes: int = 0
    reserve_bytes: int = 1 << 30
    quiet_seconds: int = 3
    rescan_seconds: int = 3
    identity_file: str = ""
    clock_file: str = ""
    names: tuple[str, ...] = (DCF,)
    shared_counter: bool = False
    media_facts: bool = True
    direct: bool = False
    sm3: bool = False
    sm2_key: str = ""


@dataclass(frozen=True, slots=True)
class StationFolder:
    root: Path

    @property
    def settings(self) -> Path:
        return self.root / FILE

    @property
    def state(self) -> Path:
        return self.root / "station.sqlite"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def copies(self) -> Path:
        return self.root / "copies"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    def make(self, settings: Settings) -> None:
        """Raises `Conflict` where there is one already; nothing of that one is touched."""
        with refusals(f"look into {str(self.root)!r}"):
            if self.settings.exists():
                raise Conflict(
                    f"{str(self.root)!r} is a station's folder already",
                    hints=(f"its settings are in {FILE}",),
                )
        for folder in (self.root, self.spool, self.copies):
            make_folder(folder)
        # Last: a folder with settings is whole.
        write_file(self.settings, to_toml(settings).encode())

    def read(self) -> Settings:
        try:
            with self.settings.open("rb") as file:
                data = file.read(MAX_FILE + 1)
        except FileNotFoundError:
            raise Unavailable(
                f"{str(self.root)!r} is no station's folder: it has no {FILE}",
                hints=("make one with tiezheng station init",),
            ) from None
        except OSError as error:
            raise Unavailable(f"cannot read {str(self.settings)!r}: {error.strerror}") from None
        try:
            return from_toml(data)
        except Malformed as error:
            raise error.under(str(self.settings)) from None


def to_toml(settings: Settings) -> str:
    # A JSON string of printable text is a TOML string, and so are its numbers and lists.
    rows = ((name, value) for name, value in asdict(settings).items())
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in rows)


def from_toml(data: bytes) -> Settings:
    """Raises `Malformed` that names the bad setting."""
    if len(data) > MAX_FILE:
        raise Malformed(f"want at most {MAX_FILE} bytes")
    try:
        found = tomllib.loads(data.decode("utf-8"))
    # `ValueError` is also a number of more digits than are read, and bytes that are no text.
    except (ValueError, RecursionError) as error:
        raise Malformed(f"want TOML: {error}") from None
    kinds = {field.name: field.type for field in fields(Settings)}
    if unknown := found.keys() - kinds.keys():
        raise Malformed("no such setting", path=min(unknown))
    given = {name: _setting(name, value, kinds[name]) for name, value in found.items()}
    for name in ("server", "key", "trust", "agency", "docks"):
        if not given.get(name):
            raise Malformed("want this setting", path=name)
    return Settings(**given)


def _setting(name: str, value: Any, kind: Any) -> Any:
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if kind is str and isinstance(value, str):
        return value
    texts = isinstance(value, list) and all(isinstance(part, str) for part in value)
    if kind == tuple[str, ...] and texts:
        return tuple(value)
    words = {bool: "true or false", int: "a number from 0", str: "text"}
    wanted = words.get(kind, "a list of texts")
    raise Malformed(f"want {wanted}, got {value!r}", path=name)
