"""A statement that a person files by a command: sealed with his key, its answer checked."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli import output
from cli.language import say
from ledger.encoding import format_time, printable
from ledger.errors import Malformed, Rejected
from ledger.evidence.entry import Entry
from ledger.evidence.envelope import Envelope
from ledger.evidence.signing import seal
from ledger.evidence.statement import Kind, Statement, StatementSubject, Subject
from ledger.evidence.trust import Trust
from ledger.tlog.signing_key import SigningKey

if TYPE_CHECKING:
    from api.clients.ledger import LedgerClient


def payload_of(kind: Kind, subjects: Sequence[Subject], fields: Mapping[str, Any]) -> bytes:
    """With an id of its own, and as done now unless `fields` say when."""
    from api.ids import new_id

    now_ms = time.time_ns() // 1_000_000
    moment = format_time(now_ms)
    given = {"id": new_id(now_ms), "occurred": {"from": moment, "to": moment}} | dict(fields)
    return Statement(kind, tuple(subjects), given).to_bytes()


def sealed(
    kind: Kind, subjects: Sequence[Subject], fields: Mapping[str, Any], key: SigningKey
) -> bytes:
    return seal(payload_of(kind, subjects, fields), [key]).to_bytes()


def subject_of(client: "LedgerClient", id_: str, trust: Trust | None) -> StatementSubject:
    """An earlier statement, by what its receipt says that it commits to."""
    from api.clients.ledger import check_receipt

    receipt = client.receipt(id_)
    entry = Entry.from_bytes(receipt["entry"].encode())
    if trust is not None:
        check_receipt(receipt, entry, trust)
    return StatementSubject(id_, entry.commitment)


def file_one(client: "LedgerClient", envelope: bytes, trust: Trust | None) -> dict[str, Any]:
    """The ledger's answer; raises what it refused."""
    from api.clients.ledger import check_acceptance, check_texts, refusal

    id_ = Statement.from_bytes(Envelope.from_bytes(envelope).payload).id
    (answer,) = client.file([envelope])
    if "status" in answer:
        raise refusal(answer)
    check_texts(answer, "id", "index", "log")
    if answer["id"] != id_:
        raise Rejected(f"want the answer to statement {id_}, got {answer['id']!r}")
    if trust is not None:
        check_acceptance(answer, envelope, trust)
    return answer


def tell(answer: Mapping[str, Any], text: str, *, as_json: bool, **more: str) -> None:
    row = {field: answer[field] for field in ("id", "index", "log")} | more
    if as_json:
        output.result_json(row)
    else:
        output.result(f"{row['log']}-{row['index']}  {row['id']}  {printable(text)}")


def line_of(text: str, hint: str) -> str:
    """One line of at most 256 characters, or a refusal that names the option."""
    import click

    from cli.details import in_chinese
    from ledger.evidence import phrase

    try:
        return phrase.line(text.strip())
    except Malformed as error:
        said = str(error)
        raise click.BadParameter(say(en=said, zh=in_chinese(said)), param_hint=hint) from None
