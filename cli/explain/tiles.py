"""Logs as files: c2sp.org/tlog-tiles, Go's sumdb and static-ct, single tiles and whole folders.

tile/0/x001/234.p/17     tlog-tiles: 17 hashes          tile/entries/000   its entries
tile/8/0/x001/234        sumdb, of tiles 2^8 wide       tile/8/data/000    its records
tile/data/000            static-ct: certificates        tile/names/000     their names
"""

import os
import re
from pathlib import Path

from cli.explain.lenient import text_of
from cli.explain.value import Explained, Field, File, almost, fields, listed, refuse
from ledger import suite
from ledger.encoding import format_time
from ledger.errors import LedgerError
from ledger.evidence.entry import Entry
from ledger.tlog.merkle import leaf_hash

MAX_COUNTED = 400_000

_PATH = re.compile(
    r"(?:^|/)tile/(?:(?P<height>[1-9]\d?)/)?(?P<level>\d{1,2}|entries|data|names)/"
    r"(?P<number>(?:x\d{3}/){0,5}\d{3})(?:\.p/(?P<width>\d{1,9}))?$",
    re.ASCII,
)
_RECORD = re.compile(r"(\d{1,19})\n((?:[^\n]+\n)+)\n")


def explain_tile(file: File) -> Explained | None:
    found = _PATH.search(file.path)
    if found is None:
        return None
    full = 1 << min(int(found["height"] or 8), 30)
    number = int(found["number"].replace("x", "").replace("/", ""))
    width = int(found["width"] or full)
    span = fields(
        ("range", f"{number * full} … {number * full + width - 1}"),
        ("width", "full" if width == full else f"{width} / {full}"),
    )
    match found["level"]:
        case "entries":
            return Explained("bundle", (*span, *_entries(file.data, width)))
        case "data" if found["height"]:
            return Explained("sumdb_records", (*span, *_records(file.data)))
        case "data" | "names":
            return Explained("ct_data", (*span, *fields(("bytes", len(file.data)))))
        case level:
            return Explained("tile", (*fields(("level", level)), *span, *_hashes(file.data, width)))


def _hashes(data: bytes, width: int) -> tuple[Field, ...]:
    count, rest = divmod(len(data), suite.DIGEST_SIZE)
    if not count:
        raise almost("tile", f"it has fewer than {suite.DIGEST_SIZE} bytes")
    return fields(
        ("count", count),
        ("wanted", width if count != width else None),
        ("left_over", rest or None),
        ("first_hash", data[: suite.DIGEST_SIZE].hex()),
        ("last_hash", data[(count - 1) * suite.DIGEST_SIZE : count * suite.DIGEST_SIZE].hex()),
    )


def _entries(data: bytes, width: int) -> tuple[Field, ...]:
    entries, rest = split_entries(data)
    if not entries:
        raise almost("bundle", "no whole entry is in it")
    sizes = [len(entry) for entry in entries]
    ours = [_our_entry(entry) for entry in entries]
    last = len(entries) - 1
    return (
        *fields(
            ("count", len(entries)),
            ("wanted", width if len(entries) != width else None),
            ("left_over", rest or None),
            ("lengths", f"{min(sizes)} … {max(sizes)}"),
            ("entry_bytes", sum(sizes)),
            ("entries_ours", sum(map(bool, ours))),
        ),
        _entry("first_entry", entries[0], ours[0]),
        *([_entry("last_entry", entries[last], ours[last])] if last else []),
    )


def split_entries(data: bytes) -> tuple[list[bytes], int]:
    """The whole entries, and how many bytes behind them belong to none."""
    entries, at = [], 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            break
        entries.append(data[at + 2 : end])
        at = end
    return entries, len(data) - at


def _our_entry(data: bytes) -> tuple[Field, ...]:
    try:
        entry = Entry.from_bytes(data)
    except LedgerError:
        return ()
    return fields(("at", format_time(entry.at)), ("commitment", entry.commitment.hex()))


def _entry(name: str, data: bytes, ours: tuple[Field, ...]) -> Field:
    hashes = fields(("bytes", len(data)), ("leaf_hash", leaf_hash(data).hex()))
    return Field(name, "ours" if ours else "other", (*hashes, *ours))


def _records(data: bytes) -> tuple[Field, ...]:
    text = text_of(data) or ""
    records = _RECORD.findall(text)
    if not records:
        raise almost("sumdb_records", "no record is in it")
    left = len(text) - sum(len(number) + len(lines) + 2 for number, lines in records)
    return (
        *fields(("count", len(records)), ("left_over", left or None)),
        *listed("record", (f"{number}: {lines.splitlines()[0]}" for number, lines in records)),
    )


# --- folders ---------------------------------------------------------------------------------


def count_tiles(folder: Path) -> tuple[Field, ...]:
    """How many tiles and bundles lie in a log's folder. Links are not followed."""
    tiles = bundles = seen = 0
    for where, _, names in os.walk(folder / "tile", onerror=refuse):
        for name in names:
            seen += 1
            if seen > MAX_COUNTED:
                return fields(("tiles", f"> {tiles}"), ("bundles", f"> {bundles}"))
            found = _PATH.search(f"{Path(where).as_posix()}/{name}")
            if found is not None:
                tiles += found["level"].isdigit()
                bundles += not found["level"].isdigit()
    return fields(("tiles", tiles), ("bundles", bundles))
