"""Whether what must be there is there: of one record of a rule pack, against the acts of a case.

Of all acts that a record names, one that meets it is enough: it states the facts, shows what must
be seen, has its recording, and stands before what it must precede. So what was done wrong and is
done anew is mended, and what was done too late is told to be late and not to be missing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from ledger.encoding import format_time
from ledger.evidence.statement import Stage
from ledger.process.casefile import Filed, stands_before
from ledger.process.deadlines.clocks import Running, State
from ledger.process.judging.gap import Gap, GapKind, act_gap, rule_gap, stage_of
from ledger.process.judging.gap_names import named
from ledger.process.judging.judged import Judged
from ledger.process.judging.reasons import EXPLANATION
from ledger.process.judging.shares import which_of
from ledger.process.registers.crew import CrewFinding
from ledger.process.rules.rulepack import Conclusion, Level, Record, Recording
from ledger.process.spans import SLACK_MS, Spans

HOUR_MS = 3_600_000
STAGES = tuple(Stage)
NOTHING = "not_recorded"


@dataclass(frozen=True, slots=True)
class Lack:
    """Why an act does not meet a record that it is one of."""

    what: str
    facts: Mapping[str, str]


class Late:
    """Late acts, told once each: as the record that has nothing better, or by themselves."""

    def __init__(self, case: Judged) -> None:
        self._case = case
        self._told: set[int] = set()
        self._recorded: Spans | None = None
        self.limit_ms = case.pack.late_after_hours * HOUR_MS

    def is_late(self, one: Filed) -> bool:
        return one.delay_ms > self.limit_ms

    def recorded_in_time(self) -> Spans:
        if self._recorded is None:
            recordings = self._case.file.recordings
            self._recorded = Spans(one.span for one in recordings if not self.is_late(one))
        return self._recorded

    def tell(
        self, record: Record, one: Filed, facts: Mapping[str, str] | None = None
    ) -> Iterator[Gap]:
        if one.number in self._told:
            return
        self._told.add(one.number)
        facts = {"delay_ms": str(max(one.delay_ms, 0)), **(facts or {})}
        yield rule_gap(self._case, record, GapKind.LATE, "late", one.number, facts)

    def of(self, record: Record, one: Filed) -> Iterator[Gap]:
        """Acts of another procedure are late there."""
        if self._case.owns(one) and self.is_late(one):
            yield from self.tell(record, one)

    def rest(self) -> Iterator[Gap]:
        for one in self._case.own():
            rule = self._case.pack.act(one.act)
            # How late a reason is, counts from when it was wanted (`recording_gaps`).
            told = one.number in self._told or one.act == EXPLANATION
            if rule and self.is_late(one) and not told:
                facts = {"delay_ms": str(one.delay_ms)}
                yield act_gap(self._case, rule, one, "late", facts, kind=GapKind.LATE)


def record_gaps(
    case: Judged, record: Record, fence: Filed | None, late: Late | None = None, now_ms: int = 0
) -> Iterator[Gap]:
    """`fence` is the act before which it must stand. What lacks is due without it as well once the
    record's own clock has run out; of several measures each wants its own."""
    late = late or Late(case)
    if case.measures(record):
        yield from _each_lacks(case, record, fence, late)
        return
    runs = case.runs(record, now_ms) if record.clock else []
    if not runs or runs[0].clock.starts != "each":
        candidates = case.file.acts(*record.acts)
        if candidates:
            yield from _unmet(case, record, candidates, fence, late)
        else:
            yield _missing(case, record, fence, runs[0] if runs else None)
        return
    for run in runs:
        assert run.started is not None and run.start_ms is not None
        own = [one for one in run.about if one.act in record.acts]
        # What was only done behind the fence is none of its matters.
        bound = fence if fence and run.started.number < fence.number else None
        if own:
            yield from _unmet(case, record, own, bound, late)
        else:
            which = which_of(run.started, run.labels) if len(runs) > 1 else {}
            yield _missing(case, record, bound, run, run.started, which)


