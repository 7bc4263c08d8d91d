"""The steps of a verdict, one function each, over one packet.

Each yields findings and leaves on the `Examination` what the next may rely on. A
part that failed is dropped there: later steps see only what held, and the failure
already stands in the report.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Protocol

from ledger import abreast, suite
from ledger.encoding import format_base64, format_time, printable
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.case_number import check_spelling, is_plain, is_spelled
from ledger.evidence.chunks import ItemDigest, ItemHasher
from ledger.evidence.entry import TAG_SIZE, TAGS, Entry, check_commitment, scan_entries
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import (
    case_series,
    provisional_series,
    series_names,
    series_year,
)
from ledger.evidence.packet import (
    INDEX,
    MAX_SMALL_FILE,
    Index,
    Layout,
    PacketSource,
    Place,
    SeriesFile,
    Tree,
    check_bag,
)
from ledger.evidence.register import Register, Registration
from ledger.evidence.series import LOOKAHEAD, Series, check_tags
from ledger.evidence.statement import (
    OPENING,
    After,
    FileSubject,
    Kind,
    Role,
    Stage,
    Statement,
)
from ledger.evidence.trust import Trust, TrustedLog
from ledger.mirrored import Heard, hear
from ledger.process.fence import Decision, Fixed, Order, order
from ledger.process.sequence import check_end, open_closing
from ledger.renewed import Shown, open_renewals, renewal_findings
from ledger.report import Facts, Finding, Item, Outcome, milliseconds_text, seconds_text
from ledger.stamps import Stamp, open_stamps, stamp_facts, stamp_findings
from ledger.tlog.audit import read_log
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, leaf_hashes
from ledger.tlog.note import SignedNote
from ledger.tlog.policy import Cosigned
from ledger.tlog.receipt import Receipt
from ledger.withdrawn import Withdrawal, counted, withdrawals

LATE_S = 600  # a first quorum time later than this after `at` is worth a sentence
SERIES_AT_ONCE = 16  # 65,536 tags of each are in memory: 13 MB
SUPPORTS_NO_DECISION = (Stage.SERVE, Stage.ENFORCE)  # their evidence comes after it by nature


class PublicLog(Protocol):
    """A copy of the public logs: a folder, or the log's address."""

    def read(self, label: str, path: str) -> bytes:
        """The file, at most 17 MB; raises `Unknown` where there is none."""
        ...


@dataclass(slots=True)
class View:
    """All that a packet says about one entry, bound together by its place."""

    place: Place
    entry: Entry
    proofs: tuple[Cosigned, ...]
    salt: bytes = b""
    envelope: Envelope | None = None
    statement: Statement | None = None
    series: tuple[str, ...] = ()
    signers: tuple[Registration, ...] = ()
    claimed_time: int | None = None  # with cosignatures of withdrawn keys, if there are such

    @property
    def signed_by(self) -> str:
        """Person, role and the whole key's digest, as registered when they signed."""
        return ", ".join(
            f"{printable(s.person)} ({s.role}, key {key.fingerprint})"
            for s in self.signers
            for key in s.keys
        )

    @property
    def quorum_time(self) -> int | None:
        """When the quorum had first seen it, POSIX seconds."""
        times = [p.quorum_time for p in self.proofs if p.quorum_time is not None]
        return min(times, default=None)


@dataclass(frozen=True, slots=True)
class OpenedSeries:
    """A series whose signature and tags held. `numbers` says which statement stands where."""

    opened: Series
    numbers: Mapping[Place, int]


