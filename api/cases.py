"""Cases, for those who may see them: what is logged, and the packet for the court.

    GET /v1/cases/{case}          the statements of a case, in log order, and what lacks
    GET /v1/cases/{case}/packet   the packet, one zip; waits for the cosigners. What is withheld
                                  and until when it is due stand in it as its maker says; to
                                  whom it goes stands in the log, and one for abroad wants an
                                  approval there

Every answer is preceded by a custody statement in the log.
"""

import asyncio
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, StreamingResponse

from api.identity import Person
from api.schemas import CaseNumber, DueRow, HandoverRow, WithheldRows, answers, shown
from api.services import Services, services
from api.state import AGENT, say_state
from ledger import abreast
from ledger.encoding import clip, format_time, in_china, parse_json
from ledger.errors import Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.case_number import parse_case
from ledger.evidence.due import Due
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import case_series
from ledger.evidence.packet import (
    BAGIT,
    MANIFEST,
    TAG_MANIFEST,
    format_bag_info,
    format_manifest,
)
from ledger.evidence.statement import Statement
from ledger.evidence.withheld import GONE, Reason, parse_reason
from ledger.packing import Plan, Wanted, case_statements, plan_packet
from ledger.process.handover import UNNAMED, Handover, NotApproved, check_approved
from ledger.process.particulars import lacking
from ledger.suite import digest, new_digest
from storage.packets import Bytes, Content, Crc, zip_pieces, zip_size
from storage.renewal_directory import RenewalDirectory

MAX_DUE = 256
MAX_HANDOVER = 2048


class Damaged(Unavailable):
    """The store lost what a packet needs. Asking again is no use."""

    code = "damaged"


router = APIRouter()


@router.get(
    "/v1/cases/{case}",
    summary="The statements of a case",
    response_class=JSONResponse,
    responses=answers(
        200, "application/json", "Case", "malformed", "unsigned", "unknown", "unavailable"
    ),
    openapi_extra=shown("bearer"),
)
async def read_case(
    case: CaseNumber, request: Request, s: Annotated[Services, Depends(services)]
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    return JSONResponse(await asyncio.to_thread(_read_case, s, parse_case(case), person))


@router.get(
    "/v1/cases/{case}/packet",
    summary="The packet of a case, for a court",
    response_class=StreamingResponse,
    responses=answers(
        200,
        "application/zip",
        "",
        "malformed",
        "unsigned",
        "unknown",
        "not_approved",
        "rejected",
        "unavailable",
        "damaged",
    ),
    openapi_extra=shown("bearer"),
)
async def packet(
    case: CaseNumber,
    request: Request,
    s: Annotated[Services, Depends(services)],
    withhold: WithheldRows = None,
    due: DueRow = None,
    handover: HandoverRow = None,
) -> StreamingResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    number, asked = parse_case(case), _asked(withhold or ())
    until = Due.from_json(parse_json(due.encode(), limit=MAX_DUE)) if due is not None else None
    to = None
    if handover is not None:
        to = Handover.from_json(parse_json(handover.encode(), limit=MAX_HANDOVER))
    async with s.packing:
        contents, crcs = await asyncio.to_thread(_packet, s, number, person, asked, until, to)
    size = zip_size({path: content.size() for path, content in contents.items()})
    headers = {
        "Content-Length": str(size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(case)}.zip",
    }
    return StreamingResponse(
        zip_pieces(contents, crcs), headers=headers, media_type="application/zip"
    )


class _Item:
    """An item as it is packed: streamed from the store."""

    def __init__(self, s: Services, object_id: str, size: int) -> None:
        self._s, self._object_id, self._size = s, object_id, size

    def size(self) -> int:
        return self._size

    def stream(self) -> Iterator[bytes]:
        return self._s.items.stream(self._object_id)


_NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(("act", "agency", "id", "occurred", "stage"), ""),
    "files": [],
    "flags": [],
}


def _read_case(s: Services, case: str, person: Person) -> dict[str, Any]:
    name = admit(s, case, person)
    s.custody.note("read", about=name.partition("/")[2], person=person)
    rows = []
    for number in s.casefiles.numbers(case):
        row = s.log.row(number)
        logged = format_time(Entry.from_bytes(row.entry).at)
        place = {"index": str(row.index), "log": s.log.of(row).label, "logged": logged}
        if row.lost:
            rows.append({**_NOTHING, **place, "id": row.statement_id, "kind": row.kind})
            continue
        everything = person.agency == "" and not person.cases
        statement = Statement.from_bytes(Envelope.from_bytes(row.envelope).payload)
        rows.append(
            {
                **place,
                "id": row.statement_id,
                "kind": row.kind,
                "stage": statement.stage or "",
                "act": statement.predicate.get("act", ""),
                "agency": statement.agency,
                "occurred": statement.occurred.start_text if statement.occurred else "",
                "files": [subject.name for subject in statement.files],
                "flags": s.flagger.of_case(statement, number, row.places, all_agencies=everything),
            }
        )
    lacks = [
        {"fields": list(lack.fields), "id": lack.id, "name": lack.name}
        for lack in lacking(case_statements(s.log, case, s.first_year))
    ]
    return {"case": case, "lacking": lacks, "log": s.log.label, "statements": rows}


