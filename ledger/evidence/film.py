"""Where the samples of an MP4 stand (ISO/IEC 14496-12): its tables are read for this alone.

The tables are the clip maker's. So a file to play has one plain form, in which every byte of
data is of one sample of one track, and each sample is one stretch of the original. Without the
latter a film could be put together from single bytes, as a letter is from newspaper cuttings.
"""

import struct
from collections.abc import Callable, Iterator, Sequence

from ledger.errors import Malformed, Rejected
from ledger.evidence.clip import Piece

MAX_TABLES = 67_108_864
MAX_BOXES = 1000
MAX_FILM_SAMPLES = 2_000_000  # eight hours of pictures and sound
ENABLED = 1  # among the flags of `tkhd`
# No room for anything else that a player might show: `udta` can hold a cover picture.
_TABLES = b"stts stss ctts sdtp stsc stsz stco co64 sgpd sbgp".split()
_CHILDREN: dict[bytes, dict[bytes, int]] = {
    b"moov": {b"mvhd": 120, b"trak": MAX_TABLES, b"udta": 128},
    b"trak": {b"tkhd": 104, b"edts": MAX_TABLES, b"mdia": MAX_TABLES},
    b"mdia": {b"mdhd": 44, b"hdlr": 128, b"minf": MAX_TABLES},
    b"minf": {b"vmhd": 20, b"smhd": 16, b"dinf": 36, b"stbl": MAX_TABLES},
    b"stbl": {b"stsd": 16_384, **dict.fromkeys(_TABLES, MAX_TABLES)},
}
_REPEATED = (b"sgpd", b"sbgp")
_IN_THIS_FILE = struct.pack(">I4sIII4sI", 28, b"dref", 0, 1, 12, b"url ", 1)
# Samples of these are compressed: one is a picture, or tens of milliseconds of sound. Of plain
# sound a sample is two bytes, and pairs of bytes of any recording make any speech.
_COMPRESSED = b"avc1 hvc1 hev1 mp4v av01 vp09 mp4a Opus fLaC alac ac-3 ec-3".split()

Read = Callable[[int, int], bytes]
Boxes = dict[bytes, bytes]


def check_film(read: Read, size: int, pieces: Sequence[Piece]) -> None:
    """That an MP4 of `size` bytes plays nothing but samples that each stand in one piece.

    Raises `Rejected`, or `Malformed` if these are no boxes.
    """
    data, tables = _outermost(read, size)
    samples = _all_samples(tables)
    held = iter(pieces)
    piece = next(held, None)
    for start, end in data:
        for at, length in samples:
            if at != start or at + length > end:
                raise Rejected(f"byte {start} of the file to play is in no sample, or in two")
            while piece is not None and piece.at + piece.size <= at:
                piece = next(held, None)
            if piece is None or piece.at > at or piece.at + piece.size < at + length:
                raise Rejected(f"the sample at byte {at} is no stretch of the original")
            start += length
            if start == end:
                break
        if start != end:
            raise Rejected(f"byte {start} of the file to play is in no sample")
    if next(samples, None) is not None:
        raise Rejected("the file to play has a sample twice, or one that is not in it")


def kinds(read: Read, size: int) -> frozenset[bytes]:
    """`vide` where it plays pictures, `soun` where it plays sound.

    Of a track that is not enabled no player plays anything.
    """
    _, tables = _outermost(read, size)
    found = set()
    for name, trak in _named(b"moov", tables):
        if name == b"trak":
            track = _once(b"trak", trak)
            if int.from_bytes(track.get(b"tkhd", b"")[:4], "big") & ENABLED:
                found.add(_once(b"mdia", track.get(b"mdia", b"")).get(b"hdlr", b"")[8:12])
    return frozenset(found)


def boxes(read: Read, size: int) -> Iterator[tuple[bytes, int, int]]:
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


def _outermost(read: Read, size: int) -> tuple[list[tuple[int, int]], bytes]:
    """Where the data stands, and the content of `moov`."""
    data: list[tuple[int, int]] = []
    tables: list[bytes] = []
    for i, (name, start, end) in enumerate(boxes(read, size)):
        if name == b"mdat":
            if end > start:
                data.append((start, end))
        elif name == b"moov" and not tables and end - start <= MAX_TABLES:
            tables.append(read(start, end - start))
        elif (name != b"free" or end > start) and (name != b"ftyp" or i or end - start > 64):
            raise Rejected("want a file to play of one ftyp, empty free, mdat and one moov")
        if i == MAX_BOXES:
            raise Rejected(f"want a file to play of at most {MAX_BOXES} boxes")
    if not tables:
        raise Rejected("want a file to play with one moov")
    return data, tables[0]