@dataclass(slots=True)
class Examination:
    packet: PacketSource
    trust: Trust
    log: PublicLog | None
    on_bytes: Callable[[int], None]
    at_ms: int | None = None  # as of when it is judged; None: nothing is asked about ends
    unreadable: bool = False
    layout: Layout = field(default_factory=Layout)
    index: Index = field(default_factory=lambda: Index("", (), ()))
    tags_digest: str = ""
    item_digests: dict[str, ItemDigest] = field(default_factory=dict)
    # By path, those of the packet and those presented beside it; `issued` says by what.
    certificates: dict[str, ItemDigest] = field(default_factory=dict)
    issued: dict[str, tuple[View, Statement]] = field(default_factory=dict)
    checkpoints: dict[str, Cosigned] = field(default_factory=dict)
    views: dict[Place, View] = field(default_factory=dict)
    roots: dict[Tree, bytes] = field(default_factory=dict)
    seen: dict[Tree, int] = field(default_factory=dict)  # when a quorum had seen a tree, seconds
    stamps: list[Stamp] = field(default_factory=list)
    stamped: defaultdict[Tree, list[Stamp]] = field(default_factory=lambda: defaultdict(list))
    series: dict[str, OpenedSeries] = field(default_factory=dict)
    register: Register | None = None
    gone: tuple[Withdrawal, ...] = ()  # keys of the trust folder, once the register was read
    orders: dict[Place, Order] = field(default_factory=dict)
    item_of: dict[FileSubject, str] = field(default_factory=dict)
    strong: dict[str, bytes] = field(default_factory=dict)
    _heard: Heard | None = None
    ends: dict[str, int] = field(default_factory=dict)  # sizes with which earlier logs ended

    def read(self, path: str) -> bytes:
        """A small file whole."""
        size = self.packet.sizes()[path]
        if size > MAX_SMALL_FILE:
            raise Malformed(f"want at most {MAX_SMALL_FILE} bytes, got {size}", path=path)
        return b"".join(bytes(piece) for piece in self.packet.stream(path))

    def open_note(self, log: TrustedLog, note: SignedNote) -> Cosigned:
        """A checkpoint of the log, with the cosignatures that count by now.

        Under an unfit policy no quorum counts, and so no time.
        """
        cosigned = counted(log.policy.open(note), self.trust, log.label, self.gone)
        return cosigned if log.policy.overlap >= 1 else replace(cosigned, quorum_time=None)

    def position(self, place: Place) -> tuple[int, int]:
        """Order between logs is their order in the trust folder."""
        labels = [log.label for log in self.trust.logs]
        return labels.index(place.log), place.index

    def shown(self) -> list[tuple[View, Statement]]:
        """The statements that held so far, in log order."""
        views = sorted(self.views.values(), key=lambda v: self.position(v.place))
        return [(v, v.statement) for v in views if v.statement is not None]

    def decisions(self) -> list[tuple[Place, Decision]]:
        found = []
        for view, statement in self.shown():
            if statement.is_decision and (occurred := statement.occurred):
                log, index = self.position(view.place)
                found.append((view.place, Decision(log, index, occurred.start_ms)))
        return found

    def facts(self) -> Facts:
        return Facts(
            case=self.index.case,
            packet=self.tags_digest,
            trust=self.trust.hash,
            checkpoints=tuple(
                self._checkpoint_facts(label, cosigned)
                for label, cosigned in sorted(self.checkpoints.items())
            ),
            decisions=tuple(
                {"dated": d.day, "documents": self._documents(place), "place": place.to_text()}
                for place, d in self.decisions()
            ),
            items=tuple(self._item_facts()),
            timestamps=tuple(stamp_facts(stamp) for stamp in self.stamps),
        )

    def _documents(self, place: Place) -> str:
        """The digests of a decision's documents: which paper is meant, not only which date."""
        statement = self.views[place].statement
        files = () if statement is None else statement.files
        return ", ".join(f"{printable(f.name)} {f.digest.sha256.hex()}" for f in files)

    def _checkpoint_facts(self, label: str, cosigned: Cosigned) -> Mapping[str, str]:
        log = next(log for log in self.trust.logs if log.label == label)
        return {
            "cosigners": ", ".join(sorted(cosigned.times)),
            "origin": log.origin,
            "overlap": str(log.policy.overlap),
            "policy": log.policy_hash,
            "quorum_time": seconds_text(cosigned.quorum_time),
            "root": format_base64(cosigned.checkpoint.root),
            "size": str(cosigned.checkpoint.size),
        }

    def _item_facts(self) -> Iterator[Item]:
        for view, statement in self.shown():
            for subject in statement.items:
                occurred, corrected = statement.occurred, statement.corrected
                yield Item(
                    path=self.item_of.get(subject, ""),
                    name=printable(subject.name),
                    place=view.place.to_text(),
                    stage=statement.stage or "",
                    claimed=format_time(occurred.start_ms) if occurred else "",
                    corrected=format_time(corrected.start_ms) if corrected else "",
                    not_before=seconds_text(self._not_before(statement)),
                    not_after=self._not_after(view),
                    fixed_by=seconds_text(view.quorum_time),
                    order=str(self.orders.get(view.place, "")),
                    signed_by=view.signed_by,
                )

    def _not_before(self, statement: Statement) -> int | None:
        """When a quorum had seen the checkpoint that the signer says he had checked."""
        if (after := statement.after) is None:
            return None
        label = next((log.label for log in self.trust.logs if log.origin == after.origin), "")
        tree = label, after.size
        return self.seen.get(tree) if self.roots.get(tree) == after.root else None

    def _not_after(self, view: View) -> str:
        """The earliest that is shown: the quorum's time, or an authority's with its accuracy."""
        stamps = [s for s in self.stamps_of(view) if s.counts(self.seen.get(s.tree))]
        times = [stamp.timestamp.latest_ms for stamp in stamps if stamp.timestamp]
        if view.quorum_time is not None:
            times.append(view.quorum_time * 1000)
        return milliseconds_text(min(times, default=None))

    def heard(self) -> Heard:
        """What mirrors say of the series that held; looked for once."""
        if self._heard is None:
            known = {name: (found.opened, found.numbers) for name, found in self.series.items()}
            self._heard = hear(
                self.layout.absences, self.read, self.trust, self.checkpoints, known, self.gone
            )
        return self._heard

    def stamps_of(self, view: View) -> Iterator[Stamp]:
        """The tokens over checkpoints to which this entry is proved."""
        for size in {proof.checkpoint.size for proof in view.proofs}:
            yield from self.stamped[view.place.log, size]


