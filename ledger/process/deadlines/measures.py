"""Several measures of one kind in a case, and which acts are about which of them.

    for one in measures_of(clock, case):
        one.started, one.about          # a seizure, and what extends, disposes of or lifts it

An act may state which it is about by the fact that the clock is `matched_by`: one label, or several
joined by 、. What states none is about the oldest that is still open when it stands in the log, and
so two seizures want two liftings, or one that names both.

What is filed anew, to say what it left out, is no second measure: two acts of one name are the same
if they state the same label, or began at the same moment and not both say which they are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from unicodedata import normalize

from ledger.process.casefile import NUMBER, CaseFile, Filed
from ledger.process.rules.condition import all_said
from ledger.process.rules.rulepack import Clock


@dataclass(slots=True)
class Measure:
    """`started` is its first act, `filed` all that say it, `about` acts on it; in log order."""

    started: Filed
    start_ms: int
    filed: list[Filed] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    about: list[Filed] = field(default_factory=list)
    open: bool = True

    @property
    def says(self) -> dict[str, str]:
        """What it states, filed anew or not: of each fact what was said last."""
        return {fact: said for one in self.filed for fact, said in one.facts.items()}


def began_ms(filed: Filed) -> int:
    """As claimed, and at the latest when it was logged."""
    return min(filed.start_ms, filed.at_ms)


def done_ms(filed: Filed) -> int:
    return min(filed.end_ms, filed.at_ms)


def measures_of(clock: Clock, case: CaseFile) -> list[Measure]:
    """Of a clock that starts with each, by when they began."""
    measures = _Measures(_started(clock, case))
    for one in case.acts(*on_it(clock)):
        every = one.act in clock.ends_all
        for measure in measures.begun(one) if every else measures.of(one, labels_of(one, clock)):
            measure.about.append(one)
            measure.open &= one.act not in clock.until
    return measures.all


class _Measures:
    def __init__(self, found: list[Measure]) -> None:
        self.all = found
        self._labelled = {label: measure for measure in found for label in measure.labels}
        self._told: dict[tuple[str, int], list[Measure]] = {}
        self._oldest = 0

    def begun(self, one: Filed) -> list[Measure]:
        return [measure for measure in self.all if measure.start_ms <= done_ms(one)]

    def of(self, one: Filed, labels: set[str]) -> list[Measure]:
        """What is filed anew without a label is about what it was about."""
        key = one.act, began_ms(one)
        if labels and not labels & self._labelled.keys():
            # The measure itself may have stated no number.
            found = [m for m in self._oldest_open(done_ms(one)) if not m.labels]
        elif labels:
            named = (self._labelled[label] for label in sorted(labels & self._labelled.keys()))
            found = list({id(m): m for m in named if m.start_ms <= done_ms(one)}.values())
        else:
            found = self._told.get(key) or self._oldest_open(done_ms(one))
        self._told.setdefault(key, found)
        return found

    def _oldest_open(self, at_ms: int) -> list[Measure]:
        while self._oldest < len(self.all) and not self.all[self._oldest].open:
            self._oldest += 1
        found = self.all[self._oldest : self._oldest + 1]
        return [measure for measure in found if measure.start_ms <= at_ms]


def _started(clock: Clock, case: CaseFile) -> list[Measure]:
    found: list[Measure] = []
    labelled: dict[str, Measure] = {}
    at_once: dict[tuple[str, int], Measure] = {}
    for one in _starts(clock, case):
        labels, key = labels_of(one, clock), (one.act, began_ms(one))
        same = next((labelled[label] for label in sorted(labels) if label in labelled), None)
        other = at_once.get(key)
        if other is not None and not (labels and other.labels):
            if same is not None and same is not other:
                # What was filed as another is said by its number to be this one.
                at_once |= {(said.act, began_ms(said)): same for said in other.filed}
                same.start_ms = min(same.start_ms, other.start_ms)
                same.filed += other.filed
                other.filed = []
            same = same or other
        if same is None:
            same = Measure(one, began_ms(one))
            found.append(same)
        same.filed.append(one)
        same.labels |= labels
        same.start_ms = min(same.start_ms, began_ms(one))
        labelled |= dict.fromkeys(labels, same)
        at_once[key] = same
    found = [measure for measure in found if measure.filed]
    for measure in found:
        measure.filed.sort(key=NUMBER)
        measure.started = measure.filed[0]
    return sorted(found, key=lambda measure: (measure.start_ms, measure.started.number))


def _starts(clock: Clock, case: CaseFile) -> Iterator[Filed]:
    """Those alone of which the clock's conditions speak: of measures the urgent ones."""
    for one in case.acts(*clock.start):
        if all(said.fits(one.facts) for said in all_said(clock.when, one.act)):
            yield one


def labels_of(one: Filed, clock: Clock) -> set[str]:
    """Typed in full width or not: １ is 1."""
    said = one.facts.get(clock.matched_by, "") if clock.matched_by else ""
    return {label.strip() for label in re.split("[、,;]", normalize("NFKC", said))} - {""}


def on_it(clock: Clock) -> list[str]:
    """Acts that end or move what the clock runs for."""
    return [act for act in (*clock.until, clock.extended_by, clock.excluded) if act]
