"""The kinds of checks that rule packs name: what must be so, beyond that something is there.

Each looks at acts up to a place in the log, its parameters are the pack's. A check passes over
what is not stated: that it must be stated, a record says.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from ledger.encoding import in_china
from ledger.errors import Malformed
from ledger.evidence.derivation import Derived
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Kind
from ledger.process.casefile import Filed
from ledger.process.judging.judged import Judged
from ledger.process.judging.shares import Share
from ledger.process.registers.standing import examined
from ledger.process.rules.condition import all_said
from ledger.process.rules.facts import MEDIUM, NEW_FACTS, NO_FACTS, RECORDING
from ledger.process.rules.rulepack import Check
from ledger.process.tables import yuan

HOUR_MS = 3_600_000
MAX_DAYS = 3660  # a decade between two acts is enough for any period
SOUND = (".aac", ".amr", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma")
UNREAD = 2**53  # fen; more than any amount


@dataclass(frozen=True, slots=True)
class Failure:
    """`what` is a word for it, `place` the act's that fails."""

    what: str
    place: int
    facts: Mapping[str, str] = field(default_factory=dict)


def failures(case: Judged, check: Check, *places: int) -> Iterator[Failure]:
    """As of each of these places, in log order: of acts that stand no later."""
    kind = _KINDS[check.check]
    if not case.measures(check):
        for upto in places:
            yield from kind(_Look(case, check, upto))
        return
    for share in case.shares(check):
        for upto in _differing(share, places):
            for found in kind(_Look(case, check, upto, share)):
                yield replace(found, facts={**share.which, **found.facts})


def _differing(share: Share, places: Sequence[int]) -> list[int]:
    """Those as of which a measure has other acts: of a thousand measures each has few."""
    own = (one.number for one in share.acts(*share.names))
    ahead = {bisect_left(places, number) for number in own}
    return [places[n - 1] for n in sorted(ahead | {len(places)}) if n]


@dataclass(frozen=True, slots=True)
class _Look:
    case: Judged
    check: Check
    upto: int
    share: Share | None = None  # of the case, where each measure is asked by itself

    @property
    def given(self) -> Mapping[str, Any]:
        return self.check.given

    def acts(self, *names: str) -> tuple[Filed, ...]:
        if self.share is not None:
            return tuple(one for one in self.share.acts(*names) if one.number <= self.upto)
        return self.case.file.acts_upto(self.upto, *names)

    def last(self, name: str) -> Filed | None:
        found = self.acts(name)
        return found[-1] if found else None


def _fact_is(look: _Look) -> Iterator[Failure]:
    one, fact = look.last(look.given["act"]), look.given["fact"]
    if one is not None and one.facts.get(fact, look.given["is"]) != look.given["is"]:
        facts = {"fact": fact, "said": one.facts[fact], "wanted": look.given["is"]}
        yield Failure("fact_is", one.number, facts)


def _same_fact(look: _Look) -> Iterator[Failure]:
    one, other = look.last(look.given["act"]), look.last(look.given["of"])
    if one is None or other is None:
        return
    said, says = one.facts.get(look.given["fact"]), other.facts.get(look.given["of_fact"])
    if said is not None and says is not None and said != says:
        facts = {"fact": look.given["fact"], "said": said, "other": says}
        yield Failure("same_fact", other.number, facts)


def _at_most(look: _Look) -> Iterator[Failure]:
    one = look.last(look.given["act"])
    amount = _fen(one, look.given["fact"])
    if one is None or amount is None or amount <= look.given["most"]:
        return
    facts = {"amount": one.facts[look.given["fact"]], "most": _text(look.given["most"])}
    yield Failure("at_most", one.number, facts)


def _no_more_than(look: _Look) -> Iterator[Failure]:
    """Of each such act, beside what the last of the other states; what is no number bounds none."""
    other = look.last(look.given["of"])
    for one in look.acts(look.given["act"]):
        beside = one if one.act == look.given["of"] else other
        amount, most = _fen(one, look.given["fact"]), _fen(beside, look.given["of_fact"])
        if beside is None or amount is None or most is None or amount <= most < UNREAD:
            continue
        said, most_said = one.facts[look.given["fact"]], beside.facts[look.given["of_fact"]]
        yield Failure("at_most", one.number, {"amount": said, "most": most_said})


def _in_band(look: _Look) -> Iterator[Failure]:
    """A benchmark cited in force, and an amount within its band."""
    one = look.last(look.given["act"])
    if one is None or not (cited := _cited(look, one)):
        return
    seen = look.case.seen(one)
    clause = seen.benchmark(*cited)
    facts = {"clause": cited[0], "version": cited[1]}
    if clause is None:
        ever = seen.benchmark_ever(*cited)
        what = "benchmark_not_in_force" if ever else "benchmark_unknown"
        yield Failure(what, one.number, facts)
        return
    if seen.was_altered(Registered.BENCHMARKS, *cited):
        yield Failure("cited_altered", one.number, facts)
    amount = _fen(one, look.given["fact"])
    if amount is not None and not clause.holds(amount):
        band = {"low": _text(clause.low), "high": _text(clause.high)}
        said = {"amount": one.facts[look.given["fact"]]}
        yield Failure("outside_band", one.number, facts | band | said)


