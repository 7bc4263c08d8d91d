"""A mirror catching up with a log, against curl and cp of the same files; its word on tags."""

import os
import secrets
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from logging import CRITICAL
from pathlib import Path

import structlog

from api.absences import MirroredLog
from api.clients.log_http import HttpLog
from api.following import FETCHES, Follower
from benchmarks.deposit import nginx_program, serving_files
from benchmarks.ground import scratch
from benchmarks.measure import Ratio, Row, Table, in_turn, seconds
from benchmarks.public_logs import LOG_KEY, LogOnDisk, make_log
from ledger.evidence.absence import tags_to_bytes
from ledger.evidence.entry import Entry
from ledger.evidence.series import LOOKAHEAD
from ledger.tlog.note import Algorithm
from ledger.tlog.signing_key import SigningKey
from ledger.tlog.tile import ENTRIES, Tile, bundles_of, entries_from_bytes, tiles_of
from storage.tag_index_sqlite import SqliteTagIndex

KEY = "k"
MIRROR = "tiezheng mirror: fetched, checked, tiles made, each file synced"
CURL = f"curl, {FETCHES} at once, every file, nothing checked or synced"
SYNCED = f"curl, {FETCHES} at once, every file, then sync"
COPY = "cp -r of the same files, nothing checked or synced"
INDEX = "index of tags, built from the copy"
ANSWER = "one absence statement, 65,538 tags, over {:,} entries"
SIGNER = SigningKey("mirror.example", Algorithm.ED25519, bytes([7] * 32))


def run(quick: bool) -> Table:
    size = 20_000 if quick else 1_000_000
    program = nginx_program()
    if program is None:
        raise RuntimeError("want nginx: it serves the log to all of them")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    with ExitStack() as stack:
        folder = stack.enter_context(scratch())
        nginx = stack.enter_context(serving_files(program, folder / "nginx"))
        log = make_log(folder / "nginx" / "files" / "log" / "2026", size)
        url = f"{nginx.url}/log/2026"
        urls = folder / "urls"
        urls.write_text("".join(_curl_lines(url, size)))
        rounds = 1 if quick else 3
        rows = in_turn(
            rounds,
            "entries/s",
            {
                MIRROR: lambda: _mirror(log, url, folder / "mirror"),
                CURL: lambda: _curl(urls, folder / "curl", size, synced=False),
                SYNCED: lambda: _curl(urls, folder / "curl", size, synced=True),
                COPY: lambda: _copy(log, folder / "copy"),
            },
        )
        told = _tags(log, url, folder / "mirror", rounds)
    return _table((*rows, *told), size)


@contextmanager
def _follower(url: str, target: Path) -> Iterator[Follower]:
    with closing(HttpLog(url)) as source:
        yield Follower(LOG_KEY.verifier, source, target)


def _mirror(log: LogOnDisk, url: str, target: Path) -> float:
    with _emptied(target), _follower(url, target) as follower:
        took = seconds(follower.step)
        if follower.kept != log.checkpoint:
            raise RuntimeError("the mirror did not come to the same tree")
    return log.checkpoint.size / took


def _curl_lines(url: str, size: int) -> Iterator[str]:
    for path in ["checkpoint", *(t.to_path() for t in (*tiles_of(size), *bundles_of(size)))]:
        yield f'url = "{url}/{path}"\noutput = "{path}"\n'


def _curl(urls: Path, target: Path, size: int, *, synced: bool) -> float:
    command = ["curl", "--no-progress-meter", "--fail", "--create-dirs", "--parallel"]
    command += ["--parallel-max", str(FETCHES), "--config", str(urls)]
    with _emptied(target):
        start = time.perf_counter()
        subprocess.run(command, check=True, cwd=target)
        if synced:
            subprocess.run(["sync", "--file-system", target], check=True)
        return size / (time.perf_counter() - start)


def _copy(log: LogOnDisk, target: Path) -> float:
    with _emptied(target):
        command = ["cp", "-r", log.folder, target]
        return log.checkpoint.size / seconds(lambda: subprocess.run(command, check=True))


@contextmanager
def _emptied(target: Path) -> Iterator[None]:
    """Nothing is there before; afterwards it stays, until the next run."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    os.sync()
    yield


def _tags(log: LogOnDisk, url: str, target: Path, rounds: int) -> tuple[Row, Row]:
    built, answered = [], []
    first = log.folder / Tile(ENTRIES, 0).to_path()
    two = [Entry.from_bytes(e).tags[0] for e in entries_from_bytes(first.read_bytes(), 256)[:2]]
    with _follower(url, target) as follower:
        for _ in range(rounds):
            path = target.with_name("tags.sqlite")
            path.unlink(missing_ok=True)
            with closing(SqliteTagIndex(path)) as index:
                mirrored = MirroredLog(follower, index, SIGNER)
                built.append(log.checkpoint.size / seconds(mirrored.catch_up))
                times = []
                for _ in range(5):
                    # Others each time, as of other series.
                    asked = [*two, *(secrets.token_bytes(16) for _ in range(LOOKAHEAD))]
                    question = tags_to_bytes(asked)
                    times.append(seconds(mirrored.say, log.checkpoint.size, question) * 1000)
                answered.append(statistics.median(times))
    what = ANSWER.format(log.checkpoint.size)
    return Row(INDEX, "entries/s", tuple(built)), Row(what, "ms", tuple(answered))


def _table(rows: tuple[Row, ...], size: int) -> Table:
    table = Table(key=KEY, title="", rows=rows)
    mirror = table.median(MIRROR)
    return Table(
        key=KEY,
        title="Mirroring",
        rows=rows,
        ratios=(
            Ratio("mirror ÷ curl", mirror / table.median(CURL)),
            Ratio("mirror ÷ curl and sync", mirror / table.median(SYNCED)),
            Ratio("mirror ÷ cp", mirror / table.median(COPY)),
        ),
        notes=(
            f"A log of {size:,} entries of 311 bytes, served by nginx over loopback from the page "
            f"cache; {FETCHES} files at once. curl fetches every file; the mirror fetches bundles "
            "and the tiles above the lowest, and makes the others from the entries.",
            "The mirror syncs each file before it shows the checkpoint; sync after curl is one "
            "call for the whole file system.",
            "An absence statement: 65,536 tags that stand nowhere and two that do, looked up in "
            "the index, the two entries read, the root of the tree computed, signed; in process.",
        ),
    )
