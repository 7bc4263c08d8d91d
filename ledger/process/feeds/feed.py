"""Pages of the feed: events of the log for the province's platform, in order, signed, chained.

    {"_type":"https://in-toto.io/Statement/v1",
     "predicate":{"after":"16","before":"9f2c…","chain":"77ab…","checkpoint":"…",
                  "events":[{"entry":"{…}","event":{"fields":{"AJBH":"…"},"n":"17",…},
                             "proof":["…"]}],
                  "feed":"0198…","head":"214","log":"2026","series":{…},"table":"41d0…"},
     "predicateType":"urn:tiezheng:feed:v1",
     "subject":[{"digest":{"sha256":"…"},"name":"checkpoint/2026"}]}

In a DSSE envelope, signed with the ledger's statement key; no entry of a log. Event n has the
digest of its JCS, and chain n = SHA-256(chain n-1 ‖ digest n), from SHA-256 over the feed's id:
a page that is missing, doubled or out of order does not fit. Each event stands beside the entry
of the statement that it was made from, with the proof that it is in the tree of `checkpoint`. An
act of a procedure has its number in the run of all acts of its agency, a complaint, hold or
disposal that names no case in that of its kind; with the signature of that series anybody computes
the tag, which the entry bears: what is left out lacks in the run.

The id of a feed follows from the ledger, its table and the statements that were gone when it
began. So numbers that were lost are made again from the log, and are the same.

Of an event whose statement was destroyed there is the digest alone. It holds a nonce that is
made from the statement's salt, so nobody guesses what it said.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from ledger import suite
from ledger.encoding import (
    format_base64,
    format_json,
    format_time,
    format_uuid7,
    parse_base64,
    parse_decimal,
    parse_hex,
    parse_json,
    parse_uuid7,
)
from ledger.errors import Malformed, Rejected
from ledger.evidence import phrase
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import is_run_of_acts, log_label, series_year
from ledger.evidence.series import MODULUS_SIZE
from ledger.evidence.statement import MAX_PAYLOAD, TYPE, Kind, Statement
from ledger.evidence.trust import Trust
from ledger.process.feeds.feed_table import FeedTable
from ledger.tlog.merkle import check_inclusion
from ledger.tlog.note import SignedNote, VerifierKey

PREDICATE = "urn:tiezheng:feed:v1"
MAX_PAGE = 100  # events
MAX_EVENTS = 600_000  # bytes of a page's events: with checkpoint and series they fit an envelope
NONCE_SIZE = 16
# Series of which a place tells the kind, also where the statement is lost.
_KINDS: Mapping[str, frozenset[str]] = {
    "custody": frozenset({Kind.CUSTODY}),
    "device": frozenset({Kind.SESSION}),
    "log": frozenset({Kind.STATUS, Kind.RENEWAL}),
    "recording": frozenset({Kind.EVIDENCE}),
    "register": frozenset({Kind.REGISTER}),
}
RUNS = frozenset({"acts", "complaint", "disposal", "hold"})

_TEXTS = ("agency", "at", "id", "index", "log", "n", "nonce", "queue")


@dataclass(frozen=True, slots=True)
class Source:
    """A statement in its place, as an event is made from it."""

    statement: Statement
    salt: bytes
    log: str
    index: int
    at: str
    places: tuple[tuple[str, int], ...]


def event_of(source: Source, n: int, table: FeedTable) -> dict[str, Any] | None:
    """The event with number n; None if the statement stays here."""
    statement = source.statement
    queue = table.queue(statement)
    if queue is None:
        return None
    nonce = suite.mac(source.salt, b"tiezheng/feed/nonce/v1")[:NONCE_SIZE]
    event: dict[str, Any] = {
        "agency": statement.agency,
        "at": source.at,
        "fields": table.leaving(statement),
        "id": statement.id,
        "index": str(source.index),
        "log": source.log,
        "n": str(n),
        "nonce": nonce.hex(),
        "queue": queue,
    }
    runs = [place for place in source.places if is_run(place[0], statement.agency)]
    if runs:
        # Of two, that of all acts: it alone tells of other cases too.
        name, place = max(runs, key=lambda run: is_run_of_acts(run[0]))
        event["run"] = {"n": str(place), "series": name}
    return event


def is_run(series: str, agency: str) -> bool:
    """Whether all of that series leave: it is of an agency and not of a case, a device or a key."""
    kind, _, whose = series[5:].partition("/")
    return kind in RUNS and whose == agency


def may_leave(series: Iterable[str], kinds: frozenset[str]) -> bool:
    """Whether a statement that is gone, of these series, may have been of one of these kinds."""
    known = [_KINDS[kind] for name in series if (kind := name[5:].partition("/")[0]) in _KINDS]
    return all(of & kinds for of in known)


def feed_id(founded_ms: int, log: VerifierKey, table: bytes, silent: Iterable[int]) -> str:
    """`log` is the first; `silent` are the numbers of rows that may be events, and have no words.

    Where they are the same, so are all events and their numbers: an id is that of one numbering.
    """
    said = {"log": log.to_text(), "silent": [str(n) for n in silent], "table": table.hex()}
    return format_uuid7(founded_ms, suite.digest(b"tiezheng/feed/id/v1\n" + format_json(said)))


def digest_of(event: Mapping[str, Any]) -> bytes:
    return suite.digest(format_json(dict(event)))


def first_link(feed: str) -> bytes:
    """What the chain of a feed begins with."""
    return suite.digest(f"tiezheng/feed/v1\n{feed}\n".encode())


def next_link(before: bytes, digest: bytes) -> bytes:
    return suite.digest(before + digest)


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a page. `event` is None once its statement was destroyed."""

    event: Mapping[str, Any] | None
    digest: bytes
    entry: bytes
    index: int
    proof: tuple[bytes, ...]

    @property
    def run(self) -> tuple[str, int] | None:
        run = None if self.event is None else self.event.get("run")
        return None if run is None else (run["series"], parse_decimal(run["n"]))

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "entry": self.entry.decode("ascii"),
            "proof": [format_base64(hash_) for hash_ in self.proof],
        }
        if self.event is not None:
            return row | {"event": dict(self.event)}
        return row | {"digest": self.digest.hex(), "index": str(self.index)}

    @classmethod
    def from_json(cls, row: Any) -> Self:
        match row:
            case {"entry": str(entry), "event": dict(event), "proof": list(proof)}:
                _check_event(event)
                told: dict[str, Any] | None = event
                digest, index = digest_of(event), event["index"]
            case {
                "digest": str(hex_),
                "entry": str(entry),
                "index": str(index),
                "proof": list(proof),
            }:
                told, digest = None, parse_hex(hex_, suite.DIGEST_SIZE)
            case _:
                raise Malformed("want entry, event and proof, or entry, digest, index and proof")
        hashes = tuple(parse_base64(phrase.string(one, 44), suite.DIGEST_SIZE) for one in proof)
        return cls(told, digest, entry.encode(), parse_decimal(index), hashes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Events `after` + 1 to `last`, all of one log. `head` is the feed's last number by then."""

    feed: str
    table: bytes
    log: str
    after: int
    head: int
    before: bytes
    chain: bytes
    checkpoint: str
    events: tuple[Told, ...]
    series: Mapping[str, bytes]

    @property
    def last(self) -> int:
        return self.after + len(self.events)

    def to_bytes(self) -> bytes:
        """The payload, to be signed."""
        text = SignedNote.from_text(self.checkpoint).text
        subject = {
            "digest": {"sha256": suite.digest(text.encode()).hex()},
            "name": f"checkpoint/{self.log}",
        }
        return format_json(
            {
                "_type": TYPE,
                "predicate": {
                    "after": str(self.after),
                    "before": self.before.hex(),
                    "chain": self.chain.hex(),
                    "checkpoint": self.checkpoint,
                    "events": [told.to_json() for told in self.events],
                    "feed": self.feed,
                    "head": str(self.head),
                    "log": self.log,
                    "series": {name: format_base64(s) for name, s in self.series.items()},
                    "table": self.table.hex(),
                },
                "predicateType": PREDICATE,
                "subject": [subject],
            }
        )

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        match parse_json(payload, limit=MAX_PAYLOAD):
            case {
                "predicate": {
                    "after": str(after),
                    "before": str(before),
                    "chain": str(chain),
                    "checkpoint": str(checkpoint),
                    "events": list(events),
                    "feed": str(feed),
                    "head": str(head),
                    "log": str(log),
                    "series": dict(series),
                    "table": str(table),
                }
            }:
                pass
            case _:
                raise Malformed("want a page of a feed, with all its fields")
        if len(events) > MAX_PAGE:
            raise Malformed(f"want at most {MAX_PAGE} events, got {len(events)}", path="events")
        page = cls(
            feed=parse_uuid7(feed),
            table=parse_hex(table, suite.DIGEST_SIZE),
            log=log,
            after=parse_decimal(after),
            head=parse_decimal(head),
            before=parse_hex(before, suite.DIGEST_SIZE),
            chain=parse_hex(chain, suite.DIGEST_SIZE),
            checkpoint=checkpoint,
            events=tuple(Told.from_json(row) for row in events),
            series={name: _signature(name, text) for name, text in series.items()},
        )
        # Fields that are not read above, and a subject of something else, are seen here.
        if page.to_bytes() != payload:
            raise Malformed("want the one spelling of a page, nothing else in it")
        page._check()
        return page

    def _check(self) -> None:
        """That its numbers, digests and chain are of one piece; raises `Malformed`."""
        if self.last > self.head:
            raise Malformed(f"want events up to {self.head}, got {self.last}")
        if self.after == 0 and self.before != first_link(self.feed):
            raise Malformed("the first page does not begin the chain of its feed")
        link = self.before
        for n, told in enumerate(self.events, self.after + 1):
            if told.event is not None and (told.event["n"], told.event["log"]) != (
                str(n),
                self.log,
            ):
                raise Malformed(f"want event {n} of the log {self.log}", path="events")
            link = next_link(link, told.digest)
        if link != self.chain:
            raise Malformed("the events do not give the chain of their page")
        if any(a.index >= b.index for a, b in pairwise(self.events)):
            raise Malformed("want events in log order", path="events")


def open_page(data: bytes, key: VerifierKey) -> Page:
    """What the ledger with that statement key has signed; raises `Rejected` if it has not."""
    envelope = Envelope.from_bytes(data)

    def find(keyid: str) -> VerifierKey:
        if keyid != key.keyid:
            raise Rejected(f"want a page signed by {key.keyid}, got one by {keyid!r}")
        return key

    if len(envelope.signatures) != 1:
        raise Malformed(f"want one signature, got {len(envelope.signatures)}", path="signatures")
    envelope.open(find)
    return Page.from_bytes(envelope.payload)


def check_follows(page: Page, before: Page) -> None:
    """That nothing is missing between two pages, nothing twice and nothing in another order.

    Whether an entry comes twice shows between pages with events alone.
    """
    if page.feed != before.feed:
        raise Rejected(
            f"want the feed {before.feed}, got {page.feed}",
            hints=("a new feed begins with event 1: its statements' ids tell what came before",),
        )
    if page.after != before.last:
        raise Rejected(f"want the events after {before.last}, got those after {page.after}")
    if page.before != before.chain:
        raise Rejected(f"up to event {page.after} the two pages tell of different events")
    if page.events and before.events and not _end(before) < _start(page):
        raise Rejected(
            f"want entries behind {before.log}/{before.events[-1].index}, "
            f"got {page.log}/{page.events[0].index} as event {page.after + 1}"
        )


def _start(page: Page) -> tuple[tuple[int, int], int]:
    return place_order(page.log, page.events[0].index)


def _end(page: Page) -> tuple[tuple[int, int], int]:
    return place_order(page.log, page.events[-1].index)


def place_order(label: str, index: int) -> tuple[tuple[int, int], int]:
    """Logs follow each other by year, and within one by number."""
    year, _, number = log_label(label).partition("-")
    return (int(year), int(number or 1)), index


def check_logged(page: Page, trust: Trust) -> None:
    """That each event's entry is in a tree that a quorum has seen, and acts bear their tags."""
    log = trust.log(page.log)
    if log is None:
        raise Rejected(f"no log {page.log!r} in the trust folder")
    cosigned = log.policy.open(SignedNote.from_text(page.checkpoint))
    if cosigned.quorum_time is None:
        raise Rejected("the page's checkpoint has no quorum")
    tree = cosigned.checkpoint
    for n, told in enumerate(page.events, page.after + 1):
        entry = Entry.from_bytes(told.entry)
        try:
            check_inclusion(told.index, tree.size, entry.leaf_hash(), told.proof, tree.root)
        except Malformed as error:
            raise error.under(f"event {n}") from None
        if told.event is not None:
            _check_event_of(page, trust, told.event, entry, n)


def _check_event_of(
    page: Page, trust: Trust, event: Mapping[str, Any], entry: Entry, n: int
) -> None:
    if event["at"] != format_time(entry.at):
        raise Rejected(f"event {n}: the entry is of {format_time(entry.at)}, not {event['at']!r}")
    if "run" not in event:
        return
    name, place = event["run"]["series"], parse_decimal(event["run"]["n"])
    if not is_run(name, event["agency"]):
        raise Rejected(f"event {n}: {name!r} is no run of the agency {event['agency']!r}")
    key = trust.series.get(series_year(name))
    if key is None or name not in page.series:
        raise Rejected(f"event {n}: no key or no signature of the series {name!r}")
    if key.open(name, page.series[name]).tag(place) not in entry.tags:
        raise Rejected(f"event {n}: the entry is not number {place} of {name!r}")


def missing_in_runs(pages: Iterable[Page]) -> dict[str, tuple[int, ...]]:
    """Numbers below the last that no event has, by run; of destroyed ones nobody knows which."""
    held: dict[str, set[int]] = {}
    for page in pages:
        for name, place in filter(None, (told.run for told in page.events)):
            held.setdefault(name, set()).add(place)
    missing = {name: sorted({*range(1, max(ns))} - ns) for name, ns in sorted(held.items())}
    return {name: tuple(numbers) for name, numbers in missing.items() if numbers}


def unheard(pages: Iterable[Page], field: str) -> tuple[str, ...]:
    """Ids of complaints that events name in that field, and that are no events themselves.

    The ledger's own holds name them, whether or not a complaint has a run.
    """
    events = [told.event for page in pages for told in page.events if told.event is not None]
    told = {event["id"] for event in events}
    named = {event["fields"][field] for event in events if field in event["fields"]}
    return tuple(sorted(named - told))


def _check_event(event: Mapping[str, Any]) -> None:
    more = set(event) - set(_TEXTS) - {"fields", "run"}
    texts = [event.get(name) for name in _TEXTS]
    fields = event.get("fields")
    if more or not all(isinstance(text, str) for text in texts) or not isinstance(fields, dict):
        raise Malformed(f"want an event with {', '.join(_TEXTS)} and fields", path="event")
    if not all(isinstance(text, str) for text in fields.values()):
        raise Malformed("want texts", path="event.fields")
    if "run" in event:
        match event["run"]:
            case {"n": str(n), "series": str(name), **rest} if not rest and parse_decimal(n):
                phrase.line(name)
            case _:
                raise Malformed("want n from 1 and series", path="event.run")
    parse_decimal(event["index"])


def _signature(name: Any, text: Any) -> bytes:
    phrase.line(name)
    return parse_base64(phrase.string(text, 4 * MODULUS_SIZE), MODULUS_SIZE)
