"""A case as the process layer sees it: all its statements, in the order of the log."""

from dataclasses import dataclass

from ledger.evidence.statement import Kind, Statement


@dataclass(frozen=True, slots=True)
class Filed:
    """A statement in its place. `at_ms` is its entry's time, `seen_ms` when a quorum saw it."""

    number: int
    statement: Statement
    at_ms: int
    seen_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CaseFile:
    case: str
    agency: str
    filed: tuple[Filed, ...]

    def acts(self, *names: str) -> tuple[Filed, ...]:
        """Those of these names; all of them if none is given."""
        return tuple(
            one
            for one in self.filed
            if one.statement.kind is Kind.ACT
            and (not names or one.statement.predicate["act"] in names)
        )