def _is_cited(look: _Look) -> Iterator[Failure]:
    one = look.last(look.given["act"])
    if one is None or not (cited := _cited(look, one)):
        return
    seen = look.case.seen(one)
    lenient = look.given["list"] == Registered.LENIENT
    found = seen.lenient(*cited) if lenient else seen.benchmark(*cited)
    if found is None:
        yield Failure("not_in_force", one.number, {"clause": cited[0], "version": cited[1]})
    elif seen.was_altered(Registered(look.given["list"]), *cited):
        yield Failure("cited_altered", one.number, {"clause": cited[0], "version": cited[1]})


def _not_heavier(look: _Look) -> Iterator[Failure]:
    if (found := _notified_and_decided(look)) is None:
        return
    notice, decision = found
    fact = look.given["fact"]
    notified, decided = _fen(notice, fact), _fen(decision, fact)
    if notified == UNREAD:
        notified = 0  # whoever was told no number may be fined none
    if notified is not None and decided is not None and decided > notified:
        facts = {"notified": notice.facts[fact], "decided": decision.facts[fact]}
        yield Failure("heavier", decision.number, facts)


def _kind_not_heavier(look: _Look) -> Iterator[Failure]:
    """A kind without a place in the order is no lighter than any other: nobody can tell. Of a
    decision a word that is no kind at all is told by itself, and shuts the gate."""
    if (found := _notified_and_decided(look)) is None:
        return
    notice, decision = found
    fact = look.given["fact"]
    notified, decided = notice.facts.get(fact), decision.facts.get(fact)
    if notified is None or decided is None or notified == decided:
        return
    rule = look.case.pack.fact(fact, decision.act)
    if rule is not None and not rule.takes(decided):
        return
    ranks = {word: n for n, words in enumerate(look.given["order"]) for word in words}
    if ranks.get(decided, len(ranks)) > ranks.get(notified, -1):
        facts = {"fact": fact, "said": decided, "other": notified}
        yield Failure("heavier_kind", decision.number, facts)


def _notified_and_decided(look: _Look) -> tuple[Filed, Filed] | None:
    """The last notice before the party spoke, or a later one that states new facts; and the
    decision, if the party spoke before it."""
    decision, said = look.last(look.given["of"]), look.acts(*look.given["after"])
    spoken = [one for one in said if decision is None or one.number < decision.number]
    if decision is None or not spoken:
        return None
    notices = [
        one
        for one in look.acts(look.given["act"])
        if one.number < decision.number and (one.number < spoken[0].number or _new_facts(one))
    ]
    return (notices[-1], decision) if notices else None


def _new_facts(notice: Filed) -> bool:
    """Whoever writes that there are none has stated none."""
    return notice.facts.get(NEW_FACTS, "").strip().casefold() not in NO_FACTS


def _at_least_days_before(look: _Look) -> Iterator[Failure]:
    """Of each such act the last notice before it, from the day on which it was done: one that says
    it took a month is no earlier for it. That day itself is not counted."""
    wanted = look.given["days"]
    working = look.case.pack.source(look.check.source).counts_working_days(wanted)
    for one in look.acts(look.given["of"]):
        notices = [n for n in look.acts(look.given["act"]) if n.number < one.number]
        if not notices:
            continue
        told = in_china(notices[-1].end_ms).date()
        days = _days_between(told, one.day, look.case if working else None)
        if days < wanted:
            facts = {"days": str(days), "wanted": str(wanted)}
            unit = "working_days" if working else "days"
            yield Failure("too_soon", one.number, facts | {"unit": unit})


def _days_between(first: date, last: date, working: Judged | None) -> int:
    days = min(max((last - first).days, 0), MAX_DAYS)
    if working is None:
        return days
    return sum(working.days.is_working(first + timedelta(n)) for n in range(1, days + 1))


def _distinct_persons(look: _Look) -> Iterator[Failure]:
    one = look.last(look.given["act"])
    if one is None:
        return
    others = {
        person: other
        for other in look.acts(*look.given["of"])
        for person in _persons(look.case, other)
    }
    for person, certificate in _persons(look.case, one).items():
        if person in others:
            facts = {"officer": certificate, "act": others[person].act}
            yield Failure("same_person", one.number, facts)