# --- integrity -------------------------------------------------------------------------------


def container(ex: Examination) -> Iterator[Finding]:
    try:
        sizes = ex.packet.sizes()
        ex.layout = Layout.of(sizes)
        expected = check_bag(sizes, ex.read)
        ex.tags_digest = suite.digest(ex.read("tagmanifest-sha256.txt")).hex()
        ex.index = _read_index(ex)
        _check_index(ex.index, ex.layout)
    except Unavailable:
        raise
    except LedgerError as error:
        ex.unreadable = True
        yield _failed("container", "packet", error)
        return
    bad = 0
    with ThreadPoolExecutor() as pool:
        digests = pool.map(lambda p: _digest(ex, p), expected)
        for path, (found, refused) in zip(expected, digests, strict=True):
            if refused is not None:
                bad += 1
                yield _failed("container", path, refused)
            elif found.sha256 != expected[path]:
                bad += 1
                detail = "the bytes are not what the manifest says"
                yield Finding("container", Outcome.FAILED, path, detail)
            if path in ex.layout.items:
                ex.item_digests[path] = found
            if path in ex.layout.certificates:
                ex.certificates[path] = found
    if not bad:
        yield Finding("container", Outcome.PASSED, "packet", f"{len(sizes)} files")


def checkpoints(ex: Examination) -> Iterator[Finding]:
    for label, path in ex.layout.checkpoints.items():
        log = ex.trust.log(label)
        if log is None:
            yield Finding("checkpoint", Outcome.FAILED, path, "no such log in your trust folder")
            continue
        try:
            cosigned = _open_note(ex, log, SignedNote.from_bytes(ex.read(path)))
        except (Malformed, Rejected) as error:
            yield _failed("checkpoint", path, error)
            continue
        ex.checkpoints[label] = cosigned
        yield _quorum(path, cosigned, log.policy.overlap)
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
        if place.log not in ex.checkpoints:
            yield Finding("inclusion", Outcome.FAILED, path, "no sound checkpoint of its log here")
            continue
        try:
            entry = Entry.from_bytes(ex.read(path))
            found = tuple(
                _prove(ex, place, entry, size, proof, opened)
                for size, proof in sorted(proofs[place])
            )
            final = ex.checkpoints[place.log].checkpoint
            if not any(cosigned.checkpoint == final for cosigned in found):
                raise Rejected(f"no proof to the packet checkpoint of size {final.size}")
        except (Malformed, Rejected) as error:
            yield _failed("inclusion", path, error)
            continue
        ex.views[place] = View(place, entry, found)
        good += 1
    yield from _all_good("inclusion", good, "entries")


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
            yield _failed("commitment", about, error)
            continue
        good += 1
    yield from _all_good("commitment", good, "statements")


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
            yield _failed("signature", view.place.to_text(), error)
        except Unavailable as error:
            # Whose keys count is not known then: no signature here can be judged.
            yield _not_checked("signature", view.place.to_text(), error)
            return
    yield from _withdraw(ex, register)
    for view, statement in shown:
        if statement.kind is Kind.REGISTER or view.envelope is None:
            continue
        try:
            view.signers = register.open(
                ex.position(view.place), statement, view.envelope, view.quorum_time
            )
            yield from _signed_in(ex, view)
            good += 1
        except (Malformed, Rejected) as error:
            view.statement = None
            yield _failed("signature", view.place.to_text(), error)
        except Unavailable as error:
            yield _not_checked("signature", view.place.to_text(), error)
    yield from _suites(ex)
    yield from _enrolment(ex, register)
    yield from _ends(ex)
    yield from _ended_series(ex)
    yield from _all_good("signature", good, "statements")


def series(ex: Examination) -> Iterator[Finding]:
    good = 0
    for path in ex.layout.series:
        try:
            yield from _open_series(ex, path)
        except (Malformed, Rejected) as error:
            yield _failed("series", path, error)
    named = {place for found in ex.series.values() for place in found.numbers}
    ids: dict[str, Place] = {}
    for place, view in sorted(ex.views.items()):
        try:
            if view.statement is None:
                if place not in named:
                    raise Rejected("nothing here says what this entry is about")
                continue
            if _is_closing(ex, view):
                _check_no_other_series(ex, view, view.statement)
            else:
                _check_membership(ex, view, view.statement)
            if (other := ids.setdefault(view.statement.id, place)) != place:
                raise Rejected(f"its id is that of {other.to_text()}")
            good += 1
        except (Malformed, Rejected) as error:
            view.statement = None
            yield _failed("series", place.to_text(), error)
    for name, found in sorted(ex.series.items()):
        withheld = any(ex.views[place].statement is None for place in found.numbers)
        if withheld and name[4:].startswith("/register/"):
            detail = "a version is withheld: whether it revokes a key is not shown"
            yield Finding("series", Outcome.UNDECIDED, name, detail)
    yield from _all_good("series", good, "statements")


