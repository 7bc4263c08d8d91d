"""Completes a restored log: what came after its backup, at exactly its old places.

Entries come from a copy of the public log, statements from those who kept them. A place is
filled only under a checkpoint that the log has signed, so that nothing else can ever be
signed there. An entry whose statement nobody has stays in the tree: the statement is
lost, and named. Its numbers in series stay taken: they are found by its tags.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ledger.errors import Conflict, Rejected
from ledger.evidence.entry import Entry
from ledger.evidence.series import Series
from ledger.sequencer import LOST, Row
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, leaf_hash

Range = tuple[int, int]  # first and last


@dataclass(frozen=True, slots=True)
class Copied:
    """A statement that its filer kept, with what the ledger answered; `source` names the copy."""

    source: str
    row: Row
    series: tuple[Series, ...]
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Completion:
    """`rows` follow the backup. The log has signed `wanted` entries; `missing` are not here."""

    rows: tuple[Row, ...]
    series: tuple[tuple[Series, int], ...]
    edge: Edge
    wanted: int
    missing: tuple[Range, ...]

    @property
    def lost(self) -> tuple[int, ...]:
        return tuple(row.index for row in self.rows if row.lost)


def complete(
    edge: Edge,
    public: Mapping[int, bytes],
    copies: Sequence[Copied],
    known: Iterable[tuple[Series, int]],
    signed: Sequence[Checkpoint],
    log: int = 0,
    start: int = 0,
) -> Completion:
    """Raises `Rejected` where the sources do not belong to one history.

    `edge` and `known`, the series with their counts, are of the backup; `public` are
    entries beyond it; `signed` are checkpoints of this log from anywhere. Its entry 0 has the
    number `start`.
    """
    here = {copy.row.index: copy.row for copy in _in_order(copies, edge.size, public)}
    entries = {index: row.entry for index, row in here.items()} | dict(public)
    roots = one_history([*signed, *(copy.checkpoint for copy in copies)])
    wanted = max([edge.size, *roots])
    reached = _grow(edge, entries, roots)
    rows = [
        replace(here[index], log=log, start=start)
        if index in here
        else Row(index, "", LOST, b"", b"", entries[index], (), log, start)
        for index in range(edge.size, reached.size)
    ]
    fresh = {series.name: series for copy in copies for series in copy.series}
    counted = list(_number(rows, fresh, known))
    missing = [index for index in range(reached.size, wanted) if index not in entries]
    if reached.size < wanted and not missing:
        # All are at hand, and no signed checkpoint holds them together.
        missing = list(range(reached.size, wanted))
    return Completion(tuple(rows), tuple(counted), reached, wanted, tuple(ranges_of(missing)))


def one_history(signed: Iterable[Checkpoint]) -> dict[int, bytes]:
    """Root by size; raises `Conflict` if two trees of one size were signed."""
    roots: dict[int, bytes] = {}
    for checkpoint in signed:
        if roots.setdefault(checkpoint.size, checkpoint.root) != checkpoint.root:
            raise Conflict(
                f"two trees of {checkpoint.size} entries were signed: the log has forked",
                hints=("keep both checkpoints, and show them to the cosigners",),
            )
    return roots


def _in_order(
    copies: Sequence[Copied], start: int, public: Mapping[int, bytes]
) -> Iterator[Copied]:
    """Those beyond the backup, one a place."""
    first: dict[int, Copied] = {}
    for copy in sorted(copies, key=lambda copy: copy.row.index):
        index = copy.row.index
        if index < start:
            continue
        if public.get(index, copy.row.entry) != copy.row.entry:
            raise Conflict(f"{copy.source}: the log has another entry at {index}")
        other = first.setdefault(index, copy)
        if other.row != copy.row:
            raise Conflict(
                f"{other.source} and {copy.source} both claim the place {index}",
                hints=("one of them is not of this log: restore without it",),
            )
    yield from first.values()


def _grow(edge: Edge, entries: Mapping[int, bytes], roots: Mapping[int, bytes]) -> Edge:
    """The largest tree that the entries give and the log has signed."""
    reached = at = edge
    while at.size in entries:
        at = at.extend([leaf_hash(entries[at.size])])
        if at.size not in roots:
            continue
        if at.root() != roots[at.size]:
            raise Rejected(
                f"the entries {edge.size} to {at.size - 1} do not give the tree of {at.size} "
                "entries that the log has signed",
                hints=("one of the copies is not of this log: find it, and restore without it",),
            )
        reached = at
    return reached


def _number(
    rows: list[Row], fresh: dict[str, Series], known: Iterable[tuple[Series, int]]
) -> Iterator[tuple[Series, int]]:
    """The series that have grown. Lost rows are given the places that their tags show."""
    given: dict[str, set[int]] = {}
    by_tag: dict[bytes, int] = {}
    for i, row in enumerate(rows):
        for name, n in row.places:
            given.setdefault(name, set()).add(n)
        if row.lost:
            by_tag |= dict.fromkeys(Entry.from_bytes(row.entry).tags, i)
    rest = dict(fresh)

    def count(series: Series, before: int) -> int:
        numbers, n = given.get(series.name, set()), before
        while n + 1 in numbers or (by_tag and series.tag(n + 1) in by_tag):
            n += 1
            if n not in numbers:
                i = by_tag[series.tag(n)]
                rows[i] = replace(rows[i], places=(*rows[i].places, (series.name, n)))
        if any(not before < number <= n for number in numbers):
            raise Rejected(f"number {n + 1} of the series {series.name!r} is nowhere")
        return n

    # Not collected: there may be millions.
    for series, before in known:
        rest.pop(series.name, None)
        if (n := count(series, before)) > before:
            yield series, n
    for series in rest.values():
        if n := count(series, 0):
            yield series, n


def ranges_of(indexes: Sequence[int]) -> Iterator[Range]:
    start = 0
    for i, index in enumerate(indexes):
        if i + 1 == len(indexes) or indexes[i + 1] != index + 1:
            yield indexes[start], index
            start = i + 1


def format_ranges(ranges: Iterable[Range]) -> str:
    """`17, 20-25`, for a person."""
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
