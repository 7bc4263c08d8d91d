"""What surrounds a clip: what of its recording stays unseen, and what else was recorded then.

Nothing of it is proved. Times are those that statements and the clips' maker give.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ledger.encoding import printable
from ledger.evidence.clip import Clip
from ledger.evidence.statement import FileSubject, Statement
from ledger.report import clock_text

MAX_NAMED = 5


class Around:
    """`clips` are those that held, each with its original."""

    def __init__(
        self, statements: Iterable[Statement], clips: Iterable[tuple[Clip, FileSubject]]
    ) -> None:
        self._recorded: dict[FileSubject, tuple[int, int]] = {}
        for statement in statements:
            # A corrected clock comes first. The other files of a statement stand beside its item.
            when = statement.corrected or statement.occurred
            if when is not None and statement.files and _is_recording(statement):
                self._recorded.setdefault(statement.files[0], (when.start_ms, when.end_ms))
        self._clips: defaultdict[FileSubject, list[Clip]] = defaultdict(list)
        for clip, original in clips:
            self._clips[original].append(clip)

    def parts(self, original: FileSubject) -> str:
        """Where there are several clips of it: what lies between them, and none shows."""
        clips = self._clips[original]
        if len(clips) < 2:
            return ""
        spans = [f"{clock_text(start)} to {clock_text(end)}" for start, end in unseen(clips)]
        return f"; {len(clips)} clips here are of it, without {_listed(spans) or 'a gap'}"

    def others(self, clip: Clip, original: FileSubject, paths: Mapping[FileSubject, str]) -> str:
        """The recordings of the moment that a clip shows: what further cameras saw.

        Which moment it shows is the word of who cut it. So those of the recording's other moments
        are named as well: else another moment would be given, of which there is no other.
        """
        if original not in self._recorded:
            return "When it was recorded is not stated"
        begun, ended = self._recorded[original]
        start, end = begun + clip.given.start_ms, begun + clip.given.end_ms
        then, else_ = [], []
        for file, (first, last) in self._recorded.items():
            if file.digest.sha256 == clip.item.sha256:
                continue
            named = f"{printable(file.name)} ({paths.get(file, 'not in the packet')})"
            if first < end and last > start:
                then.append(named)
            elif first < max(ended, begun + clip.whole_ms) and last > begun:
                else_.append(named)
        rest = f"; of its other moments: {_listed(else_)}" if else_ else ""
        if not then:
            return f"No other recording of that moment is stated in this packet{rest}"
        return f"Other recordings of that moment, by their statements: {_listed(then)}{rest}"


def unseen(clips: Sequence[Clip]) -> Iterator[tuple[int, int]]:
    """From when to when, in milliseconds, no clip of a recording shows it."""
    at = 0
    for start, end in sorted((clip.given.start_ms, clip.given.end_ms) for clip in clips):
        if start > at:
            yield at, start
        at = max(at, end)
    if (whole := max(clip.whole_ms for clip in clips)) > at:
        yield at, whole


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f", and {more} more" if more > 0 else "")


def _is_recording(statement: Statement) -> bool:
    said = statement.predicate
    return said.get("evidence_type") == "audiovisual" or "device" in said