def _packet(
    s: Services,
    case: str,
    person: Person,
    asked: Mapping[str, Reason],
    due: Due | None,
    to: Handover | None,
) -> tuple[dict[str, Content], dict[str, int]]:
    name = admit(s, case, person)
    if to is not None and to.foreign and s.settings.foreign_approval:
        _check_approved(s, name, case, to, person)
    say_state(s)
    renewals = RenewalDirectory(s.folder.renewals)
    plan = plan_packet(s.log, case, s.first_year, renewals, asked=asked, due=due)
    _check_gone(s, plan, asked)
    note = f"packet at {plan.size}" + (f", {len(asked)} withheld" if asked else "")
    note += f"; {to.note(s.settings.foreign_approval) if to is not None else UNNAMED}"
    s.custody.note("exported", about=name.partition("/")[2], person=person, note=note)
    return _bag(s, plan)


def _check_approved(s: Services, name: str, case: str, to: Handover, person: Person) -> None:
    """That somebody asked for it stays in the log, with what for."""
    statements = case_statements(s.log, case, s.first_year)
    agency = s.casefiles.owner(case)
    try:
        check_approved(to, statements, agency, in_china(s.clock.now_ms()).date())
    except NotApproved:
        note = f"packet for abroad, not approved; to {to.recipient}"
        s.custody.note("refused", about=name.partition("/")[2], person=person, note=note)
        raise


def _asked(rows: Sequence[str]) -> dict[str, Reason]:
    """What is to be withheld, each with its reason: `2026-17=privacy`."""
    asked: dict[str, Reason] = {}
    for row in rows:
        name, equals, reason = row.partition("=")
        if not name or not equals or name in asked:
            raise Malformed(f"want each once as NAME=REASON, got {clip(row)!r}")
        asked[name] = parse_reason(reason)
    return asked


def _check_gone(s: Services, plan: Plan, asked: Mapping[str, Reason]) -> None:
    """What is still held was neither destroyed nor is it kept no longer.

    A copy that cannot be reached just now is not one that is gone: raises `Unavailable`.
    """
    for wanted in plan.withheld:
        name = wanted.digest.sha256.hex()
        record = s.store.find_items([(wanted.digest, wanted.agency)])[0]
        if asked.get(name) not in GONE or record is None:
            continue
        try:
            next(iter(s.items.stream(record.object_id)), None)
        except Unknown:
            continue
        raise Rejected(f"the file with SHA-256 {name} is still held: it is not {asked[name]}")


def admit(s: Services, case: str, person: Person) -> str:
    """The name of the case's series, if this person may know of it."""
    name = case_series(case, s.first_year)
    places = s.log.places(name)
    agency = s.casefiles.owner(case)
    if not places or not person.may_see(case, agency, s.above(agency)):
        if places:
            s.custody.refused(about=name.partition("/")[2], person=person)
        raise Unknown(f"no statement of case {case!r} is logged")
    return name


def _bag(s: Services, plan: Plan) -> tuple[dict[str, Content], dict[str, int]]:
    """The files of the bag with their CRCs. Every item is read and checked on the way."""
    contents: dict[str, Content] = {path: Bytes(data) for path, data in plan.files.items()}
    digests = {path: digest(data) for path, data in plan.files.items()}
    crcs = {path: zlib.crc32(data) for path, data in plan.files.items()}
    for path, wanted in plan.items.items():
        contents[path], crcs[path] = _item(s, wanted)
        digests[path] = wanted.digest.sha256
    size = sum(content.size() for content in contents.values())
    tags = {
        "bagit.txt": BAGIT,
        "bag-info.txt": format_bag_info(AGENT, size, len(contents)),
        MANIFEST: format_manifest(digests),
    }
    tags[TAG_MANIFEST] = format_manifest({path: digest(data) for path, data in tags.items()})
    for path, data in tags.items():
        contents[path], crcs[path] = Bytes(data), zlib.crc32(data)
    return contents, crcs


def _item(s: Services, wanted: Wanted) -> tuple[_Item, int]:
    record = s.store.find_items([(wanted.digest, wanted.agency)])[0]
    name = wanted.digest.sha256.hex()
    if record is None:
        raise Damaged(f"the item with sha256 {name} is not held any more")
    whole, crc = new_digest(), Crc()
    try:
        abreast.feed(s.items.stream(record.object_id), (whole.update, crc.update))
    except (Unknown, Unavailable) as error:
        raise Damaged(f"the item with sha256 {name} cannot be read: {error}") from None
    if (crc.size, whole.digest()) != (wanted.digest.size, wanted.digest.sha256):
        raise Damaged(f"the stored bytes of the item with sha256 {name} are damaged")
    return _Item(s, record.object_id, crc.size), crc.value
