"""What a station keeps of each statement it has filed, so that the ledger can be completed.

    {"answer":{…the acceptance, as the ledger gave it…},"envelope":"<base64>"}

One JSON object a file. With it a ledger that lost its disk puts the statement back at
exactly its old place: nothing else is needed, and nothing of it has to be believed.
"""

import json
from typing import Any

from api.clients.ledger import check_acceptance, check_texts, read_object
from ledger.completion import Copied
from ledger.encoding import format_base64, parse_base64
from ledger.errors import Malformed
from ledger.evidence.envelope import MAX_ENVELOPE, Envelope
from ledger.evidence.membership import series_names, series_year
from ledger.evidence.statement import Statement
from ledger.evidence.trust import Trust
from ledger.sequencer import Row

MAX_COPY = 4 * MAX_ENVELOPE


def format_copy(envelope: bytes, answer: dict[str, Any]) -> bytes:
    copy = {"answer": answer, "envelope": format_base64(envelope)}
    return json.dumps(copy, ensure_ascii=False, sort_keys=True).encode()


def read_copy(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """Envelope and answer, unchecked."""
    if len(data) > MAX_COPY:
        raise Malformed(f"want at most {MAX_COPY} bytes, got {len(data)}")
    match read_object(data):
        case {"answer": dict(answer), "envelope": str(envelope), **more} if not more:
            return parse_base64(envelope), answer
        case _:
            raise Malformed("want an object of answer and envelope")


def open_copy(source: str, data: bytes, trust: Trust) -> Copied:
    """A copy whose entry, series and checkpoint were recomputed; raises what is wrong with it."""
    envelope, answer = read_copy(data)
    found = check_acceptance(answer, envelope, trust)
    statement = Statement.from_bytes(Envelope.from_bytes(envelope).payload)
    given = {row["name"]: row for row in answer["series"]}
    series, places = [], []
    for name in series_names(statement, found.log, trust.first_year):
        check_texts(given[name], "n", "signature")
        signature = parse_base64(given[name]["signature"])
        series.append(trust.series[series_year(name)].open(name, signature))
        places.append((name, int(given[name]["n"])))
    row = Row(
        found.index,
        statement.id,
        statement.kind.value,
        envelope,
        parse_base64(answer["salt"]),
        found.entry.to_bytes(),
        tuple(places),
        [log.label for log in trust.logs].index(found.log),
    )
    return Copied(source, row, tuple(series), found.checkpoint)
