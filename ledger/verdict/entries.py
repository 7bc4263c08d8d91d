"""Entries: proved to stand in checkpoints of the verifier's logs, and opened."""

from collections import defaultdict
from collections.abc import Iterator

from ledger.errors import Malformed, Rejected
from ledger.evidence.entry import Entry, check_commitment
from ledger.evidence.envelope import Envelope
from ledger.evidence.packet import Place
from ledger.evidence.statement import Statement
from ledger.report import Finding, Outcome
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Cosigned
from ledger.tlog.receipt import Receipt
from ledger.verdict.examination import Examination, View, all_good, failed


def checkpoints(ex: Examination) -> Iterator[Finding]:
    """That each is one of a log of the verifier's; who has seen it follows with the register."""
    for label, path in ex.layout.checkpoints.items():
        log = ex.trust.log(label)
        if log is None:
            yield Finding("checkpoint", Outcome.FAILED, path, "no such log in your trust folder")
            continue
        try:
            ex.signed[label] = ex.hold(log, SignedNote.from_bytes(ex.read(path)))
        except (Malformed, Rejected) as error:
            yield failed("checkpoint", path, error)
    if not ex.layout.checkpoints:
        yield Finding("checkpoint", Outcome.UNDECIDED, "packet", "the packet has no checkpoint")


def inclusion(ex: Examination) -> Iterator[Finding]:
    opened: dict[tuple[str, str], Cosigned] = {}
    proofs: defaultdict[Place, list[tuple[int, str]]] = defaultdict(list)
    for (place, size), path in ex.layout.proofs.items():
        proofs[place].append((size, path))
    for place in sorted(proofs.keys() - ex.layout.entries.keys()):
        yield Finding("inclusion", Outcome.FAILED, proofs[place][0][1], "no such entry here")
    good = 0
    for place, path in sorted(ex.layout.entries.items()):
        if place.log not in ex.signed:
            yield Finding("inclusion", Outcome.FAILED, path, "no sound checkpoint of its log here")
            continue
        try:
            entry = Entry.from_bytes(ex.read(path))
            found = tuple(
                _prove(ex, place, entry, size, proof, opened)
                for size, proof in sorted(proofs[place])
            )
            final = ex.signed[place.log].checkpoint
            if not any(cosigned.checkpoint == final for cosigned in found):
                raise Rejected(f"no proof to the packet checkpoint of size {final.size}")
        except (Malformed, Rejected) as error:
            yield failed("inclusion", path, error)
            continue
        ex.views[place] = View(place, entry, found)
        good += 1
    yield from all_good("inclusion", good, "entries")


def commitments(ex: Examination) -> Iterator[Finding]:
    good = 0
    for place in sorted(ex.layout.envelopes.keys() | ex.layout.salts.keys()):
        about = ex.layout.envelopes.get(place) or ex.layout.salts[place]
        try:
            if place not in ex.layout.envelopes or place not in ex.layout.salts:
                raise Rejected("statement and salt belong together")
            if place not in ex.layout.entries:
                raise Rejected("the statement has no entry here")
            view = ex.views.get(place)
            if view is None:
                continue  # its entry has failed already
            data, salt = ex.read(about), ex.read(ex.layout.salts[place])
            check_commitment(view.entry, salt, data)
            view.envelope = Envelope.from_bytes(data)
            view.statement = Statement.from_bytes(view.envelope.payload)
            view.salt = salt
        except (Malformed, Rejected) as error:
            yield failed("commitment", about, error)
            continue
        good += 1
    yield from all_good("commitment", good, "statements")


def _prove(
    ex: Examination,
    place: Place,
    entry: Entry,
    size: int,
    path: str,
    opened: dict[tuple[str, str], Cosigned],
) -> Cosigned:
    receipt = Receipt.from_bytes(ex.read(path))
    if receipt.extra is not None:
        raise Malformed("want no extra line", path=path)
    if receipt.index != place.index:
        raise Rejected(f"{path} is a proof for index {receipt.index}")
    key = (place.log, receipt.note)
    # Thousands of proofs end in the same note: its signatures are checked once.
    if key not in opened:
        opened[key] = ex.hold(ex.log_of(place.log), SignedNote.from_text(receipt.note))
    cosigned = receipt.check(entry.leaf_hash(), opened[key])
    if cosigned.checkpoint.size != size:
        raise Rejected(f"{path} is a proof to size {cosigned.checkpoint.size}")
    final = ex.signed[place.log].checkpoint
    if size > final.size:
        raise Rejected(f"{path} is beyond the packet checkpoint of size {final.size}")
    return cosigned
