"""What was docked and never deposited, and which sessions are missing, as the log has it.

    GET /v1/devices/{month}            the devices that have sessions of that month (2026-11)
    GET /v1/devices/{month}/{device}   files that no evidence answers, and sessions that lack a part

Sessions come from the ledger's series. Evidence is found by the catalog and read from the
ledger: a catalog that lies can hide a deposit, and never make up one.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.identity import Person
from api.schemas import DeviceName, Month, answers, shown
from api.services import Services, services
from ledger.encoding import MAX_TIME, clip, format_time
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.chunks import digest_item
from ledger.evidence.delivery import (
    MissingSession,
    Said,
    Undelivered,
    find_missing,
    find_undelivered,
)
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import session_series
from ledger.evidence.session import MAX_MANIFEST, Manifest
from ledger.evidence.statement import FileSubject, Kind, Statement

MAX_NAMED = 1_000_000  # files of all manifests that one question reads

router = APIRouter()


@router.get(
    "/v1/devices/{month}",
    summary="The devices that have sessions of a month",
    response_class=JSONResponse,
    responses=answers(200, "application/json", "Devices", "malformed", "unsigned", "unavailable"),
    openapi_extra=shown("bearer"),
)
async def devices(
    month: Month, request: Request, s: Annotated[Services, Depends(services)]
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    return JSONResponse(await asyncio.to_thread(_devices, s, _month(month), person))


@router.get(
    "/v1/devices/{month}/{device}",
    summary="What a device docked and nobody deposited, and sessions that are missing",
    response_class=JSONResponse,
    responses=answers(
        200,
        "application/json",
        "Delivery",
        *("malformed", "unsigned", "unknown", "rejected", "unavailable"),
    ),
    openapi_extra=shown("bearer"),
)
async def delivery(
    month: Month,
    device: DeviceName,
    request: Request,
    s: Annotated[Services, Depends(services)],
) -> JSONResponse:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    async with s.packing:
        return JSONResponse(await asyncio.to_thread(_delivery, s, _month(month), device, person))


def _month(text: str) -> str:
    if not re.fullmatch(r"[12]\d{3}-(0[1-9]|1[0-2])", text, re.ASCII):
        raise Malformed(f"want a month such as 2026-11, got {clip(text)!r}")
    return text


def _devices(s: Services, month: str, person: Person) -> dict[str, Any]:
    year, _, number = month.partition("-")
    s.custody.note("read", about=f"device/{month}", person=person)
    names = []
    for series in s.store.series_below(f"{year}/device/"):
        _, _, device, ending = series.split("/")
        if ending == number and _agencies(_read(s, series), person):
            names.append(device)
    return {"devices": names, "log": s.log.label, "month": month}


def _delivery(s: Services, month: str, device: str, person: Person) -> dict[str, Any]:
    year, _, number = month.partition("-")
    name = f"{year}/device/{device}/{number}"
    said, evidence = _read(s, name), list(_evidence(s, device))
    ours = [one for one in evidence if _series_of(s, one) == name]
    agencies = _agencies((*said, *ours), person)
    if not agencies:
        if said or ours:
            s.custody.refused(about=name.partition("/")[2], person=person)
        raise Unknown(f"no session of {device!r} in {month} is logged")
    s.custody.note("read", about=name.partition("/")[2], person=person)
    undelivered, sessions = [], []
    for agency in agencies:
        files, missing = _judged(s, name, said, [e for e in evidence if _is_of(e, agency)], agency)
        undelivered += [_file(one, agency) | _place(s, one.index) for one in files]
        sessions += [_session(one, agency) | _place(s, one.index) for one in missing]
    return {
        "device": device,
        "log": s.log.label,
        "month": month,
        "sessions": sessions,
        "undelivered": undelivered,
    }


def _judged(
    s: Services, name: str, said: Sequence[Said], evidence: Sequence[Said], agency: str
) -> tuple[list[Undelivered], list[MissingSession]]:
    own = [_with_manifest(s, one) for one in said if _is_of(one, agency)]
    _check_size(own)
    # A card that is not emptied shows files of earlier months, deposited in their own sessions.
    names = {(file.name, file.size) for one in own if one.manifest for file in one.manifest.files}
    series = {one.index: _series_of(s, one) for one in evidence}
    others = {
        series[one.index]
        for one in evidence
        if one.statement and any((f.name, f.digest.size) in names for f in one.statement.files)
    }
    before = [
        _with_manifest(s, one)
        for other in sorted(others - {name, ""})
        for one in _read(s, other)
        if _is_of(one, agency)
    ]
    together = sorted((*before, *own), key=lambda one: one.index)
    _check_size(together)
    here = {one.index for one in own}
    files = [one for one in find_undelivered(together, evidence) if one.index in here]
    ours = [one for one in evidence if series[one.index] == name]
    # A lost statement may be anybody's.
    lost = [one for one in said if one.statement is None]
    missing = find_missing(sorted((*own, *lost), key=lambda one: one.index), ours)
    return files, missing


def _check_size(said: Iterable[Said]) -> None:
    if sum(len(one.manifest.files) for one in said if one.manifest) > MAX_NAMED:
        raise Rejected(f"the manifests of this device name more than {MAX_NAMED} files")


def _read(s: Services, series: str) -> list[Said]:
    return [_said(s, index) for index in s.log.places(series)]


def _evidence(s: Services, device: str) -> Iterator[Said]:
    for index in s.catalog.evidence_of(device):
        one = _said(s, index)
        statement = one.statement
        if statement is None or statement.kind is not Kind.EVIDENCE:
            continue
        if statement.predicate.get("device") == device and "session" in statement.predicate:
            yield one


def _said(s: Services, index: int) -> Said:
    """Of the row with that number: in order it runs on across the logs."""
    row = s.log.row(index)
    at_ms = Entry.from_bytes(row.entry).at
    if row.lost:
        return Said(index=index, at_ms=at_ms, keyid="", statement=None)
    envelope = Envelope.from_bytes(row.envelope)
    return Said(
        index=index,
        at_ms=at_ms,
        keyid=envelope.signatures[0].keyid,
        statement=Statement.from_bytes(envelope.payload),
    )


def _with_manifest(s: Services, one: Said) -> Said:
    """With the manifest of a dock, if its bytes are here and are those that were signed."""
    assert one.statement is not None
    subject = one.statement.subjects[0]
    if "gaps" not in one.statement.predicate or not isinstance(subject, FileSubject):
        return one
    record = s.store.find_items([(subject.digest, one.statement.agency)])[0]
    if record is None or subject.digest.size > MAX_MANIFEST:
        return one
    try:
        data = b"".join(map(bytes, s.items.stream(record.object_id)))
        if digest_item(data).sha256 != subject.digest.sha256:
            return one
        manifest = Manifest.from_bytes(data)
    except (Unavailable, Unknown, Malformed):
        return one  # said as a manifest that nobody can show
    return Said(
        index=one.index,
        at_ms=one.at_ms,
        keyid=one.keyid,
        statement=one.statement,
        manifest=manifest,
    )


def _agencies(said: Iterable[Said], person: Person) -> list[str]:
    found = {one.statement.agency for one in said if one.statement is not None}
    return sorted(agency for agency in found if person.may_see_devices(agency))


def _is_of(one: Said, agency: str) -> bool:
    return one.statement is not None and one.statement.agency == agency


def _series_of(s: Services, one: Said) -> str:
    """That of the session which evidence names; empty for an id of no time."""
    assert one.statement is not None
    try:
        year = int(s.log.place_of(one.index).log[:4])
        return session_series(one.statement, year, s.first_year)
    except LedgerError:
        return ""


def _file(one: Undelivered, agency: str) -> dict[str, str]:
    return {
        "agency": agency,
        "cause": one.cause,
        "modified": format_time(min(one.file.modified_ms, MAX_TIME)),
        "path": one.file.path,
        "session": one.session,
        "since": format_time(one.since_ms),
        "size": str(one.file.size),
        "told": one.told,
    }


def _place(s: Services, number: int) -> dict[str, str]:
    place = s.log.place_of(number)
    return {"index": str(place.index), "log": place.log}


def _session(one: MissingSession, agency: str) -> dict[str, str]:
    return {
        "agency": agency,
        "note": one.note,
        "session": one.session,
        "since": format_time(one.since_ms),
        "what": str(one.what),
    }
