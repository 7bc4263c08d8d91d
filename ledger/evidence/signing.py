"""Statements, signed."""

from collections.abc import Sequence

from ledger.evidence.envelope import Envelope, Signature, pae
from ledger.tlog.signing_key import SigningKey


def seal(payload: bytes, keys: Sequence[SigningKey]) -> Envelope:
    """Signs the payload with each key, in the order given."""
    message = pae(payload)
    return Envelope(
        payload, tuple(Signature(key.verifier.keyid, key.sign(message)) for key in keys)
    )
