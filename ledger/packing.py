"""Plans the packet of a case: which entries, statements, proofs and items go in.

Shown are the statements of the case, those of a provisional case that it grew from
at the same agency, who read them, how the ledger stood, and every register statement
that their signatures rest on. Of what its maker withholds, and of their other series,
such as a recording that another case also uses, the entries stand there and the
statements are withheld: each series is accounted for from 1 to N. Every log has its
checkpoint there, and each later one its entry 0, which closes the one before.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ledger.errors import Unavailable, Unknown
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.due import Due
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import case_series, is_run_of_acts, provisional_series
from ledger.evidence.packet import Index, SeriesFile
from ledger.evidence.place import Place
from ledger.evidence.statement import Kind, Statement, is_state
from ledger.evidence.withheld import STATEMENT, Reason, Withheld
from ledger.log import Log
from ledger.ports import RenewalStore
from ledger.process.favourable import favourable
from ledger.process.registers.relied import Relied
from ledger.renewals import plan_renewals
from ledger.sequencer import Row, speakers
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.withholding import Asked, withhold

MAX_EXTENSION = 8
MAX_CUSTODY = 20_000  # a packet has at most 400,000 files, and each read is four or five
LOOK_BACK = 200  # statements of the ledger about itself, for how it stood


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item to be packed, and the agency whose statement speaks of it."""

    digest: ItemDigest
    agency: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`files` by path in the packet; `items` says, by path, whose bytes go there.

    `size` and `note` are of the checkpoint of the last log.
    """

    case: str
    size: int
    note: str
    files: Mapping[str, bytes]
    items: Mapping[str, Wanted]
    withheld: Sequence[Wanted] = ()  # items that are named as withheld


class _Said:
    """What rows say, each read once: a case may have ten thousand."""

    def __init__(self) -> None:
        self._statements: dict[int, Statement] = {}

    def by(self, row: Row) -> Statement:
        found = self._statements.get(row.number)
        if found is None:
            found = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
            self._statements[row.number] = found
        return found


def plan_packet(
    log: Log,
    case: str,
    first_year: int,
    renewals: RenewalStore | None = None,
    *,
    asked: Asked = MappingProxyType({}),
    due: Due | None = None,
) -> Plan:
    """Raises `Unknown` for a case without statements, `Unavailable` until a quorum has seen all.

    `asked` is what its maker wants withheld; raises `Rejected` where that cannot be.
    """
    name = case_series(case, first_year)
    notes = _cosigned(log, case, name)
    said = _Said()
    files = _Files(log, notes, said)
    # What was lost has an entry and nothing to show: to the reader it is withheld.
    own = _case(log, files.places, name, first_year, said)
    if not own:
        raise Unavailable(f"every statement of case {case!r} was lost with an earlier disk")
    withheld = withhold(asked, [(log.place(r), said.by(r)) for _, r in sorted(own.items())])
    unshown = {row.place for row in withheld if row.what == STATEMENT}
    shown = {n: row for n, row in own.items() if log.place(row) not in unshown}
    shown |= _custody(log, files, [name, *_own_provisional(log, name, first_year, said)])
    closings = _closings(log) | _state(log, files, said)
    shown |= _registers(log, files, [*shown.values(), *closings.values()], said)
    found = {name for row in shown.values() for name, _ in row.places}
    # Closings are found by their places: their series would open every status of the ledger.
    shown |= closings
    series = sorted(name for name in found if not is_run_of_acts(name))
    entries = _entries(log, files, shown, series)
    files.add_log(entries, shown, series)
    statements = [said.by(row) for _, row in sorted(shown.items())]
    items, back = _parted(_items(statements), {row.what for row in withheld})
    withheld += tuple(_unasked(log, entries.values(), shown.keys(), unshown))
    files.add_index(case, items, tuple(sorted(withheld)), due)
    if renewals is not None:
        files.add_renewals(renewals)
    items |= _certificates(statements)
    return Plan(case, _size(notes[-1]), notes[-1], files.found, items, back)


def _cosigned(log: Log, case: str, name: str) -> list[str]:
    """The packet checkpoints. They come first: below their sizes nothing changes any more."""
    logged = log.places(name)
    if not logged:
        raise Unknown(f"no statement of case {case!r} is logged")
    notes = _notes(log, logged[-1])
    if notes is None:
        raise Unavailable(
            f"case {case!r} is logged, and not yet cosigned by a quorum",
            hints=("try again in a moment; a court packet waits for the cosigners",),
        )
    return notes


def _entries(
    log: Log, files: "_Files", shown: Mapping[int, Row], series: Iterable[str]
) -> dict[int, Row]:
    """What is shown, and whatever else stands in a series of it."""
    entries = dict(shown)
    for name in series:
        entries |= {i: log.row(i) for i in files.places(name) if i not in entries}
    return entries


def _parted(
    items: Mapping[str, Wanted], named: Collection[str]
) -> tuple[dict[str, Wanted], list[Wanted]]:
    """Which items go in, and which are named as withheld; the paths stay as they were numbered."""
    shown = {p: one for p, one in items.items() if one.digest.sha256.hex() not in named}
    return shown, [one for path, one in sorted(items.items()) if path not in shown]


def case_statements(log: Log, case: str, first_year: int) -> list[Statement]:
    """What a packet made now would show of the case, in log order; nothing of the register."""
    said = _Said()
    shown = _case(log, log.places, case_series(case, first_year), first_year, said)
    return [said.by(row) for _, row in sorted(shown.items())]


def _case(
    log: Log, places: Callable[[str], Sequence[int]], name: str, first_year: int, said: _Said
) -> dict[int, Row]:
    """The statements of the case, and those of a provisional one that it grew from."""
    filed = [log.row(number) for number in places(name)]
    shown = {row.number: row for row in filed if not row.lost}
    agency = _owner(log, name, filed, said)
    for provisional in _provisional(map(said.by, list(shown.values())), first_year):
        rows = map(log.row, places(provisional))
        # Anyone may say that his case grew from another's: that opens nothing of the other's.
        own = (row for row in rows if not row.lost and said.by(row).agency == agency)
        shown |= {row.number: row for row in own}
    return shown


def _owner(log: Log, name: str, rows: Iterable[Row], said: _Said) -> str:
    case = name.rpartition("/")[2]
    return log.register.spellings.owner(case, speakers(rows, log.row, said.by))


def _own_provisional(log: Log, name: str, first_year: int, said: _Said) -> Iterator[str]:
    """The provisional cases that this one grew from and that its own agency has opened."""
    rows = [log.row(number) for number in log.places(name)]
    owner = _owner(log, name, rows, said)
    shown = (said.by(row) for row in rows if not row.lost)
    for provisional in sorted(_provisional(shown, first_year)):
        first = next((row for row in map(log.row, log.places(provisional)) if not row.lost), None)
        if first is not None and said.by(first).agency == owner:
            yield provisional


def _custody(log: Log, files: "_Files", cases: Iterable[str]) -> dict[int, Row]:
    """Who read, exported or was refused these cases, in each year, up to the packet checkpoint."""
    years = sorted({derived.label[:4] for derived in log.derived})
    names = [f"{year}/custody/{case.partition('/')[2]}" for case in cases for year in years]
    numbers = [number for name in names for number in files.places(name)]
    # Whoever may read could else read until no packet of the case can be made.
    if len(numbers) > MAX_CUSTODY:
        return {}
    rows = map(log.row, numbers)
    return {row.number: row for row in rows if not row.lost}


def _state(log: Log, files: "_Files", said: _Said) -> dict[int, Row]:
    """The newest that the ledger has said of itself, if it is not long ago."""
    recent = files.places(f"{log.derived[-1].label[:4]}/log")[-LOOK_BACK:]
    for row in map(log.row, reversed(recent)):
        if row.kind == Kind.STATUS and not row.lost and is_state(said.by(row)):
            return {row.number: row}
    return {}


def _unasked(
    log: Log, entries: Iterable[Row], shown: Collection[int], unshown: Collection[Place]
) -> Iterator[Withheld]:
    """What the ledger itself withholds: it was destroyed, lost, or said in another case."""
    for row in entries:
        place = log.place(row)
        if row.number in shown or place in unshown:
            continue
        reason = Reason.LOST if row.lost else Reason.OTHER_CASE
        if row.destroyed:
            # What another case's disposal has destroyed was said there.
            reason = Reason.DESTROYED if row.by in shown else Reason.OTHER_CASE
        yield Withheld(place, STATEMENT, reason)


def _notes(log: Log, last: int) -> list[str] | None:
    """The packet checkpoint of each log; that of the open one holds row `last` and its opening.

    Of a closed log it is the last one, which the next log names. Until a quorum has seen the
    beginning of the open log, there is no packet that says where the one before ended.
    """
    row, notes = log.row(last), []
    for derived in log.derived:
        least = row.index + 1 if derived.number == row.log else 1
        if derived.number < len(log.derived) - 1:
            least = log.closed_size(derived.number)
        if (note := derived.best_note(least)) is None:
            return None
        notes.append(note)
    return notes


def _closings(log: Log) -> dict[int, Row]:
    """Entry 0 of every later log: it says where the one before ended."""
    rows = [log.row(log.start_of(n)) for n in range(1, len(log.derived))]
    return {row.number: row for row in rows if not row.lost}


def _provisional(statements: Iterable[Statement], first_year: int) -> set[str]:
    """The series of the provisional cases that this case has grown from."""
    return {
        provisional_series(statement.predicate["provisional"], first_year)
        for statement in statements
        if "provisional" in statement.predicate
    }


def _registers(log: Log, files: "_Files", rows: Iterable[Row], said: _Said) -> dict[int, Row]:
    """The openings, the agencies, every version of each key that has signed, and of each entry
    in a register that the case rests on."""
    names, agencies = {version.key.name for version in log.register.trusted}, set()
    rows = list(rows)
    for row in rows:
        envelope = Envelope.from_bytes(row.envelope)
        names |= {s.keyid.rpartition("+")[0] for s in envelope.signatures}
        agencies.add(said.by(row).agency)
    endings = [f"/register/key/{name}" for name in names]
    endings += [f"/register/agency/{agency}" for agency in agencies]
    endings += ["/register/ledger", "/register/series"]
    registers = [row for row in log.registers() if files.holds(row)]
    relied = Relied(map(said.by, rows))
    perhaps = [row for row in registers if any(relied.may_be(name) for name, _ in row.places)]
    relied_on = relied.among({row.number: said.by(row) for row in perhaps})
    # An agency above has its case numbers in one series with its entry: one of two versions
    # would leave open whether the other revokes a key.
    whole = {name for row in perhaps if row.number in relied_on for name, _ in row.places}
    return {
        row.number: row
        for row in registers
        if any(name in whole or name.endswith(tuple(endings)) for name, _ in row.places)
    }


class _Files:
    """The files of a packet as they are found, in each log to one checkpoint."""

    def __init__(self, log: Log, notes: Sequence[str], said: _Said) -> None:
        self.log = log
        self.notes = notes
        self.said = said
        self.sizes = [_size(note) for note in notes]
        self.found = {
            f"data/checkpoints/{derived.label}.note": note.encode()
            for derived, note in zip(log.derived, notes, strict=True)
        }

    def holds(self, row: Row) -> bool:
        """What came after the packet checkpoint is not part of the packet."""
        return row.index < self.sizes[row.log]

    def places(self, name: str) -> list[int]:
        """Only the last log can have more than its packet checkpoint."""
        end = self.log.start_of(len(self.sizes) - 1) + self.sizes[-1]
        return [number for number in self.log.places(name) if number < end]

    def add_log(
        self, entries: Mapping[int, Row], shown: Mapping[int, Row], series: Sequence[str]
    ) -> None:
        for number, row in sorted(entries.items()):
            self.add_entry(row)
            if number in shown:
                self.add_statement(row)
        self.add_after(shown.values())
        for count, name in enumerate(series, 1):
            self.add_series(count, name)

    def add_index(
        self, case: str, items: Iterable[str], withheld: tuple[Withheld, ...], due: Due | None
    ) -> None:
        checkpoints = tuple(f"{derived.label}.note" for derived in self.log.derived)
        names = tuple(path.rpartition("/")[2] for path in items)
        index = Index(case, checkpoints, names, withheld, due)
        self.found["data/packet.json"] = index.to_bytes()

    def add_renewals(self, renewals: RenewalStore) -> None:
        labels = {derived.key.name: derived.label for derived in self.log.derived}
        self.found |= plan_renewals(renewals, self.found, labels)

    def add_entry(self, row: Row) -> None:
        place, derived = self.log.place(row).to_text(), self.log.of(row)
        self.found[f"data/entries/{place}.json"] = row.entry
        # The earliest cosigned tree that holds it is for its time and for the fence. Of the
        # packet's own size, its own note: one kept since may have a signature more.
        own, size = self.notes[row.log], self.sizes[row.log]
        first = derived.first_note(row.index + 1) or own
        notes = {_size(first): first, **self._stamped(row), size: own}
        for at, note in notes.items():
            path = f"data/proofs/{place}@{at}.tlog-proof"
            self.found[path] = derived.receipt(row.index, note).to_bytes()

    def _stamped(self, row: Row) -> dict[int, str]:
        """The earliest tree with a timestamp that holds an entry; its tokens go in, once."""
        derived, most = self.log.derived[row.log], self.sizes[row.log]
        stamps = derived.stamps(row.index + 1)
        size = stamps[0].size if stamps else 0
        note = derived.first_note(size) if 0 < size <= most else None
        if note is None or _size(note) != size:
            return {}
        stem = f"data/timestamps/{derived.label}-{size}"
        self.found[f"{stem}.body"] = SignedNote.from_text(note).text.encode()
        for stamp in stamps:
            self.found[f"{stem}.{stamp.name}.tsr"] = stamp.token
            if stamp.crl:
                self.found[f"{stem}.{stamp.name}.crl"] = stamp.crl
        return {size: note}

    def add_after(self, rows: Iterable[Row]) -> None:
        """The checkpoints that signers had checked: a proof of the opening to each shows when."""
        logs = {derived.key.name: derived for derived in self.log.derived}
        for row in rows:
            after = self.said.by(row).after
            if after is None or (derived := logs.get(after.origin)) is None:
                continue
            opening = Place(derived.label, 0).to_text()
            path = f"data/proofs/{opening}@{after.size}.tlog-proof"
            packed = f"data/entries/{opening}.json" in self.found and path not in self.found
            note = derived.first_note(after.size) if packed else None
            within = after.size <= self.sizes[derived.number]
            if note is not None and within and _size(note) == after.size:
                self.found[path] = derived.receipt(0, note).to_bytes()

    def add_statement(self, row: Row) -> None:
        place = self.log.place(row).to_text()
        self.found[f"data/statements/{place}.dsse.json"] = row.envelope
        self.found[f"data/statements/{place}.salt"] = row.salt

    def add_series(self, number: int, name: str) -> None:
        places = tuple(map(self.log.place_of, self.places(name)))
        file = SeriesFile(name, self.log.series_signature(name), places)
        self.found[f"data/series/{number:02d}.json"] = file.to_bytes()


def _size(note: str) -> int:
    return Checkpoint.from_text(SignedNote.from_text(note).text).size


def _items(statements: Sequence[Statement]) -> dict[str, Wanted]:
    """Each item once, under a number and a harmless extension: what speaks for the party comes
    first, else in log order."""
    items: dict[str, Wanted] = {}
    seen = set()
    speaks = favourable(statements)
    for statement in sorted(statements, key=lambda s: s.id not in speaks):
        if statement.kind not in (Kind.EVIDENCE, Kind.ACT, Kind.COMPLAINT, Kind.DERIVATION):
            continue
        for subject in statement.files:
            if subject.digest not in seen:
                seen.add(subject.digest)
                path = f"data/items/{len(items) + 1:02d}.{extension(subject.name)}"
                items[path] = Wanted(subject.digest, statement.agency)
    return items


def _certificates(statements: Sequence[Statement]) -> dict[str, Wanted]:
    """Those that stand. Of a revoked one the packet has what was said, and not the paper."""
    revoked = {(s.predicate.get("issued"), s.agency) for s in statements}
    standing = [
        Wanted(s.files[0].digest, s.agency)
        for s in statements
        if s.kind is Kind.CERTIFICATE and s.files and (s.id, s.agency) not in revoked
    ]
    return {f"data/certificates/{n:02d}.pdf": one for n, one in enumerate(standing, 1)}


def extension(name: str) -> str:
    """The last part of a name if it is plain and short; what a packet may carry of it."""
    ending = name.rpartition(".")[2].lower()
    plain = ending.isascii() and ending.isalnum() and len(ending) <= MAX_EXTENSION
    return ending if "." in name and plain else "bin"
