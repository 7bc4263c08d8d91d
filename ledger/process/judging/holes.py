"""Holes in what one recorder recorded of a case: between two recordings of one session, or, where
they state none, within the time of one act that was to be recorded.

    hole, = holes_of(file, ["coercive_measure"])
    hole.device, hole.start_ms, hole.end_ms        # BWC-310, from 10:03 to 10:10

Another recorder fills no hole: each was to run through. Times are those of a corrected clock where
the station has measured it; a later correction moves none, or a hole would be closed by a word. A
photograph has no length: it neither begins a hole nor fills one.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from ledger.process.casefile import CaseFile, Filed
from ledger.process.spans import SLACK_MS

Recorder = tuple[str, str]  # device and session, which may be empty


@dataclass(frozen=True, slots=True)
class Hole:
    """Known since both its ends were in the log, before `later` by time; `act` where that is what
    it lies in."""

    device: str
    session: str
    start_ms: int
    end_ms: int
    later: Filed
    known_ms: int
    act: str = ""


def recorded_by(file: CaseFile) -> dict[Recorder, list[Filed]]:
    """Recordings of the case's own agency that state a device and a time, in log order."""
    found: dict[Recorder, list[Filed]] = {}
    for one in file.recordings:
        said = one.statement
        if "device" in said.predicate and said.occurred and said.agency == file.agency:
            recorder = said.predicate["device"], said.predicate.get("session", "")
            found.setdefault(recorder, []).append(one)
    return found


def holes_of(file: CaseFile, to_record: Collection[str]) -> Iterator[Hole]:
    """`to_record` names acts of which a recording is wanted."""
    acts = _Around(file.acts(*to_record) if to_record else ())
    for (device, session), recordings in recorded_by(file).items():
        for before, later in _apart(recordings):
            start_ms, end_ms = before.span[1], later.span[0]
            act = None if session else acts.find(start_ms, end_ms)
            if session or act:
                known_ms = max(before.at_ms, later.at_ms)
                name = act.act if act else ""
                yield Hole(device, session, start_ms, end_ms, later, known_ms, name)


def _apart(recordings: Iterable[Filed]) -> Iterator[tuple[Filed, Filed]]:
    last: Filed | None = None
    for one in sorted(recordings, key=lambda one: one.span):
        if one.span[0] == one.span[1]:
            continue
        if last is not None and one.span[0] - last.span[1] > SLACK_MS:
            yield last, one
        if last is None or one.span[1] > last.span[1]:
            last = one


class _Around:
    """Which act lasted through a time: of those begun by then the one that ended last."""

    def __init__(self, acts: Iterable[Filed]) -> None:
        self._starts: list[int] = []
        self._longest: list[Filed] = []
        for one in sorted(acts, key=lambda one: one.start_ms):
            last = self._longest[-1] if self._longest else one
            self._starts.append(one.start_ms)
            self._longest.append(one if one.end_ms >= last.end_ms else last)

    def find(self, start_ms: int, end_ms: int) -> Filed | None:
        begun = bisect_right(self._starts, start_ms)
        act = self._longest[begun - 1] if begun else None
        return act if act and act.end_ms >= end_ms else None
