"""Of several measures in one case, what is each one's own: its acts, and the papers about it.

    for share in shares(case, clock):
        share.measure, share.acts("site_record")

A rule that is asked of `each` sees a share in place of the case. What ends or moves a clock of the
same measures is whose that clock holds it to be. Any other paper is of the measure whose number it
states. What states none is dealt out, one to each measure before any gets a second: what must stand
before the measure, to the first that came after it; what is made on the spot, to the last that had
begun when it was done. What then remains was made anew, and goes to the one that it fits.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Protocol

from ledger.encoding import format_time
from ledger.process.casefile import NUMBER, CaseFile, Filed, stands_before
from ledger.process.deadlines.measures import (
    Measure,
    began_ms,
    done_ms,
    labels_of,
    measures_of,
    on_it,
)
from ledger.process.rules.condition import Facts, all_said
from ledger.process.rules.rulepack import Clock, Record, Rule, RulePack

Owned = Mapping[int, list[Filed]]  # by the place of a measure's first act


class Case(Facts, Protocol):
    """What a share asks of the case that it is a part of."""

    @property
    def file(self) -> CaseFile: ...
    @property
    def pack(self) -> RulePack: ...


class Shares:
    """Those of one clock. What is dealt out is kept: a case has many rules, and few papers."""

    def __init__(self, case: Case, clock: Clock) -> None:
        self.case, self.clock = case, clock
        self.measures = measures_of(clock, case.file)
        self._owned: dict[str, Owned] = {}

    def of(self, rule: Rule) -> list["Share"]:
        """Of the measures that say what the rule's conditions want of them."""
        names = _papers(rule)
        return [
            Share(self, measure, names) for measure in self.measures if self._says(rule, measure)
        ]

    def _says(self, rule: Rule, measure: Measure) -> bool:
        wanted = all_said(rule.when, measure.started.act)
        return all(said.fits(measure.says) for said in wanted)

    def acts(self, measure: Measure, name: str) -> list[Filed]:
        if name in self.clock.start:
            return [one for one in measure.filed if one.act == name]
        owned = self._owned.get(name)
        if owned is None:
            owned = self._on_clocks(name)
            owned = self._owned[name] = self._dealt(name) if owned is None else owned
        return owned.get(measure.started.number, [])

    def _on_clocks(self, name: str) -> Owned | None:
        """Acts that a clock of these measures has told apart already."""
        for clock in self.case.pack.clocks:
            if (
                clock.starts != "each"
                or clock.start != self.clock.start
                or name not in on_it(clock)
            ):
                continue
            ours = {one.number: m.started.number for m in self.measures for one in m.filed}
            found = {
                ours[measure.started.number]: [one for one in measure.about if one.act == name]
                for measure in measures_of(clock, self.case.file)
                if measure.started.number in ours
            }
            told = {one.number for acts in found.values() for one in acts}
            # What came when none was open any more is of one of them all the same.
            rest = [one for one in self.case.file.acts(name) if one.number not in told]
            return _Dealing(self, self.measures, rest, found).dealt()
        return None

    def _dealt(self, name: str) -> Owned:
        wanting = [r for r in self.case.pack.records if r.each == self.clock.id and name in r.acts]
        measures = [
            measure
            for measure in self.measures
            if not wanting or any(self._says(record, measure) for record in wanting)
        ]
        before = any(set(record.before) & set(self.clock.start) for record in wanting)
        papers = self.case.file.acts(name)
        return _Dealing(self, measures, papers, {}).dealt(before)


@dataclass(frozen=True)
class Share:
    """As `Facts`, for conditions, and as what checks look at: acts that `names` has, and those of
    the measure, are its own; all others are the whole case's."""

    of: Shares
    measure: Measure
    names: frozenset[str]

    @property
    def which(self) -> dict[str, str]:
        """How a person tells it from the others; of a case's one measure it says nothing."""
        if len(self.of.measures) < 2:
            return {}
        return which_of(self.measure.started, self.measure.labels)

    def acts(self, *names: str) -> tuple[Filed, ...]:
        found = [one for name in set(names) for one in self._acts(name)]
        return tuple(sorted(found, key=NUMBER))

    def _acts(self, name: str) -> Iterable[Filed]:
        clock = self.of.clock
        if name in self.names or name in clock.start or name in on_it(clock):
            return self.of.acts(self.measure, name)
        return self.of.case.file.acts(name)

    def stands(self, act: str) -> bool:
        return bool(self.acts(act))

    def last_of(self, *acts: str) -> str:
        found = self.acts(*acts)
        return found[-1].act if found else ""

    def facts(self, act: str) -> Iterable[Mapping[str, str]]:
        if act in self.of.clock.start:
            return [self.measure.says]
        return [one.facts for one in self.acts(act)]

    def is_major(self, act: str) -> bool:
        return self.of.case.is_major(act)

    def has_device(self, kind: str) -> bool:
        return self.of.case.has_device(kind)


