"""What a case lacks: gaps and defects per stage, each with its rule, article and cure.

    for gap in gaps(file, registry, calendar):
        gap.stage, gap.rule, gap.kind      # investigate, step_7_site_record, missing

A record that is there, and was logged long after it occurred, is a late one (补录): it counts, and
its delay is told. One that was logged after the act which it had to precede, though it says that
it occurred before, is late as well; one that does not even say so stands in the wrong order.
"""

from collections.abc import Iterator, Sequence

from ledger.evidence.statement import Stage
from ledger.process.casefile import AHEAD_MS, CaseFile, Filed
from ledger.process.deadlines.calendar import Working
from ledger.process.deadlines.measures import began_ms
from ledger.process.judging.checks import Failure, failures
from ledger.process.judging.evidence_gaps import evidence_gaps
from ledger.process.judging.gap import LEVELS, Gap, GapKind, act_gap, crew_gap, rule_gap, told_once
from ledger.process.judging.judged import Judged, judged
from ledger.process.judging.recording_gaps import recording_gaps
from ledger.process.judging.records import STAGES, Late, record_gaps, undecided
from ledger.process.judging.stated import unread_facts
from ledger.process.registers.registry import Registry
from ledger.process.rules.rulepack import ActRule, Check, Conclusion, Level

EVER = 2**63 - 1  # a place after all others


def gaps(file: CaseFile, registry: Registry, days: Working, now_ms: int | None = None) -> list[Gap]:
    """Under all packs that judge the case, by stage; now, or when the last of it was filed. One
    that cannot be read is a gap itself: it hides nothing that the others find. Raises `Malformed`
    where none can be read."""
    unread: dict[str, Filed] = {}
    cases = judged(file, registry, days, unread)
    if now_ms is None:
        now_ms = max((one.at_ms for one in file.filed), default=0)
    found = told_once(gap for case in cases for gap in gaps_under(case, now_ms))
    found += [_unread_gap(cases[0], *one) for one in unread.items()]
    return sorted(found, key=lambda gap: STAGES.index(gap.stage))


def gaps_under(case: Judged, now_ms: int) -> Iterator[Gap]:
    told = set[tuple[str, int | None]]()
    for gap in _gaps_under(case, now_ms):
        told.add((gap.rule, gap.place))
        yield gap
    yield from (gap for gap in _unserved(case) if (gap.rule, gap.place) not in told)
    yield from recording_gaps(case, now_ms)
    yield from evidence_gaps(case)


def _gaps_under(case: Judged, now_ms: int) -> Iterator[Gap]:
    late = Late(case)
    absent: dict[tuple[tuple[str, ...], int | None], Gap] = {}
    for record in case.pack.records:
        if not case.applies(record):
            continue
        fence = case.file.first(*_names(record.before))
        for gap in record_gaps(case, record, fence, late, now_ms):
            if gap.kind is not GapKind.MISSING:
                yield gap
            else:
                # Two records may want one act: where it is missing, the graver tells it.
                key = record.acts, gap.place
                known = absent.setdefault(key, gap)
                absent[key] = min(
                    known, gap, key=lambda one: (LEVELS.index(one.level), not one.due)
                )
    yield from absent.values()
    for check in case.pack.checks:
        if case.applies(check):
            yield from check_gaps(case, check)
    for one in case.own():
        yield from _act_gaps(case, one)
    for one in case.stating():
        yield from unknown_gaps(case, one)
    yield from _same_moment(case)
    yield from late.rest()


def _same_moment(case: Judged) -> Iterator[Gap]:
    """Two at one moment without numbers count as one. Filed anew by the same crew, to say more or
    to say it right, it is one; otherwise nobody can tell. So do two of one number, at any time."""
    for measure in case.all_measures():
        last = measure.filed[-1]
        rule = case.pack.act(last.act)
        facts = {"count": str(len(measure.filed))}
        if rule is None:
            continue
        if not measure.labels and _differ(case, measure.filed):
            yield act_gap(case, rule, last, "same_moment", facts)
        if len({began_ms(one) for one in measure.filed}) > 1:
            facts["measure"] = "、".join(sorted(measure.labels))
            yield act_gap(case, rule, last, "same_number", facts)


def _differ(case: Judged, filed: Sequence[Filed]) -> bool:
    """By another crew, or stating otherwise what both state in words that can be read."""
    first = filed[0]
    for one in filed[1:]:
        if set(one.officers) != set(first.officers):
            return True
        for fact in one.facts.keys() & first.facts.keys():
            rule, said = case.pack.fact(fact, one.act), (first.facts[fact], one.facts[fact])
            if said[0] != said[1] and (rule is None or all(map(rule.takes, said))):
                return True
    return False


def _unserved(case: Judged) -> Iterator[Gap]:
    """What was decided anew before the last closing, and not served anew."""
    closing = case.file.last(*_names(tuple(case.pack.concluding(Conclusion.CLOSE))))
    for record in case.pack.records if closing else ():
        if closing and closing.act in record.before and case.applies(record):
            yield from undecided(case, record, closing)


def _unread_gap(case: Judged, procedure: str, one: Filed) -> Gap:
    rule = ActRule(one.act, one.act, one.act, one.statement.stage or Stage.START)
    facts = {"procedure": procedure}
    return act_gap(case, rule, one, "pack_unreadable", facts, Level.SERIOUS)


def check_gaps(case: Judged, check: Check) -> Iterator[Gap]:
    """As of each act that it must precede; without any, as of now."""
    fences = case.file.acts(*check.before) if check.before else ()
    found: dict[tuple[str, int], Failure] = {}
    for failure in failures(case, check, *([fence.number for fence in fences] or [EVER])):
        found.setdefault((failure.what, failure.place), failure)
    for failure in found.values():
        yield failure_gap(case, check, failure)


def failure_gap(case: Judged, check: Check, failure: Failure) -> Gap:
    return rule_gap(case, check, GapKind.DEFECT, failure.what, failure.place, failure.facts)


def _act_gaps(case: Judged, one: Filed) -> Iterator[Gap]:
    rule = case.pack.act(one.act)
    if rule is None:
        unknown = ActRule(one.act, one.act, one.act, one.statement.stage or Stage.START)
        yield act_gap(case, unknown, one, "unknown_act", {"act": one.act}, Level.ORDINARY)
        return
    if one.statement.stage not in (None, rule.stage):
        facts = {"said": str(one.statement.stage), "wanted": str(rule.stage)}
        yield act_gap(case, rule, one, "stage", facts)
    if one.start_ms > one.at_ms + AHEAD_MS:
        facts = {"ahead_ms": str(one.start_ms - one.at_ms)}
        yield act_gap(case, rule, one, "not_yet_occurred", facts)
    for finding in case.crew(one):
        yield crew_gap(case, rule, one, finding)


def unknown_gaps(case: Judged, one: Filed) -> Iterator[Gap]:
    if (rule := case.pack.act(one.act)) is None:
        return
    for found in unread_facts(case.pack, one.act, one.facts):
        yield act_gap(case, rule, one, "unknown_value", found.to_facts(), Level.ORDINARY)


def _names(acts: tuple[str, ...]) -> tuple[str, ...]:
    """`first()` of no names is the first of all acts: of none it must find none."""
    return acts or ("",)
