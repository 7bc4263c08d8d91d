"""Sessions: one recorder between check-out and check-in, and what does not add up.

    check-out ──────────────── dock ─────────────── explanation
    card, counters, clock,     all files found,     a gap, its cause,
    what was on it             and the gaps         and the person

At both ends the station signs a manifest: every file that the card holds, by name, size
and time, before a byte of it is transferred. What is on the card at the dock is compared
with what was there at check-out and with what the device numbered: a file that was taken
away, a card that was changed, a clock that ran backwards leaves a gap. A gap is closed by
a person who gives a cause and signs it; his statement's own place in the log shows when.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any, Self

from ledger.encoding import (
    MAX_DECIMAL,
    all_visible,
    clip,
    format_base64,
    format_json,
    parse_base64,
    parse_decimal,
    parse_json,
)
from ledger.errors import Malformed

MAX_FILES = 100_000
MAX_MANIFEST = 64 << 20
MAX_PATH = 4096  # bytes: a path on the card, as POSIX bounds it
MAX_GAPS = 1024

# File names by JEITA CP-3461 (DCF): four free characters, then 0001 to 9999. The fourth is taken
# only where it is no digit, or a date such as 20261125 would be a number.
DCF = "???@####"

FAT_MS = 2_000  # what FAT rounds a file's time to
NEAR_MS = 5_000  # that, and a person who reads a clock
UNMEASURED_MS = 120_000  # how far a clock that nobody measured may be off unnoticed
CLOCK_MS = 60_000  # a clock that is further off is a gap of its own
SLACK = 8 << 20  # bytes: folders, allocation tables, the device's own log
CLUSTER = 1 << 17  # the largest usual allocation unit of a card


class GapKind(StrEnum):
    UNPAIRED = "unpaired"  # 未领用设备: docked without a check-out
    CARD_CHANGED = "card_changed"
    COUNTER_SKIPPED = "counter_skipped"
    COUNTER_RESET = "counter_reset"
    FILE_GONE = "file_gone"  # was there at check-out
    FILE_CHANGED = "file_changed"  # other size or time than at check-out, or than a moment ago
    FILE_MISSING = "file_missing"  # the recorder's own journal names it
    BYTES_MISSING = "bytes_missing"  # the card is fuller than its files
    BEFORE_CHECK_OUT = "before_check_out"  # 早于领用
    TIME_BACKWARDS = "time_backwards"  # a later number has an earlier time
    CLOCK_OFFSET = "clock_offset"  # the recorder's clock
    CLOCK_BACK = "clock_back"  # the station's clock
    UNREADABLE = "unreadable"  # listed, and could not be read


class Cause(StrEnum):
    """Why something is missing: the closed list of an explanation."""

    BATTERY = "battery"
    CARD_FULL = "card_full"
    DEVICE_FAULT = "device_fault"
    CARD_REPLACED = "card_replaced"
    FORMATTED = "formatted"
    TEST_RECORDING = "test_recording"
    CLOCK_RESET = "clock_reset"
    LENT = "lent"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Gap:
    """What does not add up. `note` holds names and numbers: sentences are the reader's."""

    kind: GapKind
    note: str

    def to_json(self) -> dict[str, str]:
        return {"kind": str(self.kind), "note": self.note}


@dataclass(frozen=True, slots=True, order=True)
class FoundFile:
    """A file on a card. `path` below its root with `/`; `raw` its bytes where they are not UTF-8.

    `modified_ms` is the device's own claim, milliseconds since 1970, not below 0.
    """

    path: str
    size: int
    modified_ms: int
    raw: bytes = b""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def to_json(self) -> dict[str, str]:
        fields = {"modified": str(self.modified_ms), "path": self.path, "size": str(self.size)}
        return fields | ({"pathBytes": format_base64(self.raw)} if self.raw else {})


