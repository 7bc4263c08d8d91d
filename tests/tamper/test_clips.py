"""A clip of a recording: chunks, samples, list and original, each altered by whoever made it."""

import random
import sys
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

import pytest

from ledger.clipping import make_clip
from ledger.evidence.chunks import CHUNK_SIZE, ItemHasher
from ledger.evidence.clip import Clip, Piece, Span, run_size
from ledger.evidence.held import KEPT, MOST_TIMES, Held
from ledger.evidence.packet import Index
from ledger.report import Finding, Outcome, Report
from ledger.verify import verify_packet
from testkit.case import Built, Case, MemoryPacket, evidence, make_case
from testkit.film import FTYP, box, movie, track

ORIGINAL = random.Random(7).randbytes(6 * CHUNK_SIZE + 1000)
LIST, CHUNKS = "data/clips/01.json", "data/clips/01.chunks"
MP4, TS = "data/clips/01.mp4", "data/clips/01.ts"
ITEM = "data/items/01.bin"
# Where the samples of the file to play come from: they are out of order, as sound and pictures are.
SAMPLES = ((2 * CHUNK_SIZE + 5, 3000), (3 * CHUNK_SIZE - 7, 500), (2 * CHUNK_SIZE + 9000, 40))


def played(samples: Sequence[tuple[int, int]] = SAMPLES) -> tuple[bytes, list[Piece]]:
    at, data, pieces = len(FTYP) + 8, b"", []
    for original, size in samples:
        pieces.append(Piece(at, original, size))
        data += ORIGINAL[original : original + size]
        at += size
    tables = movie(track([(piece.at, piece.size) for piece in pieces]))
    return FTYP + box(b"mdat", data) + tables, pieces


def clip_of(data: bytes, pieces: list[Piece]) -> Clip:
    hasher = ItemHasher()
    hasher.update(data)
    return make_clip(
        hasher.finish(),
        hasher.leaves,
        [(0, 100), (len(data) - 10, len(data))],
        pieces,
        asked=Span(40_000, 50_000),
        given=Span(39_960, 50_040),
        whole_ms=600_000,
        tool="test",
    )


def chunks_of(data: bytes, clip: Clip) -> bytes:
    return b"".join(
        data[run[0] * CHUNK_SIZE : run[0] * CHUNK_SIZE + run_size(run, len(data))]
        for run in clip.runs
    )


def built() -> Built:
    made = built_once()
    return replace(made, files=dict(made.files))


@cache
def built_once() -> Built:
    return clipped(case_with_original())


def case_with_original() -> Case:
    case = make_case()
    case.drafts.remove(case.draft("video"))
    for draft in case.drafts:
        if "evidence_type" in draft.predicate:
            draft.predicate["evidence_type"] = "documentary"
    case.add(evidence("video", 10, {"BWC_0088.MP4": ORIGINAL}), after="photo")
    return case


def clipped(case: Case) -> Built:
    made = case.build()
    path = next(p for p, data in made.files.items() if data == ORIGINAL)
    del made.files[path]
    index = Index.from_bytes(made.files["data/packet.json"])
    items = tuple(name for name in index.items if f"data/items/{name}" != path)
    made.files["data/packet.json"] = replace(index, items=items).to_bytes()
    file, pieces = played()
    clip = clip_of(ORIGINAL, pieces)
    made.files |= {LIST: clip.to_bytes(), CHUNKS: chunks_of(ORIGINAL, clip), MP4: file}
    return made


def of(report: Report, step: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.step == step]


def refused(made: Built, words: str) -> None:
    report = made.verify()
    assert report.outcome is Outcome.FAILED
    failed = [f for f in of(report, "clip") if f.outcome is Outcome.FAILED]
    assert any(words in f.detail for f in failed), report.findings


