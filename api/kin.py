"""What belongs together: statements that speak of one another, and a file with what was made of it.

    recording ◄── correction          recording ◄── transcript ◄── translation
              ◄── the act that names it, in whatever case

A hold on one of them is on all: a recording is not kept if what corrects its time may go, and a
clip that a court holds is worth nothing without its original.
"""

from collections.abc import Iterable, Iterator

from ledger.evidence.statement import Statement
from ledger.process.keeping.holds import STATEMENT, is_digest, speaks_of, statement_target
from storage.catalog_sqlite import SqliteCatalog
from storage.ledger_sqlite import SqliteLedgerStore


class Kin:
    """Of what the catalog has: whoever asks lets it catch up before."""

    def __init__(self, store: SqliteLedgerStore, catalog: SqliteCatalog) -> None:
        self._store = store
        self._catalog = catalog

    def of(self, statements: Iterable[Statement]) -> list[Statement]:
        """These and all that belong together with them, each once."""
        found: dict[str, Statement] = {}
        waiting = list(statements)
        while waiting:
            one = waiting.pop()
            if one.id not in found:
                found[one.id] = one
                waiting += [said for _, said in self.beside(one) if said.id not in found]
        return list(found.values())

    def beside(self, statement: Statement) -> Iterator[tuple[int, Statement]]:
        """What it speaks of, and what speaks of it or of a file of its; with their numbers."""
        spoken_of = list(speaks_of(statement))
        yield from self._said(
            number
            for what in spoken_of
            if is_digest(what)
            for number in (row.index for row in self._catalog.by_digest(what))
        )
        ids = [what.removeprefix(STATEMENT) for what in spoken_of if not is_digest(what)]
        rows = [row for id_ in ids if (row := self._store.find(id_)) is not None]
        yield from self._said(row.number for row in rows)
        yield from self.speaking_of([statement_target(statement.id)])
        yield from self.speaking_of(file.digest.sha256.hex() for file in statement.files)

    def speaking_of(self, targets: Iterable[str]) -> Iterator[tuple[int, Statement]]:
        for target in targets:
            yield from self._said(self._catalog.speaking_of(target))

    def _said(self, numbers: Iterable[int]) -> Iterator[tuple[int, Statement]]:
        for number in numbers:
            if (said := self._store.row(number).said()) is not None:
                yield number, said