@dataclass(frozen=True, slots=True)
class Manifest:
    """Every file that a card held when it was listed, in the order of their paths.

    `used` is how many bytes of the card its file system calls used; None if it does not say.
    """

    device: str
    card: str
    listed_ms: int
    files: tuple[FoundFile, ...]
    used: int | None = None

    def __post_init__(self) -> None:
        if len(self.files) > MAX_FILES:
            raise Malformed(f"want at most {MAX_FILES} files, got {len(self.files)}")
        keys = [_key(file) for file in self.files]
        if any(a >= b for a, b in pairwise(keys)):
            raise Malformed("want files in the order of their paths, each once", path="files")

    @classmethod
    def of(
        cls, device: str, card: str, listed_ms: int, files: Iterable[FoundFile], used: int | None
    ) -> Self:
        return cls(device, card, listed_ms, tuple(sorted(files, key=_key)), used)

    def to_bytes(self) -> bytes:
        fields: dict[str, Any] = {
            "card": self.card,
            "device": self.device,
            "files": [file.to_json() for file in self.files],
            "listed": str(self.listed_ms),
            "v": "1",
        }
        return format_json(fields | ({} if self.used is None else {"used": str(self.used)}))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises `Malformed` unless this is the one spelling of a manifest."""
        match parse_json(data, limit=MAX_MANIFEST):
            case {
                "card": str(card),
                "device": str(device),
                "files": list(files),
                "listed": str(listed),
                "v": "1",
                **more,
            } if set(more) <= {"used"}:
                used = more.get("used")
            case _:
                raise Malformed("want a manifest with card, device, files, listed and v 1")
        if used is not None and not isinstance(used, str):
            raise Malformed("want a decimal", path="used")
        manifest = cls(
            _line(device, "device"),
            _line(card, "card"),
            parse_decimal(listed),
            tuple(_file(i, value) for i, value in enumerate(files)),
            None if used is None else parse_decimal(used),
        )
        if manifest.to_bytes() != data:
            raise Malformed("want the one spelling of this manifest")
        return manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOut:
    """What a station knew when it handed a device out.

    `ahead_ms` is how far the device's clock was ahead, None if it was not measured;
    `counters` the last number given before, by prefix, files since wiped included.
    """

    manifest: Manifest
    at_ms: int
    ahead_ms: int | None
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dock:
    """What a station found. `journal` is what the recorder itself says it recorded: name, bytes.

    `wiped` are files that this station deleted since the check-out, by its own book;
    `back_ms` how far the station's own clock was moved back since it last ran. For a device
    that nobody checked out, `counters` are the last numbers that it knows, and `known` the files
    that it has listed before.
    """

    manifest: Manifest
    at_ms: int
    ahead_ms: int | None
    journal: Sequence[tuple[str, int]] = ()
    wiped: frozenset[FoundFile] = frozenset()
    back_ms: int = 0
    counters: Mapping[str, int] = field(default_factory=dict)
    known: frozenset[FoundFile] = frozenset()


# --- counters --------------------------------------------------------------------------------


class Counting:
    """How a make of device numbers its files: `???@####`, or `BWC_*_####`.

    `#` stands for a digit, `@` for a letter or `_`, `?` for either, `*` for anything. With
    `shared`, files of all prefixes take their numbers from one counter.
    """

    def __init__(self, templates: Sequence[str] = (DCF,), *, shared: bool = False) -> None:
        self._patterns = [_pattern(template) for template in templates]
        self._shared = shared

    def number(self, name: str) -> tuple[str, int, int] | None:
        """Prefix, number and the highest number there is; None for a file without a number."""
        stem = name.rpartition(".")[0] or name
        for pattern in self._patterns:
            if found := pattern.fullmatch(stem):
                digits = found["n"]
                prefix = "" if self._shared else found["before"]
                return prefix, int(digits), 10 ** len(digits) - 1
        return None

    def by_prefix(self, files: Iterable[FoundFile]) -> dict[str, "Numbered"]:
        found: dict[str, Numbered] = {}
        for file in files:
            if (place := self.number(file.name)) is not None:
                prefix, number, top = place
                numbered = found.setdefault(prefix, Numbered(top, {}))
                numbered.files.setdefault(number, []).append(file)
        return found

    def advance(self, counters: Mapping[str, int], new: Iterable[FoundFile]) -> dict[str, int]:
        """The last number of each prefix, once these files have come."""
        ended = dict(counters)
        for prefix, numbered in self.by_prefix(new).items():
            if order := numbered.order(counters.get(prefix)):
                ended[prefix] = order[-1]
        return ended


@dataclass(frozen=True, slots=True)
class Numbered:
    """New files of one prefix by number; after `top` comes 1."""

    top: int
    files: dict[int, list[FoundFile]]

    def is_reset(self, last: int | None) -> bool:
        """The numbers begin anew: the first that follows is over half the way round."""
        return last is not None and min(map(self._steps(last), self.files)) > self.top // 2

    def order(self, last: int | None) -> list[int]:
        """The numbers as they were given, after `last` if that is known."""
        start = self._start() if last is None or self.is_reset(last) else last
        return sorted(self.files, key=self._steps(start))

    def missing(self, last: int | None) -> Iterator[tuple[int, int]]:
        """Runs of numbers that were given and are not here, first and last of each."""
        start = self._start() if last is None or self.is_reset(last) else last
        steps = self._steps(start)
        expected = 0
        for number in self.order(last):
            if steps(number) > expected:
                yield self._after(start, expected), self._after(start, steps(number) - 1)
            expected = steps(number) + 1

    def _steps(self, start: int) -> Any:
        return lambda number: (number - start - 1) % self.top

    def _after(self, start: int, steps: int) -> int:
        return (start + steps) % self.top + 1

    def _start(self) -> int:
        """Before the first, where nothing is known: after the widest hole on the way round."""
        numbers = sorted(self.files)
        holes = zip(numbers, [*numbers[1:], numbers[0] + self.top], strict=True)
        _, first = max(holes, key=lambda pair: pair[1] - pair[0])
        return first - 1


# --- gaps ------------------------------------------------------------------------------------


def find_gaps(dock: Dock, out: CheckOut | None, counting: Counting) -> tuple[Gap, ...]:
    """All that does not add up, in a fixed order; at most `MAX_GAPS`, the last says how many more.

    `out` is None for a device that nobody checked out.
    """
    before = {_key(file): file for file in out.manifest.files} if out else {}
    files = dock.manifest.files if out else [f for f in dock.manifest.files if f not in dock.known]
    new = [file for file in files if before.get(_key(file)) != file]
    counters = out.counters if out else dock.counters
    gaps = [
        *_pairing(dock, out),
        *_numbers(new, counters, counting),
        *_kept(dock, before),
        *_journal(dock),
        *_bytes(dock, out),
        *_times(new, dock, out, counters, counting),
        *_clocks(new, dock),
    ]
    if len(gaps) <= MAX_GAPS:
        return tuple(gaps)
    more = Gap(gaps[-1].kind, f"{len(gaps) - MAX_GAPS + 1} more")
    return (*gaps[: MAX_GAPS - 1], more)


def _pairing(dock: Dock, out: CheckOut | None) -> Iterator[Gap]:
    if out is None:
        yield Gap(GapKind.UNPAIRED, dock.manifest.device)
    elif out.manifest.card != dock.manifest.card:
        yield Gap(GapKind.CARD_CHANGED, f"{out.manifest.card} -> {dock.manifest.card}")


def _numbers(
    new: Sequence[FoundFile], counters: Mapping[str, int], counting: Counting
) -> Iterator[Gap]:
    for prefix, numbered in sorted(counting.by_prefix(new).items()):
        last = counters.get(prefix)
        width = len(str(numbered.top))
        if numbered.is_reset(last):
            first = numbered.order(last)[0]
            yield Gap(GapKind.COUNTER_RESET, f"{prefix} {last:0{width}} -> {first:0{width}}")
        for start, end in numbered.missing(last):
            yield Gap(GapKind.COUNTER_SKIPPED, f"{prefix} {start:0{width}}-{end:0{width}}")


def _kept(dock: Dock, before: Mapping[bytes, FoundFile]) -> Iterator[Gap]:
    now = {_key(file): file for file in dock.manifest.files}
    for key, file in before.items():
        if file in dock.wiped:
            continue
        if key not in now:
            yield Gap(GapKind.FILE_GONE, shown_path(file))
        elif now[key] != file:
            yield Gap(GapKind.FILE_CHANGED, shown_path(file))


def _journal(dock: Dock) -> Iterator[Gap]:
    sizes = {file.name: file.size for file in dock.manifest.files}
    sizes |= {file.name: file.size for file in dock.wiped if file.name not in sizes}
    for name, size in dock.journal:
        if name not in sizes:
            yield Gap(GapKind.FILE_MISSING, f"{clip(name, 200)} {size}")
        elif sizes[name] < size:
            yield Gap(GapKind.BYTES_MISSING, f"{clip(name, 200)} {sizes[name]} < {size}")


def _bytes(dock: Dock, out: CheckOut | None) -> Iterator[Gap]:
    """The card grew by more than its new files take: something lies there that is not listed."""
    if out is None or out.manifest.card != dock.manifest.card:
        return
    then, now = (_unlisted(manifest) for manifest in (out.manifest, dock.manifest))
    if then is None or now is None:
        return
    slack = SLACK + CLUSTER * (len(dock.manifest.files) + len(out.manifest.files))
    if now - then > slack:
        yield Gap(GapKind.BYTES_MISSING, str(now - then))


def _unlisted(manifest: Manifest) -> int | None:
    if manifest.used is None:
        return None
    return manifest.used - sum(file.size for file in manifest.files)


def _times(
    new: Sequence[FoundFile],
    dock: Dock,
    out: CheckOut | None,
    counters: Mapping[str, int],
    counting: Counting,
) -> Iterator[Gap]:
    if out is not None:
        ahead = dock.ahead_ms if dock.ahead_ms is not None else out.ahead_ms
        near = NEAR_MS if ahead is not None else UNMEASURED_MS
        earliest = out.at_ms + (ahead or 0) - near
        for file in new:
            if file.modified_ms < earliest:
                yield Gap(GapKind.BEFORE_CHECK_OUT, shown_path(file))
    for prefix, numbered in sorted(counting.by_prefix(new).items()):
        order = numbered.order(counters.get(prefix))
        for one, next_ in pairwise(order):
            # Side files are closed at times of their own: only what cannot be otherwise.
            earlier = min(file.modified_ms for file in numbered.files[one])
            later = max(file.modified_ms for file in numbered.files[next_])
            if later < earlier - FAT_MS:
                yield Gap(GapKind.TIME_BACKWARDS, f"{prefix} {one} -> {next_}")


def _clocks(new: Sequence[FoundFile], dock: Dock) -> Iterator[Gap]:
    ahead = dock.ahead_ms
    if ahead is None and new:
        # Not measured, yet nothing can have been recorded after now.
        ahead = max(max(file.modified_ms for file in new) - dock.at_ms, 0)
    if ahead is not None and abs(ahead) > CLOCK_MS:
        yield Gap(GapKind.CLOCK_OFFSET, f"{ahead} ms")
    if dock.back_ms > 0:
        yield Gap(GapKind.CLOCK_BACK, f"{dock.back_ms} ms")


# --- wiping ----------------------------------------------------------------------------------


class Kept(StrEnum):
    """Why a device keeps a file."""

    NOT_LISTED = "not_listed"  # in no signed manifest
    NOT_READ = "not_read"
    NOT_SENT = "not_sent"
    NO_RECEIPT = "no_receipt"
    NOT_COSIGNED = "not_cosigned"
    NOT_READ_BACK = "not_read_back"
    READ_BACK_DIFFERS = "read_back_differs"
    NOT_STORED = "not_stored"  # the server could not show that it holds the bytes now
    NO_COPY = "no_copy"  # envelope and salt are not durable in a second place
    SESSION_NOT_LOGGED = "session_not_logged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What is durably known of one file; digests are SHA-256 of the whole file.

    `stored` says that the server answered a fresh challenge over the bytes it holds.
    """

    listed: bool
    first_read: bytes | None
    sent: bool
    receipt: bool
    cosignatures: int
    read_back: bytes | None
    stored: bool
    copy: bool
    session_logged: bool


