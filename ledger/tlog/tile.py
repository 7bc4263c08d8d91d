"""Where a log's hashes and entries lie: c2sp.org/tlog-tiles@v0.1.0.

    tile/0/000            256 leaf hashes, 8192 bytes
    tile/0/x001/234.p/17  the first 17 hashes of tile 1234
    tile/entries/000      the 256 entries under tile/0/000: uint16 length ‖ bytes, each

Hash i of tile (L, n) is the root of the entries [(256n+i)·256^L, (256n+i+1)·256^L).
Only full tiles are hashed up. The same paths serve a folder and HTTP.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from ledger.encoding import clip
from ledger.errors import Malformed
from ledger.suite import DIGEST_SIZE

WIDTH = 256
MAX_LEVEL = 63
MAX_ENTRY = 65_535  # the length is a uint16
MAX_BUNDLE = WIDTH * (MAX_ENTRY + 2)
ENTRIES = -1  # the level of entry bundles, as in Go's sumdb

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9]\d?)/(?P<number>(?:x\d{3}/){0,5}\d{3})"
    r"(?:\.p/(?P<width>[1-9]\d{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """A tile of hashes, or for `level` ENTRIES a bundle of entries, `width` of 256 wide."""

    level: int
    number: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not ENTRIES <= self.level <= MAX_LEVEL or not 1 <= self.width <= WIDTH:
            raise Malformed(f"no such tile: level {self.level}, width {self.width}")
        if not 0 <= self.number < 10**18:
            raise Malformed(f"no such tile: number {self.number}")

    @property
    def full(self) -> bool:
        return self.width == WIDTH

    def to_path(self) -> str:
        digits = str(self.number)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        number = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{number}" + ("" if self.full else f".p/{self.width}")

    @classmethod
    def from_path(cls, path: str) -> Self:
        match = _PATH.fullmatch(path)
        if match is None:
            raise Malformed(f"no tile path: {clip(path)!r}")
        level = ENTRIES if match["level"] == "entries" else int(match["level"])
        number = int(match["number"].replace("x", "").replace("/", ""))
        tile = cls(level, number, int(match["width"] or WIDTH))
        # Other spellings: x000/001, .p/256.
        if tile.to_path() != path:
            raise Malformed(f"no tile path: {clip(path)!r}")
        return tile


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile that a checkpoint of `size` commits to, by level, left to right; no bundles."""
    level, count = 0, size
    while count:
        yield from (Tile(level, number) for number in range(count // WIDTH))
        if count % WIDTH:
            yield Tile(level, count // WIDTH, count % WIDTH)
        level, count = level + 1, count // WIDTH


def bundles_of(size: int) -> Iterator[Tile]:
    """The bundles that together hold the entries [0, size)."""
    yield from (Tile(ENTRIES, number) for number in range(size // WIDTH))
    if size % WIDTH:
        yield Tile(ENTRIES, size // WIDTH, size % WIDTH)


def hashes_to_bytes(hashes: Sequence[bytes]) -> bytes:
    return b"".join(hashes)


def hashes_from_bytes(data: bytes, width: int) -> tuple[bytes, ...]:
    if len(data) != width * DIGEST_SIZE:
        raise Malformed(f"want a tile of {width * DIGEST_SIZE} bytes, got {len(data)}")
    return tuple(data[i : i + DIGEST_SIZE] for i in range(0, len(data), DIGEST_SIZE))


def check_entry(entry: bytes) -> None:
    if len(entry) > MAX_ENTRY:
        raise Malformed(f"want entries of at most {MAX_ENTRY} bytes, got {len(entry)}")


def entries_to_bytes(entries: Iterable[bytes]) -> bytes:
    parts: list[bytes] = []
    for entry in entries:
        check_entry(entry)
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def entries_from_bytes(data: bytes, width: int) -> tuple[bytes, ...]:
    """Exactly `width` entries and nothing behind them."""
    entries: list[bytes] = []
    at = 0
    for _ in range(width):
        start = at + 2
        end = start + int.from_bytes(data[at:start], "big")
        if end > len(data):
            raise Malformed(f"the bundle ends within entry {len(entries)} of {width}")
        entries.append(data[start:end])
        at = end
    if at != len(data):
        raise Malformed(f"want {width} entries, got {len(data) - at} bytes more")
    return tuple(entries)