def test_a_part_of_a_fixed_recording_passes_and_says_how_much_it_is() -> None:
    report = built().verify()
    assert of(report, "clip") == [
        Finding(
            "clip",
            Outcome.PASSED,
            MP4,
            "50.0 % of BWC_0088.MP4: 3 runs of its chunks. By the word of who cut it 0:00:39.960 "
            "to 0:00:50.040 of 0:10:00.000; 0:00:39.960 before it and 0:09:09.960 after it are not "
            "shown; the file to play has no sound. No other recording of that "
            "moment is stated in this packet",
        )
    ]
    assert not [f for f in report.findings if f.outcome is Outcome.FAILED]
    (item,) = [i for i in report.facts.items if i.name == "BWC_0088.MP4"]
    assert (item.path, item.part) == ("", MP4)
    # What is not shown is said where nothing may be missing.
    assert any("BWC_0088.MP4 is not in the packet" in f.detail for f in of(report, "complete"))


def test_every_byte_of_every_chunk_counts() -> None:
    rng = random.Random(3)
    for _ in range(25):
        made = built()
        data = bytearray(made.files[CHUNKS])
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        made.files[CHUNKS] = bytes(data)
        refused(made, "no part of the original")


def test_every_byte_of_every_sample_counts() -> None:
    file, pieces = played()
    rng = random.Random(4)
    for _ in range(25):
        made = built()
        piece = rng.choice(pieces)
        data = bytearray(file)
        data[piece.at + rng.randrange(piece.size)] ^= 1 << rng.randrange(8)
        made.files[MP4] = bytes(data)
        refused(made, "is not that of the original")


def test_a_sample_of_elsewhere_or_made_up_is_refused() -> None:
    file, pieces = played()
    made = built()
    moved = [replace(pieces[0], original=pieces[0].original + 1), *pieces[1:]]
    made.files[LIST] = clip_of(ORIGINAL, moved).to_bytes()
    refused(made, "is not that of the original")
    # Samples that the list does not speak of, within the data or in a box beside it.
    made = built()
    made.files[LIST] = clip_of(ORIGINAL, pieces[:-1]).to_bytes()
    refused(made, "is no stretch of the original")
    for more in (box(b"mdat", b"another film"), box(b"moof", b""), box(b"moov", b"another order")):
        made = built()
        made.files[MP4] = file + more
        refused(made, "file to play")


def test_a_film_put_together_from_single_bytes_is_refused() -> None:
    film = b"never recorded" * 20
    start, pieces, at = 2 * CHUNK_SIZE, [], len(FTYP) + 8
    for i, byte in enumerate(film):
        start = ORIGINAL.index(byte, start + 1)
        pieces.append(Piece(at + i, start, 1))
    tables = movie(track([(at, len(film))]))
    made = built()
    clip = clip_of(ORIGINAL, pieces)
    made.files |= {LIST: clip.to_bytes(), CHUNKS: chunks_of(ORIGINAL, clip)}
    made.files[MP4] = FTYP + box(b"mdat", film) + tables
    refused(made, "is no stretch of the original")
    # Nor as a stream, which has no tables.
    stream = clip_of(ORIGINAL, [replace(piece, at=i) for i, piece in enumerate(pieces)])
    del made.files[MP4]
    made.files |= {LIST: stream.to_bytes(), TS: film}
    refused(made, "one stretch of the original")


def test_a_sample_of_a_hidden_chunk_is_refused() -> None:
    made = built()
    clip = Clip.from_bytes(made.files[LIST])
    first = replace(clip.pieces[0], original=4 * CHUNK_SIZE + 5)
    made.files[LIST] = replace(clip, pieces=(first, *clip.pieces[1:])).to_bytes()
    refused(made, "of the original are not shown")


@pytest.mark.parametrize("which", ["runs", "proof", "size", "sha256", "chunks", "shorter"])
def test_the_list_says_nothing_that_is_not_checked(which: str) -> None:
    made = built()
    clip = Clip.from_bytes(made.files[LIST])
    item = clip.item
    words = {
        "runs": "want runs of chunks",
        "proof": "hashes than these chunks take",
        "shorter": "bytes of chunks",
    }.get(which, "no statement in this packet speaks of its original")
    altered = {
        "runs": replace(clip, runs=((1, 1), *clip.runs[1:])),
        "proof": replace(clip, proof=clip.proof[:-1]),
        "size": replace(clip, item=replace(item, size=item.size - 1)),
        "sha256": replace(clip, item=replace(item, sha256=bytes(32))),
        "chunks": replace(clip, item=replace(item, chunks=bytes(32))),
        "shorter": replace(clip, runs=clip.runs[1:]),
    }[which]
    made.files[LIST] = altered.to_bytes()
    refused(made, words)


