"""The register of documents of an agency: each document of each act that was logged in a span.

    GET /v1/agencies/{agency}/documents?span=2026-03     a line for each document, in log order

Who may see the agency sees it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.identity import Person
from api.schemas import AgencyName, SpanText, answers, shown
from api.services import Services, services
from api.views import (
    Asked,
    Below,
    admit,
    agency_acts,
    at_ms,
    begun_span,
    check_bound,
    logged_in,
    number_of,
    read_rows,
)
from ledger.encoding import in_china
from ledger.errors import Rejected
from ledger.evidence.statement import Statement
from ledger.process.reports.documents import DocumentLine, document_lines

MOST = 100_000  # documents in one answer: 40 MB, and clients read 64

router = APIRouter()


@router.get(
    "/v1/agencies/{agency}/documents",
    summary="The register of documents of an agency",
    response_class=JSONResponse,
    responses=answers(
        200,
        "application/json",
        "Documents",
        *("malformed", "unsigned", "unknown", "rejected", "unavailable"),
    ),
    openapi_extra=shown("bearer"),
)
async def documents(
    agency: AgencyName,
    request: Request,
    s: Annotated[Services, Depends(services)],
    span: SpanText,
    below: Below = "no",
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    return await s.view(lambda: _documents(s, agency, person, span, below))


def _documents(s: Services, agency: str, person: Person, text: str, below: str) -> JSONResponse:
    asked = admit(s, agency, person)
    span = begun_span(asked, text)
    agencies = asked.agencies(below)
    asked.note(f"documents of {text}")
    acts = {one: logged_in(s, agency_acts(s, one), span) for one in agencies}
    check_bound(sum(map(len, acts.values())))
    rows: list[dict[str, str]] = []
    for one, numbers in acts.items():
        for row in _rows(asked, one, numbers):
            rows.append(row)
            _check_count(len(rows))
    gone = [row for numbers in acts.values() for row in map(s.log.row, numbers) if row.lost]
    lost, destroyed = len(gone), sum(row.destroyed for row in gone)
    return JSONResponse(
        asked.answer(documents=rows, destroyed=str(destroyed), lost=str(lost), span=text)
    )


def _check_count(count: int) -> None:
    if count > MOST:
        raise Rejected(
            f"that is more than {MOST:,} documents",
            hints=("ask for less time: a month such as 2026-03",),
        )


def _rows(asked: Asked, agency: str, numbers: Sequence[int]) -> Iterator[dict[str, str]]:
    known: dict[str, str] = {}
    for placed in read_rows(asked.s, numbers):
        case = _case(asked.s, placed[1], agency, known)
        for line in document_lines(placed):
            yield _row(asked, line, case)


def _case(s: Services, act: Statement, agency: str, known: dict[str, str]) -> str:
    """Under which number it goes by now."""
    if act.case is not None:
        return act.case
    provisional = act.predicate.get("provisional", "")
    if provisional not in known:
        known[provisional] = number_of(s, provisional, agency)
    return known[provisional]


def _row(asked: Asked, line: DocumentLine, case: str) -> dict[str, str]:
    said = line.act.predicate
    return {
        "about": _place_of(asked, line.about),
        "act": said["act"],
        "agency": line.act.agency,
        "case": case,
        "day": line.day.isoformat() if line.day else "",
        "logged": in_china(at_ms(asked.s, line.row)).date().isoformat(),
        "number": line.number,
        "place": asked.place(line.row),
        "procedure": said["procedure"],
        "sha256": line.sha256,
        "size": "" if line.size is None else str(line.size),
        "stage": str(line.act.stage or ""),
    }


def _place_of(asked: Asked, id_: str) -> str:
    """Empty where no such statement is here."""
    found = asked.s.store.find(id_) if id_ else None
    return "" if found is None else asked.place(found.number)
