"""The folder of a case-file review, opened: every file of it checked against the others.

review/list                  the cases, by commitments
review/openings              their numbers; the reviewer's, may be missing
review/statement.dsse.json   what fixed the list in the log
review/salt, entry           with which the log commits to it
review/list.tlog-proof       its receipt, whose checkpoint draws
review/secret                the reviewer's line, shown last
"""

from dataclasses import dataclass
from pathlib import Path

from cli.small_file import read_small
from ledger.encoding import printable
from ledger.errors import Rejected
from ledger.evidence.entry import Entry, check_commitment
from ledger.evidence.envelope import Envelope
from ledger.evidence.statement import Statement
from ledger.evidence.trust import Trust
from ledger.process.drawing import (
    ReviewList,
    check_fixed,
    drawn,
    open_list,
    parse_secret,
    seed_of,
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
    checkpoint: Checkpoint
    quorum_s: int
    seed: bytes
    sample: tuple[tuple[int, str], ...]


def open_review(folder: Path, trust: Trust) -> Drawn | None:
    """Everything checked; None while the checkpoint has no quorum."""
    data = read_small(folder / LIST)
    listed = ReviewList.from_bytes(data)
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
    if cosigned.quorum_time is None:
        return None
    checkpoint = cosigned.checkpoint
    made = parse_secret(read_small(folder / SECRET))
    places = drawn(listed, checkpoint, made)
    names = [commitment.hex() for commitment in listed.cases]
    if (folder / OPENINGS).exists():
        names = list(open_list(listed, read_small(folder / OPENINGS)))
    sample = tuple((place, names[place - 1]) for place in places)
    return Drawn(listed, checkpoint, cosigned.quorum_time, seed_of(checkpoint, made), sample)
