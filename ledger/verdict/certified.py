"""The steps of a verdict about notarial certificates, in a packet or presented beside it.

A certificate is a PDF; it counts only if a statement of two notaries that is shown here, and so
is logged, has its digests. One that nobody logged is "not registered", however well it is
sealed. A certificate has a series of its own, of which number 1 issues it: whoever has that
series and today's log sees that a number 2 exists, and need not be shown what it says. Who
withholds number 2 from a packet has numbered it there.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from ledger.encoding import printable
from ledger.errors import Malformed, Rejected, Unknown
from ledger.evidence.entry import Entry
from ledger.evidence.membership import certificate_series
from ledger.evidence.place import Place
from ledger.evidence.statement import Kind, Statement, StatementSubject
from ledger.evidence.trust import TrustedLog
from ledger.report import Finding, Outcome, seconds_text
from ledger.tlog.audit import read_log
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Cosigned
from ledger.verdict.examination import Examination, PublicLog, View
from ledger.verdict.withdrawn import counted

Issue = tuple[View, Statement]


def registered(ex: Examination) -> Iterator[Finding]:
    issues = [(v, s) for v, s in ex.shown() if s.kind is Kind.CERTIFICATE and s.files]
    for path, digest in ex.certificates.items():
        plain = replace(digest, sm3=b"")
        found = [i for i in issues if replace(i[1].files[0].digest, sm3=b"") == plain]
        if not found:
            detail = "not registered: no statement in this packet issues this certificate"
            yield Finding("certificate", Outcome.FAILED, path, detail)
            continue
        # One that counts for nothing takes no other's place.
        view, statement = next((i for i in reversed(found) if not i[0].disowned), found[-1])
        if not view.signers:
            detail = "whose signatures are under its statement was not checked"
            if view.disowned:
                detail = "the statement that issues it counts for nothing"
            yield Finding("certificate", Outcome.UNDECIDED, path, detail)
            continue
        ex.issued[path] = (view, statement)
        number = printable(statement.predicate["number"])
        if (taken_back := _revocation(ex, (view, statement))) is not None:
            if taken_back[0].disowned:
                detail = f"certificate {number} was revoked by what counts for nothing"
                yield Finding("certificate", Outcome.UNDECIDED, path, detail)
                continue
            when, why = seconds_text(taken_back[0].quorum_time), taken_back[1].predicate["revoked"]
            detail = f"certificate {number} was revoked, seen by the quorum at {when}: {why}"
            yield Finding("certificate", Outcome.FAILED, path, detail)
            continue
        detail = f"certificate {number} of {statement.agency}, issued by {view.signed_by}"
        yield Finding("certificate", Outcome.PASSED, path, detail)
    for issue in issues:
        taken_back = None if issue in ex.issued.values() else _revocation(ex, issue)
        if taken_back is not None and not taken_back[0].disowned:
            number = printable(issue[1].predicate["number"])
            detail = f"certificate {number} was revoked, and is not presented"
            yield Finding("certificate", Outcome.PASSED, issue[0].place.to_text(), detail)
    if not ex.certificates:
        yield Finding("certificate", Outcome.PASSED, "packet", "0 certificates")


def unrevoked(ex: Examination) -> Iterator[Finding]:
    """Up to the logs' latest checkpoints, which may be years later than the packet's."""
    if not ex.issued:
        yield Finding("revoked", Outcome.PASSED, "packet", "0 certificates")
        return
    for path, place in (hidden := _hidden(ex)).items():
        yield _later(path, place.log, place.index)
    doubted = [path for path in ex.issued if path not in hidden and _is_doubted(ex, path)]
    for path in doubted:
        detail = "a statement about this certificate counts for nothing"
        yield Finding("revoked", Outcome.UNDECIDED, path, detail)
    rest = [path for path in ex.issued if path not in hidden and path not in doubted]
    if ex.log is None:
        yield from (_by_mirrors(ex, path) for path in rest)
        return
    try:
        as_of, found = _look(ex, ex.log)
    except Unknown as error:
        detail = f"your copy of the log has a hole: {error}"
        yield Finding("revoked", Outcome.UNDECIDED, "packet", detail)
        return
    except (Malformed, Rejected) as error:
        yield Finding("revoked", Outcome.FAILED, "packet", str(error))
        return
    for path in rest:
        if path in found:
            yield _later(path, *found[path])
        else:
            yield Finding("revoked", Outcome.PASSED, path, f"not revoked as of {as_of}")


def _hidden(ex: Examination) -> dict[str, Place]:
    """By path, a later statement of its series that the packet numbers and does not show."""
    found: dict[str, Place] = {}
    for path, (_, statement) in ex.issued.items():
        numbers = ex.series[certificate_series(statement.id, ex.trust.first_year)].numbers
        unshown = (place for place in numbers if ex.views[place].statement is None)
        if (place := next(unshown, None)) is not None:
            found[path] = place
    return found


def _is_doubted(ex: Examination, path: str) -> bool:
    """A later statement of its series is shown, and counts for nothing."""
    view, statement = ex.issued[path]
    numbers = ex.series[certificate_series(statement.id, ex.trust.first_year)].numbers
    return any(ex.views[place].disowned for place in numbers if place != view.place)


def _later(path: str, label: str, index: int) -> Finding:
    detail = f"entry {index} of log {label} is about this certificate: it was revoked"
    return Finding("revoked", Outcome.FAILED, path, detail)


def _by_mirrors(ex: Examination, path: str) -> Finding:
    """Up to the packet's own checkpoints, on the word of mirrors of the trust folder."""
    view, statement = ex.issued[path]
    name = certificate_series(statement.id, ex.trust.first_year)
    vouched = ex.heard().vouched
    labels = [log.label for log in ex.trust.logs]
    # A log that the packet leaves out is where it may have been taken back.
    since = labels[labels.index(view.place.log) :]
    if not all(vouched.get((label, name)) for label in since):
        detail = "no copy of the public log was given (--log)"
        return Finding("revoked", Outcome.UNDECIDED, path, detail)
    if any(ex.checkpoints[label].quorum_time is None for label in since):
        detail = "the checkpoint has no quorum"
        return Finding("revoked", Outcome.UNDECIDED, path, detail)
    as_of = seconds_text(ex.checkpoints[since[-1]].quorum_time)
    return Finding("revoked", Outcome.PASSED, path, f"not revoked as of {as_of}")


