"""The cases of an agency, each as its clocks see it: with its acts and with complaints.

Whose a case is, `CaseFiles.owner` says, as to all who ask: what an agency did in another's case is
no case of its own. Each row is read once, some hundreds at a time; no more are in memory.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from api.casefiles import is_numbered
from api.services import Services
from api.views import check_bound
from ledger.encoding import in_china
from ledger.evidence.entry import Entry
from ledger.evidence.membership import is_of_case
from ledger.evidence.statement import Kind, Statement
from ledger.process.casefile import NUMBER, CaseFile, Filed
from ledger.process.deadlines.duties import YEARLY
from ledger.sequencer import Row, speakers

AT_ONCE = 256  # rows


@dataclass(frozen=True, slots=True)
class Job:
    """A case by the name of its series: who has a place there, and which rows are read for it."""

    name: str
    places: Sequence[int]
    numbers: Sequence[int]


class OwnCases:
    """Of one agency, as the log is now.

    What is not of a case is there once all `files` were taken: `years` in which the agency acted,
    and `yearly`, the few acts that meet what is owed each year. `unsettled` are series of which the
    next statement, whatever it is, may make another case of it or another's, each with its length.
    """

    def __init__(self, s: Services, agency: str, acts: Sequence[int]) -> None:
        self._s = s
        self.agency = agency
        self._acts = acts
        self._wanted = {*acts, *s.log.complaints}
        self._spellings = s.registers.spellings()
        self._about: defaultdict[str, set[int]] = defaultdict(set)  # acts, by complaint
        self._own: set[int] = set()  # complaints in its cases
        self.years: set[int] = set()
        self.yearly: dict[int, Filed] = {}
        self.unsettled: dict[str, int] = {}

    def files(self) -> Iterator[CaseFile]:
        """Its cases, then complaints to it that are in none of them: each of these is a case of its
        own, with the acts, of whatever case, whose fact `complaint` is its id."""
        for job, filed in self._read(self._jobs()):
            if file := self._file(job, filed):
                self._own |= {one.number for one in file.filed if _is_complaint(one)}
                yield file
        rest = [n for n in self._s.complaints.agency(self.agency) if n not in self._own]
        for complaint in filed_at(self._s, rest):
            acts = filed_at(self._s, sorted(self._about[complaint.statement.id]))
            both = sorted([complaint, *acts], key=NUMBER)
            yield CaseFile(complaint.statement.id, self.agency, tuple(both))

    def _jobs(self) -> Iterator[Job]:
        numbered, provisional, rest = set[str](), set[str](), list[int]()
        for number, names in self._s.store.names_at(sorted(self._wanted)):
            cases = {name for name in names if is_of_case(name)}
            numbered |= {name for name in cases if is_numbered(name)}
            provisional |= {name for name in cases if not is_numbered(name)}
            if not cases:
                rest.append(number)
        grown = self._grown(provisional)
        for name in sorted(numbered | grown.keys()):
            yield self._job(name, grown.get(name, ()))
        taken = {name for names in grown.values() for name in names}
        yield from (self._job(name) for name in sorted(provisional - taken))
        yield Job("", (), rest)

    def _job(self, name: str, grown: Iterable[str] = ()) -> Job:
        places = self._s.log.places(name)
        all_of_it = {*places, *(number for one in grown for number in self._s.log.places(one))}
        return Job(name, places, sorted(all_of_it & self._wanted))

    def _grown(self, provisional: Iterable[str]) -> dict[str, set[str]]:
        """Its cases with a number that grew from these, each with those that it grew from."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for name in provisional:
            places = self._s.log.places(name)
            self.unsettled[name] = len(places)  # whoever ties it to a number may speak at any time
            names = {other for _, others in self._s.store.names_at(places) for other in others}
            for case in names:
                if is_of_case(case) and is_numbered(case) and self._is_own(case):
                    found[case].add(name)
        return found

    def _is_own(self, name: str) -> bool:
        return self._s.casefiles.owner(_case(name)) == self.agency

    def _read(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, dict[int, Filed]]]:
        """Those of a few hundred rows together."""
        batch: list[Job] = []
        count = 0
        for job in chain(jobs, [None]):
            if job is not None:
                batch.append(job)
                count += len(job.numbers)
                # Acts were counted before; what many cases say they grew from is read for each.
                check_bound(count // 2)
            if job is not None and sum(len(one.numbers) for one in batch) < AT_ONCE:
                continue
            wanted = sorted({number for one in batch for number in one.numbers})
            rows = self._s.store.rows_at(wanted)
            filed = {row.number: _filed(row) for row in rows if not row.lost}
            for read in filed.values():
                self._note(read)
            for one in batch:
                yield one, {n: filed[n] for n in one.numbers if n in filed}
            batch = []

    def _note(self, one: Filed) -> None:
        if one.statement.agency != self.agency or _is_complaint(one):
            return
        self.years.add(in_china(one.at_ms).year)
        if one.act in YEARLY:
            self.yearly[one.number] = one
        if complaint := one.facts.get("complaint"):
            self._about[complaint].add(one.number)

    def _file(self, job: Job, filed: dict[int, Filed]) -> CaseFile | None:
        if not job.name or not filed or self._owner(job, filed) != self.agency:
            return None
        within = set(job.places)
        # Anyone may say that his case grew from another's: that brings nothing of the other's.
        of_it = (
            one
            for one in filed.values()
            if one.number in within or one.statement.agency == self.agency
        )
        return CaseFile(_case(job.name), self.agency, tuple(of_it))

    def _owner(self, job: Job, filed: Mapping[int, Filed]) -> str:
        """As `CaseFiles.owner`; what was read is not read again."""
        case = _case(job.name)
        if not is_numbered(job.name):
            return self._s.casefiles.owner(case)
        owner = self._spellings.owner(case, self._said(job.places, filed))
        if owner == self.agency and not self._spellings.settles(case, owner):
            self.unsettled[job.name] = len(job.places)
        return owner

    def _said(self, places: Iterable[int], filed: Mapping[int, Filed]) -> Iterator[Statement]:
        for number in places:
            if number in filed:
                yield filed[number].statement
            else:
                yield from speakers([self._s.log.row(number)], self._s.log.row)


def filed_at(s: Services, numbers: Sequence[int]) -> Iterator[Filed]:
    """The statements of these numbers, which rise, but for those that are lost."""
    return map(_filed, filter(_is_there, s.store.rows_at(numbers)))


def _case(name: str) -> str:
    return name.split("/", 2)[2]


def _is_there(row: Row) -> bool:
    return not row.lost


def _is_complaint(one: Filed) -> bool:
    return one.statement.kind is Kind.COMPLAINT


def _filed(row: Row) -> Filed:
    said = row.said()
    assert said is not None
    return Filed(row.number, said, Entry.from_bytes(row.entry).at)
