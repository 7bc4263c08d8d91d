"""What was made from an item: a redaction, a transcript, a translation, another encoding.

A derivation names its original by digest, and the tool. Where it says byte for byte what it
took out (`spans`), whoever has both can check that nothing else was changed: the decision as
published is the decision as served, but for these places.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ledger.encoding import parse_decimal
from ledger.errors import Malformed, Rejected
from ledger.evidence.chunks import MAX_ITEM

MAX_SPANS = 10_000
MAX_PUT = 256
BLOCK = 1 << 20

Read = Callable[[int, int], bytes]


class Derived(StrEnum):
    REDACTION = "redaction"
    TRANSCRIPT = "transcript"
    TRANSLATION = "translation"
    TRANSCODE = "transcode"


@dataclass(frozen=True, slots=True)
class Span:
    """`size` bytes of the original, from `at` on; in their place stands `put`, in UTF-8."""

    at: int
    size: int
    put: str = ""


def spans_to_json(spans: Sequence[Span]) -> list[dict[str, str]]:
    rows = []
    for span in spans:
        row = {"at": str(span.at), "size": str(span.size)}
        rows.append(row | ({"put": span.put} if span.put else {}))
    return rows


def spans_from_json(value: Any) -> tuple[Span, ...]:
    """Ascending and apart; each takes something out, or puts something in."""
    if not isinstance(value, list) or not 0 < len(value) <= MAX_SPANS:
        raise Malformed(f"want 1 to {MAX_SPANS} spans")
    spans, end = [], -1
    for row in value:
        match row:
            case {"at": str(at), "size": str(size), **more} if set(more) <= {"put"}:
                put = more.get("put")
            case _:
                raise Malformed("want at, size and perhaps put of each span")
        if put is not None and (not isinstance(put, str) or not 0 < len(put) <= MAX_PUT):
            raise Malformed(f"want put in 1 to {MAX_PUT} characters, or none")
        span = Span(parse_decimal(at), parse_decimal(size), put or "")
        if span.at <= end or span.at + span.size > MAX_ITEM or not (span.size or span.put):
            raise Malformed("want spans in order, apart, and not empty")
        spans.append(span)
        end = span.at + span.size
    return tuple(spans)


def spans_of(predicate: Mapping[str, Any]) -> tuple[Span, ...] | None:
    return spans_from_json(predicate["spans"]) if "spans" in predicate else None


def taken_out(spans: Sequence[Span]) -> int:
    """Bytes of the original that are not in what was derived."""
    return sum(span.size for span in spans)


def made_again(original: Read, size: int, spans: Sequence[Span]) -> Iterator[bytes]:
    """What the spans make of an original; raises `Rejected` if it is too short for them."""
    at = 0
    for span in (*spans, Span(size, 0)):
        if span.at + span.size > size:
            raise Rejected(f"a span ends behind the original's {size} bytes")
        while at < span.at:
            length = min(BLOCK, span.at - at)
            yield original(at, length)
            at += length
        yield span.put.encode()
        at += span.size


def check_derived(
    original: Read, original_size: int, derived: Read, derived_size: int, spans: Sequence[Span]
) -> None:
    """Raises `Rejected` unless the derived bytes are the original's but for these spans."""
    at = there = 0
    for span in (*spans, Span(original_size, 0)):
        if span.at + span.size > original_size:
            raise Rejected(f"a span ends behind the original's {original_size} bytes")
        while at < span.at:
            length = min(BLOCK, span.at - at)
            if original(at, length) != derived(there, length):
                raise Rejected(f"between {at} and {at + length} more was changed than declared")
            at, there = at + length, there + length
        put = span.put.encode()
        if derived(there, len(put)) != put:
            raise Rejected(f"in the place of the span at {span.at} stands something else")
        at, there = at + span.size, there + len(put)
    if there != derived_size:
        raise Rejected(f"want {there} bytes after the spans, got {derived_size}")