def test_a_clip_of_a_recording_that_nobody_fixed_is_refused() -> None:
    other = ORIGINAL[:-1] + b"\0"
    _, pieces = played()
    made = built()
    clip = clip_of(other, pieces)
    made.files |= {LIST: clip.to_bytes(), CHUNKS: chunks_of(other, clip)}
    refused(made, "no statement in this packet speaks of its original")
    # With the digests of the original put in their place the chunks do not lead there.
    true = Clip.from_bytes(built().files[LIST])
    made.files[LIST] = replace(clip, item=true.item).to_bytes()
    refused(made, "no part of the original")


def silenced(kinds: Sequence[tuple[bytes, int]], tool: str) -> Built:
    """Each sample in a track of its own, of that kind and with those flags."""
    made = built()
    file, pieces = played()
    tracks = [
        track([(piece.at, piece.size)], kind=kind, flags=flags)
        for piece, (kind, flags) in zip(pieces, kinds, strict=True)
    ]
    made.files[MP4] = file[: file.rindex(b"moov") - 4] + movie(*tracks)
    made.files[LIST] = replace(Clip.from_bytes(made.files[LIST]), tool=tool).to_bytes()
    return made


PICTURES, SOUND, MUTE = (b"vide", 3), (b"soun", 3), (b"soun", 2)


@pytest.mark.parametrize(
    ("kinds", "tool", "said"),
    [
        ((PICTURES, SOUND, SOUND), "test", "are not shown. "),
        ((PICTURES, PICTURES, PICTURES), "test", "; the file to play has no sound. "),
        ((PICTURES, MUTE, MUTE), "test", "; the file to play has no sound. "),
        ((SOUND, SOUND, SOUND), "test", "; the file to play has no pictures. "),
        ((PICTURES, MUTE, MUTE), "test, without sound", "; its sound is left out. "),
    ],
)
def test_that_sound_is_missing_is_told_whatever_the_tool_is_called(
    kinds: Sequence[tuple[bytes, int]], tool: str, said: str
) -> None:
    (finding,) = of(silenced(kinds, tool).verify(), "clip")
    assert finding.outcome is Outcome.PASSED, finding
    assert said in finding.detail


def test_sound_that_is_said_to_be_left_out_and_is_not_is_refused() -> None:
    refused(silenced((PICTURES, PICTURES, SOUND), "test, without sound"), "and it has sound")


def test_a_file_that_plays_nothing_is_refused() -> None:
    made = built()
    made.files[MP4] = FTYP + movie(track([], counts=box(b"stsc", bytes(8))))
    clip = replace(Clip.from_bytes(made.files[LIST]), pieces=())
    made.files[LIST] = clip.to_bytes()
    refused(made, "want at least one sample to play")


def test_a_part_behind_the_end_of_its_recording_is_refused() -> None:
    """By it a maker would be in another moment than the other cameras."""
    made = built()
    clip = replace(Clip.from_bytes(made.files[LIST]), given=Span(600_000, 600_001))
    made.files[LIST] = clip.to_bytes()
    refused(made, "a part that ends with its recording")


def test_samples_in_an_order_that_takes_many_readings_are_refused() -> None:
    """Half a million samples, each in another chunk: else 131 GB were hashed for one clip."""
    chunks, rounds = KEPT + 1, MOST_TIMES + 1
    original = random.Random(8).randbytes(chunks * CHUNK_SIZE)
    case = make_case()
    case.drafts.remove(case.draft("video"))
    case.add(evidence("video", 10, {"BWC_0088.MP4": original}), after="photo")
    places = [(n * CHUNK_SIZE + 9 * r, 9) for r in range(rounds) for n in range(chunks)]
    for order, passes in ((sorted(places), True), (places, False)):
        made = case.build()
        at, data, pieces = len(FTYP) + 8, b"", []
        for start, size in order:
            pieces.append(Piece(at, start, size))
            data, at = data + original[start : start + size], at + size
        clip = clip_of(original, pieces)
        tables = movie(track([(piece.at, piece.size) for piece in pieces]))
        made.files |= {LIST: clip.to_bytes(), CHUNKS: chunks_of(original, clip)}
        made.files[MP4] = FTYP + box(b"mdat", data) + tables
        (finding,) = of(made.verify(), "clip")
        assert (finding.outcome is Outcome.PASSED) is passes, finding
        assert passes or "stand too far apart" in finding.detail


