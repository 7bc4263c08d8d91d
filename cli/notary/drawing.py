"""A spot check whose choice nobody made: not the notary, and not whoever runs the ledger.

First the list is fixed, by a statement in the log. Then the seed comes from the first checkpoint
that holds that statement and that a quorum has cosigned: its root and its cosignatures did not
exist when the list was fixed. Whoever has the list and the checkpoint draws the same items again.
An operator may add entries until a root suits him, as long as the cosigners, whose signatures
are in the seed, wait for him: what they sign he does not know before.
"""

from ledger.suite import digest

DOMAIN = b"tiezheng/spot/v1\x00"


def seed_of(list_sha256: bytes, note: str) -> bytes:
    return digest(DOMAIN + list_sha256 + note.encode())


def draw(count: int, of: int, seed: bytes) -> list[int]:
    """`count` numbers below `of`, each once, ascending; all of them if there are no more."""
    ranked = sorted(range(of), key=lambda number: digest(seed + number.to_bytes(8, "big")))
    return sorted(ranked[:count])
