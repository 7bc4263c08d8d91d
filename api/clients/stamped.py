"""The timestamp tokens that a receipt carries: whose they are, and by when they say it existed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.encoding import parse_base64, parse_decimal
from ledger.errors import Malformed, Rejected
from ledger.evidence.entry import Entry
from ledger.evidence.packet import AUTHORITY_NAME
from ledger.evidence.trust import Trust
from ledger.timestamp import Timestamp
from ledger.tlog.note import SignedNote
from ledger.tlog.receipt import Receipt
from ledger.verdict.stamps import open_of_one

MAX_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Stamped:
    """`proof` leads to the tree whose text, `body`, was stamped; `tokens` by authority's name."""

    proof: str
    size: int
    body: bytes
    tokens: Mapping[str, bytes]


def read_stamped(answer: dict[str, Any]) -> Stamped | None:
    """What a receipt brings along, unchecked; None if nothing was stamped yet."""
    match answer:
        case {"stamped_proof": str(proof), "timestamps": list(rows)} if rows:
            pass
        case {"stamped_proof": _} | {"timestamps": [_, *_]}:
            raise Malformed("want stamped_proof and timestamps together")
        case _:
            return None
    if len(rows) > MAX_TOKENS:
        raise Malformed(f"want at most {MAX_TOKENS} timestamps, got {len(rows)}")
    tokens: dict[str, bytes] = {}
    for row in rows:
        match row:
            # Such a name becomes that of a file.
            case {"authority": str(name), "token": str(token)} if AUTHORITY_NAME.fullmatch(name):
                tokens[name] = parse_base64(token)
            case _:
                raise Malformed("want an authority's name and its token")
    body = SignedNote.from_text(Receipt.from_text(proof).note).text
    return Stamped(proof, parse_decimal(body.split("\n")[1]), body.encode(), tokens)


def check_stamped(
    stamped: Stamped, answer: dict[str, Any], entry: Entry, trust: Trust
) -> dict[str, Timestamp]:
    """Those of authorities of the trust folder, by name; raises `Rejected` if one does not hold."""
    log = trust.log(str(answer["log"]))
    receipt = Receipt.from_text(stamped.proof)
    if log is None or receipt.index != parse_decimal(str(answer["index"])):
        raise Rejected("the stamped proof is for another entry")
    receipt.open(entry.leaf_hash(), log.policy)
    opened = {
        name: open_of_one(trust, token, stamped.body, b"") for name, token in stamped.tokens.items()
    }
    return {name: timestamp for name, timestamp in opened.items() if timestamp is not None}
