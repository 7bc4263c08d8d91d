"""Order and time: what was fixed before the decision, and since when each entry has existed."""

from collections.abc import Iterator

from ledger.encoding import format_time
from ledger.evidence.packet import Place
from ledger.evidence.statement import After, Kind, Stage, Statement
from ledger.process.fence import Decision, Fixed, Order, order
from ledger.report import Finding, Outcome, seconds_text
from ledger.tlog.checkpoint import Checkpoint
from ledger.verdict.examination import Examination, View, all_good, whose
from ledger.verdict.stamps import open_stamps, stamp_findings

LATE_S = 600  # a first quorum time later than this after `at` is worth a sentence
MAX_DECISIONS = 32  # each is held against every item: a case has one, or one for each party
SUPPORTS_NO_DECISION = (Stage.SERVE, Stage.ENFORCE)  # their evidence comes after it by nature


def fence(ex: Examination) -> Iterator[Finding]:
    disowned = ex.decisions(disowned=True)
    for place, decision in disowned:
        detail = f"decision {place.to_text()} dated {decision.day} counts for nothing"
        yield Finding("fence", Outcome.UNDECIDED, ex.index.case, detail)
    # Where none counts, what was fixed before it is shown all the same: so none makes it vanish.
    decisions = ex.decisions() or disowned
    if not decisions:
        yield Finding("fence", Outcome.UNDECIDED, ex.index.case, "no decision in the packet")
        return
    if len(decisions) > MAX_DECISIONS:
        detail = f"{len(decisions)} decisions: items are held against the first {MAX_DECISIONS}"
        yield Finding("fence", Outcome.UNDECIDED, ex.index.case, detail)
        decisions = decisions[:MAX_DECISIONS]
    for view, statement in ex.shown():
        # An act's documents count as well: a record made up later may call itself one.
        # What was made from an item later is no evidence of its own.
        if not statement.items or statement.kind is Kind.DERIVATION:
            continue
        if not view.signers and not view.disowned:
            yield Finding("fence", Outcome.UNDECIDED, view.place.to_text(), whose(view))
            continue
        for place, decision in decisions:
            # So may one in a second decision: its documents are held against those before it.
            if statement.is_decision and ex.position(place) >= ex.position(view.place):
                continue
            yield _held_against(ex, view, statement, place, decision)


def _held_against(
    ex: Examination, view: View, statement: Statement, place: Place, decision: Decision
) -> Finding:
    found = _order(ex, view, decision)
    # With several decisions the list shows the order to the first.
    ex.orders.setdefault(view.place, found)
    about = view.place.to_text()
    detail = f"{found} decision {place.to_text()} dated {decision.day}"
    if view.disowned or ex.views[place].disowned:
        detail = f"{found} decision {place.to_text()} dated {decision.day}: not both of them count"
        return Finding("fence", Outcome.UNDECIDED, about, detail)
    by_nature = found is Order.AFTER and statement.stage in SUPPORTS_NO_DECISION
    passed = found is Order.BEFORE or by_nature
    if by_nature:
        detail += ": by its own label it supports no decision"
    return Finding("fence", Outcome.PASSED if passed else Outcome.UNDECIDED, about, detail)


def _order(ex: Examination, view: View, decision: Decision) -> Order:
    number = ex.position(view.place)[0]
    proofs = [
        Fixed(number, p.checkpoint.size, p.quorum_time)
        for p in view.proofs
        if p.quorum_time is not None
    ]
    return order(ex.position(view.place), proofs, decision)


def times(ex: Examination) -> Iterator[Finding]:
    latest: dict[str, int] = {}
    for place, view in sorted(ex.views.items()):
        if view.entry.at < latest.get(place.log, 0):
            detail = "the ledger's own time runs backwards here"
            yield Finding("time", Outcome.FAILED, place.to_text(), detail)
        latest[place.log] = view.entry.at
    origins = {log.label: log.origin for log in ex.trust.logs}
    texts = {
        (label, size): Checkpoint(origins[label], size, root).to_text().encode()
        for (label, size), root in ex.roots.items()
    }
    for stamp in open_stamps(ex.layout, ex.trust, texts, ex.read):
        ex.stamped.setdefault(stamp.tree, []).append(stamp)
    yield from stamp_findings(ex.stamps, ex.layout, ex.seen)
    good = 0
    for view, statement in ex.shown():
        problems = list(_time_problems(ex, view, statement))
        yield from problems
        good += not problems
    yield from all_good("time", good, "statements")


def _time_problems(ex: Examination, view: View, statement: Statement) -> Iterator[Finding]:
    about = view.place.to_text()
    fixed, claimed = view.quorum_time, view.claimed_time
    if fixed is None or claimed is None:
        yield Finding("time", Outcome.UNDECIDED, about, "no quorum has seen it yet")
        return
    accepted = view.entry.at // 1000
    if fixed - accepted > LATE_S:
        detail = f"late witnessed: {fixed - accepted} s after the ledger says it accepted it"
        yield Finding("time", Outcome.UNDECIDED, about, detail)
    # The earliest time that anything here claims: a key withdrawn later takes no doubt away.
    if accepted - claimed > LATE_S:
        detail = f"the ledger says {format_time(view.entry.at)}, the quorum {seconds_text(claimed)}"
        yield Finding("time", Outcome.UNDECIDED, about, detail)
    occurred = statement.occurred
    if occurred is not None and occurred.start_ms // 1000 > claimed + LATE_S:
        detail = f"claims to have begun at {occurred.start_text}, after it was fixed"
        yield Finding("time", Outcome.UNDECIDED, about, detail)
    if (after := statement.after) and (detail := _after_problem(ex, view, after)):
        # A thief writes what he likes: what counts for nothing fails nothing.
        outcome = Outcome.UNDECIDED if view.disowned else Outcome.FAILED
        yield Finding("time", outcome, about, detail)


def _after_problem(ex: Examination, view: View, after: After) -> str:
    """What is wrong with what a signer had checked, as far as the packet shows; else nothing."""
    log = next((log for log in ex.trust.logs if log.origin == after.origin), None)
    if log is None:
        return f"claims to follow the log {after.origin!r}, which your trust folder does not know"
    if ex.position(Place(log.label, after.size)) > ex.position(view.place):
        return f"claims to follow a tree of {after.size} entries of {log.label}"
    if after.size > ex.ends.get(log.label, after.size):
        return f"claims to follow a tree of {after.size} entries of {log.label}, which had ended"
    if ex.roots.get((log.label, after.size), after.root) != after.root:
        return f"its signer had checked another history of {after.size} entries"
    return ""
