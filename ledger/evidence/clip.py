"""Clips: some chunks of an item, and a file to play that is made of bytes of them.

    data/clips/<nn>.json     which item, which chunks, the proof, and where each sample comes from
    data/clips/<nn>.chunks   the chunks, one after the other
    data/clips/<nn>.<ext>    the file to play

What counts are the chunks: with holes between them they are the original, at its own offsets.
The file to play is a convenience. Its samples are held against the chunks byte for byte; all
else in it is the container's own, in which no sample can hide.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
        check_runs(found.runs, found.chunks)
        _check_pieces(found.pieces)
        return found

    def where(self) -> Callable[[int, int], int]:
        """Where in the shown chunks' file a range of the original stands; raises `Rejected`."""
        starts: list[tuple[int, int, int]] = []
        at = 0
        for run in self.runs:
            first, length = run[0] * CHUNK_SIZE, run_size(run, self.item.size)
            starts.append((first, first + length, at))
            at += length

        def find(original: int, size: int) -> int:
            for first, end, place in starts:
                if first <= original and original + size <= end:
                    return place + original - first
            raise Rejected(f"bytes {original} to {original + size} of the original are not shown")

        return find


def chunk_count(size: int) -> int:
    return max(1, -(-size // CHUNK_SIZE))


def run_size(run: tuple[int, int], size: int) -> int:
    """Bytes of a run of chunks of an item of `size` bytes."""
    return min(size, (run[1] + 1) * CHUNK_SIZE) - run[0] * CHUNK_SIZE


def check_file(read: Callable[[int, int], bytes], size: int, pieces: tuple[Piece, ...]) -> None:
    """That no sample of an MP4 can stand outside `pieces`.

    ISO/IEC 14496-12: sample data is in `mdat` boxes. Each of them must be covered by pieces from
    its first byte to its last, and beside them only `ftyp`, `free` and one `moov` may stand.
    Raises `Rejected`, or `Malformed` if these are no boxes.
    """
    names = []
    held = iter(pieces)
    piece = next(held, None)
    for name, start, end in boxes(read, size):
        names.append(name)
        if name != b"mdat":
            continue
        while start < end:
            if piece is None or piece.at != start or piece.at + piece.size > end:
                raise Rejected(f"byte {start} of the file to play is no sample of the original")
            start += piece.size
            piece = next(held, None)
    if piece is not None:
        raise Rejected(f"byte {piece.at} of the file to play is in no sample")
    if names.count(b"moov") != 1 or not set(names) <= {b"ftyp", b"free", b"mdat", b"moov"}:
        raise Rejected("want a file to play of ftyp, free, mdat and one moov")


def boxes(read: Callable[[int, int], bytes], size: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the content of each outermost box; they fill the file."""
    at = 0
    while at < size:
        head = read(at, 16)
        if len(head) < 8:
            raise Malformed(f"want a box at byte {at}, and the file ends")
        length, name, content = int.from_bytes(head[:4], "big"), head[4:8], at + 8
        if length == 1 and len(head) == 16:
            length, content = struct.unpack(">Q", head[8:])[0], at + 16
        if length < content - at or at + length > size:
            raise Malformed(f"the box at byte {at} has {length} bytes, of {size - at}")
        yield name, content, at + length
        at += length


def _check_pieces(pieces: tuple[Piece, ...]) -> None:
    end = 0
    for piece in pieces:
        if piece.at < end or piece.size == 0:
            raise Malformed("want samples in the order of the file to play, apart, not empty")
        end = piece.at + piece.size


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
