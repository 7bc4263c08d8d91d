"""The case register as a command asks for it: which cases are the agency's own, which another's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.encoding import parse_decimal
from ledger.errors import Malformed
from ledger.evidence.case_number import parse_case
from ledger.evidence.place import Place

if TYPE_CHECKING:
    from api.clients.ledger import LedgerClient

_ROW = ("case", "named", "owner")


@dataclass(frozen=True, slots=True)
class RegisterCases:
    """`own` are those with a number, and since where in the log they have it; `elsewhere` those of
    another agency in which it acted, each with that; `unnumbered` says how many have none yet.
    `lost` are acts of the year that are lost, but for those that two persons had destroyed."""

    own: Mapping[str, Place]
    elsewhere: Mapping[str, str]
    unnumbered: int
    lost: int


def register_cases(client: "LedgerClient", agency: str, year: str) -> RegisterCases:
    answer = client.view(agency, "cases", {"year": year, "below": "no"}, {"cases": _ROW})
    gone = parse_decimal(answer.get("lost", "0")) - parse_decimal(answer.get("destroyed", "0"))
    numbered = [row for row in answer["cases"] if _is_numbered(row["case"])]
    own = {r["case"]: Place.from_text(r["named"]) for r in numbered if r["owner"] == agency}
    elsewhere = {r["case"]: r["owner"] for r in numbered if r["owner"] != agency}
    return RegisterCases(own, elsewhere, len(answer["cases"]) - len(numbered), gone)


def _is_numbered(case: str) -> bool:
    try:
        return bool(parse_case(case))
    except Malformed:
        return False