def may_wipe(file: Proven) -> tuple[Kept, ...]:
    """Every reason to keep the file; empty when it may be deleted from the device."""
    checks = (
        (file.listed, Kept.NOT_LISTED),
        (file.first_read is not None, Kept.NOT_READ),
        (file.sent, Kept.NOT_SENT),
        (file.receipt, Kept.NO_RECEIPT),
        (file.cosignatures >= 1, Kept.NOT_COSIGNED),
        (file.read_back is not None, Kept.NOT_READ_BACK),
        (file.read_back in (None, file.first_read), Kept.READ_BACK_DIFFERS),
        (file.stored, Kept.NOT_STORED),
        (file.copy, Kept.NO_COPY),
        (file.session_logged, Kept.SESSION_NOT_LOGGED),
    )
    return tuple(reason for good, reason in checks if not good)


# --- spelling --------------------------------------------------------------------------------


def _key(file: FoundFile) -> bytes:
    return file.raw or file.path.encode()


def shown_path(file: FoundFile) -> str:
    """A path as a gap's note holds it: a card may have any name, and a statement's text may not."""
    return "".join(c if all_visible(c) else f"\\u{ord(c):04x}" for c in clip(file.path, 200))


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.fullmatch(r"([^#]*)(#{1,9})([^#]*)", template)
    if parts is None:
        raise Malformed(f"want a name with one run of '#' for the number, got {clip(template)!r}")
    before, digits, after = parts.groups()
    text = rf"(?P<before>{_any(before)})(?P<n>[0-9]{{{len(digits)}}}){_any(after)}"
    return re.compile(text, re.ASCII | re.DOTALL)


