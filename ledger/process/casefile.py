"""A case as the process layer sees it: all its statements, in the order of the log."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from operator import attrgetter

from ledger.encoding import in_china
from ledger.evidence.procedural import Timecode, timecodes_of
from ledger.evidence.statement import EvidenceType, Kind, Statement
from ledger.process.spans import Spans

NUMBER = attrgetter("number")
AHEAD_MS = 300_000  # that clocks may differ by


@dataclass(frozen=True)
class Filed:
    """A statement in its place. `at_ms` is its entry's time, `seen_ms` when a quorum saw it."""

    number: int
    statement: Statement
    at_ms: int
    seen_ms: int | None = None

    @cached_property
    def act(self) -> str:
        """Empty for anything else, and for an act of the old form, which no rule pack looks at."""
        said = self.statement.predicate
        is_act = self.statement.kind is Kind.ACT and "procedure" in said
        return str(said["act"]) if is_act else ""

    @property
    def procedure(self) -> str:
        return str(self.statement.predicate.get("procedure", ""))

    @property
    def facts(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.statement.predicate.get("facts", {})
        return found

    @property
    def officers(self) -> tuple[str, ...]:
        return tuple(self.statement.predicate.get("officers", ()))

    @cached_property
    def start_ms(self) -> int:
        """As claimed; what claims no time was at its entry's."""
        occurred = self.statement.occurred
        return self.at_ms if occurred is None else occurred.start_ms

    @cached_property
    def end_ms(self) -> int:
        occurred = self.statement.occurred
        return self.at_ms if occurred is None else occurred.end_ms

    @cached_property
    def span(self) -> tuple[int, int]:
        """When it was, with the clock of its device corrected, where that is known."""
        corrected = self.statement.corrected
        if corrected is not None:
            return corrected.start_ms, corrected.end_ms
        return self.start_ms, self.end_ms

    @property
    def day(self) -> date:
        return in_china(self.start_ms).date()

    @property
    def delay_ms(self) -> int:
        """Between what is said to have occurred and the log."""
        return self.at_ms - self.end_ms

    @cached_property
    def timecodes(self) -> tuple[Timecode, ...]:
        return timecodes_of(self.statement.predicate)

    @property
    def is_recording(self) -> bool:
        said = self.statement.predicate
        if self.statement.kind is not Kind.EVIDENCE:
            return False
        return "device" in said or said.get("evidence_type") == EvidenceType.AUDIOVISUAL


def stands_before(one: Filed, fence: Filed) -> bool:
    """In the log, and by what both say of themselves."""
    return one.number < fence.number and one.start_ms <= fence.end_ms


@dataclass(frozen=True)
class CaseFile:
    """`agency` is whose case it is; acts of others in it are theirs, and none of the case."""

    case: str
    agency: str
    filed: tuple[Filed, ...]

    def acts(self, *names: str) -> tuple[Filed, ...]:
        """Of a procedure, those of these names in log order; all of them if none is given."""
        if not names:
            return self._acts
        if len(names) == 1:
            return self._by_name.get(names[0], ())
        found = [one for name in set(names) for one in self._by_name.get(name, ())]
        return tuple(sorted(found, key=NUMBER))

    def acts_upto(self, number: int, *names: str) -> tuple[Filed, ...]:
        """Those at no later place."""
        found = self.acts(*names)
        return found[: bisect_right(found, number, key=NUMBER)]

    def upto(self, number: int) -> tuple[Filed, ...]:
        """All statements at no later place."""
        return self.filed[: bisect_right(self.filed, number, key=NUMBER)]

    def first(self, *names: str) -> Filed | None:
        found = self.acts(*names)
        return found[0] if found else None

    def last(self, *names: str) -> Filed | None:
        found = self.acts(*names)
        return found[-1] if found else None

    def procedures(self) -> dict[str, Filed]:
        """Each with the first act that names it."""
        found: dict[str, Filed] = {}
        for one in self._acts:
            found.setdefault(one.procedure, one)
        return found

    @cached_property
    def recordings(self) -> tuple[Filed, ...]:
        return tuple(one for one in self.filed if one.is_recording)

    @cached_property
    def evidence(self) -> tuple[Filed, ...]:
        return tuple(one for one in self.filed if one.statement.kind is Kind.EVIDENCE)

    @cached_property
    def recorded(self) -> Spans:
        return Spans(one.span for one in self.recordings)

    @cached_property
    def items(self) -> frozenset[bytes]:
        """SHA-256 of each file that the case's evidence is about."""
        return frozenset(
            file.digest.sha256 for one in self.evidence for file in one.statement.files
        )

    @cached_property
    def devices(self) -> Mapping[str, list[Filed]]:
        """What comes from each of them."""
        found: dict[str, list[Filed]] = {}
        for one in self.filed:
            if "device" in one.statement.predicate:
                found.setdefault(one.statement.predicate["device"], []).append(one)
        return found

    def with_filed(self, one: Filed) -> "CaseFile":
        """As it would stand with one more, which is the last."""
        return CaseFile(self.case, self.agency or one.statement.agency, (*self.filed, one))

    @cached_property
    def _acts(self) -> tuple[Filed, ...]:
        return tuple(one for one in self.filed if one.act and one.statement.agency == self.agency)

    @cached_property
    def _by_name(self) -> dict[str, tuple[Filed, ...]]:
        found: dict[str, list[Filed]] = {}
        for one in self._acts:
            found.setdefault(one.act, []).append(one)
        return {name: tuple(acts) for name, acts in found.items()}
