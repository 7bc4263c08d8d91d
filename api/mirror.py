"""A mirror as a server: the logs that it keeps, and its word about tags.

    GET  /log/2026/checkpoint, …/opening.…, …/tile/…  as the log itself serves them
    GET  /<hex sha256(origin)>/checkpoint, …/tile/…   the same, where c2sp.org/tlog-mirror has them
    POST /log/2026/absence/4711                       tags in, a signed statement out

It is asked about the first so many entries for tags of 16 bytes, and never told whose they are.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence

from fastapi import FastAPI, Request, Response

from api.absences import MirroredLog
from api.bodies import BodyTooLarge, Room, read_body
from api.following import Forked, OnEntries
from api.journal import journal
from api.pace import Pace
from api.public import public_response
from ledger import suite
from ledger.encoding import parse_decimal
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.absence import MAX_ASKED
from ledger.evidence.entry import OPENING, TAG_SIZE
from ledger.tlog.tile import Tile
from storage.public_copy import CHECKPOINT

LOOKING = 2  # questions at once; one takes some twenty megabytes
ROOM = 64 << 20  # bytes of questions that are coming in, or wait
LONGEST_WAIT_S = 300.0  # between two attempts at a log that does not answer or is not believed
STATUS: Sequence[tuple[type[LedgerError], int]] = (
    (BodyTooLarge, 413),
    (Malformed, 400),
    (Unknown, 404),
    (Rejected, 409),
    (Unavailable, 503),
)


def create_mirror_app(logs: Sequence[MirroredLog], per_s: int | None = None) -> FastAPI:
    """`per_s` questions a second are taken from one address; None takes all."""
    app = FastAPI(title="Tiezheng mirror", docs_url=None, redoc_url=None, openapi_url=None)
    if per_s is not None:
        app.add_middleware(Pace, per_s=per_s, methods=("POST",))
    by_label = {log.follower.label: log for log in logs}
    by_origin = {suite.digest(log.follower.log.name.encode()).hex(): log for log in logs}
    looking, room = asyncio.Semaphore(LOOKING), Room(ROOM)

    async def file(known: Mapping[str, MirroredLog], name: str, path: str) -> Response:
        try:
            log = _known(known, name)
            if path not in (CHECKPOINT, *OPENING):
                path = _tile_path(path)
            return public_response(path, await asyncio.to_thread(log.follower.read, path))
        except LedgerError as error:
            return _refuse(error)

    @app.head("/log/{label}/{path:path}")
    @app.get("/log/{label}/{path:path}")
    async def _(label: str, path: str) -> Response:
        return await file(by_label, label, path)

    @app.post("/log/{label}/absence/{size}")
    async def _(label: str, size: str, request: Request) -> Response:
        try:
            log = _known(by_label, label)
            below = parse_decimal(size)
            with room.hold() as held:
                question = await read_body(request, MAX_ASKED * TAG_SIZE, held)
                async with looking:
                    envelope = await asyncio.to_thread(log.say, below, question)
        except LedgerError as error:
            return _refuse(error)
        return Response(envelope, media_type="application/vnd.dsse.envelope.v1+json")

    @app.head("/{name}/{path:path}")
    @app.get("/{name}/{path:path}")
    async def _(name: str, path: str) -> Response:
        return await file(by_origin, name, path)

    return app


class Following:
    """A thread for each log: takes what is new, brings the index up to it, waits."""

    def __init__(self, logs: Sequence[MirroredLog], every_s: float) -> None:
        self._every_s = every_s
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(log,), name=f"mirror-{log.follower.label}")
            for log in logs
        ]
        for thread in self._threads:
            thread.daemon = True

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """What was begun may be cut off: it is taken up again at the next start."""
        self._closing.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def _run(self, log: MirroredLog) -> None:
        failures = 0
        while not self._closing.is_set():
            try:
                follow(log)
                failures = 0
            except Forked as error:
                journal.error("two_histories", log=log.follower.label, reason=str(error))
                return
            except Exception as error:
                # Whatever it was: nothing was shown that does not hold, and it is tried again.
                failures += 1
                journal.warning("not_followed", log=log.follower.label, reason=str(error))
            wait_s = self._every_s * 2.0 ** min(failures, 10)
            self._closing.wait(min(wait_s, max(LONGEST_WAIT_S, self._every_s)))


def follow(
    log: MirroredLog, on_start: Callable[[int], OnEntries] = lambda total: lambda done: None
) -> None:
    """One round: what the log shows now is kept and in the index, or it raises."""
    log.settle()
    log.catch_up()
    if log.follower.step(on_start):
        log.catch_up()
        journal.info("mirrored", log=log.follower.label, size=log.follower.kept.size)


def _known(known: Mapping[str, MirroredLog], name: str) -> MirroredLog:
    if name not in known:
        raise Unknown(f"no log {name[:64]!r} is kept here")
    return known[name]


def _tile_path(path: str) -> str:
    try:
        return Tile.from_path(path).to_path()
    except Malformed:
        raise Unknown("no such file of a log") from None


def _refuse(error: LedgerError) -> Response:
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    return Response(f"{error}\n", status, media_type="text/plain; charset=utf-8")
