"""What only the holder of a private key does: kept from what an expert must read.

Series: RSASSA-PKCS1-v1_5 with SHA-256 under the keys that `suite` verifies with.
Sealing at rest: AES-256-GCM.
"""

from functools import lru_cache

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import Malformed, Rejected
from ledger.suite import SERIES_BITS, SERIES_EXPONENT


def series_private(pem: bytes) -> rsa.RSAPrivateKey:
    """PKCS #8 PEM without a password. The error never repeats the input."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Malformed("want an RSA private key in PEM") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Malformed("want an RSA private key in PEM, got a key of another kind")
    return key


def series_generate() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(SERIES_EXPONENT, SERIES_BITS)


def series_private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def series_sign(key: rsa.RSAPrivateKey, message: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2): deterministic."""
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


# Making a key of a seed costs as much as a signature; a process signs with very few.
@lru_cache(maxsize=16)
def _ed25519_private(seed: bytes) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def ed25519_public(seed: bytes) -> bytes:
    return _ed25519_private(seed).public_key().public_bytes_raw()


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    return _ed25519_private(seed).sign(message)


def mldsa_public(seed: bytes) -> bytes:
    return mldsa.MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()


def mldsa_sign(seed: bytes, message: bytes) -> bytes:
    return mldsa.MLDSA44PrivateKey.from_seed_bytes(seed).sign(message)


# --- sealing: AES-256-GCM (NIST SP 800-38D) -------------------------------------------------

SEAL_KEY, SEAL_NONCE, SEAL_TAG = 32, 12, 16  # bytes
_UNSEALED = "not sealed with this key, for this place, or damaged since"


class Cipher:
    """Under one key: nonce ‖ ciphertext ‖ tag."""

    def __init__(self, key: bytes) -> None:
        if len(key) != SEAL_KEY:
            raise Malformed(f"want {SEAL_KEY} bytes of key, got {len(key)}")
        self._aead = AESGCM(key)

    def seal(self, nonce: bytes, data: bytes | memoryview, bound: bytes) -> bytes:
        """A `nonce` is 96 random bits, used once; `bound` is authenticated beside the data."""
        return nonce + self._aead.encrypt(nonce, data, bound)

    def seal_into(
        self, target: memoryview, nonce: bytes, data: bytes | memoryview, bound: bytes
    ) -> None:
        """The same into memory that is there, of just that length."""
        target[:SEAL_NONCE] = nonce
        self._aead.encrypt_into(nonce, data, bound, target[SEAL_NONCE:])

    def open(self, sealed: bytes | memoryview, bound: bytes) -> bytes:
        """Raises `Rejected` unless key, bytes and `bound` are those it was sealed with."""
        if len(sealed) < SEAL_NONCE + SEAL_TAG:
            raise Rejected("what was sealed is cut short")
        try:
            return self._aead.decrypt(bytes(sealed[:SEAL_NONCE]), sealed[SEAL_NONCE:], bound)
        except InvalidTag:
            raise Rejected(_UNSEALED) from None

    def open_into(self, target: memoryview, sealed: bytes | memoryview, bound: bytes) -> None:
        """The same into memory that is there, of just that length."""
        if len(sealed) < SEAL_NONCE + SEAL_TAG:
            raise Rejected("what was sealed is cut short")
        try:
            self._aead.decrypt_into(bytes(sealed[:SEAL_NONCE]), sealed[SEAL_NONCE:], bound, target)
        except InvalidTag:
            raise Rejected(_UNSEALED) from None
