"""What only the holder of a series key does: kept from what an expert must read.

RSASSA-PKCS1-v1_5 with SHA-256 under the keys that `suite` verifies with.
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ledger.errors import Malformed
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
