"""A spot check that no notary chooses: the items follow from a checkpoint of the log.

First the list is fixed, by a statement in the log. Then the seed comes from a checkpoint that
holds that statement and that a quorum has cosigned: its root and its cosignatures did not exist
when the list was fixed. Whoever has the list and the checkpoint draws the same items again.
An operator is not kept from choosing. He may show any cosigned checkpoint of that time, with any
of its cosignatures above the quorum, and so the draw that suits him best of those. That a draw
was not his choice it does not prove; what was drawn was there, and that is all.
"""

from ledger.suite import digest

DOMAIN = b"tiezheng/spot/v1\x00"


def seed_of(list_sha256: bytes, note: str) -> bytes:
    return digest(DOMAIN + list_sha256 + note.encode())


def draw(count: int, of: int, seed: bytes) -> list[int]:
    """`count` numbers below `of`, each once, ascending; all of them if there are no more."""
    ranked = sorted(range(of), key=lambda number: digest(seed + number.to_bytes(8, "big")))
    return sorted(ranked[:count])
