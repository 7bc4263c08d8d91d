"""Whose case it is: that of the agency which has the spelling of its number registered.

    spellings = Spellings()
    spellings.add("agency-01", ["苏城管罚〔{year}〕{number}号"])
    spellings.owner("苏城管罚〔2026〕417号", statements)

Without such an agency among those that speak of it the first does. So whoever speaks first under
a number of somebody else has the case only until the other's spelling is registered.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from ledger.evidence.case_number import spelling
from ledger.evidence.statement import Kind, Statement

# What anybody may say of a case, whosesoever it is: a complaint goes to whom it is brought.
_OF_ANYBODY = (Kind.COMPLAINT, Kind.HOLD)


class Spellings:
    """Of each agency all that it ever had: a case does not change hands with a new one."""

    def __init__(self) -> None:
        self._of: Mapping[str, Sequence[re.Pattern[str]]] = {}

    def add(self, agency: str, templates: Iterable[str]) -> None:
        if forms := tuple(map(spelling, templates)):
            # Made anew: other threads may be reading it.
            self._of = {**self._of, agency: (*self._of.get(agency, ()), *forms)}

    def owner(self, case: str, statements: Iterable[Statement]) -> str:
        """Empty if nobody has spoken of it; no further is read than needed."""
        entitled = self._entitled(case)
        first = anybody = ""
        for said in statements:
            if said.is_notarial:
                continue
            anybody = anybody or said.agency
            if said.kind not in _OF_ANYBODY:
                first = first or said.agency
            if said.agency in entitled or (first and not entitled):
                return said.agency
        return first or anybody

    def settles(self, case: str, owner: str) -> bool:
        """Whether it stays that one's whoever speaks of it: nobody else has its spelling."""
        entitled = self._entitled(case)
        return not entitled or owner in entitled

    def alone(self, case: str, agency: str) -> bool:
        """Whether it is that one's as soon as it speaks, whoever spoke before."""
        return self._entitled(case) == {agency}

    def _entitled(self, case: str) -> set[str]:
        return {
            agency for agency, forms in self._of.items() if any(f.fullmatch(case) for f in forms)
        }
