"""A feed held against a bulletin of complaints: what stands in the one must stand in the other.

Of complaints that name a case the feed has no run, and the bulletin is the ledger's word. Whoever
leaves one out must leave it out of both, and of complaints without a case he cannot: these lack in
the run of the feed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ledger.encoding import parse_day, parse_decimal, parse_time, parse_uuid7
from ledger.errors import Malformed
from ledger.evidence import phrase
from ledger.evidence.membership import log_label
from ledger.evidence.statement import Kind
from ledger.process.deadlines.span import Span, parse_span
from ledger.process.feeds.feed import Page, place_order

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Listed:
    """A bulletin as it was answered: of these agencies, up to that size of that log."""

    span: Span
    end: Place
    agencies: frozenset[str]
    complaints: Mapping[str, Place]

    @classmethod
    def from_json(cls, value: Any) -> Self:
        match value:
            case {
                "bulletin": list(totals),
                "complaints": list(rows),
                "log": str(log),
                "size": str(size),
                "span": str(span),
            }:
                pass
            case _:
                raise Malformed("want a bulletin: bulletin, complaints, log, size and span")
        agencies = frozenset(phrase.name(_text(row, "agency")) for row in totals)
        complaints = dict(map(_listed, rows))
        return cls(parse_span(span), (log_label(log), parse_decimal(size)), agencies, complaints)


@dataclass(frozen=True, slots=True)
class Compared:
    """Ids of complaints: `unfed` have no event; `unlisted` have one, and stand in no line; `later`
    stand before or behind these pages."""

    unfed: tuple[str, ...]
    unlisted: tuple[str, ...]
    later: int


def compare(pages: Sequence[Page], listed: Listed, kind_field: str) -> Compared:
    """`kind_field` is what a statement's kind leaves as, in the table of the feed."""
    told = [(page.log, one) for page in pages for one in page.events]
    ids = {one.event["id"] for _, one in told if one.event is not None}
    gone = {(log, one.index) for log, one in told if one.event is None}
    orders = [place_order(log, one.index) for log, one in told]
    waiting = {id_: place for id_, place in listed.complaints.items() if id_ not in ids}
    within = [id_ for id_, place in waiting.items() if _is_within(orders, place, pages)]
    unfed = sorted(id_ for id_ in within if waiting[id_] not in gone)
    events = (one.event for _, one in told if one.event is not None)
    unlisted = sorted(e["id"] for e in events if _belongs(e, listed, kind_field))
    missing = tuple(id_ for id_ in unlisted if id_ not in listed.complaints)
    return Compared(tuple(unfed), missing, len(waiting) - len(within))


def _is_within(
    orders: Sequence[tuple[tuple[int, int], int]], place: Place, pages: Sequence[Page]
) -> bool:
    """From the first event on, or from the beginning where that is event 1, to the last."""
    if not orders:
        return False
    here = place_order(*place)
    return (pages[0].after == 0 or orders[0] <= here) and here <= orders[-1]


def _belongs(event: Mapping[str, Any], listed: Listed, kind_field: str) -> bool:
    return (
        event["fields"].get(kind_field) == Kind.COMPLAINT
        and event["agency"] in listed.agencies
        and parse_time(event["at"]) in listed.span
        and place_order(event["log"], parse_decimal(event["index"])) < place_order(*listed.end)
    )


def _listed(row: Any) -> tuple[str, Place]:
    parse_day(_text(row, "logged"))
    return parse_uuid7(_text(row, "id")), _place(_text(row, "place"))


def _text(row: Any, field: str) -> str:
    if not isinstance(row, dict) or not isinstance(row.get(field), str):
        raise Malformed(f"want the text {field!r} in each row")
    return str(row[field])


def _place(text: str) -> Place:
    log, _, index = text.rpartition("-")
    return log_label(log), parse_decimal(index)