def _all_samples(tables: bytes) -> Iterator[tuple[int, int]]:
    """Place and size of each sample of all tracks, as they stand in the file."""
    found: list[tuple[int, int]] = []
    for name, trak in _named(b"moov", tables):
        if name == b"trak":
            found += _samples(trak)
        if len(found) > MAX_FILM_SAMPLES:
            raise Rejected(f"want at most {MAX_FILM_SAMPLES} samples in a file to play")
    return iter(sorted(found))


def _samples(trak: bytes) -> list[tuple[int, int]]:
    media = _once(b"mdia", _once(b"trak", trak).get(b"mdia", b""))
    information = _once(b"minf", media.get(b"minf", b""))
    table = _once(b"stbl", information.get(b"stbl", b""))
    if media.get(b"hdlr", b"")[8:12] not in (b"vide", b"soun"):
        raise Rejected("want pictures and sound only in a file to play")
    if information.get(b"dinf") != _IN_THIS_FILE:
        raise Rejected("want a file to play whose samples are in itself")
    described = table.get(b"stsd", b"")
    if described[:8] != struct.pack(">II", 0, 1) or described[12:16] not in _COMPRESSED:
        raise Rejected(f"want compressed pictures or sound, got {described[12:16]!r}")
    sizes = _sizes(table.get(b"stsz", b""))
    places = _places(table)
    found: list[tuple[int, int]] = []
    rest = iter(sizes)
    for at, count in zip(places, _counts(table.get(b"stsc", b""), len(places)), strict=True):
        for _ in range(count):
            if (size := next(rest, 0)) == 0:
                raise Rejected("the tables of the file to play have too few samples, or empty ones")
            found.append((at, size))
            at += size
    if len(found) != len(sizes):
        raise Rejected("the tables of the file to play have samples that are nowhere")
    return found


def _sizes(content: bytes) -> Sequence[int]:
    if len(content) < 12:
        raise Malformed("want a table of sizes")
    _, same, count = struct.unpack_from(">III", content)
    if count > MAX_FILM_SAMPLES:
        raise Rejected(f"want at most {MAX_FILM_SAMPLES} samples in a file to play")
    return (same,) * count if same else _numbers(content[8:], "I")


def _places(table: Boxes) -> Sequence[int]:
    if (b"stco" in table) is (b"co64" in table):
        raise Malformed("want one table of places")
    if b"stco" in table:
        return _numbers(table[b"stco"][4:], "I")
    return _numbers(table[b"co64"][4:], "Q")


def _counts(content: bytes, places: int) -> Iterator[int]:
    """How many samples stand at each place."""
    rows = _numbers(content[4:], "III")
    firsts, counts, described = rows[::3], rows[1::3], rows[2::3]
    ends = [*firsts[1:], places + 1] if firsts else []
    if any(n != 1 for n in described) or firsts[:1] != ((1,) if places else ()):
        raise Rejected("want samples of one description, from the first place on")
    for first, end, count in zip(firsts, ends, counts, strict=True):
        if not first < end <= places + 1 or not 0 < count <= MAX_FILM_SAMPLES:
            raise Malformed(f"want places in order, got {first} to {end}")
        for _ in range(end - first):
            yield count


def _numbers(content: bytes, form: str) -> tuple[int, ...]:
    """Rows of numbers behind their count; nothing may follow."""
    row = struct.calcsize(">" + form)
    count = int.from_bytes(content[:4], "big")
    if len(content) != 4 + count * row or count > MAX_FILM_SAMPLES:
        raise Malformed(f"want a table of {count} rows, got {len(content)} bytes")
    return struct.unpack(f">{count * len(form)}{form[0]}", content[4:])


def _once(parent: bytes, content: bytes) -> Boxes:
    found: Boxes = {}
    for name, inner in _named(parent, content):
        if name in found and name not in _REPEATED:
            raise Rejected(f"want one {name!r} in {parent!r}")
        found[name] = inner
    return found


def _named(parent: bytes, content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes in one, of the kinds and sizes that have a place there."""
    known = _CHILDREN[parent]
    for name, start, end in boxes(lambda at, n: content[at : at + n], len(content)):
        if end - start + 8 > known.get(name, 0):
            raise Rejected(f"want no {name!r} of {end - start} bytes in {parent!r}")
        yield name, content[start:end]
