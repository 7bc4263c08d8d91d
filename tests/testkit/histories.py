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

    def request(self, old: int, size: int, log: SigningKey = LOG) -> AddCheckpoint:
        def node(level: int, number: int) -> bytes:
            return root_of(self.leaves[number << level : (number + 1) << level])

        return AddCheckpoint(
            old, prove_consistency(old, size, node), self.note(size, log, log.name)
        )


TREE, BRANCH = Tree(), Tree("branch")


def conflicting(log: SigningKey = LOG, olds: int = 20) -> list[bytes]:
    """Requests of which many cannot both be signed, twenty to an old size."""
    return [
        tree.request(old, size, log).to_bytes()
        for old in range(2, 2 + olds)
        for size in range(old, old + 10)
        for tree in (TREE, BRANCH)
    ]


def check_one_history(signed: set[Checkpoint], log: SigningKey = LOG) -> None:
    """At most one tree of a size, and all beyond the fork of one history."""
    sizes = [checkpoint.size for checkpoint in signed]
    assert len(sizes) == len(set(sizes)), "two trees of one size were signed"
    beyond = {c for c in signed if c.size > 3}
    assert any(
        beyond <= {tree.checkpoint(n, log.name) for n in range(41)} for tree in (TREE, BRANCH)
    ), "two histories were signed"
