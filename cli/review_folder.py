"""The folder of a case-file review, opened: every file of it checked against the others.

review/list                  the cases, by commitments
review/openings              their numbers; the reviewer's, may be missing
review/statement.dsse.json   what fixed the list in the log
review/salt, entry           with which the log commits to it
review/list.tlog-proof       its receipt, with the tree that draws
review/secret                the reviewer's line, shown last
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from cli.small_file import read_small
from ledger.encoding import printable
from ledger.errors import Malformed, Rejected
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

T = TypeVar("T")
U = TypeVar("U")
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
    listed = named(folder / LIST, ReviewList.from_bytes, data)
    envelope = read_small(folder / STATEMENT)
    check_fixed(data, named(folder / STATEMENT, _statement, envelope))
    entry = named(folder / ENTRY, Entry.from_bytes, read_small(folder / ENTRY))
    check_commitment(entry, read_small(folder / SALT), envelope)
    receipt = named(folder / PROOF, Receipt.from_bytes, read_small(folder / PROOF))
    origin = named(folder / PROOF, _origin, receipt)
    log = next((one for one in trust.logs if one.origin == origin), None)
    if log is None:
        raise Rejected(f"the log {printable(origin)!r} is not in your trust folder")
    cosigned = receipt.open(entry.leaf_hash(), log.policy)
    tree = tree_ending(entry.leaf_hash(), receipt, cosigned.checkpoint)
    return Fixed(listed, tree, cosigned.quorum_time)


def named(file: Path, read: Callable[[T], U], data: T) -> U:
    """Whoever has seven files is told in which of them something is wrong."""
    try:
        return read(data)
    except Malformed as error:
        raise error.under(printable(str(file))) from None
    except Rejected as error:
        raise Rejected(f"{printable(str(file))}: {error}", hints=error.hints) from None


def _statement(envelope: bytes) -> Statement:
    return Statement.from_bytes(Envelope.from_bytes(envelope).payload)


def _origin(receipt: Receipt) -> str:
    return Checkpoint.from_text(SignedNote.from_text(receipt.note).text).origin


def open_openings(folder: Path, listed: ReviewList) -> tuple[str, ...]:
    openings = read_small(folder / OPENINGS)
    return named(folder / OPENINGS, partial(open_list, listed), openings)


def open_review(folder: Path, trust: Trust) -> Drawn | None:
    """Everything checked; None while no quorum has seen the list."""
    fixed = open_fixed(folder, trust)
    if fixed.quorum_s is None:
        return None
    listed, tree = fixed.listed, fixed.tree
    made = named(folder / SECRET, parse_secret, read_small(folder / SECRET))
    places = drawn(listed, tree, made)
    names = [commitment.hex() for commitment in listed.cases]
    if (folder / OPENINGS).exists():
        names = list(open_openings(folder, listed))
    sample = tuple((place, names[place - 1]) for place in places)
    return Drawn(listed, tree, fixed.quorum_s, seed_of(tree, made), sample)