@pytest.mark.usefixtures("alone")
def test_memory_does_not_grow_with_the_rows_of_many_clips() -> None:
    rows, few, many = 4_000, 3, 7
    at = len(FTYP) + 8
    pieces = [Piece(at + n, 2 * CHUNK_SIZE + n, 1) for n in range(rows)]
    data = ORIGINAL[2 * CHUNK_SIZE :][:rows]
    clip = clip_of(ORIGINAL, pieces)
    file = FTYP + box(b"mdat", data) + movie(track([(piece.at, 1) for piece in pieces]))
    parts = (clip.to_bytes(), chunks_of(ORIGINAL, clip), file)
    peaks = []
    for count in (few, many):
        made = built()
        for n in range(1, count + 1):
            made.files |= {
                path.replace("01", f"{n:02}"): part
                for path, part in zip((LIST, CHUNKS, MP4), parts, strict=True)
            }
        packet = MemoryPacket(made.sealed())
        tracemalloc.start()
        report = verify_packet(packet, made.trust)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert [f.outcome for f in of(report, "clip")] == [Outcome.PASSED] * count
    one = rows * sys.getsizeof(pieces[0])  # without its numbers
    assert peaks[1] - peaks[0] < (many - few) * one, peaks


@pytest.mark.parametrize("missing", [LIST, CHUNKS, MP4])
def test_the_three_files_belong_together(missing: str) -> None:
    made = built()
    del made.files[missing]
    refused(made, "the list, the chunks and the file to play")


def test_a_second_file_to_play_is_no_packet() -> None:
    made = built()
    made.files[TS] = b"another film"
    report = made.verify()
    assert report.outcome is Outcome.FAILED
    assert any("want one of" in f.detail for f in of(report, "container"))


def test_a_stretch_of_a_transport_stream_is_covered_whole() -> None:
    piece = Piece(0, 2 * CHUNK_SIZE + 188, 188 * 50)
    clip = clip_of(ORIGINAL, [piece])
    stretch = ORIGINAL[piece.original : piece.original + piece.size]
    for file, passes in ((stretch, True), (stretch + b"x", False), (stretch[:-1], False)):
        made = built()
        del made.files[MP4]
        made.files |= {LIST: clip.to_bytes(), CHUNKS: chunks_of(ORIGINAL, clip), TS: file}
        finding = of(made.verify(), "clip")[0]
        assert (finding.outcome is Outcome.PASSED) is passes, finding


def recorded(start: str, end: str) -> dict[str, str]:
    day = "2026-11-23T14:"
    return {"from": f"{day}{start}+08:00", "to": f"{day}{end}+08:00"}


def test_other_cameras_of_that_moment_are_named() -> None:
    """The clip shows 14:00:39.960 to 14:00:50.040, by the recording's claimed times."""
    case = case_with_original()
    for number, (name, start, end) in enumerate(
        (
            ("before.mp4", "00:00", "00:39"),
            ("into.mp4", "00:10", "00:40"),
            ("from.mp4", "00:50", "09:00"),
            ("after.mp4", "00:51", "09:00"),
        ),
        20,
    ):
        case.add(
            evidence(name, number, {name: name.encode()}, occurred=recorded(start, end)),
            after="photo",
        )
    # A corrected clock comes first; a document of that moment is no recording.
    more = {"occurred": recorded("00:00", "00:01"), "corrected": recorded("00:30", "01:00")}
    case.add(evidence("corrected", 30, {"corrected.mp4": b"c"}, **more), after="photo")
    paper = {"occurred": recorded("00:00", "05:00"), "evidence_type": "documentary"}
    case.add(evidence("paper", 31, {"paper.pdf": b"p"}, **paper), after="photo")
    made = clipped(case)
    del made.files[next(p for p, data in made.files.items() if data == b"from.mp4")]
    index = Index.from_bytes(made.files["data/packet.json"])
    items = tuple(name for name in index.items if f"data/items/{name}" in made.files)
    made.files["data/packet.json"] = replace(index, items=items).to_bytes()
    (finding,) = of(made.verify(), "clip")
    _, _, names = finding.detail.partition("of that moment, by their statements: ")
    names, _, others = names.partition("; of its other moments: ")
    assert set(others.split(", ")) == {
        f"{name} ({next(p for p, data in made.files.items() if data == name.encode())})"
        for name in ("before.mp4", "after.mp4")
    }
    assert set(names.split(", ")) == {
        f"{name} ({path})"
        for name, path in (
            ("into.mp4", next(p for p, data in made.files.items() if data == b"into.mp4")),
            ("corrected.mp4", next(p for p, data in made.files.items() if data == b"c")),
            ("from.mp4", "not in the packet"),
        )
    }


