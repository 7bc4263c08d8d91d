"""Views for those who run and supervise an agency, drawn from the log and never typed.

    GET /v1/agencies/{agency}/cases?year=2026     the case register (执法台账)
    GET /v1/agencies/{agency}/people/{person}     what a person did and read, from a day to a day
    GET /v1/agencies/{agency}/standing            reviewers and contracts, of one day
    GET /v1/agencies/{agency}/registers/{name}    what is registered and in force on a day

A handler sees his own agency. A supervisor or auditor sees his own and all below it, as the
register of agencies has it; of any other he learns nothing, not even that it is there. Each answer
is preceded by a custody statement, and each line names the statement that it comes from.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from api.identity import Person
from api.schemas import AgencyName, PersonName, RegisterName, answers, shown
from api.services import Services, services
from ledger.encoding import clip, format_time, in_china, parse_day
from ledger.errors import Malformed, Rejected, Unknown
from ledger.evidence import phrase
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import case_series, provisional_series
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Kind, Role, Statement
from ledger.process.deadlines.period import start_of
from ledger.process.deadlines.span import Span, parse_span
from ledger.process.registers.crew import LATEST
from ledger.process.registers.listed import Seen
from ledger.process.registers.registry import Registry, Version
from ledger.process.registers.standing import contract_faults, reviewers
from ledger.process.reports.views import CaseLine, Doing, Placed, case_register, doings, stage_of
from ledger.sequencer import Row
from ledger.suite import digest

MAX_READ = 200_000  # statements that one question reads
FIRST_DAY, LAST_DAY = date(1970, 1, 2), date(9999, 12, 30)  # each has one before and after it
VIEWERS = frozenset({Role.SUPERVISOR, Role.AUDITOR, Role.HANDLER})
_DONE = (Kind.ACT, Kind.EVIDENCE, Kind.CUSTODY)

router = APIRouter()

Day = Annotated[str, Query(json_schema_extra={"pattern": "^[12][0-9]{3}-[0-9]{2}-[0-9]{2}$"})]
Year = Annotated[str, Query(json_schema_extra={"pattern": "^[12][0-9]{3}$"})]
Below = Annotated[str, Query(json_schema_extra={"enum": ["no", "yes"]})]
_CODES = ("malformed", "unsigned", "unknown", "rejected", "unavailable")


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks of which agency, and what he may see besides."""

    s: Services
    person: Person
    agency: str
    registry: Registry
    today: date

    @property
    def below(self) -> list[str]:
        """With itself; for a handler there is none below: he sees his own agency alone."""
        found = self.registry.below(self.agency, LATEST, self.today)
        return sorted(agency for agency in found if self.may_see(agency))

    def agencies(self, below: str) -> list[str]:
        """Its own, or with `yes` those below it too. Raises `Malformed` on another word."""
        if below not in ("no", "yes"):
            raise Malformed(f"want yes or no, got {clip(below)!r}")
        return self.below if below == "yes" else [self.agency]

    def may_see(self, agency: str) -> bool:
        if self.person.role not in VIEWERS or self.person.cases:
            return False
        return self.person.may_see("", agency, self.s.above(agency))

    def note(self, note: str) -> None:
        self.s.custody.note("read", about=f"acts/{self.agency}", person=self.person, note=note)

    def place(self, number: int) -> str:
        return self.s.log.place(self.s.log.row(number)).to_text()

    def answer(self, **rows: Any) -> dict[str, Any]:
        """With the state of the log that it was drawn from."""
        size = self.s.log.size
        return {"agency": self.agency, "log": self.s.log.label, "size": str(size), **rows}


@router.get(
    "/v1/agencies/{agency}/cases",
    summary="The case register of an agency and year",
    response_class=JSONResponse,
    responses=answers(200, "application/json", "CaseRegister", *_CODES),
    openapi_extra=shown("bearer"),
)
async def cases(
    agency: AgencyName,
    request: Request,
    s: Annotated[Services, Depends(services)],
    year: Year,
    below: Below = "no",
) -> JSONResponse:
    return await _answer(s, request, agency, lambda asked: _cases(asked, year, below))


@router.get(
    "/v1/agencies/{agency}/people/{person}",
    summary="What a person of an agency did and read",
    response_class=JSONResponse,
    responses=answers(200, "application/json", "Doings", *_CODES),
    openapi_extra=shown("bearer"),
)
async def people(
    agency: AgencyName,
    person: PersonName,
    request: Request,
    s: Annotated[Services, Depends(services)],
    start: Annotated[Day, Query(alias="from")],
    end: Annotated[Day, Query(alias="to")],
) -> JSONResponse:
    return await _answer(s, request, agency, lambda asked: _people(asked, person, start, end))


