"""The numbers of a year, counted again from the log by whoever has a copy of it.

All acts of an agency and a year are one series, and the log holds a tag for each: one that is
left out of a yearly file is missed, one that is hidden behind its end is found, and one that was
logged twice, or under two numbers, is not counted twice. One that was
logged outside the series is missed by who has the packet of its case. What a file does not prove
is that the acts say the truth, that every act was logged, or who signed it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.encoding import clip
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable, Unknown
from ledger.evidence.entry import Entry, commit, scan_entries
from ledger.evidence.envelope import Envelope
from ledger.evidence.membership import series_names
from ledger.evidence.place import Place
from ledger.evidence.series import Series
from ledger.evidence.statement import Statement
from ledger.evidence.trust import Trust, TrustedLog
from ledger.process.reports.statistics import Statistics, Tally, differences
from ledger.process.reports.yearly import Shown, Yearly
from ledger.report import Finding, Outcome, seconds_text, worst
from ledger.tlog.audit import read_log
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import SignedNote
from ledger.verdict.examination import PublicLog

MAX_SAID = 64  # findings of one kind that are listed


@dataclass(frozen=True, slots=True)
class Recount:
    """`counted` is what the acts shown come to, whether or not all of them hold."""

    yearly: Yearly
    counted: Statistics
    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        return worst(finding.outcome for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        told, counted = self.yearly.numbers, self.counted
        return {
            "agency": self.yearly.agency,
            "counted": counted.to_json(),
            "differences": [
                {"counted": found, "number": name, "told": said}
                for name, said, found in differences(told, counted)
            ],
            "findings": [finding.to_json() for finding in self.findings],
            "outcome": str(self.outcome),
            "v": 1,
            "year": self.yearly.year,
        }


def recount(
    lines: Callable[[], Iterable[bytes]],
    log: PublicLog,
    trust: Trust,
    packed: Collection[Place] = (),
    each: Callable[[Place, Statement], None] = lambda place, statement: None,
) -> Recount:
    """Raises `Malformed` of a file of another form, `Unavailable` where the log cannot be read.

    `lines` gives the file anew: it is read twice, so that a large year needs no memory. `packed`
    are acts of this agency that verified packets show: each must be counted. `each` is told every
    act that holds, with its place.
    """
    yearly = Yearly.from_bytes(next(iter(lines()), b""))
    tally = Tally(int(yearly.year))
    try:
        series = _series(yearly, trust)
    except LedgerError as error:
        failed = Finding("series", Outcome.FAILED, yearly.series, str(error))
        return Recount(yearly, tally.numbers(), (failed,))
    shown = sum(1 for _ in _acts(lines()))
    found = _Found({tag: n for n, tag in enumerate(series.asked(shown), start=1)})
    findings = [_read(log, one, found) for one in trust.logs if one.label[:4] == yearly.year]
    findings += _missed(yearly, series, shown, found)
    findings += _bound(_acts(lines()), found.at, series, tally, trust, each)
    findings.append(_numbers(yearly, tally.numbers()))
    if packed:
        findings += _packed(yearly, packed, found, shown)
    return Recount(yearly, tally.numbers(), tuple(findings))


def _series(yearly: Yearly, trust: Trust) -> Series:
    key = trust.series.get(yearly.year)
    if key is None:
        raise Rejected(f"your trust folder has no series key of {yearly.year}")
    return key.open(yearly.series, yearly.signature)


def _acts(lines: Iterable[bytes]) -> Iterator[Shown]:
    for n, line in enumerate(lines):
        if n == 0:
            continue  # what the file is of
        try:
            yield Shown.from_bytes(line)
        except Malformed as error:
            raise error.under(f"act {n}") from None


@dataclass(slots=True)
class _Found:
    """Where the logs hold which number of the series, and its commitment: of those shown, and
    far beyond."""

    tags: Mapping[bytes, int]
    at: dict[int, tuple[Place, bytes]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


def _read(log: PublicLog, trusted: TrustedLog, found: _Found) -> Finding:
    """What a log holds counts only once its root was recomputed. Raises `Unavailable`."""
    label = trusted.label
    try:
        cosigned = trusted.policy.open(SignedNote.from_bytes(log.read(label, "checkpoint")))
        here = _tagged(log, label, cosigned.checkpoint, found.tags)
        if twice := sorted(here.keys() & found.at.keys()):
            raise Rejected(f"number {twice[0]} of the series stands in two logs")
    except Unavailable:
        raise
    except Unknown as error:
        detail = f"your copy of the log has a hole: {error}"
        return Finding("log", Outcome.UNDECIDED, label, detail)
    except LedgerError as error:
        return Finding("log", Outcome.FAILED, label, str(error))
    found.at |= here
    found.sizes[label] = size = cosigned.checkpoint.size
    if cosigned.quorum_time is None:
        return Finding("log", Outcome.UNDECIDED, label, "the checkpoint has no quorum")
    detail = f"as of {seconds_text(cosigned.quorum_time)}: the series over {size} entries"
    return Finding("log", Outcome.PASSED, label, detail)


def _tagged(
    log: PublicLog, label: str, checkpoint: Checkpoint, tags: Mapping[bytes, int]
) -> dict[int, tuple[Place, bytes]]:
    found: dict[int, tuple[Place, bytes]] = {}
    after = 0
    for first, entries in read_log(lambda path: log.read(label, path), checkpoint, tiles=False):
        after, odd = scan_entries(entries, after)
        if odd is not None:
            raise Rejected(f"entry {first + odd[0]}: {odd[1]}")
        for index, data in enumerate(entries, start=first):
            entry = Entry.from_bytes(data)
            numbers = sorted(tags[tag] for tag in entry.tags if tag in tags)
            if len(numbers) > 1:
                # One act would be shown, and counted, under each.
                raise Rejected(
                    f"entry {index} has two numbers of the series, {numbers[0]} and {numbers[1]}"
                )
            for n in numbers:
                if n in found:
                    raise Rejected(f"two entries have number {n} of the series")
                found[n] = Place(label, index), entry.commitment
    return found


def _missed(yearly: Yearly, series: Series, shown: int, found: _Found) -> Iterator[Finding]:
    """Acts behind the end of the file; logs of which file or copy holds too little."""
    for label in sorted(yearly.sizes.keys() | found.sizes.keys()):
        told, size = yearly.sizes.get(label, 0), found.sizes.get(label, 0)
        if size < told:
            detail = f"your copy has {size} entries, and the file is as of {told}"
            yield Finding("complete", Outcome.UNDECIDED, label, detail)
    beyond = sorted((n, place) for n, (place, _) in found.at.items() if n > shown)
    hidden = [(n, place) for n, place in beyond if place.index < yearly.sizes.get(place.log, 0)]
    for n, place in hidden[:MAX_SAID]:
        detail = f"act {n} of the series stands in the log, and not in the file"
        yield Finding("complete", Outcome.FAILED, place.to_text(), detail)
    if later := len(beyond) - len(hidden):
        detail = f"{later} acts were logged after the file was made"
        yield Finding("complete", Outcome.UNDECIDED, series.name, detail)
    if not found.sizes:
        yield Finding("complete", Outcome.UNDECIDED, series.name, "no log of that year was read")
    elif not beyond:
        detail = f"no act beyond the {shown} of the file"
        yield Finding("complete", Outcome.PASSED, series.name, detail)


def _bound(
    acts: Iterable[Shown],
    at: Mapping[int, tuple[Place, bytes]],
    series: Series,
    tally: Tally,
    trust: Trust,
    each: Callable[[Place, Statement], None],
) -> list[Finding]:
    """Each act shown is the one at its place; what is not is not counted."""
    failed: list[Finding] = []
    gone: list[Finding] = []
    seen: set[str] = set()
    n = 0
    for n, act in enumerate(acts, start=1):
        place, commitment = at.get(n, (None, b""))
        about = place.to_text() if place else f"{series.name} {n}"
        try:
            if place is None:
                raise Rejected("no entry of the log has this number")
            if act.gone is not None:
                detail = f"act {n} of the file is gone ({act.gone}), and counted nowhere"
                gone.append(Finding("act", Outcome.UNDECIDED, about, detail))
                continue
            if commit(act.salt, act.envelope) != commitment:
                raise Rejected("salt and statement do not give the commitment in the log")
            statement = _opened(act, place, series, trust)
            if statement.id in seen:
                raise Rejected("the same act stands earlier in the file: it is counted once")
            seen.add(statement.id)
            tally.add(statement)
            each(place, statement)
        except LedgerError as error:
            if len(failed) < MAX_SAID:
                detail = f"act {n} of the file: {error}"
                failed.append(Finding("act", Outcome.FAILED, about, detail))
    if odd := [*failed, *gone[:MAX_SAID]]:
        return odd
    detail = f"{n} acts shown, each the one at its place"
    return [Finding("act", Outcome.PASSED, series.name, detail)]


def _opened(act: Shown, place: Place, series: Series, trust: Trust) -> Statement:
    statement = Statement.from_bytes(Envelope.from_bytes(act.envelope).payload)
    names = series_names(statement, place.log, trust.first_year)
    if series.name not in names:
        raise Rejected(f"it is of {clip(names[0])!r}")
    return statement


def _packed(
    yearly: Yearly, packed: Collection[Place], found: _Found, shown: int
) -> Iterator[Finding]:
    counted = {place for n, (place, _) in found.at.items() if n <= shown}
    here = [place for place in sorted(packed) if place.log in found.sizes]
    asked = [place for place in here if place.index < yearly.sizes.get(place.log, 0)]
    lacking = [place for place in asked if place not in counted]
    for place in lacking[:MAX_SAID]:
        detail = "an act of your packet is none of the year's: it was logged outside their series"
        yield Finding("packet", Outcome.FAILED, place.to_text(), detail)
    if later := len(packed) - len(asked):
        detail = f"{later} acts of your packets stand in another year's log or after the file"
        yield Finding("packet", Outcome.UNDECIDED, yearly.series, detail)
    if asked and not lacking:
        detail = f"{len(asked)} acts of your packets are among them"
        yield Finding("packet", Outcome.PASSED, yearly.series, detail)


def _numbers(yearly: Yearly, counted: Statistics) -> Finding:
    found = differences(yearly.numbers, counted)
    if not found:
        detail = f"{counted.acts} acts in {counted.cases} cases: every number is the same"
        return Finding("numbers", Outcome.PASSED, yearly.series, detail)
    name, told, recounted = found[0]
    detail = f"{len(found)} differ, first {name}: told {told}, counted {recounted}"
    return Finding("numbers", Outcome.FAILED, yearly.series, detail)
