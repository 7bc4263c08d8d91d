"""Cosignatures: someone independent saw this tree grow. c2sp.org/tlog-cosignature@v1.1.0-rc.1.

A signature line holds `uint64 timestamp ‖ signature`, timestamp in POSIX seconds.
What is signed is, for Ed25519 (type 0x04):

    cosignature/v1
    time 1795430400
    <the checkpoint, three lines>

and for ML-DSA-44 (type 0x06), which does not cover extension lines:

    "subtree/v1\\n\\0" ‖ u8 length ‖ cosigner name ‖ u64 timestamp
        ‖ u8 length ‖ origin ‖ u64 start ‖ u64 end ‖ hash

It means: as of that time this is the largest consistent tree of that origin I have
seen. C2SP calls the signer a witness; here it is a cosigner, since a witness to a
court is a person.
"""

from ledger.encoding import MAX_DECIMAL
from ledger.errors import Malformed, Rejected
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import Algorithm, SignedNote, VerifierKey

TIMESTAMP_SIZE = 8


def check_cosignature(note: SignedNote, checkpoint: Checkpoint, key: VerifierKey) -> int | None:
    """The time at which `key` cosigned, in POSIX seconds, or None if it did not.

    `checkpoint` is what `note` says. A line that claims the key and does not
    verify refuses the whole note: someone has tampered with it.
    """
    line = note.by(key)
    if line is None:
        return None
    at = int.from_bytes(line.value[:TIMESTAMP_SIZE], "big")
    # Time zero makes no claim that this was the largest tree seen.
    if len(line.value) <= TIMESTAMP_SIZE or not 0 < at <= MAX_DECIMAL:
        raise Rejected(f"the cosignature by {key.keyid} has no time")
    message = cosigned_message(key, checkpoint, at)
    try:
        key.verify(message, line.value[TIMESTAMP_SIZE:])
    except Rejected:
        raise Rejected(f"the cosignature by {key.keyid} does not match") from None
    return at


def subtree_message(name: str, at: int, origin: str, start: int, end: int, root: bytes) -> bytes:
    """What an ML-DSA-44 cosigner signs. For `start` above 0 the time must be 0."""
    if start and at:
        raise Malformed("a subtree cosignature has no time")
    cosigner, log = name.encode(), origin.encode()
    if not 0 < len(cosigner) <= 255 or not 0 < len(log) <= 255:
        raise Malformed("want names of 1 to 255 bytes")
    return b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(cosigner)]),
            cosigner,
            at.to_bytes(8, "big"),
            bytes([len(log)]),
            log,
            start.to_bytes(8, "big"),
            end.to_bytes(8, "big"),
            root,
        )
    )


def cosigned_message(key: VerifierKey, checkpoint: Checkpoint, at: int) -> bytes:
    match key.algorithm:
        case Algorithm.COSIGNATURE_ED25519:
            return f"cosignature/v1\ntime {at}\n{checkpoint.to_text()}".encode()
        case Algorithm.COSIGNATURE_MLDSA44:
            return subtree_message(
                key.name, at, checkpoint.origin, 0, checkpoint.size, checkpoint.root
            )
        case _:
            raise Rejected(f"{key.keyid} is not a cosigner's key")
