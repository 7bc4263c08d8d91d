"""How a case stands under the rule packs that judge it: what lacks, and what is due when.

    GET /v1/cases/{case}/gaps      gaps and defects, each with rule, article and cure
    GET /v1/cases/{case}/clocks    every clock of its packs, and of what follows a decision

Every answer is preceded by a custody statement in the log. It is the ledger's word: who has the
packet of the case can count it again.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.cases import admit
from api.identity import Person
from api.schemas import CaseNumber, answers, shown
from api.services import Services, services
from api.shipped import AFTER, shipped_after
from ledger.encoding import format_time, in_china
from ledger.errors import Malformed, Rejected
from ledger.evidence.case_number import parse_case
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.procedural import Registered
from ledger.evidence.statement import Statement
from ledger.process.casefile import CaseFile
from ledger.process.deadlines.calendar import Days, registered_days
from ledger.process.deadlines.clocks import Running, clocks_of
from ledger.process.judging.gaps import gaps
from ledger.process.judging.judged import Judged, judged
from ledger.process.keeping.disposals import Destroyed
from ledger.process.registers.registry import Registry
from ledger.process.rules.kept_packs import read_pack
from ledger.process.rules.rulepack import RulePack
from ledger.sequencer import Row

router = APIRouter()

_CODES = ("malformed", "unsigned", "unknown", "rejected", "unavailable")


@router.get(
    "/v1/cases/{case}/gaps",
    summary="What a case lacks under its rule packs",
    response_class=JSONResponse,
    responses=answers(200, "application/json", "Gaps", *_CODES),
    openapi_extra=shown("bearer"),
)
async def read_gaps(
    case: CaseNumber, request: Request, s: Annotated[Services, Depends(services)]
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    return JSONResponse(await asyncio.to_thread(_gaps, s, parse_case(case), person))


@router.get(
    "/v1/cases/{case}/clocks",
    summary="What must be done in a case, and until when",
    response_class=JSONResponse,
    responses=answers(200, "application/json", "Clocks", *_CODES),
    openapi_extra=shown("bearer"),
)
async def read_clocks(
    case: CaseNumber, request: Request, s: Annotated[Services, Depends(services)]
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    return JSONResponse(await asyncio.to_thread(_clocks, s, parse_case(case), person))


class Moment:
    """Now, as all cases of one question see it; what they ask alike is answered once."""

    def __init__(self, s: Services) -> None:
        self.now_ms = s.clock.now_ms()
        self.on = in_china(self.now_ms).date()
        self.number = s.log.number
        self.label = s.log.label
        self.registry: Registry = s.registers.whole()
        # What days off depend on.
        entries = (Registered.AGENCY, Registered.HOLIDAY_CALENDAR)
        self._moves = sorted(e.number for one in entries for e in self.registry.entries(one))
        self._days: dict[tuple[str, int], Days] = {}
        self._after: dict[str, list[RulePack]] = {}

    def days(self, agency: str, number: int | None = None) -> Days:
        """Days off as registered before that place, or by now."""
        below = self.number if number is None else number
        slot = agency, bisect_left(self._moves, below)
        if slot not in self._days:
            self._days[slot] = registered_days(self.registry, agency, below, self.on)
        return self._days[slot]

    def after(self, agency: str) -> list[RulePack]:
        """Of what follows a decision: the packs of that kind in force for the agency, one of its
        own trade first, and the shipped one unless it has another of that name."""
        if agency not in self._after:
            packs = {AFTER: shipped_after()}
            for subject in self.registry.subjects(Registered.RULE_PACK):
                at = agency, self.number, self.on
                version = self.registry.listed(Registered.RULE_PACK, subject, *at)
                if version and (pack := _after_pack(subject, version.content)) is not None:
                    packs[subject] = pack
            self._after[agency] = sorted(packs.values(), key=lambda pack: pack.pack == AFTER)
        return self._after[agency]


class Standing:
    """A case as it stands now, read once."""

    def __init__(self, s: Services, file: CaseFile, moment: Moment | None = None) -> None:
        self._moment = Moment(s) if moment is None else moment
        self.now_ms = self._moment.now_ms
        self.registry = self._moment.registry
        self.file = file
        self.label = self._moment.label
        try:
            self.judged = judged(self.file, self.registry, self.days(), {})
        except Malformed as error:
            raise Rejected(f"a rule pack in force cannot be read: {error}") from None

    def days(self, number: int | None = None) -> Days:
        return self._moment.days(self.file.agency, number)

    def clocks(self) -> list[Running]:
        # Of a case whose statements are all lost or destroyed nothing can be told.
        if not self.file.filed:
            return []
        after = self._moment.after(self.file.agency)
        facts = Judged(self.file, after[-1], self.file.filed[0], self.registry, self.days())
        packs = [*(one.pack for one in self.judged), *after]
        return clocks_of(packs, self.file, facts, self.days, self.now_ms)

    def to_json(self) -> dict[str, Any]:
        packs = [one.to_json() for one in self.judged]
        at = format_time(self.now_ms)
        return {"at": at, "case": self.file.case, "log": self.label, "packs": packs}


def _gaps(s: Services, case: str, person: Person) -> dict[str, Any]:
    name = admit(s, case, person)
    s.custody.note("read", about=name.partition("/")[2], person=person, note="gaps")
    standing = Standing(s, s.casefiles.of_case(case))
    found = gaps(standing.file, standing.registry, standing.days(), standing.now_ms)
    told = {"destroyed": _destroyed(s, case), "gaps": [gap.to_json() for gap in found]}
    return standing.to_json() | told


def _clocks(s: Services, case: str, person: Person) -> dict[str, Any]:
    name = admit(s, case, person)
    s.custody.note("read", about=name.partition("/")[2], person=person, note="clocks")
    standing = Standing(s, s.casefiles.of_case(case))
    found = standing.clocks()
    told = {"destroyed": _destroyed(s, case), "clocks": [running.to_json() for running in found]}
    return standing.to_json() | told


def _after_pack(subject: str, content: str) -> RulePack | None:
    """None of a pack of another kind. One that cannot be read tells its kind by its name alone."""
    try:
        pack = read_pack(content)
    except Malformed as error:
        if subject.startswith(AFTER):
            raise Rejected(f"the rule pack {subject!r} cannot be read: {error}") from None
        return None
    return pack if pack.kind == AFTER else None


def _destroyed(s: Services, case: str) -> list[dict[str, Any]]:
    return [one.to_json() for one in _disposals(s, case)]


def _disposals(s: Services, case: str) -> Iterator[Destroyed]:
    for number, count in sorted(s.casefiles.destroyed(case).items()):
        row = s.log.row(number)
        if (said := row.said()) is not None:
            at_ms = Entry.from_bytes(row.entry).at
            yield Destroyed(said, s.log.place(row).to_text(), at_ms, _persons(s, row, said), count)


def _persons(s: Services, row: Row, said: Statement) -> list[str]:
    """As registered then; of a key that was found compromised since, the key."""
    envelope = Envelope.from_bytes(row.envelope)
    try:
        return [one.person for one in s.log.register.open(row.position, said, envelope)]
    except Rejected:
        return [one.keyid for one in envelope.signatures]