def _each_lacks(case: Judged, record: Record, fence: Filed | None, late: Late) -> Iterator[Gap]:
    for share in case.shares(record):
        started, bound = share.measure.started, fence
        if fence is not None and started.act in record.before:
            # Each must have it before itself; and a conclusion, which comes last, before that.
            comes_last = fence.number > started.number and fence.act != started.act
            bound = fence if comes_last else started
        elif fence is not None and started.number >= fence.number:
            bound = None  # what was only done behind the fence is none of its matters
        if own := share.acts(*record.acts):
            for gap in _unmet(case, record, own, bound, late):
                yield replace(gap, facts={**named(case.pack, (), share.which), **gap.facts})
        else:
            yield _missing(case, record, bound, None, started, share.which)


def _missing(
    case: Judged,
    record: Record,
    fence: Filed | None,
    run: Running | None,
    started: Filed | None = None,
    which: Mapping[str, str] = MappingProxyType({}),
) -> Gap:
    """`which` of several measures lacks it, and with what it `started`."""
    facts = _before(case, fence) if fence else {}
    overdue = run is not None and run.state is State.OVERDUE
    if run is not None and run.due_ms is not None and overdue:
        facts |= {"clock": run.clock.id, "was_due": format_time(run.due_ms)}
    place = started.number if started is not None and which else None
    facts |= which
    due = fence is not None or overdue or _has_passed(case, stage_of(case, record))
    return rule_gap(case, record, GapKind.MISSING, "missing", place, facts, due)


def _unmet(
    case: Judged, record: Record, candidates: Sequence[Filed], fence: Filed | None, late: Late
) -> Iterator[Gap]:
    """What is wrong with all that is there, or late in the best of it."""
    before = (one for one in candidates if fence is None or stands_before(one, fence))
    chosen = best(case, (one for one in before if not lacks_of(case, record, one)), late)
    if chosen is not None:
        yield from late.of(record, chosen)
        yield from _late_recording(case, record, chosen, late)
        return
    sound = next((one for one in candidates if not lacks_of(case, record, one)), None)
    if sound is not None and fence is not None:
        yield from _out_of_order(case, record, sound, fence, late)
    else:
        last = candidates[-1]
        for lack in lacks_of(case, record, last):
            yield lack_gap(case, record, last, lack)
        if fence is not None and not any(stands_before(one, fence) for one in candidates):
            yield from _out_of_order(case, record, last, fence, late)


def lack_gap(case: Judged, record: Record, one: Filed, lack: Lack) -> Gap:
    return rule_gap(case, record, GapKind.DEFECT, lack.what, one.number, lack.facts)


def best(case: Judged, acts: Iterable[Filed], late: Late | None = None) -> Filed | None:
    """Of acts in log order that all meet a record: by a sound crew before others, in time before
    late. The first in which nothing is wrong is the best, and nobody looks at the rest."""
    late = late or Late(case)
    found: list[tuple[bool, bool, int, Filed]] = []
    for one in acts:
        wrong = bool(serious_crew(case, one)), late.is_late(one)
        if not any(wrong):
            return one
        found.append((*wrong, one.number, one))
    return min(found)[-1] if found else None


def serious_crew(case: Judged, one: Filed) -> list[CrewFinding]:
    return [finding for finding in case.crew_faults(one) if finding.level == Level.SERIOUS]


def meets(case: Judged, record: Record, one: Filed, fence: Filed) -> bool:
    return stands_before(one, fence) and not lacks_of(case, record, one)


def lacks_of(case: Judged, record: Record, one: Filed) -> list[Lack]:
    found = []
    if missing := [fact for fact in record.facts if not _states(case, fact, one)]:
        found.append(Lack("facts", {"missing": "、".join(missing)}))
    if record.shows and not _shows(case, record.shows, one):
        found.append(Lack("not_shown", {"shows": record.shows}))
    if record.recording and (lack := _recording_lack(record.recording, one, case.file.recorded)):
        reason = _reason(case, one) if lack.what == NOTHING else {}
        found.append(Lack(lack.what, {**lack.facts, **reason}))
    return found


