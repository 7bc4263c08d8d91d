"""A yearly file, made from the ledger: the numbers of an agency, and every act behind them.

As of the newest checkpoints that a quorum has cosigned, so that whoever reads a copy of the log
finds there what the file says, and can count it again (`ledger.recount`).
"""

from collections.abc import Iterator

from ledger.errors import Unavailable, Unknown
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import acts_series
from ledger.evidence.statement import Statement
from ledger.log import Log
from ledger.process.reports.statistics import Tally
from ledger.process.reports.yearly import Gone, Shown, Yearly
from ledger.sequencer import Row
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote


def yearly_lines(log: Log, year: str, agency: str) -> Iterator[bytes]:
    """Line by line, none with its end. Reads every act twice, and keeps none.

    Raises `Unknown` of an agency without acts in that year, `Unavailable` until a quorum has
    seen one: before anything is given.
    """
    name = acts_series(year, agency)
    if not log.places(name):
        raise Unknown(f"no act of {agency!r} is logged in {year}")
    sizes = _sizes(log, year)
    numbers = [n for n in log.places(name) if _within(log, n, sizes)]
    tally = Tally(int(year))
    for row in map(log.row, numbers):
        if _gone(row) is None:
            tally.add(Statement.from_bytes(Envelope.from_bytes(row.envelope).payload))
    first = Yearly(agency, year, tally.numbers(), log.series_signature(name), sizes)
    return _lines(first, log, numbers)


def _lines(first: Yearly, log: Log, numbers: list[int]) -> Iterator[bytes]:
    yield first.to_bytes()
    for row in map(log.row, numbers):
        gone = _gone(row)
        yield (Shown(row.envelope, row.salt) if gone is None else Shown(b"", b"", gone)).to_bytes()


def _sizes(log: Log, year: str) -> dict[str, int]:
    """Of each log of that year; of a closed one where it ended."""
    sizes = {}
    for derived in log.derived:
        if derived.label[:4] == year:
            closed = derived.number < len(log.derived) - 1
            note = derived.best_note(log.closed_size(derived.number) if closed else 1)
            if note is None:
                raise Unavailable(
                    f"no quorum has seen the log {derived.label} yet",
                    hints=("try again in a moment; a yearly file waits for the cosigners",),
                )
            sizes[derived.label] = Checkpoint.from_text(SignedNote.from_text(note).text).size
    return sizes


def _within(log: Log, number: int, sizes: dict[str, int]) -> bool:
    place = log.place_of(number)
    return place.index < sizes.get(place.log, 0)


def _gone(row: Row) -> Gone | None:
    if row.destroyed:
        return Gone.DESTROYED
    return Gone.LOST if row.lost else None
