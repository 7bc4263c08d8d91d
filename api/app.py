"""The ledger's server: settings → stores → log → routes."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from api import (
    backup_status,
    bulletin,
    cases,
    deliveries,
    direct,
    documents,
    due,
    feeds,
    health,
    merits,
    problems,
    proceedings,
    public,
    publications,
    readbacks,
    statements,
    supervision,
    tus,
    uploads,
    views,
    whoami,
    yearly,
)
from api.schemas import complete
from api.services import Services


def create_app(services: Services | None = None) -> FastAPI:
    """Without services the routes can be described, not used: for `docs/openapi.json`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if services is not None:
            services.start()
        yield
        if services is not None:
            services.close()

    app = FastAPI(
        title="Tiezheng",
        version="1",
        description="An evidence ledger that outsiders can check. Refusals are RFC 9457 documents.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    describe = app.openapi
    app.openapi = lambda: complete(describe())  # type: ignore[method-assign]
    problems.install(app)
    app.add_middleware(tus.Resumable)
    parts = (
        *(uploads, tus, direct, readbacks, statements, cases, proceedings, deliveries),
        *(views, bulletin, documents, due, publications, merits, supervision, yearly, feeds),
        *(whoami, public, backup_status, health),
    )
    for part in parts:
        app.include_router(part.router)
    return app


def description() -> str:
    """What `docs/openapi.json` holds."""
    document = create_app().openapi()
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def write_description() -> None:
    """For `make openapi`, in the project's own folder."""
    path = Path("docs/openapi.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(description(), encoding="utf-8")