def _reason(case: Judged, one: Filed) -> dict[str, str]:
    """A reason makes no recording: what is missing is missing, and why is told with it."""
    return case.reasons.of_nothing_recorded(one.start_ms, one.end_ms)


def _states(case: Judged, fact: str, one: Filed) -> bool:
    said, rule = one.facts.get(fact, "").strip(), case.pack.fact(fact, one.act)
    return bool(said) and not (rule and rule.denies(said))


def _shows(case: Judged, word: str, one: Filed) -> bool:
    """In a recording that is filed, or as the written record states it."""
    if _states(case, word, one):
        return True
    return any(code.shows == word and code.item in case.file.items for code in one.timecodes)


def _recording_lack(wanted: Recording, one: Filed, recorded: Spans) -> Lack | None:
    if not recorded.touches(one.start_ms, one.end_ms):
        return Lack(NOTHING, {})
    if wanted is Recording.ADVISED:
        return None
    wanting = one.end_ms - one.start_ms - recorded.covered(one.start_ms, one.end_ms)
    return Lack("partly_recorded", {"wanting_ms": str(wanting)}) if wanting > SLACK_MS else None


def _late_recording(case: Judged, record: Record, one: Filed, late: Late) -> Iterator[Gap]:
    if record.recording is None:
        return
    if _recording_lack(record.recording, one, late.recorded_in_time()) is None:
        return
    of_it = (r for r in case.file.recordings if _touch(one, r.span) and late.is_late(r))
    if (slow := next(of_it, None)) is not None:
        yield from late.tell(record, slow)


def _touch(one: Filed, span: tuple[int, int]) -> bool:
    return span[0] <= one.end_ms and one.start_ms <= span[1]


def _out_of_order(
    case: Judged, record: Record, one: Filed, fence: Filed, late: Late
) -> Iterator[Gap]:
    if one.number > fence.number and one.start_ms <= fence.end_ms:
        yield from late.tell(record, one, _before(case, fence))
    else:
        yield out_of_order(case, record, one, fence)


def out_of_order(case: Judged, record: Record, one: Filed, fence: Filed) -> Gap:
    facts = _before(case, fence)
    return rule_gap(case, record, GapKind.WRONG_ORDER, "wrong_order", one.number, facts)


def undecided(case: Judged, record: Record, fence: Filed) -> Iterator[Gap]:
    """Where all that meets the record was done before what it rests on was last decided: a service
    before its decision is none, however long after both the case is closed."""
    for decision in case.pack.records:
        decides = any(case.pack.conclusion(act) is Conclusion.DECIDE for act in decision.acts)
        if not decides or not set(record.acts) & set(decision.before) or not case.applies(decision):
            continue
        met = [one for one in case.file.acts(*record.acts) if meets(case, record, one, fence)]
        made = [d for d in case.file.acts(*decision.acts) if meets(case, decision, d, fence)]
        bound = [one for one in met if one.act in decision.before]
        if len(bound) < len(met) or not bound or not made:
            continue
        if not any(stands_before(made[-1], one) for one in bound):
            yield out_of_order(case, decision, made[-1], bound[-1])


def _before(case: Judged, fence: Filed) -> dict[str, str]:
    rule = case.pack.act(fence.act)
    assert rule is not None  # a pack has the acts that its records name
    return {
        "before": fence.act,
        "before_name": rule.name,
        "before_name_en": rule.name_en,
        "place_before": str(fence.number),
    }


def _has_passed(case: Judged, stage: Stage) -> bool:
    """Whether any act that the pack knows has come to a later stage."""
    return case.come_to > STAGES.index(stage)
