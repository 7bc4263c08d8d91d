"""The decision of a cosigner on an add-checkpoint request: c2sp.org/tlog-witness@v1.0.0.

Pure: the caller stores the new state, comparing the old one in the same statement,
before the signature leaves (invariant 6 in `log`). The one thing a cosigner
promises is never to sign two trees of one log of which neither begins the other.
"""

from collections.abc import Mapping

from ledger.errors import Conflict, Malformed, Rejected, Unknown
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.consistency import check_consistency
from ledger.tlog.note import VerifierKey, check_note
from ledger.tlog.submission import AddCheckpoint


class StaleSize(Conflict):
    """The log believes that another size was cosigned last; `size` is the true one."""

    code = "stale_size"

    def __init__(self, size: int) -> None:
        super().__init__(f"the last checkpoint cosigned here has {size} entries")
        self.size = size


class BadRequest(Rejected):
    code = "bad_request"


class BadSignature(Rejected):
    code = "bad_signature"


class BadProof(Rejected):
    code = "bad_proof"


class SplitView(BadProof):
    """Two trees of one size, both signed by the log. The request is the evidence: keep it."""

    code = "split_view"


def origin_of(request: AddCheckpoint) -> str:
    """The origin it claims, unverified: only to find the key and the state."""
    return request.note.text.split("\n", 1)[0]


def decide(
    request: AddCheckpoint, logs: Mapping[str, VerifierKey], last: Checkpoint | None
) -> Checkpoint:
    """The checkpoint to cosign, or the refusal that the protocol names, in its order.

    `logs` by origin; `last` is what was cosigned last for that origin.
    """
    origin = origin_of(request)
    if origin not in logs:
        raise Unknown(f"no log {origin[:60]!r} is known here")
    try:
        check_note(request.note, logs[origin])
    except Rejected as error:
        raise BadSignature(str(error)) from None
    except Malformed as error:
        # The protocol counts a wrong root of nothing among the proofs that fail.
        if request.note.text.split("\n")[1] == "0":
            raise BadProof(str(error)) from None
        raise
    try:
        checkpoint = open_checkpoint(request.note, logs[origin])
    except Rejected as error:
        raise BadProof(str(error)) from None
    size = last.size if last is not None else 0
    if request.old_size > checkpoint.size:
        raise BadRequest(f"old size {request.old_size} is beyond {checkpoint.size}")
    if request.old_size != size:
        raise StaleSize(size)
    if last is None or size == 0:
        if request.proof:
            raise BadProof("from size 0 there is nothing to prove")
        return checkpoint
    if size == checkpoint.size and last.root != checkpoint.root:
        raise SplitView(f"two trees of {size} entries were signed by {origin!r}")
    try:
        check_consistency(size, checkpoint.size, last.root, checkpoint.root, request.proof)
    except Rejected as error:
        raise BadProof(str(error)) from None
    return checkpoint