def items(ex: Examination) -> Iterator[Finding]:
    wanted: defaultdict[bytes, list[FileSubject]] = defaultdict(list)
    for _, statement in ex.shown():
        for subject in statement.items:
            wanted[subject.digest.sha256].append(subject)
    good = 0
    for path, found in ex.item_digests.items():
        subjects = wanted.get(found.sha256, [])
        try:
            if not subjects:
                raise Rejected("no statement in this packet speaks of these bytes")
            if any(subject.digest.sm3 for subject in subjects):
                found = _with_sm3(ex, path)
            for subject in subjects:
                subject.digest.check(found)
                if why := ex.trust.suites.check_item(subject.digest):
                    yield Finding("item", Outcome.UNDECIDED, path, why)
                ex.item_of[subject] = path
            good += 1
        except (Malformed, Rejected) as error:
            yield _failed("item", path, error)
    if good or not ex.layout.items:
        yield Finding("item", Outcome.PASSED, "packet", f"{good} items")


def case(ex: Examination) -> Iterator[Finding]:
    number = ex.index.case
    name = case_series(number, ex.trust.first_year)
    if ex.layout.envelopes and name not in ex.series:
        yield Finding("case", Outcome.FAILED, number, "the packet has no series of this case")
        return
    names = {name}
    for _, statement in ex.shown():
        if statement.case == number and (opened := statement.predicate.get("provisional")):
            names.add(provisional_series(opened, ex.trust.first_year))
    good = bad = 0
    for view, statement in ex.shown():
        if statement.kind in (Kind.REGISTER, Kind.RENEWAL, Kind.CUSTODY, Kind.STATUS):
            continue
        try:
            _check_case(ex, view, statement, names)
            good += 1
        except (Malformed, Rejected) as error:
            bad += 1
            yield _failed("case", view.place.to_text(), error)
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


# --- completeness ----------------------------------------------------------------------------


def completeness(ex: Examination) -> Iterator[Finding]:
    for name, found in sorted(ex.series.items()):
        count = len(found.numbers)
        withheld = sum(ex.views[place].statement is None for place in found.numbers)
        if withheld:
            detail = f"{withheld} of {count} not shown"
            yield Finding("complete", Outcome.UNDECIDED, name, detail)
    for view, statement in ex.shown():
        for subject in statement.items:
            if subject not in ex.item_of:
                detail = f"{printable(subject.name)} is not in the packet"
                yield Finding("complete", Outcome.UNDECIDED, view.place.to_text(), detail)
    heard = ex.heard()
    yield from heard.findings
    if ex.log is None and not heard.vouched:
        yield from heard.unheard
        detail = "no copy of the public log was given (--log)"
        yield Finding("complete", Outcome.UNDECIDED, ex.index.case, detail)
        return
    if case_series(ex.index.case, ex.trust.first_year) not in ex.series:
        # Nothing recounted would otherwise be nothing missing.
        detail = "the packet has no series of this case"
        yield Finding("complete", Outcome.UNDECIDED, ex.index.case, detail)
    first = min(map(int, map(series_year, ex.series)), default=0)
    for log in ex.trust.logs:
        # From the year before on: its log may hold the first statements of a series.
        if log.label not in ex.checkpoints and first <= int(series_year(log.label)) + 1:
            detail = "the packet has no checkpoint of this log, which may hold more"
            yield Finding("complete", Outcome.UNDECIDED, log.label, detail)
    tags: dict[str, bytes] = {}
    claims: dict[str, Claims] = {}
    for label in sorted(ex.checkpoints):
        if ex.log is None:
            yield from heard.conclude(label, ex.checkpoints[label], ex.series)
            continue
        if ex.checkpoints[label].quorum_time is None:
            yield Finding("complete", Outcome.UNDECIDED, label, "the checkpoint has no quorum")
            continue
        try:
            claims[label] = _after_claims(ex, label)
            tags[label] = _read_tags(ex.log, label, ex.checkpoints[label].checkpoint, claims[label])
        except Unknown as error:
            # A hole in the verifier's own copy says nothing about the packet.
            detail = f"your copy of the log has a hole: {error}"
            yield Finding("complete", Outcome.UNDECIDED, label, detail)
        except (Malformed, Rejected) as error:
            yield _failed("complete", label, error)
    problems = _recount(ex, tags)
    for label in tags:
        yield from _compared(ex, label, claims[label], problems[label])


