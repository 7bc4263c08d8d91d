"""What an agency may be recognised for in a year: uploads in time, cases without a gap; how often
it guided or warned instead; and what is lacking, by the three sicknesses.

    GET /v1/agencies/{agency}/merits?year=2026     a line for each agency

Each case is judged as it stands now, all of it, if the agency acted in it in that year; another
agency's case in which it acted counts there. Who may see the agency sees it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.identity import Person
from api.proceedings import Moment, Standing
from api.schemas import AgencyName, answers, shown
from api.services import Services, services
from api.views import Below, Year, admit, check_bound, check_year, own_cases, read_rows
from ledger.process.casefile import CaseFile
from ledger.process.judging.gap import Gap
from ledger.process.judging.gaps import gaps
from ledger.process.reports.merits import ADVISED, Merits, percent
from ledger.process.rules.rulepack import Sickness

router = APIRouter()


@router.get(
    "/v1/agencies/{agency}/merits",
    summary="What of an agency's year was in time and without a gap",
    response_class=JSONResponse,
    responses=answers(
        200,
        "application/json",
        "Merits",
        *("malformed", "unsigned", "unknown", "rejected", "unavailable"),
    ),
    openapi_extra=shown("bearer"),
)
async def merits(
    agency: AgencyName,
    request: Request,
    s: Annotated[Services, Depends(services)],
    year: Year,
    below: Below = "no",
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    return await s.view(lambda: _merits(s, agency, person, year, below))


def _merits(s: Services, agency: str, person: Person, year: str, below: str) -> JSONResponse:
    asked = admit(s, agency, person)
    check_year(asked, year)
    agencies = asked.agencies(below)
    asked.note(f"merits of {year}")
    check_bound(sum(len(s.log.places(f"{year}/acts/{one}")) for one in agencies))
    rows, read, moment = [], 0, Moment(s)
    for one in agencies:
        found = Merits()
        for file in _files(s, one, year):
            read += len(file.filed)
            check_bound(read)
            standing = Standing(s, file, moment)
            found.add(file, standing.judged, _lacks(standing))
        rows.append(_row(one, found) | _advised(s, one, year))
    return JSONResponse(asked.answer(merits=rows, year=year))


def _lacks(standing: Standing) -> list[Gap]:
    if not standing.judged:
        return []
    return gaps(standing.file, standing.registry, standing.days(), standing.now_ms)


def _advised(s: Services, agency: str, year: str) -> dict[str, str]:
    """Acts of the year, each counted in the year in which it was logged."""
    acts = read_rows(s, list(s.log.places(f"{year}/acts/{agency}")))
    counted = Counter(act.predicate["act"] for _, act in acts)
    return {name: str(counted[name]) for name in ADVISED}


def _files(s: Services, agency: str, year: str) -> Iterator[CaseFile]:
    for case in own_cases(s, agency, year):
        file = s.casefiles.named(case)
        if file.agency == agency and file.filed:
            yield file


def _row(agency: str, found: Merits) -> dict[str, str]:
    return {
        **{str(sickness): str(found.sick[sickness]) for sickness in Sickness},
        "agency": agency,
        "cases": str(found.cases),
        "in_time": str(found.in_time),
        "in_time_percent": percent(found.in_time, found.uploads),
        "judged": str(found.judged),
        "uploads": str(found.uploads),
        "whole": str(found.whole),
        "whole_percent": percent(found.whole, found.judged),
    }
