"""The only file that names an algorithm, beside `suite_private` and `sm2`.

Everything else says `digest`, `sign` and `verify`. Signatures are RFC 8032
Ed25519 and FIPS 204 ML-DSA-44 from `cryptography`; hashes are from `hashlib`,
which releases the interpreter and is as fast as anything that wraps it.
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa, padding, rsa

from ledger.encoding import format_base64, parse_base64, parse_utf8
from ledger.errors import Malformed, Rejected

DIGEST_SIZE = 32
BLOCK_SIZE = 64  # of SHA-256
STRONG_SIZE = 64


class Hasher(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


def digest(data: bytes | memoryview) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def digests(prefix: bytes, messages: Iterable[bytes]) -> list[bytes]:
    """SHA-256 of prefix ‖ message, for each of many small ones."""
    # A copy of a hash that has the prefix is the cheapest way to begin another.
    begin = hashlib.sha256(prefix).copy
    found = []
    for message in messages:
        hasher = begin()
        hasher.update(message)
        found.append(hasher.digest())
    return found


def new_digest() -> Hasher:
    """A running SHA-256."""
    return hashlib.sha256()


def strong_digest(data: bytes | memoryview) -> bytes:
    """SHA-512: what proofs are renewed with, before SHA-256 ends."""
    return hashlib.sha512(data).digest()


def new_strong_digest() -> Hasher:
    """A running SHA-512."""
    return hashlib.sha512()


def new_sm3() -> Hasher:
    """A running SM3 (GB/T 32905), for deployments that ask for it beside SHA-256."""
    return _Sm3()


class _Sm3:
    def __init__(self) -> None:
        # hashlib has SM3 only where the system's OpenSSL was built with it.
        self._hash = hashes.Hash(hashes.SM3())

    def update(self, data: bytes | memoryview, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return self._hash.copy().finalize()


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104)."""
    return hmac.digest(key, message, "sha256")


def macs(key: bytes, messages: Iterable[bytes]) -> list[bytes]:
    """`mac` of each of many small ones, in half the time: the key is hashed once."""
    block = (digest(key) if len(key) > BLOCK_SIZE else key).ljust(BLOCK_SIZE, b"\0")
    inner = digests(bytes(byte ^ 0x36 for byte in block), messages)
    return digests(bytes(byte ^ 0x5C for byte in block), inner)


def mask(seed: bytes, length: int) -> bytes:
    """MGF1 with SHA-256 (RFC 8017, B.2.1): `length` bytes that nobody chose."""
    blocks = -(-length // DIGEST_SIZE)
    return b"".join(digest(seed + i.to_bytes(4, "big")) for i in range(blocks))[:length]


# --- Ed25519 -------------------------------------------------------------------------------

_PRIME = 2**255 - 19
_SIGN = 1 << 255  # the highest bit is the sign of x

# The points of order 1, 2, 4 and 8, and other spellings of them: with such a key
# anyone can make a signature. From the list in C2SP/CCTV `ed25519` and in libsodium.
_LOW_ORDER = frozenset(
    bytes.fromhex(point)
    for low in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
    for point in (low, low[:-2] + f"{int(low[-2:], 16) ^ 0x80:02x}")
)


def ed25519_check_key(public: bytes) -> None:
    """Refuses a key under which more than one person could sign."""
    if len(public) != 32:
        raise Malformed(f"want 32 bytes of Ed25519 key, got {len(public)}")
    # OpenSSL reads y + p as y: a second spelling would be a second key of one person.
    if int.from_bytes(public, "little") & ~_SIGN >= _PRIME and public not in _LOW_ORDER:
        raise Rejected("an Ed25519 key in a second spelling: want y below 2^255 - 19")
    if public in _LOW_ORDER:
        raise Rejected("an Ed25519 key of low order: anyone can sign for it")


def ed25519_verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Raises `Rejected`; 64-byte signatures only."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Rejected("the signature does not match") from None


# --- ML-DSA-44 -----------------------------------------------------------------------------


def mldsa_check_key(public: bytes) -> None:
    if len(public) != 1312:
        raise Malformed(f"want 1312 bytes of ML-DSA-44 key, got {len(public)}")


def mldsa_verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Raises `Rejected`; 2420-byte signatures, empty context."""
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Rejected("the signature does not match") from None


# --- RSA of the series keys ----------------------------------------------------------------

SERIES_BITS = 3072
SERIES_EXPONENT = 65537


# SubjectPublicKeyInfo of such a key, before and behind its modulus.
_SERIES_HEAD = bytes.fromhex("308201a2300d06092a864886f70d01010105000382018f003082018a0282018100")
_SERIES_TAIL = bytes.fromhex("0203010001")


def series_public_pem(modulus: int) -> bytes:
    """SubjectPublicKeyInfo PEM, the one spelling that `series_modulus` accepts."""
    text = format_base64(_SERIES_HEAD + modulus.to_bytes(SERIES_BITS // 8) + _SERIES_TAIL)
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    return "\n".join(
        ["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]
    ).encode()


def series_modulus(pem: bytes) -> int:
    """n of a 3,072-bit RSA key with exponent 65537; refuses every other key and spelling."""
    if modulus := _spelled(pem):
        return modulus
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise Malformed("want an RSA public key in PEM") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise Malformed("want an RSA public key in PEM, got a key of another kind")
    numbers = key.public_numbers()
    if numbers.e != SERIES_EXPONENT or numbers.n.bit_length() != SERIES_BITS:
        raise Malformed(
            f"want RSA of {SERIES_BITS} bits with e = {SERIES_EXPONENT}, "
            f"got {numbers.n.bit_length()} bits with e = {numbers.e}"
        )
    raise Malformed("want the one PEM spelling of this key")


def _spelled(pem: bytes) -> int | None:
    """Needs no library: a trust folder can be read where no signature can be checked."""
    try:
        der = parse_base64("".join(parse_utf8(pem).splitlines()[1:-1]))
    except Malformed:
        return None
    n = int.from_bytes(der[len(_SERIES_HEAD) : -len(_SERIES_TAIL)])
    right = n.bit_length() == SERIES_BITS and n % 2 == 1 and series_public_pem(n) == pem
    return n if right else None


def series_verify(modulus: int, signature: bytes, message: bytes) -> None:
    """Raises `Rejected` unless `signature` to the 65537th power is the padded digest, exactly."""
    try:
        public = rsa.RSAPublicNumbers(SERIES_EXPONENT, modulus).public_key()
        public.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        raise Rejected("the series signature does not match the name") from None
