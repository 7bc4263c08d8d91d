"""Completeness: the log holds no other statement of the packet's series.

Recounted over a copy of the log, entry by entry, or taken on the word of mirrors.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.encoding import format_base64
from ledger.errors import Malformed, Rejected, Unknown
from ledger.evidence.entry import TAG_SIZE, TAGS, Entry, scan_entries
from ledger.evidence.membership import case_series, series_year
from ledger.evidence.packet import Place
from ledger.report import Finding, Outcome, seconds_text
from ledger.tlog.audit import read_log
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, leaf_hashes
from ledger.tlog.note import SignedNote
from ledger.verdict.examination import Examination, PublicLog, View, failed
from ledger.verdict.withheld import not_shown

SERIES_AT_ONCE = 16  # 65,536 tags of each are in memory: 13 MB


def completeness(ex: Examination) -> Iterator[Finding]:
    yield from not_shown(ex)
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
            yield failed("complete", label, error)
    problems = _recount(ex, tags)
    for label in tags:
        yield from _compared(ex, label, claims[label], problems[label])


def _compared(
    ex: Examination, label: str, claims: "Claims", problems: list[tuple[str, str]]
) -> Iterator[Finding]:
    cosigned = ex.checkpoints[label]
    for name, detail in problems:
        yield Finding("complete", Outcome.FAILED, name, detail)
    for view, size, root in claims.wrong:
        detail = f"its signer had checked another history: size {size} has root {root}"
        # A thief writes what he likes: what counts for nothing fails nothing.
        outcome = Outcome.UNDECIDED if view.disowned else Outcome.FAILED
        yield Finding("complete", outcome, view.place.to_text(), detail)
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


Expected = dict[bytes, tuple[str, Place, int]]


Beyond = dict[bytes, tuple[str, int]]


def _tags_of(ex: Examination, names: list[str]) -> tuple[Expected, Beyond]:
    expected: Expected = {}
    beyond: Beyond = {}
    for name in names:
        opened, count = ex.series[name].opened, len(ex.series[name].numbers)
        numbers = ex.series[name].numbers.items()
        for (place, n), tag in zip(numbers, opened.tags(1, count), strict=True):
            expected[tag] = (name, place, n)
        for n, tag in enumerate(opened.beyond(count), count + 1):
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
            detail = f"entry {index} repeats statement {expected[tag][2]}: a fork"
            yield expected[tag][0], detail