# --- order and time --------------------------------------------------------------------------


def fence(ex: Examination) -> Iterator[Finding]:
    decisions = ex.decisions()
    if not decisions:
        yield Finding("fence", Outcome.UNDECIDED, ex.index.case, "no decision in the packet")
        return
    for view, statement in ex.shown():
        # An act's documents count as well: a record made up later may call itself one.
        if not statement.items:
            continue
        about = view.place.to_text()
        for place, decision in decisions:
            # So may one in a second decision: its documents are held against those before it.
            if statement.is_decision and ex.position(place) >= ex.position(view.place):
                continue
            found = _order(ex, view, decision)
            # With several decisions the list shows the order to the first.
            ex.orders.setdefault(view.place, found)
            by_nature = found is Order.AFTER and statement.stage in SUPPORTS_NO_DECISION
            passed = found is Order.BEFORE or by_nature
            detail = f"{found} decision {place.to_text()} dated {decision.day}"
            if by_nature:
                detail = (
                    f"after decision {place.to_text()} dated {decision.day}: "
                    "by its own label it supports no decision"
                )
            yield Finding("fence", Outcome.PASSED if passed else Outcome.UNDECIDED, about, detail)


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
        ex.stamps.append(stamp)
        ex.stamped[stamp.tree].append(stamp)
    yield from stamp_findings(ex.stamps, ex.layout, ex.seen)
    good = 0
    for view, statement in ex.shown():
        problems = list(_time_problems(ex, view, statement))
        yield from problems
        good += not problems
    yield from _all_good("time", good, "statements")


def renewals(ex: Examination) -> Iterator[Finding]:
    if ex.at_ms is None:
        yield Finding("renewal", Outcome.PASSED, "packet", "nothing was asked about later times")
        return
    opened = open_renewals(ex.layout, ex.trust, ex.read, lambda place: _shown(ex, place))
    places = sorted(ex.views, key=ex.position)
    yield from renewal_findings(opened, ex.stamps, places, ex.trust, ex.at_ms)


# --- parts of the steps ----------------------------------------------------------------------


def _read_index(ex: Examination) -> Index:
    try:
        return Index.from_bytes(ex.read(INDEX))
    except Malformed as error:
        raise error.under(INDEX) from None


def _check_index(index: Index, layout: Layout) -> None:
    listed = sorted(f"data/items/{name}" for name in index.items)
    if listed != sorted(layout.items):
        raise Rejected(f"{INDEX} lists other items than the packet holds")
    notes = sorted(f"data/checkpoints/{name}" for name in index.checkpoints)
    if notes != sorted(layout.checkpoints.values()):
        raise Rejected(f"{INDEX} lists other checkpoints than the packet holds")


def _digest(ex: Examination, path: str) -> tuple[ItemDigest, LedgerError | None]:
    """The digests of the bytes as they are, and what the container has against them."""
    hasher = ItemHasher()
    refused = None
    try:
        abreast.feed(_counted(ex, path), hasher.parts)
    except (Malformed, Rejected) as error:
        refused = error
    return hasher.finish(), refused


def _counted(ex: Examination, path: str) -> Iterator[bytes | memoryview]:
    for piece in ex.packet.stream(path):
        yield piece
        ex.on_bytes(len(piece))


def _with_sm3(ex: Examination, path: str) -> ItemDigest:
    hasher = ItemHasher(sm3=True)
    abreast.feed(ex.packet.stream(path), hasher.parts)
    return hasher.finish()


def _open_note(ex: Examination, log: TrustedLog, note: SignedNote) -> Cosigned:
    """A checkpoint that the packet shows, held against the others that it shows."""
    cosigned = ex.open_note(log, note)
    size, root = cosigned.checkpoint.size, cosigned.checkpoint.root
    tree = log.label, size
    if ex.roots.setdefault(tree, root) != root:
        raise Rejected(f"two checkpoints of size {size} differ: the log has two histories")
    _see(ex, log.label, cosigned)
    return cosigned


def _see(ex: Examination, label: str, cosigned: Cosigned) -> None:
    if (time := cosigned.quorum_time) is not None:
        tree = label, cosigned.checkpoint.size
        ex.seen[tree] = min(time, ex.seen.get(tree, time))


