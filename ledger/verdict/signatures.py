"""Signatures: each statement by keys that the registrar had named before.

The register is read first. It also says which keys of the trust folder no longer count, and so
what a quorum had seen, and when.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from ledger.encoding import printable
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.evidence.packet import Place
from ledger.evidence.register import Disowned, Register
from ledger.evidence.statement import Kind, Role
from ledger.process.sequence import check_end, open_closing
from ledger.report import Finding, Outcome, milliseconds_text, seconds_text
from ledger.verdict.examination import Examination, View, all_good, failed, not_checked
from ledger.verdict.quorums import count_quorums, of_the_ledger
from ledger.verdict.withdrawn import counted


def signatures(ex: Examination) -> Iterator[Finding]:
    register = Register(ex.trust.registrar, ex.trust.keys)
    ex.register = register
    good = 0
    shown = ex.shown()
    for view, statement in shown:
        if statement.kind is not Kind.REGISTER or view.envelope is None:
            continue
        try:
            register.add(ex.position(view.place), statement, view.envelope)
            good += 1
        except (Malformed, Rejected) as error:
            view.statement = None
            yield failed("signature", view.place.to_text(), error)
        except Unavailable as error:
            # Whose keys count is not known then: no signature here can be judged.
            yield not_checked("signature", view.place.to_text(), error)
            yield from count_quorums(ex, register)
            return
    yield from count_quorums(ex, register)
    for view, statement in shown:
        if statement.kind is Kind.REGISTER or view.envelope is None:
            continue
        try:
            view.signers = register.open(
                ex.position(view.place), statement, view.envelope, view.quorum_time
            )
            yield from _signed_in(ex, view)
            good += 1
        except Disowned as error:
            yield from _disowned(ex, view, error)
        except (Malformed, Rejected) as error:
            view.statement = None
            yield failed("signature", view.place.to_text(), error)
        except Unavailable as error:
            yield not_checked("signature", view.place.to_text(), error)
    yield from _suites(ex)
    yield from _enrolment(ex, register)
    yield from _ends(ex)
    yield from _ended_series(ex)
    yield from all_good("signature", good, "statements")


def _disowned(ex: Examination, view: View, error: Disowned) -> Iterator[Finding]:
    """Owner or thief may have signed it: told with all that a court weighs it by.

    On what the ledger says of itself nothing rests, so that lowers no verdict.
    """
    view.disowned = True
    outcome, counts = Outcome.UNDECIDED, "counts for nothing"
    if of_the_ledger(view):
        outcome, counts = Outcome.PASSED, "undecided, and nothing rests on it"
    seen = _seen(view)
    for theft in error.thefts:
        place = Place(ex.trust.logs[theft.position[0]].label, theft.position[1])
        seen_telling = _seen(ex.views[place])
        detail = (
            f"{counts}: {seen}, signed by {theft.key.keyid}, of which entry "
            f"{place.to_text()}, {seen_telling}, says that it was compromised since "
            f"{milliseconds_text(theft.compromised_ms)}"
        )
        yield Finding("signature", outcome, view.place.to_text(), detail)


def _seen(view: View) -> str:
    at = view.quorum_time
    return "seen by no quorum" if at is None else f"seen at {seconds_text(at)}"


def _enrolment(ex: Examination, register: Register) -> Iterator[Finding]:
    """The opening of the log, where shown, must enrol what the trust folder holds."""
    for place, opening in register.openings:
        label = ex.trust.logs[place[0]].label
        log = ex.trust.logs[place[0]].policy.log
        series_keys = {year: key.fingerprint for year, key in ex.trust.series.items()}
        enrolled = dict(opening.predicate["series"])
        same = opening.predicate["log"] == log.to_text() and all(
            series_keys.get(year) == print_ for year, print_ in enrolled.items()
        )
        if not same or opening.predicate["registrar"] != ex.trust.registrar.to_text():
            detail = "the opening of the log enrols other keys than your trust folder holds"
            yield Finding("signature", Outcome.FAILED, f"{label}-{place[1]}", detail)


def _ends(ex: Examination) -> Iterator[Finding]:
    """Each log but the last has ended, where the first entry of the next one says."""
    for log, following in pairwise(ex.trust.logs):
        cosigned, view = ex.checkpoints.get(log.label), ex.views.get(Place(following.label, 0))
        if cosigned is None:
            continue
        about = ex.layout.checkpoints[log.label]
        if view is None or view.statement is None:
            detail = "your trust folder has a later log, and where this one ended is not shown"
            yield Finding("checkpoint", Outcome.UNDECIDED, about, detail)
            continue
        try:
            signed = ex.hold(log, open_closing(view.statement).note)
            end = ex.see(log, signed)
            check_end(end.checkpoint, cosigned.checkpoint)
        except (Malformed, Rejected) as error:
            yield failed("checkpoint", about, error)
            continue
        ex.ends[log.label] = end.checkpoint.size
        # Of a log whose own key was stolen the next one says it, under a key of its own.
        told = counted(signed, log, tuple(w for w in ex.gone if w.role is not Role.LOG))
        if end.quorum_time is None and told.quorum_time is not None:
            end = replace(told, quorum_time=view.quorum_time)
            ex.checkpoints[log.label] = end
        if end.quorum_time is None:
            detail = "no quorum has seen where this log ended"
            yield Finding("checkpoint", Outcome.UNDECIDED, about, detail)
            continue
        detail = (
            f"this log ended with {end.checkpoint.size} entries, as {view.place.to_text()} says"
        )
        yield Finding("checkpoint", Outcome.PASSED, about, detail)


def _ended_series(ex: Examination) -> Iterator[Finding]:
    """What the registrar says of series keys: nothing falls with one."""
    for view, statement in ex.shown():
        said = statement.predicate
        if statement.kind is not Kind.REGISTER or not {"series", "revoked"} <= said.keys():
            continue
        for year in said["series"]:
            detail = (
                f"the series key of {year} ended ({printable(said['revoked'])}): whoever has it "
                "can tell which entries belong together, and makes no second series"
            )
            yield Finding("signature", Outcome.PASSED, view.place.to_text(), detail)


def _signed_in(ex: Examination, view: View) -> Iterator[Finding]:
    """Where persons signed in suites that the trust folder does not believe."""
    for signer in view.signers:
        # The ledger's own word is the operator's, in whatever suite: nothing rests on it.
        if signer.role is not Role.LEDGER and (why := ex.trust.suites.check_signer(signer)):
            yield Finding("signature", Outcome.UNDECIDED, view.place.to_text(), why)


def _suites(ex: Examination) -> Iterator[Finding]:
    if why := ex.trust.suites.check_registrar(ex.trust.registrar):
        yield Finding("signature", Outcome.UNDECIDED, "trust/suites", why)
    if detail := ex.trust.suites.finding():
        yield Finding("signature", Outcome.PASSED, "trust/suites", detail)