@router.get(
    "/v1/agencies/{agency}/standing",
    summary="Reviewers and contracts of an agency on a day",
    response_class=JSONResponse,
    responses=answers(200, "application/json", "Standing", *_CODES),
    openapi_extra=shown("bearer"),
)
async def standing(
    agency: AgencyName,
    request: Request,
    s: Annotated[Services, Depends(services)],
    day: Day = "",
    below: Below = "no",
) -> JSONResponse:
    return await _answer(s, request, agency, lambda asked: _standing(asked, day, below))


@router.get(
    "/v1/agencies/{agency}/registers/{register}",
    summary="What is registered of an agency and in force on a day",
    response_class=JSONResponse,
    responses=answers(200, "application/json", "RegisteredEntries", *_CODES),
    openapi_extra=shown("bearer"),
)
async def registers(
    agency: AgencyName,
    register: RegisterName,
    request: Request,
    s: Annotated[Services, Depends(services)],
    day: Day = "",
    below: Below = "no",
) -> JSONResponse:
    return await _answer(s, request, agency, lambda asked: _registered(asked, register, day, below))


async def _answer(
    s: Services, request: Request, agency: str, view: Callable[[Asked], dict[str, Any]]
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    # The answer is written in the thread as well: of a large one that takes a second.
    return await s.view(lambda: JSONResponse(view(admit(s, agency, person))))


def admit(s: Services, agency: str, person: Person) -> Asked:
    """Raises `Unknown` alike for what is not there and what is not his."""
    registry, today = s.registers.whole(), in_china(s.clock.now_ms()).date()
    asked = Asked(s, person, phrase.name(agency), registry, today)
    known = registry.versions(Registered.AGENCY, agency) or any(_series(s, agency))
    known = known or bool(s.complaints.agency(agency))  # who has acted in none of them, too
    if not known or not asked.may_see(agency):
        if known:
            s.custody.refused(about=f"acts/{agency}", person=person)
        raise Unknown(f"no agency {agency!r} is registered here")
    return asked


# --- the case register -----------------------------------------------------------------------


def _cases(asked: Asked, year: str, below: str) -> dict[str, Any]:
    s = asked.s
    check_year(asked, year)
    agencies = asked.agencies(below)
    asked.note(f"case register {year}")
    rows: list[dict[str, str]] = []
    lost = destroyed = read = 0
    check_bound(sum(len(s.log.places(f"{year}/acts/{agency}")) for agency in agencies))
    for agency in agencies:
        numbers, gone = _acts(s, agency, year, read)
        read += len(numbers)
        lost += len(gone)
        destroyed += sum(row.destroyed for row in gone)
        own = (placed for placed in read_rows(s, numbers) if _is_act_of(placed[1], agency))
        rows += [_line(asked, line) for line in case_register(own)]
    return asked.answer(cases=rows, destroyed=str(destroyed), lost=str(lost), year=year)


def _acts(s: Services, agency: str, year: str, read: int) -> tuple[list[int], list[Row]]:
    """What is logged in the cases in which an agency acted in a year, and what of it is lost.

    A case may have begun in another year, and under no number. `read` were read for others.
    """
    fresh = list(s.log.places(f"{year}/acts/{agency}"))
    lost = [row for row in map(s.log.row, fresh) if row.lost]
    found, names = set(fresh), set[str]()
    while fresh:
        check_bound(read + len(found))
        new = {name for _, act in read_rows(s, fresh) for name in _cases_of(s, act)} - names
        names |= new
        fresh = sorted({number for name in new for number in s.log.places(name)} - found)
        found |= set(fresh)
    return sorted(found), lost


def own_cases(s: Services, agency: str, year: str) -> list[str]:
    """The cases in which an agency acted in a year; one that got its number later by that alone,
    whatever gave it the number, and when."""
    acts = (act for _, act in read_rows(s, list(s.log.places(f"{year}/acts/{agency}"))))
    names = dict.fromkeys((act.case, act.predicate.get("provisional", "")) for act in acts)
    found = (case or number_of(s, provisional, agency) for case, provisional in names)
    return list(dict.fromkeys(found))


def number_of(s: Services, provisional: str, agency: str) -> str:
    """The number that its agency gave a provisional case, or else its id."""
    numbers = list(s.log.places(provisional_series(provisional, s.first_year)))
    cases = (said.case for _, said in read_rows(s, numbers) if said.agency == agency)
    return next(filter(None, cases), provisional)


def _cases_of(s: Services, statement: Statement) -> Iterator[str]:
    if statement.case is not None:
        yield case_series(statement.case, s.first_year)
    if provisional := statement.predicate.get("provisional"):
        yield provisional_series(provisional, s.first_year)


def _is_act_of(statement: Statement, agency: str) -> bool:
    return "procedure" in statement.predicate and statement.agency == agency


def agency_acts(s: Services, agency: str) -> list[int]:
    """The numbers of all acts of an agency, in log order."""
    return sorted(number for name in _series(s, agency) for number in s.log.places(name))


def _series(s: Services, agency: str) -> Iterator[str]:
    last = int(s.log.label[:4])
    names = (f"{year}/acts/{agency}" for year in range(s.first_year, last + 1))
    return (name for name in names if s.log.places(name))


def _line(asked: Asked, line: CaseLine) -> dict[str, str]:
    days = {"closed": line.closed, "decided": line.decided, "served": line.served}
    return {
        "acts": str(len(line.numbers)),
        "agency": line.agency,
        "amount": line.amount,
        "case": line.case,
        "decision": line.decision,
        "first": asked.place(line.numbers[0]),
        "last": asked.place(line.numbers[-1]),
        "named": "" if line.named is None else asked.place(line.named),
        "officers": "、".join(line.officers),
        "opened": line.opened.isoformat() if line.opened else "",
        "owner": _whose(asked.s, line),
        "procedure": line.procedure,
        "stage": stage_of(line),
        **{name: day.isoformat() if day else "" for name, day in days.items()},
    }


def _whose(s: Services, line: CaseLine) -> str:
    if s.registers.spellings().alone(line.case, line.agency):
        return line.agency  # it has acted there: nothing has to be read
    return s.casefiles.owner(line.case)


# --- what a person did -----------------------------------------------------------------------


def _people(asked: Asked, person: str, first: str, last: str) -> dict[str, Any]:
    s, days = asked.s, (parse_day(first), parse_day(last))
    if not FIRST_DAY <= days[0] <= days[1] <= LAST_DAY:
        raise Malformed(f"want two days in their order, got {first} and {last}")
    versions = [
        version
        for register in (Registered.OFFICER, Registered.AUXILIARY)
        for version in asked.registry.versions(register, phrase.name(person))
    ]
    if asked.agency not in {version.agency for version in versions}:
        raise Unknown(f"nobody {person!r} is registered at {asked.agency!r}")
    names = {person} | {name for version in versions if (name := version.says("person"))}
    asked.note(f"doings of {person}, {days[0]} to {days[1]}")
    start_ms, end_ms = start_of(days[0]), start_of(days[1] + timedelta(days=1))
    found = doings(read_rows(s, _occurred(s, start_ms, end_ms)), names, start_ms, end_ms)
    indexed = s.catalog.indexed_to()
    # What he did for an agency that the asker may not see is that agency's business.
    his = (one for one in found if one.kind == Kind.CUSTODY or asked.may_see(one.agency))
    rows = [_doing(asked, doing) for doing in his]
    return asked.answer(doings=rows, indexed=str(indexed), names=sorted(names), person=person)


def _occurred(s: Services, start_ms: int, end_ms: int) -> list[int]:
    numbers: list[int] = []
    for kind in _DONE:
        numbers += s.catalog.occurred(kind, start_ms, end_ms, MAX_READ + 1 - len(numbers))
        check_bound(len(numbers))
    return sorted(numbers)


def _doing(asked: Asked, doing: Doing) -> dict[str, str]:
    """That somebody read a case of an agency that the asker may not see is told, and not which."""
    about = doing.about if asked.may_see(_owner(asked.s, doing)) else ""
    return {
        "about": about,
        "at": format_time(doing.at_ms),
        "kind": doing.kind,
        "named": "、".join(doing.names),
        "place": asked.place(doing.number),
        "stage": doing.stage,
        "what": doing.what,
    }


def _owner(s: Services, doing: Doing) -> str:
    """Whose it is that was read; of an act, who acted."""
    if doing.kind != Kind.CUSTODY:
        return doing.agency
    what, _, name = doing.about.partition("/")
    if what == "acts":
        return name
    if what != "case":
        return ""
    return s.casefiles.owner(name)


# --- what is registered ----------------------------------------------------------------------


def _registered(asked: Asked, register: str, day: str, below: str) -> dict[str, Any]:
    """The snapshot that an agency publishes: whoever has it asks for the receipts of its places."""
    if register not in set(Registered):
        raise Malformed(f"want one of {', '.join(Registered)}, got {clip(register)!r}")
    on = parse_day(day) if day else asked.today
    agencies = asked.agencies(below)
    asked.note(f"register {register} on {on}")
    versions = [
        version
        for agency in agencies
        for version in asked.registry.all_at(Registered(register), LATEST, on, agency)
    ]
    rows = [_version(asked, version) for version in versions]
    return asked.answer(day=on.isoformat(), entries=rows, register=register)


def _version(asked: Asked, version: Version) -> dict[str, str]:
    until = version.in_force.until
    facts = "；".join(f"{name}={value}" for name, value in sorted(version.facts.items()))
    return {
        "agency": version.agency,
        "facts": facts.replace("\n", "，"),
        "from": version.in_force.start.isoformat(),
        "note": version.note,
        "place": asked.place(version.number),
        "sha256": digest(version.content.encode()).hex() if version.content else "",
        "subject": version.subject,
        "to": until.isoformat() if until else "",
        "version": version.version,
    }


# --- reviewers and contracts -----------------------------------------------------------------


def _standing(asked: Asked, day: str, below: str) -> dict[str, Any]:
    on = parse_day(day) if day else asked.today
    agencies = asked.agencies(below)
    asked.note(f"standing on {on}")
    seen = [Seen(asked.registry, agency, LATEST, on) for agency in agencies]
    return asked.answer(
        contracts=[row for one in seen for row in _contracts(one)],
        day=on.isoformat(),
        reviewers=[_ratio(one) for one in seen],
    )


def _ratio(seen: Seen) -> dict[str, str]:
    found = reviewers(seen)
    return {
        "agency": seen.agency,
        "level": _level(seen),
        "none": "yes" if found.none else "no",
        "officers": str(found.officers),
        "reviewers": str(found.reviewers),
        "short": "yes" if found.short else "no",
        "unexamined": "、".join(found.unexamined),
        "wanted": str(found.wanted),
    }


def _level(seen: Seen) -> str:
    """Of the agency, as it is registered: street, county, city."""
    versions = seen.registry.all_at(Registered.AGENCY, seen.number, seen.day, seen.agency)
    return next((one.says("level") for one in versions if one.subject == seen.agency), "")


def _contracts(seen: Seen) -> Iterator[Mapping[str, str]]:
    for fault in contract_faults(seen):
        yield {
            "agency": seen.agency,
            "contract": fault.contract,
            "fault": str(fault.fault),
            "power": fault.power,
            "scope": fault.scope,
        }


def read_rows(s: Services, numbers: Sequence[int]) -> Iterator[Placed]:
    """What is lost or destroyed is passed over."""
    for number in numbers:
        row = s.log.row(number)
        if not row.lost:
            yield number, Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)