def _quorum(path: str, cosigned: Cosigned, overlap: int) -> Finding:
    if overlap < 1:
        detail = "your policy lets two sets of cosigners sign two histories"
        return Finding("checkpoint", Outcome.UNDECIDED, path, detail)
    if cosigned.quorum_time is None:
        names = ", ".join(sorted(cosigned.times)) or "nobody"
        return Finding("checkpoint", Outcome.UNDECIDED, path, f"no quorum: cosigned by {names}")
    detail = (
        f"cosigned by {', '.join(sorted(cosigned.times))}; two histories are possible "
        f"only if {overlap} of them collude"
    )
    return Finding("checkpoint", Outcome.PASSED, path, detail)


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
    log = ex.trust.log(place.log)
    assert log is not None  # places of unknown logs have no sound checkpoint
    key = (place.log, receipt.note)
    # Thousands of proofs end in the same note: its signatures are checked once.
    if key not in opened:
        opened[key] = _open_note(ex, log, SignedNote.from_text(receipt.note))
    cosigned = receipt.check(entry.leaf_hash(), opened[key])
    if cosigned.checkpoint.size != size:
        raise Rejected(f"{path} is a proof to size {cosigned.checkpoint.size}")
    final = ex.checkpoints[place.log].checkpoint
    if size > final.size:
        raise Rejected(f"{path} is beyond the packet checkpoint of size {final.size}")
    return cosigned


def _withdraw(ex: Examination, register: Register) -> Iterator[Finding]:
    """What the register takes from keys of the trust folder. It lowers a verdict, or nothing."""
    places = {ex.position(place): place for place in ex.views}
    seen = {position: ex.views[place].quorum_time for position, place in places.items()}
    ex.gone = gone = withdrawals(register.trusted, ex.trust, seen)
    if not gone:
        return
    ex.seen.clear()  # counted anew below
    for label, cosigned in ex.checkpoints.items():
        ex.checkpoints[label] = counted(cosigned, ex.trust, label, gone)
        _see(ex, label, ex.checkpoints[label])
    for w in gone:
        detail = f"the {w.role} key {w.keyid} does not count since {format_time(w.since_ms)}"
        yield Finding("signature", Outcome.PASSED, places[w.position].to_text(), detail)
    for position, place in sorted(places.items()):
        view = ex.views[place]
        view.claimed_time = view.quorum_time
        view.proofs = tuple(counted(p, ex.trust, place.log, gone) for p in view.proofs)
        for proof in view.proofs:
            _see(ex, place.log, proof)
        if any(w.position == position for w in gone):
            continue
        if view.claimed_time is not None and view.quorum_time is None:
            detail = "without keys that no longer counted no quorum had seen it"
            yield Finding("checkpoint", Outcome.UNDECIDED, place.to_text(), detail)
        if _by_registrar(view) and any(
            w.role is Role.REGISTRAR and not w.before(view.quorum_time) for w in gone
        ):
            detail = "registered when the registrar's key no longer counted"
            yield Finding("signature", Outcome.UNDECIDED, place.to_text(), detail)


def _by_registrar(view: View) -> bool:
    return view.statement is not None and view.statement.kind is Kind.REGISTER


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
            end = _open_note(ex, log, open_closing(view.statement).note)
            check_end(end.checkpoint, cosigned.checkpoint)
        except (Malformed, Rejected) as error:
            yield _failed("checkpoint", about, error)
            continue
        ex.ends[log.label] = end.checkpoint.size
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


def _is_closing(ex: Examination, view: View) -> bool:
    """It is found by its place, not by a tag: nothing is hidden if its series is not shown."""
    first = view.place.index == 0 and ex.position(view.place)[0] > 0
    return first and view.statement is not None and view.statement.kind is Kind.RENEWAL


def _check_no_other_series(ex: Examination, view: View, statement: Statement) -> None:
    own = series_names(statement, view.place.log, ex.trust.first_year)
    for name, found in ex.series.items():
        if view.place in found.numbers and name not in own:
            raise Rejected(f"the opening of a log is no statement of {name!r}")


def _open_series(ex: Examination, path: str) -> Iterator[Finding]:
    file = SeriesFile.from_bytes(ex.read(path))
    key = ex.trust.series.get(series_year(file.name))
    if key is None:
        detail = f"your trust folder has no series key of {series_year(file.name)}"
        yield Finding("series", Outcome.UNDECIDED, path, detail)
        return
    opened = key.open(file.name, file.signature)
    if file.name in ex.series:
        raise Rejected(f"{file.name} stands here twice")
    for n, (place, tag) in enumerate(
        zip(file.places, opened.tags(1, len(file.places)), strict=True), 1
    ):
        view = ex.views.get(place)
        if view is None:
            raise Rejected(f"statement {n} of {file.name} has no sound entry at {place.to_text()}")
        if tag not in view.entry.tags:
            raise Rejected(f"{place.to_text()} is not statement {n} of {file.name}")
    positions = [ex.position(place) for place in file.places]
    if positions != sorted(positions):
        raise Rejected(f"{file.name} is not in log order")
    numbers = {place: n for n, place in enumerate(file.places, 1)}
    ex.series[file.name] = OpenedSeries(opened, numbers)


