"""Two histories of one log, alike up to their third entry, and what the log asks of a cosigner."""

from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import leaf_hash, root_of
from ledger.tlog.note import SignedNote
from ledger.tlog.proof import prove_consistency
from ledger.tlog.signing_key import SigningKey, sign_note
from ledger.tlog.submission import AddCheckpoint
from testkit.keys import key

LOG = key("ledger.example/enforcement/2026")


class Tree:
    """A history; another `branch` has other leaves from index 3 on."""

    def __init__(self, branch: str = "") -> None:
        self.leaves = [
            leaf_hash(b"%d %s" % (n, branch.encode() if n > 2 else b"")) for n in range(40)
        ]

    def checkpoint(self, size: int, origin: str = LOG.name) -> Checkpoint:
        return Checkpoint(origin, size, root_of(self.leaves[:size]))

    def note(self, size: int, signer: SigningKey = LOG, origin: str = LOG.name) -> SignedNote:
        text = self.checkpoint(size, origin).to_text()
        return SignedNote(text, (sign_note(text, signer),))

    def request(self, old: int, size: int) -> AddCheckpoint:
        def node(level: int, number: int) -> bytes:
            return root_of(self.leaves[number << level : (number + 1) << level])

        return AddCheckpoint(old, prove_consistency(old, size, node), self.note(size))


TREE, BRANCH = Tree(), Tree("branch")


def conflicting() -> list[bytes]:
    """A thousand requests of which many cannot both be signed: C4 of the threat model."""
    requests = [
        tree.request(old, size).to_bytes()
        for old in range(2, 22)
        for size in range(old, old + 10)
        for tree in (TREE, BRANCH)
    ] * 3
    return requests[:1000]


def check_one_history(signed: set[Checkpoint]) -> None:
    """At most one tree of a size, and all beyond the fork of one history."""
    sizes = [checkpoint.size for checkpoint in signed]
    assert len(sizes) == len(set(sizes)) > 3, "two trees of one size were signed"
    beyond = {c for c in signed if c.size > 3}
    assert any(beyond <= {tree.checkpoint(n) for n in range(41)} for tree in (TREE, BRANCH))