def _revocation(ex: Examination, issue: Issue) -> Issue | None:
    """What takes this certificate back: said by the same office, about this very statement.
    First what counts."""
    view, statement = issue
    subject = StatementSubject(statement.id, view.entry.commitment)
    found = [
        (other, said)
        for other, said in ex.shown()
        if said.kind is Kind.CERTIFICATE and said.agency == statement.agency
        if "revoked" in said.predicate and said.subjects == (subject,)
    ]
    return min(found, key=lambda one: one[0].disowned, default=None)


def _look(ex: Examination, log: PublicLog) -> tuple[str, dict[str, tuple[str, int]]]:
    """When a quorum had seen the latest checkpoint; by path, where a later statement stands."""
    later: dict[bytes, str] = {}
    for path, (_, statement) in ex.issued.items():
        opened = ex.series[certificate_series(statement.id, ex.trust.first_year)].opened
        later |= dict.fromkeys(opened.beyond(1), path)
    labels = [trusted.label for trusted in ex.trust.logs]
    first = min(labels.index(view.place.log) for view, _ in ex.issued.values())
    as_of = ""
    found: dict[str, tuple[str, int]] = {}
    for trusted in ex.trust.logs[first:]:
        label = trusted.label
        cosigned = _today(ex, log, trusted)
        as_of = seconds_text(cosigned.quorum_time)
        hits: list[tuple[str, int]] = []
        for start, entries in read_log(partial(log.read, label), cosigned.checkpoint, tiles=False):
            for index, data in enumerate(entries, start):
                tags = Entry.from_bytes(data).tags
                hits += [(later[tag], index) for tag in tags if tag in later]
        # Nothing counts before the root was recomputed.
        found |= {path: (label, index) for path, index in hits}
    return as_of, found


def _today(ex: Examination, log: PublicLog, trusted: TrustedLog) -> Cosigned:
    """The copy's own checkpoint: of the packet's history, not older, and within the log's end."""
    note = SignedNote.from_bytes(log.read(trusted.label, "checkpoint"))
    cosigned = counted(ex.open_note(trusted, note), trusted, ex.gone)
    size, root = cosigned.checkpoint.size, cosigned.checkpoint.root
    if size > (end := ex.ends.get(trusted.label, size)):
        raise Rejected(f"a checkpoint of {size} entries of a log that ended with {end}")
    if ex.roots.get((trusted.label, size), root) != root:
        raise Rejected(f"two checkpoints of size {size} differ: the log has two histories")
    shown = ex.checkpoints.get(trusted.label)
    if shown is not None and size < shown.checkpoint.size:
        raise Unknown(f"it ends before the packet does, at {size} entries")
    if cosigned.quorum_time is None:
        raise Unknown(f"its checkpoint of {trusted.label} has no quorum")
    return cosigned
