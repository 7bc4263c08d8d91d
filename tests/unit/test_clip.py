"""The list of a clip, and what may stand in a file to play."""

import json
import struct
from typing import Any

import pytest

from ledger.clipping import make_clip, runs_of
from ledger.errors import LedgerError, Malformed, Rejected
from ledger.evidence.chunks import CHUNK_SIZE, ItemHasher
from ledger.evidence.clip import Clip, Piece, Span, check_file

DATA = bytes(i * 7 % 251 for i in range(5 * CHUNK_SIZE + 100))


def a_clip() -> Clip:
    hasher = ItemHasher()
    hasher.update(DATA)
    return make_clip(
        hasher.finish(),
        hasher.leaves,
        [(0, 10), (2 * CHUNK_SIZE - 1, 2 * CHUNK_SIZE + 1)],
        [Piece(8, CHUNK_SIZE, 50), Piece(58, len(DATA) - 20, 20)],
        asked=Span(1000, 2000),
        given=Span(900, 2040),
        whole_ms=60_000,
        tool="PyAV 1, libavformat 2",
    )


def test_a_clip_is_read_as_it_was_written() -> None:
    clip = a_clip()
    assert Clip.from_bytes(clip.to_bytes()) == clip
    assert clip.runs == ((0, 2), (5, 5))
    assert clip.shown == 3 * CHUNK_SIZE + 100
    assert clip.chunks == 6


def test_places_in_the_shown_chunks() -> None:
    find = a_clip().where()
    assert find(0, 3 * CHUNK_SIZE) == 0
    assert find(5 * CHUNK_SIZE + 4, 96) == 3 * CHUNK_SIZE + 4
    for original, size in ((3 * CHUNK_SIZE - 1, 2), (4 * CHUNK_SIZE, 1), (5 * CHUNK_SIZE, 101)):
        with pytest.raises(Rejected, match="are not shown"):
            find(original, size)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("more", "1"),
        ("tool", ""),
        ("tool", "x" * 65),
        ("tool", "a\nb"),
        ("whole_ms", "-1"),
        ("whole_ms", 5),
        ("asked", {"start_ms": "5", "end_ms": "4"}),
        ("asked", {"start_ms": "5"}),
        ("given", ["1", "2"]),
        ("chunks", []),
        ("chunks", [["0", "9"]]),
        ("chunks", [["0"]]),
        ("chunks", [["2", "3"], ["0", "0"]]),
        ("proof", ["AAAA"]),
        ("proof", [1]),
        ("samples", [["0", "0", "0"]]),
        ("samples", [["9", "0", "5"], ["8", "0", "5"]]),
        ("samples", [["0", "0"]]),
        ("samples", [[0, 0, 1]]),
        ("samples", [["0", "99999999999999999", "1"]]),
        ("item", {"size": "1"}),
        ("item", None),
    ],
)
def test_another_form_is_refused(field: str, value: Any) -> None:
    data = json.loads(a_clip().to_bytes())
    data[field] = value
    text = json.dumps(data, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    with pytest.raises(LedgerError):
        Clip.from_bytes(text.encode())


def test_reads_take_whole_chunks() -> None:
    size = 10 * CHUNK_SIZE
    assert runs_of([(0, 1), (CHUNK_SIZE, CHUNK_SIZE + 1), (9 * CHUNK_SIZE, size)], size) == (
        (0, 1),
        (9, 9),
    )
    assert runs_of([(3 * CHUNK_SIZE - 1, 3 * CHUNK_SIZE)], size) == ((2, 2),)
    assert runs_of([(size - 1, size + 500)], size) == ((9, 9),)


# --- the boxes of a file to play -------------------------------------------------------------


def box(name: bytes, content: bytes, *, wide: bool = False) -> bytes:
    if wide:
        return struct.pack(">I4sQ", 1, name, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, name) + content


def check(file: bytes, *pieces: tuple[int, int]) -> None:
    read = lambda at, size: file[at : at + size]  # noqa: E731
    check_file(read, len(file), tuple(Piece(at, 0, size) for at, size in pieces))


FTYP, MOOV = box(b"ftyp", b"isom"), box(b"moov", b"tables")


@pytest.mark.parametrize("wide", [False, True])
def test_samples_fill_the_data_boxes(wide: bool) -> None:
    head = len(FTYP) + (16 if wide else 8)
    file = FTYP + box(b"mdat", b"a" * 30, wide=wide) + MOOV
    check(file, (head, 10), (head + 10, 20))
    for pieces in (
        [(head, 10)],
        [(head + 1, 29)],
        [(head, 10), (head + 11, 19)],
        [(head, 31)],
        [(head, 30), (head + 30, 1)],
        [(2, 1), (head, 30)],
        [],
    ):
        with pytest.raises(Rejected, match="of the file to play"):
            check(file, *pieces)


@pytest.mark.parametrize(
    "file",
    [
        FTYP + box(b"mdat", b""),
        FTYP + MOOV + MOOV,
        FTYP + MOOV + box(b"uuid", b"hidden"),
        FTYP + MOOV + box(b"moof", b""),
    ],
)
def test_other_boxes_are_refused(file: bytes) -> None:
    with pytest.raises(Rejected, match="one moov"):
        check(file)


@pytest.mark.parametrize(
    "file",
    [
        FTYP + MOOV[:-1],
        FTYP + MOOV + b"abc",
        FTYP + struct.pack(">I4s", 7, b"free"),
        FTYP + struct.pack(">I4s", 0, b"mdat"),
        FTYP + struct.pack(">I4sQ", 1, b"mdat", 15),
        FTYP + struct.pack(">I4sQ", 1, b"mdat", 2**63),
        b"\0" * 40,
    ],
)
def test_what_is_no_box_is_refused(file: bytes) -> None:
    with pytest.raises(Malformed, match=r"the box at byte|the file ends"):
        check(file)
