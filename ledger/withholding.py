"""What whoever makes a packet wants withheld, as rows that its reader will see.

He names a statement, by its place or its id, or a file by its SHA-256. Nothing is dropped
silently: what he names must be there, and its entry stays in the packet.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ledger.encoding import clip
from ledger.errors import Rejected, Unknown
from ledger.evidence.place import Place
from ledger.evidence.statement import Kind, Statement
from ledger.evidence.withheld import GONE, LEDGERS_OWN, STATEMENT, Reason, Withheld
from ledger.process.favourable import FIELD, favourable

Asked = Mapping[str, Reason]  # by what names a statement or a file
Said = Sequence[tuple[Place, Statement]]


def withhold(asked: Asked, said: Said) -> tuple[Withheld, ...]:
    """Among the statements of a case in `said`; raises `Unknown` or `Rejected`."""
    reasons = dict(_reasons(asked, said))
    rows = [
        Withheld(place, what, reason)
        for (place, what), reason in reasons.items()
        # Who withholds a statement withholds its files: they are not named beside it.
        if what == STATEMENT or (place, STATEMENT) not in reasons
    ]
    _check_rest(said, {row.place for row in rows if row.what == STATEMENT})
    return tuple(sorted(rows))


def _reasons(asked: Asked, said: Said) -> Iterable[tuple[tuple[Place, str], Reason]]:
    seen: set[tuple[Place, str]] = set()
    named = _Named(said)
    for name, reason in sorted(asked.items()):
        if reason in LEDGERS_OWN:
            raise Rejected(f"want a reason of yours for {name}: {reason} is said by a ledger alone")
        for found in _find(name, reason, named):
            if found in seen:
                raise Rejected(f"{found[0].to_text()} is to be withheld twice: name it once")
            seen.add(found)
            yield found, reason


class _Named:
    """Statements by place and id, and where a file is spoken of: a case may have ten thousand."""

    def __init__(self, said: Said) -> None:
        self.statements: defaultdict[str, list[tuple[Place, Statement]]] = defaultdict(list)
        self.files: defaultdict[str, dict[Place, None]] = defaultdict(dict)
        self.speaks = favourable(statement for _, statement in said)
        for place, statement in said:
            self.statements[place.to_text()].append((place, statement))
            self.statements[statement.id].append((place, statement))
            for item in statement.items:
                self.files[item.digest.sha256.hex()][place] = None


def _find(name: str, reason: Reason, named: _Named) -> list[tuple[Place, str]]:
    if re.fullmatch(r"[0-9a-f]{64}", name, re.ASCII):
        if name not in named.files:
            raise Unknown(f"no statement of the case speaks of a file with SHA-256 {name}")
        return [(place, name) for place in named.files[name]]
    statements = named.statements.get(name, [])
    if not statements:
        raise Unknown(
            f"no statement of the case is {clip(name)!r}",
            hints=("name it by its place such as 2026-17, its id, or a file by its SHA-256",),
        )
    if reason in GONE:
        raise Rejected(f"{name} is logged and held: only a file of it can be {reason}")
    for _, statement in statements:
        if statement.id in named.speaks or _marks(statement):
            raise Rejected(
                f"{name} speaks for the party: its statement is shown",
                hints=("withhold a file of it instead, by its SHA-256",),
            )
        if statement.is_decision:
            # The order of all else is held against the decisions that are shown.
            raise Rejected(
                f"{name} is a decision: its statement is shown",
                hints=("withhold its document instead, by its SHA-256",),
            )
        if statement.kind is Kind.CERTIFICATE and "revoked" in statement.predicate:
            raise Rejected(f"{name} revokes a notarial certificate: its statement is shown")
    return [(place, STATEMENT) for place, _ in statements]


def _marks(statement: Statement) -> bool:
    """A correction that says of something that it speaks for the party."""
    return FIELD in statement.predicate.get("changes", {})


def _check_rest(said: Said, gone: set[Place]) -> None:
    if not gone:
        return
    rest = [statement for place, statement in said if place not in gone]
    if not any(s.kind in (Kind.EVIDENCE, Kind.ACT) for s in rest):
        raise Rejected("nothing of the case would be left: want a packet that shows something")
    if _grown_from(rest) != _grown_from(statement for _, statement in said):
        raise Rejected(
            "a statement to be withheld is what ties the case to its provisional one",
            hints=("withhold its files instead, by their SHA-256",),
        )


def _grown_from(statements: Iterable[Statement]) -> set[str]:
    """The provisional cases that statements of the case itself name."""
    named = (s.predicate.get("provisional", "") for s in statements if s.case is not None)
    return set(named) - {""}
