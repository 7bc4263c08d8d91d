"""How much room items take, what of it disposals may free, and when, from the ledger's database.

No file of a store is read: what was taken in stands in the database, with its day and its size.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from api.expired import (
    MOST_CASES,
    Contents,
    filed_in,
    retention_list,
    term_of,
)
from api.kin import Kin
from api.registers import Registers
from api.settings import Settings
from ledger.errors import Rejected, Unavailable
from ledger.process.keeping.holds import names_of
from ledger.process.registers.registry import Registry
from storage.catalog_sqlite import SqliteCatalog
from storage.ledger_sqlite import SqliteLedgerStore
from storage.objects_open import DIRECTORY

YEAR_DAYS = 365
OPEN, NO_LIST, HELD, NO_CASE = "open", "no_list", "held", "no_case"
NOW, YEAR, LATER, NEVER = "now", "year", "later", "never"


@dataclass(frozen=True, slots=True)
class Disk:
    """`copies` of each item lie on it: 2 where both stores are on one disk."""

    path: Path
    copies: int
    free: int
    size: int


def disks(settings: Settings, base: Path) -> list[Disk]:
    """Those that hold the items. A bucket's room nobody knows: it is none of them."""
    stores = [text for text in (settings.store, settings.second_store) if text is not None]
    paths = [base / text.removeprefix(DIRECTORY) for text in stores if text.startswith(DIRECTORY)]
    on: dict[int, list[Path]] = {}
    try:
        for path in paths:
            on.setdefault(os.stat(path).st_dev, []).append(path)
        return [_disk(found) for found in on.values()]
    except OSError as error:
        raise Unavailable(
            f"cannot ask how much room is left: {error.strerror}",
            hints=("mount the disks of the stores first",),
        ) from None


def _disk(paths: Sequence[Path]) -> Disk:
    usage = shutil.disk_usage(paths[0])
    return Disk(paths[0], len(paths), usage.free, usage.total)


@dataclass(frozen=True, slots=True)
class Freed:
    """Bytes of one agency that go together: under which class and when, or why not."""

    agency: str
    retention: str
    when: str
    bytes: int


def freed(
    store: SqliteLedgerStore,
    catalog: SqliteCatalog,
    holds: Callable[[Iterable[str]], bool],
    first_year: int,
    today: date,
) -> list[Freed]:
    """What items are waiting for. One that two cases share counts for the later. `holds` says
    whether there is a hold on any of these names."""
    catalog.catch_up(store)
    waiting: dict[str, tuple[int, str, str, str, int]] = {}
    for agency, retention, when, contents in _cases(store, catalog, holds, first_year, today):
        for object_id, size in _items(store, contents, agency):
            found = (_LAST.index(when), agency, retention, when, size)
            waiting[object_id] = max(waiting.get(object_id, found), found)
    sums: Counter[tuple[str, str, str]] = Counter()
    for _, agency, retention, when, size in waiting.values():
        sums[agency, retention, when] += size
    kept: Counter[str] = Counter()
    for _, agency, _, size in store.came():
        kept[agency] += size
    for agency, size in kept.items():
        rest = size - sum(count for (of, _, _), count in sums.items() if of == agency)
        sums[agency, "", NO_CASE] += rest
    return [Freed(*key, count) for key, count in sorted(sums.items()) if count]


_LAST = (NOW, YEAR, LATER, NEVER, NO_LIST, OPEN, HELD, NO_CASE)  # the later, the longer it stays


def _cases(
    store: SqliteLedgerStore,
    catalog: SqliteCatalog,
    holds: Callable[[Iterable[str]], bool],
    first_year: int,
    today: date,
) -> Iterator[tuple[str, str, str, Contents]]:
    registers, head = Registers(store), store.head()
    registry, spellings = registers.whole(), registers.spellings()
    number, kin = 0 if head is None else head.end, Kin(store, catalog)
    for counted in catalog.cases("", MOST_CASES):
        for agency in sorted({row.agency for row in catalog.case(counted.case)}):
            try:
                contents = filed_in(store, spellings, first_year, agency, counted.case, None)
            except Rejected:
                continue  # a provisional case that has a number
            said = kin.of(one.statement for one in contents.all)
            if holds(name for one in said for name in names_of(one)):
                yield agency, "", HELD, contents
                continue
            retention, when = _when(registry, contents, agency, counted.case, number, today)
            yield agency, retention, when, contents


def _when(
    registry: Registry, contents: Contents, agency: str, case: str, number: int, today: date
) -> tuple[str, str]:
    try:
        retention = retention_list(registry, agency, number, today)
    except Rejected:
        return "", NO_LIST
    try:
        term = term_of(contents, retention, registry, agency, case)
    except Rejected:
        return "", OPEN
    if term is None:
        return "", OPEN
    if term.kept_until == date.max:
        return term.retention, NEVER
    days = (term.kept_until - today).days
    return term.retention, NOW if days < 0 else YEAR if days < YEAR_DAYS else LATER


def _items(store: SqliteLedgerStore, contents: Contents, agency: str) -> Iterator[tuple[str, int]]:
    wanted = [(file.digest, agency) for one in contents.own for file in one.statement.items]
    for item in store.find_items(wanted):
        if item is not None:
            yield item.object_id, item.digest.size