_WILD = {"?": "[A-Za-z0-9_]", "@": "[A-Za-z_]", "*": ".*"}


def _any(template: str) -> str:
    if template.count("*") > 1:
        raise Malformed(f"want at most one '*' on either side, got {clip(template)!r}")
    return "".join(
        {"?": "[A-Za-z0-9_]", "@": "[A-Za-z_]", "*": ".*"}.get(c, re.escape(c)) for c in template
    )


def _line(text: str, field: str) -> str:
    if not 0 < len(text) <= 256 or not all_visible(text):
        raise Malformed(f"want a line of 1 to 256 characters, got {clip(text)!r}", path=field)
    return text


def _file(i: int, value: Any) -> FoundFile:
    match value:
        case {"modified": str(modified), "path": str(path), "size": str(size), **more} if set(
            more
        ) <= {"pathBytes"}:
            raw = more.get("pathBytes", "")
        case _:
            raise Malformed("want modified, path and size", path=f"files[{i}]")
    try:
        file = FoundFile(
            path,
            parse_decimal(size),
            parse_decimal(modified),
            parse_base64(raw) if isinstance(raw, str) and raw else b"",
        )
    except Malformed as error:
        raise error.under(f"files[{i}]") from None
    if not path or len(_key(file)) > MAX_PATH or max(file.size, file.modified_ms) > MAX_DECIMAL:
        raise Malformed(f"want a path of 1 to {MAX_PATH} bytes", path=f"files[{i}]")
    return file