def test_another_moment_claimed_hides_no_other_camera() -> None:
    case = case_with_original()
    when = recorded("00:30", "01:00")
    case.add(evidence("other", 20, {"other.mp4": b"o"}, occurred=when), after="photo")
    made = clipped(case)
    clip = Clip.from_bytes(made.files[LIST])
    made.files[LIST] = replace(clip, given=Span(400_000, 410_000)).to_bytes()
    (finding,) = of(made.verify(), "clip")
    path = next(p for p, data in made.files.items() if data == b"o")
    assert finding.detail.endswith(
        "No other recording of that moment is stated in this packet; of its other moments: "
        f"other.mp4 ({path})"
    )


def test_between_two_clips_of_a_recording_something_is_not_shown() -> None:
    made = built()
    first = Clip.from_bytes(made.files[LIST])
    second = replace(first, given=Span(100_000, 600_000))
    made.files |= {p.replace("01", "02"): made.files[p] for p in (CHUNKS, MP4)}
    made.files[LIST.replace("01", "02")] = second.to_bytes()
    hidden = "without 0:00:00.000 to 0:00:39.960, 0:00:50.040 to 0:01:40.000. "
    for finding in of(made.verify(), "clip"):
        assert f"; 2 clips here are of it, {hidden}" in finding.detail
    made.files[LIST] = replace(first, given=Span(0, 100_000)).to_bytes()
    assert "; 2 clips here are of it, without a gap. " in of(made.verify(), "clip")[0].detail


class Exchanged(MemoryPacket):
    """A packet on a disk that gives other bytes of a file once it was read whole."""

    def __init__(self, files: Mapping[str, bytes], path: str, other: bytes) -> None:
        super().__init__(files)
        self._path, self._other = path, other

    def stream(self, path: str) -> Iterator[bytes]:
        yield from super().stream(path)
        if path == self._path:
            self.files = {**self.files, path: self._other}


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("path", "other"), [(CHUNKS, MP4), (MP4, CHUNKS)])
def test_what_is_compared_is_what_was_hashed(path: str, other: str) -> None:
    """One file is forged from the beginning, and the other to match once it was hashed."""
    sample = ORIGINAL[SAMPLES[0][0] :][: SAMPLES[0][1]]
    forged = sample[:-1] + bytes([sample[-1] ^ 1])
    made = built()
    if path == CHUNKS:  # forged chunks alone would lead to another root
        made.files[other] = made.files[other].replace(sample, forged)
    packet = Exchanged(made.sealed(), path, made.files[path].replace(sample, forged))
    (finding,) = of(verify_packet(packet, made.trust), "clip")
    assert finding.outcome is Outcome.FAILED
    assert finding.detail == "the packet has changed while it was read"


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("path", [CHUNKS, MP4])
def test_a_clip_is_made_again_from_what_was_hashed(path: str) -> None:
    made = built()
    packet = MemoryPacket(made.sealed())

    def rederive(clip: Clip, chunks: Held, played: Held) -> None:
        packet.files = {**packet.files, path: bytes(len(packet.files[path]))}
        assert chunks.read(0, chunks.size) + played.read(0, played.size)

    report = verify_packet(packet, made.trust, rederive=rederive)
    assert of(report, "clip")[1].detail == "the packet has changed while it was read"
