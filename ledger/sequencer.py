"""Plans a batch: right edge + what waits + time → entries, places, new edge. Pure.

Logs follow each other, and their rows have one number, which runs on across them: row
`number` is entry `number - start` of the log whose entry 0 has the number `start`. So what
is kept in order of the ledger, such as a series, needs no log beside it.

The n-th statement of a series gets the n-th tag. `at` is the wall clock in whole
minutes and never decreases along the log, whatever the clock does.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.evidence.entry import MINUTE_MS, Entry, check_commitment, commit
from ledger.evidence.envelope import Envelope
from ledger.evidence.series import Series, entry_tags
from ledger.evidence.statement import Statement
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import Edge, leaf_hash


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a log after a commit. `note` is its checkpoint, signed by the log.

    `log` counts the logs from 0; `start` is the number of its entry 0.
    """

    edge: Edge
    at_ms: int
    note: str
    log: int = 0
    start: int = 0

    @property
    def end(self) -> int:
        """The number that the next row has."""
        return self.start + self.edge.size


@dataclass(frozen=True, slots=True)
class Pending:
    """A statement that was checked and waits for its place."""

    statement: Statement
    envelope: bytes
    salt: bytes
    series: tuple[Series, ...]
    items: tuple[str, ...] = ()  # object ids that it claims


LOST = "lost"  # the kind of a row whose statement nobody has any more
DESTROYED = "destroyed"  # and of one whose statement a disposal in the log has destroyed


@dataclass(frozen=True, slots=True)
class Row:
    """A statement in its place: entry `index` of log `log`. `places` are its series with its n.

    Of a lost one there is the entry, and those places that its tags have shown. Of a destroyed
    one there are its id and places too, and `by` is the number of the disposal.
    """

    index: int
    statement_id: str
    kind: str
    envelope: bytes
    salt: bytes
    entry: bytes
    places: tuple[tuple[str, int], ...]
    log: int = 0
    start: int = 0
    by: int | None = None

    @property
    def number(self) -> int:
        return self.start + self.index

    @property
    def position(self) -> tuple[int, int]:
        return self.log, self.index

    @property
    def lost(self) -> bool:
        """Whether there is nothing to show: it was lost, or destroyed."""
        return self.kind in (LOST, DESTROYED)

    @property
    def destroyed(self) -> bool:
        return self.kind == DESTROYED

    def check_logged(self) -> None:
        """Raises unless it is the statement that is logged: whoever writes into the store may
        have put another in its place."""
        check_commitment(Entry.from_bytes(self.entry), self.salt, self.envelope)

    def said(self) -> Statement | None:
        """The statement, read anew; None where there is nothing to show."""
        return (
            None if self.lost else Statement.from_bytes(Envelope.from_bytes(self.envelope).payload)
        )


def speakers(
    rows: Iterable[Row],
    row_of: Callable[[int], Row],
    said: Callable[[Row], Statement | None] = Row.said,
) -> Iterator[Statement]:
    """What was said in these rows, as far as anybody knows: of what is destroyed, its disposal
    still says whose it was."""
    for row in rows:
        here = row if row.by is None else row_of(row.by)
        if not here.lost and (statement := said(here)) is not None:
            yield statement


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction stores. `series` are those that count anew, with their last n."""

    rows: tuple[Row, ...]
    series: tuple[tuple[Series, int], ...]
    claims: tuple[str, ...]
    edge: Edge
    at_ms: int
    log: int = 0
    start: int = 0

    def head(self, note: str) -> Head:
        return Head(self.edge, self.at_ms, note, self.log, self.start)

    def checkpoint(self, origin: str) -> Checkpoint:
        return Checkpoint(origin, self.edge.size, self.edge.root())


def plan(
    edge: Edge,
    last_at_ms: int,
    pending: Sequence[Pending],
    counts: Mapping[str, int],
    now_ms: int,
    log: int = 0,
    start: int = 0,
) -> Batch:
    """`counts` is how many statements each series has; a missing name has none.

    `edge` is that of log `log`, whose entry 0 has the number `start`.
    """
    at_ms = max(last_at_ms, now_ms - now_ms % MINUTE_MS)
    numbers = dict(counts)
    signed: dict[str, Series] = {}
    rows = []
    for index, waiting in enumerate(pending, edge.size):
        places, tags = [], []
        for series in waiting.series:
            n = numbers.get(series.name, 0) + 1
            numbers[series.name] = n
            signed[series.name] = series
            places.append((series.name, n))
            tags.append(series.tag(n))
        entry = Entry(at_ms, commit(waiting.salt, waiting.envelope), entry_tags(waiting.salt, tags))
        rows.append(
            Row(
                index,
                waiting.statement.id,
                waiting.statement.kind,
                waiting.envelope,
                waiting.salt,
                entry.to_bytes(),
                tuple(places),
                log,
                start,
            )
        )
    return Batch(
        tuple(rows),
        tuple((series, numbers[name]) for name, series in signed.items()),
        tuple(item for waiting in pending for item in waiting.items),
        edge.extend(leaf_hash(row.entry) for row in rows),
        at_ms,
        log,
        start,
    )
