"""Statements, one envelope a line, each accepted or refused on its own; and their receipts.

    POST /v1/statements                      one to 4,096 envelopes, a line each; with
                                             ?conclusion=close no act that closes nothing
    GET  /v1/statements/{id}/receipt         index, entry and a proof, public parts only
    GET  /v1/statements/{id}                 the envelope, for those who may read it

An acceptance means: durable, at this index, under this signed checkpoint. Its salt
and series let the filer recompute the entry before believing it.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from api import problems
from api.bodies import Room, read_body
from api.candidates import candidates
from api.gatekeeper import Gatekeeper
from api.identity import Person
from api.journal import journal
from api.schemas import Concludes, Uuid, answers, results, shown, takes
from api.services import Services, services
from api.writer import Result
from ledger.derived import Derived
from ledger.encoding import clip, format_base64, parse_uuid7
from ledger.errors import Destroyed, LedgerError, Malformed, Unknown
from ledger.evidence.envelope import MAX_ENVELOPE, Envelope
from ledger.evidence.statement import Kind, Statement
from ledger.filing import Filing
from ledger.log import Accepted
from ledger.process.rules.rulepack import Conclusion

JSON = "application/json"
STATEMENT = "application/vnd.in-toto+json"
MAX_LINES = 4096
MAX_BODY = 64 << 20
SMALL = 8192  # bytes of a lone statement: half a millisecond of reading and signatures
READ = 3  # what a statement takes once it is read, in times its bytes
ROOM = Room(4 * MAX_BODY)  # anyone may send statements; they are held until they are logged

P = ParamSpec("P")
R = TypeVar("R")

router = APIRouter()


@router.post(
    "/v1/statements",
    summary="File statements, one envelope a line",
    response_class=JSONResponse,
    responses=results(
        "malformed", "unknown", "conflict", "destroyed", "too_large", "rejected", "unavailable"
    ),
    openapi_extra=takes("application/x-ndjson"),
)
async def file_statements(
    request: Request, s: Annotated[Services, Depends(services)], conclusion: Concludes = ""
) -> JSONResponse:
    claimed = _claimed(conclusion)
    with ROOM.hold() as room:
        lines = _lines(await read_body(request, MAX_BODY, room))
        size = sum(map(len, lines))
        room.add(READ * size)
        # A lone statement is read sooner than another thread has woken; more would keep
        # everybody else waiting.
        run = _here if len(lines) == 1 and size <= SMALL else asyncio.to_thread
        opened = await run(_open_all, s, lines)
        if claimed is not None:
            opened = await asyncio.to_thread(_check_claimed, s, opened, claimed)
        filed = [one for one in opened if isinstance(one, Filing)]
        if not filed:
            refusals = [one for one in opened if isinstance(one, LedgerError)]
            return await run(_answer_all, s, opened, refusals)
        if any(one.statement.kind is Kind.ACT for one in filed):
            await asyncio.to_thread(_read_cases, s, filed)
        # Shielded: a future that a dying connection cancels would fail its whole batch.
        answers = await asyncio.shield(asyncio.wrap_future(s.writer.submit(filed)))
        left = iter(answers)
        results = [next(left) if isinstance(one, Filing) else one for one in opened]
        if any(_is_complaint(one, r) for one, r in zip(opened, results, strict=True)):
            await asyncio.to_thread(s.keeping.hold_now)
        return await run(_answer_all, s, opened, results)


@router.get(
    "/v1/statements/{id}/receipt",
    summary="Proof that a statement is logged",
    response_class=JSONResponse,
    responses=answers(200, JSON, "Receipt", "malformed", "unknown", "unavailable"),
)
async def receipt(id: Uuid, s: Annotated[Services, Depends(services)]) -> JSONResponse:
    parse_uuid7(id)
    return JSONResponse(await asyncio.to_thread(_receipt, s, id))


@router.get(
    "/v1/statements/{id}",
    summary="A statement, for those who may read it",
    response_class=Response,
    responses=answers(
        200, STATEMENT, "", "malformed", "unsigned", "unknown", "destroyed", "unavailable"
    ),
    openapi_extra=shown("bearer"),
)
async def read_statement(
    id: Uuid, request: Request, s: Annotated[Services, Depends(services)]
) -> Response:
    person = await asyncio.to_thread(s.doorkeeper.person, request)
    parse_uuid7(id)
    data = await asyncio.to_thread(_read, s, id, person)
    return Response(data, media_type=STATEMENT)


async def _here(work: Callable[P, R], *args: P.args, **more: P.kwargs) -> R:
    return work(*args, **more)


def _lines(body: bytes) -> list[bytes]:
    lines = body.removesuffix(b"\n").split(b"\n") if body else []
    if not 0 < len(lines) <= MAX_LINES:
        raise Malformed(f"want 1 to {MAX_LINES} envelopes, one a line, got {len(lines)}")
    if any(len(line) > MAX_ENVELOPE for line in lines):
        raise Malformed(f"want envelopes of at most {MAX_ENVELOPE} bytes")
    return lines


def _open_all(s: Services, lines: list[bytes]) -> list[Filing | LedgerError]:
    """Each envelope read and checked, or why it is refused: junk costs its sender alone.

    What is in doubt goes to the writer only behind a registration in the same request,
    which may make it good.
    """
    opened: list[Filing | LedgerError] = []
    registered = False
    for line in lines:
        try:
            filing = s.log.open(line)
        except LedgerError as error:
            opened.append(error)
            continue
        opened.append(filing if filing.doubt is None or registered else filing.doubt)
        registered |= filing.doubt is None and filing.statement.kind is Kind.REGISTER
    return opened


def _claimed(conclusion: str) -> Conclusion | None:
    try:
        return Conclusion(conclusion) if conclusion else None
    except ValueError:
        raise Malformed(
            f"want a conclusion of {', '.join(Conclusion)}, got {clip(conclusion)!r}"
        ) from None


def _check_claimed(
    s: Services, opened: Sequence[Filing | LedgerError], claimed: Conclusion
) -> list[Filing | LedgerError]:
    """Acts of which their filer says that they conclude, and no gate would look at, refused."""
    gate = Gatekeeper(s.casefiles, s.registers, s.clock.now_ms)
    found: list[Filing | LedgerError] = []
    for one in opened:
        try:
            if isinstance(one, Filing) and one.statement.kind is Kind.ACT:
                gate.check_claimed(one.statement, claimed)
            found.append(one)
        except LedgerError as error:
            found.append(error)
    return found


def _is_complaint(opened: Filing | LedgerError, result: Result) -> bool:
    """Logged just now: what it is about is held before it is answered."""
    fresh = isinstance(result, Accepted) and result.fresh
    return fresh and isinstance(opened, Filing) and opened.statement.kind is Kind.COMPLAINT


def _read_cases(s: Services, filed: Sequence[Filing]) -> None:
    """Of acts, before their turn: the gate, which the writer asks, has little left to read."""
    for statement in (one.statement for one in filed):
        named = statement.case is not None or "provisional" in statement.predicate
        if statement.kind is Kind.ACT and "procedure" in statement.predicate and named:
            with suppress(LedgerError):  # the gate will say so of this act alone
                s.casefiles.of(statement)


def _answer_all(
    s: Services, opened: Sequence[Filing | LedgerError], results: Sequence[Result]
) -> JSONResponse:
    """A lone statement that is refused gives the answer its status."""
    rows = [_answer(s, result) for result in results]
    _add_flags(s, opened, results, rows)
    refused = [row["status"] for row in rows if "status" in row]
    return JSONResponse({"results": rows}, refused[0] if len(rows) == 1 and refused else 200)


def _answer(s: Services, result: Result) -> dict[str, Any]:
    if isinstance(result, LedgerError):
        return problems.of_error(result)
    return accepted(s.log.of(result.row).label, result)


def _add_flags(
    s: Services,
    opened: Sequence[Filing | LedgerError],
    results: Sequence[Result],
    rows: Sequence[dict[str, Any]],
) -> None:
    together: list[tuple[int, Statement]] = []
    for filing, result, row in zip(opened, results, rows, strict=True):
        if isinstance(filing, LedgerError) or isinstance(result, LedgerError):
            continue
        statement, index = filing.statement, result.row.number
        if statement.kind is Kind.COMPLAINT:
            row["held"] = str(s.log.holds.of_complaint(statement.id))
            row["candidates"] = candidates(s.log.holds, s.store, statement)
        if statement.kind not in (Kind.EVIDENCE, Kind.ACT):
            continue
        try:
            found = s.flagger.of_answer(statement, index, result.row.places, together)
        except LedgerError as error:
            # It is logged all the same, and the list of its case will show it.
            journal.warning("not_flagged", index=index, reason=str(error))
            continue
        if found:
            row["flags"] = found
        together.append((index, statement))


def accepted(label: str, result: Accepted) -> dict[str, Any]:
    row = result.row
    return {
        "id": row.statement_id,
        "log": label,
        "index": str(row.index),
        "entry": row.entry.decode(),
        "salt": format_base64(row.salt),
        "series": [
            {"n": str(n), "name": series.name, "signature": format_base64(series.signature)}
            for series, n in result.series
        ],
        "checkpoint": result.note,
        "fresh": "yes" if result.fresh else "no",
    }


def _receipt(s: Services, id_: str) -> dict[str, Any]:
    found = s.log.known(id_)
    if found is None:
        raise Unknown("no statement of that id is logged")
    index, log = found.row.index, s.log.of(found.row)
    cosigned = log.first_note(index + 1)
    note = cosigned if cosigned is not None else log.published_note(index + 1)
    answer = {
        "id": id_,
        "log": log.label,
        "index": str(index),
        "entry": found.row.entry.decode(),
        "proof": log.receipt(index, note).to_text(),
        "witnessed": "yes" if cosigned is not None else "not yet",
    }
    if found.row.by is not None:
        answer["destroyed_by"] = s.log.row(found.row.by).statement_id
    return answer | _stamped(log, index)


def _stamped(log: Derived, index: int) -> dict[str, Any]:
    """The earliest tokens over a tree that holds the entry, with the proof to that tree."""
    stamps = log.stamps(index + 1)
    note = log.first_note(stamps[0].size) if stamps else None
    if note is None:
        return {}
    tokens = [{"authority": s.name, "token": format_base64(s.token)} for s in stamps]
    return {"stamped_proof": log.receipt(index, note).to_text(), "timestamps": tokens}


def _read(s: Services, id_: str, person: Person) -> bytes:
    found = s.log.known(id_)
    if found is None:
        raise Unknown("no statement of that id is logged")
    # Of a destroyed one its disposal says whose it was, and who may know of it.
    shown = found.row if found.row.by is None else s.log.row(found.row.by)
    statement = Statement.from_bytes(Envelope.from_bytes(shown.envelope).payload)
    name, _ = found.row.places[0]
    above = s.above(statement.agency)
    if not person.may_see(statement.case or "", statement.agency, above):
        s.custody.refused(about=name.partition("/")[2], person=person)
        raise Unknown("no statement of that id is logged")
    s.custody.note("read", about=name.partition("/")[2], person=person, note=f"statement {id_}")
    if found.row.destroyed:
        raise Destroyed(f"statement {id_} was destroyed by the disposal {statement.id}")
    return found.row.envelope
