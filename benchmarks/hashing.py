"""Hashing an item: both digests in one pass, and the chunk tree alone, against openssl."""

import hashlib
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from api.clients.filing import read_source
from benchmarks.ground import BLOCK, GIB, MB, fill, openssl_dgst, read_once, scratch
from benchmarks.measure import Candidate, Ratio, Table, in_turn, seconds
from ledger.evidence.chunks import CHUNK_SIZE, ChunkTree, ItemHasher
from ledger.tlog.merkle import root_of

KEY = "a"
OPENSSL = "openssl dgst -sha256"
BOTH = "both digests, as deposit reads a file"
BOTH_ALONE = "both digests, one thread"
TREE = "chunk tree alone, 1 thread"
TREE_TWO = "chunk tree alone, 2 threads"
LIMIT = "SHA-256 of memory, 1 thread (the limit)"
LIMIT_TWO = "SHA-256 of memory, 2 threads (the limit)"


def run(quick: bool) -> Table:
    size = GIB >> 4 if quick else GIB
    with scratch() as folder:
        path = fill(folder / "item", size)
        read_once(path)
        works: dict[str, Callable[[], object]] = {
            BOTH: lambda: read_source(path, lambda n: None),
            BOTH_ALONE: lambda: _both(path),
            TREE: lambda: _tree(path, size, 1),
            TREE_TWO: lambda: _tree(path, size, 2),
            LIMIT: lambda: _memory(size, 1),
            LIMIT_TWO: lambda: _memory(size, 2),
        }
        if shutil.which("openssl"):
            works = {OPENSSL: lambda: openssl_dgst(path), **works}
        rows = in_turn(1 if quick else 5, "MB/s", {n: _rate(w, size) for n, w in works.items()})
    table = Table(
        key=KEY,
        title=f"Hashing a cached file of {size >> 20:,} MiB",
        rows=rows,
        notes=(
            "Both digests are SHA-256 of the file and of its 256 KiB chunks: twice the work of "
            "openssl, on two threads. Two threads of hashlib over memory are the limit of that.",
            "No check of this program is content with the chunk tree alone; the row says what "
            "checking a part of a file costs.",
            *(() if OPENSSL in works else ("openssl is missing here: no ratios.",)),
        ),
    )
    if OPENSSL not in works:
        return table
    return _with_ratios(table)


def _with_ratios(table: Table) -> Table:
    yardstick = table.median(OPENSSL)
    return Table(
        key=table.key,
        title=table.title,
        rows=table.rows,
        notes=table.notes,
        ratios=(
            Ratio("both digests ÷ openssl", table.median(BOTH) / yardstick, 1.2),
            Ratio("chunk tree, 2 threads ÷ openssl", table.median(TREE_TWO) / yardstick, 1.8),
            Ratio("half the limit of 2 threads ÷ openssl", table.median(LIMIT_TWO) / 2 / yardstick),
        ),
    )


def _rate(work: Callable[[], object], size: int) -> Candidate:
    return lambda: size / seconds(work) / MB


def _both(path: Path) -> None:
    hasher = ItemHasher()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(BLOCK):
            hasher.update(piece)
    hasher.finish()


def _tree(path: Path, size: int, threads: int) -> bytes:
    """Every thread takes a range of whole chunks."""
    share = -(-size // threads // CHUNK_SIZE) * CHUNK_SIZE
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(lambda start: _leaves(path, start, share), range(0, size, share))
        return root_of([leaf for part in parts for leaf in part])


def _leaves(path: Path, start: int, count: int) -> list[bytes]:
    tree = ChunkTree()
    buffer = memoryview(bytearray(BLOCK))
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), start, count, os.POSIX_FADV_SEQUENTIAL)
        file.seek(start)
        left = count
        while left and (got := file.readinto(buffer[:left])):
            tree.update(buffer[:got])
            left -= got
    return tree.leaves


def _memory(size: int, threads: int) -> None:
    def work(_: int) -> None:
        block = bytes(BLOCK)
        whole = hashlib.sha256()
        for _ in range(size // threads // BLOCK):
            whole.update(block)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
