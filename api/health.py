"""For those who run the server: is it up, is it ready, how is it doing.

GET /healthz   the process answers
GET /readyz    it can take evidence: the store is not in doubt, the clock is sane
GET /metrics   Prometheus text
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from api.services import Services, services

router = APIRouter()


@router.get("/healthz", summary="The process answers")
async def healthz() -> dict[str, str]:
    return {"status": "up"}


@router.get("/readyz", summary="It can take evidence")
async def readyz(s: Annotated[Services, Depends(services)]) -> JSONResponse:
    problem = s.log.problem()
    if problem:
        return JSONResponse({"status": "not ready", "reason": problem}, 503)
    return JSONResponse({"status": "ready"})


@router.get("/metrics", summary="Prometheus metrics")
async def metrics(s: Annotated[Services, Depends(services)]) -> Response:
    registry = CollectorRegistry()
    values = {
        "tiezheng_log_size": ("entries committed", s.log.size),
        "tiezheng_log_materialised": ("entries in public tiles", s.log.materialised),
        "tiezheng_log_cosigned": ("entries a quorum has seen", s.publisher.cosigned_size),
        "tiezheng_uploads_open": ("uploads announced and not finished", len(s.uploads.open)),
        "tiezheng_ready": ("1 if evidence is sequenced", int(not s.log.problem())),
    }
    for name, (text, value) in values.items():
        Gauge(name, text, registry=registry).set(value)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
