"""Items and the case: the bytes are those that were fixed, and all is about one case."""

from collections import defaultdict
from collections.abc import Iterator

from ledger import abreast
from ledger.errors import Malformed, Rejected
from ledger.evidence.case_number import check_spelling, is_plain, is_spelled
from ledger.evidence.chunks import ItemDigest, ItemHasher
from ledger.evidence.membership import case_series, provisional_series
from ledger.evidence.statement import OPENING, FileSubject, Kind, Statement
from ledger.report import Finding, Outcome
from ledger.verdict.examination import Examination, View, failed


def items(ex: Examination) -> Iterator[Finding]:
    wanted: defaultdict[bytes, list[tuple[View, FileSubject]]] = defaultdict(list)
    for view, statement in ex.shown():
        for subject in statement.items:
            wanted[subject.digest.sha256].append((view, subject))
    good = 0
    for path, found in ex.item_digests.items():
        said = wanted.get(found.sha256, [])
        try:
            if not said:
                raise Rejected("no statement in this packet speaks of these bytes")
            if any(subject.digest.sm3 for _, subject in said):
                found = _with_sm3(ex, path)
            # A thief writes what he likes: what counts for nothing fails nothing.
            fitting = [s for view, s in said if not view.disowned or _fits(s.digest, found)]
            for subject in fitting:
                subject.digest.check(found)
                if why := ex.trust.suites.check_item(subject.digest):
                    yield Finding("item", Outcome.UNDECIDED, path, why)
                ex.item_of[subject] = path
            if not fitting:
                detail = "what counts for nothing speaks of these bytes, and has other digests"
                yield Finding("item", Outcome.UNDECIDED, path, detail)
            good += bool(fitting)
        except (Malformed, Rejected) as error:
            yield failed("item", path, error)
    if good or not ex.layout.items:
        yield Finding("item", Outcome.PASSED, "packet", f"{good} items")


def _fits(digest: ItemDigest, found: ItemDigest) -> bool:
    try:
        digest.check(found)
    except Rejected:
        return False
    return True


def _with_sm3(ex: Examination, path: str) -> ItemDigest:
    hasher = ItemHasher(sm3=True)
    abreast.feed(ex.packet.stream(path), hasher.parts)
    return hasher.finish()


def case(ex: Examination) -> Iterator[Finding]:
    number = ex.index.case
    name = case_series(number, ex.trust.first_year)
    if ex.layout.envelopes and name not in ex.series:
        yield Finding("case", Outcome.FAILED, number, "the packet has no series of this case")
        return
    names, linked = {name, *_grown(ex, disowned=False)}, set(_grown(ex, disowned=True))
    good = bad = 0
    for view, statement in ex.shown():
        if statement.kind in (Kind.REGISTER, Kind.RENEWAL, Kind.STATUS):
            continue
        try:
            if statement.kind is Kind.CUSTODY:
                _check_custody(view, names | linked)
                continue
            own = _check_case(ex, view, statement, names | linked)
            if not own & names:
                detail = "of this case only by a statement that counts for nothing"
                yield Finding("case", Outcome.UNDECIDED, view.place.to_text(), detail)
            good += 1
        except (Malformed, Rejected) as error:
            bad += 1
            yield failed("case", view.place.to_text(), error)
    if bad:
        return
    if not good:
        yield Finding("case", Outcome.UNDECIDED, number, "no statement of this case is shown")
        return
    templates = ex.register.case_numbers() if ex.register is not None else ()
    if is_spelled(number, templates):
        yield Finding("case", Outcome.PASSED, number, "spelled as registered")
    elif is_plain(number):
        detail = "its agency's spelling is not in the packet"
        yield Finding("case", Outcome.PASSED, number, detail)
    else:
        detail = "no agency's spelling here covers this number, which may only look like another"
        yield Finding("case", Outcome.UNDECIDED, number, detail)


def _grown(ex: Examination, *, disowned: bool) -> Iterator[str]:
    """The provisional series from which this case grew, by what counts or by what does not."""
    for view, statement in ex.shown():
        opened = statement.predicate.get("provisional")
        if opened and statement.case == ex.index.case and view.disowned is disowned:
            yield provisional_series(opened, ex.trust.first_year)


def _check_custody(view: View, names: set[str]) -> None:
    """Who read another case is not for the readers of this one. Years are those of two series."""
    if not {name[5:].removeprefix("custody/") for name in view.series} & {n[5:] for n in names}:
        raise Rejected("this read was not of the case of the packet")


def _check_case(ex: Examination, view: View, statement: Statement, names: set[str]) -> set[str]:
    """The series of a case that it stands in, which must be one of `names`: those of this packet's
    case, with a provisional one that it grew from."""
    own = set(view.series)
    if statement.predicate.get("act") == OPENING:
        own = {provisional_series(statement.id, ex.trust.first_year)}
    if not own & names:
        raise Rejected("this statement is not about the case of the packet")
    if statement.case is not None and ex.register is not None:
        templates = ex.register.case_numbers(statement.agency)
        if templates:
            check_spelling(statement.case, templates)
    return own