def _followed_by(look: _Look) -> Iterator[Failure]:
    """That there is an answer at all, a record says."""
    one, answers = look.last(look.given["act"]), look.acts(*look.given["of"])
    if one is not None and answers and answers[-1].number < one.number:
        yield Failure("answered_before", answers[-1].number, {"act": one.act})


def _persons(case: Judged, one: Filed) -> dict[str, str]:
    """Two certificates of one person are one person."""
    found = {}
    for certificate in one.officers:
        officer = case.registry.at(Registered.OFFICER, certificate, one.number, one.day)
        found[(officer.says("person") if officer else "") or certificate] = certificate
    return found


def _qualified(look: _Look) -> Iterator[Failure]:
    """One of those named is registered as a reviewer, by the agency or one above it, and may
    review; that one is enough."""
    one = look.last(look.given["act"])
    if one is None or not one.officers:
        return
    registry = look.case.registry
    above = registry.above(look.case.file.agency, one.number, one.day)
    valid = [
        row
        for row in registry.all_at(Registered.LEGAL_REVIEWER, one.number, one.day)
        if row.agency in above and (row.says("officer") or row.subject) in one.officers
    ]
    facts = {"officers": "、".join(one.officers)}
    if not valid:
        yield Failure("reviewer_unregistered", one.number, facts)
    elif not any(examined(row) for row in valid):
        yield Failure("reviewer_unexamined", one.number, facts)


def _approved_within_hours(look: _Look) -> Iterator[Failure]:
    """Each act that itself says what the check's conditions want of it, for example `urgent`. The
    date on an approval is its filer's word: the log must have it as soon as it wants any record."""
    allowed_ms = look.given["hours"] * HOUR_MS
    logged_ms = allowed_ms + look.case.pack.late_after_hours * HOUR_MS
    wanted = all_said(look.check.when, look.given["act"])
    for one in look.acts(look.given["act"]):
        if not all(said.fits(one.facts) for said in wanted):
            continue
        approvals = [a for a in look.acts(look.given["of"]) if a.number > one.number]
        if not approvals:
            continue
        first, facts = approvals[0], {"hours": str(look.given["hours"])}
        late_ms = first.end_ms - one.start_ms - allowed_ms
        if late_ms > 0:
            yield Failure("approved_late", first.number, facts | {"late_ms": str(late_ms)})
        elif first.at_ms - one.start_ms > logged_ms:
            facts |= {"delay_ms": str(first.at_ms - one.start_ms)}
            yield Failure("approval_unproven", first.number, facts)


def _timecoded(look: _Look) -> Iterator[Failure]:
    """What a recording shows and when must be said in words, or it stands in for no record."""
    items = look.case.file.items
    for one in look.acts(*look.given["acts"]):
        if one.facts.get(MEDIUM) != RECORDING:
            continue
        if not any(code.note and code.item in items for code in one.timecodes):
            yield Failure("no_timecodes", one.number, {"act": one.act})


def _transcribed(look: _Look) -> Iterator[Failure]:
    """By the names of files; a film shows more than a transcript could, and needs none."""
    filed = look.case.file.upto(look.upto)
    written = {
        one.statement.predicate["original"]
        for one in filed
        if one.statement.kind is Kind.DERIVATION
        and one.statement.predicate["derived"] == Derived.TRANSCRIPT
    }
    wanting = [
        (one.number, file)
        for one in filed
        if one.statement.kind is Kind.EVIDENCE
        for file in one.statement.files
        if file.name.lower().endswith(SOUND) and file.digest.sha256.hex() not in written
    ]
    if wanting:
        yield Failure("no_transcript", wanting[0][0], {"count": str(len(wanting))})


_KINDS: Mapping[str, Callable[[_Look], Iterator[Failure]]] = {
    "fact_is": _fact_is,
    "same_fact": _same_fact,
    "at_most": _at_most,
    "no_more_than": _no_more_than,
    "in_band": _in_band,
    "cited": _is_cited,
    "not_heavier": _not_heavier,
    "kind_not_heavier": _kind_not_heavier,
    "at_least_days_before": _at_least_days_before,
    "distinct_persons": _distinct_persons,
    "followed_by": _followed_by,
    "qualified": _qualified,
    "approved_within_hours": _approved_within_hours,
    "timecoded": _timecoded,
    "transcribed": _transcribed,
}


def _cited(look: _Look, one: Filed) -> tuple[str, str] | None:
    """A clause and the version of its list; a clause without a version is of none."""
    clause = one.facts.get(look.given["clause"])
    return None if clause is None else (clause, one.facts.get(look.given["version"], ""))


def _fen(one: Filed | None, fact: str) -> int | None:
    """An amount; what is no amount, such as 五千元, is more than any."""
    said = one.facts.get(fact) if one else None
    if said is None:
        return None
    try:
        return yuan(said)
    except Malformed:
        return UNREAD


def _text(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}" if fen % 100 else str(fen // 100)
