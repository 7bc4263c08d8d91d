"""What was made from items: from which original, and that no more was changed than declared."""

from collections.abc import Iterator, Sequence

from ledger.encoding import printable
from ledger.errors import Rejected
from ledger.evidence.chunks import ItemHasher
from ledger.evidence.derivation import Span, check_derived, made_again, spans_of, taken_out
from ledger.evidence.held import Held
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.report import Finding, Outcome
from ledger.verdict.examination import Examination, View, failed


def derivations(ex: Examination) -> Iterator[Finding]:
    fixed: dict[bytes, FileSubject] = {}
    found = 0
    for view, statement in ex.shown():
        if statement.kind is Kind.DERIVATION:
            found += 1
            yield _derivation(ex, view, statement, fixed)
        for subject in statement.items:
            fixed.setdefault(subject.digest.sha256, subject)
    if not found:
        yield Finding("derived", Outcome.PASSED, "packet", "0 derivations")


def _derivation(
    ex: Examination, view: View, statement: Statement, fixed: dict[bytes, FileSubject]
) -> Finding:
    about, (derived,) = view.place.to_text(), statement.files
    name, said = printable(derived.name), statement.predicate
    original = fixed.get(bytes.fromhex(said["original"]))
    if not view.signers:
        detail = "whose signatures are under it was not checked"
        return Finding("derived", Outcome.UNDECIDED, about, detail)
    if original is None:
        detail = f"{name}: no earlier statement shown here speaks of its original"
        return Finding("derived", Outcome.UNDECIDED, about, detail)
    origin = printable(original.name)
    if (spans := spans_of(said)) is None:
        detail = (
            f"{name} was made from {origin} with {printable(said['tool'])}, says who signed it; "
            "what was done was not checked"
        )
        return Finding("derived", Outcome.PASSED, about, detail)
    before, after = ex.item_of.get(original), ex.item_of.get(derived)
    if before is None:
        detail = f"{name}: its {len(spans)} declared spans need {origin}, which is not shown"
        return Finding("derived", Outcome.UNDECIDED, about, detail)
    source = ex.held(before)
    again = ""
    try:
        if after is None:
            _make_again(source, derived, spans)
            again = "; it is not shown, and was made again from them: its digests are those fixed"
        else:
            made = ex.held(after)
            check_derived(source.read, source.size, made.read, made.size, spans)
    except Rejected as error:
        return failed("derived", about, error)
    share = 100 * taken_out(spans) / max(1, source.size)
    detail = (
        f"{name} is {origin} but for {len(spans)} declared spans, {share:.1f} % of its bytes{again}"
    )
    return Finding("derived", Outcome.PASSED, about, detail)


def _make_again(source: Held, derived: FileSubject, spans: Sequence[Span]) -> None:
    """Raises `Rejected` unless the spans make of the original what the statement is about."""
    hasher = ItemHasher(sm3=bool(derived.digest.sm3))
    for piece in made_again(source.read, source.size, spans):
        hasher.update(piece)
    derived.digest.check(hasher.finish())
