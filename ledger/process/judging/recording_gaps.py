"""What of its recordings a case has to explain: holes, and what came late to the log.

Each is a task at first, and wants a reason within the hours after which a record is late; until
then it is not due, and a hole that nobody has explained by then is a defect. All hours are counted
between places in the log, so that a reason which is given late is told as late whatever it says.
A pack that knows no such explanation asks for none.
"""

from collections.abc import Iterator

from ledger.encoding import format_time
from ledger.evidence.statement import Stage
from ledger.process.casefile import Filed
from ledger.process.judging.gap import FULL_RECORD, Finding, Gap, GapKind, found_gap
from ledger.process.judging.holes import Hole, holes_of, recorded_by
from ledger.process.judging.judged import Judged
from ledger.process.judging.reasons import EXPLANATION, Reason
from ledger.process.judging.records import HOUR_MS
from ledger.process.rules.rulepack import Level

HOLE = Finding("hole", "录音录像中断", "Hole in a recording", Stage.INVESTIGATE, *FULL_RECORD)
LATE_UPLOAD = Finding(
    "late_upload",
    "录音录像迟交",
    "Recording handed over late",
    Stage.INVESTIGATE,
    "公安视音频规定",
    "移交条款",
    memory=True,
)
LATE_REASON = Finding(
    "late_reason",
    "未录制、中断或者迟交的说明",
    "Explanation of a recording",
    Stage.INVESTIGATE,
    *FULL_RECORD,
)


def recording_gaps(case: Judged, now_ms: int) -> Iterator[Gap]:
    if case.pack.act(EXPLANATION) is not None:
        yield from _Unexplained(case, now_ms).gaps()


class _Unexplained:
    def __init__(self, case: Judged, now_ms: int) -> None:
        self._case = case
        self._now_ms = now_ms
        self._limit_ms = case.pack.late_after_hours * HOUR_MS
        self._late: dict[int, tuple[Reason, int]] = {}  # by place, with the longest delay

    def gaps(self) -> Iterator[Gap]:
        for hole in holes_of(self._case.file, self._to_record()):
            if not self._explained(hole.device, (hole.start_ms, hole.end_ms), hole.known_ms):
                yield self._hole(hole)
        for (device, _), recordings in recorded_by(self._case.file).items():
            late = [one for one in recordings if _delay_ms(one) > self._limit_ms]
            if wanting := [one for one in late if not self._explained(device, one.span, one.at_ms)]:
                yield self._late_upload(device, wanting)
        for reason, delay_ms in self._late.values():
            facts = {"act": EXPLANATION, "delay_ms": str(delay_ms), **reason.facts}
            place = reason.filed.number
            yield found_gap(self._case, LATE_REASON, place, facts, kind=GapKind.LATE)

    def _to_record(self) -> list[str]:
        wanted = (r for r in self._case.pack.records if r.recording and self._case.applies(r))
        return [act for record in wanted for act in record.acts]

    def _explained(self, device: str, span: tuple[int, int], known_ms: int) -> bool:
        reason = self._case.reasons.closing(device, *span)
        if reason is None:
            return False
        delay_ms = reason.filed.at_ms - known_ms
        if delay_ms > self._limit_ms:
            _, longest = self._late.get(reason.filed.number, (reason, 0))
            self._late[reason.filed.number] = reason, max(longest, delay_ms)
        return True

    def _hole(self, hole: Hole) -> Gap:
        facts = {
            "device": hole.device,
            "from": format_time(hole.start_ms),
            "to": format_time(hole.end_ms),
            "wanting_ms": str(hole.end_ms - hole.start_ms),
        }
        facts |= {"session": hole.session} if hole.session else {"act": hole.act}
        due = self._is_due(hole.known_ms)
        level = Level.ORDINARY if due else Level.NOTICE
        return found_gap(self._case, HOLE, hole.later.number, facts, level, due=due)

    def _late_upload(self, device: str, late: list[Filed]) -> Gap:
        """One of a session: whoever brought the recorder late explains it once."""
        facts = {
            "count": str(len(late)),
            "delay_ms": str(max(map(_delay_ms, late))),
            "device": device,
            "from": format_time(min(one.span[0] for one in late)),
            "to": format_time(max(one.span[1] for one in late)),
        }
        due = self._is_due(min(one.at_ms for one in late))
        place, kind = late[0].number, GapKind.LATE
        return found_gap(self._case, LATE_UPLOAD, place, facts, kind=kind, due=due)

    def _is_due(self, known_ms: int) -> bool:
        return self._now_ms - known_ms > self._limit_ms


def _delay_ms(one: Filed) -> int:
    return one.at_ms - one.span[1]
