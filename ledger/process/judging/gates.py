"""Gates: a decision, its service and the closing of a case wait for what must stand before them.

    if closed := refusals(file, proposed, registry, calendar):
        …                                       # not into the log; each gap names article and cure

Refused is the conclusion alone: the same paper may be filed as evidence at any time. What is only
a notice shuts no gate, and what was done wrong and then done anew opens it again.
"""

from collections.abc import Iterable, Iterator

from ledger.process.casefile import AHEAD_MS, CaseFile, Filed
from ledger.process.deadlines.calendar import Working
from ledger.process.judging.checks import failures
from ledger.process.judging.gap import Gap, GapKind, act_gap, crew_gap, told_once
from ledger.process.judging.gaps import failure_gap, unknown_gaps
from ledger.process.judging.judged import Judged, judged
from ledger.process.judging.records import (
    best,
    lack_gap,
    lacks_of,
    meets,
    record_gaps,
    serious_crew,
    undecided,
)
from ledger.process.registers.registry import Registry
from ledger.process.rules.rulepack import Level, Record


def refusals(file: CaseFile, proposed: Filed, registry: Registry, days: Working) -> list[Gap]:
    """Why an act that is not logged yet must wait; none if no gate of a pack names it.

    `proposed` has the number and the time that it would have in the log."""
    return refusals_under(judged(file.with_filed(proposed), registry, days), proposed)


def refusals_under(cases: Iterable[Judged], proposed: Filed) -> list[Gap]:
    """The same of a case as it would stand with it."""
    found: list[Gap] = []
    for case in cases:
        if case.pack.conclusion(proposed.act) is not None:
            found += _refusals(case, proposed)
    return told_once(found)


def _refusals(case: Judged, proposed: Filed) -> Iterator[Gap]:
    yield from _misdated(case, proposed)
    for record in case.pack.records:
        if record.level is Level.NOTICE or not case.applies(record):
            continue
        if proposed.act in record.before:
            # What was recorded late is told as a gap; it is there, and shuts nothing.
            found = record_gaps(case, record, proposed, now_ms=proposed.at_ms)
            yield from (gap for gap in found if gap.kind is not GapKind.LATE)
            yield from _crew_of(case, record, proposed)
            yield from undecided(case, record, proposed)
        elif proposed.act in record.acts and record.level is Level.SERIOUS:
            yield from _unstated(case, record, proposed)
    for check in case.pack.checks:
        gated = proposed.act in check.before and check.level is not Level.NOTICE
        if gated and case.applies(check):
            for failure in failures(case, check, proposed.number):
                yield failure_gap(case, check, failure)
    yield from _untold(case)
    yield from _serious(case, proposed)


def _misdated(case: Judged, proposed: Filed) -> Iterator[Gap]:
    """What says another stage than its pack, or a day that has not come: whoever looks for
    decisions by their stage finds none, and evidence of next week would stand before it."""
    rule, stage = case.pack.act(proposed.act), proposed.statement.stage
    assert rule is not None  # a pack has the acts that its gates name
    wanted = {"wanted": str(rule.stage)}
    if stage is None:
        yield act_gap(case, rule, proposed, "no_stage", wanted, Level.ORDINARY)
    elif stage is not rule.stage:
        facts = {"said": str(stage), **wanted}
        yield act_gap(case, rule, proposed, "stage", facts, Level.ORDINARY)
    ahead_ms = proposed.end_ms - proposed.at_ms
    if ahead_ms > AHEAD_MS:
        facts = {"ahead_ms": str(ahead_ms)}
        yield act_gap(case, rule, proposed, "not_yet_occurred", facts, Level.ORDINARY)


def _untold(case: Judged) -> Iterator[Gap]:
    """What an act says in a word that no rule looks for: else a rule is switched off by 是. The
    last act of a name counts, so that the same one, said anew, opens the gate. Rules see acts of
    all procedures, and so does this."""
    last = {one.act: one for one in case.stating()}
    for one in last.values():
        yield from unknown_gaps(case, one)


def _crew_of(case: Judged, record: Record, proposed: Filed) -> Iterator[Gap]:
    """Where all that meets the record was done by those who may not do it."""
    each = case.shares(record) if case.measures(record) else ()
    for acts in [one.acts(*record.acts) for one in each] or [case.file.acts(*record.acts)]:
        found = best(case, (one for one in acts if meets(case, record, one, proposed)))
        if found is not None:
            yield from _serious(case, found)


def _serious(case: Judged, one: Filed) -> Iterator[Gap]:
    rule = case.pack.act(one.act)
    for finding in serious_crew(case, one):
        if rule is not None:
            yield crew_gap(case, rule, one, finding)


def _unstated(case: Judged, record: Record, proposed: Filed) -> Iterator[Gap]:
    """What the paper itself must state. Its recording may still be on its way."""
    for lack in lacks_of(case, record, proposed):
        if lack.what == "facts":
            yield lack_gap(case, record, proposed, lack)
