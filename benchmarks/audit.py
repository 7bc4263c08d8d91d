"""Recomputing a whole log, against the hashing that it cannot do without and against fsck."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks import peers
from benchmarks.ground import scratch
from benchmarks.measure import Ratio, Table, in_turn, seconds
from benchmarks.public_logs import LOG_KEY, LogOnDisk, entries, make_log
from cli.processes import spread
from ledger.audit import SPAN, audit_log
from ledger.report import Outcome
from ledger.spread import Spread
from ledger.tlog.audit import Part, check_parts, read_part
from ledger.tlog.tile import Tile, bundles_of
from storage.public_copy import DirectoryLog

KEY = "f"
LIMIT = "hashlib alone: leaves and nodes, one core"
TREE = "tree and tiles alone, as fsck checks them, one core"
TREE_ALL = "tree and tiles alone, as fsck checks them, all cores"
ONE = "tiezheng audit, one core"
ALL = "tiezheng audit, all cores"
FSCK = "Tessera's fsck, all cores"


def run(quick: bool) -> Table:
    sizes = (20_000,) if quick else (70_000, 1_000_000)
    program = peers.build()
    rows, ratios = [], []
    with ExitStack() as stack:
        for size in sizes:
            folder = stack.enter_context(scratch())
            log = make_log(folder, size)
            candidates: dict[str, Callable[[], float]] = {
                LIMIT: partial(_rate, size, partial(_hash, list(entries(min(size, 70_000))), size)),
                TREE: partial(_rate, size, partial(_tree, log, map)),
                TREE_ALL: partial(_rate, size, partial(_tree, log, spread)),
                ONE: partial(_rate, size, partial(_audit, log, map)),
                ALL: partial(_rate, size, partial(_audit, log, spread)),
            }
            if program is not None:
                candidates[FSCK] = partial(_fsck, size, program, folder)
            named = {f"{size:,} entries: {what}": run for what, run in candidates.items()}
            found = in_turn(1 if quick else 3, "entries/s", named)
            rows += found
            at = {row.what.partition(": ")[2]: row.median for row in found}
            ratios.append(Ratio(f"{size:,} entries: {ONE} ÷ hashlib", at[ONE] / at[LIMIT]))
            if program is not None:
                for what, goal in ((TREE_ALL, 1.0), (ALL, 1.0)):
                    ratio = at[what] / at[FSCK]
                    ratios.append(Ratio(f"{size:,} entries: {what} ÷ fsck", ratio, goal))
    return Table(
        key=KEY,
        title="Auditing a public log",
        rows=tuple(rows),
        ratios=tuple(ratios),
        notes=(
            "Entries of 311 bytes from the page cache. fsck compares tiles and root; the audit "
            "also holds every entry against its form, the order of its tags and of the times.",
            "Below 262,144 entries the audit stays in one process.",
            *(() if program is not None else (peers.MISSING,)),
        ),
    )


def _fsck(size: int, program: Path, folder: Path) -> float:
    return size / peers.fsck(program, folder, LOG_KEY.name, LOG_KEY.verifier.to_text())


def _rate(size: int, work: Callable[[], object]) -> float:
    return size / seconds(work)


def _hash(leaves: list[bytes], size: int) -> None:
    """As many hashes as a tree of `size` has, in the tightest loop that Python has."""
    begin_leaf, begin_node = hashlib.sha256(b"\0").copy, hashlib.sha256(b"\1").copy
    node = bytes(64)
    for start in range(0, size, len(leaves)):
        for leaf in leaves[: size - start]:
            hasher = begin_leaf()
            hasher.update(leaf)
            hasher.digest()
    for _ in range(size - 1):
        hasher = begin_node()
        hasher.update(node)
        hasher.digest()


def _tree(log: LogOnDisk, share: Spread) -> None:
    bundles = list(bundles_of(log.checkpoint.size))
    runs = [bundles[i : i + SPAN] for i in range(0, len(bundles), SPAN)]
    parts = [part for span in share(partial(_parts, log), runs) for part in span]
    check_parts(partial(_read, log), log.checkpoint, parts, tiles=True)


def _parts(log: LogOnDisk, bundles: Sequence[Tile]) -> list[Part]:
    return [read_part(partial(_read, log), bundle, tiles=True)[1] for bundle in bundles]


def _read(log: LogOnDisk, path: str) -> bytes:
    return DirectoryLog(log.folder).read("2026", path)


def _audit(log: LogOnDisk, share: Spread) -> None:
    audit = audit_log(DirectoryLog(log.folder), log.trusted, spread=share)
    # Without cosigners nothing is decided about the checkpoint; the rest must pass.
    if [f.outcome for f in audit.findings[1:]] != [Outcome.PASSED] * 2:
        raise RuntimeError(str(audit.findings))
