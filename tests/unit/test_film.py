"""What may stand in a file to play, and where its samples do."""

import struct

import pytest

from ledger.errors import Malformed, Rejected
from ledger.evidence.clip import Piece
from ledger.evidence.film import check_film
from testkit.film import DREF, FTYP, box, movie, table, track

HEAD = len(FTYP) + 8  # where the data begins
DATA = box(b"mdat", b"a" * 30)
TRACK = track([(HEAD, 10), (HEAD + 10, 20)])
WHOLE = ((HEAD, 30),)


def check(file: bytes, *pieces: tuple[int, int]) -> None:
    read = lambda at, size: file[at : at + size]  # noqa: E731
    check_film(read, len(file), tuple(Piece(at, 0, size) for at, size in pieces or WHOLE))


def test_samples_fill_the_data_each_in_one_piece() -> None:
    check(FTYP + DATA + movie(TRACK))
    check(FTYP + DATA + movie(TRACK), (HEAD, 10), (HEAD + 10, 20))
    check(FTYP + DATA + box(b"free", b"") + movie(TRACK, more=box(b"udta", bytes(90))))
    check(FTYP + DATA + movie(track([(HEAD, 10)]), track([(HEAD + 10, 20)], kind=b"soun")))
    check(FTYP + DATA + movie(track([(HEAD + n, 10) for n in (20, 0, 10)], same=10)))
    wide = [(HEAD + 8, 10), (HEAD + 18, 20)]
    check(FTYP + box(b"mdat", b"a" * 30, wide=True) + movie(track(wide)), (HEAD + 8, 30))


def test_wide_places_and_several_samples_at_one() -> None:
    samples = [(HEAD, 10), (HEAD + 10, 20)]
    far = box(b"co64", table("Q", (HEAD,), (HEAD + 10,)))
    check(FTYP + DATA + movie(track(samples, places=far)))
    one, two = box(b"stco", table("I", (HEAD,))), box(b"stsc", table("III", (1, 2, 1)))
    check(FTYP + DATA + movie(track(samples, places=one, counts=two)))
    three = [(HEAD, 10), (HEAD + 10, 5), (HEAD + 15, 15)]
    runs = box(b"stsc", table("III", (1, 1, 1), (2, 2, 1)))
    places = box(b"stco", table("I", (HEAD,), (HEAD + 10,)))
    check(FTYP + DATA + movie(track(three, places=places, counts=runs)))


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([(HEAD, 10), (HEAD + 10, 10), (HEAD + 20, 10)], "no stretch"),  # a sample of two pieces
        ([(HEAD + n, 1) for n in range(30)], "no stretch"),  # of single bytes
        ([(HEAD, 10)], "no stretch"),
        ([(HEAD, 9), (HEAD + 10, 20)], "no stretch"),
        ([(HEAD + 1, 29)], "no stretch"),
        ([(0, 1)], "no stretch"),
    ],
)
def test_a_sample_made_of_more_than_one_place_is_refused(
    pieces: list[tuple[int, int]], words: str
) -> None:
    with pytest.raises(Rejected, match=words):
        check(FTYP + DATA + movie(TRACK), *pieces)


LAST = [(HEAD + 10, 20)]


@pytest.mark.parametrize(
    "tables",
    [
        movie(),
        movie(track([], counts=box(b"stsc", table("III")))),  # a track without samples
        movie(track(LAST)),  # a film beside the one that is played
        movie(track([(HEAD, 10)])),
        movie(track([(HEAD, 10), (HEAD + 10, 19)])),
        movie(track([(HEAD, 10), (HEAD + 10, 21)])),
        movie(track([(HEAD, 10), (HEAD, 10), *LAST])),  # a blow shown twice
        movie(track([(HEAD, 10), (HEAD + 5, 5), *LAST])),
        movie(TRACK, TRACK),
        movie(track([(HEAD, 10), *LAST, (HEAD + 30, 5)])),
        movie(track([(8, 8), (HEAD, 10), *LAST])),  # a sample in the box before
    ],
)
def test_each_byte_of_the_data_is_of_one_sample(tables: bytes) -> None:
    with pytest.raises(Rejected, match="sample"):
        check(FTYP + DATA + tables)


