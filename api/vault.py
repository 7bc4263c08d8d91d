"""Opens the vault of a data folder as its settings say: copies, places, wrapping keys."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from api.settings import DEFAULT_STORE, Settings
from ledger.encoding import clip
from ledger.errors import Malformed
from ledger.ports import KeyWrap, ObjectStore
from storage.folder import DataFolder
from storage.items_vault import ItemVault
from storage.objects_open import DIRECTORY, is_same_place, open_objects
from storage.places_sqlite import SqlitePlaces
from storage.wrap_file import read_wrap_files
from storage.wrap_pkcs11 import Pkcs11Token

FIRST, SECOND = "first", "second"
SETTINGS = {FIRST: "store", SECOND: "second_store"}
MEMORY = "memory:"


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
        copies = _open_copies(folder, settings, places, beside=beside)
        for store in copies.values():
            opened.callback(store.close)
        items = ItemVault(copies, places, wraps, beside=beside)
        if not beside:
            places.put_where(FIRST, settings.store)
        if wraps and not folder.is_sealed():
            folder.begin_sealing()
        return Vault(items, places, opened.pop_all())


def _open_copies(
    folder: DataFolder, settings: Settings, places: SqlitePlaces, *, beside: bool
) -> dict[str, ObjectStore]:
    base = folder.path.absolute()
    _check_first(folder, settings, places)
    if not is_same_place(DEFAULT_STORE, settings.store, base):
        _check_apart(folder, settings.store, "store")
    named = {
        FIRST: (settings.store, settings.store_credentials),
        SECOND: (settings.second_store, settings.second_store_credentials),
    }
    if settings.second_store is not None:
        _check_second(folder, settings.second_store, settings.store)
    copies: dict[str, ObjectStore] = {}
    try:
        for name, (text, credentials) in named.items():
            if text is not None:
                copies[name] = _open_copy(
                    text,
                    credentials,
                    base,
                    setting=SETTINGS[name],
                    allow_http=settings.store_http,
                    beside=beside,
                    used=places.uses(name),
                )
    except BaseException:
        for store in copies.values():
            store.close()
        raise
    return copies


def _open_copy(
    text: str,
    credentials: Path | None,
    base: Path,
    *,
    setting: str,
    allow_http: bool,
    beside: bool,
    used: bool,
) -> ObjectStore:
    if text == MEMORY:
        raise Malformed(f"{MEMORY!r} keeps nothing: it is for tests", path=setting)
    try:
        return open_objects(
            text, credentials, base, allow_http=allow_http, beside=beside, used=used
        )
    except Malformed as error:
        raise error.under(setting) from None


def _check_first(folder: DataFolder, settings: Settings, places: SqlitePlaces) -> None:
    """Items that lie in one place would be lost to who looks for them in another."""
    if places.uses(FIRST):
        known = places.where(FIRST) or DEFAULT_STORE
    elif any(folder.items.glob("[0-9a-f][0-9a-f]/*")):
        known = DEFAULT_STORE  # from before there were places
    else:
        return
    told = (settings.store, settings.store_was)
    if any(text and is_same_place(known, text, folder.path.absolute()) for text in told):
        return
    raise Malformed(
        f"items of this ledger lie in {known!r}, and the first copy is to be"
        f" {clip(settings.store)!r}",
        path="store",
        hints=(
            f"go on with store = {known!r}",
            f"or, if a whole second copy is set, say store_was = {known!r}, and scrub",
        ),
    )


def _check_second(folder: DataFolder, text: str, first: str) -> None:
    if is_same_place(first, text, folder.path.absolute()):
        raise Malformed(f"{clip(text)!r} is the first copy", path="second_store")
    _check_apart(folder, text, "second_store")


def _check_apart(folder: DataFolder, text: str, setting: str) -> None:
    if not text.startswith(DIRECTORY) or text == DIRECTORY:
        return  # a bucket, or refused as the text that it is
    path = (folder.path / text.removeprefix(DIRECTORY)).resolve()
    own = (folder.path.resolve(), folder.items.resolve())
    if any(path.is_relative_to(part) for part in own):
        raise Malformed(
            f"{clip(text)!r} lies in the ledger's own folder, is lost with it, and would go into "
            "every backup",
            path=setting,
        )


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
