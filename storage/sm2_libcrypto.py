"""SM2 by the system's libcrypto, OpenSSL 3.0 or later, through its EVP interface.

The library is loaded at the first use and by its fixed name, which the system's
loader looks up where the system keeps libraries and never in the current folder.
Elsewhere than on Linux, and where OpenSSL was built without SM2, every call raises
`Unavailable`. Each call has contexts of its own and frees them, so threads share
nothing; the interpreter is free meanwhile.
"""

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

from ledger.errors import Unavailable
from ledger.sm2 import IDENTIFIER, NUMBER_SIZE

LIBRARIES = ("libcrypto.so.3", "libcrypto.so.4")
OLDEST = 0x30000000  # before 3.0 a key read from DER was one of ECDSA, not of SM2

# SubjectPublicKeyInfo and PKCS #8 of id-ecPublicKey on sm2p256v1, up to the key's own bytes.
_PUBLIC = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_PRIVATE = bytes.fromhex("3041020100301306072a8648ce3d020106082a811ccf5501822d042730250201010420")
_DER_ROOM = 72  # two numbers of at most 33 bytes, with their heads

_pointer, _bytes, _size, _long = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_long
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "OpenSSL_version_num": (ctypes.c_ulong, ()),
    "ERR_clear_error": (None, ()),
    "EVP_sm3": (_pointer, ()),
    "EVP_MD_CTX_new": (_pointer, ()),
    "EVP_MD_CTX_free": (None, (_pointer,)),
    "EVP_MD_CTX_set_pkey_ctx": (None, (_pointer, _pointer)),
    "EVP_PKEY_CTX_new": (_pointer, (_pointer, _pointer)),
    "EVP_PKEY_CTX_free": (None, (_pointer,)),
    "EVP_PKEY_CTX_set1_id": (ctypes.c_int, (_pointer, _bytes, ctypes.c_int)),
    "EVP_PKEY_free": (None, (_pointer,)),
    "EVP_DigestSignInit": (ctypes.c_int, (_pointer,) * 5),
    "EVP_DigestSign": (ctypes.c_int, (_pointer, _pointer, _pointer, _bytes, _size)),
    "EVP_DigestVerifyInit": (ctypes.c_int, (_pointer,) * 5),
    "EVP_DigestVerify": (ctypes.c_int, (_pointer, _bytes, _size, _bytes, _size)),
    "d2i_PUBKEY": (_pointer, (_pointer, _pointer, _long)),
    "d2i_AutoPrivateKey": (_pointer, (_pointer, _pointer, _long)),
    "i2d_PUBKEY": (ctypes.c_int, (_pointer, _pointer)),
}


class Libcrypto:
    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._names = names or LIBRARIES
        self._lock = Lock()
        self._library: Any = None

    def verify(self, public: bytes, signature: bytes, message: bytes) -> bool:
        library = self._open()
        der = _der_of(signature)
        with _clean(library), ExitStack() as stack:
            key = _read_key(library, stack, library.d2i_PUBKEY, _PUBLIC + public)
            if key is None:
                return False
            context = _new_context(library, stack, key, library.EVP_DigestVerifyInit)
            found = library.EVP_DigestVerify(context, der, len(der), message, len(message))
            return bool(found == 1)

    def sign(self, private: bytes, message: bytes) -> bytes:
        library = self._open()
        with _clean(library), ExitStack() as stack:
            key = self._private(library, stack, private)
            context = _new_context(library, stack, key, library.EVP_DigestSignInit)
            room, size = ctypes.create_string_buffer(_DER_ROOM), ctypes.c_size_t(_DER_ROOM)
            signed = library.EVP_DigestSign(
                context, room, ctypes.byref(size), message, len(message)
            )
            if signed != 1:
                raise _refused("sign")
            return _from_der(room.raw[: size.value])

    def public(self, private: bytes) -> bytes:
        library = self._open()
        with _clean(library), ExitStack() as stack:
            key = self._private(library, stack, private)
            room = ctypes.create_string_buffer(2 * len(_PUBLIC) + 4 * NUMBER_SIZE)
            at = ctypes.c_void_p(ctypes.addressof(room))
            # Asked for the size first, so that no other spelling runs over the room.
            size = library.i2d_PUBKEY(key, None)
            if size != len(_PUBLIC) + 1 + 2 * NUMBER_SIZE:
                raise _refused("write the public key")
            library.i2d_PUBKEY(key, ctypes.byref(at))
            return room.raw[len(_PUBLIC) : size]

    def _private(self, library: Any, stack: ExitStack, private: bytes) -> Any:
        key = _read_key(library, stack, library.d2i_AutoPrivateKey, _PRIVATE + private)
        if key is None:
            raise _refused("read the private key")
        return key

    def _open(self) -> Any:
        with self._lock:
            if self._library is None:
                self._library = _load(self._names)
            return self._library


