"""The bulletin of complaints (苏法治办〔2021〕17号 五(三)): what came, and what became of it.

A complaint is of the day on which the log had it: that day moves no more, so that a bulletin once
drawn neither loses a complaint nor gets another. When it was received is its filer's word, and its
time runs from that. Of two complaints in one case each has its own clocks: an act that names one,
by its fact `complaint`, is of that one alone; one that names none settles the earliest that waits.

What a complaint says, where, and who complained stands in none of this.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from ledger.encoding import in_china
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.clocks import Running, State
from ledger.process.deadlines.measures import began_ms, done_ms
from ledger.process.rules.condition import acts_of
from ledger.process.rules.rulepack import Clock

ACCEPT, ANSWER = "complaint_acceptance", "complaint_answer"


@dataclass(frozen=True, slots=True)
class ComplaintLine:
    """`held` recordings are still under a hold for it, of `ever`. A clock is None where the packs
    of its agency have none of that name, or where it has not started."""

    filed: Filed
    case: str
    accept: Running | None
    answer: Running | None
    outcome: str
    held: int = 0
    ever: int = 0

    @property
    def received(self) -> date:
        return in_china(began_ms(self.filed)).date()

    @property
    def logged(self) -> date:
        return in_china(self.filed.at_ms).date()


@dataclass(slots=True)
class Bulletin:
    """Of one agency. `on_their_word`: in time as the acts claim, and not as the log shows."""

    received: int = 0
    accepted: dict[State, int] = field(default_factory=lambda: dict.fromkeys(State, 0))
    answered: dict[State, int] = field(default_factory=lambda: dict.fromkeys(State, 0))
    no_clock: int = 0
    on_their_word: int = 0
    refused: int = 0
    filed: int = 0
    not_filed: int = 0
    ever: int = 0
    held: int = 0

    def add(self, line: ComplaintLine) -> None:
        self.received += 1
        self.no_clock += line.accept is None
        for clock, states in ((line.accept, self.accepted), (line.answer, self.answered)):
            if clock is not None:
                states[clock.state] += 1
        clocks = [clock for clock in (line.accept, line.answer) if clock is not None]
        self.on_their_word += any(
            clock.state is State.MET and not clock.logged_in_time for clock in clocks
        )
        self.refused += line.outcome == "complaint_refusal"
        self.filed += line.outcome == "case_filing"
        self.not_filed += line.outcome == "no_case_filing"
        self.ever += line.ever
        self.held += line.held


def complaint_line(
    file: CaseFile, complaint: Filed, clocks: Iterable[Running], held: int, ever: int
) -> ComplaintLine:
    """`file` is what `files_of` gave for it, and `clocks` are counted from that."""
    started = {one.clock.id: one for one in clocks if one.state is not State.NOT_STARTED}
    accept, answer = started.get(ACCEPT), started.get(ANSWER)
    ends = {"case_filing", "no_case_filing", *(accept.clock.until if accept else ())}
    acts = [one for one in file.acts() if one.act in ends and done_ms(one) >= began_ms(complaint)]
    # By when it was done: what is logged late did not become of it last.
    outcome = max(acts, key=lambda one: (done_ms(one), one.number)).act if acts else ""
    case = "" if file.case == complaint.statement.id else file.case
    return ComplaintLine(complaint, case, accept, answer, outcome, held, ever)


def settling_acts(clocks: Sequence[Clock]) -> frozenset[str]:
    """All that these clocks look at."""
    names = {name for clock in clocks for name in (*clock.start, *clock.until)}
    names |= {name for clock in clocks for name in (clock.extended_by, clock.excluded)}
    return frozenset(names | {name for clock in clocks for name in acts_of(clock.when)})


def files_of(
    case: str,
    agency: str,
    complaints: Sequence[Filed],
    acts: Iterable[Filed],
    settling: Sequence[Clock],
) -> dict[str, CaseFile]:
    """By its id, what is judged of each complaint of a case: itself, and the acts that are its own.

    `settling` are the clocks that each complaint has for itself.
    """
    found: dict[str, list[Filed]] = {one.statement.id: [one] for one in complaints}
    settled: set[tuple[str, str]] = set()
    for act in sorted(acts, key=lambda act: (done_ms(act), act.number)):
        named = act.facts.get("complaint", "")
        clock = next((clock for clock in settling if act.act in clock.until), None)
        own = [named] if named else list(found)
        if clock is not None and not named:
            own = _first_waiting(complaints, act, clock, settled)
        for id_ in own:
            if id_ in found:
                found[id_].append(act)
                settled |= {(clock.id, id_)} if clock else set()
    return {
        id_: CaseFile(case or id_, agency, tuple(sorted(filed, key=lambda one: one.number)))
        for id_, filed in found.items()
    }


def _first_waiting(
    complaints: Sequence[Filed], act: Filed, clock: Clock, settled: set[tuple[str, str]]
) -> list[str]:
    waiting = [
        one
        for one in complaints
        if began_ms(one) <= done_ms(act) and (clock.id, one.statement.id) not in settled
    ]
    return [one.statement.id for one in sorted(waiting, key=began_ms)[:1]]
