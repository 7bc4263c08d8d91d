"""Opens the vault of a data folder as its settings say: copies, places, wrapping keys."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from api.settings import Settings
from ledger.encoding import clip
from ledger.errors import Malformed, Unavailable
from ledger.ports import KeyWrap, ObjectStore
from storage.folder import DataFolder
from storage.items_vault import ItemVault
from storage.objects_directory import DirectoryObjectStore
from storage.places_sqlite import SqlitePlaces
from storage.wrap_file import read_wrap_files
from storage.wrap_pkcs11 import Pkcs11Token

FIRST, SECOND = "first", "second"


@dataclass(frozen=True, slots=True)
class Vault:
    """The items of a ledger, and what has to be closed after them."""

    items: ItemVault
    places: SqlitePlaces
    opened: ExitStack

    def lost(self) -> int:
        """Items of which the last look, or the last whole scrub, found good bytes nowhere."""
        last = self.places.last_pass()
        return max(len(self.places.lost()), 0 if last is None else last.lost)

    def close(self) -> None:
        self.opened.close()


def open_vault(folder: DataFolder, settings: Settings, *, beside: bool = False) -> Vault:
    """`beside` a running server what is stored is read and mended, without any key.

    Raises `Malformed` or `Rejected` if a key is missing or wrong: a sealed ledger is never
    continued in plain.
    """
    with ExitStack() as opened:
        token = None if beside else _token(settings)
        if token is not None:
            opened.callback(token.close)
        wraps = [] if beside else _wraps(folder, settings, token)
        places = SqlitePlaces(folder.places_db)
        opened.callback(places.close)
        texts = {FIRST: f"directory:{folder.items.absolute()}", SECOND: settings.second_store}
        copies = {
            name: open_copy(name, text, folder, used=places.uses(name), beside=beside)
            for name, text in texts.items()
            if text is not None
        }
        items = ItemVault(copies, places, wraps, beside=beside)
        if wraps and not folder.is_sealed():
            folder.begin_sealing()
        return Vault(items, places, opened.pop_all())


def open_copy(name: str, text: str, folder: DataFolder, *, used: bool, beside: bool) -> ObjectStore:
    """`directory:` and a path, from the data folder if it is relative.

    `used` says that items are known to lie there.
    """
    kind, _, rest = text.partition(":")
    if kind != "directory" or not rest:
        raise Malformed(f"want 'directory:PATH', got {clip(text)!r}", path=f"{name}_store")
    path = folder.path / Path(rest)
    if name != FIRST and path.resolve() == folder.items.resolve():
        raise Malformed(f"{clip(rest)!r} is the first copy", path=f"{name}_store")
    if used and not (path / "incoming").is_dir():
        # Or a disk that is not mounted would be filled up again, on the disk below it.
        raise Unavailable(
            f"items lie in {str(path)!r}, and it is empty or not there",
            hints=("mount it; of a new disk, make the folder 'incoming' in it, and scrub",),
        )
    return DirectoryObjectStore(path, beside=beside)


def _wraps(folder: DataFolder, settings: Settings, token: Pkcs11Token | None) -> list[KeyWrap]:
    """The newest first; those of a token come before files."""
    wraps: list[KeyWrap] = []
    if token is not None:
        wraps += [token.key(label.strip()) for label in (settings.pkcs11_keys or "").split(",")]
    wraps += read_wrap_files(folder.keys)
    if folder.is_sealed() and not wraps:
        raise Malformed(
            "the items of this ledger are sealed, and no wrapping key is here",
            path=str(folder.keys),
            hints=("put seal-1.key back, or set pkcs11_module and what belongs to it",),
        )
    return wraps


def _token(settings: Settings) -> Pkcs11Token | None:
    if not (settings.pkcs11_module and settings.pkcs11_token and settings.pkcs11_pin_file):
        return None
    return Pkcs11Token(settings.pkcs11_module, settings.pkcs11_token, settings.pkcs11_pin_file)
