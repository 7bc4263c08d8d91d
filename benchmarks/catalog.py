"""What the routes ask of a catalog of 10⁶ statements, against sqlite3's own count of the rows."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from random import Random

from benchmarks.ground import MB, scratch
from benchmarks.measure import Ratio, Row, Table, seconds
from storage.catalog_sqlite import SqliteCatalog

KEY = "s"
AGENCIES, DEVICES, PER_CASE = 40, 600, 30
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
BEGINS = 1_767_196_800_000  # 2026-01-01 in China
ASKED = 200  # of each question, another value each
BATCH = 20_000

Ask = Callable[[int], object]


def run(quick: bool) -> Table:
    size = 20_000 if quick else 1_000_000
    rows: list[Row] = []
    with scratch() as folder:
        path = folder / "catalog.sqlite"
        catalog = SqliteCatalog(path)
        filled = seconds(_fill, path, size)
        plain = sqlite3.connect(path)
        for what, (ask, count) in _questions(catalog, plain, size).items():
            rows.append(Row(what, "ms", _times(ask)))
            if count is not None:
                rows.append(Row(f"{what}: count(*) by sqlite3", "ms", _times(count)))
        rows.append(Row("rows written, without their statements", "rows/s", (size / filled,)))
        rows.append(Row("size on disk", "MB", (path.stat().st_size / MB,)))
        plain.close()
        catalog.close()
    median = {row.what: row.median for row in rows}
    return Table(
        key=KEY,
        title="The catalog",
        rows=tuple(rows),
        ratios=tuple(
            Ratio(f"{what} ÷ count(*)", median[what] / median[f"{what}: count(*) by sqlite3"])
            for what in median
            if f"{what}: count(*) by sqlite3" in median
        ),
        notes=(
            f"{size:,} statements of {AGENCIES} agencies and {DEVICES} devices over a year, "
            f"{PER_CASE} a case. Each figure is the median of {ASKED} questions, with other values "
            "each time, in the page cache.",
            "The peer counts the rows of the same condition over the same index and returns one "
            "number; ours returns the rows.",
            "The rows are written straight into the database: that the catalog is caught up from "
            "the ledger, which reads each statement, is no part of the figures.",
            "What a person did is not asked of the catalog, but read from the log's runs of acts.",
        ),
    )


def _times(ask: Ask) -> tuple[float, ...]:
    return tuple(1000 * seconds(ask, n) for n in range(ASKED))


def _questions(
    catalog: SqliteCatalog, plain: sqlite3.Connection, size: int
) -> Mapping[str, tuple[Ask, Ask | None]]:
    chosen = Random(2).sample(range(size), ASKED)
    cases = [_case(n // PER_CASE) for n in chosen]
    digests = [_digest(n) for n in chosen]
    devices = [_device(n) for n in chosen]

    def count(sql: str, of: Callable[[int], tuple[object, ...]]) -> Ask:
        return lambda n: plain.execute(f"SELECT count(*) {sql}", of(n)).fetchone()

    def moment(n: int, back_ms: int) -> tuple[str, int, int]:
        ends = BEGINS + YEAR_MS - back_ms - n * 60_000
        return _agency(n), ends - 3_600_000, ends

    def recorded(back_ms: int) -> tuple[Ask, Ask]:
        def ask(n: int) -> object:
            agency, starts, ends = moment(n, back_ms)
            return catalog.recorded([agency], (starts, ends))

        return ask, count(
            "FROM span WHERE agency = ? AND ends >= ? AND starts <= ?",
            lambda n: moment(n, back_ms),
        )

    return {
        "the statements of a case": (
            lambda n: catalog.case(cases[n]),
            count("FROM case_statement WHERE name = ?", lambda n: (cases[n],)),
        ),
        "100 cases that begin so": (lambda n: catalog.cases(cases[n][:12], 100), None),
        "by a file's SHA-256": (
            lambda n: catalog.by_digest(digests[n]),
            count("FROM file WHERE sha256 = ?", lambda n: (digests[n],)),
        ),
        "who holds a file, for flags": (lambda n: catalog.holdings([digests[n]]), None),
        "evidence of a device": (
            lambda n: catalog.evidence_of(devices[n]),
            count("FROM statement WHERE device = ? AND kind = 'evidence'", lambda n: (devices[n],)),
        ),
        "recorded in an hour of yesterday": recorded(DAY_MS),
        "recorded in an hour ten months ago": recorded(300 * DAY_MS),
        "due: begun on one day": (
            lambda n: catalog.occurred("evidence", *_day(n), 10_000),
            count(
                "FROM statement WHERE kind = ? AND occurred_from >= ? AND occurred_from < ?",
                lambda n: ("evidence", *_day(n)),
            ),
        ),
    }


def _day(n: int) -> tuple[int, int]:
    starts = BEGINS + (n % 365) * DAY_MS
    return starts, starts + DAY_MS


def _fill(path: Path, size: int) -> None:
    """Through sqlite3 itself: a statement's signature and series are not what is measured."""
    with sqlite3.connect(path) as db:
        numbers = iter(range(size))
        while batch := list(islice(numbers, BATCH)):
            _insert(db, "statement", _statements(batch, size))
            _insert(db, "case_statement", ((_case(n // PER_CASE), n) for n in batch))
            _insert(db, "file", ((_digest(n), n) for n in batch))
            _insert(db, "span", _spans(batch, size))
        db.execute("UPDATE indexed SET size = ?", (size,))


def _insert(db: sqlite3.Connection, table: str, rows: Iterator[tuple[object, ...]]) -> None:
    first = next(rows, None)
    if first is not None:
        places = ",".join("?" * len(first))
        sql = f"INSERT INTO {table} VALUES ({places})"  # noqa: S608
        db.executemany(sql, chain([first], rows))


def _statements(batch: list[int], size: int) -> Iterator[tuple[object, ...]]:
    for n in batch:
        is_act = n % 10 == 0
        id_ = f"019ab0c4-0000-7000-8000-{n:012x}"
        kind = "act" if is_act else "evidence"
        stage, act = ("start", "case_filing") if is_act else ("investigate", None)
        device = None if is_act else _device(n)
        yield n, id_, kind, _agency(n), stage, act, f"{n:08}.mp4", 20_000_000, device, _at(n, size)


def _spans(batch: list[int], size: int) -> Iterator[tuple[object, ...]]:
    for n in batch:
        if n % 10:
            yield _agency(n), _at(n, size), _at(n, size) + 300_000, n, n


def _at(n: int, size: int) -> int:
    return BEGINS + n * YEAR_MS // size


def _case(n: int) -> str:
    return f"苏{n % AGENCIES:02}罚〔2026〕{n:06}号"


def _agency(n: int) -> str:
    return f"agency-{n // PER_CASE % AGENCIES:02}"


def _device(n: int) -> str:
    return f"BWC-{n % DEVICES:03}"


def _digest(n: int) -> str:
    return sha256(b"%d" % n).hexdigest()
