"""The folder of a case-file review, opened: every file of it checked against the others.

review/list                  the cases, by commitments
review/openings              their numbers; the reviewer's, may be missing
review/statement.dsse.json   what fixed the list in the log
review/salt, entry           with which the log commits to it
review/list.tlog-proof       its receipt, with the tree that draws
review/secret                the reviewer's line, shown last
"""

from dataclasses import dataclass
from pathlib import Path

from cli.small_file import read_small
from ledger.encoding import printable
from ledger.errors import Rejected
from ledger.evidence.entry import Entry, check_commitment
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import log_label
from ledger.evidence.place import Place
from ledger.evidence.statement import Statement
from ledger.evidence.trust import Trust
from ledger.process.reports.drawing import (
    ReviewList,
    check_fixed,
    drawn,
    open_list,
    parse_secret,
    seed_of,
    tree_ending,
)
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.receipt import Receipt

LIST, OPENINGS, STATEMENT = "list", "openings", "statement.dsse.json"
SALT, ENTRY, PROOF, SECRET = "salt", "entry", "list.tlog-proof", "secret"


@dataclass(frozen=True, slots=True)
class Drawn:
    """`sample` are places of the list with the case's number, or its commitment."""

    listed: ReviewList
    tree: Checkpoint
    quorum_s: int
    seed: bytes
    sample: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Fixed:
    """The list, and the tree that ends with what fixed it. `quorum_s` is None without a quorum."""

    listed: ReviewList
    tree: Checkpoint
    quorum_s: int | None

    @property
    def place(self) -> Place:
        return Place(log_label(self.tree.origin), self.tree.size - 1)


def open_fixed(folder: Path, trust: Trust) -> Fixed:
    """The list and its receipt, checked against each other and the trust folder."""
    data = read_small(folder / LIST)
    envelope = read_small(folder / STATEMENT)
    check_fixed(data, Statement.from_bytes(Envelope.from_bytes(envelope).payload))
    entry = Entry.from_bytes(read_small(folder / ENTRY))
    check_commitment(entry, read_small(folder / SALT), envelope)
    receipt = Receipt.from_bytes(read_small(folder / PROOF))
    origin = Checkpoint.from_text(SignedNote.from_text(receipt.note).text).origin
    log = next((one for one in trust.logs if one.origin == origin), None)
    if log is None:
        raise Rejected(f"the log {printable(origin)!r} is not in your trust folder")
    cosigned = receipt.open(entry.leaf_hash(), log.policy)
    tree = tree_ending(entry.leaf_hash(), receipt, cosigned.checkpoint)
    return Fixed(ReviewList.from_bytes(data), tree, cosigned.quorum_time)


def open_review(folder: Path, trust: Trust) -> Drawn | None:
    """Everything checked; None while no quorum has seen the list."""
    fixed = open_fixed(folder, trust)
    if fixed.quorum_s is None:
        return None
    listed, tree = fixed.listed, fixed.tree
    made = parse_secret(read_small(folder / SECRET))
    places = drawn(listed, tree, made)
    names = [commitment.hex() for commitment in listed.cases]
    if (folder / OPENINGS).exists():
        names = list(open_list(listed, read_small(folder / OPENINGS)))
    sample = tuple((place, names[place - 1]) for place in places)
    return Drawn(listed, tree, fixed.quorum_s, seed_of(tree, made), sample)
