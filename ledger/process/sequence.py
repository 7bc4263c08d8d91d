"""Where a log ended, as the first entry of the next one says.

A log that was followed by another has no entries at or beyond its last checkpoint, which the
next log names in its renewal, with the quorum that saw it. Without this an operator could go
on signing a closed log, and date what he likes into it.
"""

from ledger.errors import Rejected
from ledger.evidence.renewal import Closing, closing_of
from ledger.evidence.statement import Kind, Statement
from ledger.tlog.checkpoint import Checkpoint


def open_closing(opening: Statement) -> Closing:
    """What entry 0 of a later log says; its signatures are for the earlier log's policy."""
    closing = closing_of(opening.predicate) if opening.kind is Kind.RENEWAL else None
    if closing is None:
        raise Rejected("the first entry of the next log does not say where this one ended")
    return closing


def check_end(end: Checkpoint, shown: Checkpoint) -> None:
    """That a checkpoint of a closed log is its last one."""
    if shown.size > end.size:
        raise Rejected(f"a checkpoint of {shown.size} entries of a log that ended with {end.size}")
    if shown.size < end.size:
        raise Rejected(f"want the last checkpoint, of {end.size} entries, got {shown.size}")
    if shown.root != end.root:
        raise Rejected(f"two checkpoints of size {end.size} differ: the log has two histories")
