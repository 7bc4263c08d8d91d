"""A wrapping key in a token: a hardware module, or SoftHSM, over PKCS #11.

Wraps `python-pkcs11` (the extra `pkcs11`). The key is an AES key of 256 bits that may
encrypt and decrypt and never leaves the token. It is made there, by whoever keeps the
token, for SoftHSM so:

    pkcs11-tool --module libsofthsm2.so --login --keygen --key-type AES:32 --label seal-1

A wrapped key is nonce 12 ‖ AES-GCM of the key ‖ tag 16, bound to "tiezheng wrap 1\\n" ‖
item, as in `wrap_file`; the nonce is random and ours. A token that wants to choose it
itself cannot be used. One session, one caller at a time: an item needs it once. A call that
does not come back holds up nobody but whoever made it: the others are refused after a while.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.errors import Malformed, Rejected, Unavailable
from ledger.evidence.sealed import check_wrap_id
from ledger.suite_private import SEAL_NONCE
from storage.wrap_file import MAGIC

PATIENCE_S = 10.0  # for the caller before


class Pkcs11Token:
    """An open session with a token; the PIN is read once and not kept."""

    def __init__(self, module: Path, label: str, pin_file: Path) -> None:
        try:
            import pkcs11
        except ImportError:
            raise Unavailable(
                "python-pkcs11 is not installed", hints=("install the extra 'pkcs11'",)
            ) from None
        self.library = pkcs11
        self._lock = threading.Lock()
        try:
            pin = pin_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise Malformed("cannot read the file with the PIN", path=str(pin_file)) from None
        with self.refusals(f"open the token {label!r}"):
            token = pkcs11.lib(str(module)).get_token(token_label=label)
            self.session = token.open(user_pin=pin)

    def key(self, label: str) -> "Pkcs11KeyWrap":
        check_wrap_id(f"pkcs11-{label}")
        pkcs11 = self.library
        with self.refusals(f"find the key {label!r}"):
            try:
                key = self.session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=label)
            except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned):
                raise Rejected(f"want one secret key {label!r} in the token") from None
        return Pkcs11KeyWrap(self, label, key)

    def close(self) -> None:
        if self._lock.acquire(timeout=PATIENCE_S):  # else it ends with the process
            try:
                self.session.close()
            finally:
                self._lock.release()

    @contextmanager
    def refusals(self, what: str) -> Iterator[None]:
        """Errors of this library name functions and mechanisms, never a PIN or a key."""
        if not self._lock.acquire(timeout=PATIENCE_S):
            raise Unavailable(f"cannot {what}: it is still at the call before")
        try:
            yield
        except RuntimeError as error:  # the base of all that it raises
            name = str(error) or type(error).__name__
            raise Unavailable(f"cannot {what}: {name}") from None
        finally:
            self._lock.release()


class Pkcs11KeyWrap:
    """Implements `ledger.ports.KeyWrap`."""

    def __init__(self, token: Pkcs11Token, label: str, key: Any) -> None:
        self._token = token
        self._label = label
        self._key = key

    @property
    def id(self) -> str:
        return f"pkcs11-{self._label}"

    def wrap(self, key: bytes, item: bytes) -> bytes:
        nonce = os.urandom(SEAL_NONCE)
        with self._token.refusals("wrap a key in the token"):
            return nonce + bytes(self._key.encrypt(key, **self._how(nonce, item)))

    def unwrap(self, wrapped: bytes, item: bytes) -> bytes:
        nonce, sealed = wrapped[:SEAL_NONCE], wrapped[SEAL_NONCE:]
        pkcs11 = self._token.library
        with self._token.refusals("unwrap a key in the token"):
            try:
                return bytes(self._key.decrypt(sealed, **self._how(nonce, item)))
            except (
                pkcs11.exceptions.EncryptedDataInvalid,
                pkcs11.exceptions.EncryptedDataLenRange,
                pkcs11.exceptions.GeneralError,  # what SoftHSM says of a tag that does not fit
                pkcs11.exceptions.ArgumentsBad,
            ):
                raise Rejected("not wrapped with this key of the token, or damaged since") from None

    def _how(self, nonce: bytes, item: bytes) -> dict[str, Any]:
        pkcs11 = self._token.library
        return {
            "mechanism": pkcs11.Mechanism.AES_GCM,
            "mechanism_param": pkcs11.GCMParams(nonce, MAGIC + item, 128),
        }