SAMPLES = [(HEAD, 10), *LAST]
ELSEWHERE = box(b"dref", struct.pack(">II", 0, 1) + box(b"url ", bytes(4) + b"http://a/\0"))


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (movie(track(SAMPLES, dref=ELSEWHERE)), "no b'dinf'"),
        (movie(track(SAMPLES, dref=DREF[:-1] + b"\0")), "samples are in itself"),
        (movie(track(SAMPLES, kind=b"text")), "pictures and sound only"),
        (movie(track(SAMPLES, codec=b"sowt", kind=b"soun")), "compressed"),
        (movie(track(SAMPLES, codec=b"raw ")), "compressed"),
        (movie(TRACK, more=box(b"udta", bytes(200))), "no b'udta'"),  # room for a cover
        (movie(TRACK, more=box(b"meta", b"")), "no b'meta'"),
        (movie(TRACK, more=box(b"mvex", b"")), "no b'mvex'"),
        (movie(track(SAMPLES, more=box(b"stco", table("I", (HEAD,))))), "one b'stco'"),
        (movie(track(SAMPLES, more=box(b"co64", table("Q", (HEAD,))))), "one table of places"),
        (movie(track(SAMPLES, more=box(b"saio", b""))), "no b'saio'"),
        (movie(track(SAMPLES, counts=box(b"stsc", table("III", (1, 1, 2))))), "one description"),
        (movie(track(SAMPLES, counts=box(b"stsc", table("III", (2, 1, 1))))), "first place"),
        (movie(track(SAMPLES, counts=box(b"stsc", table("III", (1, 2, 1))))), "too few samples"),
        (
            movie(track(SAMPLES, counts=box(b"stsc", table("III", (1, 1, 1), (1, 1, 1))))),
            "places in order",
        ),
        (movie(track(SAMPLES, counts=box(b"stsc", bytes(5)))), "table of"),
        (movie(track(SAMPLES, counts=box(b"stsc", bytes(8)))), "first place"),
        (movie(track(SAMPLES, counts=box(b"stsc", table("III", (1, 1 << 31, 1))))), "in order"),
        (movie(track(SAMPLES, places=box(b"stco", table("I", (HEAD,))))), "nowhere"),
        (movie(track(SAMPLES, places=box(b"stco", b"\0\0\0\0\xff\xff\xff\xff"))), "rows"),
        (movie(track([(HEAD, 0), *SAMPLES])), "empty ones"),
    ],
)
def test_another_form_of_tables_is_refused(tables: bytes, words: str) -> None:
    with pytest.raises((Rejected, Malformed), match=words):
        check(FTYP + DATA + tables)


def test_a_count_of_samples_that_would_fill_the_memory_is_refused() -> None:
    stsz = box(b"stsz", struct.pack(">III", 0, 1, 2**32 - 1))
    tables = movie(TRACK)
    honest = box(b"stsz", struct.pack(">IIIII", 0, 0, 2, 10, 20))
    assert honest in tables
    padded = stsz + box(b"sgpd", b"")
    assert len(padded) == len(honest)
    with pytest.raises(Rejected, match="at most 2000000 samples"):
        check(FTYP + DATA + tables.replace(honest, padded))


MOOV = movie(TRACK)


@pytest.mark.parametrize(
    "file",
    [
        FTYP + DATA,
        FTYP + DATA + MOOV + MOOV,
        FTYP + DATA + MOOV + box(b"uuid", b"hidden"),
        FTYP + DATA + MOOV + box(b"moof", b""),
        FTYP + DATA + MOOV + box(b"free", b"another film"),
        FTYP + DATA + MOOV + FTYP,
        box(b"ftyp", bytes(100)) + DATA + MOOV,
        FTYP + box(b"free", b"") * 1001 + DATA + MOOV,
    ],
)
def test_other_boxes_are_refused(file: bytes) -> None:
    with pytest.raises(Rejected, match="want a file to play"):
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
