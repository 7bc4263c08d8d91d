"""What a packet carries beside the evidence: who read it, the register relied on, the ledger's
own state. Facts, each from a statement that held; what follows from them is for the reader.

Custody and state are the ledger's word, which is the operator's. That a line of custody stands
in the log shows that it was not added later.
"""

from collections.abc import Iterable, Mapping

from ledger.encoding import printable
from ledger.evidence.place import Place
from ledger.evidence.statement import Kind, Statement, is_state
from ledger.report import seconds_text

# With when a quorum had seen it, seconds, and whether the key that signed it was stolen by then.
Shown = tuple[Place, Statement, int | None, bool]
Facts = tuple[Mapping[str, str], ...]


def custody_facts(rows: Iterable[Shown]) -> Facts:
    """Who read, exported or was refused: in log order."""
    return tuple(
        {
            "action": statement.predicate["action"],
            "by": printable(statement.predicate["by"]),
            "claimed": statement.predicate["occurred"]["from"],
            "fixed_by": seconds_text(seen),
            "note": printable(statement.predicate.get("note", "")),
            "place": place.to_text(),
            **_undecided(disowned),
        }
        for place, statement, seen, disowned in rows
        if statement.kind is Kind.CUSTODY
    )


def state_facts(rows: Iterable[Shown]) -> Facts:
    return tuple(
        {
            "claimed": statement.predicate["occurred"]["from"],
            "counts": ", ".join(
                f"{name} {count}"
                for name, count in sorted(statement.predicate.get("counts", {}).items())
            ),
            "fixed_by": seconds_text(seen),
            "note": printable(statement.predicate.get("note", "")),
            "place": place.to_text(),
            **_undecided(disowned),
        }
        for place, statement, seen, disowned in rows
        if is_state(statement)
    )


def register_facts(rows: Iterable[Shown], series: Mapping[str, Mapping[Place, int]]) -> Facts:
    """Each register statement shown, as version n of N of its series."""
    found = []
    for place, statement, _, _ in rows:
        if statement.kind is not Kind.REGISTER:
            continue
        for name, numbers in sorted(series.items()):
            if place in numbers:
                version = {"of": str(len(numbers)), "version": str(numbers[place])}
                where = {"place": place.to_text(), "series": printable(name)}
                found.append({**_registered(statement), **where, **version})
    return tuple(found)


def _undecided(disowned: bool) -> Mapping[str, str]:
    """Whether the ledger or a thief said it."""
    return {"undecided": "yes"} if disowned else {}


def _registered(statement: Statement) -> Mapping[str, str]:
    said = statement.predicate
    ended = "yes" if said.keys() & {"revoked", "compromised_since"} else ""
    if "key" in said:
        name, role = printable(said["person"]), said["role"]
        return {"ended": ended, "name": name, "role": role, "what": "key"}
    if "register" in said:
        name = " ".join(filter(None, (said["subject"], said.get("version", ""))))
        return {"ended": "", "name": printable(name), "role": "", "what": said["register"]}
    if "case_numbers" in said:
        return {"ended": "", "name": printable(said["name"]), "role": "", "what": "agency"}
    what = "series" if ended else "opening"
    return {"ended": ended, "name": ", ".join(sorted(said["series"])), "role": "", "what": what}
