"""Makes the feed out of the log's rows, and sends it, beside everything else.

An event is made once a quorum has seen its entry, in log order, and gets the next number; from
then on the number is that row's for good. The log says that events leave before they do. Whatever
the receiver does, filing goes on; it gets every page again until it acknowledges it.

Numbers that are not here, as after a restore, are made again: the same, and under the same id, if
no statement has gone since the feed began. What was sent then stands in the log.
"""

import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from itertools import takewhile
from pathlib import Path
from typing import Protocol

from api.clients.patience import Patience, Stopped
from api.custody import Custody
from api.journal import journal
from ledger import process
from ledger.encoding import format_json, format_time, parse_decimal
from ledger.errors import LedgerError, Malformed, Unavailable
from ledger.evidence.entry import Entry
from ledger.evidence.signing import seal
from ledger.log import Log
from ledger.ports import LedgerStore
from ledger.process.feeds.feed import (
    MAX_EVENTS,
    MAX_PAGE,
    Page,
    Source,
    Told,
    digest_of,
    event_of,
    feed_id,
    first_link,
    may_leave,
    next_link,
)
from ledger.process.feeds.feed_table import FeedTable
from ledger.sequencer import Row
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.tlog.signing_key import SigningKey
from storage.feed_sqlite import FeedState, Numbered, SqliteFeed
from storage.refusals import refusals
from storage.regular import open_regular

ROWS_AT_ONCE = 1000
MAX_TABLE = 1 << 20
SENT = "feed_sent"  # the status that stands in the log before events leave by themselves


def shipped_table() -> FeedTable:
    return FeedTable.from_bytes(files(process).joinpath("feed.toml").read_bytes())


def read_feed_table(path: Path) -> FeedTable:
    what = f"read the feed's table {str(path)!r}"
    with refusals(what), open(open_regular(path), "rb") as file:
        data = file.read(MAX_TABLE + 1)
    if len(data) > MAX_TABLE:
        raise Malformed(f"want at most {MAX_TABLE} bytes", path=str(path))
    try:
        return FeedTable.from_bytes(data)
    except Malformed as error:
        raise error.under(str(path)) from None


class Feed:
    """The feed of one ledger. Its methods may be called from any thread."""

    def __init__(
        self,
        log: Log,
        rows: LedgerStore,
        kept: SqliteFeed,
        table: FeedTable,
        key: SigningKey,
    ) -> None:
        self._log = log
        self._rows = rows
        self._kept = kept
        self._table = table
        self._key = key
        self._lock = threading.Lock()

    @property
    def kept(self) -> SqliteFeed:
        return self._kept

    def catch_up(self) -> FeedState:
        """Numbers what a quorum has seen since; a feed of another table is a new one."""
        with self._lock:
            state = self._kept.state()
            if state is None or state.table != self._table.hash:
                self._begin()
            for start, end in self._seen():
                if self._state().scanned < start:
                    break  # the log before is not seen to its end: its events come first
                while (at := max(self._state().scanned, start)) < end:
                    self._number(at, min(at + ROWS_AT_ONCE, end))
            return self._state()

    def page(self, after: int, limit: int = MAX_PAGE) -> Page:
        """The events after that number, as many as are of one log; raises `Unknown` beyond."""
        state = self._state()
        before = self._kept.link(after) if after else first_link(state.id)
        numbered = self._kept.events(after, limit)
        rows = [self._log.row(one.number) for one in numbered]
        log = self._log.of(rows[0]) if rows else self._log.derived[-1]
        same = list(takewhile(lambda row: row.log == log.number, rows))
        note = log.best_note(same[-1].index + 1 if same else 0)
        if note is None:
            raise Unavailable("no quorum of cosigners has seen the log yet")
        told = _fitting(
            self._told(one, row, log.receipt(row.index, note).proof)
            for one, row in zip(numbered, same, strict=False)
        )
        names = sorted({one.run[0] for one in told if one.run is not None})
        return Page(
            feed=state.id,
            table=state.table,
            log=log.label,
            after=after,
            head=state.head,
            before=before,
            chain=numbered[len(told) - 1].chain if told else before,
            checkpoint=note,
            events=told,
            series={name: self._log.series_signature(name) for name in names},
        )

    def seal(self, page: Page) -> bytes:
        return seal(page.to_bytes(), [self._key]).to_bytes()

    def _begin(self) -> None:
        """Where that feed has been before, what the log says of it as sent is still sent."""
        kinds = self._table.kinds
        silent = [
            row.number
            for row in self._rows.rows(0, self._log.number)
            if row.lost and may_leave([name for name, _ in row.places], kinds)
        ]
        first = self._log.derived[0].key
        founded_ms = Entry.from_bytes(self._log.row(0).entry).at
        id_ = feed_id(founded_ms, first, self._table.hash, silent)
        self._kept.begin(id_, self._table.hash, self._sent(id_))

    def _sent(self, id_: str) -> int:
        """The last event that stands in the log as sent."""
        years = {log.label[:4] for log in self._log.derived}
        for year in sorted(years, reverse=True):
            for number in reversed(self._log.places(f"{year}/log")):
                said = self._log.row(number).said()
                if said is None or said.predicate.get("what") != SENT:
                    continue
                if said.predicate.get("note") == _feed_note(id_):
                    return parse_decimal(said.predicate["counts"]["last"])
        return 0

    def _state(self) -> FeedState:
        state = self._kept.state()
        assert state is not None
        return state

    def _seen(self) -> Iterator[tuple[int, int]]:
        """The numbers of rows that a quorum has seen, log by log."""
        for log in self._log.derived:
            if note := log.best_note(0):
                start = self._log.start_of(log.number)
                size = Checkpoint.from_text(SignedNote.from_text(note).text).size
                yield start, start + size

    def _number(self, start: int, end: int) -> None:
        state = self._state()
        n = state.head
        link = self._kept.link(n) if n else first_link(state.id)
        events = []
        for row in self._rows.rows(start, end):
            event = self._event(row, n + 1)
            if event is not None:
                n, digest = n + 1, digest_of(event)
                link = next_link(link, digest)
                events.append(Numbered(n, row.number, digest, link))
        self._kept.add(events, end)

    def _event(self, row: Row, n: int) -> dict[str, object] | None:
        if row.kind not in self._table.kinds or (statement := row.said()) is None:
            return None
        source = Source(
            statement,
            row.salt,
            self._log.of(row).label,
            row.index,
            format_time(Entry.from_bytes(row.entry).at),
            row.places,
        )
        return event_of(source, n, self._table)

    def _told(self, numbered: Numbered, row: Row, proof: Sequence[bytes]) -> Told:
        event = self._event(row, numbered.n)
        if event is not None and digest_of(event) != numbered.digest:
            raise Unavailable(f"event {numbered.n} is not what it was: begin a new feed")
        return Told(event, numbered.digest, row.entry, row.index, tuple(proof))


