"""What was made from items: from which original, and that no more was changed than declared."""

from collections.abc import Iterator, Sequence

from ledger.encoding import printable
from ledger.errors import Rejected
from ledger.evidence.chunks import ItemHasher
from ledger.evidence.derivation import Span, check_derived, made_again, spans_of, taken_out
from ledger.evidence.held import Held
from ledger.evidence.statement import FileSubject, Kind, Statement
from ledger.report import Finding, Outcome
from ledger.verdict.examination import Examination, View, failed, whose

MAX_READ = 1 << 36  # bytes of originals that are read again, for all derivations together
MAX_NAMED = 5
MAX_SHOWN = 20


def derivations(ex: Examination) -> Iterator[Finding]:
    fixed: dict[bytes, FileSubject] = {}
    disowned: set[bytes] = set()  # originals that stand in what counts for nothing
    found = 0
    room = _Room()
    for view, statement in ex.shown():
        if statement.kind is Kind.DERIVATION:
            found += 1
            yield _derivation(ex, view, statement, fixed, disowned, room)
        for subject in statement.items:
            if view.disowned:
                disowned.add(subject.digest.sha256)
            else:
                fixed.setdefault(subject.digest.sha256, subject)
    if not found:
        yield Finding("derived", Outcome.PASSED, "packet", "0 derivations")


class _Room:
    """A statement costs its maker nothing; to follow its spans costs a reading of the original."""

    def __init__(self) -> None:
        self._left = MAX_READ

    def take(self, size: int) -> bool:
        if size > self._left:
            return False
        self._left -= size
        return True


def _derivation(
    ex: Examination,
    view: View,
    statement: Statement,
    fixed: dict[bytes, FileSubject],
    disowned: set[bytes],
    room: _Room,
) -> Finding:
    about, (derived,) = view.place.to_text(), statement.files
    name, said = printable(derived.name), statement.predicate
    wanted = bytes.fromhex(said["original"])
    original = fixed.get(wanted)
    if not view.signers:
        return Finding("derived", Outcome.UNDECIDED, about, whose(view))
    if original is None and wanted in disowned:
        detail = f"{name}: the statement of its original counts for nothing"
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
    if not room.take(source.size):
        detail = f"{name}: its {len(spans)} declared spans were not followed: there are too many"
        return Finding("derived", Outcome.UNDECIDED, about, detail)
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
    put = _put_in(spans)
    detail = (
        f"{name} is {origin} but for {len(spans)} declared spans: {taken_out(spans)} of its "
        f"{source.size} bytes are taken out, {put}{again}"
    )
    return Finding("derived", Outcome.PASSED, about, detail)


def _put_in(spans: Sequence[Span]) -> str:
    """A word put in turns a sentence round, however small its share is: so it is shown."""
    texts = [span.put for span in spans if span.put]
    if not texts:
        return "nothing is put in"
    shown = [f"“{_short(printable(text))}”" for text in dict.fromkeys(texts)]
    more = len(shown) - MAX_NAMED
    listed = ", ".join(shown[:MAX_NAMED]) + (f", and {more} more" if more > 0 else "")
    return f"and in {len(texts)} places is put in {listed}"


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def _make_again(source: Held, derived: FileSubject, spans: Sequence[Span]) -> None:
    """Raises `Rejected` unless the spans make of the original what the statement is about."""
    hasher = ItemHasher(sm3=bool(derived.digest.sm3))
    for piece in made_again(source.read, source.size, spans):
        hasher.update(piece)
    derived.digest.check(hasher.finish())
