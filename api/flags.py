"""What a statement has in common with others: the same bytes, or a part of one recording.

    {"at":["2026-17"],"kind":"duplicate"}   these bytes stand under another case or device
    {"at":["2026-40"],"kind":"sibling"}     other statements about the same recording

A flag is a hint for people and refuses nothing. A filer is told of his own agency only:
that another holds the same bytes would tell him of a case that is not his. It is looked up
in the catalog, which may lag by a moment; the list of a case is read later and has it all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.evidence.statement import Kind, Statement
from ledger.log import Log
from ledger.process.keeping.holds import cases_of
from storage.catalog_sqlite import Holding, SqliteCatalog

MAX_NAMED = 32  # of one kind, in one flag

Flags = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Flagger:
    """Looks for what a statement has in common with others. `index` is the number of its row."""

    log: Log
    catalog: SqliteCatalog

    def of_answer(
        self,
        statement: Statement,
        index: int,
        places: Iterable[tuple[str, int]],
        together: Sequence[tuple[int, Statement]] = (),
    ) -> Flags:
        """For the filer: earlier ones of his agency, also those that came `together` with it."""
        held = [h for h in self._held(statement) if h.agency == statement.agency]
        held += [h for i, other in together for h in holdings(i, other)]
        own = [h for h in held if h.index < index and h.agency == statement.agency]
        siblings = [
            other
            for name, n in places
            if n > 1 and _is_recording(name)
            for other in self.log.places(name)[: n - 1]
        ]
        return self._flags(_duplicates(statement, index, own), siblings)

    def of_case(
        self,
        statement: Statement,
        index: int,
        places: Iterable[tuple[str, int]],
        *,
        all_agencies: bool,
    ) -> Flags:
        """For the list of a case: earlier and later ones, of every agency to who may see all."""
        held = [h for h in self._held(statement) if all_agencies or h.agency == statement.agency]
        siblings = [
            other
            for name, _ in places
            if _is_recording(name)
            for other in self.log.places(name)
            if other != index
        ]
        return self._flags(_duplicates(statement, index, held), siblings)

    def _held(self, statement: Statement) -> list[Holding]:
        if statement.kind not in (Kind.EVIDENCE, Kind.ACT):
            return []
        return self.catalog.holdings(sorted({f.digest.sha256.hex() for f in statement.files}))

    def _flags(self, duplicates: Iterable[int], siblings: Iterable[int]) -> Flags:
        found = {"duplicate": duplicates, "sibling": siblings}
        return [
            {"at": [self.log.place_of(index).to_text() for index in indexes], "kind": kind}
            for kind, given in found.items()
            if (indexes := sorted(set(given))[:MAX_NAMED])
        ]


def holdings(index: int, statement: Statement) -> list[Holding]:
    """What the catalog will say of a statement, before it does."""
    return [
        Holding(
            sha256=sha256,
            index=index,
            agency=statement.agency,
            device=statement.predicate.get("device"),
            cases=frozenset(cases_of(statement)),
        )
        for sha256 in {f.digest.sha256.hex() for f in statement.files}
        if statement.kind in (Kind.EVIDENCE, Kind.ACT)
    ]


def _duplicates(statement: Statement, index: int, held: Iterable[Holding]) -> list[int]:
    """Those that hold the same bytes under another case, or from another device."""
    mine = {h.sha256 for h in holdings(index, statement)}
    cases, device = frozenset(cases_of(statement)), statement.predicate.get("device")
    return [
        h.index
        for h in held
        if h.index != index
        and h.sha256 in mine
        and (h.agency != statement.agency or h.cases != cases or h.device != device)
    ]


def _is_recording(name: str) -> bool:
    return name[4:].startswith("/recording/")
