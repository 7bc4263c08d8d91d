"""What quorums had seen, once the register has said whose keys still count.

Nothing before this step has used a time of a cosigner.
"""

from collections.abc import Iterator

from ledger.evidence.entry import MINUTE_MS
from ledger.evidence.packet import Place, Tree
from ledger.evidence.register import Position, Register
from ledger.evidence.statement import Kind, Role, is_state
from ledger.report import Finding, Outcome, milliseconds_text
from ledger.tlog.policy import Cosigned
from ledger.verdict.examination import Examination, View
from ledger.verdict.withdrawn import withdrawals


def count_quorums(ex: Examination, register: Register) -> Iterator[Finding]:
    places = {ex.position(place): place for place in ex.views}
    trees = _trees(ex)

    def told(position: Position) -> int | None:
        place = places[position]
        label, index = place.log, place.index
        times = [time for (log, size), time in trees.items() if log == label and size > index]
        ends = ex.views[place].entry.at + MINUTE_MS
        return min(min(times) * 1000, ends) if times else None

    ex.gone = withdrawals(register.trusted, ex.trust, told)
    for label, signed in ex.signed.items():
        log = ex.log_of(label)
        ex.checkpoints[label] = ex.see(log, signed)
        path = ex.layout.checkpoints[label]
        yield _quorum(path, signed, ex.checkpoints[label], log.policy.overlap)
    for view in ex.views.values():
        log = ex.log_of(view.place.log)
        view.proofs = tuple(ex.see(log, proof) for proof in view.signed)
    yield from _withdrawn(ex, places)


def _trees(ex: Examination) -> dict[Tree, int]:
    """When a quorum had seen each tree that is shown, with all cosignatures there are."""
    found: dict[Tree, int] = {}
    signed = [(label, one) for label, one in ex.signed.items()]
    signed += [(view.place.log, one) for view in ex.views.values() for one in view.signed]
    for label, one in signed:
        if one.quorum_time is not None:
            tree = label, one.checkpoint.size
            found[tree] = min(one.quorum_time, found.get(tree, one.quorum_time))
    return found


def _quorum(path: str, signed: Cosigned, counted: Cosigned, overlap: int) -> Finding:
    names = ", ".join(sorted(counted.times)) or "nobody"
    if overlap < 1:
        detail = "your policy lets two sets of cosigners sign two histories"
        return Finding("checkpoint", Outcome.UNDECIDED, path, detail)
    if signed.quorum_time is None:
        return Finding("checkpoint", Outcome.UNDECIDED, path, f"no quorum: cosigned by {names}")
    if counted.quorum_time is None:
        # What each entry still has is said of the entry.
        detail = "its quorum no longer counts: earlier ones may, for the entries that they saw"
        return Finding("checkpoint", Outcome.PASSED, path, detail)
    detail = f"cosigned by {names}; two histories are possible only if {overlap} of them collude"
    return Finding("checkpoint", Outcome.PASSED, path, detail)


def _withdrawn(ex: Examination, places: dict[tuple[int, int], Place]) -> Iterator[Finding]:
    """What the register takes from keys of the trust folder. It lowers a verdict, or nothing."""
    for w in ex.gone:
        detail = f"the {w.role} key {w.keyid} does not count since {milliseconds_text(w.since_ms)}"
        yield Finding("signature", Outcome.PASSED, places[w.position].to_text(), detail)
    told = {w.position for w in ex.gone}
    for position, place in sorted(places.items()) if ex.gone else ():
        view = ex.views[place]
        if position in told:
            continue
        unseen = view.claimed_time is not None and view.quorum_time is None
        if unseen and not of_the_ledger(view):
            detail = "without keys that no longer counted no quorum had seen it"
            yield Finding("checkpoint", Outcome.UNDECIDED, place.to_text(), detail)
        if _by_registrar(view) and any(
            w.role is Role.REGISTRAR and not w.before(view.quorum_time) for w in ex.gone
        ):
            detail = "registered when the registrar's key no longer counted"
            yield Finding("signature", Outcome.UNDECIDED, place.to_text(), detail)


def of_the_ledger(view: View) -> bool:
    """Who read, and how the ledger stood: the operator's own word, on which no item rests."""
    said = view.statement
    return said is not None and (said.kind is Kind.CUSTODY or is_state(said))


def _by_registrar(view: View) -> bool:
    return view.statement is not None and view.statement.kind is Kind.REGISTER
