"""A cosigner as a server: c2sp.org/tlog-witness.

    POST /add-checkpoint                           200 and a signature line, or the refusal
    POST /sign-subtree                             the same, for part of a tree cosigned here
    GET  /<hex sha256(origin)>/checkpoint          what was cosigned last

The new state is durable, compared with the old in one statement, before the
signature leaves (invariant 6 in `ledger.log`).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import FastAPI, Request, Response

from api.bodies import BodyTooLarge, read_body
from api.journal import journal
from api.pace import Pace
from ledger import suite
from ledger.cosigner import (
    BadProof,
    BadRequest,
    BadSignature,
    SplitView,
    StaleSize,
    decide,
    decide_subtree,
    origin_of,
)
from ledger.errors import LedgerError, Malformed, Unavailable, Unknown
from ledger.ports import Clock
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.fraud import Fraud
from ledger.tlog.note import Algorithm, SignedNote, VerifierKey
from ledger.tlog.signing_key import Signer, sign_checkpoint, sign_subtree
from ledger.tlog.submission import MAX_REQUEST, AddCheckpoint, SignSubtree

# refusal → status of the protocol
STATUS: Sequence[tuple[type[LedgerError], int]] = (
    (StaleSize, 409),
    (BadSignature, 403),
    (BadProof, 422),
    (BadRequest, 400),
    (BodyTooLarge, 413),
    (Malformed, 400),
    (Unknown, 404),
    (Unavailable, 503),
)
SIZE_TYPE = "text/x.tlog.size"


class CosignerState(Protocol):
    """What was cosigned last for each origin. Durable on return, serialisable."""

    def last(self, origin: str) -> tuple[Checkpoint, str] | None:
        """The checkpoint and its note, with the log's and this cosigner's signatures."""
        ...

    def swap(self, old: Checkpoint | None, new: Checkpoint, note: str) -> None:
        """Raises `StaleSize`, changing nothing, if `old` is not what was cosigned last."""
        ...


@dataclass(frozen=True, slots=True)
class CosignerService:
    """Keys may be two, Ed25519 and ML-DSA-44: every one of them signs every checkpoint.

    `keep` makes a proof of fraud durable; it may be given the same one again. `show` is
    given each note that was cosigned, before the signature leaves.
    """

    logs: Mapping[str, VerifierKey]
    keys: tuple[Signer, ...]
    state: CosignerState
    clock: Clock
    keep: Callable[[Fraud], None] = field(default=lambda fraud: None)
    show: Callable[[SignedNote], None] = field(default=lambda note: None)

    def add_checkpoint(self, body: bytes) -> bytes:
        """The signature lines; raises the protocol's refusals."""
        request = AddCheckpoint.from_bytes(body)
        origin = origin_of(request)
        known = self.state.last(origin) if origin in self.logs else None
        last = None if known is None else known[0]
        try:
            checkpoint = decide(request, self.logs, last)
        except SplitView:
            assert known is not None  # there is no second history without a first
            self._keep(Fraud(SignedNote.from_text(known[1]), request.note), origin)
            raise
        at = self.clock.now_ms() // 1000
        lines = tuple(sign_checkpoint(checkpoint, key, at) for key in self.keys)
        log_line = request.note.by(self.logs[origin])
        kept = (log_line, *lines) if log_line is not None else lines
        note = SignedNote(checkpoint.to_text(), kept)
        self.state.swap(last, checkpoint, note.to_text())
        try:
            self.show(note)
        except LedgerError as error:
            # The state is the memory that counts; the copy is behind, and says so.
            journal.error("copy_failed", origin=origin, reason=str(error))
        journal.info("cosigned", origin=origin, size=checkpoint.size)
        return "".join(line.to_text() for line in lines).encode()

    def sign_subtree(self, body: bytes) -> bytes:
        """The signature lines; raises the protocol's refusals, `Unknown` without such a key."""
        signing = [k for k in self.keys if k.algorithm is Algorithm.COSIGNATURE_MLDSA44]
        if not signing:
            raise Unknown("no key here signs subtrees")
        request = SignSubtree.from_bytes(body)
        decide_subtree(request, self.logs, [key.verifier for key in self.keys])
        span = (origin_of(request), request.start, request.end, request.subtree)
        return "".join(sign_subtree(*span, key).to_text() for key in signing).encode()

    def _keep(self, fraud: Fraud, origin: str) -> None:
        # Here as well: the folder may be full just then, and the refusal is the same.
        journal.error("split_view", origin=origin, proof=fraud.to_text())
        try:
            self.keep(fraud)
        except LedgerError as error:
            journal.error("proof_not_kept", origin=origin, reason=str(error))


def create_cosigner_app(service: CosignerService, per_s: int | None = None) -> FastAPI:
    """`per_s` requests a second are taken from one address; None takes all."""
    app = FastAPI(title="Tiezheng cosigner", docs_url=None, redoc_url=None, openapi_url=None)
    if per_s is not None:
        app.add_middleware(Pace, per_s=per_s)
    origins = {suite.digest(origin.encode()).hex(): origin for origin in service.logs}

    async def answer(request: Request, sign: Callable[[bytes], bytes]) -> Response:
        try:
            body = await read_body(request, MAX_REQUEST)
            return Response(await asyncio.to_thread(sign, body), 200)
        except LedgerError as error:
            return _refuse(error)

    @app.post("/add-checkpoint")
    async def _(request: Request) -> Response:
        return await answer(request, service.add_checkpoint)

    @app.post("/sign-subtree")
    async def _(request: Request) -> Response:
        return await answer(request, service.sign_subtree)

    @app.get("/{name}/checkpoint")
    async def _(name: str) -> Response:
        found = None
        if name in origins:
            try:
                found = await asyncio.to_thread(service.state.last, origins[name])
            except LedgerError as error:
                return _refuse(error)
        if found is None:
            return Response("no checkpoint of that log was cosigned here\n", 404)
        return Response(found[1], 200, media_type="text/plain; charset=utf-8")

    return app


def _refuse(error: LedgerError) -> Response:
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    if isinstance(error, StaleSize):
        # As `media_type` it would get a charset, and other people's logs compare it whole.
        return Response(f"{error.size}\n", 409, {"Content-Type": SIZE_TYPE})
    journal.warning("not_cosigned", status=status, reason=str(error))
    return Response(f"{error}\n", status, media_type="text/plain; charset=utf-8")
