"""Statements and party receipts, signed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ledger.evidence.envelope import Envelope, Signature, pae
from ledger.evidence.party_receipt import PartyReceipt, recording_tag, slot_hash
from ledger.tlog.signing_key import Signer, SigningKey


def seal(payload: bytes, keys: Sequence[Signer]) -> Envelope:
    """Signs the payload with each key, in the order given."""
    message = pae(payload)
    return Envelope(
        payload, tuple(Signature(key.verifier.keyid, key.sign(message)) for key in keys)
    )


def sign_party_receipt(
    key: SigningKey,
    *,
    salt: bytes,
    session: str,
    span_s: tuple[int, int],
    manifest: bytes,
    case: str,
    device: str,
    recordings: Iterable[bytes],
) -> PartyReceipt:
    """`salt` is 16 fresh bytes; `manifest` and `recordings` are SHA-256 digests."""
    draft = PartyReceipt(
        salt=salt,
        session=session,
        begins_s=span_s[0],
        ends_s=span_s[1],
        manifest=manifest,
        slot=slot_hash(salt, case, device),
        recordings=tuple(sorted({recording_tag(salt, sha256) for sha256 in recordings})),
        key_id=key.verifier.key_id,
        signature=b"",
    )
    return replace(draft, signature=key.sign(draft.signed_bytes()))
