"""Delivery: what the log says was docked, against what the log says was deposited.

    dock, signed before a byte is transferred:  BWC_0087 BWC_0088 BWC_0089
    evidence of that session:                   BWC_0087          BWC_0089
                                                         ↑ undelivered, since the dock was logged

Made from logged statements and manifests alone, so what a station's own database says, or is
made to say, changes nothing. A deposit answers for a file of its session by name and size: that
its bytes are those of the card only the station has seen.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger.encoding import clip, printable
from ledger.evidence.session import FAT_MS, FoundFile, GapKind, Manifest, shown_path
from ledger.evidence.statement import Statement

QUARTER_MS = 900_000  # a FAT card shows its times elsewhere by whole quarters of an hour
ZONES_MS = 26 * 3_600_000
MAX_NOTE = 200
OF_FILES = frozenset({GapKind.FILE_GONE, GapKind.FILE_CHANGED, GapKind.UNREADABLE})


class Absent(StrEnum):
    """What of a session is not there."""

    STATEMENT = "statement"  # its entry stands in the series, and nobody has the statement
    MANIFEST = "manifest"  # nobody can show which files were docked
    DOCK = "dock"  # evidence or an explanation names a session of which no dock is logged
    RETURN = "return"  # handed out, and not docked since
    BETWEEN = "between"  # the numbers went on between two that one station has logged


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A logged statement. `at_ms` as its entry has it; `statement` None where it is lost.

    `manifest` is that of a dock, None where its bytes cannot be had.
    """

    index: int
    at_ms: int
    keyid: str
    statement: Statement | None
    manifest: Manifest | None = None

    @property
    def session(self) -> str:
        assert self.statement is not None
        return str(self.statement.predicate.get("session", self.statement.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """`told` is the gap that speaks of the file, if any; `cause` what a person signed for it."""

    file: FoundFile
    session: str
    index: int
    since_ms: int
    told: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingSession:
    what: Absent
    session: str
    index: int
    since_ms: int
    note: str = ""


def find_undelivered(sessions: Sequence[Said], evidence: Iterable[Said]) -> list[Undelivered]:
    """Files of docked manifests that no evidence of their session answers, in log order.

    Both of one device and agency, and `sessions` in log order. Where fewer were deposited than
    were docked under one name and size, all of these are listed: nobody can tell them apart.
    """
    docks = [one for one in sessions if _is_dock(one) and one.manifest is not None]
    deposits = Counter(
        (one.session, subject.name_bytes or subject.name.encode(), subject.digest.size)
        for one in evidence
        if one.statement is not None and "session" in one.statement.predicate
        for subject in one.statement.files
    )
    named = list(_named(docks))
    paths: dict[tuple[str, bytes, int], set[bytes]] = defaultdict(set)
    for file, docked in named:
        for one in docked:
            paths[_key(one.session, file)].add(_path(file))
    short = {key for key, found in paths.items() if deposits[key] < len(found)}
    told, causes = _gaps(docks), _explained(sessions, docks)
    return [
        _undelivered(file, docked, told, causes)
        for file, docked in named
        if all(_key(one.session, file) in short for one in docked)
    ]


def find_missing(sessions: Sequence[Said], evidence: Iterable[Said]) -> list[MissingSession]:
    """Sessions of which the log shows that something was, and not all of it; in log order.

    `evidence` is that of these sessions.
    """
    found = [
        MissingSession(what=Absent.STATEMENT, session="", index=one.index, since_ms=one.at_ms)
        for one in sessions
        if one.statement is None
    ]
    here = [one for one in sessions if one.statement is not None]
    docks = [one for one in here if _is_dock(one)]
    docked = {one.session for one in docks}
    found += [_missing(Absent.MANIFEST, one) for one in docks if one.manifest is None]
    first: dict[str, MissingSession] = {}
    for one in sorted((*here, *evidence), key=lambda one: one.index):
        if one.session not in docked:
            what = Absent.RETURN if _is_check_out(one) else Absent.DOCK
            first.setdefault(one.session, _missing(what, one))
    found += [*first.values(), *_between(here)]
    return sorted(found, key=lambda one: one.index)


def _missing(what: Absent, one: Said, note: str = "") -> MissingSession:
    return MissingSession(
        what=what, session=one.session, index=one.index, since_ms=one.at_ms, note=note
    )


def _named(docks: Iterable[Said]) -> Iterator[tuple[FoundFile, list[Said]]]:
    """Each file with the docks that name it: a card that is not emptied is listed each time."""
    known: dict[tuple[bytes, int], list[tuple[FoundFile, list[Said]]]] = defaultdict(list)
    for dock in docks:
        for file in dock.manifest.files if dock.manifest is not None else ():
            before = known[_path(file), file.size]
            for same, docked in before:
                if _is_same_time(same.modified_ms, file.modified_ms):
                    docked.append(dock)
                    break
            else:
                before.append((file, [dock]))
    for found in known.values():
        yield from found


def _is_same_time(one_ms: int, other_ms: int) -> bool:
    apart = abs(one_ms - other_ms)
    off = apart % QUARTER_MS
    return apart <= ZONES_MS and min(off, QUARTER_MS - off) <= FAT_MS


Gaps = Mapping[tuple[str, str], tuple[int, int, str]]  # session and path: dock, number, kind


def _gaps(docks: Iterable[Said]) -> Gaps:
    found: dict[tuple[str, str], tuple[int, int, str]] = {}
    for dock in docks:
        assert dock.statement is not None
        for number, gap in enumerate(dock.statement.predicate["gaps"], 1):
            if gap["kind"] in OF_FILES:
                found[dock.session, gap["note"]] = (dock.index, number, gap["kind"])
    return found


def _explained(sessions: Iterable[Said], docks: Sequence[Said]) -> dict[tuple[int, int], str]:
    """Dock and gap: the cause. One that fits the gaps of two docks explains neither."""
    causes: dict[tuple[int, int], str] = {}
    for one in sessions:
        if one.statement is None or "gap" not in one.statement.predicate:
            continue
        number = int(one.statement.predicate["gap"])
        fitting = [
            dock.index
            for dock in docks
            if dock.statement is not None
            and dock.index < one.index
            and dock.session == one.session
            and dock.statement.subjects == one.statement.subjects
            and number <= len(dock.statement.predicate["gaps"])
        ]
        if len(fitting) == 1:
            causes[fitting[0], number] = one.statement.predicate["cause"]
    return causes


def _undelivered(
    file: FoundFile, docked: Sequence[Said], told: Gaps, causes: Mapping[tuple[int, int], str]
) -> Undelivered:
    index, number, kind = next(
        (
            told[dock.session, note]
            for dock in docked
            for note in _notes(file)
            if (dock.session, note) in told
        ),
        (0, 0, ""),
    )
    return Undelivered(
        file=file,
        session=docked[0].session,
        index=docked[0].index,
        since_ms=docked[0].at_ms,
        told=kind,
        cause=causes.get((index, number), ""),
    )


def _notes(file: FoundFile) -> tuple[str, str]:
    """How a gap may write the file's path."""
    return (
        printable(_path(file).decode("utf-8", "backslashreplace"))[:MAX_NOTE],
        shown_path(file),
    )


def _between(sessions: Iterable[Said]) -> Iterator[MissingSession]:
    """A station hands out with the last numbers it knows: those of the dock that it told last."""
    last: dict[str, Mapping[str, str]] = {}
    for one in sessions:
        assert one.statement is not None
        counters = one.statement.predicate.get("counters")
        if "gap" in one.statement.predicate or not counters:
            continue
        before = last.get(one.keyid)
        if _is_check_out(one) and before is not None and before != counters:
            yield _missing(Absent.BETWEEN, one, clip(f"{_text(before)} -> {_text(counters)}", 200))
        last[one.keyid] = counters


def _text(counters: Mapping[str, str]) -> str:
    return " ".join(f"{prefix}{number}" for prefix, number in sorted(counters.items()))


def _is_dock(one: Said) -> bool:
    return one.statement is not None and "gaps" in one.statement.predicate


def _is_check_out(one: Said) -> bool:
    fields = one.statement.predicate if one.statement is not None else {}
    return not {"gaps", "gap", "file", "session"} & set(fields)


def _path(file: FoundFile) -> bytes:
    return file.raw or file.path.encode()


def _key(session: str, file: FoundFile) -> tuple[str, bytes, int]:
    return session, _path(file).rpartition(b"/")[2], file.size