def logged_in(s: Services, numbers: Sequence[int], span: Span) -> Sequence[int]:
    """Those of the span; the time of entries never decreases along the log."""
    first, end = (
        bisect_left(numbers, at, key=lambda number: at_ms(s, number))
        for at in (span.start_ms, span.end_ms)
    )
    return numbers[first:end]


def at_ms(s: Services, number: int) -> int:
    return Entry.from_bytes(s.log.row(number).entry).at


def check_bound(count: int) -> None:
    if count > MAX_READ:
        raise Rejected(f"that is more than {MAX_READ:,} statements", hints=("ask for less time",))


def check_year(asked: Asked, text: str) -> None:
    """Of a year that has not begun nobody can tell that nothing was done in it."""
    if not text.isascii() or not text.isdigit() or len(text) != 4:
        raise Malformed(f"want a year such as 2026, got {clip(text)!r}")
    # The log of the next year may be opened a little early.
    if int(text) > max(asked.today.year, int(asked.s.log.label[:4])):
        raise _yet_to_come(asked, text)


def begun_span(asked: Asked, text: str) -> Span:
    span = parse_span(text)
    if span.start_ms > asked.s.clock.now_ms():
        raise _yet_to_come(asked, text)
    return span


def _yet_to_come(asked: Asked, text: str) -> Rejected:
    return Rejected(f"{text} has not begun: today is {asked.today}")
