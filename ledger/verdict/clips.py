"""Clips: chunks proved to be part of an item that was fixed, and what is played made of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ledger.encoding import printable
from ledger.errors import Malformed, Rejected, Unavailable
from ledger.evidence.chunks import ItemDigest
from ledger.evidence.clip import Clip
from ledger.evidence.film import check_film, kinds
from ledger.evidence.held import Held
from ledger.evidence.ranges import root_of_runs
from ledger.evidence.statement import FileSubject, Statement
from ledger.report import Finding, Outcome, clock_text
from ledger.verdict.around import Around
from ledger.verdict.examination import Examination, Rederive, failed, not_checked

BLOCK = 1 << 20


def clips(ex: Examination) -> Iterator[Finding]:
    layout = ex.layout
    shown = ex.shown()
    statements = [statement for _, statement in shown]
    heeded = [statement for view, statement in shown if not view.disowned]
    counting, originals = _Originals(heeded), _Originals([*heeded, *statements])
    held: dict[str, tuple[Clip, FileSubject]] = {}
    lacking: dict[str, str] = {}
    numbers = sorted({*layout.clips, *layout.clip_chunks, *layout.clips_played})
    for number in numbers:
        try:
            opened = _open(ex, number, originals)
            lacking[number] = _lacking(ex, number, opened[0])
            # What was compared is let go: the rows of a thousand clips would fill the memory.
            held[number] = replace(opened[0], pieces=(), proof=()), opened[1]
        except (Malformed, Rejected) as error:
            yield failed("clip", layout.clips.get(number, f"data/clips/{number}"), error)
    for number, (_, subject) in held.items():
        ex.part_of.setdefault(subject, layout.clips_played[number])
    around = Around(statements, held.values())
    paths = {**ex.part_of, **ex.item_of}
    for number, (clip, subject) in held.items():
        detail = _told(clip, subject, lacking[number], around, paths)
        yield Finding("clip", Outcome.PASSED, layout.clips_played[number], detail)
        if not counting.has(clip):
            detail = "the statement of its original counts for nothing"
            yield Finding("clip", Outcome.UNDECIDED, layout.clips_played[number], detail)
        if ex.rederive is not None:
            yield _rederived(ex, ex.rederive, clip, number)
    if not numbers:
        yield Finding("clip", Outcome.PASSED, "packet", "0 clips")


def _open(ex: Examination, number: str, originals: "_Originals") -> tuple[Clip, FileSubject]:
    layout = ex.layout
    parts = layout.clips, layout.clip_chunks, layout.clips_played
    if not all(number in part for part in parts):
        raise Rejected("want the list, the chunks and the file to play, each once")
    path, chunks, played = (part[number] for part in parts)
    clip = Clip.from_bytes(ex.read(path))
    subject = originals.of(clip)
    leaves, size = ex.leaves.get(chunks, []), ex.packet.sizes()[chunks]
    shown = sum(last - first + 1 for first, last in clip.runs)
    if size != clip.shown or len(leaves) != shown:
        raise Rejected(f"want {clip.shown} bytes of chunks, got {size}")
    if root_of_runs(clip.runs, clip.chunks, iter(leaves), clip.proof) != clip.item.chunks:
        raise Rejected("the chunks are no part of the original that was fixed")
    _check_played(clip, ex.held(chunks), ex.held(played), stream=not played.endswith(".mp4"))
    return clip, subject


def _rederived(ex: Examination, rederive: Rederive, clip: Clip, number: str) -> Finding:
    chunks, played = ex.layout.clip_chunks[number], ex.layout.clips_played[number]
    try:
        rederive(clip, ex.held(chunks), ex.held(played))
    except Unavailable as error:
        return not_checked("clip", played, error)
    except (Malformed, Rejected) as error:
        return failed("clip", played, error)
    detail = f"made again from its chunks with {printable(clip.tool)}: the same bytes"
    return Finding("clip", Outcome.PASSED, played, detail)


class _Originals:
    """The originals, as statements shown here speak of them; the first that does counts."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._found: dict[tuple[int, bytes, bytes], FileSubject] = {}
        for statement in statements:
            for subject in statement.items:
                self._found.setdefault(_key(subject.digest), subject)

    def has(self, clip: Clip) -> bool:
        return _key(clip.item) in self._found

    def of(self, clip: Clip) -> FileSubject:
        found = self._found.get(_key(clip.item))
        if found is None:
            raise Rejected("no statement in this packet speaks of its original")
        return found


def _key(digest: ItemDigest) -> tuple[int, bytes, bytes]:
    return digest.size, digest.sha256, digest.chunks


def _check_played(clip: Clip, chunks: Held, played: Held, *, stream: bool) -> None:
    find = clip.where()
    for piece in clip.pieces:
        place = find(piece.original, piece.size)
        for at in range(0, piece.size, BLOCK):
            length = min(BLOCK, piece.size - at)
            bytes_ = played.read(piece.at + at, length)
            if len(bytes_) != length or bytes_ != chunks.read(place + at, length):
                raise Rejected(f"byte {piece.at} of the file to play is not that of the original")
    if not stream:
        check_film(played.read, played.size, clip.pieces)
    elif [(piece.at, piece.size) for piece in clip.pieces] != [(0, played.size)]:
        raise Rejected("want a stream to play that is one stretch of the original")


def _lacking(ex: Examination, number: str, clip: Clip) -> str:
    """What the file to play has not: its tables tell, whatever its maker says."""
    path = ex.layout.clips_played[number]
    if not path.endswith(".mp4"):
        return ""
    played = ex.held(path)
    found = kinds(played.read, played.size)
    if clip.silent and b"soun" in found:
        raise Rejected("its maker left the sound out, and it has sound")
    if b"vide" not in found:
        return "; the file to play has no pictures"
    if clip.silent:
        return "; its sound is left out"
    return "" if b"soun" in found else "; the file to play has no sound"


def _told(
    clip: Clip,
    subject: FileSubject,
    lacking: str,
    around: Around,
    paths: Mapping[FileSubject, str],
) -> str:
    share = 100 * clip.shown / max(1, clip.item.size)
    start, end, whole = clip.given.start_ms, clip.given.end_ms, clip.whole_ms
    parts, others = around.parts(subject), around.others(clip, subject, paths)
    return (
        f"{share:.1f} % of {printable(subject.name)}: {len(clip.runs)} runs of its chunks. By the "
        f"word of who cut it {clock_text(start)} to {clock_text(end)} of {clock_text(whole)}; "
        f"{clock_text(start)} before it and {clock_text(max(0, whole - end))} after it are not "
        f"shown{lacking}{parts}. {others}"
    )