def _check_membership(ex: Examination, view: View, statement: Statement) -> None:
    tags = []
    names = series_names(statement, view.place.log, ex.trust.first_year)
    for name in names:
        if name not in ex.series:
            raise Rejected(f"the packet has no sound series {name!r}")
        found = ex.series[name]
        if view.place not in found.numbers:
            raise Rejected(f"not listed in its series {name!r}")
        tags.append(found.opened.tag(found.numbers[view.place]))
    check_tags(view.entry, view.salt, tags)
    view.series = names


def _check_case(ex: Examination, view: View, statement: Statement, names: set[str]) -> None:
    """`names` are the series of this packet's case, with a provisional one that it grew from."""
    own = set(view.series)
    if statement.predicate.get("act") == OPENING:
        own = {provisional_series(statement.id, ex.trust.first_year)}
    if not own & names:
        raise Rejected("this statement is not about the case of the packet")
    if statement.case is not None and ex.register is not None:
        templates = ex.register.case_numbers(statement.agency)
        if templates:
            check_spelling(statement.case, templates)


def _compared(
    ex: Examination, label: str, claims: "Claims", problems: list[tuple[str, str]]
) -> Iterator[Finding]:
    cosigned = ex.checkpoints[label]
    for name, detail in problems:
        yield Finding("complete", Outcome.FAILED, name, detail)
    for view, size, root in claims.wrong:
        detail = f"its signer had checked another history: size {size} has root {root}"
        yield Finding("complete", Outcome.FAILED, view.place.to_text(), detail)
    if not problems:
        detail = (
            f"as of {seconds_text(cosigned.quorum_time)}: {len(ex.series)} series recounted "
            f"over {cosigned.checkpoint.size} entries"
        )
        yield Finding("complete", Outcome.PASSED, label, detail)


@dataclass(slots=True)
class Claims:
    """What signers said they had checked before signing, by tree size."""

    by_size: dict[int, list[tuple[View, bytes]]]
    wrong: list[tuple[View, int, str]] = field(default_factory=list)

    def compare(self, size: int, root: bytes) -> None:
        for view, claimed in self.by_size[size]:
            if claimed != root:
                self.wrong.append((view, size, format_base64(root)))


def _after_claims(ex: Examination, label: str) -> Claims:
    origin = ex.checkpoints[label].checkpoint.origin
    size = ex.checkpoints[label].checkpoint.size
    by_size: defaultdict[int, list[tuple[View, bytes]]] = defaultdict(list)
    for view, statement in ex.shown():
        after = statement.after
        if after is not None and after.origin == origin and 0 < after.size <= size:
            by_size[after.size].append((view, after.root))
    return Claims(dict(by_size))


def _read_tags(log: PublicLog, label: str, checkpoint: Checkpoint, claims: Claims) -> bytes:
    """The tags of every entry below the checkpoint, 128 bytes an entry, in log order.

    They are returned, and so count, only once the root was recomputed.
    """
    newer = _size_hint(log, label)
    tags = bytearray()
    last = max(claims.by_size, default=0)
    edge, at = Edge(), 0
    for first, entries in read_log(
        lambda path: log.read(label, path), checkpoint, tiles=False, newer=newer
    ):
        at, odd = scan_entries(entries, at)
        if odd is not None:
            raise Rejected(f"entry {first + odd[0]}: {odd[1]}")
        for entry in entries:
            tags += b"".join(Entry.from_bytes(entry).tags)
        if first < last:
            edge = _compare_claims(edge, leaf_hashes(entries), claims)
    return bytes(tags)


def _compare_claims(edge: Edge, leaves: Sequence[bytes], claims: Claims) -> Edge:
    """Grows the tree by `leaves`, comparing what was claimed of each size on the way."""
    first, done = edge.size, 0
    for size in range(first + 1, first + len(leaves) + 1):
        if size in claims.by_size:
            edge, done = edge.extend(leaves[done : size - first]), size - first
            claims.compare(size, edge.root())
    return edge.extend(leaves[done:])


def _size_hint(log: PublicLog, label: str) -> int:
    """The size that the copy claims: only to find its partial tiles."""
    try:
        note = SignedNote.from_bytes(log.read(label, "checkpoint"))
        return Checkpoint.from_text(note.text).size
    except (Malformed, Rejected):
        return 0


def _recount(ex: Examination, tags: Mapping[str, bytes]) -> dict[str, list[tuple[str, str]]]:
    """By log, what is wrong with which series."""
    problems: dict[str, list[tuple[str, str]]] = {label: [] for label in tags}
    names = sorted(ex.series) if tags else []
    for start in range(0, len(names), SERIES_AT_ONCE):
        # The tags of each series once, whatever the number of logs.
        expected, beyond = _tags_of(ex, names[start : start + SERIES_AT_ONCE])
        for label in tags:
            problems[label] += _odd_tags(label, tags[label], expected, beyond)
    return problems