class Receiver(Protocol):
    shown: str

    def send(self, page: Page, envelope: bytes) -> None: ...

    def close(self) -> None: ...


class Pusher:
    """A thread that sends what is new, and sends it again until the receiver has it."""

    def __init__(self, feed: Feed, receiver: Receiver | None, custody: Custody, every_s: float):
        self._feed = feed
        self._receiver = receiver
        self._custody = custody
        self._every_s = every_s
        self._fresh = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        if self._receiver is not None:
            self._thread.start()

    def wake(self) -> None:
        """A quorum has seen more; returns at once."""
        self._fresh.set()

    def stop(self) -> None:
        self._stop.set()
        self._fresh.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=2)  # it may wait for an answer; the page is sent again
        if self._receiver is not None:
            self._receiver.close()

    def _run(self) -> None:
        assert self._receiver is not None
        patience = Patience(self._stop, float("inf"))
        while not self._stop.is_set():
            try:
                self._fresh.clear()
                page = self.push(self._receiver)
                patience.moved()
                if page is None:
                    self._fresh.wait(self._every_s)  # somebody may have reset it meanwhile
                elif page.last == page.head:
                    patience.pause(self._every_s)
            except Stopped:
                return
            except Exception as error:
                # Whatever it was: a receiver's fault is nobody else's.
                reason = str(error) if isinstance(error, LedgerError) else type(error).__name__
                journal.warning("feed_not_sent", to=self._receiver.shown, reason=reason)
                try:
                    patience.wait(Unavailable(reason))
                except Stopped:
                    return

    def push(self, receiver: Receiver) -> Page | None:
        """Sends the next page, if there is one; returns it once the receiver has it."""
        state = self._feed.catch_up()
        # A page that was tried once keeps its end: the log says once that its events leave.
        tried = state.announced - state.acknowledged
        count = min(MAX_PAGE, tried) if tried > 0 else MAX_PAGE
        page = self._feed.page(state.acknowledged, count)
        if not page.events:
            return None
        if page.last > state.announced:
            counts = {"first": page.after + 1, "last": page.last}
            self._custody.status(SENT, counts, note=_feed_note(page.feed))
            self._feed.kept.announce(page.last)
        receiver.send(page, self._feed.seal(page))
        self._feed.kept.acknowledge(page.after, page.last)
        journal.info("feed_acknowledged", last=page.last, of=page.head)
        return page


def _feed_note(id_: str) -> str:
    return f"feed {id_}"


def _fitting(told: Iterable[Told]) -> tuple[Told, ...]:
    """As many as a page holds: a table may let long texts leave."""
    fitting: list[Told] = []
    size = 0
    for one in told:
        size += len(format_json(one.to_json()))
        if fitting and size > MAX_EVENTS:
            break
        fitting.append(one)
    return tuple(fitting)


def fresh_nonce() -> str:
    return secrets.token_hex(16)
