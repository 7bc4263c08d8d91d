"""For those who run the server: is it up, is it ready, how is it doing.

GET /healthz   the process answers
GET /readyz    it can take evidence: the store is not in doubt, the clock is sane
GET /scrubz    no item is lost and no store is odd, as far as scrubs have looked
GET /metrics   Prometheus text
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from api.schemas import answers
from api.services import Services, services

JSON = "application/json"

router = APIRouter()


@router.get(
    "/healthz",
    summary="The process answers",
    response_class=JSONResponse,
    responses=answers(200, JSON, "Health"),
)
async def healthz() -> JSONResponse:
    return JSONResponse({"status": "up"})


@router.get(
    "/readyz",
    summary="It can take evidence",
    response_class=JSONResponse,
    # No problem document: what asks is a balancer, and nothing was refused.
    responses=answers(200, JSON, "Health") | answers(503, JSON, "Health"),
)
async def readyz(s: Annotated[Services, Depends(services)]) -> JSONResponse:
    problem = s.log.problem()
    if problem:
        return JSONResponse({"status": "not ready", "reason": problem}, 503)
    if reason := s.registers.problem or s.year_over:
        return JSONResponse({"status": "ready", "reason": reason})
    return JSONResponse({"status": "ready"})


@router.get(
    "/scrubz",
    summary="No item is lost and no store is odd, as far as scrubs have looked",
    response_class=JSONResponse,
    responses=answers(200, JSON, "Health") | answers(503, JSON, "Health"),
)
async def scrubz(s: Annotated[Services, Depends(services)]) -> JSONResponse:
    places = s.vault.places
    lost, last, odd = await asyncio.to_thread(
        lambda: (s.vault.lost(), places.last_pass(), places.oddities())
    )
    if lost:
        reason = f"good bytes of {lost} items are nowhere"
        return JSONResponse({"status": "lost", "reason": reason}, 503)
    if odd:
        reason = f"the stores hold {odd} things that this ledger did not put there"
        return JSONResponse({"status": "odd", "reason": reason}, 503)
    return JSONResponse({"status": "never scrubbed" if last is None else "whole"})


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses=answers(200, CONTENT_TYPE_LATEST, ""),
)
async def metrics(s: Annotated[Services, Depends(services)]) -> Response:
    registry = CollectorRegistry()
    lost, damaged, odd, last = await asyncio.to_thread(_scrubbed, s)
    stamped = await asyncio.to_thread(s.store.newest_stamp, s.log.position[0])
    values = {
        "tiezheng_log_size": ("entries committed", s.log.size),
        "tiezheng_log_materialised": ("entries in public tiles", s.log.materialised),
        "tiezheng_log_cosigned": ("entries a quorum has seen", s.publisher.cosigned_size),
        "tiezheng_log_timestamped": ("entries an authority has stamped", stamped),
        "tiezheng_uploads_open": ("uploads announced and not finished", len(s.uploads.open)),
        "tiezheng_ready": ("1 if evidence is sequenced", int(not s.log.problem())),
        "tiezheng_registers_altered": (
            "1 if a register row is not what is logged",
            int(bool(s.registers.problem)),
        ),
        "tiezheng_year_over": ("1 if the year of the log is over", int(bool(s.year_over))),
        "tiezheng_items_lost": ("items with good bytes nowhere, as scrubs found", lost),
        "tiezheng_copies_damaged": ("copies found damaged and not mended", damaged),
        "tiezheng_store_oddities": ("what others have left or done in the stores", odd),
        "tiezheng_scrub_ended_seconds": ("when the last whole scrub ended; 0 for none", last),
    }
    for name, (text, value) in values.items():
        Gauge(name, text, registry=registry).set(value)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _scrubbed(s: Services) -> tuple[int, int, int, float]:
    places = s.vault.places
    last = places.last_pass()
    ended = 0.0 if last is None else last.ended_ms / 1000
    return s.vault.lost(), places.damaged_copies(), places.oddities(), ended