Expected = dict[bytes, tuple[str, Place]]
Beyond = dict[bytes, tuple[str, int]]


def _tags_of(ex: Examination, names: list[str]) -> tuple[Expected, Beyond]:
    expected: Expected = {}
    beyond: Beyond = {}
    for name in names:
        opened, count = ex.series[name].opened, len(ex.series[name].numbers)
        for place, tag in zip(ex.series[name].numbers, opened.tags(1, count), strict=True):
            expected[tag] = (name, place)
        for n, tag in enumerate(opened.tags(count + 1, count + LOOKAHEAD), count + 1):
            beyond[tag] = (name, n)
    return expected, beyond


def _odd_tags(
    label: str, tags: bytes, expected: Expected, beyond: Beyond
) -> Iterator[tuple[str, str]]:
    """Tags 1…N stand once each, none of the next 65,536 does."""
    for start in range(0, len(tags), TAG_SIZE):
        tag, index = tags[start : start + TAG_SIZE], start // (TAGS * TAG_SIZE)
        if tag in beyond:
            name, n = beyond[tag]
            detail = f"entry {index} is statement {n}, which is not shown"
            yield name, detail
        elif tag in expected and expected[tag][1] != Place(label, index):
            detail = f"entry {index} repeats a statement: a fork"
            yield expected[tag][0], detail


def _order(ex: Examination, view: View, decision: Decision) -> Order:
    number = ex.position(view.place)[0]
    proofs = [
        Fixed(number, p.checkpoint.size, p.quorum_time)
        for p in view.proofs
        if p.quorum_time is not None
    ]
    return order(ex.position(view.place), proofs, decision)


def _time_problems(ex: Examination, view: View, statement: Statement) -> Iterator[Finding]:
    about = view.place.to_text()
    fixed = view.quorum_time
    if fixed is None:
        yield Finding("time", Outcome.UNDECIDED, about, "no quorum has seen it yet")
        return
    accepted = view.entry.at // 1000
    if fixed - accepted > LATE_S:
        detail = f"late witnessed: {fixed - accepted} s after the ledger says it accepted it"
        yield Finding("time", Outcome.UNDECIDED, about, detail)
    # The earliest time that anything here claims: a key withdrawn later takes no doubt away.
    fixed = fixed if view.claimed_time is None else view.claimed_time
    if accepted - fixed > LATE_S:
        detail = f"the ledger says {format_time(view.entry.at)}, the quorum {seconds_text(fixed)}"
        yield Finding("time", Outcome.UNDECIDED, about, detail)
    occurred = statement.occurred
    if occurred is not None and occurred.start_ms // 1000 > fixed + LATE_S:
        detail = f"claims to have begun at {occurred.start_text}, after it was fixed"
        yield Finding("time", Outcome.UNDECIDED, about, detail)
    if (after := statement.after) and (detail := _after_problem(ex, view, after)):
        yield Finding("time", Outcome.FAILED, about, detail)


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


def _shown(ex: Examination, place: Place) -> Shown | None:
    """What the packet shows of an entry, for a row that hashed it again."""
    view = ex.views.get(place)
    if view is None:
        return None
    paths = {"entry": ex.layout.entries[place]}
    items: tuple[Callable[[], bytes] | None, ...] | None = None
    if view.statement is not None:
        paths |= {"envelope": ex.layout.envelopes[place], "salt": ex.layout.salts[place]}
        items = tuple(
            None if (path := ex.item_of.get(subject)) is None else partial(_strong, ex, path)
            for subject in view.statement.files
        )

    def digests(size: int) -> dict[str, bytes]:
        proof = ex.layout.proofs.get((place, size))
        if proof is None:
            raise Rejected(f"no proof to the tree of {size} entries that was hashed again")
        return {name: _strong(ex, path) for name, path in {**paths, "proof": proof}.items()}

    return Shown(digests, items)


def _strong(ex: Examination, path: str) -> bytes:
    """Once for each file, however many rows speak of it."""
    if path not in ex.strong:
        hasher = suite.new_strong_digest()
        for piece in ex.packet.stream(path):
            hasher.update(piece)
        ex.strong[path] = hasher.digest()
    return ex.strong[path]


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


def _not_checked(step: str, about: str, error: Unavailable) -> Finding:
    return Finding(step, Outcome.UNDECIDED, about, f"not checked: {error}")


def _failed(step: str, about: str, error: LedgerError) -> Finding:
    return Finding(step, Outcome.FAILED, about, str(error))


def _all_good(step: str, good: int, what: str) -> Iterable[Finding]:
    if good:
        yield Finding(step, Outcome.PASSED, "packet", f"{good} {what}")
    else:
        yield Finding(step, Outcome.UNDECIDED, "packet", f"no {what} were shown")
