"""The decisions of a cosigner: add-checkpoint and sign-subtree of c2sp.org/tlog-witness.

The text of 2026, after v1.0.0: `old` equal to the size with another root is 422.

Pure: the caller stores the new state, comparing the old one in the same statement,
before the signature leaves (invariant 6 in `log`). The one thing a cosigner
promises is never to sign two trees of one log of which neither begins the other.
"""

from collections.abc import Iterable, Mapping

from ledger.errors import Conflict, Malformed, Rejected, Unknown
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.consistency import check_consistency, check_subtree, check_subtree_consistency
from ledger.tlog.cosignature import check_cosignature
from ledger.tlog.note import SignedNote, VerifierKey, check_note
from ledger.tlog.submission import AddCheckpoint, SignSubtree


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


class Forgotten(Rejected):
    """It once signed more than it remembers: from here on it could sign a second history."""

    code = "forgotten"


def origin_of(request: AddCheckpoint | SignSubtree) -> str:
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


def decide_subtree(
    request: SignSubtree, logs: Mapping[str, VerifierKey], own: Iterable[VerifierKey]
) -> None:
    """Raises the refusal that the protocol names, in its order, or the subtree may be signed.

    It needs no state: what is asked about was cosigned by one of the `own` keys.
    """
    origin = origin_of(request)
    checkpoint = Checkpoint.from_text(request.note.text)
    try:
        check_subtree(request.start, request.end)
    except Rejected as error:
        raise BadRequest(str(error)) from None
    if request.end > checkpoint.size:
        raise BadRequest(f"[{request.start}, {request.end}) is beyond {checkpoint.size}")
    if origin not in logs:
        raise Unknown(f"no log {origin[:60]!r} is known here")
    if not any(_signed(request.note, checkpoint, key) for key in own):
        raise BadSignature("this checkpoint was not cosigned here")
    try:
        check_subtree_consistency(
            request.start,
            request.end,
            checkpoint.size,
            request.subtree,
            checkpoint.root,
            request.proof,
        )
    except Rejected as error:
        raise BadProof(str(error)) from None


def check_memory(
    note: SignedNote, log: VerifierKey, own: Iterable[VerifierKey], last: Checkpoint | None
) -> None:
    """Raises `Forgotten` if `note` shows that a key of `own` signed more than `last`.

    Whoever restores an old state asks this of every checkpoint that he can find. A note that
    the log did not sign, or whose cosignature does not hold, shows nothing.
    """
    try:
        checkpoint = open_checkpoint(note, log)
    except (Malformed, Rejected):
        return
    size = 0 if last is None else last.size
    if checkpoint.size < size or checkpoint == last:
        return
    for key in own:
        if _signed(note, checkpoint, key):
            raise Forgotten(
                f"{key.keyid} cosigned a tree of {checkpoint.size} entries of {log.name!r},"
                f" and its state knows of {size}",
                hints=("its state is old or another's: go on under a new key only",),
            )


def _signed(note: SignedNote, checkpoint: Checkpoint, key: VerifierKey) -> bool:
    try:
        return check_cosignature(note, checkpoint, key) is not None
    except Rejected:
        return False
