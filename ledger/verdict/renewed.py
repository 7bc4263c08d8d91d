"""The renewals of a packet: what of it still counts at a later time, and since when.

A renewal counts by the token over its envelope, whoever made it: nobody can make one of an
earlier year. Each of its rows is proved to stand in it and held against the bytes of the
packet; what it does not cover, it says nothing about.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ledger import suite
from ledger.errors import Malformed, Rejected
from ledger.evidence.envelope import Envelope
from ledger.evidence.packet import Place
from ledger.evidence.rehash import Row, RowProof, check_covered
from ledger.evidence.renewal import Rows, rows_of
from ledger.evidence.statement import Kind, Statement
from ledger.evidence.trust import Trust
from ledger.process.renewal import Chain, Renewal, Token
from ledger.report import Finding, Outcome
from ledger.timestamp import Timestamp
from ledger.tlog.note import Algorithm
from ledger.verdict.examination import Examination
from ledger.verdict.stamps import Stamp, open_of_one

STEP = "renewal"
RESTS_ON = ("ed25519", "rsa", "sha256")  # commitments, paths, roots, signatures, series


@dataclass(frozen=True, slots=True)
class Shown:
    """What a packet shows of one entry, as a row speaks of it; None where it is not there."""

    digests: Callable[[int], Mapping[str, bytes]]
    items: tuple[Callable[[], bytes] | None, ...] | None


@dataclass(slots=True)
class Opened:
    """Those that hold, and what is wrong with the others."""

    renewals: list[Renewal] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def renewals(ex: Examination) -> Iterator[Finding]:
    if ex.at_ms is None:
        yield Finding(STEP, Outcome.PASSED, "packet", "nothing was asked about later times")
        return
    places = sorted(ex.views, key=ex.position)
    yield from renewal_findings(_opened(ex), ex.stamps, places, ex.trust, ex.at_ms)


def _opened(ex: Examination) -> Opened:
    opened = Opened()
    layout = ex.layout
    rows: defaultdict[str, list[str]] = defaultdict(list)
    for (number, _), path in sorted(layout.renewal_rows.items()):
        rows[number].append(path)
    for number, path in sorted(layout.renewals.items()):
        try:
            renewal = _open(ex, number, path, rows[number])
        except (Malformed, Rejected) as error:
            opened.findings.append(Finding(STEP, Outcome.FAILED, path, str(error)))
            continue
        if renewal is None:
            detail = "no authority of yours has stamped it"
            opened.findings.append(Finding(STEP, Outcome.UNDECIDED, path, detail))
        else:
            opened.renewals.append(renewal)
    numbers = {*layout.renewal_tokens, *layout.renewal_lists, *(n for n, _ in layout.renewal_rows)}
    for number in sorted(numbers - layout.renewals.keys()):
        about = f"data/renewals/{number}"
        opened.findings.append(Finding(STEP, Outcome.FAILED, about, "parts without a renewal"))
    return opened


def _open(ex: Examination, number: str, path: str, row_paths: Sequence[str]) -> Renewal | None:
    layout, trust = ex.layout, ex.trust
    data = ex.read(path)
    statement = Statement.from_bytes(Envelope.from_bytes(data).payload)
    rows = rows_of(statement.predicate) if statement.kind is Kind.RENEWAL else None
    if rows is None:
        raise Rejected("it renews nothing")
    if number not in layout.renewal_tokens:
        raise Rejected("it has no token")
    token = ex.read(layout.renewal_tokens[number])
    crl = ex.read(layout.renewal_lists[number]) if number in layout.renewal_lists else b""
    timestamp = open_of_one(trust, token, data, crl)
    if timestamp is None:
        return None
    covers, places = set(), set()
    for row_path in row_paths:
        proof = RowProof.from_bytes(ex.read(row_path))
        proof.check(rows.count, rows.root)
        if not isinstance(proof.row, Row):
            covers.add(proof.row.token)
            continue
        place = _place(rows, proof.index, trust)
        _check_row(proof.row, rows.size, place, _shown(ex, place))
        places.add(place.to_text())
    name = f"the renewal {number}"
    ends = ends_of(timestamp, trust)
    if "sha512" in trust.ends:
        ends["sha512"] = trust.ends["sha512"]  # of its rows, and of what they cover
    held = Token(name, timestamp.latest_ms, ends, suite.strong_digest(token))
    return Renewal(name, held, frozenset(covers), frozenset(places))


def _place(rows: Rows, index: int, trust: Trust) -> Place:
    log = next((log for log in trust.logs if log.origin == rows.origin), None)
    if log is None or index >= rows.size:
        raise Rejected(f"row {index} is no entry of a log that your trust folder knows")
    return Place(log.label, index)


def _check_row(row: Row, size: int, place: Place, shown: Shown | None) -> None:
    if shown is None:
        raise Rejected(f"{place.to_text()} is not in the packet")
    items = shown.items
    given = [None] * len(row.items) if items is None else [i and i() for i in items]
    try:
        check_covered(row, shown.digests(size), given)
    except Rejected as error:
        raise Rejected(f"{place.to_text()}: {error}") from None


def ends_of(timestamp: Timestamp, trust: Trust) -> dict[str, int]:
    """Until when each thing that a token rests on is believed."""
    ends = {name: trust.ends[name] for name in timestamp.relies_on if name in trust.ends}
    own = min(timestamp.ends_ms, trust.ends.get(f"tsa/{timestamp.authority}", timestamp.ends_ms))
    return ends | {f"the authority {timestamp.authority}": own}


def _rests_on(trust: Trust) -> tuple[str, ...]:
    cosigners = (witness.key for log in trust.logs for witness in log.policy.witnesses)
    if any(key.algorithm is Algorithm.COSIGNATURE_MLDSA44 for key in cosigners):
        return (*RESTS_ON, "mldsa44")
    return RESTS_ON


def renewal_findings(
    opened: Opened, stamps: Sequence[Stamp], places: Sequence[Place], trust: Trust, at_ms: int
) -> Iterator[Finding]:
    """What no longer counts at `at_ms`. A chain that is shown with a gap fails; without any
    renewal what has ended is undecided: it may have been renewed, and not be shown.
    """
    yield from opened.findings
    chain = Chain(opened.renewals, at_ms)
    gap = Outcome.FAILED if opened.renewals else Outcome.UNDECIDED
    ends = {name: trust.ends[name] for name in _rests_on(trust) if name in trust.ends}
    good = 0
    for place in places:
        try:
            chain.held_at(place.to_text(), ends)
            good += 1
        except Rejected as error:
            yield Finding(STEP, gap, place.to_text(), str(error))
    for stamp in stamps:
        if (timestamp := stamp.timestamp) is None:
            continue
        held = Token("the token", timestamp.at_ms, ends_of(timestamp, trust), stamp.digest)
        try:
            chain.check_token(held)
        except Rejected as error:
            yield Finding(STEP, gap, stamp.path, str(error))
    if good:
        yield Finding(STEP, Outcome.PASSED, "packet", f"{good} entries")
    elif not places:
        yield Finding(STEP, Outcome.UNDECIDED, "packet", "no entries were shown")


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
