"""Private keys, as Go's note package writes them, and what is signed with them.

Kept from what an expert must read: a verifier signs nothing.
"""

from dataclasses import dataclass, field
from typing import Protocol, Self

from ledger import sm2, suite_private
from ledger.encoding import MAX_DECIMAL, format_base64, parse_hex
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.cosignature import cosigned_message, subtree_message
from ledger.tlog.note import (
    KEY_ID_SIZE,
    KEY_TEXT_LIMIT,
    Algorithm,
    Signature,
    VerifierKey,
    check_name,
    typed_key,
)


class Signer(Protocol):
    """Whoever has a private key: this process, or another program that does not give it away."""

    @property
    def name(self) -> str: ...

    @property
    def algorithm(self) -> Algorithm: ...

    @property
    def verifier(self) -> VerifierKey: ...

    def sign(self, message: bytes) -> bytes:
        """What `verifier` verifies; raises `Unavailable` if nothing was signed."""
        ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key: `PRIVATE+KEY+name+5c2fe4fb+AW…` (an skey, as Go's note package writes it)."""

    name: str
    algorithm: Algorithm
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.seed) != 32:
            raise Malformed("want a private key of 32 bytes")
        if self.algorithm is Algorithm.SM2:
            sm2.check_private(self.seed)

    @property
    def verifier(self) -> VerifierKey:
        if self.algorithm is Algorithm.COSIGNATURE_MLDSA44:
            return VerifierKey(self.name, self.algorithm, suite_private.mldsa_public(self.seed))
        if self.algorithm is Algorithm.SM2:
            return VerifierKey(self.name, self.algorithm, sm2.public_of(self.seed))
        return VerifierKey(self.name, self.algorithm, suite_private.ed25519_public(self.seed))

    def sign(self, message: bytes) -> bytes:
        if self.algorithm is Algorithm.COSIGNATURE_MLDSA44:
            return suite_private.mldsa_sign(self.seed, message)
        if self.algorithm is Algorithm.SM2:
            return sm2.sign(self.seed, message)
        return suite_private.ed25519_sign(self.seed, message)

    def to_text(self) -> str:
        """The secret itself: for a file that only its owner reads."""
        typed = format_base64(self.algorithm.prefix + self.seed)
        return f"PRIVATE+KEY+{self.verifier.keyid}+{typed}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Errors never repeat the input: it is a secret."""
        match text.split("+", 4):
            case ["PRIVATE", "KEY", name, key_id, typed] if len(text) <= KEY_TEXT_LIMIT:
                pass
            case _:
                raise Malformed("want a private key that begins with PRIVATE+KEY+")
        try:
            key = cls(name, *typed_key(typed))
            claimed = parse_hex(key_id, KEY_ID_SIZE)
        except Malformed:
            raise Malformed("the private key is damaged") from None
        if claimed != key.verifier.key_id:
            raise Malformed("the key id is not that of the private key")
        return key


@dataclass(frozen=True, slots=True)
class LostKey:
    """A key whose private half is gone: what it has signed stays, and it signs nothing more."""

    verifier: VerifierKey

    @property
    def name(self) -> str:
        return self.verifier.name

    @property
    def algorithm(self) -> Algorithm:
        return self.verifier.algorithm

    def sign(self, message: bytes) -> bytes:
        raise Unavailable(f"the private key of {self.verifier.keyid} is lost: it signs nothing")


def check_signed(key: VerifierKey, message: bytes, signature: bytes) -> None:
    """Raises `Unavailable` if what another program gave is no signature of `key`."""
    try:
        key.verify(message, signature)
    except Rejected:
        raise Unavailable(f"want a signature by {key.keyid}, got one that does not match") from None


def sign_note(text: str, key: Signer) -> Signature:
    """A plain Ed25519 note signature, as the log puts on its checkpoints."""
    if key.algorithm is not Algorithm.ED25519:
        raise Malformed("want an Ed25519 note key, got a cosigner's")
    return Signature(key.name, key.verifier.key_id, key.sign(text.encode()))


def sign_checkpoint(checkpoint: Checkpoint, key: Signer, at: int) -> Signature:
    """`at` in POSIX seconds, above zero."""
    if not 0 < at <= MAX_DECIMAL:
        raise Malformed(f"want a cosignature time in POSIX seconds, got {at}")
    verifier = key.verifier
    message = cosigned_message(verifier, checkpoint, at)
    return Signature(key.name, verifier.key_id, at.to_bytes(8, "big") + key.sign(message))


def sign_subtree(origin: str, start: int, end: int, subtree: bytes, key: Signer) -> Signature:
    """Without a time: it does not say that this was the largest tree seen. ML-DSA-44 only."""
    if key.algorithm is not Algorithm.COSIGNATURE_MLDSA44:
        raise Malformed("want an ML-DSA-44 key: others sign no subtrees")
    message = subtree_message(key.name, 0, origin, start, end, subtree)
    return Signature(key.name, key.verifier.key_id, bytes(8) + key.sign(message))
