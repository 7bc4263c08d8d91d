"""Plans the packet of a case: which entries, statements, proofs and items go in.

Shown are the statements of the case, those of a provisional case that it grew from
at the same agency, and every register statement that their signatures rest on. Of
their other series, such as a recording that another case also uses, the entries stand
there and the statements are withheld: each series is accounted for from 1 to N.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ledger.errors import Unavailable, Unknown
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import case_series, provisional_series
from ledger.evidence.packet import Index, Place, SeriesFile
from ledger.evidence.statement import Kind, Statement
from ledger.log import Log
from ledger.sequencer import Row
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote

MAX_EXTENSION = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item to be packed, and the agency whose statement speaks of it."""

    digest: ItemDigest
    agency: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`files` by path in the packet; `items` says, by path, whose bytes go there."""

    case: str
    size: int
    note: str
    files: Mapping[str, bytes]
    items: Mapping[str, Wanted]


def plan_packet(log: Log, case: str, first_year: int) -> Plan:
    """Raises `Unknown` for a case without statements, `Unavailable` until a quorum has seen all."""
    name = case_series(case, first_year)
    logged = log.places(name)
    if not logged:
        raise Unknown(f"no statement of case {case!r} is logged")
    # The checkpoint comes first: below its size nothing changes any more.
    note = log.best_note(logged[-1] + 1)
    if note is None:
        raise Unavailable(
            f"case {case!r} is logged, and not yet cosigned by a quorum",
            hints=("try again in a moment; a court packet waits for the cosigners",),
        )
    files = _Files(log, note)
    # What was lost has an entry and nothing to show: to the reader it is withheld.
    shown = {row.index: row for row in map(log.row, files.places(name)) if not row.lost}
    if not shown:
        raise Unavailable(f"every statement of case {case!r} was lost with an earlier disk")
    agency = _statement(shown[min(shown)]).agency
    for provisional in _provisional(shown.values(), first_year):
        rows = map(log.row, files.places(provisional))
        # Anyone may say that his case grew from another's: that opens nothing of the other's.
        own = (row for row in rows if not row.lost and _statement(row).agency == agency)
        shown |= {row.index: row for row in own}
    shown |= _registers(log, files.size, list(shown.values()))
    series = sorted({name for row in shown.values() for name, _ in row.places})
    entries = dict(shown)
    for other in series:
        entries |= {i: log.row(i) for i in files.places(other) if i not in entries}
    for index in sorted(entries):
        files.add_entry(entries[index])
        if index in shown:
            files.add_statement(entries[index])
    if 0 in entries:
        files.add_after(shown.values())
    for number, other in enumerate(series, 1):
        files.add_series(number, other)
    items = _items(row for _, row in sorted(shown.items()))
    index_file = Index(case, (f"{log.label}.note",), tuple(p.rpartition("/")[2] for p in items))
    files.found["data/packet.json"] = index_file.to_bytes()
    return Plan(case, files.size, note, files.found, items)


def _statement(row: Row) -> Statement:
    return Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)


def _provisional(rows: Iterable[Row], first_year: int) -> set[str]:
    """The series of the provisional cases that this case has grown from."""
    statements = map(_statement, rows)
    return {
        provisional_series(statement.predicate["provisional"], first_year)
        for statement in statements
        if "provisional" in statement.predicate
    }


def _registers(log: Log, size: int, rows: Iterable[Row]) -> dict[int, Row]:
    """The opening, the agencies, and every version of each key that has signed."""
    names, agencies = set(), set()
    for row in rows:
        envelope = Envelope.from_bytes(row.envelope)
        names |= {s.keyid.rpartition("+")[0] for s in envelope.signatures}
        agencies.add(Statement.from_bytes(envelope.payload).agency)
    endings = [f"/register/key/{name}" for name in names]
    endings += [f"/register/agency/{agency}" for agency in agencies] + ["/register/ledger"]
    return {
        row.index: row
        for row in log.registers()
        if row.index < size and any(name.endswith(tuple(endings)) for name, _ in row.places)
    }


class _Files:
    """The files of a packet as they are found, all to one checkpoint."""

    def __init__(self, log: Log, note: str) -> None:
        self.log = log
        self.note = note
        self.size = _size(note)
        self.found = {f"data/checkpoints/{log.label}.note": note.encode()}

    def places(self, name: str) -> list[int]:
        """What came after the packet checkpoint is not part of the packet."""
        return [index for index in self.log.places(name) if index < self.size]

    def place(self, index: int) -> Place:
        return Place(self.log.label, index)

    def add_entry(self, row: Row) -> None:
        place = self.place(row.index).to_text()
        self.found[f"data/entries/{place}.json"] = row.entry
        # The earliest cosigned tree that holds it is for its time and for the fence. Of the
        # packet's own size, its own note: one kept since may have a signature more.
        first = self.log.first_note(row.index + 1) or self.note
        notes = {_size(first): first, **self._stamped(row.index), self.size: self.note}
        for size, note in notes.items():
            path = f"data/proofs/{place}@{size}.tlog-proof"
            self.found[path] = self.log.receipt(row.index, note).to_bytes()

    def _stamped(self, index: int) -> dict[int, str]:
        """The earliest tree with a timestamp that holds an entry; its tokens go in, once."""
        stamps = self.log.stamps(index + 1)
        size = stamps[0].size if stamps else 0
        note = self.log.first_note(size) if 0 < size <= self.size else None
        if note is None or _size(note) != size:
            return {}
        stem = f"data/timestamps/{self.log.label}-{size}"
        self.found[f"{stem}.body"] = SignedNote.from_text(note).text.encode()
        for stamp in stamps:
            self.found[f"{stem}.{stamp.name}.tsr"] = stamp.token
            if stamp.crl:
                self.found[f"{stem}.{stamp.name}.crl"] = stamp.crl
        return {size: self.note if size == self.size else note}

    def add_after(self, rows: Iterable[Row]) -> None:
        """The checkpoints that signers had checked: a proof of the opening to each shows when."""
        opening = self.log.row(0)
        for row in rows:
            after = _statement(row).after
            if after is None or after.origin != self.log.origin or after.size > self.size:
                continue
            note = self.log.first_note(after.size)
            path = f"data/proofs/{self.place(0).to_text()}@{after.size}.tlog-proof"
            if note is not None and _size(note) == after.size and path not in self.found:
                self.found[path] = self.log.receipt(opening.index, note).to_bytes()

    def add_statement(self, row: Row) -> None:
        place = self.place(row.index).to_text()
        self.found[f"data/statements/{place}.dsse.json"] = row.envelope
        self.found[f"data/statements/{place}.salt"] = row.salt

    def add_series(self, number: int, name: str) -> None:
        places = tuple(self.place(index) for index in self.places(name))
        file = SeriesFile(name, self.log.series_signature(name), places)
        self.found[f"data/series/{number:02d}.json"] = file.to_bytes()


def _size(note: str) -> int:
    return Checkpoint.from_text(SignedNote.from_text(note).text).size


def _items(rows: Iterable[Row]) -> dict[str, Wanted]:
    """Each item once, in log order, under a number and a harmless extension."""
    items: dict[str, Wanted] = {}
    seen = set()
    for row in rows:
        if row.kind not in (Kind.EVIDENCE, Kind.ACT):
            continue
        statement = _statement(row)
        for subject in statement.files:
            if subject.digest not in seen:
                seen.add(subject.digest)
                path = f"data/items/{len(items) + 1:02d}.{extension(subject.name)}"
                items[path] = Wanted(subject.digest, statement.agency)
    return items


def extension(name: str) -> str:
    """The last part of a name if it is plain and short; what a packet may carry of it."""
    ending = name.rpartition(".")[2].lower()
    plain = ending.isascii() and ending.isalnum() and len(ending) <= MAX_EXTENSION
    return ending if "." in name and plain else "bin"
