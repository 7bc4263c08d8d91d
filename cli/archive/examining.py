"""The four-property test over a transfer package on this disk: offline, nothing is changed.

Every file is read once for its digest, and every packet once more by the verifier. What a packet
says is believed only as far as the trust folder goes: the caller's own, or that of the package if
the fingerprint on the printed page is that of the package.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ledger.archiving import package
from ledger.archiving.formats import PROGRAMS, Format, fits_ending, locked, structure
from ledger.archiving.metadata import WANTED, Formats, describe, elements_json, row_line
from ledger.archiving.package import Contents, Packed
from ledger.archiving.properties import TESTS, FourProperties, Line, Result
from ledger.encoding import format_time
from ledger.errors import LedgerError, Malformed, Rejected, Unavailable
from ledger.evidence.packet import (
    BAGIT,
    MANIFEST,
    TAG_FILES,
    TAG_MANIFEST,
    format_bag_info,
    parse_manifest,
)
from ledger.evidence.trust import Trust
from ledger.report import Group, Outcome, Report
from ledger.suite import digest, new_digest
from ledger.verdict.examination import PublicLog
from ledger.verify import verify_packet
from storage.packets import DiskPacket, FolderPacket, open_packet
from storage.trust_directory import read_trust

MAX_REASONS = 20
MAX_TAG_FILE = 67_108_864
MAX_LINE = 1 << 21  # more than any statement gives
_SECRETS = (b"PRIVATE KEY", b"PRIVATE+KEY", b"BACKUP+KEY")
_PARTS = (package.PACKETS, package.TRUST, package.PAGES, package.REPORT)
_SINGLE = frozenset({package.CONTENTS, package.READER, *package.METADATA})

OnBytes = Callable[[int], None]
# A file, and where in it an item begins and how long it is; what was found, "" if it does not
# open, None if nobody looked.
Play = Callable[[Path, int, int], str | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """`fingerprint` is typed from the printed page; `trust` and `log` are the reader's own; without
    `play` nothing is opened."""

    fingerprint: bytes | None = None
    trust: Trust | None = None
    log: PublicLog | None = None
    play: Play | None = None
    at_ms: int = 0
    on_bytes: OnBytes = lambda count: None


@dataclass(slots=True)
class Examined:
    """By name: `sound` are the packets that are whole and verified, `undecided` those that are
    whole and of which no verdict could be come to."""

    four: FourProperties
    contents: Contents | None = None
    sound: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Counts:
    """What is found while the packets are read, one after the other."""

    sound: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    roots: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    whole: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    open_: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)  # of another case, or another packet
    items: int = 0
    held: int = 0
    described: int = 0
    lacking: dict[str, int] = field(default_factory=dict)
    formats: Formats = field(default_factory=Formats)
    odd_formats: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    untold: int = 0
    locked: list[str] = field(default_factory=list)
    films: int = 0
    silent: list[str] = field(default_factory=list)  # films that do not open
    unseen: int = 0  # and those that nobody tried
    played: dict[str, str] = field(default_factory=dict)
    programs: list[str] = field(default_factory=list)


def examine(folder: Path, asked: Asked) -> Examined:
    """Raises `Unavailable` if there is no package, or if bytes could not be read at all."""
    if not (folder / "bagit.txt").is_file():
        raise Unavailable(f"{str(folder)!r} is no transfer package: it has no bagit.txt")
    at = format_time(asked.at_ms)
    try:
        bag = FolderPacket(folder)
    except (Malformed, Rejected) as error:
        # A link or a device: nothing behind it is followed, and nothing else is said.
        lines = {"layout": Line("layout", Result.FAILED, names=(str(error),))}
        return Examined(FourProperties(at, "", False, _all(lines)))
    return _Examination(folder, bag, asked).run()


class _Examination:
    def __init__(self, folder: Path, bag: FolderPacket, asked: Asked) -> None:
        self._folder, self._bag, self._asked = folder, bag, asked
        self._lines: dict[str, Line] = {}
        self._found: dict[str, bytes] = {}  # digests as the files are now

    def run(self) -> Examined:
        self._layout()
        altered = self._files()
        fingerprint = self._found.get(TAG_MANIFEST, b"")
        contents = self._contents()
        if contents is None:
            return Examined(self._four(fingerprint, False))
        trust, vouched = self._trust(contents, fingerprint)
        counts = _Counts()
        if trust is not None:
            self._packets(contents, trust, counts)
            self._content_lines(contents, counts)
        self._listed(contents, counts)
        bad = {Path(path).name for path in altered} | set(counts.other)
        undecided = {Path(path).name for path in counts.undecided}
        return Examined(
            self._four(fingerprint, vouched),
            contents,
            frozenset(counts.sound) - bad,
            frozenset(undecided - bad),
        )

    def _four(self, fingerprint: bytes, vouched: bool) -> FourProperties:
        at = format_time(self._asked.at_ms)
        return FourProperties(at, fingerprint.hex(), vouched, _all(self._lines))

    # --- the bag ---

    def _layout(self) -> None:
        odd = [path for path in self._bag.sizes() if not _has_place(path)]
        self._put("layout", odd, len(self._bag.sizes()))
        secret = [
            path
            for path in self._bag.sizes()
            if path.startswith(package.TRUST) and _holds_secret(self._bag, path)
        ]
        self._put("secrets", secret, sum(p.startswith(package.TRUST) for p in self._bag.sizes()))
        for test in ("malware", "carrier"):
            self._lines[test] = Line(test, Result.NOT_TESTED)

    def _files(self) -> frozenset[str]:
        """All files and no others; the altered ones, and those that no manifest vouches for."""
        for path in self._bag.sizes():
            self._found[path] = self._digest(path)
        listed: dict[str, bytes] = {}
        faults: list[str] = []
        for manifest in (TAG_MANIFEST, MANIFEST):
            try:
                listed |= parse_manifest(self._read(manifest))
            except (LedgerError, KeyError):
                faults.append(manifest)
        held = self._bag.sizes().keys() - {TAG_MANIFEST}
        altered = sorted(p for p in held & listed.keys() if self._found[p] != listed[p])
        missing, more = sorted(listed.keys() - held), sorted(held - listed.keys())
        faults += missing + more + [t for t in TAG_FILES if t not in listed and t not in more]
        if not self._counts_agree():
            faults.append("bag-info.txt")
        self._put("files", sorted(set(faults)), len(listed) + 1)
        self._put("fixity", altered, len(held & listed.keys()))
        return frozenset(altered) | frozenset(faults)

    def _counts_agree(self) -> bool:
        sizes = {p: size for p, size in self._bag.sizes().items() if p.startswith("data/")}
        try:
            agent = self._read("bag-info.txt").decode("ascii").partition("\n")[0]
            agent = agent.removeprefix("Bag-Software-Agent: ")
            wanted = format_bag_info(agent, sum(sizes.values()), len(sizes))
            return self._read("bag-info.txt") == wanted and self._read("bagit.txt") == BAGIT
        except (LedgerError, KeyError, UnicodeError):
            return False

    # --- what it says of itself ---

    def _contents(self) -> Contents | None:
        try:
            contents = Contents.from_bytes(self._read(package.CONTENTS))
        except (LedgerError, KeyError):
            self._lines["packets"] = Line("packets", Result.FAILED, names=(package.CONTENTS,))
            return None
        pages = [path for path in self._bag.sizes() if path.startswith(package.PAGES)]
        lacking = [] if package.READER in self._bag.sizes() else [package.READER]
        lacking += [] if pages else [package.PAGES]
        reader = self._found.get(package.READER, b"").hex()
        self._put("reader", lacking, len(pages) + 1, {"sha256": reader} if reader else {})
        return contents

    def _trust(self, contents: Contents, fingerprint: bytes) -> tuple[Trust | None, bool]:
        """Whom to believe, and whether somebody outside the package said so."""
        typed = self._asked.fingerprint
        result = Result.NOT_TESTED if typed is None else _result(typed == fingerprint)
        facts = {} if typed is None else {"typed": typed.hex()}
        if typed is not None and result is Result.FAILED:
            facts["groups"] = _groups_apart(typed, fingerprint)
        names = (TAG_MANIFEST,) if result is Result.FAILED else ()
        self._lines["fingerprint"] = Line("fingerprint", result, names=names, facts=facts)
        try:
            packed = read_trust(self._folder / package.TRUST)
        except LedgerError as error:
            facts = {"fault": str(error)}
            self._lines["trust"] = Line("trust", Result.FAILED, names=("data/trust",), facts=facts)
            return self._asked.trust, self._asked.trust is not None
        facts = {"packed": packed.hash}
        own = self._asked.trust
        if own is not None:
            facts["own"] = own.hash
        if packed.hash != contents.trust:
            result, facts["listed"] = Result.FAILED, contents.trust
        elif own is not None:
            # It may have grown since: its own packets are judged by it all the same.
            result = Result.PASSED if own.hash == packed.hash else Result.NOTED
        elif result is not Result.NOT_TESTED:
            result = _result(typed == fingerprint)
        names = ("data/trust",) if result is Result.FAILED else ()
        self._lines["trust"] = Line("trust", result, names=names, facts=facts)
        return own or packed, own is not None or (typed is not None and typed == fingerprint)

    # --- the packets ---

    def _packets(self, contents: Contents, trust: Trust, counts: _Counts) -> None:
        items = _Lines(self._bag, package.ITEMS)
        events = _Lines(self._bag, package.EVENTS)
        for packed in contents.packets:
            try:
                source = open_packet(self._folder / packed.path)
            except LedgerError as error:
                _note(counts, counts.failed, packed, str(error))
                counts.open_.append(packed.path)
                continue
            report = verify_packet(
                source,
                trust,
                log=self._asked.log,
                at_ms=self._asked.at_ms,
                on_bytes=self._asked.on_bytes,
            )
            _judge(counts, packed, report)
            for described in describe(packed.name, source):
                events.expect(row_line(described.event))
                for row, path, found in described.items:
                    items.expect(row_line(row))
                    _look(counts, packed.name, row, path, found, source)
                    if path:
                        _open(
                            counts, f"{packed.name}/{path}", path, found, source, self._asked.play
                        )
        others = (
            (package.FORMATS, counts.formats.to_bytes()),
            (package.ELEMENTS, elements_json()),
        )
        wrong = [*items.end(), *events.end()]
        wrong += [p for p, wanted in others if self._found.get(p) != digest(wanted)]
        self._put("metadata", wrong, counts.items)

    def _listed(self, contents: Contents, counts: _Counts) -> None:
        listed = {packed.path: packed for packed in contents.packets}
        held = [path for path in self._bag.sizes() if path.startswith(package.PACKETS)]
        other = [
            path
            for path, packed in listed.items()
            if (self._found.get(path), self._bag.sizes().get(path)) != (packed.sha256, packed.size)
        ]
        other += [path for path in held if path not in listed]
        other += [package.PACKETS + name for name in counts.other]
        self._put("packets", sorted(set(other)), len(listed))

    def _content_lines(self, contents: Contents, counts: _Counts) -> None:
        total = len(contents.packets)
        self._three("verified", counts.failed, counts.undecided, total, counts.reasons)
        self._three("whole_case", counts.parts, counts.open_, total)
        described = {k: str(n) for k, n in sorted(counts.lacking.items())}
        result = Result.NOTED if counts.described < counts.items else Result.PASSED
        self._lines["elements"] = Line(
            "elements", result, counts.described, counts.items, facts=described
        )
        self._noted("known_format", counts.odd_formats, counts.held)
        untold = {"not_known_here": str(counts.untold)} if counts.untold else {}
        self._noted("structure", counts.broken, counts.held - counts.untold, untold)
        self._noted("unlocked", counts.locked, counts.held)
        self._lines["decoded"] = _played(counts)
        self._noted("programs", counts.programs, counts.held)

    # --- lines ---

    def _put(
        self, test: str, names: list[str], total: int, facts: Mapping[str, str] | None = None
    ) -> None:
        result = _result(not names)
        counted = max(0, total - len(names))
        self._lines[test] = Line(test, result, counted, total, tuple(names), facts or {})

    def _three(
        self,
        test: str,
        failed: list[str],
        undecided: list[str],
        total: int,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        result = Result.NOT_TESTED if undecided else Result.PASSED
        names = tuple(failed or undecided)
        result = Result.FAILED if failed else result
        counted = total - len(failed) - len(undecided)
        self._lines[test] = Line(test, result, counted, total, names, facts or {})

    def _noted(
        self, test: str, names: list[str], total: int, facts: Mapping[str, str] | None = None
    ) -> None:
        result = Result.NOTED if names or facts else Result.PASSED
        self._lines[test] = Line(test, result, total - len(names), total, tuple(names), facts or {})

    # --- bytes ---

    def _digest(self, path: str) -> bytes:
        hasher = new_digest()
        for piece in self._bag.stream(path):
            hasher.update(piece)
            self._asked.on_bytes(len(piece))
        return hasher.digest()

    def _read(self, path: str) -> bytes:
        if self._bag.sizes()[path] > MAX_TAG_FILE:
            raise Malformed(f"want at most {MAX_TAG_FILE} bytes", path=path)
        return b"".join(self._bag.stream(path))


class _Lines:
    """A file of lines, held against those that follow from the packets; the first that differs."""

    def __init__(self, bag: FolderPacket, path: str) -> None:
        self._path, self._number, self._wrong = path, 0, ""
        self._lines = iter(_lines(bag, path)) if path in bag.sizes() else iter(())

    def expect(self, line: bytes) -> None:
        self._number += 1
        if not self._wrong and next(self._lines, b"") != line:
            self._wrong = f"{self._path}:{self._number}"

    def end(self) -> list[str]:
        if not self._wrong and next(self._lines, None) is not None:
            self._wrong = f"{self._path}:{self._number + 1}"
        return [self._wrong] if self._wrong else []


def _lines(bag: FolderPacket, path: str) -> Iterator[bytes]:
    """With their line feeds; one that is too long to be ours comes in parts, and is no line."""
    rest = b""
    for piece in bag.stream(path):
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line + b"\n" for line in whole)
        if len(rest) > MAX_LINE:
            yield rest
            rest = b""
    if rest:
        yield rest


def _judge(counts: _Counts, packed: Packed, report: Report) -> None:
    outcome = report.groups[Group.INTEGRITY]
    if outcome is Outcome.PASSED and (other := _another_history(counts, packed, report)):
        _note(counts, counts.failed, packed, other)
    elif outcome is Outcome.PASSED:
        counts.sound.append(packed.name)
    else:
        kept = counts.failed if outcome is Outcome.FAILED else counts.undecided
        first = next(f for f in report.findings if f.outcome is outcome)
        _note(counts, kept, packed, f"{first.step}: {first.about}: {first.detail}")
    # Of a packet that cannot be read nothing is known: that it fails is said above.
    said = (report.facts.case or packed.case, report.facts.packet or packed.tags.hex())
    if said != (packed.case, packed.tags.hex()):
        counts.other.append(packed.name)
    whole = report.groups[Group.COMPLETE]
    {
        Outcome.PASSED: counts.whole,
        Outcome.FAILED: counts.parts,
        Outcome.UNDECIDED: counts.open_,
    }[whole].append(packed.path)


def _another_history(counts: _Counts, packed: Packed, report: Report) -> str:
    """Each packet may be sound, and two of them of two histories of one log: no reader of one
    packet could see that."""
    for row in report.facts.checkpoints:
        first = counts.roots.setdefault((row["origin"], row["size"]), (row["root"], packed.name))
        if first[0] != row["root"]:
            return f"another tree of {row['size']} entries than in {first[1]}: {row['origin']}"
    return ""


def _note(counts: _Counts, kept: list[str], packed: Packed, reason: str) -> None:
    kept.append(packed.path)
    if len(counts.reasons) < MAX_REASONS:
        counts.reasons[packed.path] = reason


def _where(name: str, path: str, row: Mapping[str, object]) -> str:
    """An item as an archive finds it, and as its makers called it."""
    return f"{name}/{path} {row['file_name']}"


def _look(
    counts: _Counts,
    name: str,
    row: Mapping[str, object],
    path: str,
    found: Format | None,
    source: DiskPacket,
) -> None:
    counts.items += 1
    lacking = [field for field in WANTED if field not in row]
    for one in lacking:
        counts.lacking[one] = counts.lacking.get(one, 0) + 1
    counts.described += not lacking
    if not path:
        return
    counts.held += 1
    where = _where(name, path, row)
    counts.formats.add(found)
    if found is None or not fits_ending(found, str(row["file_name"])):
        counts.odd_formats.append(where)
    if found is not None and found.word in PROGRAMS:
        counts.programs.append(where)
    whole = None
    if found is not None:

        def read(at: int, size: int) -> bytes:
            return source.read(path, at, size)

        whole = structure(found, read, source.sizes()[path])
        if locked(found, read, source.sizes()[path]):
            counts.locked.append(where)
    if whole is None:
        counts.untold += 1
    elif not whole:
        counts.broken.append(where)


def _open(
    counts: _Counts,
    where: str,
    path: str,
    found: Format | None,
    source: DiskPacket,
    play: Play | None,
) -> None:
    """Recordings and pictures, and what is not known: it may be one."""
    if found is not None and not found.media_type.startswith(("video/", "audio/", "image/")):
        return
    file, start = source.place(path)
    said = None if play is None else play(file, start, source.sizes()[path])
    if said == "" and found is None:
        return  # it is none, and told as of no known format
    counts.films += 1
    if said is None:
        counts.unseen += 1
    elif said == "":
        counts.silent.append(where)
    elif len(counts.played) < MAX_REASONS:
        counts.played[where] = said


def _played(counts: _Counts) -> Line:
    """What nobody tried keeps it open; what does not open may be evidence all the same."""
    result = Result.NOTED if counts.silent else Result.PASSED
    result = Result.NOT_TESTED if counts.unseen else result
    untried = {"not_tried": str(counts.unseen)} if counts.unseen else {}
    tried = counts.films - counts.unseen
    return Line(
        "decoded",
        result,
        tried - len(counts.silent),
        counts.films,
        tuple(counts.silent),
        untried | counts.played,
    )


def _all(lines: Mapping[str, Line]) -> tuple[Line, ...]:
    """What nothing was said of was not tested."""
    return tuple(lines.get(test, Line(test, Result.NOT_TESTED)) for test in TESTS)


def _groups_apart(typed: bytes, found: bytes) -> str:
    """Which groups of four digits differ: one or two are a slip of the pen, all another package."""
    pairs = zip(typed.hex(">", 2).split(">"), found.hex(">", 2).split(">"), strict=False)
    return ", ".join(str(n) for n, (a, b) in enumerate(pairs, 1) if a != b)


def _result(holds: bool) -> Result:
    return Result.PASSED if holds else Result.FAILED


def _has_place(path: str) -> bool:
    tags = path in (*TAG_FILES, TAG_MANIFEST)
    return tags or path in _SINGLE or path.startswith(_PARTS)


def _holds_secret(bag: FolderPacket, path: str) -> bool:
    data = bag.read(path, 0, MAX_TAG_FILE)
    return any(mark in data for mark in _SECRETS)
