"""The list of a clip, and what may stand in a file to play."""

import json
from typing import Any

import pytest

from ledger.clipping import make_clip, runs_of
from ledger.errors import LedgerError, Rejected
from ledger.evidence.chunks import CHUNK_SIZE, ItemHasher
from ledger.evidence.clip import Clip, Piece, Span

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
        ("samples", [["8", "0", "5"], ["13", "4", "5"]]),  # a byte played twice
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
