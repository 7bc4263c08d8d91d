"""SM2 signatures with SM3 (GB/T 32918.2, GB/T 32905): their one spelling, and who computes.

    public key   04 ‖ x ‖ y, 65 bytes        private key  1 ≤ d ≤ n − 2, 32 bytes
    signature    r ‖ s, 64 bytes             identifier   1234567812345678, always

No library that this core may use knows the curve, and points are not added here: only
that a key is a point at all is seen by its equation. Signing and verifying are asked of
an engine that the program brings (`storage.sm2_libcrypto`); without one nothing is signed,
and nothing counts as checked: `Unavailable`, never `Rejected` and never good.
"""

from typing import Protocol

from ledger.errors import Malformed, Rejected, Unavailable

IDENTIFIER = b"1234567812345678"  # GB/T 35276: another one gives another digest
NUMBER_SIZE = 32
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123

# y² = x³ + ax + b mod p, the recommended curve: GB/T 32918.5, clause 2. Its cofactor is 1:
# a point of it is in the one group, so that no key is of low order.
_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_A = _P - 3
_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93

# x of the generator. d = 1 is everybody's key; with d = n − 1 the check has no key in it.
_GENERATOR_X = bytes.fromhex("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7")


class Engine(Protocol):
    """SM2 by a library. Each raises `Unavailable` where the library is not to be had.

    What it is given has its one spelling already. It may be called from any thread.
    """

    def verify(self, public: bytes, signature: bytes, message: bytes) -> bool:
        """`public` is a point of the curve already."""
        ...

    def sign(self, private: bytes, message: bytes) -> bytes: ...

    def public(self, private: bytes) -> bytes: ...


class _NoEngine:
    def verify(self, public: bytes, signature: bytes, message: bytes) -> bool:
        raise _missing()

    def sign(self, private: bytes, message: bytes) -> bytes:
        raise _missing()

    def public(self, private: bytes) -> bytes:
        raise _missing()


_engine: Engine = _NoEngine()


def use(engine: Engine) -> None:
    """Once, by the program that starts: from then on SM2 is computed by this engine."""
    # A key is a value, and can neither carry a library with it nor be handed one.
    global _engine
    _engine = engine


def check_key(public: bytes) -> None:
    """Its one spelling, a point of the curve, and not one that everybody can sign with."""
    if len(public) != 1 + 2 * NUMBER_SIZE or public[0] != 4:
        raise Malformed(f"want an SM2 key of 65 bytes that begins with 04, got {len(public)}")
    if public[1 : 1 + NUMBER_SIZE] == _GENERATOR_X:
        raise Rejected("an SM2 key whose private half everyone knows")
    x, y = int.from_bytes(public[1 : 1 + NUMBER_SIZE]), int.from_bytes(public[1 + NUMBER_SIZE :])
    if max(x, y) >= _P:
        raise Rejected("an SM2 key in a second spelling: want x and y below p")
    if (y * y - (x * x + _A) * x - _B) % _P:
        raise Rejected("an SM2 key that is no point of the curve: nobody can sign for it")


def check_private(private: bytes) -> None:
    """The error never repeats the input."""
    if len(private) != NUMBER_SIZE or not 0 < int.from_bytes(private) < ORDER - 1:
        raise Malformed("want an SM2 private key of 32 bytes between 1 and n - 2")


def verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Raises `Rejected`; 64-byte signatures with 0 < r < n and 0 < s < n only."""
    if len(signature) != 2 * NUMBER_SIZE:
        raise Rejected(f"want 64 bytes of SM2 signature, got {len(signature)}")
    halves = signature[:NUMBER_SIZE], signature[NUMBER_SIZE:]
    if not all(0 < int.from_bytes(half) < ORDER for half in halves):
        raise Rejected("an SM2 signature out of range")
    if not _engine.verify(public, signature, message):
        raise Rejected("the signature does not match")


def sign(private: bytes, message: bytes) -> bytes:
    """Another one each time: the engine draws a nonce."""
    return _engine.sign(private, message)


def public_of(private: bytes) -> bytes:
    public = _engine.public(private)
    check_key(public)
    return public


def _missing() -> Unavailable:
    return Unavailable(
        "SM2 cannot be computed: no library for it is in use",
        hints=("install OpenSSL 3.0 or later on this system, and check again",),
    )