def _load(names: tuple[str, ...]) -> Any:
    if not sys.platform.startswith("linux"):
        raise _missing(f"none is known on {sys.platform}")
    for name in names:
        try:
            library = ctypes.CDLL(name)
            for function, (result, arguments) in _FUNCTIONS.items():
                getattr(library, function).restype = result
                getattr(library, function).argtypes = arguments
        except (OSError, AttributeError):
            continue
        if library.OpenSSL_version_num() >= OLDEST:
            return library
    raise _missing(f"want one of {', '.join(names)}, with SM2")


@contextmanager
def _clean(library: Any) -> Iterator[None]:
    """Python's own `ssl` may share this library, and would find what a refusal left behind."""
    try:
        yield
    finally:
        library.ERR_clear_error()


def _read_key(library: Any, stack: ExitStack, read: Callable[..., Any], der: bytes) -> Any:
    room = ctypes.create_string_buffer(der, len(der))
    at = ctypes.c_void_p(ctypes.addressof(room))
    key = read(None, ctypes.byref(at), len(der))
    if key is not None:
        stack.callback(library.EVP_PKEY_free, key)
    return key


def _new_context(library: Any, stack: ExitStack, key: Any, begin: Callable[..., Any]) -> Any:
    """A digest context that has hashed the identifier and the key already."""
    of_key = library.EVP_PKEY_CTX_new(key, None)
    stack.callback(library.EVP_PKEY_CTX_free, of_key)
    context = library.EVP_MD_CTX_new()
    # Freed first, as it looks at the other.
    stack.callback(library.EVP_MD_CTX_free, context)
    if of_key is None or context is None:
        raise _refused("begin")
    if library.EVP_PKEY_CTX_set1_id(of_key, IDENTIFIER, len(IDENTIFIER)) != 1:
        raise _refused("take the identifier")
    library.EVP_MD_CTX_set_pkey_ctx(context, of_key)
    if begin(context, None, library.EVP_sm3(), None, key) != 1:
        raise _refused("begin")
    return context


def _der_of(signature: bytes) -> bytes:
    """r ‖ s as the SEQUENCE of two INTEGERs that the library wants."""
    numbers = signature[:NUMBER_SIZE], signature[NUMBER_SIZE:]
    rows = b"".join(_integer(int.from_bytes(number)) for number in numbers)
    return b"\x30" + bytes([len(rows)]) + rows


def _integer(number: int) -> bytes:
    body = number.to_bytes(number.bit_length() // 8 + 1)
    return b"\x02" + bytes([len(body)]) + body


def _from_der(der: bytes) -> bytes:
    first = der[4 : 4 + der[3]]
    second = der[6 + der[3] :]
    numbers = (int.from_bytes(first), int.from_bytes(second))
    return b"".join(number.to_bytes(NUMBER_SIZE) for number in numbers)


def _refused(what: str) -> Unavailable:
    return Unavailable(f"the system's libcrypto would not {what} with SM2")


def _missing(why: str) -> Unavailable:
    return Unavailable(
        f"SM2 cannot be computed: no OpenSSL 3.0 or later was found ({why})",
        hints=("install OpenSSL 3.0 or later on this system, and check again",),
    )