class _Dealing:
    """Papers of one name, to the `measures` that want one; what states the number of another is of
    that one. What was filed anew, begun at the same moment, is one paper."""

    def __init__(
        self, of: Shares, measures: list[Measure], papers: Iterable[Filed], found: Owned
    ) -> None:
        self._measures = measures  # by when they began
        self._in_log = sorted(measures, key=lambda measure: measure.started.number)
        self._found = {number: list(acts) for number, acts in found.items() if acts}
        labelled = {label: measure for measure in of.measures for label in measure.labels}
        self._unlabelled: dict[int, list[Filed]] = {}
        for one in papers:
            labels = labels_of(one, of.clock)
            named = {id(m): m for label in labels if (m := labelled.get(label)) is not None}
            for measure in named.values():
                self._give(measure, [one])
            if not named and not labels:
                self._unlabelled.setdefault(began_ms(one), []).append(one)
            elif not named and any(not measure.labels for measure in measures):
                # The measure itself may have stated no number.
                self._unlabelled.setdefault(began_ms(one), []).append(one)

    def dealt(self, before: bool = False) -> Owned:
        papers = [group[0] for group in self._unlabelled.values()]
        rest = self._ahead(papers) if before else self._on_the_spot(papers)
        free = [measure for measure in self._measures if self._wants(measure)]
        for measure, paper in zip(free, rest, strict=False):
            self._deal(measure, paper)
        for paper in rest[len(free) :] if self._measures else ():
            self._deal(self._nearest(paper, before), paper)
        return {number: sorted(found, key=NUMBER) for number, found in self._found.items()}

    def _ahead(self, papers: list[Filed]) -> list[Filed]:
        """Each measure takes the oldest paper that stands before it; what nobody takes is left."""
        return self._take(
            self._in_log,
            sorted(papers, key=NUMBER),
            lambda one, measure: one.number < measure.started.number,
            lambda one: one.start_ms,
            stands_ahead,
        )

    def _on_the_spot(self, papers: list[Filed]) -> list[Filed]:
        """The last measure first: it takes the first that was done once it had begun."""
        return self._take(
            self._measures[::-1],
            sorted(papers, key=done_ms, reverse=True),
            has_begun,
            done_ms,
            has_begun,
        )

    def _nearest(self, paper: Filed, before: bool) -> Measure:
        if before:
            n = bisect_right(self._in_log, paper.number, key=lambda one: one.started.number)
            return self._in_log[min(n, len(self._in_log) - 1)]
        n = bisect_right(self._measures, done_ms(paper), key=lambda one: one.start_ms)
        return self._measures[max(n - 1, 0)]

    def _take(
        self,
        measures: list[Measure],
        papers: list[Filed],
        admits: Callable[[Filed, Measure], bool],
        rank: Callable[[Filed], int],
        fits: Callable[[Filed, Measure], bool],
    ) -> list[Filed]:
        waiting: list[tuple[int, int, Filed]] = []
        n = 0
        for measure in measures:
            while n < len(papers) and admits(papers[n], measure):
                heappush(waiting, (rank(papers[n]), papers[n].number, papers[n]))
                n += 1
            if waiting and self._wants(measure) and fits(waiting[0][2], measure):
                self._deal(measure, heappop(waiting)[2])
        return sorted([one for *_, one in waiting] + papers[n:], key=NUMBER)

    def _wants(self, measure: Measure) -> bool:
        return measure.started.number not in self._found

    def _deal(self, measure: Measure, paper: Filed) -> None:
        self._give(measure, self._unlabelled[began_ms(paper)])

    def _give(self, measure: Measure, papers: list[Filed]) -> None:
        self._found.setdefault(measure.started.number, []).extend(papers)


def which_of(started: Filed, labels: Iterable[str]) -> dict[str, str]:
    facts = {"act": started.act, "done": format_time(started.start_ms)}
    number = "、".join(sorted(labels))
    return facts | ({"measure": number} if number else {})


def stands_ahead(paper: Filed, measure: Measure) -> bool:
    return stands_before(paper, measure.started)


def has_begun(paper: Filed, measure: Measure) -> bool:
    return measure.start_ms <= done_ms(paper)


def _papers(rule: Rule) -> frozenset[str]:
    if isinstance(rule, Record):
        return frozenset(rule.acts)
    given = getattr(rule, "given", {})
    named = (given.get(key, ()) for key in ("act", "of", "acts"))
    return frozenset(
        act for names in named for act in ((names,) if isinstance(names, str) else names)
    )
