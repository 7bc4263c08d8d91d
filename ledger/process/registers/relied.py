"""Which entries of the registers a case rests on: with them its gaps can be counted again.

Of people and devices those that the case names; of agencies those that speak in it and those above
them; of their lists, delegations and legal reviewers all. Of each entry every version.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ledger.evidence.procedural import LISTS, Registered
from ledger.evidence.statement import Kind, Statement, registered_name

# Found by whose they are or what they say, not by a name that a case could cite.
_OF_AGENCIES = LISTS | {Registered.AGENCY, Registered.DELEGATION, Registered.LEGAL_REVIEWER}
_LEDGERS_OWN = (Kind.CUSTODY, Kind.STATUS, Kind.RENEWAL)


class Relied:
    """What the statements of a case name."""

    def __init__(self, case: Iterable[Statement]) -> None:
        self._named: set[str] = set()
        self._agencies: set[str] = set()
        for statement in case:
            if statement.kind not in _LEDGERS_OWN and not statement.is_notarial:
                self._agencies.add(statement.agency)
                self._named.update(_named(statement.predicate))

    def may_be(self, series: str) -> bool:
        """By the name of its series, which is there before the statement is read."""
        _, found, entry = series.partition("/register/")
        register = entry.partition("/")[0]
        return bool(found) and (entry in self._named or register in _OF_AGENCIES)

    def among(self, entries: Mapping[int, Statement]) -> set[int]:
        """The numbers of those that it rests on; register statements by their numbers."""
        said = {n: s for n, s in entries.items() if "register" in s.predicate}
        agencies = _with_above(self._agencies, said.values())
        return {
            n
            for n, s in said.items()
            if registered_name(s.predicate) in self._named or _of(agencies, s)
        }


def _named(predicate: Mapping[str, Any]) -> Iterator[str]:
    """A certificate may be an officer's or an auxiliary's, whatever the act calls him."""
    for name in (*predicate.get("officers", ()), *predicate.get("auxiliaries", ())):
        yield f"{Registered.OFFICER}/{name}"
        yield f"{Registered.AUXILIARY}/{name}"
    if "device" in predicate:
        yield f"{Registered.DEVICE}/{predicate['device']}"


def _with_above(agencies: set[str], entries: Iterable[Statement]) -> set[str]:
    """With every agency that was ever said to be above one of them."""
    above: dict[str, set[str]] = {}
    for entry in entries:
        if entry.predicate["register"] == Registered.AGENCY:
            parent = entry.predicate["facts"].get("parent", "")
            above.setdefault(entry.predicate["subject"], set()).add(parent)
    found, left = set(agencies), list(agencies)
    while left:
        new = above.get(left.pop(), set()) - found - {""}
        found |= new
        left += new
    return found


def _of(agencies: set[str], entry: Statement) -> bool:
    register, facts = entry.predicate["register"], entry.predicate.get("facts", {})
    if register == Registered.AGENCY:
        return entry.predicate["subject"] in agencies
    owners = {entry.agency, facts.get("from", ""), facts.get("to", "")}
    return register in _OF_AGENCIES and bool(owners & agencies)
