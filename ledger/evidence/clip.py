"""Clips: some chunks of an item, and a file to play that is made of bytes of them.

    data/clips/<nn>.json     which item, which chunks, the proof, and where each sample comes from
    data/clips/<nn>.chunks   the chunks, one after the other
    data/clips/<nn>.<ext>    the file to play

What counts are the chunks: with holes between them they are the original, at its own offsets.
The file to play is a convenience. Its samples are held against the chunks byte for byte; where
they stand in it is `ledger.evidence.film`.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Self

from ledger.encoding import (
    MAX_TIME,
    format_base64,
    format_json,
    parse_base64,
    parse_decimal,
    parse_hex,
    parse_json,
)
from ledger.errors import Malformed, Rejected
from ledger.evidence.chunks import CHUNK_SIZE, MAX_ITEM, ItemDigest
from ledger.evidence.ranges import Runs, check_runs

MAX_CLIP_FILE = 16_777_216
MAX_SAMPLES = 500_000  # runs of samples: five hours of pictures and sound that alternate
MAX_WORD = 64
NO_SOUND = ", without sound"  # behind the name of the tool that was told so


@dataclass(frozen=True, slots=True)
class Span:
    """Milliseconds from the recording's first moment."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Piece:
    """`size` bytes of the file to play, at `at`, are those of the original at `original`."""

    at: int
    original: int
    size: int


@dataclass(frozen=True, slots=True)
class Clip:
    """`asked`, `given`, `whole_ms` and `tool` are the maker's word; the rest is checked."""

    item: ItemDigest
    runs: Runs
    proof: tuple[bytes, ...]
    pieces: tuple[Piece, ...]
    asked: Span
    given: Span
    whole_ms: int
    tool: str

    @property
    def chunks(self) -> int:
        return chunk_count(self.item.size)

    @property
    def silent(self) -> bool:
        """The sound of the recording was left out, by the maker's word."""
        return self.tool.endswith(NO_SOUND)

    @property
    def shown(self) -> int:
        """Bytes of the original that the chunks hold."""
        return sum(run_size(run, self.item.size) for run in self.runs)

    def to_bytes(self) -> bytes:
        return format_json(
            {
                "asked": _span_json(self.asked),
                "chunks": [[str(first), str(last)] for first, last in self.runs],
                "given": _span_json(self.given),
                "item": {
                    "chunks": self.item.chunks.hex(),
                    "sha256": self.item.sha256.hex(),
                    "size": str(self.item.size),
                },
                "proof": [format_base64(h) for h in self.proof],
                "samples": [[str(p.at), str(p.original), str(p.size)] for p in self.pieces],
                "tool": self.tool,
                "v": 1,
                "whole_ms": str(self.whole_ms),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        match parse_json(data, limit=MAX_CLIP_FILE):
            case {
                "asked": asked,
                "chunks": list(runs),
                "given": given,
                "item": {"chunks": str(chunks), "sha256": str(sha256), "size": str(size), **extra},
                "proof": list(proof),
                "samples": list(samples),
                "tool": str(tool),
                "v": 1,
                "whole_ms": str(whole),
                **more,
            } if not more and not extra:
                pass
            case _:
                raise Malformed("want asked, chunks, given, item, proof, samples, tool, whole_ms")
        if len(samples) > MAX_SAMPLES or not all(isinstance(h, str) for h in proof):
            raise Malformed(f"want at most {MAX_SAMPLES} samples, and hashes as text")
        if not 0 < len(tool) <= MAX_WORD or not tool.isprintable():
            raise Malformed(f"want the tool in at most {MAX_WORD} printable characters")
        item = ItemDigest(
            size=_number(size, MAX_ITEM), sha256=parse_hex(sha256), chunks=parse_hex(chunks)
        )
        found = cls(
            item,
            tuple(_pair(run) for run in runs),
            tuple(parse_base64(h, 32) for h in proof),
            tuple(Piece(*_numbers(sample, 3)) for sample in samples),
            _span(asked),
            _span(given),
            _number(whole, MAX_TIME),
            tool,
        )
        if found.given.end_ms > found.whole_ms:
            raise Malformed("want a part that ends with its recording, or before")
        check_runs(found.runs, found.chunks)
        check_pieces(found.pieces)
        return found

    def where(self) -> Callable[[int, int], int]:
        """Where in the shown chunks' file a range of the original stands; raises `Rejected`."""
        firsts = [first * CHUNK_SIZE for first, _ in self.runs]
        lengths = [run_size(run, self.item.size) for run in self.runs]
        places = list(accumulate(lengths, initial=0))

        def find(original: int, size: int) -> int:
            run, end = bisect_right(firsts, original) - 1, original + size
            if run < 0 or end > firsts[run] + lengths[run]:
                raise Rejected(f"bytes {original} to {end} of the original are not shown")
            return places[run] + original - firsts[run]

        return find


def chunk_count(size: int) -> int:
    return max(1, -(-size // CHUNK_SIZE))


def run_size(run: tuple[int, int], size: int) -> int:
    """Bytes of a run of chunks of an item of `size` bytes."""
    return min(size, (run[1] + 1) * CHUNK_SIZE) - run[0] * CHUNK_SIZE


def check_pieces(pieces: tuple[Piece, ...]) -> None:
    """Raises `Malformed` unless they are in order, and no byte of the original is in two."""
    if not pieces:
        raise Malformed("want at least one sample to play")
    end = 0
    for piece in pieces:
        if piece.at < end or piece.size == 0:
            raise Malformed("want samples in the order of the file to play, apart, not empty")
        end = piece.at + piece.size
    taken = sorted((piece.original, piece.original + piece.size) for piece in pieces)
    if any(a[1] > b[0] for a, b in pairwise(taken)):
        raise Malformed("want each byte of the original once in the file to play")


def _span_json(span: Span) -> dict[str, str]:
    return {"start_ms": str(span.start_ms), "end_ms": str(span.end_ms)}


def _span(value: Any) -> Span:
    match value:
        case {"start_ms": str(start), "end_ms": str(end), **more} if not more:
            span = Span(_number(start, MAX_TIME), _number(end, MAX_TIME))
        case _:
            raise Malformed("want start_ms and end_ms")
    if span.start_ms > span.end_ms:
        raise Malformed("want start_ms before end_ms")
    return span


def _pair(value: Any) -> tuple[int, int]:
    first, last = _numbers(value, 2)
    return first, last


def _numbers(value: Any, count: int) -> list[int]:
    if not isinstance(value, list) or len(value) != count:
        raise Malformed(f"want {count} numbers, got {value!r:.80}")
    return [_number(text, MAX_ITEM) for text in value]


def _number(text: Any, most: int) -> int:
    if not isinstance(text, str):
        raise Malformed(f"want a number as text, got {text!r:.80}")
    found = parse_decimal(text)
    if found > most:
        raise Malformed(f"want at most {most}, got {found}")
    return found
