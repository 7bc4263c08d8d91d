"""What belongs together: statements that speak of one another, and a file with what was made of it.

    recording ◄── correction          recording ◄── transcript ◄── translation
              ◄── the act that names it, in whatever case

A hold on one of them is on all: a recording is not kept if what corrects its time may go, and a
clip that a court holds is worth nothing without its original.
"""

from collections.abc import Container, Iterable, Iterator

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
        """These and all that belong together with them, each once. An act that names thousands is
        long itself: it is read once, and not again for each that it names.
        """
        found: dict[str, Statement] = {}
        read: set[int] = set()
        waiting = list(statements)
        while waiting:
            one = waiting.pop()
            if one.id not in found:
                found[one.id] = one
                fresh = set(self.beside(one)) - read
                read |= fresh
                waiting += [said for _, said in self._said(sorted(fresh))]
        return list(found.values())

    def beside(self, statement: Statement) -> Iterator[int]:
        """The numbers of what it speaks of, and of what speaks of it or of a file of its."""
        for what in speaks_of(statement):
            if is_digest(what):
                yield from (row.index for row in self._catalog.by_digest(what))
            elif (row := self._store.find(what.removeprefix(STATEMENT))) is not None:
                yield row.number
        yield from self._catalog.speaking_of(statement_target(statement.id))
        for file in statement.files:
            yield from self._catalog.speaking_of(file.digest.sha256.hex())

    def speaking_of(self, target: str, but: Container[int]) -> Iterator[tuple[int, Statement]]:
        return self._said(n for n in self._catalog.speaking_of(target) if n not in but)

    def _said(self, numbers: Iterable[int]) -> Iterator[tuple[int, Statement]]:
        for number in numbers:
            if (said := self._store.row(number).said()) is not None:
                yield number, said
