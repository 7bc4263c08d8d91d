"""The bulletin of complaints: what came to an agency in a month, quarter or year, and what became
of it.

    GET /v1/agencies/{agency}/complaints?span=2026-Q1    a line for each agency, and one for each
                                                         complaint

It says of each when it was received, accepted and answered, and how many recordings it has held;
never who complained, about whom, where or what. Who may see the agency sees it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.due import bounded_acts
from api.identity import Person
from api.own_cases import filed_at
from api.proceedings import Moment, Standing
from api.schemas import AgencyName, SpanText, answers, shown
from api.services import Services, services
from api.views import Asked, Below, admit, begun_span, check_bound, logged_in
from ledger.encoding import format_time, in_china
from ledger.evidence.statement import Kind
from ledger.process.casefile import CaseFile, Filed
from ledger.process.deadlines.clocks import Running, State
from ledger.process.deadlines.span import Span
from ledger.process.reports.bulletin import (
    ACCEPT,
    ANSWER,
    Bulletin,
    ComplaintLine,
    complaint_line,
    files_of,
    settling_acts,
)
from ledger.process.rules.rulepack import Clock

router = APIRouter()


@router.get(
    "/v1/agencies/{agency}/complaints",
    summary="The bulletin of complaints of an agency",
    response_class=JSONResponse,
    responses=answers(
        200,
        "application/json",
        "Bulletin",
        *("malformed", "unsigned", "unknown", "rejected", "unavailable"),
    ),
    openapi_extra=shown("bearer"),
)
async def complaints(
    agency: AgencyName,
    request: Request,
    s: Annotated[Services, Depends(services)],
    span: SpanText,
    below: Below = "no",
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    return await s.view(lambda: _bulletin(s, agency, person, span, below))


def _bulletin(s: Services, agency: str, person: Person, text: str, below: str) -> JSONResponse:
    asked = admit(s, agency, person)
    span = begun_span(asked, text)
    agencies = asked.agencies(below)
    asked.note(f"complaints of {text}")
    now = format_time(s.clock.now_ms())
    totals: list[dict[str, str]] = []
    rows: list[dict[str, str]] = []
    read = 0
    for one, acts in bounded_acts(s, agencies).items():
        complained = s.complaints.agency(one)
        check_bound(read := read + len(acts) + len(complained))
        found = Bulletin()
        for line in _lines(s, one, sorted({*acts, *complained}), span):
            found.add(line)
            rows.append(_row(asked, one, line))
        totals.append(_total(one, found) | {"lost": str(_lost(s, one, span))})
    return JSONResponse(asked.answer(at=now, bulletin=totals, complaints=rows, span=text))


def _lines(s: Services, agency: str, numbers: Sequence[int], span: Span) -> list[ComplaintLine]:
    """In log order."""
    moment = Moment(s)
    settling = _settling(moment, agency)
    gathered = _Gathered(settling_acts(settling))
    for one in filed_at(s, numbers):
        gathered.add(one, span)
    read = 0
    lines: list[ComplaintLine] = []
    for case, complained in gathered.wanted():
        complaints = list(filed_at(s, complained))
        acts = gathered.acts(case, [one.statement.id for one in complaints])
        check_bound(read := read + len(complaints) * (1 + len(acts)))
        files = files_of(case, agency, complaints, filed_at(s, acts), settling)
        own = ((one, files[one.statement.id]) for one in complaints if one.at_ms in span)
        lines += [_line(s, file, one, moment) for one, file in own]
    return sorted(lines, key=lambda line: line.filed.number)


def _line(s: Services, file: CaseFile, one: Filed, moment: Moment) -> ComplaintLine:
    holds, id_ = s.log.holds, one.statement.id
    clocks = Standing(s, file, moment).clocks()
    return complaint_line(file, one, clocks, holds.of_complaint(id_), holds.ever_for(id_))


@dataclass(slots=True)
class _Gathered:
    """The numbers of an agency's complaints and of the acts of these `names`, by case: of many
    cases no more than one is in memory at a time."""

    names: frozenset[str]
    _complaints: dict[str, list[int]] = field(default_factory=dict)
    _wanted: set[str] = field(default_factory=set)
    _acts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _named: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _grown: dict[str, str] = field(default_factory=dict)

    def add(self, one: Filed, span: Span) -> None:
        """In log order."""
        said = one.statement.predicate
        if "provisional" in said and "case" in said:
            self._grown.setdefault(said["provisional"], said["case"])
        case = said.get("case") or said.get("provisional", "")
        if one.statement.kind is Kind.COMPLAINT:
            # What belongs to no case is one of its own.
            slot = case or one.statement.id
            self._complaints.setdefault(slot, []).append(one.number)
            if one.at_ms in span:
                self._wanted.add(slot)
        elif one.act not in self.names:
            return
        elif named := one.facts.get("complaint"):
            self._named[named].append(one.number)
        elif case:
            self._acts[case].append(one.number)

    def wanted(self) -> Iterator[tuple[str, list[int]]]:
        """Each case with a complaint of the span, and the numbers of all complaints in it."""
        for provisional, case in self._grown.items():
            self._acts[case] += self._acts.pop(provisional, [])
            if provisional in self._complaints:
                self._complaints.setdefault(case, []).extend(self._complaints.pop(provisional))
            if provisional in self._wanted:
                self._wanted.add(case)
        for case, numbers in self._complaints.items():
            if case in self._wanted:
                yield case, sorted(numbers)

    def acts(self, case: str, ids: Sequence[str]) -> list[int]:
        named = (number for id_ in ids for number in self._named.get(id_, ()))
        return sorted({*self._acts.get(case, ()), *named})


def _settling(moment: Moment, agency: str) -> list[Clock]:
    """The clocks of complaints, as the packs in force for the agency have them."""
    packs = moment.after(agency)
    return [clock for pack in packs for clock in pack.clocks if clock.id in (ACCEPT, ANSWER)]


def _lost(s: Services, agency: str, span: Span) -> int:
    """Of the run of those that name no case: a statement that is lost says no more whose it was."""
    numbers = [n for name in _runs(s, agency) for n in s.log.places(name)]
    return sum(s.log.row(number).lost for number in logged_in(s, numbers, span))


def _runs(s: Services, agency: str) -> Iterator[str]:
    last = int(s.log.label[:4])
    return (f"{year}/{Kind.COMPLAINT}/{agency}" for year in range(s.first_year, last + 1))


def _row(asked: Asked, agency: str, line: ComplaintLine) -> dict[str, str]:
    return {
        "agency": agency,
        "case": line.case,
        "ever": str(line.ever),
        "held": str(line.held),
        "id": line.filed.statement.id,
        "logged": line.logged.isoformat(),
        "outcome": line.outcome,
        "place": asked.place(line.filed.number),
        "received": line.received.isoformat(),
        **_clock("accept", line.accept),
        **_clock("answer", line.answer),
    }


def _clock(name: str, running: Running | None) -> dict[str, str]:
    """Until when, when it was done, how it stands, and whether the log shows it in time."""
    last = running and running.last_day
    done = running.stopped_ms if running else None
    shown_ = running.logged_in_time if running else None
    return {
        f"{name}_by": last.isoformat() if last else "",
        f"{name}_done": "" if done is None else in_china(done).date().isoformat(),
        f"{name}_logged": "" if shown_ is None else "yes" if shown_ else "no",
        f"{name}_state": str(running.state) if running else "",
    }


def _total(agency: str, found: Bulletin) -> dict[str, str]:
    counts = {
        "accepted": found.accepted[State.MET],
        "accepted_late": found.accepted[State.LATE],
        "answered": found.answered[State.MET],
        "answered_late": found.answered[State.LATE],
        "ever": found.ever,
        "filed": found.filed,
        "held": found.held,
        "no_clock": found.no_clock,
        "not_filed": found.not_filed,
        "on_their_word": found.on_their_word,
        "overdue_accept": found.accepted[State.OVERDUE],
        "overdue_answer": found.answered[State.OVERDUE],
        "received": found.received,
        "refused": found.refused,
        "waiting": found.accepted[State.RUNNING],
    }
    return {"agency": agency} | {name: str(count) for name, count in counts.items()}
